/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lists at hand of one issuer: which of them count, which is the newest, and who is revoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "attest/x509/crl-set.h"

#include <cmocka.h>

#define NOW 1768003200	/* 2026-01-10 */
#define DAY 86400

static struct {
	EVP_PKEY *key, *other;
	X509 *issuer;
	struct crl_issuer by;
	struct crl_set set;
	struct verifier *ctx;
	struct verdict *v;
	struct bytes lists[CRL_SET_MAX];
	bool sent[CRL_SET_MAX];
	unsigned n;
} f;

static void set_name(X509_NAME *name, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)cn,
						    -1, -1, 0),
			 1);
}

static X509 *make_issuer(EVP_PKEY *key)
{
	X509 *issuer = X509_new();

	assert_non_null(issuer);
	set_name(X509_get_subject_name(issuer), "issuer");
	assert_int_equal(X509_set_pubkey(issuer, key), 1);
	return issuer;
}

static int setup(void **state)
{
	static const uint8_t root[NEWEST_ROOT_LEN] = { 0x77 };

	memset(&f, 0, sizeof(f));
	f.key = EVP_EC_gen("P-256");
	f.other = EVP_EC_gen("P-256");
	f.v = verdict_new();
	if (!f.key || !f.other || !f.v || verifier_new(NULL, &f.ctx) < 0)
		return -1;
	f.issuer = make_issuer(f.key);
	f.by = (struct crl_issuer){ f.issuer, X509_SIG_ECDSA_SHA256, "the list", "root-crl", root };
	return 0;
}

/* None of f.lists any more. */
static void drop(void)
{
	while (f.n > 0)
		OPENSSL_free((void *)f.lists[--f.n].p);
}

static int teardown(void **state)
{
	crl_set_done(&f.set);
	drop();
	verifier_free(f.ctx);
	verdict_free(f.v);
	X509_free(f.issuer);
	EVP_PKEY_free(f.key);
	EVP_PKEY_free(f.other);
	return 0;
}

struct list {
	const char *issuer;	/* NULL: "issuer" */
	int from, to;		/* in days from NOW */
	long number;		/* 0: none */
	long revoked;		/* a serial number; 0: none */
	bool other_key, critical, sent;
};

/* Put one more list into f.lists. */
static void add(struct list l)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_TIME *t = ASN1_TIME_new();
	unsigned char *der = NULL;
	int len;

	assert_true(f.n < CRL_SET_MAX);
	set_name(name, l.issuer ? l.issuer : "issuer");
	assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, name), 1);
	assert_non_null(ASN1_TIME_set(t, NOW + l.from * DAY));
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, t), 1);
	assert_non_null(ASN1_TIME_set(t, NOW + l.to * DAY));
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, t), 1);
	if (l.number) {
		assert_int_equal(ASN1_INTEGER_set(n, l.number), 1);
		assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, l.critical, 0), 1);
	}
	if (l.revoked) {
		X509_REVOKED *entry = X509_REVOKED_new();

		assert_int_equal(ASN1_INTEGER_set(n, l.revoked), 1);
		assert_int_equal(X509_REVOKED_set_serialNumber(entry, n), 1);
		assert_int_equal(X509_REVOKED_set_revocationDate(entry, t), 1);
		assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
	}
	assert_true(X509_CRL_sign(crl, l.other_key ? f.other : f.key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(crl, &der);
	assert_true(len > 0);
	f.sent[f.n] = l.sent;
	f.lists[f.n++] = (struct bytes){ der, (size_t)len };
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
	X509_NAME_free(name);
	X509_CRL_free(crl);
}

static int collect(void)
{
	crl_set_done(&f.set);
	verdict_reset(f.v);
	return crl_set_collect(&f.set, f.ctx, &f.by, f.lists, f.sent, f.n, f.v);
}

static int check(int64_t now)
{
	return crl_set_check(&f.set, f.ctx, &f.by, now, f.v);
}

static X509 *cert_of(long serial)
{
	X509 *c = X509_new();

	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), serial), 1);
	return c;
}

static bool is_revoked(long serial)
{
	X509 *c = cert_of(serial);
	bool has = crl_set_has(&f.set, c);

	X509_free(c);
	return has;
}

static void assert_refused(int error, enum verdict_result result, const char *code)
{
	assert_int_equal(collect(), error);
	assert_int_equal(f.set.n, 0);
	assert_int_equal(f.v->result, result);
	assert_string_equal(f.v->code, code);
}

/* ---- which count ---- */

static void test_none(void **state)
{
	assert_int_equal(collect(), 0);
	assert_int_equal(f.set.n, 0);
	assert_int_equal(f.v->n_checks, 0);
	assert_false(is_revoked(5));
}

static void test_one(void **state)
{
	add((struct list){ .from = -1, .to = 1, .number = 3, .revoked = 5 });
	assert_int_equal(collect(), 0);
	assert_int_equal(f.set.n, 1);
	assert_true(is_revoked(5));
	assert_false(is_revoked(6));
	assert_true(verifier_latest(f.ctx) == NOW - DAY);
	assert_int_equal(check(NOW), 0);
	assert_ptr_equal(f.set.newest, f.set.list[0]);
	assert_true(f.set.next_update == NOW + DAY);
	assert_int_equal(f.v->first_failed, -1);
}

