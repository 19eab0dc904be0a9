/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/recovery.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/base64.h"
#include "broker/core/keys.h"
#include "crypto/gcm.h"

#define GROUPS 13
#define GROUP_LEN 4		/* characters of a group, without its check */
#define TEXT_LEN (GROUPS * (GROUP_LEN + 2))	/* the last '-' is a newline */
#define CHECK_MOD 31

#define COPY_PREFIX "coco-recovery 1 "
#define CODE_LEN 32
#define SEALED_LEN (GCM_IV_LEN + MASTER_KEY_LEN + GCM_TAG_LEN)
#define COPY_LEN (SEALED_LEN + CODE_LEN)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int recovery_key_new(struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r = secret_new(RECOVERY_KEY_LEN, &key);

	if (r < 0)
		return r;
	if (RAND_priv_bytes(secret_bytes(key), RECOVERY_KEY_LEN) != 1)
		return -EIO;
	*ret = TAKE_PTR(key);
	return 0;
}

/* ---- as text ---- */

/* The five bits at number @i; behind the key there are zeros. */
static unsigned bits_at(const uint8_t *key, unsigned i)
{
	unsigned byte = i * 5 / 8, shift = i * 5 % 8;
	unsigned pair = (byte < RECOVERY_KEY_LEN ? (unsigned)key[byte] << 8 : 0) |
			(byte + 1 < RECOVERY_KEY_LEN ? key[byte + 1] : 0);

	return pair >> (11 - shift) & 31;
}

/* The number of the group is in it: two groups that are exchanged are found. */
static unsigned check_of(const uint8_t value[static GROUP_LEN], unsigned group)
{
	unsigned sum = group + 1;

	for (unsigned i = 0; i < GROUP_LEN; i++)
		sum += (i + 2) * value[i];
	return sum % CHECK_MOD;
}

int recovery_key_format(const struct secret *key, struct secret **ret)
{
	struct secret *text;
	uint8_t value[GROUP_LEN], *p;
	int r = secret_new(TEXT_LEN, &text);

	if (r < 0)
		return r;
	p = secret_bytes(text);
	for (unsigned g = 0; g < GROUPS; g++) {
		for (unsigned i = 0; i < GROUP_LEN; i++) {
			value[i] = (uint8_t)bits_at(secret_data(key), g * GROUP_LEN + i);
			*p++ = (uint8_t)alphabet[value[i]];
		}
		*p++ = (uint8_t)alphabet[check_of(value, g)];
		*p++ = g + 1 < GROUPS ? '-' : '\n';
	}
	OPENSSL_cleanse(value, sizeof(value));
	*ret = text;
	return 0;
}

