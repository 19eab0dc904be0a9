/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a revocation list is: it is read or refused, and without AMD's signature it is not
 * AMD's.
 */
#include <assert.h>

#include "attest/snp/amd-ca.h"
#include "attest/x509/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	static X509 *ark;

	if (!ark)
		assert(x509_parse_der(amd_cas[0].der, &ark) == 0);
	if (x509_crl_parse((struct bytes){ data, len }, &crl) < 0) {
		assert(!crl);
		return 0;
	}
	assert(x509_crl_verify(crl, ark, X509_SIG_PSS_SHA384) < 0);
	assert(x509_crl_verify(crl, ark, X509_SIG_ECDSA_SHA256) < 0);
	(void) x509_crl_has(crl, ark);
	return 0;
}
