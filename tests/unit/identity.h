/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_IDENTITY_H
#define COCO_TESTS_UNIT_IDENTITY_H

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/*
 * A broker's identity for tests: a new P-256 key and its self-signed certificate, with or without a
 * key identifier.
 */
struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	char pem[2048];
};

static inline void identity_make(struct identity *ret, bool key_id)
{
	X509 *x = X509_new();
	BIO *b = BIO_new(BIO_s_mem());
	X509_EXTENSION *ca, *id;
	X509V3_CTX context;
	int n;

	ret->key = EVP_EC_gen("P-256");
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_set_version(x, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const uint8_t *)"identity of a test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 3650L);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 3650L);
	X509_set_pubkey(x, ret->key);
	ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(x, ca, -1);
	X509_EXTENSION_free(ca);
	/* Newer clients want an authority to say that it signs certificates. */
	ca = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage,
				 "critical,digitalSignature,keyCertSign");
	X509_add_ext(x, ca, -1);
	X509_EXTENSION_free(ca);
	if (key_id) {
		X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
		id = X509V3_EXT_conf_nid(NULL, &context, NID_subject_key_identifier, "hash");
		X509_add_ext(x, id, -1);
		X509_EXTENSION_free(id);
	}
	X509_sign(x, ret->key, EVP_sha256());
	PEM_write_bio_X509(b, x);
	n = BIO_read(b, ret->pem, sizeof(ret->pem) - 1);
	ret->pem[n > 0 ? n : 0] = '\0';
	BIO_free(b);
	ret->certificate = x;
}

static inline void identity_done(struct identity *i)
{
	EVP_PKEY_free(i->key);
	X509_free(i->certificate);
}

#endif
