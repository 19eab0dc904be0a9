/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which launch it is, by a quote of others whose RTMR3 is replaced, and logs of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/hex.h"
#include "base/io.h"
#include "broker/core/launch-read.h"
#include "tests/unit/vectors.h"

#include <fcntl.h>

#define RTMR3_AT (48 + 0x1d8)
#define RTMR_LEN 48
#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LAUNCH "coco-agent launch " ID

struct log {
	uint8_t bytes[16384];
	size_t len;
	uint8_t rtmr[RTMR_LEN];
};

static void put(struct log *l, const void *data, size_t len)
{
	memcpy(l->bytes + l->len, data, len);
	l->len += len;
}

static void put_u32(struct log *l, uint32_t n)
{
	const uint8_t b[] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
			      (uint8_t)(n >> 24) };

	put(l, b, sizeof(b));
}

static void begin(struct log *l)
{
	static const uint8_t spec[] = "Spec ID Event03\0\0\0\0\0\0\2\0\2\1\0\0\0\x0c\0\x30\0\0";

	*l = (struct log){ .len = 0 };
	put_u32(l, 0);
	put_u32(l, 3);
	put(l, (uint8_t[20]){ 0 }, 20);
	put_u32(l, sizeof(spec) - 1);
	put(l, spec, sizeof(spec) - 1);
}

/* An event of @index; @measured: the text whose digest it has, or NULL for its own. */
static void event(struct log *l, uint32_t index, uint32_t type, const char *text,
		  const char *measured)
{
	uint8_t data[512], digest[RTMR_LEN], both[2 * RTMR_LEN];
	size_t len = strlen(text);

	memcpy(data, "LEAA", 4);
	memcpy(data + 4, (uint8_t[]){ (uint8_t)len, (uint8_t)(len >> 8), 0, 0 }, 4);
	memcpy(data + 8, text, len);
	if (measured)
		assert_int_equal(EVP_Digest(measured, strlen(measured), digest, NULL, EVP_sha384(),
					    NULL),
				 1);
	else
		assert_int_equal(EVP_Digest(data, len + 8, digest, NULL, EVP_sha384(), NULL), 1);
	put_u32(l, index);
	put_u32(l, type);
	put_u32(l, 1);
	put(l, "\x0c\0", 2);
	put(l, digest, sizeof(digest));
	put_u32(l, (uint32_t)len + 8);
	put(l, data, len + 8);
	if (index != 4)
		return;
	memcpy(both, l->rtmr, RTMR_LEN);
	memcpy(both + RTMR_LEN, digest, RTMR_LEN);
	assert_int_equal(EVP_Digest(both, sizeof(both), l->rtmr, NULL, EVP_sha384(), NULL), 1);
}

/* @split: from there on it is a log of its own, without a header; 0: nowhere. */
static void read_split(const struct log *l, size_t split, const uint8_t *rtmr, struct launch *ret)
{
	struct bundle b = { .n_items = 0 };
	char path[PATH_MAX], *quote;
	size_t len;

	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, "coco/tdx/tdx_quote_4.dat"),
				      65536, &quote, &len),
			 0);
	memcpy(quote + RTMR3_AT, rtmr ?: l->rtmr, RTMR_LEN);
	assert_int_equal(bundle_add(&b, BUNDLE_QUOTE, quote, len), 0);
	if (l)
		assert_int_equal(bundle_add(&b, BUNDLE_EVENT_LOG, l->bytes, split ?: l->len), 0);
	if (l && split)
		assert_int_equal(bundle_add(&b, BUNDLE_RUNTIME_LOG, l->bytes + split,
					    l->len - split),
				 0);
	assert_int_equal(launch_read(BROKER_TEE_TDX, &b, ret), 0);
	assert_true(ret->has_mrconfigid);
	assert_true(ret->known == (ret->why_not[0] == '\0'));
	bundle_done(&b);
	free(quote);
}

static void read_tdx(const struct log *l, const uint8_t *rtmr, struct launch *ret)
{
	read_split(l, /* split= */ 0, rtmr, ret);
}

/* cocod's log goes on where the firmware's ends, wherever that is. */
static void test_tdx_split(void **state)
{
	struct launch l;
	struct log log;
	size_t ends[4];

	begin(&log);
	ends[0] = log.len;
	event(&log, 1, 6, "firmware", NULL);
	ends[1] = log.len;
	event(&log, 4, 6, LAUNCH, NULL);
	ends[2] = log.len;
	event(&log, 4, 6, "coco-agent released a/b/c", NULL);
	ends[3] = log.len;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		read_split(&log, ends[i], NULL, &l);
		assert_true(l.known && l.released_before);
	}
	/* It is cut within an event, or has a header. */
	read_split(&log, ends[1] + 1, NULL, &l);
	assert_true(!l.known && l.released_before);
	log.len--;
	read_split(&log, ends[1], NULL, &l);
	assert_true(!l.known && l.released_before);
}

