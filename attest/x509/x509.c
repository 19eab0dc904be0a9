/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/x509/x509.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "attest/evidence.h"
#include "base/base64.h"
#include "base/blank.h"
#include "crypto/openssl-error.h"

/* ---- parsing ---- */

static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *provider;

static void free_context(void)
{
	if (provider)
		(void) OSSL_PROVIDER_unload(provider);
	OSSL_LIB_CTX_free(context);
	provider = NULL;
	context = NULL;
}

static void make_context(void)
{
	context = OSSL_LIB_CTX_new();
	/* Without a provider of its own, it would load the default one. */
	provider = context ? OSSL_PROVIDER_load(context, "null") : NULL;
	if (!provider)
		free_context();
	else
		(void) OPENSSL_atexit(free_context);
}

/*
 * OpenSSL decodes the key of each certificate at once, by the decoders of its providers, and that
 * takes longer than verifying a signature with it.  In a context whose only provider is "null"
 * there is no decoder: the certificate is read all the same, and its key stays bytes, until
 * x509_public_key() makes a key of them.
 *
 * Returns NULL if memory is short; the next call tries again.  The context stays until the process
 * ends.
 */
static OSSL_LIB_CTX *without_decoders(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	OSSL_LIB_CTX *found;

	(void) pthread_mutex_lock(&lock);
	if (!context)
		make_context();
	found = context;
	(void) pthread_mutex_unlock(&lock);
	return found;
}

/* What OpenSSL complains about here is no news for whoever looks at its queue of errors next. */
static X509 *decode(struct bytes der)
{
	OSSL_LIB_CTX *bare = without_decoders();
	const unsigned char *p = der.p;
	X509 *cert = bare ? X509_new_ex(bare, NULL) : NULL;

	if (!cert)
		return NULL;
	ERR_set_mark();
	/* After an error it has freed the certificate. */
	if (!d2i_X509(&cert, &p, (long)der.len) || p != der.p + der.len)
		cert = x509_free(cert);
	(void) ERR_pop_to_mark();
	return cert;
}

/*
 * Returns 0, -EBADMSG, or -ENOMEM: a list that nobody had the memory to read may revoke what is
 * being verified, and must not be passed over like one that is malformed.
 */
static int crl_decode(struct bytes der, X509_CRL **ret)
{
	OSSL_LIB_CTX *bare = without_decoders();
	const unsigned char *p = der.p;
	X509_CRL *crl = bare ? X509_CRL_new_ex(bare, NULL) : NULL;
	int r = 0;

	if (!crl)
		return -ENOMEM;
	openssl_begin();
	if (!d2i_X509_CRL(&crl, &p, (long)der.len) || p != der.p + der.len) {
		r = openssl_error(-EBADMSG);
		X509_CRL_free(crl);
	}
	ERR_clear_error();
	if (r == 0)
		*ret = crl;
	return r;
}

/*
 * RFC 5280, 4.2: a certificate has no extension twice.  Readers differ in which of the two they
 * believe.  The same holds for a revocation list: OpenSSL finds no number in a list that has two.
 */
static bool has_extension_twice(const STACK_OF(X509_EXTENSION) *extensions)
{
	for (int i = 0; i < X509v3_get_ext_count(extensions); i++) {
		const ASN1_OBJECT *id = X509_EXTENSION_get_object(X509v3_get_ext(extensions, i));

		if (X509v3_get_ext_by_OBJ(extensions, id, i) >= 0)
			return true;
	}
	return false;
}

int x509_parse_der(struct bytes der, X509 **ret)
{
	X509 *cert;

	if (der.len > EVIDENCE_CERT_LEN_MAX)
		return -EMSGSIZE;
	/* OpenSSL would take BER as well. */
	if (!der_is_strict(der))
		return -EBADMSG;
	cert = decode(der);
	/*
	 * Versions before 3 have no extensions, and there is no later version.  A negative serial
	 * number cannot be revoked: no list names it.
	 */
	if (!cert || X509_get_version(cert) != X509_VERSION_3 ||
	    ASN1_STRING_type(X509_get0_serialNumber(cert)) != V_ASN1_INTEGER ||
	    has_extension_twice(X509_get0_extensions(cert))) {
		X509_free(cert);
		return -EBADMSG;
	}
	*ret = cert;
	return 0;
}

void x509_list_done(struct x509_list *l)
{
	while (l->n > 0)
		X509_free(l->cert[--l->n]);
}

static int list_add(void *userdata, struct bytes der)
{
	struct x509_list *l = userdata;
	int r;

	if (l->n == X509_LIST_MAX)
		return -EMSGSIZE;
	r = x509_parse_der(der, &l->cert[l->n]);
	if (r < 0)
		return r;
	l->n++;
	return 0;
}

static void skip_space(struct bytes *b)
{
	while (b->len > 0 && is_space(b->p[0]))
		(void) bytes_skip(b, 1);
}

bool pem_is(struct bytes text)
{
	static const char begin[] = "-----BEGIN";

	skip_space(&text);
	return text.len >= strlen(begin) && memcmp(text.p, begin, strlen(begin)) == 0;
}

