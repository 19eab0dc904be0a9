/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TRUST_H
#define COCO_ATTEST_TRUST_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * The trust anchors: for each root key, the SHA-256 of its SubjectPublicKeyInfo in DER.  The key
 * is trusted, not a certificate of it.
 *
 * Built in are AMD's root keys (ARK) of Milan, Genoa and Turin, and Intel's SGX root key.  They
 * are published at
 *  https://kdsintf.amd.com/vcek/v1/PRODUCT/cert_chain
 *  https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.pem
 * A trust file replaces all of them; it does not add to them.
 */
enum root_kind {
	ROOT_ANY,	/* from a trust file, which does not say of what kind */
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
	/* For people.  The names of AMD's built-in keys, such as "ARK-Milan", name the product. */
	char name[PIN_NAME_LEN];
};

struct trust {
	struct trust_pin pins[TRUST_PINS_MAX];
	unsigned n_pins;
	bool replaced;			/* a trust file was read */
	char source[TRUST_SOURCE_LEN];	/* "built in", or what trust_parse() was told */
};

/* The built-in trust anchors. */
void trust_init(struct trust *ret);

/*
 * Read a trust file: @text of @len bytes.  @source is its name, for people.  A trust file is
 * either one certificate in DER, or text.  In a text, a line is empty, a comment that begins with
 * '#', or 64 hexadecimal digits, perhaps with blanks and a name behind; certificates in PEM may
 * stand between.
 *
 * Returns 0 with @ret; -EBADMSG for anything else; -EMSGSIZE for more than TRUST_PINS_MAX keys or
 * TRUST_FILE_MAX bytes; -ENODATA if there is no key; -ENOMEM.  On failure @ret_line (may be NULL)
 * is the line, or 0 if the whole file is wrong.
 */
int trust_parse(const void *text, size_t len, const char *source, struct trust *ret,
		unsigned *ret_line);

/* The trust anchor with @spki_sha256 that may serve as @kind, or NULL. */
const struct trust_pin *trust_find(const struct trust *t, enum root_kind kind,
				   const uint8_t spki_sha256[static PIN_LEN]);

#endif
