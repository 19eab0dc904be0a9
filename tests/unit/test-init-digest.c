/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "broker/core/init-digest.h"

#define DOCUMENT(algorithm) \
	"version = \"0.1.0\"\nalgorithm = \"" algorithm "\"\n[data]\n\"a\" = \"b\"\n"

static void digest(const EVP_MD *md, const char *text, uint8_t ret[static EVP_MAX_MD_SIZE])
{
	memset(ret, 0, EVP_MAX_MD_SIZE);
	assert_int_equal(EVP_Digest(text, strlen(text), ret, NULL, md, NULL), 1);
}

static int check(const char *text, enum broker_tee tee, const struct launch *l,
		 const struct bundle *b)
{
	static const struct bundle none;
	struct cause why = { "" };
	int r = init_data_check(text, strlen(text), tee, l, b ?: &none, &why);

	assert_true((r < 0) == (why.text[0] != '\0'));
	return r;
}

static void test_host_data(void **state)
{
	static const struct {
		const char *text;
		const EVP_MD *(*md)(void);
	} cases[] = {
		{ DOCUMENT("sha256"), EVP_sha256 },
		{ DOCUMENT("sha384"), EVP_sha384 },	/* the first 32 bytes of it */
		{ DOCUMENT("sha512"), EVP_sha512 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct launch l = { .has_host_data = true };
		uint8_t d[EVP_MAX_MD_SIZE];

		digest(cases[i].md(), cases[i].text, d);
		memcpy(l.host_data, d, sizeof(l.host_data));
		assert_int_equal(check(cases[i].text, BROKER_TEE_SNP, &l, NULL), 0);
		for (size_t k = 0; k < sizeof(l.host_data); k++) {
			l.host_data[k] ^= 1;
			assert_int_equal(check(cases[i].text, BROKER_TEE_SNP, &l, NULL),
					 -EKEYREJECTED);
			l.host_data[k] ^= 1;
		}
		l.has_host_data = false;
		assert_int_equal(check(cases[i].text, BROKER_TEE_SNP, &l, NULL), -EKEYREJECTED);
		/* The other kinds of evidence have it in another place. */
		l.has_host_data = true;
		assert_int_equal(check(cases[i].text, BROKER_TEE_TDX, &l, NULL), -EKEYREJECTED);
		assert_int_equal(check(cases[i].text, BROKER_TEE_NONE, &l, NULL), -EKEYREJECTED);
	}
}

static void test_mrconfigid(void **state)
{
	struct launch l = { .has_mrconfigid = true };
	uint8_t d[EVP_MAX_MD_SIZE];

	/* SHA-256 is shorter than the field: zeros behind it, and nothing else. */
	digest(EVP_sha256(), DOCUMENT("sha256"), d);
	memcpy(l.mrconfigid, d, sizeof(l.mrconfigid));
	assert_int_equal(check(DOCUMENT("sha256"), BROKER_TEE_TDX, &l, NULL), 0);
	l.mrconfigid[47] = 1;
	assert_int_equal(check(DOCUMENT("sha256"), BROKER_TEE_TDX, &l, NULL), -EKEYREJECTED);
	digest(EVP_sha384(), DOCUMENT("sha384"), d);
	memcpy(l.mrconfigid, d, sizeof(l.mrconfigid));
	assert_int_equal(check(DOCUMENT("sha384"), BROKER_TEE_TDX, &l, NULL), 0);
	l.has_mrconfigid = false;
	assert_int_equal(check(DOCUMENT("sha384"), BROKER_TEE_TDX, &l, NULL), -EKEYREJECTED);
}

/* A bundle with one PCR, extended once from zeros with the digest of @text. */
static void pcr_bundle(const char *member, const char *text, struct bundle *ret)
{
	uint8_t d[EVP_MAX_MD_SIZE], both[64] = { 0 }, pcr[EVP_MAX_MD_SIZE];
	char hex[65];

	digest(EVP_sha256(), text, d);
	memcpy(both + 32, d, 32);
	assert_int_equal(EVP_Digest(both, sizeof(both), pcr, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < 32; i++)
		(void) snprintf(hex + 2 * i, 3, "%02x", pcr[i]);
	assert_int_equal(bundle_add_text(ret, BUNDLE_TPM_PCRS, "{\"%s\":\"%s\"}", member, hex), 0);
}

static void test_pcr(void **state)
{
	struct launch l = { .has_host_data = true };
	struct bundle good = { 0 }, other = { 0 }, broken = { 0 }, none = { 0 };

	pcr_bundle("8", DOCUMENT("sha256"), &good);
	pcr_bundle("9", DOCUMENT("sha256"), &other);
	assert_int_equal(bundle_add_text(&broken, BUNDLE_TPM_PCRS, "{\"8\":"), 0);
	for (enum broker_tee tee = BROKER_TEE_AZ_SNP; tee <= BROKER_TEE_AZ_TDX; tee++) {
		assert_int_equal(check(DOCUMENT("sha256"), tee, &l, &good), 0);
		assert_int_equal(check(DOCUMENT("sha256") "#\n", tee, &l, &good), -EKEYREJECTED);
		assert_int_equal(check(DOCUMENT("sha256"), tee, &l, &other), -EKEYREJECTED);
		assert_int_equal(check(DOCUMENT("sha256"), tee, &l, &broken), -EKEYREJECTED);
		assert_int_equal(check(DOCUMENT("sha256"), tee, &l, &none), -EKEYREJECTED);
		assert_int_equal(check(DOCUMENT("sha384"), tee, &l, &good), -EOPNOTSUPP);
	}
	bundle_done(&good);
	bundle_done(&other);
	bundle_done(&broken);
}

static void test_document(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EBADMSG },
		{ "hello", -EBADMSG },
		{ "version = \"0.1.0\"\n", -EBADMSG },
		{ "algorithm = \"sha256\"\n", -EBADMSG },
		{ "version = \"0.2.0\"\nalgorithm = \"sha256\"\n", -EOPNOTSUPP },
		{ DOCUMENT("sha-256"), -EOPNOTSUPP },
		{ DOCUMENT("md5"), -EOPNOTSUPP },
		{ DOCUMENT(""), -EOPNOTSUPP },
		{ "algorithm = \"sha256\"\n" DOCUMENT("sha384"), -EBADMSG },
	};
	struct launch l = { .has_host_data = true };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check(cases[i].text, BROKER_TEE_SNP, &l, NULL), cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_data),
		cmocka_unit_test(test_mrconfigid),
		cmocka_unit_test(test_pcr),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
