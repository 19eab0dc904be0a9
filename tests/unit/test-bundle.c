/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packs of evidence: attest/bundle.c collects and writes them, wire/bundle.c reads them.  Every
 * limit, and packs that are cut off.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>

#include "attest/bundle.h"
#include "base/io.h"
#include "wire/bundle.h"

#include <cmocka.h>

static unsigned long fail_at;	/* the allocation that fails, from 1 on; 0: none */

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_malloc(size_t len)
{
	return fail_at > 0 && --fail_at == 0 ? NULL : __real_malloc(len);
}

/* ---- kinds ---- */

static void test_kinds(void **state)
{
	static const enum bundle_kind rules[] = { BUNDLE_POLICY, BUNDLE_TRUST, BUNDLE_KEPT_POLICY,
						  BUNDLE_KEPT_TRUST, BUNDLE_NEWEST };
	static const enum bundle_kind repeat[] = { BUNDLE_NOTE,	       BUNDLE_CERT,
						   BUNDLE_CRL,	       BUNDLE_TCB_INFO,
						   BUNDLE_QE_IDENTITY, BUNDLE_TCB_CHAIN,
						   BUNDLE_QE_CHAIN,    BUNDLE_ROOT_CRL,
						   BUNDLE_PCK_CRL };
	static const enum bundle_kind text[] = {
		BUNDLE_TYPE,	    BUNDLE_PROVIDER,   BUNDLE_NOTE,   BUNDLE_REGISTERS,
		BUNDLE_VMPL,	    BUNDLE_TPM_PCRS,   BUNDLE_POLICY, BUNDLE_TRUST,
		BUNDLE_KEPT_POLICY, BUNDLE_KEPT_TRUST, BUNDLE_NEWEST
	};
	enum bundle_kind kind = 77;

	for (unsigned i = 1; i < _BUNDLE_MAX; i++) {
		bool is_rule = false, repeats = false, is_text = false;

		for (size_t n = 0; n < ARRAY_SIZE(rules); n++)
			is_rule |= rules[n] == i;
		for (size_t n = 0; n < ARRAY_SIZE(repeat); n++)
			repeats |= repeat[n] == i;
		for (size_t n = 0; n < ARRAY_SIZE(text); n++)
			is_text |= text[n] == i;
		assert_int_equal(bundle_kind_is_rule(i), is_rule);
		assert_int_equal(bundle_kind_repeats(i), repeats);
		assert_int_equal(bundle_kind_is_text(i), is_text);
		assert_int_equal(bundle_kind_parse(bundle_kind_name(i), &kind), 0);
		assert_int_equal(kind, i);
	}
	kind = 77;
	assert_null(bundle_kind_name(0));
	assert_null(bundle_kind_name(_BUNDLE_MAX));
	assert_null(bundle_kind_name(BUNDLE_REPORT | BUNDLE_OWN));
	for (const char *const *s = (const char *const[]){ "", "Report", "repor", "reports", NULL };
	     *s; s++)
		assert_int_equal(bundle_kind_parse(*s, &kind), -EOPNOTSUPP);
	assert_int_equal(kind, 77);
	assert_false(bundle_kind_repeats(0) || bundle_kind_is_text(0) || bundle_kind_is_rule(0));
	assert_false(bundle_kind_repeats(_BUNDLE_MAX) || bundle_kind_is_text(_BUNDLE_MAX) ||
		     bundle_kind_is_rule(_BUNDLE_MAX));
}

static void test_kind_of_file(void **state)
{
	static const struct {
		const char *name;
		enum bundle_kind kind;
	} files[] = {
		{ "cert-table.bin", BUNDLE_CERT },
		{ "cert.pem", BUNDLE_CERT },
		{ "crl-milan.der", BUNDLE_CRL },
		{ "crl.der", BUNDLE_CRL },
		{ "pck-crl-.", BUNDLE_PCK_CRL },
		{ "qe-chain.pem", BUNDLE_QE_CHAIN },
		{ "qe-identity.json", BUNDLE_QE_IDENTITY },
		{ "root-crl.der", BUNDLE_ROOT_CRL },
		{ "tcb-chain.pem", BUNDLE_TCB_CHAIN },
		{ "tcb-info-00606a000000.json", BUNDLE_TCB_INFO },
	};
	/* A rule is never collateral, and neither is evidence. */
	static const char *const others[] = {
		"", ".", "-", "crl", "crlf", "crlf.der", ".crl.der", "CRL.der", "policy.conf",
		"trust.pem", "newest", "newest.json", "kept-policy.conf", "report.bin", "quote.bin",
		"note.txt",
	};
	enum bundle_kind kind;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		kind = 77;
		assert_true(bundle_kind_of_file(files[i].name, &kind));
		assert_int_equal(kind, files[i].kind);
	}
	kind = 77;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(bundle_kind_of_file(others[i], &kind));
	assert_int_equal(kind, 77);
}

