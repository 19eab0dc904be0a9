/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a verifier remembers of TDX evidence, and what it must not remember.  The verdict on each
 * piece of evidence is tested in attest-tables.sh.
 */
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/tdx/intel-document.h"
#include "attest/tdx/verify-tdx.h"
#include "base/io.h"
#include "crypto/digest.h"

#include <cmocka.h>

#define DAY 86400
#define ISSUED 1768003200	/* 2026-01-10: issue dates and lists */
#define NOW (ISSUED + 10 * DAY)
#define NEXT (ISSUED + 30 * DAY)

static const struct {
	const char *name;
	enum evidence_piece piece;
} pieces[] = {
	{ "quote", EVIDENCE_QUOTE },	   { "tcbinfo", EVIDENCE_TCB_INFO },
	{ "qeid", EVIDENCE_QE_IDENTITY },  { "tcb_chain", EVIDENCE_TCB_CHAIN },
	{ "qe_chain", EVIDENCE_QE_CHAIN }, { "root_crl", EVIDENCE_ROOT_CRL },
	{ "pck_crl", EVIDENCE_PCK_CRL },
};

struct fixture {
	struct evidence e;
	struct trust trust;
	struct policies policy;
	struct verdict *v;
};

static char *read_platform(const char *name, size_t *ret_len)
{
	const char *builddir = getenv("top_builddir");
	char path[PATH_MAX], *text = NULL;

	snprintf(path, sizeof(path), "%s/tests/platform/tdx/%s", builddir ? builddir : ".", name);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &text, ret_len), 0);
	return text;
}

/* "name=blobs/...;name=..." of the case. */
static void load_case(struct fixture *f, const char *id)
{
	char *table = read_platform("cases.tsv", NULL), *line, *save = NULL, *files = NULL, *piece;

	for (line = strtok_r(table, "\n", &save); line && !files;
	     line = strtok_r(NULL, "\n", &save))
		if (startswith(line, id) && line[strlen(id)] == '\t')
			files = strrchr(line, '\t') + 1;
	assert_non_null(files);
	for (piece = strtok_r(files, ";", &save); piece; piece = strtok_r(NULL, ";", &save))
		for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
			const char *path = startswith(piece, pieces[i].name);

			if (path && *path == '=') {
				struct bytes *b = &f->e.piece[pieces[i].piece];

				free((void *)b->p);
				b->p = (const uint8_t *)read_platform(path + 1, &b->len);
			}
		}
	free(table);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char *pins = read_platform("pins.tsv", NULL), *line, *save = NULL, text[1024] = "";

	assert_non_null(f);
	for (line = strtok_r(pins, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (startswith(line, "syn\t"))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 strrchr(line, '\t') + 1);
	assert_int_equal(trust_parse(text, strlen(text), "pins", &f->trust, NULL), 0);
	free(pins);
	policies_init(&f->policy);
	f->v = verdict_new();
	assert_non_null(f->v);
	load_case(f, "ok-many-levels");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		free((void *)f->e.piece[pieces[i].piece].p);
	verdict_free(f->v);
	free(f);
	return 0;
}

static const char *judge(struct fixture *f, struct verifier *ctx, int64_t now)
{
	assert_int_equal(attest_verify(ctx, &attest_verify_tdx, &f->e, &f->policy, now, f->v), 0);
	assert_true((f->v->result == VERDICT_AUTHENTIC) == streq(f->v->code, "OK"));
	return f->v->code;
}

static bool was_known(const struct verdict *v)
{
	for (unsigned i = 0; i < v->n_checks; i++)
		if (streq(v->checks[i].name, "PCK CA and collateral"))
			return true;
	return false;
}

static struct verifier *new_verifier(const struct fixture *f)
{
	struct verifier *ctx;

	assert_int_equal(verifier_new(&f->trust, &ctx), 0);
	return ctx;
}

static void test_known_collateral(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_false(was_known(f->v));
	for (int i = 0; i < 3; i++) {
		assert_string_equal(judge(f, ctx, NOW + i * DAY), "OK");
		assert_true(was_known(f->v));
		assert_int_equal(f->v->tcb_status, TCB_UP_TO_DATE);
		assert_string_equal(verdict_find_claim(f->v, "tdx.fmspc"), "90c06f000000");
	}
	/* Another quote of the same machine. */
	load_case(f, "ok-v5-td10");
	load_case(f, "ok-many-levels");
	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_true(was_known(f->v));
}

