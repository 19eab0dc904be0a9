/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's certificate, and whom its TLS speaks to: both ends are in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/serve/tls-leaf.h"
#include "broker/serve/tls.h"
#include "tests/unit/identity.h"

#include <cmocka.h>

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

struct fixture {
	struct identity identity;
	struct metrics *metrics;
	struct tls *tls;
};

static bool with_key_id = true;

static void begin(struct fixture *f)
{
	static const char *const more[] = { "192.0.2.1", "2001:db8::1", "other.example.org", NULL };
	struct tls_setup s = { .name = "kbs.example.org", .more_names = more };
	struct cause why;

	f->tls = NULL;
	identity_make(&f->identity, with_key_id);
	assert_int_equal(metrics_new(&f->metrics), 0);
	s.identity = f->identity.key;
	s.identity_pem = f->identity.pem;
	s.metrics = f->metrics;
	assert_int_equal(tls_new(&s, NOW, &f->tls, &why), 0);
}

static void end(struct fixture *f)
{
	f->tls = tls_free(f->tls);
	identity_done(&f->identity);
	f->metrics = metrics_free(f->metrics);
}

static SSL *client(SSL_CTX *c)
{
	SSL *ssl = SSL_new(c);

	SSL_set_connect_state(ssl);
	return ssl;
}

/* Let both ends speak.  True if the handshake is done; both are the caller's still. */
static bool shake(SSL *a, SSL *b)
{
	BIO *x, *y;
	int done = 0;

	assert_int_equal(BIO_new_bio_pair(&x, 0, &y, 0), 1);
	SSL_set_bio(a, x, x);
	SSL_set_bio(b, y, y);
	for (unsigned i = 0; i < 10 && done != 2; i++)
		done = (SSL_do_handshake(a) == 1) + (SSL_do_handshake(b) == 1);
	return done == 2;
}

/* The certificate that a new connection shows, checked for @name at @when. */
static X509 *shown(struct fixture *f, const char *name, int64_t when, long *ret_error)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL *ours = tls_accept(f->tls), *theirs;
	X509 *x;

	X509_STORE_add_cert(SSL_CTX_get_cert_store(c), f->identity.certificate);
	X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(c), (time_t)when);
	theirs = client(c);
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(theirs), name) != 1)
		SSL_set1_host(theirs, name);
	assert_true(shake(ours, theirs));
	*ret_error = SSL_get_verify_result(theirs);
	x = SSL_get1_peer_certificate(theirs);
	SSL_free(ours);
	SSL_free(theirs);
	SSL_CTX_free(c);
	return x;
}

static long error_for(struct fixture *f, const char *name, int64_t when)
{
	long error;

	X509_free(shown(f, name, when, &error));
	return error;
}

static void test_names_and_dates(void **state)
{
	struct fixture f;

	begin(&f);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW), X509_V_OK);
	assert_int_equal(error_for(&f, "other.example.org", NOW), X509_V_OK);
	assert_int_equal(error_for(&f, "192.0.2.1", NOW), X509_V_OK);
	assert_int_equal(error_for(&f, "2001:db8::1", NOW), X509_V_OK);
	assert_int_equal(error_for(&f, "192.0.2.2", NOW), X509_V_ERR_IP_ADDRESS_MISMATCH);
	assert_int_equal(error_for(&f, "kbs.example.com", NOW), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW + 29 * DAY), X509_V_OK);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW + 31 * DAY),
			 X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW - DAY / 2), X509_V_OK);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW - 2 * DAY),
			 X509_V_ERR_CERT_NOT_YET_VALID);
	end(&f);
}

static void test_certificate(void **state)
{
	const ASN1_OCTET_STRING *id;
	struct fixture f;
	long error;
	X509 *x;

	begin(&f);
	x = shown(&f, "kbs.example.org", NOW, &error);
	assert_int_equal(X509_verify(x, f.identity.key), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 0);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	assert_true(EVP_PKEY_is_a(X509_get0_pubkey(x), "EC"));
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
	/* It is not the identity's own key. */
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), f.identity.key), 0);
	assert_non_null(X509_get0_authority_key_id(x));
	id = X509_get0_subject_key_id(f.identity.certificate);
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x), id), 0);
	X509_free(x);
	end(&f);
}

/* An identity that was made elsewhere. */
static void test_no_key_id(void **state)
{
	struct fixture f;

	with_key_id = false;
	begin(&f);
	with_key_id = true;
	assert_int_equal(error_for(&f, "kbs.example.org", NOW), X509_V_OK);
	end(&f);
}

/* A clock that moves on, and one that is set back. */
static void test_renewal(void **state)
{
	struct fixture f;
	struct cause why;
	char *text;
	long error;
	X509 *first, *same, *renewed;
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL *ours, *theirs;

	begin(&f);
	first = shown(&f, "kbs.example.org", NOW, &error);
	ours = tls_accept(f.tls);
	theirs = client(c);
	assert_int_equal(tls_renew(f.tls, NOW, &why), 0);
	assert_int_equal(tls_renew(f.tls, NOW + 20 * DAY - 1, &why), 0);
	same = shown(&f, "kbs.example.org", NOW, &error);
	assert_int_equal(X509_cmp(first, same), 0);
	assert_int_equal(tls_renew(f.tls, NOW + 20 * DAY, &why), 1);
	renewed = shown(&f, "kbs.example.org", NOW + 45 * DAY, &error);
	assert_int_equal(error, X509_V_OK);
	assert_int_not_equal(X509_cmp(first, renewed), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(first), X509_get0_pubkey(renewed)), 0);
	assert_int_equal(metrics_format(f.metrics, &text), 0);
	assert_non_null(strstr(text, "certificate_expires_timestamp_seconds 1804320000\n"));
	free(text);
	/* What was accepted before goes on with the old one. */
	assert_true(shake(ours, theirs));
	assert_int_equal(X509_cmp(SSL_get0_peer_certificate(theirs), first), 0);
	assert_int_equal(tls_renew(f.tls, NOW - 30 * DAY, &why), 1);
	assert_int_equal(error_for(&f, "kbs.example.org", NOW - 30 * DAY), X509_V_OK);
	SSL_free(ours);
	SSL_free(theirs);
	SSL_CTX_free(c);
	X509_free(first);
	X509_free(same);
	X509_free(renewed);
	end(&f);
}

