/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/luks-metadata.h"

#include <stdio.h>

#include "agent/worker/luks-fields.h"
#include "wire/luks.h"

#define KEYSLOTS_SIZE_MAX (128 * 1024 * 1024)
#define ARGON2_KIB_MAX (4 * 1024 * 1024)
#define STRIPES 4000
#define UNBOUND_KEY_MAX 512	/* in bytes; cryptsetup's limit for any volume key */

/* Remedies, as commands of cryptsetup.  DEVICE is the volume's, and %u the keyslot or token. */
#define CONVERT_CIPHER \
	"'cryptsetup luksConvertKey --keyslot-cipher aes-xts-plain64 --keyslot-key-size 512 " \
	"--key-slot %u DEVICE' changes it"
#define CONVERT_HASH "'cryptsetup luksConvertKey --hash sha256 --key-slot %u DEVICE' changes it"
#define CONVERT_KDF "'cryptsetup luksConvertKey --pbkdf argon2id --key-slot %u DEVICE' changes it"
#define REENCRYPT_CIPHER \
	"'cryptsetup reencrypt --cipher aes-xts-plain64 --key-size 512 DEVICE' changes it"
#define REENCRYPT_HASH "'cryptsetup reencrypt --hash sha256 DEVICE' changes it"
#define REENCRYPT_NEVER "no reencryption changes a volume with integrity: make it anew"
#define KILL_SLOT \
	"'cryptsetup luksKillSlot DEVICE %u' removes this keyslot when another opens the volume"

const char *const luks_ciphers[] = { "aes-xts-plain64", NULL };
/*
 * Hashes stretch the passphrase, spread the key over the keyslot, and tell a right key from a
 * wrong one.  A hash whose collisions can be found is good enough for that, and volumes that
 * began as LUKS1 have sha1.
 */
const char *const luks_hashes[] = {
	"sha256",      "sha512",      "sha384",      "sha224",      "sha1",        "sha3-224",
	"sha3-256",    "sha3-384",    "sha3-512",    "blake2b-160", "blake2b-256", "blake2b-384",
	"blake2b-512", "blake2s-160", "blake2s-224", "blake2s-256", "whirlpool",   "ripemd160",
	NULL,
};

static const char *const keyslot_types[] = { "luks2", NULL };
static const char *const area_types[] = { "raw", NULL };
static const char *const af_types[] = { "luks1", NULL };
static const char *const segment_types[] = { "crypt", NULL };
static const char *const digest_types[] = { "pbkdf2", NULL };
static const char *const pbkdf2_types[] = { "pbkdf2", NULL };
static const char *const kdf_types[] = { "argon2i", "argon2id", "pbkdf2", NULL };
static const char *const journal_ciphers[] = { "none", NULL };

/*
 * Tokens that do not help the host to open a volume of its own making: ours, the guest's keyring,
 * and a mere mark.  The owner may allow other tokens that open nothing by themselves.
 */
static const char *const token_types[] = { "coco", "luks2-keyring", "systemd-recovery", NULL };

bool luks_key_len_is_good(int64_t len)
{
	return len == 32 || len == 64;
}

/* ---- keyslots ---- */

/*
 * When cryptsetup before 2.0.3 changed the kind of KDF, it left the members of the old kind in
 * place.
 */
#define PBKDF2_MEMBERS(is_left) \
	{ "hash", JSPAN_STRING, luks_check_word, .optional = is_left, .words = luks_hashes, \
	  .remedy = CONVERT_HASH }, \
	{ "iterations", JSPAN_NUMBER, luks_check_int, .optional = is_left, .min = 1, \
	  .max = UINT32_MAX }
#define ARGON2_MEMBERS(is_left) \
	{ "time", JSPAN_NUMBER, luks_check_int, .optional = is_left, .min = 1, \
	  .max = UINT32_MAX }, \
	{ "memory", JSPAN_NUMBER, luks_check_int, .optional = is_left, .min = 1, \
	  .max = ARGON2_KIB_MAX, .remedy = CONVERT_KDF }, \
	{ "cpus", JSPAN_NUMBER, luks_check_int, .optional = is_left, .min = 1, .max = 4, \
	  .remedy = CONVERT_KDF }
