/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/quote.h"

#include "base/text.h"

#define PLAIN \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

/* The character at @s for a person to read, or none: its length, and 0 if it must be escaped. */
static size_t readable(const char *s, uint32_t *ret)
{
	size_t len = utf8_next(s, strlen(s), ret);

	return len > 0 && !character_is_hidden(*ret) ? len : 0;
}

static bool is_readable(const char *text)
{
	size_t len;
	uint32_t c;

	for (; *text; text += len) {
		len = readable(text, &c);
		if (len == 0)
			return false;
	}
	return true;
}

static void put(FILE *f, const char *s, size_t len)
{
	(void) fwrite(s, 1, len, f);
}

static void quote_ansi_c(FILE *f, const char *text)
{
	size_t len;
	uint32_t c;

	fputs("$'", f);
	for (; *text; text += len) {
		len = readable(text, &c);
		if (len == 0) {
			fprintf(f, "\\%03o", (unsigned char)*text);
			len = 1;
		} else if (*text == '\'' || *text == '\\') {
			fprintf(f, "\\%c", *text);
		} else {
			put(f, text, len);
		}
	}
	fputc('\'', f);
}

void quote_shell(FILE *f, const char *text)
{
	/* At the beginning of a word, zsh looks for a command behind "=". */
	if (*text && *text != '=' && text[strspn(text, PLAIN)] == '\0') {
		fputs(text, f);
	} else if (is_readable(text)) {
		fputc('\'', f);
		for (; *text; text++)
			if (*text == '\'')
				fputs("'\\''", f);
			else
				fputc(*text, f);
		fputc('\'', f);
	} else {
		quote_ansi_c(f, text);
	}
}

void quote_qemu(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == ',')
			fputc(',', f);
		fputc(*text, f);
	}
}

const char *quote_qemu_path(const char *path)
{
	size_t n = strcspn(path, ":/");

	return path[n] == ':' || *path == '-' ? "./" : "";
}

void quote_xml(FILE *f, const char *text)
{
	size_t len;
	uint32_t c;

	for (; *text; text += len) {
		len = utf8_next(text, strlen(text), &c);
		if (len == 0) {
			/* Not a text that the contract allows; it must not end an element. */
			fputs("&#xfffd;", f);
			len = 1;
		} else if (strchr("&<>\"'", *text) || character_is_hidden(c)) {
			fprintf(f, "&#x%x;", c);
		} else {
			put(f, text, len);
		}
	}
}

void quote_xl(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
	fputc('"', f);
}