/* The bytes that cocod writes, as test-measure has them. */
static void test_cocods_own(void **state)
{
	static const char hex[] =
		"0400000006000000010000000c0005118cea03d885af5c12a7bc11ce6389a4a91c4c92a29e935d13d0"
		"5c123e46283adc94129d1dac02000b0b33d9a5808e2d0000004c45414125000000636f636f2d616765"
		"6e742072656c65617365642064656661756c742f6c756b732f726f6f74";
	uint8_t entry[(sizeof(hex) - 1) / 2], both[2 * RTMR_LEN];
	struct launch l;
	struct log log;
	size_t end;

	assert_int_equal(hex_decode(hex, sizeof(entry), entry), 0);
	begin(&log);
	end = log.len;
	event(&log, 4, 6, LAUNCH, NULL);
	read_split(&log, end, NULL, &l);
	assert_true(l.known && !l.released_before);
	put(&log, entry, sizeof(entry));
	memcpy(both, log.rtmr, RTMR_LEN);
	memcpy(both + RTMR_LEN, entry + 14, RTMR_LEN);
	assert_int_equal(EVP_Digest(both, sizeof(both), log.rtmr, NULL, EVP_sha384(), NULL), 1);
	read_split(&log, end, NULL, &l);
	assert_true(l.known && l.released_before);
}

static void test_tdx(void **state)
{
	struct launch l;
	struct log log;

	begin(&log);
	event(&log, 1, 6, "coco-agent launch of another register", NULL);
	event(&log, 4, 6, LAUNCH, NULL);
	event(&log, 3, 1, "x", NULL);
	event(&log, 4, 6, "something else", NULL);
	read_tdx(&log, NULL, &l);
	assert_true(l.known && !l.released_before);
	assert_int_equal(l.id[1], 0x11);
	assert_int_equal(l.id[31], 0xff);
	event(&log, 4, 6, "coco-agent released a/b/c", NULL);
	read_tdx(&log, NULL, &l);
	assert_true(l.known && l.released_before);
}

/* Each of these would be another launch, or any launch that its sender likes. */
static void test_tdx_unknown(void **state)
{
	static const struct {
		const char *first, *second;
		uint32_t type;
		const char *measured;	/* of the first */
	} cases[] = {
		{ "something else", LAUNCH, 6, NULL },
		{ LAUNCH, LAUNCH, 6, NULL },
		{ LAUNCH, "coco-agent launch 1", 6, NULL },
		{ LAUNCH, "coco-agent launch ", 6, NULL },
		{ "coco-agent launch 1", "x", 6, NULL },
		{ LAUNCH "0", "x", 6, NULL },
		{ "coco-agent launch "
		  "xx112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		  "x", 6, NULL },
		{ "Coco-agent launch " ID, "x", 6, NULL },
		{ LAUNCH, "x", 6, "this was measured" },
		{ "x", "y", 6, NULL },
	};
	uint8_t zeros[RTMR_LEN] = { 0 };
	struct launch l;
	struct log log;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(&log);
		event(&log, 4, cases[i].type, cases[i].first, cases[i].measured);
		event(&log, 4, 6, cases[i].second, NULL);
		read_tdx(&log, NULL, &l);
		if (l.known)
			fail_msg("case %zu", i);
	}
	begin(&log);
	event(&log, 4, 6, LAUNCH, NULL);
	read_tdx(&log, zeros, &l);	/* the log of another boot */
	assert_false(l.known);
	log.len -= 3;
	read_tdx(&log, NULL, &l);
	assert_false(l.known);
	read_tdx(NULL, zeros, &l);
	assert_false(l.known);
	/* An event that no register was extended with. */
	begin(&log);
	memset(log.rtmr, 0, RTMR_LEN);
	event(&log, 4, 3, LAUNCH, NULL);
	read_tdx(&log, zeros, &l);
	assert_false(l.known);
}

/*
 * Root of the TD writes the log that it sends, and may want the secret that it got once more.  What
 * was measured cannot be taken back; all else can be written over.
 */
