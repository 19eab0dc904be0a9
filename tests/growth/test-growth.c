/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One process, verification after verification: neither memory nor descriptors are left behind.
 * The test takes every case of the generated platforms' tables: all kinds of evidence, accepted,
 * refused, malformed.  Each is verified twice, so that the verifier remembers it the second time.
 * The next case is new to the verifier.  This goes on to COCO_GROWTH verifications (make
 * check-growth: 100,000).
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/verify.h"
#include "base/io.h"
#include "base/parse.h"
#include "tests/growth/counted.h"

#include <cmocka.h>

#define CASES_MAX 2048
#define CASE_CRLS 2
#define FEW 6000		/* verifications, unless COCO_GROWTH says how many */
#define SETTLED 1000		/* after this many, memory in use stays the same */
#define BLOB_MAX (1 << 20)

/* The columns of cases.tsv. */
enum {
	COLUMN_ID,
	COLUMN_KIND,
	COLUMN_AT,
	COLUMN_PINS,
	COLUMN_AUTHENTIC,
	COLUMN_STATUS,
	COLUMN_POLICY,
	COLUMN_OPT,
	COLUMN_FILES,
	_COLUMN_MAX
};

/* The piece in a file of a case, when the file is not named after its piece. */
static const struct {
	const char *name;
	enum evidence_piece piece;
} names[] = {
	{ "table", EVIDENCE_CERT_TABLE },  { "tcbinfo", EVIDENCE_TCB_INFO },
	{ "qeid", EVIDENCE_QE_IDENTITY },  { "tcb_chain", EVIDENCE_TCB_CHAIN },
	{ "qe_chain", EVIDENCE_QE_CHAIN }, { "root_crl", EVIDENCE_ROOT_CRL },
	{ "pck_crl", EVIDENCE_PCK_CRL },   { "td_quote", EVIDENCE_TD_QUOTE },
	{ "log", EVIDENCE_EVENT_LOG },	   { "runtime_log", EVIDENCE_RUNTIME_LOG },
};

struct one {
	char *id;
	const struct attest_verifier *type;
	struct evidence e;
	struct policies policy;
	int64_t now;
	struct verifier **ctx;
	bool good;		/* the table says that it is good */
	char *code;		/* the result of the first time */
};

/*
 * A verifier for each table's roots, and one for the built-in roots; they last as long as the
 * process.
 */
static struct verifier *of_table[2], *built_in;
static struct one *cases;
static unsigned n_cases, n_results[_VERDICT_MAX];

static char *read_platform(const char *table, const char *name, size_t *ret_len)
{
	const char *builddir = getenv("top_builddir");
	char path[PATH_MAX], *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), "%s/tests/platform/%s/%s", builddir ? builddir : ".", table,
		 name);
	assert_int_equal(read_file_at(AT_FDCWD, path, BLOB_MAX, &text, &len), 0);
	/*
	 * The text was read into a block for the longest file.  Cut the block; the tables need
	 * the NUL.
	 */
	assert_non_null(text = realloc(text, len + 1));
	if (ret_len)
		*ret_len = len;
	return text;
}

static int64_t parse_at(const char *text)
{
	struct tm tm = { 0 };
	const char *end;

	if (streq(text, "-"))
		return 1768867200;	/* 2026-01-20; it decides nothing */
	end = strptime(text, "%Y-%m-%d", &tm);
	assert_non_null(end);
	if (*end)
		end = strptime(end, "T%H:%M:%S%z", &tm);
	assert_true(end && !*end);
	return timegm(&tm) - tm.tm_gmtoff;
}

static struct bytes *place_of(struct one *c, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i].name))
			return &c->e.piece[names[i].piece];
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (streq(name, evidence_piece_name(i)))
			return &c->e.piece[i];
	if (streq(name, "crl")) {
		assert_true(c->e.n_crls < CASE_CRLS);
		return &c->e.crl[c->e.n_crls++];
	}
	assert_true(c->e.n_certs < EVIDENCE_CERTS_MAX);	/* vek, inter, ark, root ... */
	return &c->e.cert[c->e.n_certs++];
}

/* "report=blobs/...;vek=blobs/..." */
static void load_files(struct one *c, const char *table, char *files)
{
	char *save = NULL;

	for (char *file = strtok_r(files, ";", &save); file; file = strtok_r(NULL, ";", &save)) {
		char *path = strchr(file, '=');
		struct bytes *b;

		assert_non_null(path);
		*path++ = '\0';
		b = place_of(c, file);
		b->p = (const uint8_t *)read_platform(table, path, &b->len);
	}
}

static void load_policy(struct one *c, char *settings)
{
	char error[POLICY_ERROR_LEN], *save = NULL;

	policies_init(&c->policy);
	for (char *s = strtok_r(settings, " ", &save); s; s = strtok_r(NULL, " ", &save))
		if (!streq(s, "-"))
			assert_int_equal(policies_set(&c->policy, s, error), 0);
}