#define SALT { "salt", JSPAN_STRING, luks_check_base64, .min = 32, .max = 32 }

static const struct luks_field pbkdf2_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = pbkdf2_types },
	PBKDF2_MEMBERS(false),
	ARGON2_MEMBERS(true),
	SALT,
	{ NULL },
};

static const struct luks_field argon2_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = kdf_types, .remedy = KILL_SLOT },
	ARGON2_MEMBERS(false),
	PBKDF2_MEMBERS(true),
	SALT,
	{ NULL },
};

static int check_kdf(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct bytes type;

	if (jspan_member(v, "type", &type) == 0 && jspan_text_is(type, "pbkdf2"))
		return luks_check_fields(j, pbkdf2_fields, v);
	return luks_check_fields(j, argon2_fields, v);
}

static int check_area_key_size(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint64_t n = 0;

	if (jspan_uint(v, INT64_MAX, &n) == -ERANGE)
		return luks_number_too_large(j);
	if (luks_key_len_is_good((int64_t)n))
		return 0;
	(void) luks_refused(j, "is %.*s, may only be 64 or 32 bytes", (int)MIN(v.len, 24u),
			    (const char *)v.p);
	luks_add_remedy(j, CONVERT_CIPHER);
	return -EKEYREJECTED;
}

/* cryptsetup converts a keyslot that it can open, and does not open one without encryption. */
static int check_area_encryption(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct luks_field row = *f;
	char word[LUKS_WORD_LEN];

	row.remedy = startswith(luks_word(v, word), "cipher_null") ? KILL_SLOT : CONVERT_CIPHER;
	return luks_check_word(j, &row, v);
}

static const struct luks_field area_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = area_types },
	{ "encryption", JSPAN_STRING, check_area_encryption, .words = luks_ciphers },
	{ "key_size", JSPAN_NUMBER, check_area_key_size },
	{ "offset", JSPAN_STRING, luks_check_decimal, .max = INT64_MAX },
	{ "size", JSPAN_STRING, luks_check_decimal, .min = 1, .max = KEYSLOTS_SIZE_MAX },
	{ NULL },
};

static int check_area(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint64_t start = 2 * (LUKS2_BINARY_LEN + (uint64_t)j->area_len), offset, size;
	int r;

	r = luks_check_fields(j, area_fields, v);
	if (r < 0)
		return r;
	offset = luks_decimal_of(v, "offset");
	size = luks_decimal_of(v, "size");
	if (offset < start || size > j->keyslots_end - start || offset > j->keyslots_end - size)
		return luks_malformed(j, "lies outside the volume's keyslots area");
	return 0;
}

static const struct luks_field af_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = af_types },
	{ "stripes", JSPAN_NUMBER, luks_check_int, .min = STRIPES, .max = STRIPES },
	{ "hash", JSPAN_STRING, luks_check_word, .words = luks_hashes, .remedy = CONVERT_HASH },
	{ NULL },
};

/* Which length is good depends on the segment: check_bindings(). */
static int check_key_size(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint64_t n;

	if (jspan_uint(v, UINT64_MAX, &n) == -ERANGE)
		return luks_number_too_large(j);
	if (jspan_uint(v, UNBOUND_KEY_MAX, &n) < 0 || n == 0)
		return luks_refused(j, "is %.*s, which is not the size of a key",
				    (int)MIN(v.len, 24u), (const char *)v.p);
	j->key_len[j->id] = (uint32_t)n;
	return 0;
}

static const struct luks_field keyslot_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = keyslot_types },
	{ "key_size", JSPAN_NUMBER, check_key_size },
	{ "area", JSPAN_OBJECT, check_area },
	{ "af", JSPAN_OBJECT, luks_check_object, .fields = af_fields },
	{ "kdf", JSPAN_OBJECT, check_kdf },
	{ "priority", JSPAN_NUMBER, luks_check_int, .optional = true, .min = 0, .max = 2 },
	{ NULL },
};

static int check_keyslot(struct luks_judge *j, struct bytes v)
{
	return luks_check_fields(j, keyslot_fields, v);
}

