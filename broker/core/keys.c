/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"

#define KEY_LEN 32
#define GROUP "prime256v1"
#define TOKEN_LABEL "coco token"
#define TOKEN_TRIES 16
#define SERIAL_LEN 16
#define NAME_MAX_LEN 64			/* of a common name, RFC 5280 */
#define NAME_PREFIX "coco-broker "
#define YEARS_MAX 100

struct keys {
	struct secret *master;
	EVP_PKEY *identity, *token;
	EVP_KDF *hkdf;
	uint8_t id[BROKER_ID_LEN];
};

DEFINE_OPENSSL_CLEANUP(EVP_KDF, EVP_KDF_free, kdf)
DEFINE_OPENSSL_CLEANUP(EVP_KDF_CTX, EVP_KDF_CTX_free, kdf_ctx)
DEFINE_OPENSSL_CLEANUP(BIGNUM, BN_clear_free, bn_clear)
DEFINE_OPENSSL_CLEANUP(X509, X509_free, x509)
DEFINE_OPENSSL_CLEANUP(X509_EXTENSION, X509_EXTENSION_free, x509_ext)

/* ---- derived keys ---- */

static int derive(EVP_KDF *hkdf, const struct secret *master, const char *label,
		  const void *context, size_t len, uint8_t ret[static KEY_LEN])
{
	_cleanup_(kdf_ctx_freep) EVP_KDF_CTX *c = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	/* HKDF appends the second to the first.  OpenSSL only reads all of them. */
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret_data(master),
						  secret_len(master)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label,
						  strlen(label) + 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)context, len),
		OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM few[ARRAY_SIZE(params)];

	memcpy(few, params, sizeof(params));
	if (len == 0)
		few[3] = params[4];
	return c && EVP_KDF_derive(c, ret, KEY_LEN, few) == 1 ? 0 : -ENOMEM;
}

int keys_derive(const struct keys *k, const char *label, const void *context, size_t len,
		uint8_t ret[static KEY_LEN])
{
	return derive(k->hkdf, k->master, label, context, len, ret);
}

int secret_derive(const struct secret *key, const char *label, uint8_t ret[static KEY_LEN])
{
	_cleanup_(kdf_freep) EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);

	return derive(hkdf, key, label, NULL, 0, ret);
}

/* Make a number of 256 bits a private key: 1 to the order less 1, which nearly all are. */
static int take_private(const uint8_t bytes[static KEY_LEN], const EC_GROUP *group, BIGNUM **ret)
{
	_cleanup_(bn_clear_freep) BIGNUM *d = BN_secure_new();

	if (!d || !BN_bin2bn(bytes, KEY_LEN, d))
		return -ENOMEM;
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0)
		return -ERANGE;
	BN_set_flags(d, BN_FLG_CONSTTIME);
	*ret = TAKE_PTR(d);
	return 0;
}

static int make_pair(const EC_GROUP *group, const BIGNUM *d, EVP_PKEY **ret)
{
	_cleanup_(ec_point_freep) EC_POINT *point = EC_POINT_new(group);
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	_cleanup_(params_bld_freep) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	_cleanup_(params_freep) OSSL_PARAM *params = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	uint8_t public[1 + 2 * KEY_LEN];

	if (!point || !c || !b || EC_POINT_mul(group, point, d, NULL, NULL, NULL) != 1 ||
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, public,
			       sizeof(public), NULL) != sizeof(public))
		return -ENOMEM;
	if (OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, GROUP, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, public,
					     sizeof(public)) != 1 ||
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1)
		return -ENOMEM;
	params = OSSL_PARAM_BLD_to_param(b);
	if (!params || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) != 1)
		return -ENOMEM;
	*ret = TAKE_PTR(key);
	return 0;
}

/* All instances sign with the same key, and none has to store it. */
static int derive_token_key(struct keys *k)
{
	_cleanup_(ec_group_freep) EC_GROUP *group =
		EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	_cleanup_(bn_clear_freep) BIGNUM *d = NULL;
	_cleanup_(key_wipe) uint8_t bytes[KEY_LEN];
	int r = -ERANGE;

	if (!group)
		return -ENOMEM;
	for (uint8_t i = 0; i < TOKEN_TRIES && r == -ERANGE; i++) {
		r = keys_derive(k, TOKEN_LABEL, &i, sizeof(i), bytes);
		if (r >= 0)
			r = take_private(bytes, group, &d);
	}
	return r < 0 ? r : make_pair(group, d, &k->token);
}

/* ---- the identity ---- */

static bool is_p256_pair(EVP_PKEY *key)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = NULL;

	if (!ec_key_is_on(key, GROUP))
		return false;
	c = EVP_PKEY_CTX_new(key, NULL);
	return c && EVP_PKEY_pairwise_check(c) == 1;
}

static int hash_public(EVP_PKEY *key, uint8_t ret[static BROKER_ID_LEN])
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return len > 0 && EVP_Digest(der, (size_t)len, ret, NULL, EVP_sha256(), NULL) == 1 ?
		       0 :
		       -ENOMEM;
}

