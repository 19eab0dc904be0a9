/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>

#include <json.h>

#include "base/base64.h"
#include "base/io.h"
#include "inject/sev/chain.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

/*
 * A certificate that is right in form only: its key is the generator of P-384, and it has no
 * signatures.
 */
static void make_cert(uint32_t usage, uint8_t ret[static SEV_CERT_LEN])
{
	static const uint8_t x[SEV_P384_LEN] = {
		0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e,
		0xf3, 0x20, 0xad, 0x74, 0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98,
		0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38, 0x55, 0x02, 0xf2, 0x5d,
		0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7,
	};
	static const uint8_t y[SEV_P384_LEN] = {
		0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf,
		0x92, 0x92, 0xdc, 0x29, 0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c,
		0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0, 0x0a, 0x60, 0xb1, 0xce,
		0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f,
	};

	sev_cert_write_godh(x, y, ret);
	put_u32le(ret + 8, usage);
}

static struct chain *new_chain(void)
{
	struct chain *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	return c;
}

/* ---- files ---- */

static void test_add_single(void **state)
{
	static const struct {
		uint32_t usage;
		enum chain_cert hint, want;
	} cases[] = {
		{ SEV_USAGE_PDH, _CHAIN_MAX, CHAIN_PDH },
		{ SEV_USAGE_PEK, _CHAIN_MAX, CHAIN_PEK },
		{ SEV_USAGE_OCA, _CHAIN_MAX, CHAIN_OCA },
		{ SEV_USAGE_CEK, _CHAIN_MAX, CHAIN_CEK },
		/*
		 * The file's name decides first.  That the certificate is another kind is found
		 * later, and reported.
		 */
		{ SEV_USAGE_PEK, CHAIN_PDH, CHAIN_PDH },
		{ 0x12345678, CHAIN_OCA, CHAIN_OCA },
		/* A certificate in AMD's form cannot be one of these. */
		{ SEV_USAGE_ARK, _CHAIN_MAX, _CHAIN_MAX },
		{ SEV_USAGE_ASK, _CHAIN_MAX, _CHAIN_MAX },
		{ SEV_USAGE_NONE, _CHAIN_MAX, _CHAIN_MAX },
		{ SEV_USAGE_PDH, CHAIN_ARK, _CHAIN_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) struct chain *c = new_chain();
		uint8_t cert[SEV_CERT_LEN];
		enum chain_cert which = _CHAIN_MAX;

		make_cert(cases[i].usage, cert);
		assert_int_equal(chain_add(c, cert, sizeof(cert), cases[i].hint, &which),
				 cases[i].want == _CHAIN_MAX ? -EBADMSG : 0);
		for (size_t k = 0; k < _CHAIN_MAX; k++)
			assert_int_equal(c->certs[k].len, k == cases[i].want ? SEV_CERT_LEN : 0);
		assert_int_equal(which, cases[i].want);
	}
}

static void test_add_sizes(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	_cleanup_(freep) uint8_t *data = calloc(1, 32768);

	assert_non_null(data);
	for (size_t i = 0; i < 32768; i += SEV_CERT_LEN)
		data[i] = 1;
	for (size_t len = 0; len < 32768; len++)
		if (len != 3 * SEV_CERT_LEN && len != 4 * SEV_CERT_LEN)
			assert_int_equal(chain_add(c, data, len, _CHAIN_MAX, NULL), -EBADMSG);
}

static void test_add_base64(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	_cleanup_(freep) char *text = NULL;
	uint8_t certs[3 * SEV_CERT_LEN], byte = 'A';
	char wrapped[16384];
	size_t n = 0;

	make_cert(SEV_USAGE_PEK, certs);
	make_cert(SEV_USAGE_OCA, certs + SEV_CERT_LEN);
	make_cert(SEV_USAGE_CEK, certs + 2 * SEV_CERT_LEN);
	assert_int_equal(base64_encode(certs, sizeof(certs), &text), 0);
	for (size_t i = 0; text[i]; i++) {
		wrapped[n++] = text[i];
		if (i % 76 == 75)
			wrapped[n++] = '\n';
	}
	assert_int_equal(chain_add(c, (const uint8_t *)wrapped, n, _CHAIN_MAX, NULL), 0);
	assert_memory_equal(c->certs[CHAIN_PEK].bytes, certs, SEV_CERT_LEN);
	assert_memory_equal(c->certs[CHAIN_CEK].bytes, certs + 2 * SEV_CERT_LEN, SEV_CERT_LEN);
	assert_int_equal(chain_add(c, (const uint8_t *)wrapped, n - 5, _CHAIN_MAX, NULL), -EBADMSG);
	wrapped[100] = '\0';
	assert_int_equal(chain_add(c, (const uint8_t *)wrapped, n, _CHAIN_MAX, NULL), -EBADMSG);
	assert_int_equal(chain_add(c, &byte, 1, _CHAIN_MAX, NULL), -EBADMSG);
}

