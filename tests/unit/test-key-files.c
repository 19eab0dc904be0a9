/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/serve/key-files.h"
#include "crypto/cleanup.h"

#include <cmocka.h>

static char folder[] = "/tmp/test-key-files-XXXXXX";
static char master[64], identity[64], certificate[64], token[64];

static void write_text(const char *path, const void *text, size_t len, mode_t mode)
{
	assert_int_equal(write_file_atomic(path, text, len, 0600, false), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_key(const char *path, EVP_PKEY *key)
{
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(out, &text);
	write_text(path, text, (size_t)len, 0600);
}

static void write_public(const char *path, EVP_PKEY *key)
{
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PUBKEY(out, key), 1);
	len = BIO_get_mem_data(out, &text);
	write_text(path, text, (size_t)len, 0644);
	EVP_PKEY_free(key);
}

static void write_certificate(EVP_PKEY *key)
{
	char *pem;

	assert_int_equal(identity_certificate(key, "test", 1, &pem), 0);
	write_text(certificate, pem, strlen(pem), 0644);
	free(pem);
}

static int make_files(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!mkdtemp(folder))
		return -1;
	(void) snprintf(master, sizeof(master), "%s/master.key", folder);
	(void) snprintf(identity, sizeof(identity), "%s/identity.key", folder);
	(void) snprintf(certificate, sizeof(certificate), "%s/identity.pem", folder);
	(void) snprintf(token, sizeof(token), "%s/token.pem", folder);
	write_text(master, "0123456789abcdef0123456789abcdef", MASTER_KEY_LEN, 0600);
	write_key(identity, key);
	write_certificate(key);
	EVP_PKEY_free(key);
	return 0;
}

static int remove_files(void **state)
{
	(void) unlink(master);
	(void) unlink(identity);
	(void) unlink(certificate);
	(void) unlink(token);
	return rmdir(folder);
}

static int read_all(const char *says)
{
	const struct broker_settings s = { .master_key = master, .identity = identity,
					   .certificate = certificate };
	_cleanup_(keys_freep) struct keys *k = NULL;
	_cleanup_(freep) char *pem = NULL;
	struct cause why = { "" };
	int r = key_files_read(&s, &k, &pem, &why);

	assert_true((r == 0) == (k != NULL) && (r == 0) == (pem != NULL));
	assert_true((r == 0) == (why.text[0] == '\0'));
	if (says && !strstr(why.text, says))
		fail_msg("'%s' does not say '%s'", why.text, says);
	return r;
}

static void test_good(void **state)
{
	assert_int_equal(read_all(NULL), 0);
	/* As a credential of systemd is, whose group bits are those of its access list. */
	assert_int_equal(chmod(master, 0440), 0);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(chmod(master, 0600), 0);
}

static void test_modes(void **state)
{
	static const mode_t modes[] = { 0604, 0602, 0601, 0620, 0666 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(master, modes[i]), 0);
		assert_int_equal(read_all(master), -EPERM);
		assert_int_equal(chmod(master, 0600), 0);
		assert_int_equal(chmod(identity, modes[i]), 0);
		assert_int_equal(read_all(identity), -EPERM);
		assert_int_equal(chmod(identity, 0600), 0);
	}
	assert_int_equal(read_all(NULL), 0);
}

static void test_master(void **state)
{
	write_text(master, "0123456789abcdef0123456789abcde", 31, 0600);
	assert_int_equal(read_all("31 bytes"), -EBADMSG);
	write_text(master, "0123456789abcdef0123456789abcdef\n", 33, 0600);
	assert_int_equal(read_all("33 bytes"), -EBADMSG);
	write_text(master, "", 0, 0600);
	assert_int_equal(read_all("0 bytes"), -EBADMSG);
	assert_int_equal(unlink(master), 0);
	assert_int_equal(read_all("coco-broker init"), -ENOENT);
	assert_int_equal(mkdir(master, 0700), 0);
	assert_int_equal(read_all(master), -EPERM);
	assert_int_equal(rmdir(master), 0);
	write_text(master, "0123456789abcdef0123456789abcdef", MASTER_KEY_LEN, 0600);
}

static void test_identity(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");

	/* Guests would not know this broker, so it is better not to start. */
	write_key(identity, other);
	assert_int_equal(read_all("not the certificate of the identity"), -EBADMSG);
	write_certificate(other);
	assert_int_equal(read_all(NULL), 0);
	write_text(certificate, "x", 1, 0644);
	assert_int_equal(read_all("not the certificate"), -EBADMSG);
	write_certificate(other);
	write_text(identity, "x", 1, 0600);
	assert_true(read_all("") < 0);
	write_key(identity, other);
	EVP_PKEY_free(other);
}

static int read_token(void)
{
	struct cause why = { "" };
	EVP_PKEY *key = NULL;
	int r = token_key_read(token, &key, &why);

	assert_true((r == 0) == (key != NULL) && (r == 0) == (why.text[0] == '\0'));
	EVP_PKEY_free(key);
	return r;
}

static void test_token_key(void **state)
{
	write_public(token, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	assert_int_equal(read_token(), 0);
	write_public(token, EVP_EC_gen("P-256"));
	assert_int_equal(read_token(), 0);
	write_public(token, EVP_RSA_gen(2048));
	assert_int_equal(read_token(), 0);
	write_public(token, EVP_RSA_gen(1024));
	assert_int_equal(read_token(), -EOPNOTSUPP);
	write_public(token, EVP_EC_gen("P-384"));
	assert_int_equal(read_token(), -EOPNOTSUPP);
	write_text(token, "x", 1, 0644);
	assert_int_equal(read_token(), -EBADMSG);
	assert_int_equal(unlink(token), 0);
	assert_int_equal(read_token(), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	 cmocka_unit_test(test_modes),
		cmocka_unit_test(test_master),	 cmocka_unit_test(test_identity),
		cmocka_unit_test(test_token_key),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