int keys_new(struct secret *master, EVP_PKEY *identity, struct keys **ret)
{
	_cleanup_(keys_freep) struct keys *k = calloc(1, sizeof(*k));
	int r;

	if (!k) {
		secret_free(master);
		EVP_PKEY_free(identity);
		return -ENOMEM;
	}
	k->master = master;
	k->identity = identity;
	if (secret_len(master) != MASTER_KEY_LEN || !is_p256_pair(identity)) {
		ERR_clear_error();
		return -EINVAL;
	}
	k->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	r = k->hkdf ? hash_public(identity, k->id) : -ENOMEM;
	if (r >= 0)
		r = derive_token_key(k);
	if (r < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(k);
	return 0;
}

struct keys *keys_free(struct keys *k)
{
	if (!k)
		return NULL;
	secret_free(k->master);
	EVP_PKEY_free(k->identity);
	EVP_PKEY_free(k->token);
	EVP_KDF_free(k->hkdf);
	free(k);
	return NULL;
}

EVP_PKEY *keys_identity(const struct keys *k)
{
	return k->identity;
}

const uint8_t *keys_identity_id(const struct keys *k)
{
	return k->id;
}

EVP_PKEY *keys_token(const struct keys *k)
{
	return k->token;
}

/* ---- the identity's file ---- */

/* Without this OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *userdata)
{
	*(bool *)userdata = true;
	return -1;
}

int identity_key_parse(const struct secret *pem, EVP_PKEY **ret, struct cause *why)
{
	_cleanup_(bio_freep) BIO *in = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL, *second = NULL;
	bool encrypted = false;

	if (secret_len(pem) == 0)
		return cause_set(why, -EBADMSG, "it is empty");
	in = BIO_new_mem_buf(secret_data(pem), (int)secret_len(pem));
	if (!in)
		return cause_set_oom(why);
	key = PEM_read_bio_PrivateKey(in, NULL, no_password, &encrypted);
	if (key)
		second = PEM_read_bio_PrivateKey(in, NULL, no_password, &encrypted);
	ERR_clear_error();
	if (encrypted)
		return cause_set(why, -EBADMSG, "a key in it is encrypted, and nobody is here to "
						"ask for its password");
	if (!key)
		return cause_set(why, -EBADMSG, "it has no private key in PEM");
	if (second)
		return cause_set(why, -EBADMSG, "it has more than one private key");
	if (!is_p256_pair(key)) {
		ERR_clear_error();
		return cause_set(why, -EOPNOTSUPP, "its key is not an EC key on the curve P-256");
	}
	*ret = TAKE_PTR(key);
	return 0;
}

/* ---- the identity's certificate ---- */

static int set_serial(X509 *x)
{
	_cleanup_(bn_freep) BIGNUM *n = NULL;
	uint8_t bytes[SERIAL_LEN];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -ENOMEM;
	/* Positive, and not zero. */
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	return n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) ? 0 : -ENOMEM;
}

static int set_name(X509 *x, const char *name)
{
	char text[NAME_MAX_LEN + 1];
	int len = snprintf(text, sizeof(text), NAME_PREFIX "%s", name);

	if (!*name || len < 0 || (size_t)len >= sizeof(text))
		return -EINVAL;
	for (const char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			return -EINVAL;
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
					  (const uint8_t *)text, len, -1, 0) == 1 &&
			       X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 ?
		       0 :
		       -ENOMEM;
}

/* Guests look at no date.  It begins a day ago for other programs, whose clocks may be behind. */
static int set_dates(X509 *x, unsigned years)
{
	const int days = (int)(years * 1461 / 4);
	time_t now = time(NULL);

	return X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &now) &&
			       X509_time_adj_ex(X509_getm_notAfter(x), days, 0, &now) ?
		       0 :
		       -ENOMEM;
}

static int add_extensions(X509 *x)
{
	static const struct {
		int nid;
		const char *value;
	} extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		/* The key signs what is released, too. */
		{ NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
	};
	X509V3_CTX c;

	X509V3_set_ctx(&c, x, x, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		_cleanup_(x509_ext_freep) X509_EXTENSION *e =
			X509V3_EXT_conf_nid(NULL, &c, extensions[i].nid, extensions[i].value);

		if (!e || X509_add_ext(x, e, -1) != 1)
			return -ENOMEM;
	}
	return 0;
}

static int print_certificate(X509 *x, char **ret)
{
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_mem());
	char *text, *copy;
	long len;

	if (!out || PEM_write_bio_X509(out, x) != 1)
		return -ENOMEM;
	len = BIO_get_mem_data(out, &text);
	copy = len > 0 ? strndup(text, (size_t)len) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int identity_certificate(EVP_PKEY *identity, const char *name, unsigned years, char **ret_pem)
{
	_cleanup_(x509_freep) X509 *x = NULL;
	int r;

	if (years == 0 || years > YEARS_MAX)
		return -EINVAL;
	x = X509_new();
	if (!x || X509_set_version(x, X509_VERSION_3) != 1 || X509_set_pubkey(x, identity) != 1)
		return -ENOMEM;
	r = set_name(x, name);
	if (r >= 0)
		r = set_serial(x);
	if (r >= 0)
		r = set_dates(x, years);
	if (r >= 0)
		r = add_extensions(x);
	if (r < 0)
		return r;
	return X509_sign(x, identity, EVP_sha256()) > 0 ? print_certificate(x, ret_pem) : -ENOMEM;
}
