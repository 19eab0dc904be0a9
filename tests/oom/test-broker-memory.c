/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The broker with each of its allocations failing, one at a time: it says that memory is short,
 * which a guest may try again after, and never that something is wrong with what it was sent.
 * What is wrong is never good.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "broker/core/respond.h"
#include "broker/core/seal.h"
#include "broker/core/token.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"
#include "tests/oom/failing.h"
#include "tests/unit/broker-keys.h"

#define NOW INT64_C(1800000000)
#define PATH "default/luks/root"
#define FEW 60	/* failures of a decision */

enum { GOOD, NO_MEMORY, WRONG };

static struct {
	struct keys *k;
	struct cookie cookie;
	struct net_auth asked;
	struct attestation a;
	struct secret *plain;
	uint8_t rules[32];
	uint8_t *sealed;
	size_t sealed_len;
	char nonce[48];
	char *body, *bad_body, *token;
} f;

typedef int (*decide_t)(void);

static int code_of(int r)
{
	return r == 0 ? GOOD : r == -ENOMEM ? NO_MEMORY : WRONG;
}

/*
 * json-c crashes without memory, so this is a process of its own.  A secret is zero there
 * (base/secret.h).
 */
static int apart(decide_t decide, unsigned long n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka's would go on with the tests here. */
		(void) signal(SIGSEGV, SIG_DFL);
		failing_at(n);
		_exit(code_of(decide()));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		return NO_MEMORY;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int here(decide_t decide, unsigned long n)
{
	int r;

	failing_at(n);
	r = code_of(decide());
	failing_at(0);
	return r;
}

static unsigned long count(decide_t decide)
{
	unsigned long n;

	(void) decide();
	failing_at(0);
	(void) decide();
	n = failing_count();
	assert_true(n > 0);
	return n;
}

/* @want is what it says with memory. */
static void try(const char *name, decide_t decide, int want, int (*how)(decide_t, unsigned long))
{
	unsigned long n = count(decide), step = n > FEW ? n / FEW + 1 : 1;

	assert_int_equal(code_of(decide()), want);
	for (unsigned long i = 1; i <= n; i += step) {
		int got = how(decide, i);

		/* json-c may lose a member without memory, and then it is missing. */
		if (got != NO_MEMORY && got != want && !(how == apart && got == WRONG))
			fail_msg("%s: with allocation %lu of %lu failing: %d", name, i, n, got);
	}
	assert_int_equal(code_of(decide()), want);
}

/* ---- what is decided ---- */

static int attest(const char *body)
{
	struct attestation a;
	struct cause why;
	int r = message_read_attestation((struct bytes){ (const uint8_t *)body, strlen(body) }, &a,
					 &why);

	if (r == 0)
		attestation_done(&a);
	return r;
}

static int decide_attestation(void)
{
	return attest(f.body);
}

static int decide_bad_attestation(void)
{
	return attest(f.bad_body);
}

static int decide_nonce(void)
{
	enum broker_tee tee;

	return challenge_find(f.k, &f.cookie, &f.asked, f.nonce, &tee);
}

static int decide_other_nonce(void)
{
	struct cookie other = f.cookie;
	enum broker_tee tee;

	other.random[0] ^= 1;
	return challenge_find(f.k, &other, &f.asked, f.nonce, &tee);
}

static int decide_token(void)
{
	struct cookie c;

	return token_read(f.k, f.token, NOW, &c);
}

static int decide_forged_token(void)
{
	char *token = strdup(f.token);
	struct cookie c;
	int r;

	if (!token)
		return -ENOMEM;
	token[strlen(token) - 10] ^= 1;
	r = token_read(f.k, token, NOW, &c);
	free(token);
	return r;
}

static int open_as(const char *path)
{
	struct secret *s = NULL;
	int r = unseal(f.k, path, 1, f.rules, f.sealed, f.sealed_len, &s);

	secret_free(s);
	return r;
}

static int decide_unseal(void)
{
	return open_as(PATH);
}

static int decide_unseal_other(void)
{
	return open_as("default/luks/home");
}

static int decide_release(void)
{
	char *body = NULL, *release = NULL;
	int r = respond_release(f.k, &f.a.key, f.a.rd, PATH, 1, f.plain, &body, &release);

	/* Half an answer is none. */
	if (r == 0 && (!body || !release))
		abort();
	free(body);
	free(release);
	return r;
}

/* ---- all ---- */

static char *body_with(const char *x, const char *y)
{
	char *body;

	assert_true(asprintf(&body,
			     "{\"init-data\":{\"format\":\"toml\",\"body\":\"\"},\"runtime-data\":{"
			     "\"nonce\":\"%s\",\"tee-pubkey\":{\"kty\":\"EC\",\"crv\":\"P-256\","
			     "\"alg\":\"ECDH-ES+A256KW\",\"x\":\"%s\",\"y\":\"%s\"}},"
			     "\"tee-evidence\":{\"primary_evidence\":{},"
			     "\"additional_evidence\":\"\"}}",
			     f.nonce, x, y) > 0);
	return body;
}

static int set_up(void **state)
{
	uint8_t salt[32], nonce[32];
	char *text, *x, *y;
	struct cause why;
	EVP_PKEY *key;

	assert_int_equal(locked_heap_init(65536), 0);
	f.k = broker_keys(1);
	strcpy(f.asked.tee, "snp");
	f.asked.coco = 1;
	assert_int_equal(cookie_new(NOW, &f.cookie), 0);
	assert_int_equal(challenge_make(f.k, &f.cookie, &f.asked, salt, nonce), 0);
	assert_int_equal(base64_encode(nonce, 32, &text), 0);
	strcpy(f.nonce, text);
	free(text);
	assert_int_equal(jwe_key_new(BROKER_P256, &key), 0);
	assert_int_equal(jwe_key_point(key, BROKER_P256, f.a.key.x, f.a.key.y), 0);
	EVP_PKEY_free(key);
	assert_int_equal(base64url_encode(f.a.key.x, 32, &x), 0);
	assert_int_equal(base64url_encode(f.a.key.y, 32, &y), 0);
	f.body = body_with(x, y);
	f.bad_body = body_with(y, y);
	free(x);
	free(y);
	assert_int_equal(message_read_attestation((struct bytes){ (uint8_t *)f.body,
								  strlen(f.body) },
						  &f.a, &why),
			 0);
	assert_int_equal(token_build(f.k, &f.cookie, BROKER_TEE_SNP, &f.a, NOW, "none", &f.token),
			 0);
	assert_int_equal(secret_new(100, &f.plain), 0);
	return seal(f.k, PATH, 1, f.rules, f.plain, &f.sealed, &f.sealed_len);
}

static void test_message(void **state)
{
	try("an attestation", decide_attestation, GOOD, apart);
	try("an attestation with a bad key", decide_bad_attestation, WRONG, apart);
}

static void test_challenge(void **state)
{
	try("a nonce", decide_nonce, GOOD, here);
	try("another nonce", decide_other_nonce, WRONG, here);
}

static void test_token(void **state)
{
	const unsigned long n = count(decide_token);

	/* OpenSSL does not always tell a wrong signature from one that it had no memory for. */
	for (unsigned long i = 1; i <= n; i++)
		(void) here(decide_token, i);
	assert_int_equal(code_of(decide_token()), GOOD);
	try("a forged token", decide_forged_token, WRONG, here);
}

static void test_seal(void **state)
{
	try("a sealed secret", decide_unseal, GOOD, here);
	try("a secret in another's place", decide_unseal_other, WRONG, here);
}

static void test_release(void **state)
{
	try("a release", decide_release, GOOD, here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message), cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_token),	cmocka_unit_test(test_seal),
		cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