static void load_case(char *line, const char *table, struct verifier **ctx)
{
	char *column[_COLUMN_MAX];
	struct one *c;

	for (unsigned i = 0; i < _COLUMN_MAX; i++)
		assert_non_null(column[i] = strsep(&line, "\t"));
	assert_true(n_cases < CASES_MAX);
	c = &cases[n_cases++];
	c->id = strdup(column[COLUMN_ID]);
	c->type = attest_verifier_find(
		streq(column[COLUMN_KIND], "tpm-quote") ? "tpm" : column[COLUMN_KIND]);
	assert_non_null(c->type);
	c->now = parse_at(column[COLUMN_AT]);
	c->ctx = streq(column[COLUMN_PINS], "syn") ? ctx : &built_in;
	c->good = streq(column[COLUMN_AUTHENTIC], "ok") &&
		  (streq(column[COLUMN_POLICY], "ok") || streq(column[COLUMN_POLICY], "-"));
	load_policy(c, column[COLUMN_OPT]);
	load_files(c, table, column[COLUMN_FILES]);
}

static void load_table(const char *table, struct verifier **ret_ctx)
{
	char *pins = read_platform(table, "pins.tsv", NULL),
	     *lines = read_platform(table, "cases.tsv", NULL), *save = NULL, text[1024] = "";
	struct trust trust;

	for (char *line = strtok_r(pins, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (startswith(line, "syn\t"))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 strrchr(line, '\t') + 1);
	assert_int_equal(trust_parse(text, strlen(text), "pins", &trust, NULL), 0);
	assert_int_equal(verifier_new(&trust, ret_ctx), 0);
	save = NULL;
	(void) strtok_r(lines, "\n", &save);	/* the columns' names */
	for (char *line = strtok_r(NULL, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		load_case(line, table, ret_ctx);
	free(pins);
	free(lines);
}

/*
 * OpenSSL keeps the text of a thread's last 16 errors in a ring.  Where a round ends in the ring
 * is chance.
 */
static struct counted count_memory(void)
{
	OPENSSL_thread_stop();
	return counted_now();
}

static unsigned count_descriptors(void)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	return n;
}

static bool is_good(const struct verdict *v)
{
	return v->result == VERDICT_ACCEPTED || v->result == VERDICT_AUTHENTIC ||
	       v->result == VERDICT_CONSISTENT;
}

static void judge(struct one *c, struct verdict *v)
{
	assert_int_equal(attest_verify(*c->ctx, c->type, &c->e, &c->policy, c->now, v), 0);
	if (is_good(v) != c->good || (c->code && !streq(c->code, v->code)))
		fail_msg("%s %s: %s, before it was %s", c->type->name, c->id, v->code,
			 c->code ? c->code : "never judged");
	if (!c->code)
		assert_non_null(c->code = strdup(v->code));
	n_results[v->result]++;
}

/* Returns the number of verifications. */
static unsigned run_round(struct verdict *v)
{
	struct verifier *fresh = NULL;

	for (unsigned i = 0; i < n_cases; i++)
		for (int twice = 0; twice < 2; twice++)
			judge(&cases[i], v);
	/* Verifiers come and go too. */
	assert_int_equal(verifier_new(verifier_trust(*cases[0].ctx), &fresh), 0);
	assert_int_equal(attest_verify(fresh, cases[0].type, &cases[0].e, &cases[0].policy,
				       cases[0].now, v),
			 0);
	assert_true(is_good(v));
	fresh = verifier_free(fresh);
	return 2 * n_cases + 1;
}

static void test_no_growth(void **state)
{
	const char *wanted = getenv("COCO_GROWTH");
	struct verdict *v = verdict_new();
	struct counted settled, now;
	uint32_t wanted_n = FEW;
	unsigned n = 0, descriptors;

	assert_non_null(v);
	if (wanted)
		assert_int_equal(parse_u32(wanted, &wanted_n), 0);
	cases = calloc(CASES_MAX, sizeof(*cases));
	assert_non_null(cases);
	assert_int_equal(verifier_new(NULL, &built_in), 0);
	load_table("snp", &of_table[0]);
	load_table("tdx", &of_table[1]);

	while (n < SETTLED)
		n += run_round(v);
	settled = count_memory();
	descriptors = count_descriptors();
	printf("# after %u verifications: %zu bytes in %zu blocks, %u descriptors\n", n,
	       settled.bytes, settled.blocks, descriptors);
	do {
		n += run_round(v);
		now = count_memory();
		/*
		 * The verifiers remember the same as at the end of every round, and nothing else
		 * is kept.
		 */
		if (now.bytes != settled.bytes || now.blocks != settled.blocks)
			fail_msg("after %u verifications %zu bytes in %zu blocks are in use", n,
				 now.bytes, now.blocks);
		assert_int_equal(count_descriptors(), descriptors);
	} while (n < wanted_n);
	printf("# after %u verifications: %zu bytes in %zu blocks, %u descriptors\n", n, now.bytes,
	       now.blocks, descriptors);
	for (unsigned i = 0; i < _VERDICT_MAX; i++) {
		printf("# %u %s\n", n_results[i], verdict_result_name(i));
		assert_true(n_results[i] > 0);
	}
	verdict_free(v);
}

/* The count notices a single byte. */
static void test_counting(void **state)
{
	struct counted before = counted_now(), after;
	char *volatile p = malloc(1);

	assert_non_null(p);
	after = counted_now();
	assert_int_equal(after.bytes, before.bytes + 1);
	p = realloc(p, 100000);
	after = counted_now();
	assert_int_equal(after.bytes, before.bytes + 100000);
	free(p);
	after = counted_now();
	assert_int_equal(after.bytes, before.bytes);
	assert_int_equal(after.blocks, before.blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_no_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
