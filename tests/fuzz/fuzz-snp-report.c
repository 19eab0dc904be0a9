/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report, the rest of the input as its certificate, and both as a certificate table.  They are
 * read, judged and shown, without a certificate that would make any of them authentic.
 */
#include <assert.h>
#include <stdlib.h>

#include "attest/policy.h"
#include "attest/snp/verify-snp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct verifier *ctx;
	static struct verdict *v;
	struct evidence e = { .piece[EVIDENCE_REPORT] = { data, len } };
	static struct policies p;

	if (!ctx)
		assert(verifier_new(NULL, &ctx) == 0 && (v = verdict_new()));
	policies_init(&p);
	if (len > SNP_REPORT_LEN)
		e.cert[e.n_certs++] = (struct bytes){ data + SNP_REPORT_LEN, len - SNP_REPORT_LEN };
	assert(attest_verify(ctx, &attest_verify_snp, &e, &p, 1780000000, v) == 0);
	assert(v->result != VERDICT_ACCEPTED);
	e.n_certs = 0;
	if (len > SNP_REPORT_LEN) {
		e.piece[EVIDENCE_CERT_TABLE] = (struct bytes){ data + SNP_REPORT_LEN,
							       len - SNP_REPORT_LEN };
		assert(attest_verify(ctx, &attest_verify_snp_table, &e, &p, 1780000000, v) == 0);
		assert(v->result != VERDICT_ACCEPTED);
	}
	verdict_reset(v);
	assert(attest_verify_snp.show(&e, v) == 0);
	return 0;
}