static void test_tdx_hidden(void **state)
{
	static const char released[] = "coco-agent released a/b/c";
	const uint8_t zeros[RTMR_LEN] = { 0 };
	struct launch l;
	struct log log;
	size_t at;

	/* The type of an event is not measured. */
	begin(&log);
	event(&log, 4, 1, LAUNCH, NULL);
	read_tdx(&log, NULL, &l);
	assert_true(l.known && !l.released_before);
	event(&log, 4, 0x80000008, released, NULL);
	read_tdx(&log, NULL, &l);
	assert_true(l.known && l.released_before);
	event(&log, 4, 6, "coco-agent released d", NULL);
	read_tdx(&log, NULL, &l);
	assert_true(l.known && l.released_before);
	/* The digest is right, and each bit of the data is not. */
	begin(&log);
	event(&log, 4, 6, LAUNCH, NULL);
	event(&log, 4, 6, released, NULL);
	at = log.len - strlen(released) - 8;
	for (size_t i = at; i < log.len; i++) {
		log.bytes[i] ^= 1;
		read_tdx(&log, NULL, &l);
		if (l.known || !l.released_before)
			fail_msg("byte %zu", i);
		log.bytes[i] ^= 1;
	}
	/* It has no data any more. */
	memset(log.bytes + at - 4, 0, 4);
	log.len = at;
	read_tdx(&log, NULL, &l);
	assert_true(!l.known && l.released_before);
	/* The log leaves it out, is another's, is cut, or is not there. */
	begin(&log);
	event(&log, 4, 6, LAUNCH, NULL);
	event(&log, 4, 6, released, NULL);
	log.len = at - 4 - 2 - RTMR_LEN - 12;
	read_tdx(&log, NULL, &l);
	assert_true(!l.known && l.released_before);
	log.len++;
	read_tdx(&log, NULL, &l);
	assert_true(!l.known && l.released_before);
	log.len = 0;
	read_tdx(&log, NULL, &l);
	assert_true(!l.known && l.released_before);
	read_tdx(NULL, log.rtmr, &l);
	assert_true(!l.known && l.released_before);
	/* Into a register of zeros nothing was measured, with or without a log. */
	read_tdx(NULL, zeros, &l);
	assert_true(!l.known && !l.released_before);
	/* A launch that comes later is none. */
	begin(&log);
	event(&log, 4, 6, released, NULL);
	event(&log, 4, 6, LAUNCH, NULL);
	read_tdx(&log, NULL, &l);
	assert_true(!l.known && l.released_before);
}

static void test_snp(void **state)
{
	struct bundle b = { .n_items = 0 };
	uint8_t report[1184] = { 2 };
	struct launch l;

	memset(report + 0x140, 0x66, 32);
	memset(report + 0x160, 0xff, 32);
	memset(report + 0xc0, 0x22, 32);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, report, sizeof(report)), 0);
	assert_int_equal(launch_read(BROKER_TEE_SNP, &b, &l), 0);
	assert_true(l.known && l.id[0] == 0x66 && l.has_host_data && l.host_data[31] == 0x22);
	/* Imported by a migration agent: the host's word. */
	for (unsigned i = 0; i < 32; i++) {
		b.items[0].data[0x160 + i] = 0xfe;
		assert_int_equal(launch_read(BROKER_TEE_SNP, &b, &l), 0);
		assert_false(l.known);
		b.items[0].data[0x160 + i] = 0xff;
	}
	bundle_done(&b);
	assert_int_equal(launch_read(BROKER_TEE_SNP, &b, &l), 0);
	assert_false(l.known);
	assert_int_equal(launch_read(BROKER_TEE_NONE, &b, &l), 0);
	assert_false(l.known);
}

static void add_file(struct bundle *b, enum bundle_kind kind, const char *name)
{
	char path[PATH_MAX], *data;
	size_t len;

	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, name), 65536, &data, &len), 0);
	assert_int_equal(bundle_add(b, kind, data, len), 0);
	free(data);
}

static void test_azure(void **state)
{
	struct bundle b = { .n_items = 0 };
	struct launch l, other;

	add_file(&b, BUNDLE_HCL, "coco/az-snp-vtpm/hcl-report.bin");
	add_file(&b, BUNDLE_TPM_ATTEST, "coco/az-snp-vtpm/tpm-quote.msg");
	assert_int_equal(launch_read(BROKER_TEE_AZ_SNP, &b, &l), 0);
	assert_true(l.known && l.has_vtpm && !l.has_host_data);
	/* The vTPM was reset: another launch of the same VM. */
	b.items[1].data[8 + b.items[1].data[7] + 2 + b.items[1].data[9 + b.items[1].data[7]] + 8 +
			3] ^= 1;
	assert_int_equal(launch_read(BROKER_TEE_AZ_SNP, &b, &other), 0);
	assert_true(other.known && other.reset_count == (l.reset_count ^ 1));
	assert_memory_equal(other.ak_sha256, l.ak_sha256, 32);
	assert_memory_not_equal(other.id, l.id, 32);
	bundle_done(&b);
	add_file(&b, BUNDLE_HCL, "coco/az-snp-vtpm/hcl-report.bin");
	assert_int_equal(launch_read(BROKER_TEE_AZ_SNP, &b, &l), 0);
	assert_false(l.known);
	bundle_done(&b);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snp),
		cmocka_unit_test(test_tdx),
		cmocka_unit_test(test_tdx_unknown),
		cmocka_unit_test(test_tdx_hidden),
		cmocka_unit_test(test_tdx_split),
		cmocka_unit_test(test_cocods_own),
		cmocka_unit_test(test_azure),
	};

	for (size_t i = 1; i < ARRAY_SIZE(tests); i++)
		vectors_or_skip(&tests[i], "coco/tdx/tdx_quote_4.dat");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
