/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/init-digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/toml.h"
#include "wire/jspan.h"

#define TOML_VERSION "0.1.0"
#define PCR "8"
#define PCR_LEN 32

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} algorithms[] = {
	{ "sha256", EVP_sha256 },
	{ "sha384", EVP_sha384 },
	{ "sha512", EVP_sha512 },
};

/* Which hash the document asks for, as its row. */
static int find_algorithm(const char *text, size_t len, size_t *ret, struct cause *why)
{
	_cleanup_(toml_done) struct toml t = { .n_items = 0 };
	const char *version, *algorithm;
	int r;

	r = toml_read(text, len, &t, why);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	version = toml_find(&t, "", "version");
	algorithm = toml_find(&t, "", "algorithm");
	if (!version || !algorithm)
		return cause_set(why, -EBADMSG, "it has no version or no algorithm");
	if (!streq(version, TOML_VERSION))
		return cause_set(why, -EOPNOTSUPP, "its version is '%.32s', and not " TOML_VERSION,
				 version);
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (streq(algorithm, algorithms[i].name)) {
			*ret = i;
			return 0;
		}
	return cause_set(why, -EOPNOTSUPP,
			 "its algorithm is '%.32s', and not sha256, sha384 or sha512", algorithm);
}

/* PCR 8 of the evidence, which is authentic. */
static int read_pcr(const struct bundle *b, uint8_t ret[static PCR_LEN])
{
	const char *text = bundle_text(b, BUNDLE_TPM_PCRS);
	struct bytes json = { (const uint8_t *)text, strlen(text) }, value;

	if (jspan_check(json, &json) < 0 || jspan_member(json, PCR, &value) < 0)
		return -ENOENT;
	return jspan_hex(value, ret, PCR_LEN);
}

static int check_pcr(const struct bundle *b, const uint8_t digest[static PCR_LEN],
		     struct cause *why)
{
	uint8_t extended[2 * PCR_LEN] = { 0 }, expected[PCR_LEN], found[PCR_LEN];

	memcpy(extended + PCR_LEN, digest, PCR_LEN);
	if (EVP_Digest(extended, sizeof(extended), expected, NULL, EVP_sha256(), NULL) != 1)
		return cause_set_oom(why);
	if (read_pcr(b, found) < 0 || CRYPTO_memcmp(expected, found, PCR_LEN) != 0)
		return cause_set(why, -EKEYREJECTED, "PCR " PCR " does not name it");
	return 0;
}

static int check_field(bool there, const char *name, const uint8_t *field, size_t field_len,
		       const uint8_t digest[static EVP_MAX_MD_SIZE], struct cause *why)
{
	if (!there || CRYPTO_memcmp(field, digest, field_len) != 0)
		return cause_set(why, -EKEYREJECTED, "%s does not name it", name);
	return 0;
}

static int check(const char *text, size_t len, enum broker_tee tee, const struct launch *launch,
		 const struct bundle *b, struct cause *why)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };	/* and the zeros behind it */
	size_t which = 0;
	int r;

	r = find_algorithm(text, len, &which, why);
	if (r < 0)
		return r;
	if (EVP_Digest(text, len, digest, NULL, algorithms[which].md(), NULL) != 1)
		return cause_set_oom(why);
	switch (tee) {
	case BROKER_TEE_SNP:
		return check_field(launch->has_host_data, "HOST_DATA", launch->host_data,
				   sizeof(launch->host_data), digest, why);
	case BROKER_TEE_TDX:
		return check_field(launch->has_mrconfigid, "MRCONFIGID", launch->mrconfigid,
				   sizeof(launch->mrconfigid), digest, why);
	case BROKER_TEE_AZ_SNP:
	case BROKER_TEE_AZ_TDX:
		if (algorithms[which].md != EVP_sha256)
			return cause_set(why, -EOPNOTSUPP,
					 "its algorithm is '%s', and a PCR needs sha256",
					 algorithms[which].name);
		return check_pcr(b, digest, why);
	default:
		return cause_set(why, -EKEYREJECTED, "nothing in this kind of evidence names it");
	}
}

int init_data_check(const char *text, size_t len, enum broker_tee tee, const struct launch *launch,
		    const struct bundle *b, struct cause *why)
{
	struct cause reason = { "" };
	int r;

	r = check(text, len, tee, launch, b, &reason);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? cause_set(why, r, "the init data: %.*s", CAUSE_MAX - 32, reason.text) : 0;
}