/* Known evidence expires too, to the second. */
static void test_it_expires(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_string_equal(judge(f, ctx, NEXT), "OK");
	assert_true(was_known(f->v));
	assert_string_equal(judge(f, ctx, NEXT + 1), "CRL_STALE");
	assert_int_equal(f->v->result, VERDICT_UNDECIDED);
	assert_false(was_known(f->v));
}

/* Known evidence is not good before the time when it was checked. */
static void test_earlier(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_string_equal(judge(f, ctx, NOW - 1), "OK");
	assert_false(was_known(f->v));
	assert_string_equal(judge(f, ctx, ISSUED - 1), "CRL_STALE");
}

/* Each byte of each piece of collateral counts, also when the rest is known. */
static void test_changed_collateral(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

	assert_string_equal(judge(f, ctx, NOW), "OK");
	for (size_t i = 1; i < ARRAY_SIZE(pieces); i++) {
		struct bytes *b = &f->e.piece[pieces[i].piece];
		uint8_t *p = (uint8_t *)b->p;

		for (size_t at = b->len / 7; at < b->len; at += b->len / 7 + 1) {
			p[at] ^= 1;
			assert_string_not_equal(judge(f, ctx, NOW), "OK");
			assert_false(was_known(f->v));
			p[at] ^= 1;
		}
	}
	assert_string_equal(judge(f, ctx, NOW), "OK");
}

static void change_each(struct fixture *f, struct verifier *ctx, struct bytes document)
{
	uint8_t *p = (uint8_t *)document.p;

	for (size_t at = 0; at < document.len;
	     at += at < 40 || at + 160 > document.len ? 1 : 29) {
		p[at] ^= 1;
		assert_string_not_equal(judge(f, ctx, NOW), "OK");
		assert_false(was_known(f->v));
		p[at] ^= 1;
	}
}

/*
 * The part of a document that looks like the signed one is hashed once, for the key and for the
 * signature: whether it was the signed one or not, each byte counts, in it and around it.
 */
static void test_changed_document(void **state)
{
	static const char *const cases[] = { "ok-v5-td15", "ok-signature-first",
					     "ok-documents-with-spaces" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

		load_case(f, cases[i]);
		assert_string_equal(judge(f, ctx, NOW), "OK");
		assert_false(was_known(f->v));
		change_each(f, ctx, f->e.piece[EVIDENCE_TCB_INFO]);
		change_each(f, ctx, f->e.piece[EVIDENCE_QE_IDENTITY]);
		assert_string_equal(judge(f, ctx, NOW), "OK");
		assert_true(was_known(f->v));
	}
}

static void document_part(const char *text, const char *want)
{
	struct bytes b = { (const uint8_t *)text, strlen(text) };
	uint8_t sha256[32];
	struct intel_document_hash h;

	assert_int_equal(intel_document_hash(b, &h), 0);
	assert_int_equal(h.part.len, strlen(want));
	assert_memory_equal(h.part.p, want, h.part.len);
	assert_true(h.part.p >= b.p && h.part.p + h.part.len <= b.p + b.len);
	assert_int_equal(digest_sha256_of(h.part, sha256), 0);
	assert_memory_equal(h.sha256, sha256, sizeof(sha256));
}

static void test_document_part(void **state)
{
	document_part("{\"tcbInfo\":{\"a\":[1,2]},\"signature\":\"00\"}", "{\"a\":[1,2]}");
	document_part("{\"signature\":\"00\",\"tcbInfo\":{\"a\":1,\"b\":2}}", "{\"a\":1");
	document_part("{\"signature\":\"00\",\"tcbInfo\":{\"a\":1}}", "");
	document_part("{{,", "{");
	document_part("{,{", "");
	document_part("{", "");
	document_part(",", "");
	document_part("", "");
}

/* A known machine vouches for nothing that it did not sign. */
static void test_changed_quote(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);
	uint8_t *p = (uint8_t *)f->e.piece[EVIDENCE_QUOTE].p;

	assert_string_equal(judge(f, ctx, NOW), "OK");
	p[100] ^= 1;
	assert_string_equal(judge(f, ctx, NOW), "SIGNATURE");
	assert_true(was_known(f->v));
	assert_false(f->v->authentic);
	assert_int_equal(f->v->tcb_status, TCB_STATUS_NONE);
	p[100] ^= 1;
}

static void test_revoked_while_known(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);

	assert_string_equal(judge(f, ctx, NOW), "OK");
	load_case(f, "crl-pck-revoked");
	assert_string_equal(judge(f, ctx, NOW), "CRL_REVOKED");
	/* The list was good, so this is known too, and still no way around it. */
	assert_string_equal(judge(f, ctx, NOW), "CRL_REVOKED");
	assert_true(was_known(f->v));
	assert_false(f->v->authentic);
}

