/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "agent/worker/luks-judge.h"
#include "base/io.h"
#include "base/parse.h"
#include "tests/luks-image.h"

#define HDR_SIZE 16384

/*
 * A test double of OpenSSL's function of that name, which the judge calls.  It runs out of memory
 * after this many good calls; never, if negative.
 */
static int digests_left = -1;

int EVP_Digest(const void *data, size_t len, unsigned char *md, unsigned *md_len,
	       const EVP_MD *type, ENGINE *engine)
{
	EVP_MD_CTX *ctx;
	int r;

	if (digests_left == 0)
		return 0;
	if (digests_left > 0)
		digests_left--;
	ctx = EVP_MD_CTX_new();
	r = ctx && EVP_DigestInit_ex(ctx, type, engine) && EVP_DigestUpdate(ctx, data, len) &&
	    EVP_DigestFinal_ex(ctx, md, md_len);
	EVP_MD_CTX_free(ctx);
	return r;
}
#define IMAGE_LEN (2 * HDR_SIZE)
/* Of luks_image_json. */
#define IMAGE_DIGEST "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"

static struct luks_verdict judge(const void *image, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("device", MFD_CLOEXEC);
	struct luks_verdict v;

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, image, len), 0);
	memset(&v, 0xff, sizeof(v));
	luks_judge(fd, &(struct luks_question){ "" }, &v);
	assert_non_null(memchr(v.uuid, '\0', sizeof(v.uuid)));
	assert_non_null(memchr(v.reason, '\0', sizeof(v.reason)));
	assert_true(v.reason[0] != '\0');
	return v;
}

static void assert_judged(const char *what, const struct luks_verdict *v, int error,
			  const char *reason)
{
	if (v->error != error || !strstr(v->reason, reason))
		fail_msg("%s: expected %d, '%s', got %d, '%s'", what, error, reason, v->error,
			 v->reason);
}

static struct luks_verdict judge_text(const void *text, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("text", MFD_CLOEXEC);
	struct luks_verdict v;

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, len), 0);
	memset(&v, 0xff, sizeof(v));
	luks_judge_text(fd, &(struct luks_question){ "" }, &v);
	assert_string_equal(v.uuid, "");
	assert_non_null(memchr(v.reason, '\0', sizeof(v.reason)));
	assert_true(v.reason[0] != '\0');
	return v;
}

static void judge_json(const char *what, const char *json, size_t len, int error,
		       const char *reason)
{
	_cleanup_(freep) uint8_t *image = luks_image_new(json, len, HDR_SIZE);
	struct luks_verdict v = judge(image, IMAGE_LEN), of_text;

	assert_judged(what, &v, error, reason);
	/* The same metadata in libcryptsetup's memory is judged alike, but for its end. */
	of_text = judge_text(json, len);
	if (len > 0 && len < HDR_SIZE - LUKS2_BINARY_LEN && json[0] == '{' && json[len - 1] == '}')
		assert_judged(what, &of_text, v.error, "");
	assert_string_equal(v.uuid, LUKS_IMAGE_UUID);
	assert_int_equal(v.version, 2);
}

/* @json with the first @from replaced by @to. */
static char *replaced(const char *json, const char *from, const char *to)
{
	const char *at = strstr(json, from);
	char *s;

	if (!at)
		fail_msg("no '%s' to replace", from);
	assert_true(asprintf(&s, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) > 0);
	return s;
}

/* ---- one thing changed in a sound JSON text, of our own making and of cryptsetup's ---- */

#define ADD_TOKEN(type) \
	"\"tokens\":{", "\"tokens\":{\"0\":{\"type\":\"" type "\",\"keyslots\":[\"0\"]," \
	"\"more\":{\"of\":\"it\"}}"
#define ADD_CONFIG(text) "\"config\":{", "\"config\":{" text ","
#define SEGMENT "\"segments\":{\"0\":{\"type\":\"crypt\""
#define AREA \
	"\"area\":{\"type\":\"raw\",\"offset\":\"32768\",\"size\":\"258048\"," \
	"\"encryption\":\"aes-xts-plain64\",\"key_size\":64}"
#define AREA_WITH(offset, size, encryption, key_size) \
	"\"area\":{\"type\":\"raw\",\"offset\":" offset ",\"size\":" size \
	",\"encryption\":" encryption ",\"key_size\":" key_size "}"
#define INTEGRITY(type, journal) \
	"\"segments\":{\"0\":{\"integrity\":{\"type\":\"" type "\",\"journal_encryption\":\"" \
	journal \
	"\",\"journal_integrity\":\"none\"},\"type\":\"crypt\""
#define SEGMENT_CIPHER "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\""