static unsigned n_members(struct bytes object)
{
	struct bytes name, value;
	unsigned n = 0;

	while (jspan_next_member(&object, &name, &value) > 0)
		n++;
	return n;
}

static int check_keyslots(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	if (n_members(v) == 0)
		return luks_refused(j, "is empty: no key opens this volume");
	return luks_check_each(j, v, check_keyslot, &j->keyslots);
}

/* ---- segments ---- */

/* Each kind needs a key of its own behind the volume's key. */
static const struct integrity {
	const char *type;
	uint32_t key_len;	/* in bytes */
} integrities[] = {
	{ "hmac(sha256)", 32 },
	{ "hmac(sha512)", 64 },
};

static int check_integrity_type(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	char word[LUKS_WORD_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(integrities); i++)
		if (jspan_text_is(v, integrities[i].type)) {
			j->integrity_key_len = integrities[i].key_len;
			return 0;
		}
	return luks_refused(j, "is '%.32s', may only be: hmac(sha256), hmac(sha512)",
			    luks_word(v, word));
}

static int check_integrity_key_size(struct luks_judge *j, const struct luks_field *f,
				    struct bytes v)
{
	uint64_t n;

	if (jspan_uint(v, UNBOUND_KEY_MAX, &n) < 0 || n != j->integrity_key_len)
		return luks_refused(j, "is %.*s, may only be %u", (int)MIN(v.len, 24u),
				    (const char *)v.p, j->integrity_key_len);
	return 0;
}

static const struct luks_field integrity_fields[] = {
	{ "type", JSPAN_STRING, check_integrity_type },
	{ "journal_encryption", JSPAN_STRING, luks_check_word, .words = journal_ciphers },
	{ "journal_integrity", JSPAN_STRING, luks_check_word, .words = journal_ciphers },
	{ "key_size", JSPAN_NUMBER, check_integrity_key_size, .optional = true },
	{ NULL },
};

/* A word that only a reencryption changes. */
static int check_data_word(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct luks_field row = *f;

	if (j->has_integrity)
		row.remedy = REENCRYPT_NEVER;
	return luks_check_word(j, &row, v);
}

static const struct luks_field segment_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = segment_types },
	{ "encryption", JSPAN_STRING, check_data_word, .words = luks_ciphers,
	  .remedy = REENCRYPT_CIPHER },
	{ "offset", JSPAN_STRING, luks_check_decimal, .max = INT64_MAX },
	{ "size", JSPAN_STRING, luks_check_size_or_dynamic, .min = 512, .max = INT64_MAX },
	{ "iv_tweak", JSPAN_STRING, luks_check_decimal, .max = INT64_MAX },
	{ "sector_size", JSPAN_NUMBER, luks_check_sector_size },
	{ "integrity", JSPAN_OBJECT, luks_check_object, .optional = true,
	  .fields = integrity_fields },
	{ NULL },
};

static int check_segment(struct luks_judge *j, struct bytes v)
{
	return luks_check_fields(j, segment_fields, v);
}

static int check_segments(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	unsigned n = n_members(v);

	if (n != 1)
		return luks_refused(j, "has %u members, may only have 1", n);
	return luks_check_each(j, v, check_segment, &j->segments);
}

/* ---- digests ---- */

static int check_digest_keyslots(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	return luks_parse_ids(j, v, &j->digest_keyslots);
}

static int check_digest_segments(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	return luks_parse_ids(j, v, &j->digest_segments);
}

static const struct luks_field digest_fields[] = {
	{ "type", JSPAN_STRING, luks_check_word, .words = digest_types },
	{ "keyslots", JSPAN_ARRAY, check_digest_keyslots },
	{ "segments", JSPAN_ARRAY, check_digest_segments },
	/*
	 * Checked first: cryptsetup 2.6 accepts any key by a digest of 16 bytes, and no
	 * reencryption removes that digest.
	 */
	{ "digest", JSPAN_STRING, luks_check_base64, .min = 20, .max = 64 },
	{ "hash", JSPAN_STRING, check_data_word, .words = luks_hashes, .remedy = REENCRYPT_HASH },
	{ "iterations", JSPAN_NUMBER, luks_check_int, .min = 1, .max = UINT32_MAX },
	SALT,
	{ NULL },
};

