/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: a byte that says of which TEE, and evidence as JSON.  What is read is a bundle that can be
 * packed, with nothing in it by which evidence is judged.
 */
#include <assert.h>

#include "broker/core/evidence-read.h"
#include "broker/core/launch-read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bundle b = { .n_items = 0 };
	struct cause why = { "" };
	struct json_tokener *tok;
	struct json_object *o;
	struct launch launch;
	enum broker_tee tee;
	int r;

	if (len < 2)
		return 0;
	tee = (enum broker_tee)(data[0] % (_BROKER_TEE_MAX + 1));
	tok = json_tokener_new();
	assert(tok);
	o = json_tokener_parse_ex(tok, (const char *)data + 1, (int)(len - 1));
	r = evidence_read(o, tee, &b, &why);
	assert(r == 0 ? b.n_items > 0 : b.n_items == 0 && why.text[0]);
	for (size_t i = 0; i < b.n_items; i++)
		assert(!b.items[i].own && !bundle_kind_is_rule(b.items[i].kind));
	if (r == 0) {
		r = launch_read(tee, &b, &launch);
		assert(r == 0 && launch.known == (launch.why_not[0] == '\0'));
	}
	bundle_done(&b);
	json_object_put(o);
	json_tokener_free(tok);
	return 0;
}