static void test_add_twice(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	enum chain_cert which = _CHAIN_MAX;
	uint8_t cert[SEV_CERT_LEN];

	make_cert(SEV_USAGE_OCA, cert);
	assert_int_equal(chain_add(c, cert, sizeof(cert), _CHAIN_MAX, NULL), 0);
	assert_int_equal(chain_add(c, cert, sizeof(cert), _CHAIN_MAX, NULL), 0);
	cert[5] ^= 1;
	assert_int_equal(chain_add(c, cert, sizeof(cert), _CHAIN_MAX, &which), -EEXIST);
	assert_int_equal(which, CHAIN_OCA);
}

/* The platform's CEK and the CEK signed by AMD may come in either order; the signed one is used. */
static void test_add_two_ceks(void **state)
{
	uint8_t plain[SEV_CERT_LEN], amds[SEV_CERT_LEN], other[SEV_CERT_LEN];

	make_cert(SEV_USAGE_CEK, plain);
	make_cert(SEV_USAGE_CEK, amds);
	put_u32le(amds + SEV_CERT_SIGNED_LEN, SEV_USAGE_ASK);
	memcpy(other, amds, sizeof(other));
	other[5] = 7;
	assert_false(chain_cek_is_signed(plain));
	assert_true(chain_cek_is_signed(amds));
	for (int order = 0; order < 2; order++) {
		_cleanup_(freep) struct chain *c = new_chain();
		struct chain_report report;

		assert_int_equal(chain_add(c, order ? plain : amds, SEV_CERT_LEN, _CHAIN_MAX, NULL),
				 0);
		assert_int_equal(chain_add(c, order ? amds : plain, SEV_CERT_LEN, _CHAIN_MAX, NULL),
				 0);
		assert_memory_equal(c->certs[CHAIN_CEK].bytes, amds, SEV_CERT_LEN);
		assert_true(c->has_exported_cek);
		assert_memory_equal(c->exported_cek, plain, SEV_CERT_LEN);
		assert_int_equal(chain_add(c, plain, SEV_CERT_LEN, _CHAIN_MAX, NULL), 0);
		assert_int_equal(chain_add(c, other, SEV_CERT_LEN, _CHAIN_MAX, NULL), -EEXIST);
		assert_int_equal(chain_verify(c, &report), 0);
		assert_int_equal(chain_state_of(&report, "cek-mismatch", CHAIN_CEK), CHAIN_GOOD);
		c->exported_cek[SEV_CERT_KEY_OFFSET + 7] ^= 1;
		assert_int_equal(chain_verify(c, &report), 0);
		assert_int_equal(chain_state_of(&report, "cek-mismatch", CHAIN_CEK), CHAIN_FAILED);
	}
}

/* A certificate in AMD's form that is right in form only; the last 256 bytes are its signature. */
#define AMD_2048_LEN (AMD_CERT_HEADER_LEN + 3 * 256)
static void make_amd(uint32_t usage, uint8_t ret[static AMD_2048_LEN])
{
	memset(ret, 0, AMD_CERT_HEADER_LEN + 256);
	memset(ret + AMD_CERT_HEADER_LEN + 256, 0xa5, 2 * 256);
	put_u32le(ret, 1);
	put_u32le(ret + 0x24, usage);
	put_u32le(ret + 0x38, 2048);
	put_u32le(ret + 0x3c, 2048);
	put_u32le(ret + AMD_CERT_HEADER_LEN, 65537);
}

/*
 * An ARK may come with its signature and without, in either order.  A different ARK is never
 * dropped without a word.
 */