static void test_all_wrong(void **state)
{
	static const uint8_t rubbish[] = { 1, 2, 3 };

	add((struct list){ .issuer = "other", .to = 1 });
	assert_refused(-EKEYREJECTED, VERDICT_NOT_AUTHENTIC, "CRL_SIG");
	assert_non_null(strstr(f.v->checks[0].found, "CN=other"));
	drop();
	add((struct list){ .to = 1, .other_key = true });
	assert_refused(-EKEYREJECTED, VERDICT_NOT_AUTHENTIC, "CRL_SIG");
	drop();
	add((struct list){ .to = 1, .number = 3, .critical = true });
	assert_refused(-EBADMSG, VERDICT_MALFORMED, "CRL_FORMAT");
	drop();
	f.lists[f.n++] = (struct bytes){ rubbish, sizeof(rubbish) };
	assert_refused(-EBADMSG, VERDICT_MALFORMED, "CRL_FORMAT");
	f.n = 0;
}

/* What is said is about the first of the verifier's own, else about the first. */
static void test_which_is_to_blame(void **state)
{
	add((struct list){ .to = 1, .other_key = true, .sent = true });
	add((struct list){ .to = 1, .number = 3, .critical = true, .sent = true });
	assert_refused(-EKEYREJECTED, VERDICT_NOT_AUTHENTIC, "CRL_SIG");
	f.sent[1] = false;
	assert_refused(-EBADMSG, VERDICT_MALFORMED, "CRL_FORMAT");
	add((struct list){ .to = 1, .other_key = true });
	assert_refused(-EBADMSG, VERDICT_MALFORMED, "CRL_FORMAT");
}

/* A wrong one beside a right one is passed over, with a remark. */
static void test_one_is_enough(void **state)
{
	add((struct list){ .issuer = "other", .to = 1, .sent = true });
	add((struct list){ .to = 1, .other_key = true, .revoked = 5 });
	add((struct list){ .to = 1, .revoked = 6 });
	assert_int_equal(collect(), 0);
	assert_int_equal(f.set.n, 1);
	assert_int_equal(f.v->first_failed, -1);
	assert_int_equal(f.v->n_checks, 2);
	assert_int_equal(f.v->checks[0].result, CHECK_SKIPPED);
	assert_string_equal(f.v->checks[0].found,
			    "not used, sent with the evidence: it is of another issuer");
	assert_string_equal(f.v->checks[1].found,
			    "not used, of this verifier's: its issuer did not sign it");
	/* What nobody signed revokes nobody. */
	assert_false(is_revoked(5));
	assert_true(is_revoked(6));
}

/* As many as there is room for; each that the issuer signed counts, whatever its date. */
static void test_all_count(void **state)
{
	for (unsigned i = 0; i < CRL_SET_MAX; i++)
		add((struct list){ .from = -(int)i - 10,
				   .to = -(int)i - 5 + 100 * (i == 0),
				   .revoked = (long)i + 1,
				   .sent = i % 2 });
	assert_int_equal(collect(), 0);
	assert_int_equal(f.set.n, CRL_SET_MAX);
	for (unsigned i = 0; i < CRL_SET_MAX; i++)
		assert_true(is_revoked((long)i + 1));
	assert_false(is_revoked(CRL_SET_MAX + 1));
	assert_int_equal(check(NOW), 0);
	assert_ptr_equal(f.set.newest, f.set.list[0]);
	assert_true(verifier_latest(f.ctx) == NOW - 10 * DAY);
}

/* One that is known is not parsed again, and is known for this issuer's key alone. */
static void test_memo(void **state)
{
	X509_CRL *first;

	add((struct list){ .from = -1, .to = 1 });
	assert_int_equal(collect(), 0);
	first = f.set.list[0];
	assert_int_equal(collect(), 0);
	assert_ptr_equal(f.set.list[0], first);
	X509_free(f.issuer);
	f.by.cert = f.issuer = make_issuer(f.other);
	assert_refused(-EKEYREJECTED, VERDICT_NOT_AUTHENTIC, "CRL_SIG");
}

/* ---- which is the newest ---- */

static void test_dates(void **state)
{
	add((struct list){ .from = -1, .to = 1 });
	assert_int_equal(collect(), 0);
	assert_int_equal(check(NOW - DAY), 0);
	assert_int_equal(check(NOW + DAY), 0);
	assert_int_equal(f.v->first_failed, -1);
	assert_int_equal(check(NOW + DAY + 1), -EAGAIN);
	assert_string_equal(f.v->code, "CRL_STALE");
	assert_int_equal(f.v->result, VERDICT_UNDECIDED);
	assert_int_equal(collect(), 0);
	assert_int_equal(check(NOW - DAY - 1), -EAGAIN);
	assert_string_equal(f.v->code, "CRL_STALE");
}