ssize_t pem_next(struct bytes *text, const char *label, uint8_t *buf, size_t size)
{
	_cleanup_(freep) char *body = NULL;
	struct bytes t = *text, inner;
	char line[64];
	const uint8_t *end;
	ssize_t n;

	skip_space(&t);
	if (bytes_all_zero(&t)) {
		*text = (struct bytes){ t.p + t.len, 0 };
		return 0;
	}
	n = snprintf(line, sizeof(line), "-----BEGIN %s-----", label);
	if (t.len < (size_t)n || memcmp(t.p, line, (size_t)n) != 0)
		return -EBADMSG;
	(void) bytes_skip(&t, (size_t)n);
	n = snprintf(line, sizeof(line), "-----END %s-----", label);
	end = memmem(t.p, t.len, line, (size_t)n);
	if (!end || bytes_take(&t, (size_t)(end - t.p), &inner) < 0 ||
	    bytes_skip(&t, (size_t)n) < 0)
		return -EBADMSG;
	/* The length includes blanks; the decoder has a cap of its own for what is left. */
	if (inner.len > 4 * size + 1024)
		return -EMSGSIZE;
	if (memchr(inner.p, '\0', inner.len))
		return -EBADMSG;
	body = malloc(inner.len + 1);
	if (!body)
		return -ENOMEM;
	memcpy(body, inner.p, inner.len);
	body[inner.len] = '\0';
	n = base64_decode(body, buf, size);
	if (n <= 0)
		return n < 0 ? n : -EBADMSG;
	*text = t;
	return n;
}

int x509_each_der(struct bytes text, int (*each)(void *userdata, struct bytes der), void *userdata)
{
	_cleanup_(freep) uint8_t *der = NULL;
	ssize_t n, found = 0;
	int r = 0;

	if (!pem_is(text))
		return each(userdata, text);
	der = malloc(EVIDENCE_CERT_LEN_MAX);
	if (!der)
		return -ENOMEM;
	while (r == 0 && (n = pem_next(&text, "CERTIFICATE", der, EVIDENCE_CERT_LEN_MAX)) != 0) {
		r = n < 0 ? (int)n : each(userdata, (struct bytes){ der, (size_t)n });
		found++;
	}
	return r == 0 && found == 0 ? -EBADMSG : r;
}

int x509_parse(struct bytes text, struct x509_list *l)
{
	return x509_each_der(text, list_add, l);
}

static int crl_parse_der(struct bytes der, X509_CRL **ret)
{
	X509_CRL *crl;
	int r;

	if (der.len > EVIDENCE_CRL_LEN_MAX)
		return -EMSGSIZE;
	if (!der_is_strict(der))
		return -EBADMSG;
	r = crl_decode(der, &crl);
	if (r < 0)
		return r;
	if (X509_CRL_get_version(crl) != X509_CRL_VERSION_2 ||
	    has_extension_twice(X509_CRL_get0_extensions(crl))) {
		X509_CRL_free(crl);
		return -EBADMSG;
	}
	*ret = crl;
	return 0;
}

int x509_crl_parse(struct bytes text, X509_CRL **ret)
{
	_cleanup_(freep) uint8_t *der = NULL;
	ssize_t n;

	if (text.len > 2 * EVIDENCE_CRL_LEN_MAX)
		return -EMSGSIZE;
	if (!pem_is(text))
		return crl_parse_der(text, ret);
	der = malloc(EVIDENCE_CRL_LEN_MAX);
	if (!der)
		return -ENOMEM;
	n = pem_next(&text, "X509 CRL", der, EVIDENCE_CRL_LEN_MAX);
	if (n <= 0)
		return n < 0 ? (int)n : -EBADMSG;
	skip_space(&text);
	if (!bytes_all_zero(&text))
		return -EBADMSG;
	return crl_parse_der((struct bytes){ der, (size_t)n }, ret);
}

/* ---- time ---- */

static int to_seconds(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm))
		return -EBADMSG;
	*ret = timegm(&tm);
	return 0;
}

static int to_period(const ASN1_TIME *from, const ASN1_TIME *to, int64_t *ret_from, int64_t *ret_to)
{
	int64_t first, last;
	int r;

	r = to_seconds(from, &first);
	if (r == 0)
		r = to_seconds(to, &last);
	if (r < 0)
		return r;
	*ret_from = first;
	*ret_to = last;
	return 0;
}

int x509_validity(X509 *cert, int64_t *ret_not_before, int64_t *ret_not_after)
{
	return to_period(X509_get0_notBefore(cert), X509_get0_notAfter(cert), ret_not_before,
			 ret_not_after);
}

int x509_crl_validity(const X509_CRL *crl, int64_t *ret_this_update, int64_t *ret_next_update)
{
	return to_period(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl),
			 ret_this_update, ret_next_update);
}

int x509_valid_at(X509 *cert, int64_t now)
{
	int64_t before, after;
	int r;

	r = x509_validity(cert, &before, &after);
	if (r < 0)
		return r;
	return now >= before && now <= after ? 0 : -EKEYEXPIRED;
}