static void test_add_two_arks(void **state)
{
	const size_t bare = AMD_2048_LEN - 256;
	uint8_t ark[AMD_2048_LEN], other[AMD_2048_LEN], ask[AMD_2048_LEN];

	make_amd(SEV_USAGE_ARK, ark);
	make_amd(SEV_USAGE_ASK, ask);
	memcpy(other, ark, sizeof(other));
	other[bare - 1] ^= 1;
	for (size_t first = 0; first < 2; first++) {
		_cleanup_(freep) struct chain *c = new_chain();
		enum chain_cert which = _CHAIN_MAX;

		assert_int_equal(chain_add(c, ark, first ? sizeof(ark) : bare, CHAIN_ARK, NULL), 0);
		assert_int_equal(chain_add(c, other, bare, CHAIN_ARK, &which), -EEXIST);
		assert_int_equal(which, CHAIN_ARK);
		assert_int_equal(chain_add(c, other, sizeof(other), CHAIN_ARK, NULL), -EEXIST);
		assert_int_equal(chain_add(c, ark, first ? bare : sizeof(ark), CHAIN_ARK, NULL), 0);
		assert_int_equal(c->certs[CHAIN_ARK].len, sizeof(ark));
		assert_memory_equal(c->certs[CHAIN_ARK].bytes, ark, sizeof(ark));
		/* No other certificate comes in two lengths. */
		assert_int_equal(chain_add(c, ask, sizeof(ask), CHAIN_ASK, NULL), 0);
		assert_int_equal(chain_add(c, ask, bare, CHAIN_ASK, NULL), -EEXIST);
	}
}

/* ---- verdicts ---- */

/* A server or file that offers ASK and ARK must really have them, however good the rest is. */
static void test_fits(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	uint8_t cert[SEV_CERT_LEN];

	make_cert(SEV_USAGE_CEK, cert);
	assert_int_equal(chain_fits(c, cert, sizeof(cert)), -EBADMSG);
	assert_int_equal(chain_fits(c, cert, sizeof(cert) - 1), -EBADMSG);
	assert_int_equal(chain_fits(c, cert, 0), -EBADMSG);
	assert_int_equal(c->certs[CHAIN_CEK].len, 0);
}

static void test_nothing(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	struct chain_report report;

	assert_int_equal(chain_verify(c, &report), 0);
	assert_int_equal(report.verdict, CHAIN_UNDECIDED);
	assert_string_equal(chain_check(report.first)->code, "ark-missing");
	assert_null(report.product);
	assert_false(report.anchored);
}

/* A root without a sound key is no anchor, even if it is the one that was named. */
static void test_unsound_anchor(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	struct chain_report report;
	uint8_t ark[AMD_2048_LEN];

	make_amd(SEV_USAGE_ARK, ark);
	for (int sound = 1; sound >= 0; sound--) {
		/* The lowest byte of the modulus: it cannot be even. */
		ark[AMD_CERT_HEADER_LEN + 256] = 0xa4 + sound;
		c->certs[CHAIN_ARK].len = 0;
		assert_int_equal(chain_set_anchor(c, ark, sizeof(ark)), 0);
		assert_int_equal(chain_add(c, ark, sizeof(ark), CHAIN_ARK, NULL), 0);
		assert_int_equal(chain_verify(c, &report), 0);
		assert_int_equal(chain_state_of(&report, "format", CHAIN_ARK),
				 sound ? CHAIN_GOOD : CHAIN_MALFORMED);
		assert_int_equal(report.anchored, sound);
		assert_int_equal(report.verdict, sound ? CHAIN_FAILED : CHAIN_MALFORMED);
		assert_null(report.product);
	}
}

/*
 * Whatever is missing, the verdict is never good, and bad parts are reported before missing
 * parts.
 */
static void test_bad_before_missing(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	struct chain_report report;
	uint8_t cert[SEV_CERT_LEN];

	make_cert(SEV_USAGE_PDH, cert);
	assert_int_equal(chain_add(c, cert, sizeof(cert), _CHAIN_MAX, NULL), 0);
	assert_int_equal(chain_verify(c, &report), 0);
	assert_int_equal(report.verdict, CHAIN_UNDECIDED);
	assert_int_equal(chain_state_of(&report, "pdh-usage", CHAIN_PDH), CHAIN_GOOD);
	assert_int_equal(chain_state_of(&report, "pdh-sig", CHAIN_PDH), CHAIN_SKIPPED);

	c->certs[CHAIN_PDH].bytes[12] = SEV_ALGO_ECDSA_SHA256;
	assert_int_equal(chain_verify(c, &report), 0);
	assert_int_equal(report.verdict, CHAIN_FAILED);
	assert_string_equal(chain_check(report.first)->code, "pdh-algo");

	/* An unsigned OCA, from further up. */
	make_cert(SEV_USAGE_OCA, cert);
	put_u32le(cert + 12, SEV_ALGO_ECDSA_SHA256);
	assert_int_equal(chain_add(c, cert, sizeof(cert), _CHAIN_MAX, NULL), 0);
	assert_int_equal(chain_verify(c, &report), 0);
	assert_string_equal(chain_check(report.first)->code, "oca-selfsig");
}

