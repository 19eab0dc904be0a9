/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as each record of the broker's store: what is read can be written and read again. */
#include <assert.h>
#include <stdlib.h>

#include "broker/core/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Both texts are the same, so that a record has one form. */
static void check_again(char *text, int (*again)(const char *text, char **ret))
{
	char *second = NULL;

	assert(again(text, &second) == 0);
	assert(strcmp(text, second) == 0);
	free(text);
	free(second);
}

static int secret_again(const char *text, char **ret)
{
	struct secret_record r;
	int e = secret_record_parse(text, strlen(text), &r);

	if (e == 0) {
		e = secret_record_format(&r, ret);
		secret_record_done(&r);
	}
	return e;
}

static int session_again(const char *text, char **ret)
{
	static struct session_record r;
	int e = session_record_parse(text, strlen(text), &r);

	if (e == 0) {
		e = session_record_format(&r, ret);
		session_record_done(&r);
	}
	return e;
}

static int claim_again(const char *text, char **ret)
{
	struct claim c;
	int e = claim_parse(text, strlen(text), &c);

	return e < 0 ? e : claim_format(&c, ret);
}

static int launches_again(const char *text, char **ret)
{
	static struct launches_record l;
	int e = launches_parse(text, strlen(text), &l);

	return e < 0 ? e : launches_format(&l, ret);
}

static int approval_again(const char *text, char **ret)
{
	struct approval a;
	int e = approval_parse(text, strlen(text), &a);

	return e < 0 ? e : approval_format(&a, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int (*const kinds[])(const char *text, char **ret) = {
		secret_again, session_again, claim_again, launches_again, approval_again,
	};
	char *text = malloc(len + 1);

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *first = NULL;

		if (kinds[i](text, &first) == 0)
			check_again(first, kinds[i]);
	}
	free(text);
	return 0;
}