/*
 * One digest belongs to the segment: it tells a right volume key from a wrong one.  The other
 * digests belong to keyslots without a segment.
 */
static int check_digest(struct luks_judge *j, struct bytes v)
{
	int r;

	r = luks_check_fields(j, digest_fields, v);
	if (r < 0)
		return r;
	if (j->digest_keyslots & ~j->keyslots || j->digest_segments & ~j->segments)
		return luks_malformed(j, "names a keyslot or segment that is not there");
	if (j->digest_keyslots & (j->bound | j->unbound))
		return luks_malformed(j, "names a keyslot that another digest names");
	if (j->digest_segments == 0) {
		j->unbound |= j->digest_keyslots;
		return 0;
	}
	j->bound |= j->digest_keyslots;
	j->n_volume_digests++;
	j->digest_len = luks_base64_of(v, "digest", j->digest);
	return 0;
}

static int check_digests(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint32_t unused;

	return luks_check_each(j, v, check_digest, &unused);
}

/* ---- tokens, config ---- */

/* True if the owner allows tokens of that type. */
static bool is_allowed(const struct luks_judge *j, struct bytes type)
{
	const char *p = j->allow_tokens;

	if (!p)
		return true;
	while (*p) {
		size_t len = strcspn(p, " ");
		char word[LUKS_WORD_LEN];

		(void) snprintf(word, sizeof(word), "%.*s", (int)MIN(len, sizeof(word) - 1), p);
		if (len < sizeof(word) && jspan_text_is(type, word))
			return !luks_token_opens(word);
		p += len + (p[len] == ' ');
	}
	return false;
}

static int check_token_type(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct luks_field row = { .words = token_types };
	char word[LUKS_WORD_LEN];

	if (is_allowed(j, v) || luks_check_word(j, &row, v) == 0)
		return 0;
	if (!luks_token_opens(luks_word(v, word)))
		luks_add_remedy(j, "AllowTokens= allows it when it is the owner's and opens "
				   "nothing by itself");
	luks_add_remedy(j, "'cryptsetup token remove --token-id %u DEVICE' removes it");
	return -EKEYREJECTED;
}

/* The other members of a token are for its owner to read. */
static int check_token(struct luks_judge *j, struct bytes v)
{
	static const struct luks_field common[] = {
		{ "type", JSPAN_STRING, check_token_type },
		{ "keyslots", JSPAN_ARRAY, luks_check_texts },
		{ NULL },
	};
	int r = 0;

	for (const struct luks_field *f = common; f->name && r >= 0; f++)
		r = luks_check_member(j, f, v);
	return r;
}

static int check_tokens(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint32_t unused;

	return luks_check_each(j, v, check_token, &unused);
}

/*
 * A reader must know these requirements to use the volume.  With any of them it is not a volume
 * at rest that only the guest can read.
 */
static const struct {
	const char *begin, *advice;
} requirements[] = {
	{ "online-reencrypt-v3", "a decryption is under way: 'cryptsetup reencrypt --resume-only "
				 "DEVICE' finishes it, and then this is not a LUKS volume" },
	{ "online-reencrypt", "a reencryption is under way: 'cryptsetup reencrypt --resume-only "
			      "DEVICE' finishes it" },
	{ "offline-reencrypt", "a reencryption is under way: finish it with the "
			       "cryptsetup-reencrypt that began it, of cryptsetup 2.4 or older" },
	{ "opal", "the drive encrypts by itself, and the host has the drive: make the volume anew "
		  "without --hw-opal" },
	{ "inline-hw-tags", "tags lie in the drive's metadata: make the volume anew without "
			    "--integrity-inline" },
};

static int refuse_requirement(struct luks_judge *j, struct bytes v)
{
	char word[LUKS_WORD_LEN];

	(void) luks_refused(j, "has '%.32s', may only be empty", luks_word(v, word));
	for (size_t i = 0; i < ARRAY_SIZE(requirements); i++)
		if (startswith(word, requirements[i].begin)) {
			luks_add_remedy(j, requirements[i].advice);
			break;
		}
	return -EKEYREJECTED;
}