static void test_bad_points(void **state)
{
	static const struct {
		size_t offset;
		uint8_t xor;
	} cases[] = {
		{ 0x14, 1 },		  /* x */
		{ 0x5c, 1 },		  /* y */
		{ 0x14 + 48, 1 },	  /* wider than the curve */
		{ 0x14 + 71, 0x80 },
		{ 0x5c + 71, 1 },
		{ 0x10, 3 },		  /* P-256, for a point of P-384 */
		{ 0x10, 2 },		  /* not a curve */
		{ 0x00, 3 },		  /* version 2 */
		{ 0x03, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) struct chain *c = new_chain();
		struct chain_report report;
		uint8_t cert[SEV_CERT_LEN];

		make_cert(SEV_USAGE_PDH, cert);
		assert_int_equal(chain_add(c, cert, sizeof(cert), CHAIN_PDH, NULL), 0);
		c->certs[CHAIN_PDH].bytes[cases[i].offset] ^= cases[i].xor;
		assert_int_equal(chain_verify(c, &report), 0);
		assert_int_equal(report.verdict, CHAIN_MALFORMED);
		assert_string_equal(chain_check(report.first)->code, "format");
		assert_int_equal(chain_check(report.first)->cert, CHAIN_PDH);
	}
}

/* ---- known answers: $COCO_VECTORS/sev/certs ---- */

static uint8_t *read_vector(const char *folder, const char *name, size_t *ret_len)
{
	char path[PATH_MAX], both[256];
	char *data;

	snprintf(both, sizeof(both), "sev/certs/%s/%s", folder, name);
	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, both), 65536, &data, ret_len),
			 0);
	return (uint8_t *)data;
}

static void add_vector(struct chain *c, const char *folder, const char *name)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	data = read_vector(folder, name, &len);
	assert_int_equal(chain_add(c, data, len, _CHAIN_MAX, NULL), 0);
}

static void verdict(const char *name, const struct chain *c, const char *want)
{
	struct chain_report report;
	const char *got;

	assert_int_equal(chain_verify(c, &report), 0);
	got = report.verdict == CHAIN_GOOD ? "good" : chain_check(report.first)->code;
	if (!streq(got, want))
		fail_msg("%s: %s, not %s", name, got, want);
}

/* Every case of cases.json. */
static void check_cases(void)
{
	_cleanup_(freep) uint8_t *text = NULL, *anchor = NULL;
	struct json_object *cases;
	size_t len, anchor_len;

	text = read_vector("bundles", "cases.json", &len);
	cases = json_tokener_parse((const char *)text);
	assert_non_null(cases);
	anchor = read_vector("syn", "ark.cert", &anchor_len);
	assert_true(json_object_array_length(cases) >= 21);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *o = json_object_array_get_idx(cases, i), *v;
		_cleanup_(freep) struct chain *c = new_chain();
		_cleanup_(freep) uint8_t *data = NULL;
		const char *file, *want = "good";
		int r;

		assert_true(json_object_object_get_ex(o, "file", &v));
		file = json_object_get_string(v);
		if (json_object_object_get_ex(o, "reason", &v))
			want = json_object_get_string(v);
		data = read_vector("bundles", file, &len);
		assert_int_equal(chain_set_anchor(c, anchor, anchor_len), 0);
		r = chain_add(c, data, len, _CHAIN_MAX, NULL);
		if (r < 0) {
			assert_int_equal(r, -EBADMSG);
			assert_string_equal(want, "format");
		} else {
			verdict(file, c, want);
		}
	}
	json_object_put(cases);
}

static void check_file(const char *name, const char *want)
{
	_cleanup_(freep) struct chain *c = new_chain();

	add_vector(c, "bundles", name);
	verdict(name, c, want);
}