/* ---- collecting ---- */

static void test_add(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };

	assert_null(bundle_find(&b, BUNDLE_REPORT, 0));
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "");
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, "a\0b", 3), 0);
	assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "%s-%d", "snp", 7), 0);
	assert_int_equal(bundle_add_own(&b, BUNDLE_CERT, "own", 3), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_CERT, "sent", 4), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_NONCE, NULL, 0), 0);
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "snp-7");
	assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->len, 3);
	assert_memory_equal(bundle_find(&b, BUNDLE_REPORT, 0)->data, "a\0b", 4);
	assert_int_equal(bundle_find(&b, BUNDLE_NONCE, 0)->len, 0);
	assert_true(bundle_find(&b, BUNDLE_CERT, 0)->own);
	assert_false(bundle_find(&b, BUNDLE_CERT, 1)->own);
	assert_null(bundle_find(&b, BUNDLE_CERT, 2));
	/* Which of two counts would be a guess; it does not matter whose they are. */
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, "x", 1), -EEXIST);
	assert_int_equal(bundle_add_own(&b, BUNDLE_REPORT, "x", 1), -EEXIST);
	assert_int_equal(bundle_add_own(&b, BUNDLE_NONCE, "x", 1), -EEXIST);
	/* Text ends where it ends. */
	assert_int_equal(bundle_add(&b, BUNDLE_PROVIDER, "a\0b", 3), -EBADMSG);
	assert_int_equal(bundle_add(&b, BUNDLE_NOTE, "a", 2), -EBADMSG);
	assert_int_equal(b.n_items, 5);
	bundle_done(&b);
	assert_int_equal(b.n_items, 0);
	assert_null(bundle_find(&b, BUNDLE_REPORT, 0));
}

static void test_limits(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	uint8_t *data = calloc(1, BUNDLE_ITEM_MAX + 1);

	assert_non_null(data);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, data, BUNDLE_ITEM_MAX + 1), -EMSGSIZE);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, data, BUNDLE_ITEM_MAX), 0);
	while (b.n_items < BUNDLE_ITEMS_MAX)
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, "c", 1), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_CERT, "c", 1), -EMSGSIZE);
	assert_int_equal(b.n_items, BUNDLE_ITEMS_MAX);
	bundle_done(&b);
	fail_at = 1;
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, "c", 1), -ENOMEM);
	assert_int_equal(b.n_items, 0);
	free(data);
}

/* ---- packs ---- */

static int new_file(void)
{
	int fd = memfd_create("pack", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_there_and_back(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 }, got = { .n_items = 0 };
	_cleanup_(closep) int fd = new_file();
	uint8_t pack[256];
	ssize_t len;

	assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add_own(&b, BUNDLE_CERT, "own", 3), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_CERT, "", 0), 0);
	assert_int_equal(bundle_add_own(&b, BUNDLE_POLICY, "[Policy]\n", 9), 0);
	assert_int_equal(bundle_write_pack(&b, fd), 0);
	len = pread(fd, pack, sizeof(pack), 0);
	assert_int_equal(len, 8 + 4 * 8 + 3 + 3 + 0 + 9);
	assert_memory_equal(pack, "coco-ev1\x01\0\0\0\x03\0\0\0snp", 19);
	assert_int_equal(bundle_read_pack(&got, pack, (size_t)len), 0);
	assert_int_equal(got.n_items, b.n_items);
	for (size_t i = 0; i < b.n_items; i++) {
		assert_int_equal(got.items[i].kind, b.items[i].kind);
		assert_int_equal(got.items[i].own, b.items[i].own);
		assert_int_equal(got.items[i].len, b.items[i].len);
		assert_memory_equal(got.items[i].data, b.items[i].data, b.items[i].len + 1);
	}
	/* Once more is twice. */
	assert_int_equal(bundle_read_pack(&got, pack, (size_t)len), -EEXIST);
	bundle_done(&got);
	/* Each pack that is shorter is either cut off, or ends with an item before. */
	for (size_t n = 0; n < (size_t)len; n++) {
		bool whole = n == 8 || n == 19 || n == 30 || n == 38;

		assert_int_equal(bundle_read_pack(&got, pack, n), whole ? 0 : -EBADMSG);
		bundle_done(&got);
	}
	assert_int_equal(bundle_write_pack(&b, -EBADF), -EBADF);
}

