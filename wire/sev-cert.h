/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_SEV_CERT_H
#define COCO_WIRE_SEV_CERT_H

#include "wire/bytes.h"

/*
 * The two certificate formats of SEV platforms.  Every number in them is little-endian and has
 * zeros at its end.  Layouts: AMD, "Secure Encrypted Virtualization API", publication 55766,
 * appendix C ("SEV Certificate Format") and appendix B ("CA Certificate Format").
 *
 * The SEV certificate: PDH, PEK, OCA, CEK, and what an owner hands to a launch.
 *
 *	0x000     4  version, 1
 *	0x004   1+1  API version, major and minor, of the firmware that made it
 *	0x006     2  reserved
 *	0x008     4  usage of the key
 *	0x00c     4  algorithm of the key
 *	0x010  1028  the key: curve u32, x[72], y[72], zeros
 *	0x414   520  signature: usage of the signer, algorithm, value[512]
 *	0x61c   520  another one; a slot that is not used has usage 0x1000
 *
 * Both signatures are over the bytes before the first.  A value is r[72] s[72] of ECDSA, or an
 * RSA number of the size of the signer's modulus.
 *
 * AMD's certificate: ASK and ARK.  n is the size of the modulus in bytes.
 *
 *	0x00   4  version, 1
 *	0x04  16  id of the key
 *	0x14  16  id of the signer's key
 *	0x24   4  usage of the key
 *	0x28  16  reserved
 *	0x38   4  bits of the exponent's field		0x40       n  exponent
 *	0x3c   4  bits of the modulus			0x40 +  n  n  modulus
 *						0x40 + 2n  n  signature over the bytes before
 */
#define SEV_CERT_LEN 2084
#define SEV_CERT_SIGNED_LEN 0x414
#define SEV_CERT_SLOTS 2
#define SEV_CERT_KEY_OFFSET 0x10
#define SEV_CERT_KEY_LEN 1028
#define SEV_NUMBER_LEN 72		/* x, y, r, s */
#define SEV_SIGNATURE_LEN 512

#define AMD_CERT_HEADER_LEN 0x40
#define AMD_CERT_KEY_ID_LEN 16
#define AMD_CERT_MAX_LEN (AMD_CERT_HEADER_LEN + 3 * 512)

/* Usage of a key, in both formats. */
enum sev_usage {
	SEV_USAGE_ARK = 0,
	SEV_USAGE_ASK = 0x13,
	SEV_USAGE_NONE = 0x1000,
	SEV_USAGE_OCA = 0x1001,
	SEV_USAGE_PEK = 0x1002,
	SEV_USAGE_PDH = 0x1003,
	SEV_USAGE_CEK = 0x1004,
};

/* A signature's hash is the hash in the name of its algorithm. */
enum sev_algo {
	SEV_ALGO_NONE = 0,
	SEV_ALGO_RSA_SHA256 = 1,
	SEV_ALGO_ECDSA_SHA256 = 2,
	SEV_ALGO_ECDH_SHA256 = 3,
	SEV_ALGO_RSA_SHA384 = 0x101,
	SEV_ALGO_ECDSA_SHA384 = 0x102,
	SEV_ALGO_ECDH_SHA384 = 0x103,
};

enum sev_curve {
	SEV_CURVE_P256 = 1,
	SEV_CURVE_P384 = 2,
};

struct sev_signature {
	uint32_t usage, algo;	/* any number */
	const uint8_t *value;	/* SEV_SIGNATURE_LEN bytes */
};

struct sev_cert {
	const uint8_t *bytes;	/* all SEV_CERT_LEN of them */
	uint8_t api_major, api_minor;
	uint32_t usage, algo;	/* any number */
	uint32_t curve;		/* of enum sev_curve; the point may not be on it */
	const uint8_t *x, *y;	/* SEV_NUMBER_LEN bytes each */
	struct sev_signature signatures[SEV_CERT_SLOTS];
};

struct amd_cert {
	const uint8_t *bytes;
	size_t len;		/* with the signature, if there is one */
	size_t signed_len;
	const uint8_t *key_id, *certifying_id;
	uint32_t usage;		/* any number */
	size_t n;		/* bytes of each number below: 256 or 512 */
	const uint8_t *exponent, *modulus;
	/* NULL when the certificate ends before it, as AMD's first ARK does */
	const uint8_t *signature;
};

/*
 * Read the @len bytes at @p as one SEV certificate.  @ret points into them, and is good for as
 * long as they are.
 *
 * The caller judges the usage, algorithms and signatures, and whether they fit together.
 * Reserved bytes, and bytes behind a number, may have any value: those that matter are signed.
 *
 * Returns 0; -EBADMSG for more or less than SEV_CERT_LEN bytes, another version, or a key on an
 * unknown curve.
 */
int sev_cert_parse(const uint8_t *p, size_t len, struct sev_cert *ret);

/*
 * Read the next of AMD's certificates.  @b moves past it; @ret points into its bytes.  A
 * certificate of the first generation that ends where its signature should begin is accepted if
 * nothing follows.
 *
 * Returns 1 with a certificate, 0 at the end of @b; -EBADMSG, with nothing moved, for another
 * version, sizes of the numbers that are neither 2048 nor 4096 bits or differ, an exponent other
 * than 65537, or a certificate that goes past the end.
 */
int amd_cert_next(struct bytes *b, struct amd_cert *ret);

/*
 * Write the certificate that an owner hands to a launch (GODH): a key for ECDH on P-384, without
 * a signature, which the firmware does not look at.  @x and @y are big-endian, 48 bytes, as in
 * other software.
 */
#define SEV_P384_LEN 48
void sev_cert_write_godh(const uint8_t x[static SEV_P384_LEN], const uint8_t y[static SEV_P384_LEN],
			 uint8_t ret[static SEV_CERT_LEN]);

#endif
