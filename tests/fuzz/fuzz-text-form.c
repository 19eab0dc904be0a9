/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a file contains: the decoded bytes, written in that text form and read again, are the
 * same.  The kind of file that the bytes begin is a word for people, or none.
 */
#include <stdio.h>

#include "attest/evidence-look.h"
#include "base/base64.h"
#include "base/parse.h"
#include "cli/text-form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_again(const char *text, const char *form, const uint8_t *data, size_t len)
{
	struct bytes b = { (const uint8_t *)text, strlen(text) };
	const char *again;
	uint8_t *copy;
	size_t n;

	if (text_form_decode(b, &copy, &n, &again) != 1 || n != len || memcmp(copy, data, n) != 0)
		abort();
	if (strcmp(form, again) != 0)
		abort();
	free(copy);
}

static void look(struct bytes data)
{
	const char *what = evidence_look(data);

	if (what && !what[0])
		abort();
}

static void write_again(const uint8_t *data, size_t len, const char *form)
{
	char *text = malloc(2 * len + 1);

	if (!text)
		abort();
	format_hex(data, len, text);
	assert_again(text, "hexadecimal text", data, len);
	free(text);
	/* There is one way to write it, and except for blanks the input was written so. */
	if (strcmp(form, "base64") == 0) {
		if (base64_encode(data, len, &text) < 0)
			abort();
		assert_again(text, "base64", data, len);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1), *decoded;
	const char *form = NULL;
	size_t len;
	int r;

	if (!exact)
		abort();
	if (size > 0)
		memcpy(exact, data, size);
	look((struct bytes){ exact, size });
	r = text_form_decode((struct bytes){ exact, size }, &decoded, &len, &form);
	if (r > 0) {
		if (len < 8 || len > size || !form)
			abort();
		look((struct bytes){ decoded, len });
		write_again(decoded, len, form);
		free(decoded);
	}
	free(exact);
	return 0;
}