static void check_roots(void)
{
	static const struct {
		const char *folder, *prefix, *product;
	} cases[] = {
		{ "naples", "", "Naples" },	  { "rome", "", "Rome" },
		{ "builtin", "milan-", "Milan" }, { "builtin", "genoa-", "Genoa" },
		{ "builtin", "turin-", "Turin" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) struct chain *c = new_chain();
		struct chain_report report;
		char name[64];

		snprintf(name, sizeof(name), "%sark.cert", cases[i].prefix);
		add_vector(c, cases[i].folder, name);
		snprintf(name, sizeof(name), "%sask.cert", cases[i].prefix);
		add_vector(c, cases[i].folder, name);
		assert_int_equal(chain_verify(c, &report), 0);
		assert_string_equal(report.product, cases[i].product);
		assert_int_equal(chain_state_of(&report, "ask-sig", CHAIN_ASK), CHAIN_GOOD);
		assert_string_equal(chain_check(report.first)->code, "cek-missing");
	}
}

/* AMD's first ARK lacks its signature.  No other certificate may. */
static void check_unsigned_ark(void)
{
	_cleanup_(freep) struct chain *c = new_chain();
	struct chain_report report;

	add_vector(c, "naples", "ark-nosig.cert");
	for (size_t i = 0; i < 5; i++)
		add_vector(c, "naples",
			   (const char *[]){ "ask.cert", "cek.cert", "oca.cert", "pek.cert",
					     "pdh.cert" }[i]);
	verdict("ark-nosig", c, "good");
	/* Any byte of the certificate, also those outside the key. */
	for (size_t i = 4; i < 0x38; i++) {
		c->certs[CHAIN_ARK].bytes[i] ^= 0x10;
		assert_int_equal(chain_verify(c, &report), 0);
		assert_int_equal(report.verdict, CHAIN_FAILED);
		c->certs[CHAIN_ARK].bytes[i] ^= 0x10;
	}
	add_vector(c, "naples", "ark.cert");
	assert_int_equal(c->certs[CHAIN_ARK].len, 832);
	verdict("both", c, "good");

	c->certs[CHAIN_ARK].len = 0;
	add_vector(c, "syn-2048", "ark.cert");
	c->certs[CHAIN_ARK].len = 576;
	verdict("another without", c, "ark-selfsig");
	memcpy(c->anchor, c->certs[CHAIN_ARK].bytes, 576);
	c->anchor_len = 576;
	verdict("another without, as an anchor", c, "ark-selfsig");
}

/* A flipped bit in any byte that means something is noticed. */
static void check_flips(const char *folder)
{
	static const struct {
		const char *name;
		enum chain_cert cert;
		size_t from, to, step;
	} parts[] = {
		{ "ask.cert", CHAIN_ASK, 0, 832, 37 },
		{ "ask.cert", CHAIN_ASK, 1344, 1600, 41 },
		{ "cek.cert", CHAIN_CEK, 0, 0x414, 61 },
		{ "cek.cert", CHAIN_CEK, 0x414, 0x41c, 1 },
		{ "cek.cert", CHAIN_CEK, 0x41c, 0x51c, 31 },
		{ "oca.cert", CHAIN_OCA, 0, 0x414, 61 },
		{ "oca.cert", CHAIN_OCA, 0x414, 0x4ac, 13 },
		{ "pek.cert", CHAIN_PEK, 0, 0x414, 61 },
		{ "pek.cert", CHAIN_PEK, 0x414, 0x4ac, 13 },
		{ "pek.cert", CHAIN_PEK, 0x61c, 0x6b4, 13 },
		{ "pdh.cert", CHAIN_PDH, 0, 0x414, 61 },
		{ "pdh.cert", CHAIN_PDH, 0x414, 0x4ac, 13 },
	};
	_cleanup_(freep) struct chain *c = new_chain();

	for (size_t i = 0; i < 6; i++)
		add_vector(c, folder,
			   (const char *[]){ "ark.cert", "ask.cert", "cek.cert", "oca.cert",
					     "pek.cert", "pdh.cert" }[i]);
	verdict(folder, c, "good");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t k = parts[i].from; k < MIN(parts[i].to, c->certs[parts[i].cert].len);
		     k += parts[i].step) {
			struct chain_report report;

			c->certs[parts[i].cert].bytes[k] ^= 1 << k % 8;
			assert_int_equal(chain_verify(c, &report), 0);
			if (report.verdict != CHAIN_FAILED && report.verdict != CHAIN_MALFORMED &&
			    report.verdict != CHAIN_UNDECIDED)
				fail_msg("%s/%s: a flipped bit in byte %zu is not noticed", folder,
					 parts[i].name, k);
			c->certs[parts[i].cert].bytes[k] ^= 1 << k % 8;
		}
	verdict(folder, c, "good");
}