/* The value of a character; -1: it is skipped; -2: it is none. */
static int value_of(uint8_t c)
{
	const char *at;

	if (c == '-' || c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return -1;
	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -2;
}

/* Add the five bits of number @i.  Returns -EBADMSG for bits that no key has. */
static int add_bits(uint8_t *key, unsigned i, unsigned value)
{
	unsigned byte = i * 5 / 8, shift = i * 5 % 8, pair = value << (11 - shift);

	if (byte < RECOVERY_KEY_LEN)
		key[byte] |= (uint8_t)(pair >> 8);
	else if (pair >> 8)
		return -EBADMSG;
	if (byte + 1 < RECOVERY_KEY_LEN)
		key[byte + 1] |= (uint8_t)pair;
	else if (pair & 0xff)
		return -EBADMSG;
	return 0;
}

static int take_group(const uint8_t value[static GROUP_LEN + 1], unsigned group, uint8_t *key)
{
	if (value[GROUP_LEN] != check_of(value, group))
		return -EBADMSG;
	for (unsigned i = 0; i < GROUP_LEN; i++)
		if (add_bits(key, group * GROUP_LEN + i, value[i]) < 0)
			return -EBADMSG;
	return 0;
}

static int parse_groups(const struct secret *text, uint8_t *key,
			uint8_t value[static GROUP_LEN + 1], struct cause *why)
{
	unsigned n = 0, group = 0;

	for (size_t i = 0; i < secret_len(text); i++) {
		int v = value_of(secret_data(text)[i]);

		if (v == -1)
			continue;
		if (group == GROUPS)
			return cause_set(why, -EBADMSG, "The recovery key has %d groups, and "
							"there is something behind them", GROUPS);
		if (v < 0)
			return cause_set(why, -EBADMSG, "Group %u of the recovery key has a "
							"character that no recovery key has",
					 group + 1);
		value[n++] = (uint8_t)v;
		if (n <= GROUP_LEN)
			continue;
		n = 0;
		if (take_group(value, group++, key) < 0)
			return cause_set(why, -EBADMSG, "Group %u of the recovery key is mistyped",
					 group);
	}
	if (group < GROUPS)
		return cause_set(why, -EBADMSG, "The recovery key has %d groups of %d characters, "
						"and here are fewer",
				 GROUPS, GROUP_LEN + 1);
	return 0;
}

int recovery_key_parse(const struct secret *text, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	uint8_t value[GROUP_LEN + 1];
	int r = secret_new(RECOVERY_KEY_LEN, &key);

	if (r < 0)
		return cause_set(why, r, "There is no memory for the recovery key: %s",
				 strerror(-r));
	r = parse_groups(text, secret_bytes(key), value, why);
	OPENSSL_cleanse(value, sizeof(value));
	if (r == 0)
		*ret = TAKE_PTR(key);
	return r;
}

/* ---- the copy of the master key ---- */

static const struct bytes aad = { (const uint8_t *)COPY_PREFIX, sizeof(COPY_PREFIX) };

static int compute_code(const struct secret *master, const uint8_t sealed[static SEALED_LEN],
			uint8_t ret[static CODE_LEN])
{
	_cleanup_(key_wipe) uint8_t key[32];

	if (secret_derive(master, "coco recovery code", key) < 0)
		return -ENOMEM;
	return HMAC(EVP_sha256(), key, sizeof(key), sealed, SEALED_LEN, ret, NULL) ? 0 : -ENOMEM;
}

int recovery_wrap(const struct secret *key, const struct secret *master, char **ret)
{
	_cleanup_(key_wipe) uint8_t wrapping[GCM_KEY_LEN];
	_cleanup_(freep) char *base64 = NULL;
	uint8_t copy[COPY_LEN];
	char *text;

	if (RAND_bytes(copy, GCM_IV_LEN) != 1)
		return -EIO;
	if (secret_derive(key, "coco recovery", wrapping) < 0 ||
	    gcm_seal(wrapping, copy, aad, master, copy + GCM_IV_LEN,
		     copy + GCM_IV_LEN + MASTER_KEY_LEN) < 0 ||
	    compute_code(master, copy, copy + SEALED_LEN) < 0 ||
	    base64_encode(copy, sizeof(copy), &base64) < 0)
		return -ENOMEM;
	text = malloc(RECOVERY_COPY_MAX);
	if (!text)
		return -ENOMEM;
	(void) stpcpy(stpcpy(stpcpy(text, COPY_PREFIX), base64), "\n");
	*ret = text;
	return 0;
}

static int read_copy(const char *text, uint8_t ret[static COPY_LEN])
{
	const char *base64 = startswith(text, COPY_PREFIX);

	return base64 && base64_decode(base64, ret, COPY_LEN) == COPY_LEN ? 0 : -EBADMSG;
}

int recovery_check(const struct secret *master, const char *text)
{
	uint8_t copy[COPY_LEN], code[CODE_LEN];

	if (read_copy(text, copy) < 0)
		return -EBADMSG;
	if (compute_code(master, copy, code) < 0)
		return -ENOMEM;
	return CRYPTO_memcmp(code, copy + SEALED_LEN, CODE_LEN) == 0 ? 0 : -EKEYREJECTED;
}

int recovery_unwrap(const struct secret *key, const char *text, struct secret **ret)
{
	_cleanup_(key_wipe) uint8_t wrapping[GCM_KEY_LEN];
	_cleanup_(secret_freep) struct secret *master = NULL;
	uint8_t copy[COPY_LEN];
	int r;

	if (read_copy(text, copy) < 0)
		return -EBADMSG;
	if (secret_derive(key, "coco recovery", wrapping) < 0)
		return -ENOMEM;
	r = gcm_open(wrapping, copy, aad, (struct bytes){ copy + GCM_IV_LEN, MASTER_KEY_LEN },
		     copy + GCM_IV_LEN + MASTER_KEY_LEN, &master);
	if (r >= 0)
		r = recovery_check(master, text);
	if (r < 0)
		return r == -EBADMSG ? -EKEYREJECTED : r;
	*ret = TAKE_PTR(master);
	return 0;
}
