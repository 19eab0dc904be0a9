/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A certificate that somebody calls a VCEK or VLEK: its names, dates, key and AMD's extensions. */
#include <assert.h>

#include "attest/snp/snp-chain.h"
#include "attest/x509/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look(X509 *cert, struct verdict *v)
{
	uint8_t serial[X509_SERIAL_MAX], spki[32];
	struct amd_vek vek;
	const char *what;
	int64_t from, to;
	size_t n;

	verdict_reset(v);
	snp_chain_claims(v, cert);
	(void) x509_name_text(v, X509_get_subject_name(cert));
	(void) x509_spki_sha256(cert, spki);
	(void) x509_signed_with(cert, X509_SIG_PSS_SHA384);
	(void) x509_key_is(cert, X509_KEY_RSA_4096);
	(void) x509_key_is(cert, X509_KEY_P384);
	(void) x509_is_ca(cert);
	(void) x509_validity(cert, &from, &to);
	if (x509_serial(cert, serial, &n) == 0)
		assert(n > 0 && n <= sizeof(serial));
	if (amd_vek_read(cert, &vek, &what) == 0) {
		uint8_t *der = NULL;
		int len = i2d_X509(cert, &der);

		assert(len > 0 && amd_vek_may_be((struct bytes){ der, (size_t)len }));
		OPENSSL_free(der);
		assert(strlen(vek.product_name) > 0 && strlen(vek.csp_id) <= AMD_TEXT_MAX);
		for (size_t i = snp_chip_id_len(vek.product); i < sizeof(vek.hwid); i++)
			assert(vek.hwid[i] == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct x509_list list = { .n = 0 };
	static struct verdict *v;

	if (!v)
		assert((v = verdict_new()));
	(void) x509_parse((struct bytes){ data, len }, &list);
	for (unsigned i = 0; i < list.n; i++)
		look(list.cert[i], v);
	x509_list_done(&list);
	return 0;
}