static const struct {
	const char *from, *to;
	int error;
	const char *reason;
} changes[] = {
	/* what may differ */
	{ "}", "}", 0, "LUKS2 with aes-xts-plain64" },
	{ "\"keyslots\":{", " \"keyslots\" : {\n", 0, "" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-xts-plain64\"", "32"), 0, "" },
	{ AREA, AREA_WITH("\"16519168\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), 0, "" },
	{ "\"size\":\"dynamic\"", "\"size\":\"16777216\"", 0, "" },
	{ "\"type\":\"luks2\"", "\"type\":\"luks2\",\"priority\":2", 0, "" },
	{ ADD_CONFIG("\"flags\":[\"allow-discards\"]"), 0, "" },
	{ ADD_CONFIG("\"requirements\":{\"mandatory\":[]}"), 0, "" },
	{ ADD_TOKEN("coco"), 0, "" },
	{ ADD_TOKEN("luks2-keyring"), 0, "" },
	{ ADD_TOKEN("coco\",\"note\":\"disk of Zo\xc3\xab"), 0, "" },
	{ "\"tokens\":{",
	  "\"tokens\":{\"31\":{\"type\":\"coco\",\"keyslots\":[\"0\"],\"a\":{\"a\":{\"a\":{\"a\":{"
	  "\"a\":{\"a\":[[\"\\u00eb\"]]}}}}}}",
	  0, "" },
	{ "\"hash\":\"sha256\"", "\"hash\":\"sha3-512\"", 0, "" },
	{ "\"hash\":\"sha256\"", "\"hash\":\"blake2b-512\"", 0, "" },
	{ "\"hash\":\"sha256\"", "\"hash\":\"ripemd160\"", 0, "" },
	{ "\"hash\":\"sha256\"", "\"hash\":\"sha224\"", 0, "" },
	{ "\"hash\":\"sha256\"", "\"hash\":\"md5\"", -EKEYREJECTED, "--hash sha256" },

	/* a null cipher, or another cipher */
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"cipher_null-ecb\"", "64"), -EKEYREJECTED,
	  "keyslots.0.area.encryption is 'cipher_null-ecb', may only be: aes-xts-plain64" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-ecb\"", "64"), -EKEYREJECTED,
	  "keyslots.0.area.encryption" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"AES-xts-plain64\"", "64"), -EKEYREJECTED,
	  "keyslots.0.area.encryption" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-xts-plain64 \"", "64"), -EKEYREJECTED,
	  "keyslots.0.area.encryption" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"\"", "64"), -EKEYREJECTED,
	  "keyslots.0.area.encryption" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-xts-plain64\\u0000\"", "64"), -EBADMSG,
	  "is a text with escapes" },
	{ SEGMENT_CIPHER, "\"iv_tweak\":\"0\",\"encryption\":\"cipher_null-ecb\"", -EKEYREJECTED,
	  "segments.0.encryption is 'cipher_null-ecb'" },
	{ SEGMENT_CIPHER, "\"iv_tweak\":\"0\",\"encryption\":\"null\"", -EKEYREJECTED,
	  "segments.0.encryption" },
	{ SEGMENT_CIPHER, "\"iv_tweak\":\"0\"", -EBADMSG, "segments.0 lacks 'encryption'" },

	/* keys so short that they can be guessed */
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-xts-plain64\"", "16"), -EKEYREJECTED,
	  "keyslots.0.area.key_size is 16" },
	{ "\"type\":\"luks2\",\"key_size\":64", "\"type\":\"luks2\",\"key_size\":1", -EKEYREJECTED,
	  "keyslots.0.key_size is 1" },
	{ "\"type\":\"luks2\",\"key_size\":64", "\"type\":\"luks2\",\"key_size\":0", -EKEYREJECTED,
	  "keyslots.0.key_size" },
	{ "\"type\":\"luks2\",\"key_size\":64", "\"type\":\"luks2\",\"key_size\":-64",
	  -EKEYREJECTED, "keyslots.0.key_size" },
	{ "\"type\":\"luks2\",\"key_size\":64", "\"type\":\"luks2\",\"key_size\":64.0",
	  -EKEYREJECTED, "keyslots.0.key_size is 64.0" },
	{ "\"type\":\"luks2\",\"key_size\":64", "\"type\":\"luks2\",\"key_size\":\"64\"", -EBADMSG,
	  "keyslots.0.key_size is not an int" },
	{ "\"type\":\"luks2\",\"key_size\":64",
	  "\"type\":\"luks2\",\"key_size\":18446744073709551680", -EBADMSG,
	  "keyslots.0.key_size is a number that is too large" },
	{ AREA, AREA_WITH("\"32768\"", "\"258048\"", "\"aes-xts-plain64\"", "18446744073709551616"),
	  -EBADMSG, "is a number that is too large" },
	{ "\"sector_size\":", "\"sector_size\":18446744073709551616", -EBADMSG,
	  "is a number that is too large" },

	/* unknown kinds, or volumes that are not at rest */
	{ "\"type\":\"luks2\"", "\"type\":\"reencrypt\"", -EKEYREJECTED,
	  "keyslots.0.type is 'reencrypt'" },
	{ "\"type\":\"raw\"", "\"type\":\"none\"", -EKEYREJECTED, "keyslots.0.area.type" },
	{ "\"type\":\"luks1\"", "\"type\":\"luks0\"", -EKEYREJECTED, "keyslots.0.af.type" },
	{ "\"stripes\":4000", "\"stripes\":1", -EBADMSG, "keyslots.0.af.stripes" },
	{ "\"kdf\":{", "\"kdf\":{\"type\":\"scrypt\",\"was\":{", -EBADMSG,
	  "the JSON text is malformed" },
	{ SEGMENT, "\"segments\":{\"0\":{\"type\":\"linear\"", -EKEYREJECTED,
	  "segments.0.type is 'linear'" },
	{ SEGMENT, "\"segments\":{\"0\":{\"type\":\"hw-opal\"", -EKEYREJECTED,
	  "segments.0.type is 'hw-opal'" },
	{ SEGMENT, "\"segments\":{\"0\":{\"flags\":[\"in-reencryption\"],\"type\":\"crypt\"",
	  -EKEYREJECTED, "segments.0 has 'flags'" },
	{ SEGMENT, "\"segments\":{\"0\":{\"integrity\":{\"type\":\"none\"},\"type\":\"crypt\"",
	  -EKEYREJECTED, "segments.0.integrity.type is 'none', may only be: hmac(sha256)" },
	{ SEGMENT, INTEGRITY("hmac(sha256)", "none"), 0, "" },
	{ SEGMENT, INTEGRITY("hmac(sha256)", "cbc(aes)"), -EKEYREJECTED,
	  "segments.0.integrity.journal_encryption" },
	/* Then all 64 bytes are for the tags. */
	{ SEGMENT, INTEGRITY("hmac(sha512)", "none"), -EKEYREJECTED,
	  "keyslots.0.key_size is 64, may only be 128 or 96 bytes" },
	{ SEGMENT, INTEGRITY("hmac(sha512)", "none"), -EKEYREJECTED,
	  "; no reencryption changes a volume with integrity: make it anew" },
	{ SEGMENT, INTEGRITY("none\",\"x\":\"", "none"), -EKEYREJECTED,
	  "segments.0.integrity has 'x'" },
	{ SEGMENT, "\"segments\":{\"1\":{},\"0\":{\"type\":\"crypt\"", -EKEYREJECTED,
	  "segments has 2 members" },
	{ ADD_CONFIG("\"requirements\":{\"mandatory\":[\"online-reencrypt-v2\"]}"), -EKEYREJECTED,
	  "config.requirements.mandatory has 'online-reencrypt-v2', may only be empty" },
	{ ADD_CONFIG("\"requirements\":{\"mandatory\":[\"opal\"]}"), -EKEYREJECTED,
	  "make the volume anew without --hw-opal" },
	{ ADD_CONFIG("\"requirements\":{\"mandatory\":[\"inline-hw-tags\"]}"), -EKEYREJECTED,
	  "make the volume anew" },
	{ ADD_CONFIG("\"requirements\":{\"mandatory\":[\"of-2030\"]}"), -EKEYREJECTED,
	  "has 'of-2030', may only be empty" },
	{ ADD_CONFIG("\"requirements\":[\"x\"]"), -EBADMSG,
	  "config.requirements is not an object" },
	{ ADD_CONFIG("\"requirements\":{\"optional\":[]}"), -EKEYREJECTED,
	  "config.requirements has 'optional'" },
	{ ADD_CONFIG("\"flags\":[1]"), -EBADMSG, "config.flags has an element" },
	{ ADD_TOKEN("clevis"), -EKEYREJECTED, "tokens.0.type is 'clevis'" },
	{ ADD_TOKEN("systemd-tpm2"), -EKEYREJECTED, "tokens.0.type is 'systemd-tpm2'" },
	{ "\"tokens\":{", "\"tokens\":{\"0\":{}", -EBADMSG, "tokens.0 lacks 'type'" },
	{ "\"tokens\":{}", "\"tokens\":[]", -EBADMSG, "tokens is not an object" },
	{ "\"tokens\":{}", "\"tokens\":null", -EBADMSG, "tokens is not an object" },
	{ "\"tokens\":{},", "", -EBADMSG, "lacks 'tokens'" },
	{ "{\"keyslots\"", "{\"new\":{},\"keyslots\"", -EKEYREJECTED, "has 'new'" },
	{ "\"type\":\"luks2\"", "\"type\":\"luks2\",\"\\u001b[31m\":1", -EBADMSG,
	  "the JSON text is malformed" },

	/* which objects belong together */
	{ "\"keyslots\":[\"0\"]", "\"keyslots\":[]", -EKEYREJECTED, "keyslot 0 is not bound" },
	{ "\"keyslots\":[\"0\"]", "\"keyslots\":[\"0\",\"1\"]", -EBADMSG,
	  "names a keyslot or segment that is not there" },
	{ "\"keyslots\":[\"0\"]", "\"keyslots\":[\"0\",\"0\"]", -EBADMSG,
	  "digests.0.keyslots has 0 twice" },
	{ "\"keyslots\":[\"0\"]", "\"keyslots\":[0]", -EBADMSG,
	  "digests.0.keyslots has an element" },
	{ "\"keyslots\":[\"0\"]", "\"keyslots\":\"0\"", -EBADMSG,
	  "digests.0.keyslots is not an array" },
	{ "\"segments\":[\"0\"]", "\"segments\":[]", -EKEYREJECTED, "the segment is not bound" },
	{ "\"segments\":[\"0\"]", "\"segments\":[\"1\"]", -EBADMSG,
	  "names a keyslot or segment that is not there" },
	{ "\"digests\":{", "\"digests\":{\"1\":{},", -EBADMSG, "digests.1 lacks 'type'" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{\"1\":", -EBADMSG,
	  "names a keyslot or segment that is not there" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{\"00\":", -EBADMSG, "keyslots has '00'" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{\"32\":", -EBADMSG, "keyslots has '32'" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{\"x\":", -EBADMSG, "keyslots has 'x'" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{\"1\":[],\"0\":", -EBADMSG,
	  "keyslots.1 is not an object" },
	{ "\"keyslots\":{\"0\":", "\"keyslots\":{},\"config\":{\"0\":", -EBADMSG, "a name twice" },

	/* places and numbers */
	{ AREA, AREA_WITH("\"0\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "lies outside" },
	{ AREA, AREA_WITH("\"16519169\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "lies outside" },
	{ AREA, AREA_WITH("\"9223372036854775807\"", "\"1\"", "\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "lies outside" },
	{ AREA, AREA_WITH("\"9223372036854775808\"", "\"1\"", "\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "offset is 9223372036854775808, out of range" },
	{ AREA, AREA_WITH("\"99999999999999999999\"", "\"1\"", "\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "offset is a number that is too large" },
	{ AREA, AREA_WITH("\"32768\"", "\"0\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "size is 0, out of range" },
	{ AREA, AREA_WITH("\"0x8000\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "not a number" },
	{ AREA, AREA_WITH("\" 32768\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "not a number" },
	/* There is room for 23 digits.  The first 23 of these 24 are the right number. */
	{ AREA,
	  AREA_WITH("\"000000000000000000327680\"", "\"258048\"", "\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "offset is '000000000000000000327680', which is not a number" },
	{ AREA,
	  AREA_WITH("\"00000000000000000032768\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), 0,
	  "" },
	{ AREA, AREA_WITH("\"-1\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "not a number" },
	{ AREA, AREA_WITH("\"\"", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "not a number" },
	{ AREA, AREA_WITH("32768", "\"258048\"", "\"aes-xts-plain64\"", "64"), -EBADMSG,
	  "keyslots.0.area.offset is not a string" },
	{ AREA, "\"area\":\"raw\"", -EBADMSG, "keyslots.0.area is not an object" },
	{ AREA, "\"area\":{}", -EBADMSG, "keyslots.0.area lacks 'type'" },
	{ "\"json_size\":\"12288\"", "\"json_size\":\"28672\"", -EBADMSG, "json_size" },
	{ "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"0\"", -EBADMSG, "lies outside" },
	{ "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"134217729\"", -EBADMSG,
	  "config.keyslots_size is 134217729" },
	{ "\"offset\":\"16777216\"", "\"offset\":\"4e3\"", -EBADMSG, "segments.0.offset is '4e3'" },
	{ "\"size\":\"dynamic\"", "\"size\":\"all\"", -EBADMSG, "segments.0.size is 'all'" },
	{ "\"size\":\"dynamic\"", "\"size\":\"0\"", -EBADMSG, "segments.0.size is 0" },
	{ "\"iv_tweak\":\"0\"", "\"iv_tweak\":0", -EBADMSG, "segments.0.iv_tweak is not a string" },
	{ "\"sector_size\":", "\"sector_size\":1", -EBADMSG, "not a sector size" },
	{ "\"sector_size\":", "\"sector_size\":1e", -EBADMSG,
	  "segments.0.sector_size is not a sector size" },
	{ "\"iterations\":1000", "\"iterations\":4294967296", -EBADMSG,
	  "iterations is 4294967296, out of range" },
	{ "\"iterations\":1000", "\"iterations\":0", -EBADMSG, "iterations is 0" },
	{ "\"iterations\":1000",
	  "\"iterations\":1"
	  "00000000000000000000000000000000000000",
	  -EBADMSG, "iterations is" },
	{ "\"salt\":\"", "\"salt\":\"AAAA", -EBADMSG,
	  "salt does not have the right number of bytes" },
	{ "\"salt\":\"", "\"salt\":\"*", -EBADMSG, "salt is not base64" },
	{ "\"digest\":\"", "\"digest\":\"\",\"more\":\"", -EKEYREJECTED, "digests.0 has 'more'" },

	/* JSON that some readers accept and others refuse */
	{ "{\"keyslots\"", "{/* */\"keyslots\"", -EBADMSG, "the JSON text is malformed" },
	{ "{\"keyslots\"", "{'keyslots'", -EBADMSG, "the JSON text is malformed" },
	{ "{\"keyslots\"", "[\"keyslots\"", -EBADMSG, "the JSON text is not an object" },
	{ "{\"keyslots\"", " {\"keyslots\"", -EBADMSG, "the JSON text is not an object" },
	{ "{\"keyslots\"", "{'a\":\"b':{},'a\":\"b':{},\"keyslots\"", -EBADMSG,
	  "the JSON text is malformed" },
	{ "\"tokens\":{}", "\"tokens\":{},", -EBADMSG, "the JSON text is malformed" },
	{ "\"tokens\":{}", "\"tokens\":{},\"tokens\":{}", -EBADMSG, "a name twice" },
	{ AREA,
	  AREA_WITH("\"32768\"", "\"258048\"",
		    "\"cipher_null-ecb\",\"encryption\":\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "a name twice" },
	{ AREA,
	  AREA_WITH("\"32768\"", "\"258048\"",
		    "\"cipher_null-ecb\",\"\\u0065ncryption\":\"aes-xts-plain64\"", "64"),
	  -EBADMSG, "a name twice" },
	{ "\"tokens\":{}", "\"tokens\":{\"0\":{\"type\":\"coco\",\"keyslots\":[\"\xff\"]}}",
	  -EBADMSG, "the JSON text is malformed" },
	{ "\"tokens\":{}",
	  "\"tokens\":{\"0\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}", -EBADMSG,
	  "tokens.0 lacks 'type'" },
};

static void apply_changes(const char *json)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		_cleanup_(freep) char *changed = replaced(json, changes[i].from, changes[i].to);

		judge_json(changes[i].to, changed, strlen(changed), changes[i].error,
			   changes[i].reason);
	}
}

static void test_changes(void **state)
{
	apply_changes(luks_image_json);
}

static void test_argon2(void **state)
{
	static const struct {
		const char *from, *to;
		int error;
		const char *remedy;
	} rows[] = {
		{ "argon2id", "argon2i", 0 },
		{ "argon2id", "argon2d", -EKEYREJECTED,
		  "may only be: argon2i, argon2id, pbkdf2; 'cryptsetup luksKillSlot --header "
		  "HEADER DEVICE 0' removes" },
		{ "argon2id", "", -EKEYREJECTED },
		{ "\"argon2id\"", "{}", -EBADMSG },
		{ "argon2id", "pbkdf2", -EBADMSG },
		/* as cryptsetup before 2.0.3 left them */
		{ "\"time\":4,", "\"time\":4,\"hash\":\"sha256\",\"iterations\":1000,", 0 },
		{ "\"time\":4,", "\"time\":4,\"hash\":\"crc32\",", -EKEYREJECTED },
		{ "\"memory\":1048576", "\"memory\":4194305", -EBADMSG,
		  "; 'cryptsetup luksConvertKey --pbkdf argon2id --key-slot 0" },
		{ "\"memory\":1048576", "\"memory\":0", -EBADMSG, "is 0, out of range" },
		{ "\"cpus\":4", "\"cpus\":5", -EBADMSG,
		  "; 'cryptsetup luksConvertKey --pbkdf argon2id --key-slot 0" },
		{ "\"time\":4", "\"time\":0", -EBADMSG },
		{ "\"time\":4,", "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *changed = replaced(luks_image_json, rows[i].from,
							  rows[i].to);

		judge_json(rows[i].to, changed, strlen(changed), rows[i].error,
			   rows[i].remedy ? rows[i].remedy : rows[i].error ? "keyslots.0.kdf" : "");
	}
}

#define DIGEST(keyslots, segments) \
	"\"4\":{\"type\":\"pbkdf2\",\"keyslots\":" keyslots ",\"segments\":" segments \
	",\"hash\":\"sha256\",\"iterations\":1000," \
	"\"salt\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"," \
	"\"digest\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}"

/*
 * The host could make a second keyslot if nobody looked at it.  A keyslot that is bound to a
 * digest of its own holds a key that is not the volume's, and opens nothing.
 */
static void test_every_keyslot(void **state)
{
	static const char second[] =
		"\"keyslots\":{\"7\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":"
		"\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},"
		"\"area\":{\"type\":\"raw\",\"offset\":\"290816\",\"size\":\"258048\","
		"\"encryption\":\"aes-xts-plain64\",\"key_size\":64},"
		"\"kdf\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":"
		"\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}},";
	_cleanup_(freep) char *unbound = replaced(luks_image_json, "\"keyslots\":{", second);
	_cleanup_(freep) char *bound = replaced(unbound, "\"keyslots\":[\"0\"]",
						"\"keyslots\":[\"0\",\"7\"]");
	_cleanup_(freep) char *again = replaced(bound, "[\"0\",\"7\"]", "[\"0\",\"7\",\"7\"]");
	_cleanup_(freep) char *own = replaced(unbound, "\"digests\":{",
					      "\"digests\":{" DIGEST("[\"7\"]", "[]") ",");
	_cleanup_(freep) char *short_key = replaced(own, "\"key_size\":64", "\"key_size\":16");
	_cleanup_(freep) char *twice = replaced(bound, "\"digests\":{",
						"\"digests\":{" DIGEST("[\"7\"]", "[]") ",");
	_cleanup_(freep) char *both = replaced(unbound, "\"digests\":{",
					       "\"digests\":{" DIGEST("[\"7\"]", "[\"0\"]") ",");
	_cleanup_(freep) char *null = replaced(bound, "\"encryption\":\"aes-xts-plain64\"",
					       "\"encryption\":\"cipher_null-ecb\"");

	judge_json("bound", bound, strlen(bound), 0, "");
	judge_json("bound twice", again, strlen(again), -EBADMSG, "has 7 twice");
	judge_json("nobody's", unbound, strlen(unbound), -EKEYREJECTED,
		   "keyslot 7 is not bound to the digest of the segment, nor to one of its own; "
		   "cryptsetup takes no such header either: restore it from a backup");
	judge_json("of its own", own, strlen(own), 0, "");
	judge_json("short, of its own", short_key, strlen(short_key), 0, "");
	judge_json("of two digests", twice, strlen(twice), -EBADMSG,
		   "digests.0 names a keyslot that another digest names");
	judge_json("two digests of the segment", both, strlen(both), -EKEYREJECTED,
		   "digests has 2 that the segment is bound to");
	judge_json("null", null, strlen(null), -EKEYREJECTED, "keyslots.7.area.encryption");
}

static void test_json_area(void **state)
{
	_cleanup_(freep) uint8_t *image = NULL;
	size_t len = strlen(luks_image_json);
	char area[HDR_SIZE - 4096] = "";
	struct luks_verdict v;

	judge_json("none", "", 0, -EBADMSG, "the JSON text is not an object");
	judge_json("empty object", "{}", 2, -EBADMSG, "lacks 'config'");
	judge_json("cut off", luks_image_json, len - 1, -EBADMSG, "the JSON text is malformed");
	judge_json("cut off more", luks_image_json, len - 2, -EBADMSG,
		   "the JSON text is not an object");

	memcpy(area, luks_image_json, len);
	area[len] = '}';
	judge_json("one more", area, len + 1, -EBADMSG, "the JSON text is malformed");
	area[len] = ' ';
	judge_json("blank", area, len + 1, -EBADMSG, "the JSON text is not an object");
	area[len] = '\0';
	area[sizeof(area) - 1] = '!';
	judge_json("tail", area, sizeof(area), -EBADMSG, "there are bytes behind the JSON text");

	memset(area, ' ', sizeof(area));
	memcpy(area, luks_image_json, len - 1);
	area[sizeof(area) - 1] = '}';
	judge_json("full", area, sizeof(area), -EBADMSG, "the JSON text has no end");
	memset(area, '[', sizeof(area));
	area[0] = '{';
	area[sizeof(area) - 2] = '}';
	area[sizeof(area) - 1] = '\0';
	judge_json("brackets", area, sizeof(area), -EBADMSG, "the JSON text is malformed");

	/* As large as LUKS2 allows, blanks included. */
	{
		_cleanup_(freep) char *json = replaced(luks_image_json, "\"json_size\":\"12288\"",
						       "\"json_size\":\"520192\"");
		_cleanup_(freep) char *moved = replaced(json, "\"offset\":\"32768\"",
							"\"offset\":\"1048576\"");
		const size_t big_len = 512 * 1024 - 4096 - 1;
		_cleanup_(freep) char *big = malloc(big_len);

		assert_non_null(big);
		memset(big, ' ', big_len);
		memcpy(big, moved, strlen(moved) - 1);
		big[big_len - 1] = '}';
		image = luks_image_new(big, big_len, 512 * 1024);
	}
	v = judge(image, 1024 * 1024);
	assert_judged("one byte is left, for the NUL", &v, 0, "");
}

/* ---- what an owner allows ---- */

static void test_allow_tokens(void **state)
{
	static const struct {
		const char *type, *allow;
		int error;
		const char *reason;
	} rows[] = {
		{ "clevis", "", -EKEYREJECTED, "AllowTokens= allows it" },
		{ "clevis", "clevis", 0, "" },
		{ "clevis", "ubuntu-fde clevis", 0, "" },
		{ "clevis", "clevis ubuntu-fde", 0, "" },
		{ "clevis", "clevi", -EKEYREJECTED, "" },
		{ "clevi", "clevis", -EKEYREJECTED,
		  "'cryptsetup token remove --token-id 0 --header HEADER DEVICE'" },
		{ "coco", "clevis", 0, "" },
		{ "", "clevis", -EKEYREJECTED, "" },
		/* Types by which systemd-cryptsetup itself opens a volume cannot be allowed. */
		{ "systemd-tpm2", "systemd-tpm2", -EKEYREJECTED,
		  "'systemd-tpm2', may only be: coco" },
		{ "systemd-fido2", "x systemd-fido2", -EKEYREJECTED, "" },
		{ "systemd-pkcs11", "systemd-pkcs11", -EKEYREJECTED, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(closep) int fd = memfd_create("device", MFD_CLOEXEC);
		_cleanup_(freep) char *json = NULL, *typed = NULL;
		_cleanup_(freep) uint8_t *image = NULL;
		struct luks_question q = { "" };
		struct luks_verdict v;

		json = replaced(luks_image_json, ADD_TOKEN("TYPE"));
		typed = replaced(json, "TYPE", rows[i].type);
		image = luks_image_new(typed, strlen(typed), HDR_SIZE);
		strcpy(q.allow_tokens, rows[i].allow);
		assert_int_equal(write_full(fd, image, IMAGE_LEN), 0);
		luks_judge(fd, &q, &v);
		assert_judged(rows[i].type, &v, rows[i].error, rows[i].reason);
		assert_int_equal(!!strstr(v.reason, "AllowTokens="),
				 v.error && !startswith(rows[i].type, "systemd-"));
	}
}

/* ---- what an owner pins ---- */

static struct luks_verdict judge_pinned(const void *image, size_t len, const char *pins)
{
	_cleanup_(closep) int fd = memfd_create("device", MFD_CLOEXEC);
	struct luks_question q = { "" };
	struct luks_verdict v;

	assert_in_range(strlen(pins), 0, sizeof(q.pins) - 1);
	strcpy(q.pins, pins);
	assert_int_equal(write_full(fd, image, len), 0);
	luks_judge(fd, &q, &v);
	return v;
}

static void sum(const uint8_t *header, size_t len, uint8_t ret[static 32])
{
	_cleanup_(freep) uint8_t *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, header, len);
	memset(copy + LUKS2_CHECKSUM_OFFSET, 0, LUKS2_CHECKSUM_LEN);
	assert_int_equal(EVP_Digest(copy, len, ret, NULL, EVP_sha256(), NULL), 1);
}

/* The words of a volume: those of its UUID and digest, and the hash of its headers. */
static void expect_words(const uint8_t *image, char ret[static LUKS_PINS_LEN])
{
	uint8_t sums[64], hash[32];
	char hex[65];

	sum(image, HDR_SIZE, sums);
	sum(image + HDR_SIZE, HDR_SIZE, sums + 32);
	assert_int_equal(EVP_Digest(sums, sizeof(sums), hash, NULL, EVP_sha256(), NULL), 1);
	format_hex(hash, sizeof(hash), hex);
	(void) snprintf(ret, LUKS_PINS_LEN, "uuid:" LUKS_IMAGE_UUID " digest:%s header:%s",
			IMAGE_DIGEST, hex);
}

static void test_pins(void **state)
{
	_cleanup_(freep) uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json),
							 HDR_SIZE);
	char words[LUKS_PINS_LEN], header[80];
	const struct {
		const char *pins;
		int error;
		const char *reason;
	} cases[] = {
		{ "", 0, "" },
		{ words, 0, "" },
		{ "uuid:" LUKS_IMAGE_UUID, 0, "" },
		{ "digest:" IMAGE_DIGEST, 0, "" },
		{ header, 0, "" },
		{ "uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca428 uuid:" LUKS_IMAGE_UUID, 0, "" },
		{ "uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca428", -EKEYREJECTED,
		  "its UUID is not the one that VolumePin= names, but 'uuid:" LUKS_IMAGE_UUID "'" },
		/* One kind that holds does not make up for another. */
		{ "uuid:" LUKS_IMAGE_UUID " digest:" IMAGE_DIGEST "00", -EKEYREJECTED,
		  "its digest of the volume key is not" },
		{ "digest:f0f1 uuid:" LUKS_IMAGE_UUID, -EKEYREJECTED, "digest of the volume key" },
		{ "header:" IMAGE_DIGEST " digest:" IMAGE_DIGEST, -EKEYREJECTED,
		  "its header as a whole is not" },
		{ "uuid:", -EKEYREJECTED, "its UUID" },
		{ "digest:", -EKEYREJECTED, "digest" },
		{ "digest", -EKEYREJECTED, "not known here" },
		{ "label:data", -EKEYREJECTED, "not known here" },
		{ "digest:" IMAGE_DIGEST " x", -EKEYREJECTED, "not known here" },
	};
	struct luks_verdict v;

	expect_words(image, words);
	strcpy(header, strstr(words, "header:"));
	v = judge(image, IMAGE_LEN);
	assert_string_equal(v.pins, words);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		v = judge_pinned(image, IMAGE_LEN, cases[i].pins);
		assert_judged(cases[i].pins, &v, cases[i].error, cases[i].reason);
		assert_string_equal(v.pins, words);
	}
	/* What is not safe is so with the right pins, and has none. */
	image[HDR_SIZE + 5000] ^= 1;
	v = judge_pinned(image, IMAGE_LEN, words);
	assert_int_equal(v.error, -EBADMSG);
	assert_string_equal(v.pins, "");
}

/* cryptsetup takes the header with the higher number, so that the second one counts as well. */
static void test_pins_second(void **state)
{
	_cleanup_(freep) char *other = replaced(luks_image_json, "\"digest\":\"8P",
						"\"digest\":\"9P");
	_cleanup_(freep) uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json),
							 HDR_SIZE),
				 *second = luks_image_new(other, strlen(other), HDR_SIZE);
	char words[LUKS_PINS_LEN];
	struct luks_verdict v;

	expect_words(image, words);
	memcpy(image + HDR_SIZE, second + HDR_SIZE, HDR_SIZE);
	v = judge_pinned(image, IMAGE_LEN, "digest:" IMAGE_DIGEST);
	assert_judged("another digest in the second header", &v, -EKEYREJECTED,
		      "digest of the volume key");
	v = judge_pinned(image, IMAGE_LEN, strstr(words, "header:"));
	assert_judged("another second header", &v, -EKEYREJECTED, "its header as a whole");
	v = judge_pinned(image, IMAGE_LEN, "uuid:" LUKS_IMAGE_UUID);
	assert_judged("nothing is asked of the digest", &v, 0, "");
	memcpy(image + HDR_SIZE, second + HDR_SIZE, HDR_SIZE);
	memcpy(image, second, HDR_SIZE);
	v = judge_pinned(image, IMAGE_LEN, "digest:" IMAGE_DIGEST);
	assert_int_equal(v.error, -EKEYREJECTED);
}

/* A token's volume shows its metadata alone. */
static void test_pins_text(void **state)
{
	_cleanup_(closep) int fd = memfd_create("text", MFD_CLOEXEC);
	const struct {
		const char *pins;
		int error;
		const char *reason;
	} cases[] = {
		{ "digest:" IMAGE_DIGEST, 0, "" },
		{ "digest:" IMAGE_DIGEST "00", -EKEYREJECTED, "digest of the volume key" },
		{ "uuid:" LUKS_IMAGE_UUID, -EKEYREJECTED, "opened by a token does not show" },
		{ "digest:" IMAGE_DIGEST " header:" IMAGE_DIGEST, -EKEYREJECTED,
		  "opened by a token does not show" },
		{ "uuid:", -EKEYREJECTED, "opened by a token does not show" },
	};

	assert_int_equal(write_full(fd, luks_image_json, strlen(luks_image_json)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct luks_question q = { "" };
		struct luks_verdict v;

		strcpy(q.pins, cases[i].pins);
		luks_judge_text(fd, &q, &v);
		assert_judged(cases[i].pins, &v, cases[i].error, cases[i].reason);
		assert_string_equal(v.pins, "digest:" IMAGE_DIGEST);
	}
}

static void test_pins_luks1(void **state)
{
	uint8_t h[592] = "LUKS\xba\xbe\0\1aes", hash[32];
	char words[LUKS_PINS_LEN], hex[65];
	struct luks_verdict v;

	memcpy(h + 40, "xts-plain64", 11);
	memcpy(h + 72, "sha256", 6);
	h[108 + 3] = 64;
	for (unsigned i = 0; i < 20; i++)
		h[112 + i] = (uint8_t)(0xa0 + i);
	h[164 + 3] = 1;
	memcpy(h + 168, "1B4E28BA-2fa1-11d2-883f-0016d3cca427", 36);
	for (unsigned i = 0; i < 8; i++) {
		memcpy(h + 208 + 48 * i, "\0\0\xde\xad", 4);
		memcpy(h + 208 + 48 * i + 44, "\0\0\x0f\xa0", 4);
	}
	assert_int_equal(EVP_Digest(h, sizeof(h), hash, NULL, EVP_sha256(), NULL), 1);
	format_hex(hash, sizeof(hash), hex);
	(void) snprintf(words, sizeof(words),
			"uuid:" LUKS_IMAGE_UUID " digest:a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3 "
			"header:%s", hex);
	v = judge_pinned(h, sizeof(h), words);
	assert_judged("LUKS1", &v, 0, "LUKS1 with aes-xts-plain64");
	assert_string_equal(v.pins, words);
	h[112] ^= 1;
	v = judge_pinned(h, sizeof(h), words);
	assert_judged("another digest", &v, -EKEYREJECTED, "digest of the volume key");
	v = judge_pinned(h, sizeof(h), "uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca420");
	assert_judged("another UUID", &v, -EKEYREJECTED, "its UUID");
}

/* ---- what helps ---- */

/*
 * cryptsetup takes a header that it is given alone for the volume, and a reencryption of that
 * destroys the key: whoever has a header apart is told so.  tests/run/luks-remedies does what is
 * said here.
 */
#define CBC_AT(offset) \
	"\"offset\":\"" offset "\",\"size\":\"dynamic\",\"iv_tweak\":\"0\"," \
	"\"encryption\":\"aes-cbc-essiv:sha256\""
#define RESUMED(version) \
	"\"config\":{\"requirements\":{\"mandatory\":[\"online-reencrypt-v" version "\"]},"
#define AND_AT_0(flag) \
	"\"segments\":{\"1\":{\"type\":\"linear\",\"offset\":\"0\",\"flags\":[\"" flag "\"]},"

static void test_remedies(void **state)
{
	static const char at[] = "\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\","
				 "\"encryption\":\"aes-xts-plain64\"";
	static const char config[] = "\"config\":{", segments[] = "\"segments\":{";
	static const struct {
		const char *from, *to, *segments;
		uint64_t device_len;
		const char *remedy;
	} rows[] = {
		{ at, CBC_AT("16777216"), segments, 64 << 20, "--key-size 512 DEVICE' changes it" },
		{ at, CBC_AT("16777216"), segments, (16 << 20) + 1,
		  "--key-size 512 DEVICE' changes it" },
		{ at, CBC_AT("16777216"), segments, 16 << 20,
		  "--key-size 512 --header HEADER DEVICE' changes it" },
		{ at, CBC_AT("0"), segments, 64 << 20,
		  "--key-size 512 --header HEADER DEVICE' changes it" },
		{ at, CBC_AT("16777215"), segments, 64 << 20,
		  "--key-size 512 --header HEADER DEVICE' changes it" },
		{ config, RESUMED("2"), segments, 64 << 20, "--resume-only DEVICE' finishes it" },
		{ config, RESUMED("3"), segments, 64 << 20,
		  "--resume-only DEVICE' finishes it, and then this is not a LUKS volume" },
		/* A reencryption remembers where the data was. */
		{ config, RESUMED("2"), AND_AT_0("backup-moved-segment"), 64 << 20,
		  "--resume-only DEVICE' finishes it" },
		{ config, RESUMED("2"), AND_AT_0("in-reencryption"), 64 << 20,
		  "--resume-only --header HEADER DEVICE' finishes it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *changed = replaced(luks_image_json, rows[i].from,
							  rows[i].to);
		_cleanup_(freep) char *all = replaced(changed, segments, rows[i].segments);
		_cleanup_(freep) uint8_t *image = luks_image_new(all, strlen(all), HDR_SIZE);
		_cleanup_(closep) int fd = memfd_create("device", MFD_CLOEXEC);
		struct luks_verdict v;

		assert_int_equal(write_full(fd, image, IMAGE_LEN), 0);
		assert_int_equal(ftruncate(fd, (off_t)rows[i].device_len), 0);
		luks_judge(fd, &(struct luks_question){ "" }, &v);
		assert_judged(rows[i].to, &v, -EKEYREJECTED, rows[i].remedy);
	}
}

/* ---- the binary headers ---- */

/* A checksum that could not be computed does not fit. */
static void test_no_memory(void **state)
{
	_cleanup_(freep)
		uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), HDR_SIZE);
	struct luks_verdict v;

	for (int n = 0; n < 2; n++) {
		digests_left = n;
		v = judge(image, IMAGE_LEN);
		digests_left = -1;
		assert_judged(n ? "second" : "first", &v, -ENOMEM, "cannot compute a checksum");
	}
	v = judge(image, IMAGE_LEN);
	assert_judged("enough memory", &v, 0, "");
}

enum where { FIRST = 0, SECOND = HDR_SIZE };

static void test_binary(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		const char *bytes;
		size_t len;
		bool sum;	/* the checksum is corrected */
		int error;
		const char *reason;
	} rows[] = {
		{ "label", FIRST + 24, "data", 4, true, 0, "" },
		{ "label in the second", SECOND + 24, "data", 4, true, 0, "" },
		{ "higher seqid in the second", SECOND + 16, "\x7f", 1, true, 0, "" },
		{ "no magic", FIRST, "X", 1, true, -EOPNOTSUPP, "no LUKS volume" },
		{ "version 3", FIRST + 6, "\0\3", 2, true, -EOPNOTSUPP,
		  "LUKS version 3 is not known" },
		{ "version 0", FIRST + 6, "\0\0", 2, true, -EOPNOTSUPP,
		  "LUKS version 0 is not known" },
		{ "first changed", FIRST + 5000, "X", 1, false, -EBADMSG,
		  "first LUKS2 header does not match its checksum" },
		{ "first's padding changed", FIRST + 4000, "X", 1, false, -EBADMSG,
		  "first LUKS2 header does not match its checksum" },
		{ "second changed", SECOND + 5000, "X", 1, false, -EBADMSG,
		  "second LUKS2 header does not match its checksum" },
		{ "first's sum", FIRST + 448, "\0\0\0\0", 4, false, -EBADMSG,
		  "first LUKS2 header does not match" },
		{ "second's sum", SECOND + 448, "\0\0\0\0", 4, false, -EBADMSG,
		  "second LUKS2 header does not match" },
		{ "another hash", FIRST + 72, "sha1\0", 6, true, -EKEYREJECTED,
		  "checksum of the first LUKS2 header is 'sha1'" },
		{ "another hash in the second", SECOND + 72, "md5\0", 5, true, -EKEYREJECTED,
		  "checksum of the second LUKS2 header is 'md5'" },
		{ "hash without end", FIRST + 72, "sha256xxxxxxxxxxxxxxxxxxxxxxxxxx", 32, true,
		  -EBADMSG, "first LUKS2 header is malformed" },
		{ "hash with escape", FIRST + 72, "\x1b[m", 4, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size 0", FIRST + 8, "\0\0\0\0\0\0\0\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size 8 KiB", FIRST + 8, "\0\0\0\0\0\0\x20\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size 20 KiB", FIRST + 8, "\0\0\0\0\0\0\x50\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size 32 KiB", FIRST + 8, "\0\0\0\0\0\0\x80\0", 8, true, -EBADMSG,
		  "first LUKS2 header" },
		{ "hdr_size 4 MiB", FIRST + 8, "\0\0\0\0\0\x40\0\0", 8, true, -EBADMSG,
		  "ends within the first LUKS2 header" },
		{ "hdr_size 8 MiB", FIRST + 8, "\0\0\0\0\0\x80\0\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size 2^32 + 16 KiB", FIRST + 8, "\0\0\0\1\0\0\x40\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "hdr_size huge", FIRST + 8, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "second's hdr_size", SECOND + 8, "\0\0\0\0\0\0\x80\0", 8, true, -EBADMSG,
		  "second LUKS2 header is malformed" },
		{ "hdr_offset", FIRST + 256, "\0\0\0\0\0\0\x40\0", 8, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "second's hdr_offset", SECOND + 256, "\0\0\0\0\0\0\0\0", 8, true, -EBADMSG,
		  "second LUKS2 header is malformed" },
		{ "second is a first", SECOND, "LUKS", 4, true, -EBADMSG,
		  "second LUKS2 header is malformed" },
		{ "no second", SECOND, "\0\0\0\0", 4, false, -EBADMSG,
		  "second LUKS2 header is malformed" },
		{ "no UUID", FIRST + 168, "\0", 1, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "UUID with a line break", FIRST + 168, "\n", 1, true, -EBADMSG,
		  "first LUKS2 header is malformed" },
		{ "UUID with another digit", FIRST + 168, "2", 1, true, -EBADMSG,
		  "different volumes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) uint8_t *image = luks_image_new(luks_image_json,
								 strlen(luks_image_json), HDR_SIZE);
		struct luks_verdict v;

		memcpy(image + rows[i].offset, rows[i].bytes, rows[i].len);
		if (rows[i].sum)
			luks_image_sum(image, IMAGE_LEN, rows[i].offset < SECOND ? FIRST : SECOND);
		v = judge(image, IMAGE_LEN);
		assert_judged(rows[i].name, &v, rows[i].error, rows[i].reason);
	}
}

/*
 * cryptsetup uses the second header when its seqid is higher, so it is more than a backup, and
 * must be read.
 */
static void test_second_judged(void **state)
{
	_cleanup_(freep)
		uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), HDR_SIZE);
	char *cipher = strstr((char *)image + SECOND + 4096, "aes-xts-plain64");
	struct luks_verdict v;

	assert_non_null(cipher);
	memcpy(cipher, "cipher_null-ecb", 15);
	luks_image_sum(image, IMAGE_LEN, SECOND);
	v = judge(image, IMAGE_LEN);
	assert_judged("second", &v, -EKEYREJECTED,
		      "second LUKS2 header: keyslots.0.area.encryption is 'cipher_null-ecb'");
}

static void test_truncated(void **state)
{
	static const size_t lens[] = { 0,
				       1,
				       6,
				       7,
				       8,
				       100,
				       591,
				       4095,
				       4096,
				       4097,
				       HDR_SIZE - 1,
				       HDR_SIZE,
				       HDR_SIZE + 1,
				       HDR_SIZE + 4096,
				       IMAGE_LEN - 1 };
	_cleanup_(freep)
		uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), HDR_SIZE);

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		struct luks_verdict v = judge(image, lens[i]);

		assert_int_equal(v.error, lens[i] < 8 ? -EOPNOTSUPP : -EBADMSG);
	}
}

static void test_sizes(void **state)
{
	for (size_t size = 16384; size <= 4 * 1024 * 1024; size *= 2) {
		_cleanup_(freep) uint8_t *image = NULL;
		_cleanup_(freep) char *json = NULL, *moved = NULL;
		char json_size[64], offset[64];
		struct luks_verdict v;

		snprintf(json_size, sizeof(json_size), "\"json_size\":\"%zu\"", size - 4096);
		snprintf(offset, sizeof(offset), "\"offset\":\"%zu\"", 2 * size);
		json = replaced(luks_image_json, "\"json_size\":\"12288\"", json_size);
		moved = replaced(json, "\"offset\":\"32768\"", offset);
		image = luks_image_new(moved, strlen(moved), size);
		v = judge(image, 2 * size);
		assert_judged(json_size, &v, 0, "LUKS2");
	}
}

static void test_unreadable(void **state)
{
	_cleanup_(closep) int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct luks_verdict v;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	luks_judge(fds[0], &(struct luks_question){ "" }, &v);
	assert_judged("pipe", &v, -ESPIPE, "cannot read the device: ");
	(void) close(fds[0]);
	(void) close(fds[1]);
	luks_judge(dir, &(struct luks_question){ "" }, &v);
	assert_judged("directory", &v, -EISDIR, "cannot read the device: ");
}

static void test_luks1(void **state)
{
	static const struct {
		size_t offset;
		const char *bytes;
		size_t len;
		int error;
		const char *reason;
	} rows[] = {
		{ 8, "aes", 3, 0, "LUKS1 with aes-xts-plain64" },
		{ 104 + 7, "\x20", 1, 0, "" },
		{ 8, "cipher_null", 11, -EKEYREJECTED,
		  "LUKS1 with the cipher 'cipher_null-xts-plain64'" },
		{ 40, "ecb\0", 5, -EKEYREJECTED,
		  "'aes-ecb', may only be: aes-xts-plain64; 'cryptsetup reencrypt --cipher "
		  "aes-xts-plain64 --key-size 512 DEVICE'" },
		{ 40, "cbc-essiv:sha256", 16, -EKEYREJECTED, "'aes-cbc-essiv:sha256'" },
		{ 104 + 7, "\x01", 1, -EKEYREJECTED,
		  "a key of 1 bytes, may only be 64 or 32; 'cryptsetup "
		  "reencrypt --key-size 512 DEVICE'" },
		{ 72, "crc32\0", 7, -EKEYREJECTED,
		  "the hash 'crc32', which is not known here; 'cryptsetup "
		  "reencrypt --hash sha256 DEVICE'" },
		/* The hash, and the payload's offset behind it. */
		{ 72,
		  "crc32\0\0\0"
		  "\0\0\0\0\0\0\0\0"
		  "\0\0\0\0\0\0\0\0"
		  "\0\0\0\0\0\0\0\0"
		  "\0\0\0\0",
		  36, -EKEYREJECTED,
		  "the hash 'crc32', which is not known here; 'cryptsetup reencrypt "
		  "--hash sha256 --header HEADER DEVICE' changes it" },
		{ 72, "whirlpool", 10, 0, "" },
		{ 164 + 3, "\0", 1, -EBADMSG, "a digest of 0 iterations" },
		{ 208 + 44, "\0\0\0\1", 4, -EBADMSG, "keyslot 0 has 1 stripes, not 4000" },
		{ 208 + 7 * 48 + 44, "\0\0\0\1", 4, -EBADMSG, "keyslot 7 has 1 stripes" },
		{ 208 + 7, "\0", 1, -EBADMSG, "keyslot 0 has 0 iterations" },
		{ 208, "\0\xac\x71\xf4", 4, -EBADMSG, "malformed" },
		{ 8, "\x1b", 1, -EBADMSG, "malformed" },
		{ 168, "z", 1, -EBADMSG, "malformed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t h[592] = "LUKS\xba\xbe\0\1aes";
		struct luks_verdict v;

		strcpy((char *)h + 40, "xts-plain64");
		strcpy((char *)h + 72, "sha256");
		h[104 + 2] = 0x10;
		h[104 + 7] = 64;
		h[164 + 3] = 1;
		for (size_t k = 0; k < 8; k++) {
			memcpy(h + 208 + 48 * k,
			       k ? "\0\0\xde\xad\0\0\0\0" : "\0\xac\x71\xf3\0\0\0\1", 8);
			memcpy(h + 208 + 48 * k + 44, "\0\0\x0f\xa0", 4);
		}
		strcpy((char *)h + 168, LUKS_IMAGE_UUID);
		memcpy(h + rows[i].offset, rows[i].bytes, rows[i].len);
		v = judge(h, sizeof(h));
		assert_judged(rows[i].reason, &v, rows[i].error, rows[i].reason);
		assert_int_equal(v.version, 1);
		v = judge(h, sizeof(h) - 1);
		assert_judged("short", &v, -EBADMSG, "cut off");
	}
}

/* ---- headers of the real cryptsetup ---- */

static char dir[] = "/tmp/test-luks-judge.XXXXXX";

static int setup(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static bool have_cryptsetup(void)
{
	return system("PATH=$PATH:/usr/sbin:/sbin; command -v cryptsetup >/dev/null 2>&1") == 0;
}

/*
 * Run @script, with the folder in $D and the beginning of a format command in $FORMAT; it must
 * make $D/img.
 */
static struct luks_verdict made(const char *script)
{
	_cleanup_(closep) int fd = -EBADF;
	_cleanup_(freep) char *command = NULL;
	char path[128];
	struct luks_verdict v;

	assert_true(asprintf(&command,
			     "set -e; exec >'%s/log' 2>&1; PATH=$PATH:/usr/sbin:/sbin; D='%s'; rm "
			     "-f $D/img; truncate -s 32M $D/img; "
			     "printf key >$D/key; PBKDF='--pbkdf pbkdf2 --pbkdf-force-iterations "
			     "1000'; K=\"--key-file $D/key\"; "
			     "FORMAT=\"cryptsetup luksFormat --batch-mode $K $D/img\"; %s",
			     dir, dir, script) > 0);
	if (system(command) != 0) {
		snprintf(path, sizeof(path), "cat '%s/log' >&2", dir);
		(void) !system(path);
		fail_msg("failed: %s", script);
	}
	snprintf(path, sizeof(path), "%s/img", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	luks_judge(fd, &(struct luks_question){ "" }, &v);
	return v;
}

static void test_cryptsetup(void **state)
{
	static const struct {
		const char *script;
		int error;
		const char *reason;
	} rows[] = {
		{ "$FORMAT --type luks2 $PBKDF", 0, "LUKS2 with" },
		{ "$FORMAT --type luks2 --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory "
		  "32 --pbkdf-parallel 1",
		  0, "" },
		{ "$FORMAT --type luks2 --pbkdf argon2i --pbkdf-force-iterations 4 --pbkdf-memory "
		  "32 --pbkdf-parallel 1",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF --key-size 256 --sector-size 512 "
		  "--label data --hash sha512",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF --luks2-metadata-size 64k --luks2-keyslots-size 8m",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF; printf two >$D/two; cryptsetup luksAddKey $PBKDF "
		  "$K $D/img $D/two",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF; cryptsetup token add "
		  "--key-description coco:disk $D/img",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF; echo "
		  "'{\"type\":\"clevis\",\"keyslots\":[\"0\"],\"jwe\":{}}' | "
		  "cryptsetup token import $D/img",
		  -EKEYREJECTED, "tokens.0.type is 'clevis'" },
		{ "$FORMAT --type luks2 $PBKDF; printf two >$D/two; cryptsetup luksAddKey "
		  "--unbound --key-size 512 $PBKDF $D/img $D/two",
		  0, "" },
		{ "$FORMAT --type luks2 $PBKDF --hash whirlpool", 0, "" },
		{ "$FORMAT --type luks2 $PBKDF --cipher aes-cbc-essiv:sha256 --key-size 256",
		  -EKEYREJECTED, "aes-cbc-essiv:sha256" },
		{ "$FORMAT --type luks2 $PBKDF --keyslot-cipher "
		  "aes-cbc-plain64 --keyslot-key-size 256",
		  -EKEYREJECTED, "keyslots.0.area.encryption is 'aes-cbc-plain64'" },
		{ "$FORMAT --type luks1 --pbkdf-force-iterations 1000", 0,
		  "LUKS1 with aes-xts-plain64" },
		{ "$FORMAT --type luks1 --pbkdf-force-iterations 1000 --hash sha1 --key-size 256; "
		  "cryptsetup convert --batch-mode --type luks2 $D/img",
		  0, "LUKS2" },
		{ "$FORMAT --type luks1 --pbkdf-force-iterations 1000 --cipher "
		  "aes-cbc-plain64 --key-size 256",
		  -EKEYREJECTED, "'aes-cbc-plain64'" },
		{ "truncate -s 8M $D/plain; cryptsetup reencrypt --disable-locks --encrypt "
		  "--init-only --type luks2 --batch-mode $PBKDF $K "
		  "--header $D/img $D/plain",
		  -EKEYREJECTED,
		  "'cryptsetup reencrypt --resume-only --header HEADER DEVICE' finishes it" },
		{ "$FORMAT --type luks2 $PBKDF; cryptsetup luksErase --batch-mode $D/img",
		  -EKEYREJECTED, "no key opens" },
		{ "$FORMAT --type luks2 $PBKDF; dd if=/dev/zero of=$D/img "
		  "bs=4096 count=1 conv=notrunc",
		  -EOPNOTSUPP, "its first header is destroyed" },
		{ "true", -EOPNOTSUPP, "no LUKS volume" },
	};

	if (!have_cryptsetup()) {
		print_message("cryptsetup is not installed\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct luks_verdict v = made(rows[i].script);

		assert_judged(rows[i].script, &v, rows[i].error, rows[i].reason);
		assert_int_equal(strlen(v.uuid), rows[i].error == -EOPNOTSUPP ? 0 : 36);
	}
}

/* The same changes as in our own text, so that neither drifts from the real thing. */
static void test_cryptsetup_changes(void **state)
{
	_cleanup_(freep) char *json = calloc(1, HDR_SIZE);
	_cleanup_(closep) int fd = -EBADF;
	struct luks_verdict v;
	char path[128];

	if (!have_cryptsetup()) {
		print_message("cryptsetup is not installed\n");
		skip();
	}
	v = made("$FORMAT --type luks2 $PBKDF");
	assert_int_equal(v.error, 0);
	snprintf(path, sizeof(path), "%s/img", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(json && fd >= 0);
	assert_int_equal(pread(fd, json, HDR_SIZE - 4096, 4096), HDR_SIZE - 4096);
	apply_changes(json);
}

/* As libcryptsetup prints it, with blanks, and longer than the area that it was read from. */
static void test_text(void **state)
{
	static const struct {
		const char *what, *from, *to, *reason;
		int error;
	} cases[] = {
		{ "as it is", "{", "{", "LUKS2 with aes-xts-plain64", 0 },
		{ "blanks", "{", "  {\n\t", "LUKS2 with aes-xts-plain64", 0 },
		{ "no size", "\"json_size\":\"12288\",", "",
		  "config.json_size is not that of any header", -EBADMSG },
		{ "another size", "\"json_size\":\"12288\"", "\"json_size\":\"12289\"",
		  "config.json_size is not that of any header", -EBADMSG },
		{ "a huge size", "\"json_size\":\"12288\"",
		  "\"json_size\":\"18446744073709547520\"",
		  "config.json_size is not that of any header", -EBADMSG },
		{ "a number", "\"json_size\":\"12288\"", "\"json_size\":12288",
		  "config.json_size is not that of any header", -EBADMSG },
		{ "no config", "\"config\":{", "\"Config\":{",
		  "config.json_size is not that of any header", -EBADMSG },
		{ "null cipher", "aes-xts-plain64", "cipher_null-ecb",
		  "is 'cipher_null-ecb', may only be: aes-xts-plain64", -EKEYREJECTED },
		{ "twice", "\"config\":{", "\"config\":{},\"config\":{", "twice", -EBADMSG },
	};
	_cleanup_(freep) char *large = malloc(LUKS2_TEXT_MAX + 1);
	struct luks_verdict v;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *at = strstr(luks_image_json, cases[i].from);
		_cleanup_(freep) char *text = NULL;

		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - luks_image_json),
				     luks_image_json, cases[i].to,
				     at + strlen(cases[i].from)) > 0);
		v = judge_text(text, strlen(text));
		assert_judged(cases[i].what, &v, cases[i].error, cases[i].reason);
	}
	v = judge_text("", 0);
	assert_judged("nothing", &v, -EBADMSG, "malformed");
	v = judge_text(luks_image_json, strlen(luks_image_json) + 1);
	assert_judged("a NUL", &v, -EBADMSG, "malformed");

	/* The largest text is judged, and one that is larger is not. */
	assert_non_null(large);
	memset(large, ' ', LUKS2_TEXT_MAX + 1);
	memcpy(large, luks_image_json, strlen(luks_image_json));
	v = judge_text(large, LUKS2_TEXT_MAX);
	assert_judged("large", &v, 0, "");
	v = judge_text(large, LUKS2_TEXT_MAX + 1);
	assert_judged("too large", &v, -EMSGSIZE, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_argon2),
		cmocka_unit_test(test_every_keyslot),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_json_area),
		cmocka_unit_test(test_allow_tokens),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pins_second),
		cmocka_unit_test(test_pins_text),
		cmocka_unit_test(test_pins_luks1),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_second_judged),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_luks1),
		cmocka_unit_test(test_cryptsetup),
		cmocka_unit_test(test_cryptsetup_changes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
