/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"
#include "tests/unit/said.h"

static const struct {
	const char *text, *printable;
} rows[] = {
	/* Visible characters stay. */
	{ "", "" },
	{ "plain ~!\"\\'", "plain ~!\"\\'" },
	{ "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xce\xb1\xce\xb2 \xf0\x9f\x94\x92",
	  "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xce\xb1\xce\xb2 \xf0\x9f\x94\x92" },
	{ "\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbd", "\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4"
							      "\x8f\xbf\xbd" },
	/* C0 and DEL. */
	{ "\x1b[31mred\x1b]0;title\x07", "?[31mred?]0;title?" },
	{ "a\nb\tc\rd\x7f\x01", "a?b?c?d??" },
	/* C1, as UTF-8 and as bytes. */
	{ "\xc2\x9b"
	  "31m\xc2\x80\xc2\x9f",
	  "?31m??" },
	{ "\x9b"
	  "31m",
	  "?31m" },
	/* Direction: embeddings, overrides, isolates, marks. */
	{ "\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae", "?????" },
	{ "\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9", "????" },
	{ "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "???" },
	/* Line separators, and invisible characters. */
	{ "a\xe2\x80\xa8"
	  "b\xe2\x80\xa9"
	  "c",
	  "a?b?c" },
	{ "ad\xe2\x80\x8bmin\xe2\x80\x8c\xe2\x80\x8d\xef\xbb\xbf\xc2\xad\xe2\x81\xa0", "ad?min????"
										       "?" },
	{ "\xf3\xa0\x80\x81\xf3\xa0\x81\xbf\xef\xb8\x8f\xe3\x85\xa4", "????" },
	{ "\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe\xef\xb7\x90\xef\xbf\xb9", "?????" },
	/* Marks that go round the digits behind them. */
	{ "\xd8\x80\xdb\x9d\xdc\x8f\xe0\xa2\x90\xe0\xa3\xa2\xf0\x91\x82\xbd\xf0\x93\x90\xb0",
	  "???????" },
	/* Not UTF-8: overlong, surrogates, too far, cut, invalid bytes. */
	{ "\xc0\xaf\xc1\x9b\xe0\x80\x9b\xf0\x80\x80\x9b", "???????????" },
	{ "\xed\xa0\x80\xed\xbf\xbf", "??????" },
	{ "\xf4\x90\x80\x80\xf8\x88\x80\x80\x80\xff\xfe", "???????????" },
	{ "a\xe2\x82", "a??" },
	{ "\xc3", "?" },
	{ "\xc3(\xe2\x28\xa1", "?(?(?" },
	/* Half a character must not swallow what follows. */
	{ "\xe2\x80\x1b[31m\xf0\x9f\x1b", "???[31m???" },
};

static void test_make_printable(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[128];

		strcpy(text, rows[i].text);
		make_printable(text);
		assert_string_equal(text, rows[i].printable);
		make_printable(text);
		assert_string_equal(text, rows[i].printable);
	}
}

/* Each character is hidden or not, and none is listed twice. */
static void test_every_character(void **state)
{
	unsigned n_hidden = 0;

	for (uint32_t c = 1; c < 0x110000; c++) {
		char text[8] = "";
		uint32_t back;
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (len == 1)
			text[0] = (char)c;
		for (size_t i = len; len > 1 && i-- > 0;)
			text[i] = i > 0 ? (char)(0x80 | (c >> (6 * (len - 1 - i)) & 0x3f)) :
					  (char)((0xf00u >> len & 0xff) | c >> (6 * (len - 1)));
		if (c >= 0xd800 && c <= 0xdfff) {
			assert_int_equal(utf8_next(text, len, &back), 0);
			continue;
		}
		assert_int_equal(utf8_next(text, len, &back), len);
		assert_int_equal(back, c);
		assert_int_equal(utf8_next(text, len - 1, &back), 0);
		make_printable(text);
		n_hidden += character_is_hidden(c);
		assert_true(character_is_hidden(c) ? streq(text, "?") : strlen(text) == len);
	}
	assert_true(n_hidden > 4096 && n_hidden < 4500);
}

/* Returns what @say wrote to @f. */
static char *said_on(FILE *f, void (*say)(const char *), const char *text)
{
	static struct said s;

	said_begin(&s, f);
	say(text);
	return said_end(&s);
}

static void say_line(const char *text)
{
	print("Type: %s\nVerdict: %s\n", "snp", text);
}

static void say_part(const char *text)
{
	print("%s, ", text);
}

static void say_json(const char *text)
{
	assert_int_equal(print_json_text(text), 0);
}

static void say_coloured(const char *text)
{
	text_set_colours(TEXT_COLOURS_ALWAYS);
	print_coloured(TEXT_RED, text);
	text_set_colours(TEXT_COLOURS_NEVER);
	print_coloured(TEXT_RED, text);
	text_set_colours(TEXT_COLOURS_AUTO);
}

static void say_marked(const char *text)
{
	static const struct text_mark marks[] = {
		{ "\"what\":\"bad\"", TEXT_RED },
		{ "\"what\":\"good\"", TEXT_GREEN },
	};

	text_set_colours(TEXT_COLOURS_ALWAYS);
	assert_int_equal(print_json_marked(text, marks, ARRAY_SIZE(marks)), 0);
	text_set_colours(TEXT_COLOURS_AUTO);
}

