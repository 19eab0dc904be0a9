/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any text in each quotation.  What comes out is printable, on one line, and read back by rules
 * that are written here again it is the text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "inject/plan/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *quoted(void (*quote)(FILE *f, const char *text), const char *text)
{
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	assert(f);
	quote(f, text);
	assert(fclose(f) == 0);
	return got;
}

static void check_printable(const char *text)
{
	char *copy = strdup(text);

	assert(copy);
	make_printable(copy);
	assert(strcmp(copy, text) == 0);
	free(copy);
}

/* One word of a shell, with '' and $'' and \' between them. */
static void unquote_shell(const char *s, char *to)
{
	while (*s) {
		if (s[0] == '$') {
			assert(s[1] == '\'');
			for (s += 2; *s != '\''; to++) {
				assert(*s);
				if (*s != '\\') {
					*to = *s++;
				} else if (s[1] >= '0' && s[1] <= '3') {
					*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
						     (s[3] - '0'));
					s += 4;
				} else {
					assert(s[1] == '\\' || s[1] == '\'');
					*to = s[1];
					s += 2;
				}
			}
			s++;
		} else if (s[0] == '\'') {
			for (s++; *s != '\''; s++) {
				assert(*s);
				*to++ = *s;
			}
			s++;
		} else if (s[0] == '\\') {
			assert(s[1] == '\'');
			*to++ = s[1];
			s += 2;
		} else {
			assert(!strchr(" \t\n\"$`;&|<>(){}*?[]~#!", *s));
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static void check_shell(const char *text)
{
	char *got = quoted(quote_shell, text), *back = malloc(strlen(got) + 1);

	assert(back);
	check_printable(got);
	unquote_shell(got, back);
	assert(*got && strcmp(back, text) == 0);
	free(back);
	free(got);
}

static void check_qemu(const char *text)
{
	char *got = quoted(quote_qemu, text);
	const char *g = got;

	for (const char *t = text; *t; t++) {
		assert(*g++ == *t);
		if (*t == ',')
			assert(*g++ == ',');
	}
	assert(!*g);
	free(got);
}

static void check_xml(const char *text)
{
	char *got = quoted(quote_xml, text);

	check_printable(got);
	assert(!strpbrk(got, "<>\"'"));
	for (const char *g = got; (g = strchr(g, '&')); g++)
		assert(g[1] == '#' && g[2] == 'x');
	free(got);
}

static void check_xl(const char *text)
{
	char *got = quoted(quote_xl, text);
	const char *g = got + 1;

	assert(got[0] == '"');
	for (const char *t = text; *t; t++) {
		if (*g == '\\')
			g++;
		else
			assert(*g != '"');
		assert(*g++ == *t);
	}
	assert(strcmp(g, "\"") == 0);
	free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	check_shell(text);
	check_qemu(text);
	check_xml(text);
	check_xl(text);
	free(text);
	return 0;
}
