/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a public key is: what is taken is the key that OpenSSL's own decoder reads in it. */
#include <assert.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "attest/x509/spki.h"
#include "crypto/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(pkey_freep) EVP_PKEY *ours = NULL, *theirs = NULL;
	const unsigned char *p = data;
	struct spki s;

	if (spki_read((struct bytes){ data, len }, &s) < 0) {
		assert(!spki_key((struct bytes){ data, len }));
		return 0;
	}
	/* Behind a modulus there is the exponent, 02 03 01 00 01. */
	assert(s.number.p > data &&
	       s.number.p + s.number.len == data + len - (s.kind == SPKI_RSA ? 5 : 0));
	ours = spki_key((struct bytes){ data, len });
	theirs = d2i_PUBKEY(NULL, &p, (long)len);
	ERR_clear_error();
	/* Without a key the point is not on its curve. */
	assert(!ours == !theirs);
	assert(!ours || (p == data + len && EVP_PKEY_eq(ours, theirs) == 1));
	return 0;
}