/* A piece that is issued later is chosen from then on, whatever was known before. */
static void test_one_that_is_to_be_issued(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);
	const int64_t then = ISSUED + 15 * DAY;
	struct fixture other = { .e.n_certs = 0 };

	load_case(&other, "tcbinfo-newer-from-later-on");
	assert_int_equal(evidence_add(&f->e, EVIDENCE_TCB_INFO, other.e.piece[EVIDENCE_TCB_INFO],
				      /* sent= */ true),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(judge(f, ctx, then - 1), "OK");
		assert_false(was_known(f->v));
		assert_int_equal(f->v->tcb_status, TCB_UP_TO_DATE);
	}
	for (int i = 0; i < 2; i++) {
		assert_string_equal(judge(f, ctx, then), "TCB_OutOfDate");
		assert_int_equal(was_known(f->v), i);
	}
	/* An earlier clock is moved forward to that time, known or not. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(attest_verify_by_clock(ctx, &attest_verify_tdx, &f->e, &f->policy,
							0, f->v),
				 0);
		assert_string_equal(f->v->code,
				    ATTEST_CLOCK_FLOOR > NEXT ? "CRL_STALE" : "TCB_OutOfDate");
	}
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		free((void *)other.e.piece[pieces[i].piece].p);
}

static void test_other_roots(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;

	assert_int_equal(verifier_new(NULL, &ctx), 0);
	for (int i = 0; i < 2; i++)
		assert_string_equal(judge(f, ctx, NOW), "PIN");
}

/* Memory on the heap and outside it: where a large block lies changes as the allocator learns. */
static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void test_no_growth(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);
	size_t before, after;

	/*
	 * OpenSSL and the memo fill their caches; then the same again needs no more memory, known
	 * or not.
	 */
	for (int i = 0; i < 200; i++)
		assert_string_equal(judge(f, ctx, i % 2 ? NOW : NOW - 100 - i), "OK");
	before = in_use();
	for (int i = 0; i < 200; i++)
		assert_string_equal(judge(f, ctx, i % 2 ? NOW : NOW - 500 - i), "OK");
	after = in_use();
	assert_true(after <= before + 65536);
}

/* Candidates that were not chosen take no memory either, chosen anew each time or known. */
static void test_no_growth_of_choices(void **state)
{
	static const char *const ids[] = { "tcbinfo-edited", "qeid-edited", "tcbinfo-fmspc-other",
					   "tcb-chain-other-root" };
	struct fixture *f = *state, others[ARRAY_SIZE(ids)] = { 0 };
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);
	size_t before, after;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		load_case(&others[i], ids[i]);
		for (size_t j = 1; j < ARRAY_SIZE(pieces); j++)
			assert_int_equal(evidence_add(&f->e, pieces[j].piece,
						      others[i].e.piece[pieces[j].piece],
						      /* sent= */ i % 2),
					 0);
	}
	for (int i = 0; i < 200; i++)
		assert_string_equal(judge(f, ctx, i % 2 ? NOW : NOW - 100 - i), "OK");
	before = in_use();
	for (int i = 0; i < 200; i++)
		assert_string_equal(judge(f, ctx, i % 2 ? NOW : NOW - 500 - i), "OK");
	after = in_use();
	assert_true(after <= before + 65536);
	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_true(was_known(f->v));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (size_t j = 0; j < ARRAY_SIZE(pieces); j++)
			free((void *)others[i].e.piece[pieces[j].piece].p);
}

static void test_advisories(void **state)
{
	struct fixture *f = *state;
	_cleanup_(verifier_freep) struct verifier *ctx = new_verifier(f);
	char words[1200] = "";

	load_case(f, "tcbinfo-ok-advisories");
	assert_string_equal(judge(f, ctx, NOW), "OK");
	assert_string_equal(verdict_find_claim(f->v, "tdx.advisories"),
			    "INTEL-SA-00960 INTEL-SA-00982 IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII");
	/* As many as fit into 1024 bytes, and none is cut off. */
	load_case(f, "tcbinfo-ok-many-advisories");
	assert_string_equal(judge(f, ctx, NOW), "OK");
	for (unsigned i = 0; i < 68; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%sINTEL-SA-%05u",
			 i ? " " : "", i);
	assert_string_equal(verdict_find_claim(f->v, "tdx.advisories"), words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_known_collateral, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_expires, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earlier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_collateral, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_document, setup, teardown),
		cmocka_unit_test(test_document_part),
		cmocka_unit_test_setup_teardown(test_changed_quote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoked_while_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_is_to_be_issued, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_advisories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_growth_of_choices, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