static int check_requirements(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct bytes it = v, e;
	int r;

	r = luks_check_texts(j, f, v);
	if (r < 0)
		return r;
	return jspan_next_element(&it, &e) > 0 ? refuse_requirement(j, e) : 0;
}

static const struct luks_field requirements_fields[] = {
	{ "mandatory", JSPAN_ARRAY, check_requirements, .optional = true },
	{ NULL },
};

static const struct luks_field config_fields[] = {
	{ "json_size", JSPAN_STRING, luks_check_decimal, .max = LUKS2_HEADER_MAX },
	{ "keyslots_size", JSPAN_STRING, luks_check_decimal, .max = KEYSLOTS_SIZE_MAX },
	{ "flags", JSPAN_ARRAY, luks_check_texts, .optional = true },
	{ "requirements", JSPAN_OBJECT, luks_check_object, .optional = true,
	  .fields = requirements_fields },
	{ NULL },
};

static int check_config(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	int r;

	r = luks_check_fields(j, config_fields, v);
	if (r < 0)
		return r;
	if (luks_decimal_of(v, "json_size") != j->area_len)
		return luks_malformed(j, "has a json_size that is not that of the header");
	j->keyslots_end = 2 * (LUKS2_BINARY_LEN + (uint64_t)j->area_len) +
			  luks_decimal_of(v, "keyslots_size");
	return 0;
}

/* In the order of checking: config says where keyslots lie. */
static const struct luks_field top_fields[] = {
	{ "config", JSPAN_OBJECT, check_config },
	{ "segments", JSPAN_OBJECT, check_segments },
	{ "keyslots", JSPAN_OBJECT, check_keyslots },
	{ "digests", JSPAN_OBJECT, check_digests },
	{ "tokens", JSPAN_OBJECT, check_tokens },
	{ NULL },
};

/* ---- the whole ---- */

/* The path is gone here, so the message names the keyslot itself. */
static int check_key_len(struct luks_judge *j, unsigned id)
{
	uint32_t more = j->integrity_key_len, len = j->key_len[id];

	if (len > more && luks_key_len_is_good(len - more))
		return 0;
	j->id = id;
	(void) luks_refused(j, "keyslots.%u.key_size is %u, may only be %u or %u bytes", id, len,
			    64 + more, 32 + more);
	luks_add_remedy(j, j->has_integrity ? REENCRYPT_NEVER : REENCRYPT_CIPHER);
	return -EKEYREJECTED;
}

/*
 * The digest tells a right key from a wrong one.  A keyslot or segment without a digest would be
 * trusted blindly.  A key of one or two bytes may fit its digest by mere chance, whatever the
 * passphrase is.
 */
static int check_bindings(struct luks_judge *j)
{
	uint32_t nobodys = j->keyslots & ~(j->bound | j->unbound);
	int r = 0;

	if (j->n_volume_digests == 0)
		return luks_refused(j, "the segment is not bound to the digest");
	if (j->n_volume_digests > 1)
		return luks_refused(j,
				    "digests has %u that the segment is bound to, may only have 1",
				    j->n_volume_digests);
	if (nobodys) {
		j->id = (unsigned)__builtin_ctz(nobodys);
		(void) luks_refused(j,
				    "keyslot %u is not bound to the digest of the "
				    "segment, nor to one of its own",
				    j->id);
		luks_add_remedy(j, "cryptsetup takes no such header either: "
				   "restore it from a backup");
		return -EKEYREJECTED;
	}
	if (j->bound == 0)
		return luks_refused(j, "the digest of the segment names no keyslot: "
				       "no key opens this volume");
	for (unsigned id = 0; id < LUKS_IDS && r == 0; id++)
		if (j->bound & UINT32_C(1) << id)
			r = check_key_len(j, id);
	return r;
}

/* A reencryption remembers segments that are not the volume's now. */
static bool is_backup(struct bytes segment)
{
	struct bytes flags, e;
	char word[LUKS_WORD_LEN];

	return jspan_member(segment, "flags", &flags) == 0 && jspan_type(flags) == JSPAN_ARRAY &&
	       jspan_next_element(&flags, &e) > 0 && startswith(luks_word(e, word), "backup-");
}