static void test_colours(void **state)
{
	assert_string_equal(said_on(stdout, say_coloured, "good"), "\x1b[31mgood\x1b[0mgood");
	/* A word that is somebody else's ends no colour, and has none of its own. */
	assert_string_equal(said_on(stdout, say_coloured, "a\x1b[0m\nb\xc2\x9b"),
			    "\x1b[31ma?[0m?b?\x1b[0ma?[0m?b?");
	assert_string_equal(said_on(stdout, say_marked, "{\"what\":\"good\",\"a\":1}"),
			    "{\x1b[32m\"what\":\"good\"\x1b[0m,\"a\":1}\n");
	assert_string_equal(said_on(stdout, say_marked,
				    "{\"a\":\"\\\"what\\\":\\\"bad\\\"\x1b[0m\","
				    "\"what\":\"good\"}"),
			    "{\"a\":\"\\\"what\\\":\\\"bad\\\"\\u001b[0m\","
			    "\x1b[32m\"what\":\"good\"\x1b[0m}\n");
	assert_string_equal(said_on(stdout, say_marked, "{\"what\":\"other\"}"),
			    "{\"what\":\"other\"}\n");
	assert_int_equal(print_json_marked(NULL, NULL, 0), -ENOMEM);
}

static void say_log(const char *text)
{
	(void) log_full(LOG_ERR, 0, "Volume '%s'", text);
}

static void test_print(void **state)
{
	static char longest[20000];
	char *said;

	assert_string_equal(said_on(stdout, say_line, "good"), "Type: snp\nVerdict: good\n");
	assert_string_equal(said_on(stdout, say_line, "\x1b[2J\xc2\x9b"),
			    "Type: snp\nVerdict: ?[2J?\n");
	/* Somebody else's newline does not begin a line of ours. */
	assert_string_equal(said_on(stdout, say_line, "x\nVerdict: ACCEPTED"),
			    "Type: snp?Verdict: x?Verdict: ACCEPTED\n");
	assert_string_equal(said_on(stdout, say_part, "x\n"), "x?, ");
	memset(longest, '\n', sizeof(longest) - 1);
	said = said_on(stdout, say_line, longest);
	assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
	assert_int_equal(strlen(said), 16384);
}

static void test_json(void **state)
{
	assert_string_equal(said_on(stdout, say_json, "{\n\t\"a\": \"caf\xc3\xa9\"\n}"),
			    "{\n\t\"a\": \"caf\xc3\xa9\"\n}\n");
	assert_string_equal(said_on(stdout, say_json,
				    "\"\xc2\x9b"
				    "31m\x7f\xe2\x80\xae\""),
			    "\"\\u009b31m\\u007f\\u202e\"\n");
	assert_string_equal(said_on(stdout, say_json, "\"\xf3\xa0\x80\x81\""),
			    "\"\\udb40\\udc01\"\n");
	assert_string_equal(said_on(stdout, say_json, "\"\xff\xed\xa0\x80\""),
			    "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n");
}

/* There is room for the escapes of every text, also if it has nothing else. */
static void test_json_room(void **state)
{
	static const char *const characters[] = { "\x7f", "\xff", "\xc2\x9b", "\xe2\x80\xae",
						  "\xf3\xa0\x80\x81", "x" };

	for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
		char json[64 * 4 + 1] = "";

		for (size_t n = 0; n < 64; n++) {
			char *text;

			strcat(json, characters[i]);
			text = json_text_printable(json);
			assert_non_null(text);
			assert_true(malloc_usable_size(text) > strlen(text));
			free(text);
		}
	}
}

/* The log does this by itself. */
static void test_log(void **state)
{
	static char longest[5000];
	char *said;

	log_open("test");
	assert_string_equal(said_on(stderr, say_log, "caf\xc3\xa9"),
			    "test: Volume 'caf\xc3\xa9'\n");
	assert_string_equal(said_on(stderr, say_log,
				    "\x1b[31m\ncocod: The gate is open\xc2\x9b\xe2\x80\xae"),
			    "test: Volume '?[31m?cocod: The gate is open?\?'\n");
	/* Cut in the middle of a character. */
	for (size_t i = 0; i + 2 < sizeof(longest); i += 2)
		memcpy(longest + i, "\xc3\xa9", 2);
	for (int i = 0; i < 2; i++) {
		said = said_on(stderr, say_log, longest + 2 * i);
		assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
		said[strlen(said) - 1] = '\0';
		for (size_t n = 0, len = strlen(said); n < len;) {
			uint32_t c;
			size_t step = utf8_next(said + n, len - n, &c);

			assert_true(step > 0);
			n += step;
		}
		longest[0] = 'x';
		memmove(longest + 1, longest + 2, sizeof(longest) - 2);
	}
}

static void test_list(void **state)
{
	char list[12] = "";

	list_add_word(list, sizeof(list), "one");
	assert_string_equal(list, "one");
	list_add_word(list, sizeof(list), "two");
	assert_string_equal(list, "one, two");
	/* What has no room is cut, and what comes then changes nothing. */
	list_add_word(list, sizeof(list), "three");
	assert_string_equal(list, "one, two, t");
	list_add_word(list, sizeof(list), "four");
	assert_string_equal(list, "one, two, t");
}

static void test_words(void **state)
{
	(void) state;
	assert_true(text_has_word("pt", ",", "pt"));
	assert_true(text_has_word("nopt,pt", ",", "pt"));
	assert_true(text_has_word(",,pt,", ",", "pt"));
	assert_true(text_has_word("flags\t\t: fpu pt", " \t:", "pt"));
	assert_false(text_has_word("nopt,ptx", ",", "pt"));
	assert_false(text_has_word("a pt", ",", "pt"));
	assert_false(text_has_word("", ",", "pt"));
	assert_false(text_has_word(",,", ",", ""));
	assert_false(text_has_word("", ",", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_printable),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_room),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
