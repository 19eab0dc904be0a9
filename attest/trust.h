/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TRUST_H
#define COCO_ATTEST_TRUST_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * The trust set: SHA-256 of the DER SubjectPublicKeyInfo of each root key.  Certificates are
 * names; these are the keys.
 *
 * Built in are AMD's root keys (ARK) of Milan, Genoa and Turin, as AMD's key distribution
 * service publishes them (https://kdsintf.amd.com/vcek/v1/PRODUCT/cert_chain), and Intel's SGX
 * root
 * (https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.pem).
 * A trust file replaces all of them; it does not add.
 */
enum root_kind {
	ROOT_ANY,	/* of a trust file: it does not say */
	ROOT_AMD_ARK,
	ROOT_INTEL_SGX,
};

#define PIN_LEN 32
#define PIN_NAME_LEN 48
#define TRUST_PINS_MAX 32
#define TRUST_FILE_MAX 262144
#define TRUST_SOURCE_LEN 256

struct trust_pin {
	enum root_kind kind;
	uint8_t spki_sha256[PIN_LEN];
	char name[PIN_NAME_LEN];	/* for people; of AMD's built-in ones it is "ARK-Milan" ... and selects the product */
};

struct trust {
	struct trust_pin pins[TRUST_PINS_MAX];
	unsigned n_pins;
	bool replaced;			/* not the built-in ones */
	char source[TRUST_SOURCE_LEN];	/* "built in", or what trust_parse() was told */
};

/* The built-in roots. */
void trust_init(struct trust *ret);

/*
 * A trust file in @text, @len bytes; @source is its name, for people.  Either one certificate
 * in DER, or text: a line each of 64 hexadecimal digits, with a name after blanks if one likes;
 * certificates in PEM; blank lines and comments that begin with '#'.
 *
 * Returns 0; -EBADMSG for anything else, -EMSGSIZE for more than TRUST_PINS_MAX keys or
 * TRUST_FILE_MAX bytes, -ENODATA when it has no key at all; then @ret_line (may be NULL) is the
 * line, 0 when it is about the whole, and @ret is untouched.  -ENOMEM.
 */
int trust_parse(const void *text, size_t len, const char *source, struct trust *ret,
		unsigned *ret_line);

/* The pin of @spki_sha256 that may serve as @kind, NULL when there is none. */
const struct trust_pin *trust_find(const struct trust *t, enum root_kind kind,
				   const uint8_t spki_sha256[static PIN_LEN]);

#endif