/* ---- names and extensions ---- */

int x509_common_name(const X509_NAME *name, char ret[static X509_CN_MAX + 1])
{
	int i = X509_NAME_get_index_by_NID((X509_NAME *)name, NID_commonName, -1);
	const ASN1_STRING *s;
	int len;

	if (i < 0 || X509_NAME_get_index_by_NID((X509_NAME *)name, NID_commonName, i) >= 0)
		return -EBADMSG;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	len = ASN1_STRING_length(s);
	/* No control characters; the NULs of two- or four-byte characters are refused with them. */
	if (len <= 0 || len > X509_CN_MAX)
		return -EBADMSG;
	for (int j = 0; j < len; j++)
		if (ASN1_STRING_get0_data(s)[j] < 0x20 || ASN1_STRING_get0_data(s)[j] > 0x7e)
			return -EBADMSG;
	memcpy(ret, ASN1_STRING_get0_data(s), (size_t)len);
	ret[len] = '\0';
	return 0;
}

bool x509_has_cn(const X509_NAME *name, const char *want)
{
	char cn[X509_CN_MAX + 1];

	return x509_common_name(name, cn) == 0 && streq(cn, want);
}

const char *x509_name_text(struct verdict *v, const X509_NAME *name)
{
	char line[200];

	/* OpenSSL's old one-line form escapes everything that is not printable. */
	if (!X509_NAME_oneline(name, line, sizeof(line)))
		return "?";
	return verdict_text(v, "%s", line);
}

int x509_extension(X509 *cert, const char *oid, struct bytes *ret)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, /* no_name= */ 1);
	const ASN1_OCTET_STRING *value;
	int i, again;

	if (!obj)
		return -ENOMEM;
	i = X509_get_ext_by_OBJ(cert, obj, -1);
	again = i < 0 ? -1 : X509_get_ext_by_OBJ(cert, obj, i);
	ASN1_OBJECT_free(obj);
	if (i < 0)
		return -ENOENT;
	if (again >= 0)
		return -EEXIST;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, i));
	ret->p = ASN1_STRING_get0_data(value);
	ret->len = (size_t)ASN1_STRING_length(value);
	return 0;
}

/* OpenSSL complains that it has no hash for a fingerprint; nothing here asks for one. */
static uint32_t extension_flags(X509 *cert)
{
	uint32_t flags;

	ERR_set_mark();
	flags = X509_get_extension_flags(cert);
	(void) ERR_pop_to_mark();
	return flags;
}

bool x509_is_ca(X509 *cert)
{
	uint32_t flags = extension_flags(cert);

	return (flags & EXFLAG_CA) && !(flags & EXFLAG_INVALID) &&
	       (!(flags & EXFLAG_KUSAGE) || (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN));
}

bool x509_is_leaf(X509 *cert)
{
	uint32_t flags = extension_flags(cert);

	return !(flags & EXFLAG_CA) && !(flags & EXFLAG_INVALID);
}

int x509_serial(X509 *cert, uint8_t ret[static X509_SERIAL_MAX], size_t *ret_len)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int len = ASN1_STRING_length(serial);

	if (len <= 0 || len > X509_SERIAL_MAX)
		return -EBADMSG;
	memcpy(ret, ASN1_STRING_get0_data(serial), (size_t)len);
	*ret_len = (size_t)len;
	return 0;
}

/* ---- revocation ---- */

/*
 * A critical issuing distribution point can say that a list has only some reasons, only users'
 * or only authorities' certificates.  If it says only where the list lies, the list is complete.
 */
static bool is_partial(X509_CRL *crl)
{
	ISSUING_DIST_POINT *idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL,
						       NULL);
	bool partial = !idp || idp->onlyuser > 0 || idp->onlyCA > 0 || idp->onlyattr > 0 ||
		       idp->indirectCRL > 0 || idp->onlysomereasons;

	ISSUING_DIST_POINT_free(idp);
	return partial;
}

static bool has_unknown_critical(X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *e = X509_CRL_get_ext(crl, i);

		if (!X509_EXTENSION_get_critical(e))
			continue;
		if (OBJ_obj2nid(X509_EXTENSION_get_object(e)) != NID_issuing_distribution_point ||
		    is_partial(crl))
			return true;
	}
	return false;
}

int x509_crl_verify(X509_CRL *crl, X509 *issuer, enum x509_sig sig)
{
	int r;

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
		return -ENOENT;
	r = x509_crl_check_signature(crl, issuer, sig);
	if (r < 0)
		return r;
	openssl_begin();
	return has_unknown_critical(crl) ? openssl_error(-EOPNOTSUPP) : 0;
}

bool x509_crl_has(X509_CRL *crl, X509 *cert)
{
	X509_REVOKED *entry = NULL;

	/*
	 * 0: not in the list; 1: revoked; 2: "removeFromCRL", which only delta lists may have;
	 * -1: error.
	 */
	return X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(cert)) != 0;
}
