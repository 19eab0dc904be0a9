/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/jspan.h"

#include <cmocka.h>

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* In a block of exactly that length, so that a sanitizer sees the first byte read past its end. */
static int check_len(const char *s, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct bytes value;
	int r;

	assert_non_null(exact);
	memcpy(exact, s, len);
	r = jspan_check((struct bytes){ exact, len }, &value);
	if (r == 0)
		assert_true(value.p >= exact && value.p + value.len <= exact + len);
	free(exact);
	return r;
}

static int check(const char *s)
{
	return check_len(s, strlen(s));
}

static void test_good(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" {\t} \r\n",
		"\"\"",
		"0",
		"-0",
		"1.5e-3",
		"12E+4",
		"true",
		"false",
		"null",
		"[1, 2 ,[3]]",
		"{\"a\":{\"a\":[{\"a\":1}]},\"b\":\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
		"\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(check(good[i]), 0);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"{]",
		"[}",
		"{} {}",
		"{}x",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{\"a\" 1}",
		"{a:1}",
		"{'a':1}",
		"{1:1}",
		"\"",
		"\"a",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12g4\"",
		"\"\\u12\"",
		"\"\t\"",
		"01",
		"-",
		"+1",
		"1.",
		".5",
		"1e",
		"1e+",
		"0x1",
		"tru",
		"True",
		"nul",
		"NaN",
		"Infinity",
		"/* */1",
		"[1]//",
		"\"\\",
		/* the same member twice, also with another spelling of its name */
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"b\":2,\"a\":1}",
		"{\"b\":{\"a\":1,\"a\":2}}",
		"[{\"a\":1,\"a\":2}]",
		"{\"\\u0061\":1}",
		/* not UTF-8: cut, alone, too long, surrogate, too high */
		"\"\xc3\"",
		"\"\xa9\"",
		"\"\xc0\x80\"",
		"\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xff\"",
		"\xef\xbb\xbf{}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(check(bad[i]), -EBADMSG);
	assert_int_equal(check_len("{}\0", 3), -EBADMSG);
	assert_int_equal(check_len("\"a\0b\"", 5), -EBADMSG);
}

static void test_cut(void **state)
{
	static const char whole[] = "{\"a\":[1,{\"b\":\"c\\u00e9\"},true,null],\"d\":-1.5e3}";

	for (size_t len = 0; len < strlen(whole); len++)
		assert_int_equal(check_len(whole, len), -EBADMSG);
	assert_int_equal(check(whole), 0);
}

static void test_caps(void **state)
{
	char deep[2 * JSPAN_DEPTH_MAX + 3], wide[JSPAN_MEMBERS_MAX * 16 + 64];
	size_t n = 1;

	for (int depth = 1; depth <= JSPAN_DEPTH_MAX + 1; depth++) {
		memset(deep, '[', (size_t)depth);
		memset(deep + depth, ']', (size_t)depth);
		deep[2 * depth] = '\0';
		assert_int_equal(check(deep), depth <= JSPAN_DEPTH_MAX ? 0 : -EMSGSIZE);
	}
	wide[0] = '{';
	for (int i = 0; i <= JSPAN_MEMBERS_MAX; i++) {
		n += (size_t)snprintf(wide + n, sizeof(wide) - n, "%s\"%d\":0", i ? "," : "", i);
		snprintf(wide + n, sizeof(wide) - n, "}");
		assert_int_equal(check(wide), i < JSPAN_MEMBERS_MAX ? 0 : -EMSGSIZE);
	}
}

/*
 * Strings are read eight bytes at a time: each byte at each place of strings of each length, with
 * each of these before it, is taken as by itself.
 */
static void test_string_bytes(void **state)
{
	static const char fill[] = { 'a', ' ', 0x7f };
	struct bytes value, got;
	char s[40];

	for (size_t f = 0; f < sizeof(fill); f++)
		for (size_t len = 1; len < 20; len++)
			for (size_t at = 0; at < len; at++)
				for (int c = 0; c < 256; c++) {
					bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

					memset(s, fill[f], sizeof(s));
					s[0] = s[len + 1] = '"';
					s[1 + at] = (char)c;
					/* Then a backslash escapes the quote at the end. */
					if (c == '\\' && at + 1 < len)
						s[2 + at] = 'n';
					assert_int_equal(check_len(s, len + 2),
							 plain || (c == '\\' && at + 1 < len) ?
								 0 :
								 -EBADMSG);
					if (!plain)
						continue;
					got = (struct bytes){ (const uint8_t *)s, len + 2 };
					assert_int_equal(jspan_check(got, &value), 0);
					assert_int_equal(value.len, len + 2);
				}
}

/* The same for reading, and for names, beside which other strings stand. */
static void test_string_skipped(void **state)
{
	static const char *const tricky[] = {
		"\\\"",	    "\\\\", "\\\\\\\"", "\\u0022", "\xc3\xa9",
		"\xf0\x9f\x98\x80", "]",	  "}",	      "\x7f",	   "",
	};
	char s[160], want[64];

	for (size_t i = 0; i < sizeof(tricky) / sizeof(tricky[0]); i++)
		for (int before = 0; before < 18; before++)
			for (int after = 0; after < 10; after++) {
				struct bytes v, it, name, value;
				int n = snprintf(want, sizeof(want), "\"%.*s%s%.*s\"", before,
						 "abcdefghijklmnopqrstuvwxyz", tricky[i], after,
						 "0123456789");

				(void) snprintf(s, sizeof(s), "[%s,{\"%.*s\" :%s},7]", want, before,
						"abcdefghijklmnopqrstuvwxyz", want);
				assert_int_equal(jspan_check(text(s), &v), 0);
				it = v;
				assert_int_equal(jspan_next_element(&it, &value), 1);
				assert_int_equal(value.len, n);
				assert_memory_equal(value.p, want, n);
				assert_int_equal(jspan_next_element(&it, &v), 1);
				assert_int_equal(jspan_next_member(&v, &name, &value), 1);
				assert_int_equal(name.len, before);
				assert_int_equal(value.len, n);
				assert_memory_equal(value.p, want, n);
				assert_int_equal(jspan_next_member(&v, &name, &value), 0);
				assert_int_equal(jspan_next_element(&it, &value), 1);
				assert_memory_equal(value.p, "7", 1);
			}
}

static void test_check_members(void **state)
{
	static const char *const none[] = { "[{\"a\":1}]", "1", "\"{}\"", " {} " };
	struct jspan_member m[2];
	unsigned n;

	assert_int_equal(jspan_check_members(text(" {\"a\" : {\"c\":[1]} ,\"b\":7 } "), m, 2, &n),
			 0);
	assert_int_equal(n, 2);
	assert_memory_equal(m[0].name.p, "a", 1);
	assert_int_equal(m[0].name.len, 1);
	assert_int_equal(m[0].value.len, strlen("{\"c\":[1]}"));
	assert_memory_equal(m[0].value.p, "{\"c\":[1]}", m[0].value.len);
	assert_int_equal(m[1].name.len, 1);
	assert_int_equal(m[1].value.len, 1);
	assert_memory_equal(m[1].value.p, "7", 1);
	/* More than there is room for are counted. */
	assert_int_equal(jspan_check_members(text("{\"a\":1,\"b\":2,\"c\":3}"), m, 2, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(jspan_check_members(text(none[i]), m, 2, &n), 0);
		assert_int_equal(n, 0);
	}
	/* What jspan_check() refuses, this does. */
	assert_int_equal(jspan_check_members(text("{\"a\":1,\"a\":2}"), m, 2, &n), -EBADMSG);
	assert_int_equal(jspan_check_members(text("{\"a\":1} 2"), m, 2, &n), -EBADMSG);
	assert_int_equal(jspan_check_members(text("{\"a\":{\"b\":}}"), m, 2, &n), -EBADMSG);
	assert_int_equal(jspan_check_members(text(""), m, 2, &n), -EBADMSG);
}

static void test_walk(void **state)
{
	struct bytes v, it, name, value;
	uint64_t n;

	assert_int_equal(jspan_check(text(" {\"a\": [1 , \"]\\\"\" ], \"bc\" "
					  ":{\"x\":{}},\"d\":7} "),
				     &v),
			 0);
	assert_int_equal(jspan_type(v), JSPAN_OBJECT);
	it = v;
	assert_int_equal(jspan_next_member(&it, &name, &value), 1);
	assert_int_equal(name.len, 1);
	assert_int_equal(jspan_type(value), JSPAN_ARRAY);
	assert_int_equal(jspan_next_member(&it, &name, &value), 1);
	assert_memory_equal(name.p, "bc", 2);
	assert_int_equal(value.len, strlen("{\"x\":{}}"));
	assert_memory_equal(value.p, "{\"x\":{}}", value.len);
	assert_int_equal(jspan_next_member(&it, &name, &value), 1);
	assert_int_equal(jspan_next_member(&it, &name, &value), 0);
	assert_int_equal(jspan_next_member(&it, &name, &value), 0);

	assert_int_equal(jspan_member(v, "a", &it), 0);
	assert_int_equal(jspan_next_element(&it, &value), 1);
	assert_int_equal(jspan_uint(value, 9, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(jspan_next_element(&it, &value), 1);
	assert_int_equal(jspan_type(value), JSPAN_STRING);
	assert_int_equal(jspan_text(value, &name), -EBADMSG);	/* the string has an escape */
	assert_int_equal(jspan_next_element(&it, &value), 0);

	assert_int_equal(jspan_member(v, "x", &value), -ENOENT);
	assert_int_equal(jspan_member(text("[1]"), "x", &value), -EBADMSG);
	it = text("7");
	assert_int_equal(jspan_next_element(&it, &value), -EBADMSG);
}

static void test_values(void **state)
{
	uint8_t hex[2];
	uint64_t n;

	assert_int_equal(jspan_uint(text("18446744073709551615"), UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(jspan_uint(text("18446744073709551616"), UINT64_MAX, &n), -ERANGE);
	assert_int_equal(jspan_uint(text("99999999999999999999999999"), UINT64_MAX, &n), -ERANGE);
	assert_int_equal(jspan_uint(text("256"), 255, &n), -ERANGE);
	assert_int_equal(jspan_uint(text("-1"), 255, &n), -EBADMSG);
	assert_int_equal(jspan_uint(text("1.0"), 255, &n), -EBADMSG);
	assert_int_equal(jspan_uint(text("1e2"), 255, &n), -EBADMSG);
	assert_int_equal(jspan_uint(text("\"1\""), 255, &n), -EBADMSG);

	assert_int_equal(jspan_hex(text("\"aBc0\""), hex, 2), 0);
	assert_int_equal(hex[0], 0xab);
	assert_int_equal(hex[1], 0xc0);
	assert_int_equal(jspan_hex(text("\"aBc\""), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("\"aBc00\""), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("\"aBc000\""), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("\"aBcg\""), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("\"0x00\""), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("1234"), hex, 2), -EBADMSG);
	/* A value of an unchecked text. */
	assert_int_equal(jspan_hex(text("\"aBc00"), hex, 2), -EBADMSG);
	assert_int_equal(jspan_hex(text("\""), hex, 0), -EBADMSG);
	assert_true(jspan_text_is(text("\"TDX\""), "TDX"));
	assert_false(jspan_text_is(text("\"TDX_\""), "TDX"));
	assert_false(jspan_text_is(text("\"TD\""), "TDX"));
}

/* In blocks of exactly their lengths, so that a sanitizer sees the first byte past either end. */
static int meaning(const char *s, char **ret, size_t *ret_len)
{
	size_t len = strlen(s);
	uint8_t *exact = malloc(len ? len : 1);
	char *out = malloc(len > 1 ? len - 1 : 1);
	int r;

	assert_non_null(exact);
	assert_non_null(out);
	memcpy(exact, s, len);
	r = jspan_string((struct bytes){ exact, len }, out, len > 1 ? len - 1 : 1, ret_len);
	free(exact);
	if (r < 0)
		free(out);
	else
		*ret = out;
	return r;
}

static void test_string(void **state)
{
	static const char *const good[][2] = {
		{ "\"\"", "" },
		{ "\"caf\xc3\xa9\"", "caf\xc3\xa9" },
		{ "\"caf\\u00e9\"", "caf\xc3\xa9" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uD7FF\\ue000\\uffff\"",
		  "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf" },
		{ "\"\\ud800\\udc00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	};
	static const char *const bad[] = {
		"",
		"\"",
		"1",
		"{}",
		"null",
		"\"\\u0000\"",
		"\"\\ud800\"",
		"\"\\ud800x\"",
		"\"\\ud800\\n\"",
		"\"\\ud800\\ud800\"",
		"\"\\udc00\"",
		"\"\\udc00\\ud800\"",
		"\"\\ud800\\ue000\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\x\"",
	};
	size_t len;
	char *got;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(meaning(good[i][0], &got, &len), 0);
		assert_string_equal(got, good[i][1]);
		assert_int_equal(len, strlen(good[i][1]));
		free(got);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(meaning(bad[i], &got, &len), -EBADMSG);
	assert_int_equal(jspan_string(text("\"abc\""), (char[3]){ 0 }, 3, &len), -EMSGSIZE);
}

static void test_member_string(void **state)
{
	struct bytes o = text("{\"a\":\"x\\u0041\",\"b\":\"a\\u0000\",\"c\":1,\"d\":\"abc\"}");
	char got[7] = "";

	assert_int_equal(jspan_member_string(o, "a", got, sizeof(got)), -EBADMSG);
	assert_int_equal(jspan_member_string(o, "d", got, sizeof(got)), 0);
	assert_string_equal(got, "abc");
	assert_int_equal(jspan_member_string(o, "d", got, 3), -EBADMSG);
	assert_int_equal(jspan_member_string(o, "e", got, sizeof(got)), -ENOENT);
	for (const char *name = "bc"; *name; name++)
		assert_int_equal(jspan_member_string(o, (char[]){ *name, 0 }, got, sizeof(got)),
				 -EBADMSG);
	assert_int_equal(jspan_member_string(text("[]"), "a", got, sizeof(got)), -EBADMSG);
	{
		char room[8];

		assert_int_equal(jspan_member_string(o, "a", room, sizeof(room)), 0);
		assert_string_equal(room, "xA");
	}
}

static void test_time(void **state)
{
	static const char *const bad[] = {
		"\"2026-01-31\"",
		"\"2026-01-31T12:00:00\"",
		"\"2026-01-31T12:00:00z\"",
		"\"2026-1-31T12:00:000Z\"",
		"\"2026-13-31T12:00:00Z\"",
		"\"2026-00-31T12:00:00Z\"",
		"\"2026-02-29T12:00:00Z\"",
		"\"2026-01-00T12:00:00Z\"",
		"\"2026-01-31T24:00:00Z\"",
		"\"2026-01-31T12:60:00Z\"",
		"\"2026-01-31T12:00:60Z\"",
		"\"0000-01-31T12:00:00Z\"",
		"\"2026-01-31T12:00:00+01\"",
		"2026",
	};
	char buf[64];
	int64_t t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(jspan_time(text(bad[i]), &t), -EBADMSG);
	/* Each day of four centuries, compared with the C library. */
	for (int64_t day = -3653; day < 143000; day++) {
		time_t want = day * 86400 + day % 86400;
		struct tm tm;

		assert_non_null(gmtime_r(&want, &tm));
		assert_true(strftime(buf, sizeof(buf), "\"%Y-%m-%dT%H:%M:%SZ\"", &tm) > 0);
		assert_int_equal(jspan_time(text(buf), &t), 0);
		assert_int_equal(t, want);
	}
}

struct pair {
	uint64_t a, b;
};

static int read_u64(struct bytes value, void *ret)
{
	return jspan_uint(value, UINT64_MAX, ret);
}

static void test_object_read(void **state)
{
	static const struct jspan_field fields[] = {
		{ "a", read_u64, offsetof(struct pair, a) },
		{ "b", read_u64, offsetof(struct pair, b), .optional = true },
		{ NULL },
	};
	const struct jspan_field *at;
	struct pair p = { 0 };

	assert_int_equal(jspan_object_read(text("{\"b\":2,\"a\":1}"), fields, true, &p, &at), 0);
	assert_int_equal(p.a, 1);
	assert_int_equal(p.b, 2);
	assert_int_equal(jspan_object_read(text("{\"a\":3,\"c\":1}"), fields, false, &p, NULL), 0);
	assert_int_equal(p.a, 3);
	assert_int_equal(jspan_object_read(text("{\"a\":3,\"c\":1}"), fields, true, &p, NULL),
			 -EBADMSG);
	assert_int_equal(jspan_object_read(text("{\"b\":3}"), fields, true, &p, &at), -ENOENT);
	assert_string_equal(at->name, "a");
	assert_int_equal(jspan_object_read(text("{\"a\":3,\"b\":-3}"), fields, true, &p, &at),
			 -EBADMSG);
	assert_string_equal(at->name, "b");
	assert_int_equal(jspan_object_read(text("[]"), fields, true, &p, &at), -EBADMSG);
	assert_null(at);
}

static void test_readers_of_bytes(void **state)
{
	static const struct jspan_field fields[] = {
		{ "value", jspan_read_value, 0 },
		{ "text", jspan_read_text, sizeof(struct bytes) },
		{ NULL },
	};
	const struct jspan_field *at;
	struct bytes found[2];

	assert_int_equal(jspan_object_read(text("{\"value\":[1, 2],\"text\":\"abc\"}"), fields,
					   true, found, &at),
			 0);
	assert_int_equal(found[0].len, 6);
	assert_memory_equal(found[0].p, "[1, 2]", 6);
	assert_int_equal(found[1].len, 3);
	assert_memory_equal(found[1].p, "abc", 3);
	assert_int_equal(jspan_object_read(text("{\"value\":1,\"text\":2}"), fields, true, found,
					   &at),
			 -EBADMSG);
	assert_string_equal(at->name, "text");
}

/* ---- values that are read where they are ---- */

static int read_n(struct bytes value, void *ret)
{
	return jspan_uint(value, 1000, ret);
}

static int take_inner(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = { { "n", read_n, 0 }, { NULL } };

	/* At the value, not at blanks before it, so that its bytes can be kept. */
	assert_false(b->len > 0 && b->p[0] == ' ');
	return jspan_object_take(b, fields, /* closed= */ false, ret, NULL);
}

static int take_list(struct bytes *b, void *ret)
{
	uint64_t *sum = ret, n;
	int r;

	while ((r = jspan_at_element(b)) > 0) {
		r = take_inner(b, &n);
		if (r < 0)
			return r;
		*sum += n;
	}
	return r;
}

struct taken {
	uint64_t list, inner, last;
};

static const struct jspan_field taken_fields[] = {
	{ "list", NULL, offsetof(struct taken, list), .take = take_list },
	{ "inner", NULL, offsetof(struct taken, inner), .take = take_inner },
	{ "last", read_n, offsetof(struct taken, last) },
	{ NULL },
};

static void test_take(void **state)
{
	static const char *const same[] = {
		"{\"list\":[{\"n\":1},{\"n\":2}],\"inner\":{\"n\":4},\"last\":8} rest",
		" { \"last\" : 8 , \"inner\" : { \"n\" : 4 } , \"list\" : [ {\"n\":3} ] } rest",
		("{\"x\":[[{}]],\"list\":[{\"y\":\"]}\",\"n\":3,\"z\":{\"n\":9}}],"
		 "\"inner\":{\"\":[],\"n\":4,\"m\":\"\\\\\"},\"last\":8,\"t\":\"\\\"}\"} rest"),
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct taken t = { 0 };
		struct bytes b = text(same[i]);

		assert_int_equal(jspan_object_take(&b, taken_fields, false, &t, NULL), 0);
		assert_true(t.list == 3 && t.inner == 4 && t.last == 8);
		/* Behind the object, and not a byte further. */
		assert_int_equal(b.len, 5);
		assert_memory_equal(b.p, " rest", 5);
		t = (struct taken){ 0 };
		assert_int_equal(jspan_object_read(text(same[i]), taken_fields, false, &t, NULL),
				 0);
		assert_true(t.list == 3 && t.inner == 4 && t.last == 8);
	}
}

/* Another type than the row's reader takes, or an element of another. */
static void test_take_refused(void **state)
{
	static const char *const values[] = { "1", "null", "\"x\"", "true", "{}", "[[]]", "[1]",
					      "[{}]", "[{\"n\":1},2]", "[{\"n\":1001}]" };
	const struct jspan_field *at;
	char whole[100];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct taken t = { 0 };
		struct bytes b;

		(void) snprintf(whole, sizeof(whole),
				"{\"inner\":{\"n\":1},\"last\":1,\"list\":%s}", values[i]);
		assert_int_equal(check(whole), 0);
		b = text(whole);
		assert_true(jspan_object_take(&b, taken_fields, false, &t, &at) < 0);
		assert_string_equal(at->name, "list");
	}
	/* With a closed table a member without a row is one too many, wherever it stands. */
	for (int closed = 0; closed <= 1; closed++) {
		struct taken t = { 0 };

		assert_int_equal(jspan_object_read(text("{\"list\":[],\"inner\":{\"n\":1},"
							"\"last\":1,\"more\":1}"),
						   taken_fields, closed, &t, NULL),
				 closed ? -EBADMSG : 0);
	}
}

static int take_nothing(struct bytes *b, void *ret)
{
	return 0;
}

static int take_too_much(struct bytes *b, void *ret)
{
	return bytes_skip(b, b->len);
}

/* A reader that leaves the place where the value ends does not make what follows another. */
static void test_take_elsewhere(void **state)
{
	const struct jspan_field lazy[] = { { "a", NULL, 0, .take = take_nothing }, { NULL } };
	const struct jspan_field greedy[] = { { "a", NULL, 0, .take = take_too_much },
					      { "b", jspan_read_value, 0 },
					      { NULL } };
	struct bytes value, b = text("{\"a\":{\"b\":1},\"b\":2}");
	const struct jspan_field *at = lazy;

	assert_true(jspan_object_take(&b, lazy, false, &value, &at) < 0);
	assert_null(at);
	b = text("{\"a\":{\"b\":1},\"b\":2}");
	assert_int_equal(jspan_object_take(&b, greedy, false, &value, NULL), -ENOENT);
	b = text("[1]");
	assert_int_equal(jspan_at_element(&b), 1);
	assert_int_equal(jspan_at_element(&b), -EBADMSG);
}

/* Containers that nobody closes: nothing is read past the end, and nothing goes on for ever. */
static void test_take_cut(void **state)
{
	static const char whole[] = "{\"list\":[{\"n\":1,\"s\":\"\\\\\\\"\"},{\"n\":2}],"
				    "\"inner\":{\"n\":4,\"o\":{\"p\":[[]]}},\"last\":8}";

	for (size_t n = 0; n < strlen(whole); n++) {
		uint8_t *exact = malloc(n ? n : 1);
		struct bytes b = { exact, n };
		struct taken t = { 0 };

		assert_non_null(exact);
		memcpy(exact, whole, n);
		assert_true(check_len(whole, n) < 0);
		(void) jspan_object_take(&b, taken_fields, false, &t, NULL);
		assert_true(b.p >= exact && b.p + b.len == exact + n);
		b = (struct bytes){ exact, n };
		(void) take_list(&b, &t.list);
		assert_true(b.p >= exact && b.p + b.len == exact + n);
		free(exact);
	}
}

/* As deep as jspan_check() allows, taken level by level. */
static int take_deeper(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "a", NULL, 0, .optional = true, .take = take_deeper },
		{ NULL },
	};

	++*(unsigned *)ret;
	return jspan_object_take(b, fields, /* closed= */ true, ret, NULL);
}

static void test_take_deep(void **state)
{
	char deep[6 * JSPAN_DEPTH_MAX + 1] = "";
	unsigned n = 0;
	struct bytes b;

	for (int i = 1; i < JSPAN_DEPTH_MAX; i++)
		strcat(deep, "{\"a\":");
	strcat(deep, "{}");
	for (int i = 1; i < JSPAN_DEPTH_MAX; i++)
		strcat(deep, "}");
	assert_int_equal(check(deep), 0);
	b = text(deep);
	assert_int_equal(take_deeper(&b, &n), 0);
	assert_int_equal(n, JSPAN_DEPTH_MAX);
	assert_int_equal(b.len, 0);
}

/* Backslashes before a quote: an even number of them ends the string. */
static void test_backslashes(void **state)
{
	char s[64];

	for (unsigned n = 0; n < 12; n++) {
		struct bytes it, name, value;
		int len = 0;

		len += snprintf(s + len, sizeof(s) - (size_t)len, "{\"a\":\"x");
		for (unsigned i = 0; i < n; i++)
			s[len++] = '\\';
		(void) snprintf(s + len, sizeof(s) - (size_t)len, "%s\",\"b\":1}",
				n % 2 ? "\"" : "");
		assert_int_equal(check(s), 0);
		it = text(s);
		assert_int_equal(jspan_next_member(&it, &name, &value), 1);
		assert_int_equal(value.len, 3 + n + n % 2);
		assert_int_equal(jspan_next_member(&it, &name, &value), 1);
		assert_memory_equal(name.p, "b", 1);
		assert_int_equal(jspan_next_member(&it, &name, &value), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_check_members),
		cmocka_unit_test(test_string_bytes),
		cmocka_unit_test(test_string_skipped),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_member_string),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_object_read),
		cmocka_unit_test(test_readers_of_bytes),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_take_refused),
		cmocka_unit_test(test_take_elsewhere),
		cmocka_unit_test(test_take_cut),
		cmocka_unit_test(test_take_deep),
		cmocka_unit_test(test_backslashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
