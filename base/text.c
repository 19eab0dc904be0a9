/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/parse.h"

#define PRINT_MAX 16384
#define COLUMNS_MAX 10000

size_t utf8_next(const char *s, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = len > 0 ? (uint8_t)s[0] : 0;
	size_t n = first < 0x80 ? 1 :
		   first < 0xc0 ? 0 :
		   first < 0xe0 ? 2 :
		   first < 0xf0 ? 3 :
		   first < 0xf8 ? 4 :
				  0;
	uint32_t c = n < 2 ? first : first & (0x7fu >> n);

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		uint8_t b = (uint8_t)s[i];

		if ((b & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

bool character_is_hidden(uint32_t c)
{
	/* In rising order. */
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },		/* C0 */
		{ 0x7f, 0x9f },		/* DEL, C1 */
		{ 0xad, 0xad },		/* soft hyphen */
		{ 0x034f, 0x034f },	/* grapheme joiner */
		{ 0x0600, 0x0605 },	/* Arabic number signs, which go round what follows */
		{ 0x061c, 0x061c },	/* Arabic letter mark */
		{ 0x06dd, 0x06dd },	/* end of a verse, round its number */
		{ 0x070f, 0x070f },	/* Syriac abbreviation, over what follows */
		{ 0x0890, 0x0891 },	/* Arabic marks above what follows */
		{ 0x08e2, 0x08e2 },	/* end of a verse, again */
		{ 0x115f, 0x1160 },	/* Hangul fillers */
		{ 0x17b4, 0x17b5 },	/* Khmer vowels without a shape */
		{ 0x180b, 0x180f },	/* Mongolian selectors, vowel separator */
		{ 0x200b, 0x200f },	/* no width; marks of direction */
		{ 0x2028, 0x202e },	/* line and paragraph separators; embeddings, overrides */
		{ 0x2060, 0x206f },	/* joiners, invisible operators, isolates */
		{ 0x3164, 0x3164 },	/* Hangul filler */
		{ 0xfdd0, 0xfdef },	/* not characters */
		{ 0xfe00, 0xfe0f },	/* selectors of variants */
		{ 0xfeff, 0xfeff },	/* byte order mark */
		{ 0xffa0, 0xffa0 },	/* Hangul filler of half width */
		{ 0xfff0, 0xfffb },	/* annotations between lines */
		{ 0x110bd, 0x110bd },	/* Kaithi number sign */
		{ 0x110cd, 0x110cd },	/* the same, above */
		{ 0x13430, 0x1343f },	/* Egyptian hieroglyphs' controls */
		{ 0x1bca0, 0x1bca3 },	/* shorthand's controls */
		{ 0x1d173, 0x1d17a },	/* music's */
		{ 0xe0000, 0xe0fff },	/* tags, more selectors */
	};

	if ((c & 0xfffe) == 0xfffe)	/* not a character in any plane */
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(hidden) && c >= hidden[i].first; i++)
		if (c <= hidden[i].last)
			return true;
	return false;
}

/* Like make_printable(), but the characters in @keep may stay. */
static void make_printable_but(char *text, const char *keep)
{
	size_t left = strlen(text);
	char *out = text;

	while (left > 0) {
		uint32_t c;
		size_t n = utf8_next(text, left, &c);

		if (n == 0 || (character_is_hidden(c) && !(c < 0x80 && strchr(keep, (int)c)))) {
			*out++ = '?';
		} else {
			memmove(out, text, n);
			out += n;
		}
		n = MAX(n, (size_t)1);
		text += n;
		left -= n;
	}
	*out = '\0';
}

bool text_has_word(const char *text, const char *separators, const char *word)
{
	size_t n = strlen(word);

	for (;;) {
		size_t len = strcspn(text, separators);

		if (len == n && n > 0 && memcmp(text, word, n) == 0)
			return true;
		if (!text[len])
			return false;
		text += len + 1;
	}
}