/* A handshake with a client that was set up by @set. */
static bool speaks(struct fixture *f, void (*set)(SSL_CTX *c), const char **ret_version)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL *ours = tls_accept(f->tls), *theirs;
	bool good;

	SSL_CTX_set_security_level(c, 0);
	set(c);
	theirs = client(c);
	good = shake(ours, theirs);
	*ret_version = SSL_get_version(theirs);
	SSL_free(ours);
	SSL_free(theirs);
	SSL_CTX_free(c);
	return good;
}

static void nothing(SSL_CTX *c)
{
}

static void only_1_2(SSL_CTX *c)
{
	SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
}

static void only_1_1(SSL_CTX *c)
{
	SSL_CTX_set_min_proto_version(c, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(c, TLS1_1_VERSION);
}

static void only_cbc(SSL_CTX *c)
{
	only_1_2(c);
	SSL_CTX_set_cipher_list(c, "ECDHE-ECDSA-AES128-SHA");
}

static void only_p521(SSL_CTX *c)
{
	SSL_CTX_set1_groups_list(c, "P-521");
}

static void http_1_1(SSL_CTX *c)
{
	SSL_CTX_set_alpn_protos(c, (const uint8_t *)"\x02h2\x08http/1.1", 12);
}

static void http_2(SSL_CTX *c)
{
	SSL_CTX_set_alpn_protos(c, (const uint8_t *)"\x02h2", 3);
}

static void test_versions(void **state)
{
	const char *version;
	struct fixture f;

	begin(&f);
	assert_true(speaks(&f, nothing, &version));
	assert_string_equal(version, "TLSv1.3");
	assert_true(speaks(&f, only_1_2, &version));
	assert_string_equal(version, "TLSv1.2");
	assert_true(speaks(&f, http_1_1, &version));
	assert_false(speaks(&f, only_1_1, &version));
	assert_false(speaks(&f, only_cbc, &version));
	assert_false(speaks(&f, only_p521, &version));
	assert_false(speaks(&f, http_2, &version));
	end(&f);
}

static unsigned n_sessions;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	n_sessions++;
	return 0;
}

/* Neither a ticket nor a session to come back with, and no second handshake. */
static void test_nothing_is_kept(void **state)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL *ours, *theirs;
	struct fixture f;
	char buf[10];

	begin(&f);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(c, on_session);
	for (unsigned i = 0; i < 2; i++) {
		if (i == 1)
			only_1_2(c);
		ours = tls_accept(f.tls);
		theirs = client(c);
		n_sessions = 0;
		assert_true(shake(ours, theirs));
		assert_int_equal(SSL_write(ours, "hello", 5), 5);
		assert_int_equal(SSL_read(theirs, buf, sizeof(buf)), 5);
		assert_int_equal(SSL_session_reused(ours), 0);
		/* TLS 1.2 has a session on the client's side, which nobody can resume. */
		assert_int_equal(SSL_SESSION_has_ticket(SSL_get0_session(theirs)), 0);
		if (i == 0)
			assert_int_equal(n_sessions, 0);
		else
			assert_true(SSL_renegotiate(theirs) != 1 || SSL_do_handshake(theirs) != 1);
		SSL_free(ours);
		SSL_free(theirs);
	}
	SSL_CTX_free(c);
	end(&f);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",    "a b", "-a",  "a..b",	       ".a",	"a.",
		"*.a", "a/b", "a:1", "192.0.2.1:8443", "[::1]", "\xc3\xa4",
	};
	struct tls_setup s = { .name = "kbs.example.org" };
	struct identity identity, other;
	struct tls *t = NULL;
	struct cause why;

	identity_make(&identity, true);
	identity_make(&other, true);
	assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
	s.identity = identity.key;
	assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
	s.identity_pem = "-----BEGIN CERTIFICATE-----\n";
	assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
	s.identity_pem = other.pem;
	assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
	assert_non_null(strstr(why.text, "not that of the identity"));
	s.identity_pem = identity.pem;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *const more[] = { wrong[i], NULL };

		s.name = wrong[i];
		assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
		s.name = "kbs.example.org";
		s.more_names = more;
		assert_int_equal(tls_new(&s, NOW, &t, &why), -EINVAL);
		s.more_names = NULL;
	}
	assert_null(t);
	s.name = "a-name.of-64-and-more-characters-does-not-fit-into-a-common-name.example.org";
	assert_int_equal(tls_new(&s, NOW, &t, &why), 0);
	tls_free(t);
	identity_done(&identity);
	identity_done(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_dates), cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_renewal),		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_nothing_is_kept), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_key_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
