/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a TPM's attestation says: the parts lie inside, and the digest is the last. */
#include <assert.h>

#include "wire/tpm-quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *problem = NULL;
	struct bytes signature;
	struct tpm_quote q;

	if (tpm_signature_rsassa(data, len, 256, &signature) == 0)
		assert(signature.len == 256 && signature.p + signature.len == data + len);
	if (tpm_quote_parse(data, len, &q, &problem) < 0) {
		assert(problem);
		return 0;
	}
	assert(q.signer.p > data && q.signer.p + q.signer.len <= q.extra.p);
	assert(q.extra.p + q.extra.len <= q.digest.p);
	assert(q.digest.p + q.digest.len == data + len);
	assert(q.pcrs >> TPM_PCRS == 0 && (q.n_banks > 0) == (q.pcrs != 0));
	return 0;
}
