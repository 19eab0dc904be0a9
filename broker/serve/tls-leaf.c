/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/tls-leaf.h"

#include <arpa/inet.h>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "crypto/cleanup.h"

#define DAY_SEC INT64_C(86400)
#define SERIAL_LEN 16
#define DNS_NAME_MAX 253
/* Of a common name; RFC 5280 allows no more. */
#define COMMON_NAME_MAX 64
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

DEFINE_OPENSSL_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free, names)
DEFINE_OPENSSL_CLEANUP(GENERAL_NAME, GENERAL_NAME_free, general_name)

void tls_leaf_done(struct tls_leaf *l)
{
	l->key = evp_pkey_free(l->key);
	X509_free(l->certificate);
	l->certificate = NULL;
}

/* ---- names ---- */

static bool dns_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DNS_NAME_MAX)
		return false;
	while (*name) {
		size_t n = strspn(name, LETTERS);

		if (n == 0 || n > 63 || (name[n] != '.' && name[n] != '\0') || *name == '-')
			return false;
		name += n;
		if (*name == '.' && *++name == '\0')
			return false;
	}
	return true;
}

/* The bytes of @name in the certificate, and their kind; -EINVAL if it is no name. */
static int encode_name(const char *name, uint8_t ret[static DNS_NAME_MAX], size_t *ret_len,
		       int *ret_kind)
{
	*ret_kind = GEN_IPADD;
	if (inet_pton(AF_INET, name, ret) == 1) {
		*ret_len = 4;
	} else if (inet_pton(AF_INET6, name, ret) == 1) {
		*ret_len = 16;
	} else if (dns_name_is_valid(name)) {
		*ret_kind = GEN_DNS;
		*ret_len = strlen(name);
		memcpy(ret, name, *ret_len);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int add_name(GENERAL_NAMES *all, const char *name)
{
	_cleanup_(general_name_freep) GENERAL_NAME *g = GENERAL_NAME_new();
	uint8_t bytes[DNS_NAME_MAX];
	ASN1_STRING *text;
	size_t len;
	int kind, r = encode_name(name, bytes, &len, &kind);

	if (r < 0)
		return r;
	text = kind == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
	if (!g || !text || ASN1_STRING_set(text, bytes, (int)len) != 1) {
		ASN1_STRING_free(text);
		return -ENOMEM;
	}
	GENERAL_NAME_set0_value(g, kind, text);
	if (sk_GENERAL_NAME_push(all, g) <= 0)
		return -ENOMEM;
	g = NULL;
	return 0;
}

static int set_names(X509 *x, const struct tls_leaf_setup *s, struct cause *why)
{
	_cleanup_(names_freep) GENERAL_NAMES *all = GENERAL_NAMES_new();
	const char *const *more = s->more_names;
	const char *name = s->name;

	if (!all)
		return cause_set_oom(why);
	for (; name; name = more ? *more++ : NULL) {
		int r = add_name(all, name);

		if (r == -EINVAL)
			return cause_set(why, r, "'%.200s' is neither a DNS name nor an address",
					 name);
		if (r < 0)
			return cause_set_oom(why);
	}
	if (X509_add1_ext_i2d(x, NID_subject_alt_name, all, /* crit= */ 0, 0) != 1)
		return cause_set_oom(why);
	return 0;
}

/* ---- the rest ---- */

static bool set_serial(X509 *x)
{
	uint8_t serial[SERIAL_LEN];
	_cleanup_(bn_freep) BIGNUM *n = NULL;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	/* Positive, and of one length. */
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	return n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
}

static bool set_subject(X509 *x, const char *name)
{
	if (strlen(name) > COMMON_NAME_MAX)
		name = "coco-broker";
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
					  (const uint8_t *)name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX context;
	bool added;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return added;
}

static bool set_all(X509 *x, const struct tls_leaf_setup *s, const struct tls_leaf *l)
{
	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	       set_subject(x, s->name) &&
	       X509_set_issuer_name(x, X509_get_subject_name(s->issuer)) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(x), l->from) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), l->until) &&
	       X509_set_pubkey(x, l->key) == 1 &&
	       add_extension(x, s->issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, s->issuer, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, s->issuer, NID_ext_key_usage, "serverAuth") &&
	       add_extension(x, s->issuer, NID_subject_key_identifier, "hash") &&
	       /* An identity that was made elsewhere need not have a key identifier. */
	       (!X509_get0_subject_key_id(s->issuer) ||
		add_extension(x, s->issuer, NID_authority_key_identifier, "keyid"));
}

int tls_leaf_issue(const struct tls_leaf_setup *s, struct tls_leaf *ret, struct cause *why)
{
	_cleanup_(tls_leaf_done) struct tls_leaf l = {
		.key = EVP_EC_gen("P-256"),
		.certificate = X509_new(),
		.from = s->now - TLS_LEAF_EARLY_DAYS * DAY_SEC,
		.until = s->now + TLS_LEAF_DAYS * DAY_SEC,
	};
	int r;

	if (!s->name || !*s->name)
		return cause_set(why, -EINVAL, "The broker has no name for its TLS certificate");
	if (!l.key || !l.certificate || !set_all(l.certificate, s, &l))
		return cause_set_oom(why);
	r = set_names(l.certificate, s, why);
	if (r < 0)
		return r;
	if (X509_sign(l.certificate, s->identity, EVP_sha256()) <= 0)
		return cause_set_oom(why);
	*ret = l;
	l = (struct tls_leaf){ NULL };
	return 0;
}