/* What the remedies depend on, before anything is judged. */
static void look_at_segments(struct luks_judge *j, struct bytes top)
{
	uint64_t end = 2 * (LUKS2_BINARY_LEN + (uint64_t)j->area_len);
	struct bytes config, segments, name, v, integrity;

	if (jspan_member(top, "config", &config) == 0 && jspan_type(config) == JSPAN_OBJECT)
		end += MIN(luks_decimal_of(config, "keyslots_size"), (uint64_t)KEYSLOTS_SIZE_MAX);
	if (jspan_member(top, "segments", &segments) < 0 || jspan_type(segments) != JSPAN_OBJECT)
		return;
	while (jspan_next_member(&segments, &name, &v) > 0) {
		uint64_t offset;

		if (jspan_type(v) != JSPAN_OBJECT || is_backup(v))
			continue;
		offset = luks_decimal_of(v, "offset");
		j->is_apart |= offset < end || offset >= j->device_len;
		j->has_integrity |= jspan_member(v, "integrity", &integrity) == 0;
	}
}

/*
 * The text ends with a NUL, and only NULs follow.  Another reader might take other bytes for the
 * text.
 */
static int text_len(struct luks_judge *j, const char *area, size_t len, size_t *ret)
{
	size_t n = strnlen(area, len);

	if (n == len)
		return luks_malformed(j, "the JSON text has no end");
	/* cryptsetup writes no blanks around the text. */
	if (n == 0 || area[0] != '{' || area[n - 1] != '}')
		return luks_malformed(j, "the JSON text is not an object");
	for (size_t i = n; i < len; i++)
		if (area[i])
			return luks_malformed(j, "there are bytes behind the JSON text");
	*ret = n;
	return 0;
}

static int parse(struct luks_judge *j, const char *text, size_t len, struct bytes *ret)
{
	int r = jspan_check((struct bytes){ (const uint8_t *)text, len }, ret);

	if (r == -EMSGSIZE)
		return luks_malformed(j, "the JSON text is nested too deep, or an "
					 "object has too many members");
	if (r < 0 || jspan_type(*ret) != JSPAN_OBJECT)
		return luks_malformed(j, "the JSON text is malformed, or has a "
					 "name twice in one object");
	return 0;
}

static int judge(struct luks_judge *j, struct bytes top)
{
	int r;

	look_at_segments(j, top);
	r = luks_check_fields(j, top_fields, top);
	return r < 0 ? r : check_bindings(j);
}

static int judge_into(struct luks_judge *j, struct bytes top, struct luks_found *ret)
{
	int r = judge(j, top);

	if (r < 0)
		return r;
	memcpy(ret->digest, j->digest, sizeof(ret->digest));
	ret->digest_len = j->digest_len;
	return 0;
}

int luks_metadata_judge(const char *area, size_t len, uint64_t device_len, const char *allow_tokens,
			struct luks_found *found, char *reason, size_t reason_len)
{
	struct luks_judge j = { .reason = reason,
				.reason_len = reason_len,
				.area_len = len,
				.device_len = device_len,
				.allow_tokens = allow_tokens };
	struct bytes top;
	size_t n = 0;
	int r;

	r = text_len(&j, area, len, &n);
	if (r >= 0)
		r = parse(&j, area, n, &top);
	return r < 0 ? r : judge_into(&j, top, found);
}

int luks_metadata_judge_text(const char *text, size_t len, const char *allow_tokens,
			     struct luks_found *found, char *reason, size_t reason_len)
{
	struct luks_judge j = { .reason = reason,
				.reason_len = reason_len,
				.device_len = UINT64_MAX,
				.allow_tokens = allow_tokens };
	struct bytes top, config;
	uint64_t json_size = 0;
	int r;

	r = parse(&j, text, len, &top);
	if (r < 0)
		return r;
	if (jspan_member(top, "config", &config) == 0 && jspan_type(config) == JSPAN_OBJECT)
		json_size = luks_decimal_of(config, "json_size");
	if (json_size > LUKS2_HEADER_MAX ||
	    !luks2_hdr_size_is_legal(json_size + LUKS2_BINARY_LEN))
		return luks_malformed(&j, "config.json_size is not that of any header");
	j.area_len = (size_t)json_size;
	return judge_into(&j, top, found);
}