void make_printable(char *text)
{
	make_printable_but(text, "");
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

size_t print(const char *format, ...)
{
	char text[PRINT_MAX];
	bool ends = *format && format[strlen(format) - 1] == '\n', foreign;
	va_list ap;
	size_t n;
	int r;

	va_start(ap, format);
	r = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r < 0)
		return 0;
	/*
	 * The last newline is the format's own.  Newlines before it may stay only if all are the
	 * format's.
	 */
	n = strlen(text);
	ends = ends && (size_t)r == n;
	foreign = (size_t)r != n || count(text, '\n') > count(format, '\n');
	if (ends)
		text[n - 1] = '\0';
	make_printable_but(text, foreign ? "" : "\n");
	n = strlen(text);
	(void) fwrite(text, 1, n, stdout);
	if (ends || (size_t)r >= sizeof(text)) {
		(void) fputc('\n', stdout);
		n++;
	}
	return n;
}

void print_tab(void)
{
	(void) fputc('\t', stdout);
}

const char *const text_colours_words[] = {
	[TEXT_COLOURS_AUTO] = "auto",
	[TEXT_COLOURS_ALWAYS] = "always",
	[TEXT_COLOURS_NEVER] = "never",
	NULL,
};

static enum text_colours colours_when;

void text_set_colours(enum text_colours when)
{
	colours_when = when;
}

static bool shows_colours(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (colours_when != TEXT_COLOURS_AUTO)
		return colours_when == TEXT_COLOURS_ALWAYS;
	return !(no && *no) && term && *term && !streq(term, "dumb") && isatty(STDOUT_FILENO);
}

unsigned terminal_columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (text && parse_u64(text, &n) >= 0 && n > 0 && n <= COLUMNS_MAX)
		return (unsigned)n;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}

void print_coloured(enum text_colour colour, const char *word)
{
	static const char *const codes[] = {
		[TEXT_GREEN] = "32",
		[TEXT_YELLOW] = "33",
		[TEXT_RED] = "31",
		[TEXT_FAINT] = "2",
	};

	bool shows = shows_colours();

	if (shows)
		(void) fprintf(stdout, "\033[%sm", codes[colour]);
	print("%s", word);
	if (shows)
		(void) fputs("\033[0m", stdout);
}

char *json_text_printable(const char *json)
{
	size_t left = strlen(json), len = 0;
	/* A byte becomes at most 6; two units of UTF-16 come from at least four bytes. */
	char *text = left < SIZE_MAX / 8 ? malloc(6 * left + 1) : NULL;

	if (!text)
		return NULL;
	while (left > 0) {
		uint32_t c;
		size_t n = utf8_next(json, left, &c);

		if (n == 0) {
			len += (size_t)sprintf(text + len, "\\ufffd");
		} else if (c == '\n' || c == '\t' || !character_is_hidden(c)) {
			/*
			 * A pretty-printed text has newlines between its values; strings have
			 * none.
			 */
			memcpy(text + len, json, n);
			len += n;
		} else if (c < 0x10000) {
			len += (size_t)sprintf(text + len, "\\u%04x", (unsigned)c);
		} else {
			len += (size_t)sprintf(text + len, "\\u%04x\\u%04x",
					       (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
					       (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		}
		n = MAX(n, (size_t)1);
		json += n;
		left -= n;
	}
	text[len] = '\0';
	return text;
}

int print_json_marked(const char *json, const struct text_mark *marks, size_t n)
{
	_cleanup_(freep) char *text = json ? json_text_printable(json) : NULL;
	const char *at = NULL, *rest = text;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < n && !at; i++) {
		at = strstr(text, marks[i].text);
		if (!at)
			continue;
		(void) fwrite(text, 1, (size_t)(at - text), stdout);
		print_coloured(marks[i].colour, marks[i].text);
		rest = at + strlen(marks[i].text);
	}
	(void) fputs(rest, stdout);
	(void) fputc('\n', stdout);
	return 0;
}

int print_json_text(const char *json)
{
	return print_json_marked(json, NULL, 0);
}

void list_add_word(char *list, size_t size, const char *word)
{
	size_t n = strlen(list);

	(void) snprintf(list + n, size - n, "%s%s", n ? ", " : "", word);
}
