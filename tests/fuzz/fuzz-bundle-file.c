/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-c/json_object.h>
#include <stdio.h>

#include "attest/bundle-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same(const struct bundle *a, const struct bundle *b)
{
	if (a->n_items != b->n_items)
		abort();
	for (size_t i = 0; i < a->n_items; i++)
		if (a->items[i].kind != b->items[i].kind || a->items[i].len != b->items[i].len ||
		    memcmp(a->items[i].data, b->items[i].data, a->items[i].len) != 0)
			abort();
}

/*
 * A bundle that is read, written and read again is the same bundle, and has neither a policy nor
 * roots.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle first = { 0 }, second = { 0 };
	const char *problem = NULL, *text;
	struct json_object *o;
	char *input;
	int r;

	/* In a block of exactly that length: bytes behind it are not read. */
	input = malloc(size ? size : 1);
	if (!input)
		abort();
	if (size > 0)
		memcpy(input, data, size);
	r = bundle_parse(input, size, &first, &problem);
	free(input);
	if (r < 0) {
		if (!problem)
			abort();
		return 0;
	}
	if (bundle_find(&first, BUNDLE_POLICY, 0) || bundle_find(&first, BUNDLE_TRUST, 0) ||
	    bundle_find(&first, BUNDLE_KEPT_POLICY, 0) || bundle_find(&first, BUNDLE_KEPT_TRUST, 0))
		abort();
	o = bundle_to_json(&first, "2026-01-31T12:00:00Z");
	text = o ? json_object_to_json_string(o) : NULL;
	if (!text || bundle_parse(text, strlen(text), &second, &problem) < 0)
		abort();
	assert_same(&first, &second);
	json_object_put(o);
	bundle_done(&first);
	bundle_done(&second);
	return 0;
}