static void test_pack_limit(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	const size_t rest = BUNDLE_PACK_MAX - BUNDLE_MAGIC_LEN - 4 * (8 + BUNDLE_ITEM_MAX / 2) -
			    4 * 8;
	uint8_t *data = calloc(1, BUNDLE_ITEM_MAX), *pack = calloc(1, BUNDLE_PACK_MAX + 1);
	_cleanup_(closep) int fd = new_file();
	struct bytes cursor;

	assert_non_null(data);
	assert_non_null(pack);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, data, BUNDLE_ITEM_MAX / 2), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bundle_add(&b, BUNDLE_CRL, data, rest / 4), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_CRL, data, rest - 3 * (rest / 4)), 0);
	assert_int_equal(bundle_write_pack(&b, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), BUNDLE_PACK_MAX);
	assert_int_equal(pread(fd, pack, BUNDLE_PACK_MAX, 0), BUNDLE_PACK_MAX);
	cursor = (struct bytes){ pack, BUNDLE_PACK_MAX };
	assert_int_equal(bundle_begin(&cursor), 0);
	assert_int_equal(cursor.len, BUNDLE_PACK_MAX - BUNDLE_MAGIC_LEN);
	cursor = (struct bytes){ pack, BUNDLE_PACK_MAX + 1 };
	assert_int_equal(bundle_begin(&cursor), -EMSGSIZE);
	/* One item more, and nothing is written. */
	assert_int_equal(bundle_add(&b, BUNDLE_CRL, "", 0), 0);
	assert_int_equal(bundle_write_pack(&b, fd), -EMSGSIZE);
	assert_int_equal(lseek(fd, 0, SEEK_END), BUNDLE_PACK_MAX);
	free(data);
	free(pack);
}

static void test_begin(void **state)
{
	static const char *const bad[] = { "", "coco-ev", "coco-ev2", "Coco-ev1", " coco-ev1" };
	struct bytes cursor = { (const uint8_t *)BUNDLE_MAGIC, BUNDLE_MAGIC_LEN };
	struct bundle_entry e;

	assert_int_equal(bundle_begin(&cursor), 0);
	assert_int_equal(bundle_next(&cursor, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cursor = (struct bytes){ (const uint8_t *)bad[i], strlen(bad[i]) };
		assert_int_equal(bundle_begin(&cursor), -EBADMSG);
	}
}

static void test_next(void **state)
{
	static const struct {
		uint32_t kind, len;
		int r;
	} rows[] = {
		{ BUNDLE_REPORT, 0, 1 },
		{ BUNDLE_REPORT, 1, 1 },
		{ BUNDLE_REPORT | BUNDLE_OWN, 1, 1 },
		{ _BUNDLE_MAX - 1, 1, 1 },
		{ BUNDLE_REPORT, BUNDLE_ITEM_MAX, 1 },
		{ BUNDLE_REPORT, BUNDLE_ITEM_MAX + 1, -EMSGSIZE },
		{ BUNDLE_REPORT, UINT32_MAX, -EMSGSIZE },
		{ BUNDLE_REPORT, BUNDLE_ITEM_MAX - 1, 1 },
		{ 0, 1, -EOPNOTSUPP },
		{ BUNDLE_OWN, 1, -EOPNOTSUPP },
		{ _BUNDLE_MAX, 1, -EOPNOTSUPP },
		{ _BUNDLE_MAX | BUNDLE_OWN, 1, -EOPNOTSUPP },
		{ 0x40000000 | BUNDLE_REPORT, 1, -EOPNOTSUPP },
	};
	uint8_t *pack = calloc(1, 8 + BUNDLE_ITEM_MAX + 1);
	struct bundle_entry e;

	assert_non_null(pack);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes cursor = { pack, 8 + BUNDLE_ITEM_MAX + 1 };

		put_u32le(pack, rows[i].kind);
		put_u32le(pack + 4, rows[i].len);
		assert_int_equal(bundle_next(&cursor, &e), rows[i].r);
		if (rows[i].r < 0)
			continue;
		assert_int_equal(e.kind, rows[i].kind & ~BUNDLE_OWN);
		assert_int_equal(e.own, rows[i].kind >= BUNDLE_OWN);
		assert_int_equal(e.data.len, rows[i].len);
		assert_ptr_equal(e.data.p, pack + 8);
		assert_int_equal(cursor.len, BUNDLE_ITEM_MAX + 1 - rows[i].len);
	}
	free(pack);
}

static void test_header(void **state)
{
	uint8_t header[8];

	bundle_item_header(header, BUNDLE_CERT, true, 0x00010203);
	assert_memory_equal(header, "\x11\0\0\x80\x03\x02\x01\0", 8);
	assert_int_equal(BUNDLE_CERT, 0x11);
	bundle_item_header(header, BUNDLE_TYPE, false, 0);
	assert_memory_equal(header, "\x01\0\0\0\0\0\0\0", 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_kind_of_file),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_pack_limit),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