static void check_expected_oca(void)
{
	_cleanup_(freep) struct chain *c = new_chain();
	_cleanup_(freep) uint8_t *oca = NULL, *other = NULL;
	size_t len;

	add_vector(c, "bundles", "ok-rome.bundle");
	oca = read_vector("rome", "oca.cert", &len);
	assert_int_equal(chain_set_oca(c, oca, len), 0);
	verdict("the OCA", c, "good");
	other = read_vector("naples", "oca.cert", &len);
	assert_int_equal(chain_set_oca(c, other, len), 0);
	verdict("another OCA", c, "oca-other");
	free(other);
	other = read_vector("rome", "pek.cert", &len);
	assert_int_equal(chain_set_oca(c, other, len), -EBADMSG);
	assert_int_equal(chain_set_anchor(c, other, len), -EBADMSG);
}

static uint8_t *read_ask_ark(const char *ask, const char *ark, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *second = NULL;
	size_t len, ark_len;
	uint8_t *both = read_vector(ask, "ask.cert", &len);

	second = read_vector(ark, "ark.cert", &ark_len);
	both = realloc(both, len + ark_len);
	assert_non_null(both);
	memcpy(both + len, second, ark_len);
	*ret_len = len + ark_len;
	return both;
}

static void check_fits(void)
{
	static const struct {
		const char *ask, *ark;
		int r;
	} rows[] = {
		{ "rome", "rome", 0 },
		{ "naples", "naples", -EKEYREJECTED },
		{ "rome", "naples", -EKEYREJECTED },
	};
	_cleanup_(freep) struct chain *c = new_chain();

	add_vector(c, "bundles", "ok-rome.bundle");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) uint8_t *both = NULL, *ask = NULL;
		size_t len, ask_len;

		both = read_ask_ark(rows[i].ask, rows[i].ark, &len);
		assert_int_equal(chain_fits(c, both, len), rows[i].r);
		/* ASK or ARK alone is not enough. */
		ask = read_vector(rows[i].ask, "ask.cert", &ask_len);
		assert_int_equal(chain_fits(c, ask, ask_len), -EBADMSG);
		assert_int_equal(chain_fits(c, both + ask_len, len - ask_len), -EBADMSG);
	}
	verdict("the chain after it", c, "good");
	/* A platform whose CEK has no sound key fits nothing. */
	c->certs[CHAIN_CEK].bytes[0x14] ^= 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) uint8_t *both = NULL;
		size_t len;

		both = read_ask_ark(rows[i].ask, rows[i].ark, &len);
		assert_int_equal(chain_fits(c, both, len), -EKEYREJECTED);
	}
}

static void test_vectors(void **state)
{
	_cleanup_(freep) struct chain *c = new_chain();
	_cleanup_(freep) uint8_t *ark = NULL;
	size_t len;

	check_cases();
	check_file("ok-naples.bundle", "good");
	check_file("ok-rome.bundle", "good");
	check_file("bad-mixed-pdh.bundle", "pdh-sig");
	check_file("bad-mixed-generation.bundle", "cek-sig");
	check_file("forged-root.bundle", "ark-unknown");
	check_file("ok-rome.qmp-cert-chain", "ark-missing");
	check_roots();
	check_unsigned_ark();
	check_flips("naples");
	check_flips("rome");
	check_expected_oca();
	check_fits();

	/* AMD's own root is not accepted when another root is given. */
	add_vector(c, "bundles", "ok-rome.bundle");
	ark = read_vector("syn", "ark.cert", &len);
	assert_int_equal(chain_set_anchor(c, ark, len), 0);
	verdict("rome under another anchor", c, "ark-unknown");
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_single),
		cmocka_unit_test(test_add_sizes),
		cmocka_unit_test(test_add_base64),
		cmocka_unit_test(test_add_twice),
		cmocka_unit_test(test_add_two_ceks),
		cmocka_unit_test(test_add_two_arks),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_unsound_anchor),
		cmocka_unit_test(test_bad_before_missing),
		cmocka_unit_test(test_bad_points),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/certs/bundles/cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
