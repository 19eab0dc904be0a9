/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence of each type, with all pieces from the fuzzer.  The first byte says which type.  Then
 * each piece follows in the order of the pieces: its length in two bytes, little-endian, and its
 * bytes.  Without Intel's and AMD's keys no evidence can be authentic, whatever it is.
 */
#include <assert.h>
#include <string.h>

#include "attest/policy.h"
#include "attest/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct attest_verifier *take_type(struct bytes *b)
{
	unsigned n = 0, i;

	if (b->len == 0)
		return NULL;
	while (attest_verifiers[n])
		n++;
	i = b->p[0] % n;
	(void) bytes_skip(b, 1);
	return attest_verifiers[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct verifier *ctx;
	static struct verdict *v;
	static struct policies policy;
	struct bytes b = { data, len };
	const struct attest_verifier *type = take_type(&b);
	struct evidence e = { 0 };

	if (!type)
		return 0;
	if (!ctx) {
		policies_init(&policy);
		assert(verifier_new(NULL, &ctx) == 0 && (v = verdict_new()));
	}
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++) {
		uint16_t n;

		if (!((type->needs | type->takes) & EVIDENCE_BIT(i)) || bytes_u16le(&b, &n) < 0)
			continue;
		if (bytes_take(&b, n < b.len ? n : b.len, &e.piece[i]) < 0)
			return 0;
	}
	if (type->takes_certs && b.len > 0)
		e.cert[e.n_certs++] = b;
	assert(attest_verify(ctx, type, &e, &policy, 1768867200, v) == 0);
	/* And evidence without a signature is never more than consistent. */
	assert(v->result != VERDICT_ACCEPTED && v->result != VERDICT_AUTHENTIC && !v->authentic);
	assert(v->result != VERDICT_CONSISTENT ||
	       (type->is_part && v->consistent && v->first_failed < 0));
	verdict_reset(v);
	(void) type->show(&e, v);
	return 0;
}