/* Good now goes before new; of those that are good the higher number does, then the later date. */
static void test_newest(void **state)
{
	add((struct list){ .from = -9, .to = 1, .number = 4 });
	add((struct list){ .from = -8, .to = 2, .number = 5 });
	add((struct list){ .from = -7, .to = 3, .number = 3 });
	add((struct list){ .from = 4, .to = 9, .number = 9 });
	assert_int_equal(collect(), 0);
	assert_int_equal(check(NOW), 0);
	assert_ptr_equal(f.set.newest, f.set.list[1]);
	assert_true(f.set.next_update == NOW + 2 * DAY);
	assert_int_equal(check(NOW + 3 * DAY), 0);
	assert_ptr_equal(f.set.newest, f.set.list[2]);
	assert_int_equal(check(NOW + 9 * DAY), 0);
	assert_ptr_equal(f.set.newest, f.set.list[3]);
	assert_int_equal(f.v->first_failed, -1);
	/* None is good: what is said is of the newest. */
	assert_int_equal(check(NOW + 10 * DAY), -EAGAIN);
	assert_ptr_equal(f.set.newest, f.set.list[3]);
	/* Between two: none is. */
	assert_int_equal(check(NOW + 4 * DAY - 1), -EAGAIN);
}

static void test_same_number(void **state)
{
	add((struct list){ .from = -2, .to = 1, .number = 1 });
	add((struct list){ .from = -1, .to = 1, .number = 1 });
	add((struct list){ .from = -3, .to = 1, .number = 1 });
	assert_int_equal(collect(), 0);
	assert_int_equal(check(NOW), 0);
	assert_ptr_equal(f.set.newest, f.set.list[1]);
}

/* ---- what was verified before ---- */

static void test_older(void **state)
{
	static struct newest memory;
	struct newest_entry e;

	add((struct list){ .from = -2, .to = 1, .number = 7 });
	assert_int_equal(collect(), 0);
	crl_entry(f.set.list[0], &f.by, &e);
	assert_string_equal(e.what, "root-crl");
	assert_int_equal(e.root[0], 0x77);
	assert_int_equal(e.number[NEWEST_NUMBER_LEN - 1], 7);
	assert_int_equal(e.number[0], 0);
	assert_true(e.issued == NOW - 2 * DAY);
	memory.n = 0;
	assert_int_equal(newest_note(&memory, &e), 1);
	verifier_set_newest(f.ctx, &memory);
	assert_int_equal(check(NOW), 0);
	newest_set_number(&e, 8);
	assert_int_equal(newest_note(&memory, &e), 1);
	assert_int_equal(check(NOW), -EAGAIN);
	assert_string_equal(f.v->code, "OLDER");
}

/* One that was fetched: it is the issuer's, and good now, or nothing is said of what it is. */
static void test_alone(void **state)
{
	struct newest_entry e = { .issued = 42 };

	add((struct list){ .from = -1, .to = 1, .number = 3 });
	add((struct list){ .from = -1, .to = 1, .other_key = true });
	assert_int_equal(crl_check_alone(f.ctx, &f.by, f.lists[1], NOW, f.v, &e), -EKEYREJECTED);
	assert_string_equal(f.v->code, "CRL_SIG");
	verdict_reset(f.v);
	assert_int_equal(crl_check_alone(f.ctx, &f.by, f.lists[0], NOW + DAY + 1, f.v, &e),
			 -EAGAIN);
	assert_string_equal(f.v->code, "CRL_STALE");
	assert_true(e.issued == 42);
	verdict_reset(f.v);
	assert_int_equal(crl_check_alone(f.ctx, &f.by, f.lists[0], NOW, f.v, &e), 0);
	assert_true(e.issued == NOW - DAY);
	assert_int_equal(e.number[NEWEST_NUMBER_LEN - 1], 3);
	assert_int_equal(f.v->first_failed, -1);
}

/* A number of 20 bytes is the longest that there is; without one it is 0. */
static void test_numbers(void **state)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	uint8_t number[NEWEST_NUMBER_LEN + 1];
	struct newest_entry e;

	memset(number, 0x31, sizeof(number));
	for (int len = NEWEST_NUMBER_LEN; len <= NEWEST_NUMBER_LEN + 1; len++) {
		X509_CRL *crl = X509_CRL_new();

		assert_int_equal(ASN1_STRING_set(n, number, len), 1);
		assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0), 1);
		crl_entry(crl, &f.by, &e);
		assert_int_equal(e.number[0], len == NEWEST_NUMBER_LEN ? 0x31 : 0);
		assert_int_equal(e.number[NEWEST_NUMBER_LEN - 1],
				 len == NEWEST_NUMBER_LEN ? 0x31 : 0);
		X509_CRL_free(crl);
	}
	ASN1_INTEGER_free(n);
	add((struct list){ .to = 1 });
	assert_int_equal(collect(), 0);
	crl_entry(f.set.list[0], &f.by, &e);
	assert_true(bytes_all_zero(&(struct bytes){ e.number, sizeof(e.number) }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_which_is_to_blame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_older, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
