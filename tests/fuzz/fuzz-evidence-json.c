/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a TEE, a TPM or a metadata service has given: the first byte chooses the kind that a
 * broker is told, and a pack follows.
 */
#include <assert.h>

#include "agent/net/evidence-json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const tees[] = { "snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm", "x" };
	static const uint8_t digest[48];
	struct json_object *o = NULL;
	struct bundle b = { 0 };
	struct cause why = { "" };
	int r;

	if (len == 0)
		return 0;
	if (bundle_read_pack(&b, data + 1, len - 1) == 0) {
		r = evidence_json(&b, tees[data[0] % ARRAY_SIZE(tees)], digest, sizeof(digest), &o,
				  &why);
		assert(r == 0 ? json_object_is_type(o, json_type_object) : !o && why.text[0]);
		json_object_put(o);
	}
	bundle_done(&b);
	return 0;
}
