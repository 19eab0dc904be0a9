/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence of the doubles of platforms, with the data of a handshake and with others.  Evidence of
 * all four kinds that is made for a handshake: tests/run/coco-broker.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include <cmocka.h>

#include "attest/needs.h"
#include "attest/verdict.h"
#include "broker/core/evidence-read.h"
#include "broker/core/judge.h"
#include "tests/unit/platform.h"
#include "tests/unit/vectors.h"

#define CASE "ok-milan-vcek"
#define POLICY "[snp]\nmeasurement=" \
	"111111111111111111111111111111111111111111111111111111111111111111111111111111111111" \
	"111111111111\ncovers=kernel,initrd,cmdline\n"

#define ZEROS \
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
	"000000000000"
#define FOLDERS(folder, cache) ((const char *const[]){ (folder), (cache) })
#define NO_FOLDERS FOLDERS(NULL, NULL)

/* How many certificates were decoded, and how many signatures verified. */
static atomic_uint decoded, verified;

X509 *__real_d2i_X509(X509 **cert, const unsigned char **in, long len);
X509 *__wrap_d2i_X509(X509 **cert, const unsigned char **in, long len);

X509 *__wrap_d2i_X509(X509 **cert, const unsigned char **in, long len)
{
	decoded++;
	return __real_d2i_X509(cert, in, len);
}

int __real_EVP_DigestVerify(EVP_MD_CTX *c, const unsigned char *sig, size_t sig_len,
			    const unsigned char *data, size_t len);
int __wrap_EVP_DigestVerify(EVP_MD_CTX *c, const unsigned char *sig, size_t sig_len,
			    const unsigned char *data, size_t len);

int __wrap_EVP_DigestVerify(EVP_MD_CTX *c, const unsigned char *sig, size_t sig_len,
			    const unsigned char *data, size_t len)
{
	verified++;
	return __real_EVP_DigestVerify(c, sig, sig_len, data, len);
}

static struct evidence evidence;
static struct trust trust;
static struct judge *judge;

static int begin(void **state)
{
	struct cause why;

	platform_load("snp", CASE, &evidence, NULL);
	platform_trust("snp", &trust);
	return judge_new(&trust, NO_FOLDERS, 2, &judge, &why);
}

static int end(void **state)
{
	judge = judge_free(judge);
	return 0;
}

static void make_bundle(struct bundle *ret, unsigned n_certs)
{
	struct bytes report = evidence.piece[EVIDENCE_REPORT];

	*ret = (struct bundle){ .n_items = 0 };
	assert_int_equal(bundle_add_text(ret, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add(ret, BUNDLE_REPORT, report.p, report.len), 0);
	for (unsigned i = 0; i < n_certs; i++)
		assert_int_equal(bundle_add(ret, BUNDLE_CERT, evidence.cert[i].p,
					    evidence.cert[i].len),
				 0);
}

static void judged_is(const struct bundle *b, enum broker_tee tee, const uint8_t rd[static 48],
		      const char *policy, enum judged_result result, const char *code)
{
	struct judged j;
	struct verdict *v = NULL;

	assert_int_equal(judge_evidence(judge, tee, b, rd, policy, PLATFORM_NOW, &j, &v), 0);
	if (j.result != result || (code && !streq(j.code, code)))
		fail_msg("%d %s: %s", j.result, j.code, j.reason);
	assert_true(j.reason[0] != '\0');
	assert_false(j.launch.known);
	assert_non_null(v);
	verdict_free(v);
}

/* The report is over the bytes 0 to 63: the digest may be right, and the rest is not zeros. */
static void test_over(void **state)
{
	uint8_t rd[48];
	struct bundle b;

	for (unsigned i = 0; i < sizeof(rd); i++)
		rd[i] = (uint8_t)i;
	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	judged_is(&b, BROKER_TEE_SNP, rd, POLICY, JUDGED_EVIDENCE, "NONCE");
	rd[0] = 1;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	bundle_done(&b);
}

static void test_forged(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	for (unsigned at = 0; at < 0x2d0; at += 37) {
		b.items[1].data[at] ^= 1;
		judged_is(&b, BROKER_TEE_SNP, rd, POLICY, JUDGED_EVIDENCE, NULL);
		b.items[1].data[at] ^= 1;
	}
	bundle_done(&b);
}

static void test_type(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_TDX, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, BROKER_TEE_AZ_SNP, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, BROKER_TEE_NONE, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, _BROKER_TEE_MAX, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	bundle_done(&b);
}

/* What we lack is no fault of the guest's, and a policy that cannot be read opens nothing. */
static void test_lacking(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	bundle_done(&b);
	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_SNP, rd, "[snp]\nnonsense=1\n", JUDGED_POLICY, "POLICY");
	judged_is(&b, BROKER_TEE_SNP, rd, "[snp]\nreport_data=00\n", JUDGED_POLICY, "POLICY");
	bundle_done(&b);
}

static struct {
	unsigned n;
	enum judge_news news;
	char machine[NEEDS_MACHINE_LEN];
} told;

static void hear(void *userdata, enum judge_news news, const struct needs *n)
{
	assert_ptr_equal(userdata, &told);
	told.n++;
	told.news = news;
	needs_machine(n, told.machine);
}

/* Who listens is told what is missing, once somebody vouches for it, and what is in use. */
static void test_listen(void **state)
{
	static const char *const good = POLICY, *const other = "[snp]\nmeasurement=" ZEROS "\n";
	struct evidence e;
	struct judged j;
	struct bundle b;
	uint8_t rd[48] = { 0 };

	judge_listen(judge, hear, &told);
	make_bundle(&b, 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, "NO_VEK");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.news, JUDGE_LACKS_KEY);
	assert_string_equal(told.machine, "snp-vcek-Milan");
	bundle_done(&b);
	/* Not over this handshake; with a changed byte. */
	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_SNP, rd, good, JUDGED_EVIDENCE, "NONCE");
	b.items[1].data[0x91] ^= 1;
	judged_is(&b, BROKER_TEE_SNP, rd, good, JUDGED_EVIDENCE, NULL);
	assert_int_equal(told.n, 1);
	bundle_done(&b);
	/* What is only tried is not in use, and a policy that refuses uses nothing. */
	platform_load("snp", "handshake-good", &e, NULL);
	b = (struct bundle){ .n_items = 0 };
	assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, e.piece[EVIDENCE_REPORT].p,
				    e.piece[EVIDENCE_REPORT].len), 0);
	for (unsigned i = 0; i < e.n_certs; i++)
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, e.cert[i].p, e.cert[i].len), 0);
	assert_int_equal(judge_try(judge, BROKER_TEE_SNP, &b, good, PLATFORM_NOW, &j), 0);
	assert_int_equal(j.result, JUDGED_GOOD);
	for (unsigned i = 0; i < 3; i++) {
		const char *policy = i == 0 ? NULL : i == 1 ? other : good;

		memcpy(rd, e.piece[EVIDENCE_REPORT].p + 0x50, sizeof(rd));
		assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, policy,
						PLATFORM_NOW, &j, NULL), 0);
		assert_int_equal(j.result, i == 1 ? JUDGED_POLICY : JUDGED_GOOD);
		assert_int_equal(told.n, i == 2 ? 2 : 1);
	}
	assert_int_equal(told.news, JUDGE_USED);
	bundle_done(&b);
	platform_unload(&e);
	judge_listen(judge, NULL, NULL);
}

/* The built-in roots do not know this platform. */
static void test_roots(void **state)
{
	struct judge *other, *mine = judge;
	uint8_t rd[48] = { 0 };
	struct cause why;
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	assert_int_equal(judge_new(NULL, NO_FOLDERS, 1, &other, &why), 0);
	judge = other;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, NULL);
	judge = mine;
	judge_free(other);
	bundle_done(&b);
}

static char folder[] = "/tmp/test-judge-XXXXXX";

static void put(const char *name, const void *data, size_t len)
{
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(write_file_atomic(path, data, len, 0600, false), 0);
}

static void drop(const char *name)
{
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static int count_file(void *userdata, const struct collateral_file *f)
{
	unsigned *n = userdata;

	assert_true(f->issued > 0 && f->until > f->issued);
	n[f->place]++;
	return 0;
}

/* The files of both folders count, and the latest end of those that are for one need. */
static void test_places(void **state)
{
	char folder_of[] = "/tmp/test-judge-XXXXXX", cache[] = "/tmp/test-judge-XXXXXX", path[512];
	static const struct {
		const char *name;
		enum evidence_piece piece;
	} files[] = { { "tcb-info-90c06f000000.json", EVIDENCE_TCB_INFO },
		      { "tcb-chain-90c06f000000.pem", EVIDENCE_TCB_CHAIN },
		      { "qe-identity.json", EVIDENCE_QE_IDENTITY },
		      { "root-crl.der", EVIDENCE_ROOT_CRL },
		      { "pck-crl-platform.der", EVIDENCE_PCK_CRL } };
	unsigned n[_COLLATERAL_PLACE_MAX] = { 0 };
	struct judge *other;
	struct evidence e;
	struct needs needs;
	struct cause why;

	assert_non_null(mkdtemp(folder_of));
	assert_non_null(mkdtemp(cache));
	platform_load("tdx", "ok-many-levels", &e, NULL);
	assert_int_equal(needs_of_machine("tdx-platform-90c06f000000", &needs), 0);
	assert_int_equal(judge_new(NULL, FOLDERS(folder_of, cache), 1, &other, &why), 0);
	assert_int_equal(judge_collateral_until(other, &needs), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (unsigned k = 0; k < 2; k++) {
			struct bytes data = e.piece[files[i].piece];

			(void) snprintf(path, sizeof(path), "%s/%s", k ? cache : folder_of,
					files[i].name);
			assert_int_equal(write_file_atomic(path, data.p, data.len, 0600, false), 0);
		}
	assert_int_equal(judge_reload(other, &why), 0);
	assert_int_equal(judge_collateral_until(other, &needs), PLATFORM_NEXT);
	assert_int_equal(judge_collateral_walk(other, count_file, n), 0);
	assert_int_equal(n[COLLATERAL_FOLDER], ARRAY_SIZE(files));
	assert_int_equal(n[COLLATERAL_CACHE], ARRAY_SIZE(files));
	/* Of other machines there is what is for all. */
	assert_int_equal(needs_of_machine("tdx-processor-0123456789ab", &needs), 0);
	assert_int_equal(judge_collateral_until(other, &needs), PLATFORM_NEXT);
	assert_int_equal(needs_of_machine("snp-vcek-Milan", &needs), 0);
	assert_int_equal(judge_collateral_until(other, &needs), 0);
	/* The memory of either folder is needed. */
	(void) snprintf(path, sizeof(path), "%s/newest", cache);
	assert_int_equal(write_file_atomic(path, "hello\n", 6, 0600, false), 0);
	assert_int_equal(judge_reload(other, &why), -EBADMSG);
	(void) unlink(path);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (unsigned k = 0; k < 2; k++) {
			(void) snprintf(path, sizeof(path), "%s/%s", k ? cache : folder_of,
					files[i].name);
			assert_int_equal(unlink(path), 0);
		}
	assert_int_equal(rmdir(folder_of), 0);
	assert_int_equal(rmdir(cache), 0);
	platform_unload(&e);
	judge_free(other);
}

/* Certificates that the guest does not bring along are in the folder, from the next reload on. */
static void test_folder(void **state)
{
	struct judge *other, *mine = judge;
	uint8_t rd[48] = { 0 };
	struct cause why;
	struct bundle b;
	char name[32];

	assert_non_null(mkdtemp(folder));
	make_bundle(&b, 0);
	assert_int_equal(judge_new(&trust, FOLDERS(folder, NULL), 1, &other, &why), 0);
	judge = other;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	for (unsigned i = 0; i < evidence.n_certs; i++) {
		(void) snprintf(name, sizeof(name), "cert-%u.der", i);
		put(name, evidence.cert[i].p, evidence.cert[i].len);
	}
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	assert_int_equal(judge_reload(judge, &why), 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	/* A reload that fails changes nothing. */
	put("newest", "hello\n", 6);
	assert_int_equal(judge_reload(judge, &why), -EBADMSG);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	drop("newest");
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof(name), "cert-x%u.der", i);
		put(name, "x", 1);
	}
	assert_int_equal(judge_reload(judge, &why), -EMSGSIZE);
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof(name), "cert-x%u.der", i);
		drop(name);
	}
	/* What cannot be read may be the list that revokes. */
	(void) snprintf(name, sizeof(name), "%s/crl.der", folder);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(judge_reload(judge, &why), -EIO);
	drop("crl.der");
	for (unsigned i = 0; i < evidence.n_certs; i++) {
		(void) snprintf(name, sizeof(name), "cert-%u.der", i);
		drop(name);
	}
	judge = mine;
	judge_free(other);
	bundle_done(&b);
	assert_int_equal(rmdir(folder), 0);
}

/* ---- a handshake's evidence ---- */

static void judge_sent(const char *name, bool certs, const char *policy, int64_t now,
		       struct judged *ret)
{
	struct bundle b = { .n_items = 0 };
	struct evidence e;
	uint8_t rd[48];

	for (unsigned i = 0; i < sizeof(rd); i++)
		rd[i] = (uint8_t)(i + 1);
	platform_load("snp", name, &e, NULL);
	assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, e.piece[EVIDENCE_REPORT].p,
				    e.piece[EVIDENCE_REPORT].len),
			 0);
	for (unsigned i = 0; certs && i < e.n_certs; i++)
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, e.cert[i].p, e.cert[i].len), 0);
	assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, policy, now, ret, NULL), 0);
	/* Only authentic evidence of this handshake has a launch. */
	if (ret->result != JUDGED_GOOD && ret->result != JUDGED_POLICY)
		assert_true(!ret->launch.known && !ret->launch.has_host_data);
	bundle_done(&b);
	platform_unload(&e);
}

/* The case of snp-platform, as it was sent, judged over the digest of bytes 1 to 48. */
static void judge_case(const char *name, const char *policy, int64_t now, struct judged *ret)
{
	judge_sent(name, /* certs= */ true, policy, now, ret);
}

/* Only the report was sent. */
static void judge_bare(const char *name, struct judged *ret)
{
	judge_sent(name, /* certs= */ false, POLICY, PLATFORM_NOW, ret);
}

#define ELEVENS \
	"111111111111111111111111111111111111111111111111111111111111111111111111111111111111" \
	"111111111111"

static void test_handshake(void **state)
{
	static const struct {
		const char *name, *policy;
		enum judged_result result;
		const char *code;
	} cases[] = {
		{ "good", NULL, JUDGED_GOOD, "OK" },
		{ "good", POLICY, JUDGED_GOOD, "OK" },
		{ "version-2", POLICY, JUDGED_GOOD, "OK" },
		/* all 64 bytes count */
		{ "tail", NULL, JUDGED_EVIDENCE, "NONCE" },
		{ "tail", POLICY, JUDGED_EVIDENCE, "NONCE" },
		{ "zero-first", NULL, JUDGED_EVIDENCE, "NONCE" },
		{ "zero-first", POLICY, JUDGED_EVIDENCE, "NONCE" },
		{ "other", NULL, JUDGED_EVIDENCE, "NONCE" },
		{ "other", POLICY, JUDGED_EVIDENCE, "NONCE" },
		/* which software of the guest asked */
		{ "vmpl-1", POLICY, JUDGED_POLICY, "VMPL" },
		{ "vmpl-2", POLICY, JUDGED_POLICY, "VMPL" },
		{ "vmpl-3", POLICY, JUDGED_POLICY, "VMPL" },
		{ "vmpl-1", POLICY "max_vmpl=1\n", JUDGED_GOOD, "OK" },
		{ "vmpl-2", POLICY "max_vmpl=1\n", JUDGED_POLICY, "VMPL" },
		{ "vmpl-1", "[Policy]\nmax_vmpl=1\n" POLICY, JUDGED_GOOD, "OK" },
		/* what the host may do */
		{ "debug", POLICY, JUDGED_POLICY, "DEBUG" },
		{ "migrate", POLICY, JUDGED_POLICY, "MIGRATE_MA" },
		{ "imported", NULL, JUDGED_EVIDENCE, "IMPORTED" },
		{ "imported", POLICY, JUDGED_POLICY, "IMPORTED" },
		{ "imported", POLICY "allow=migrate,debug\n", JUDGED_POLICY, "IMPORTED" },
		{ "imported-bit", POLICY, JUDGED_POLICY, "IMPORTED" },
		/* what runs */
		{ "other-measurement", NULL, JUDGED_GOOD, "OK" },
		{ "other-measurement", POLICY, JUDGED_POLICY, "MEASUREMENT" },
		{ "good", "[snp]\nmeasurement=" ELEVENS "\n", JUDGED_POLICY, "IDENTITY" },
		{ "good", "[snp]\nmeasurement=" ELEVENS "\nallow=partial-identity\n",
		  JUDGED_GOOD, "OK" },
		{ "good", "[snp]\nmax_vmpl=0\n", JUDGED_POLICY, "IDENTITY" },
		{ "good", "[snp]\n", JUDGED_POLICY, "POLICY" },
		{ "good", "", JUDGED_POLICY, "POLICY" },
		{ "good", "[tdx]\nmrtd=" ELEVENS "\n", JUDGED_POLICY, "POLICY" },
		{ "good", POLICY "mrtd=" ELEVENS "\n", JUDGED_POLICY, "POLICY" },
		{ "good", POLICY "report_data=0102\n", JUDGED_POLICY, "POLICY" },
		{ "good", POLICY POLICY, JUDGED_POLICY, "POLICY" },
		/* nobody knows it, and tomorrow is no better */
		{ "version-6", NULL, JUDGED_EVIDENCE, "VERSION" },
		{ "version-6", POLICY, JUDGED_EVIDENCE, "VERSION" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct judged j;
		char name[64];

		(void) snprintf(name, sizeof(name), "handshake-%s", cases[i].name);
		judge_case(name, cases[i].policy, PLATFORM_NOW, &j);
		if (j.result != cases[i].result || !streq(j.code, cases[i].code))
			fail_msg("%zu %s: %d %s: %s", i, name, j.result, j.code, j.reason);
		if (startswith(cases[i].name, "imported"))
			assert_false(j.launch.known);
		else if (j.result == JUDGED_GOOD)
			assert_true(j.launch.known && j.launch.id[0] == 0x66 &&
				    j.launch.has_host_data);
	}
}

/* How often the signature over the report was not verified anew: 0 or 1. */
static unsigned n_remembered(const struct verdict *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_checks; i++)
		n += streq(v->checks[i].name, "report signature") && v->checks[i].found &&
		     streq(v->checks[i].found, "verified before");
	return n;
}

/*
 * A secret is asked for after the evidence: no signature is verified twice, and nothing is decoded
 * that is known.
 */
static void remembers(const struct bundle *b, const uint8_t rd[static 48])
{
	struct judge *const mine = judge;
	struct verdict *v[3];
	struct cause why;

	assert_int_equal(judge_new(&trust, NO_FOLDERS, 3, &judge, &why), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
		struct judged j;

		decoded = verified = 0;
		assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, b, rd, i ? POLICY : NULL,
						PLATFORM_NOW, &j, &v[i]), 0);
		assert_int_equal(j.result, JUDGED_GOOD);
		assert_int_equal(n_remembered(v[i]), i > 0);
		assert_int_equal(decoded > 0, i == 0);
		assert_int_equal(verified > 0, i == 0);
		verdict_free(v[i]);
	}
	judge_free(judge);
	judge = mine;
}

/* What a judge says that knows nothing yet. */
static enum judged_result judge_cold(const struct bundle *b, const uint8_t rd[static 48])
{
	struct judge *cold;
	struct judged j;
	struct cause why;

	assert_int_equal(judge_new(&trust, NO_FOLDERS, 1, &cold, &why), 0);
	assert_int_equal(judge_evidence(cold, BROKER_TEE_SNP, b, rd, POLICY, PLATFORM_NOW, &j,
					NULL), 0);
	judge_free(cold);
	return j.result;
}

/*
 * That evidence was good is remembered, for these bytes of the report and of the certificates, and
 * for no policy: whoever changes a bit has other evidence.
 */
static void test_again(void **state)
{
	const char *other = "[snp]\nmeasurement=" ZEROS "\ncovers=kernel,initrd,cmdline\n";
	struct bundle b = { .n_items = 0 };
	struct evidence e;
	uint8_t rd[48];

	platform_load("snp", "handshake-good", &e, NULL);
	memcpy(rd, e.piece[EVIDENCE_REPORT].p + 0x50, sizeof(rd));
	assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add(&b, BUNDLE_REPORT, e.piece[EVIDENCE_REPORT].p,
				    e.piece[EVIDENCE_REPORT].len), 0);
	for (unsigned i = 0; i < e.n_certs; i++)
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, e.cert[i].p, e.cert[i].len), 0);
	remembers(&b, rd);
	for (size_t item = 1; item < b.n_items; item++)
		for (size_t at = 0; at < b.items[item].len; at += 31) {
			struct judged j;

			assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, POLICY,
							PLATFORM_NOW, &j, NULL), 0);
			assert_int_equal(j.result, JUDGED_GOOD);
			b.items[item].data[at] ^= 1;
			assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, POLICY,
							PLATFORM_NOW, &j, NULL), 0);
			/* Of the authorities AMD's own are at hand too. */
			if (item <= 2)
				assert_int_not_equal(j.result, JUDGED_GOOD);
			else if (at % 3 == 0)
				assert_int_equal(j.result, judge_cold(&b, rd));
			b.items[item].data[at] ^= 1;
		}
	for (unsigned i = 0; i < 3; i++) {
		struct judged j;

		assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, other, PLATFORM_NOW,
						&j, NULL), 0);
		assert_int_equal(j.result, JUDGED_POLICY);
		/* Nor is it good for ever. */
		assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, POLICY,
						PLATFORM_NOW + INT64_C(100) * 365 * 86400, &j,
						NULL), 0);
		assert_int_not_equal(j.result, JUDGED_GOOD);
	}
	bundle_done(&b);
	platform_unload(&e);
}

/* A certificate of the same names with another RSA key of 4096 bits. */
static void change_key(struct bundle_item *cert)
{
	static const uint8_t modulus[] = { 0x02, 0x82, 0x02, 0x01, 0x00 };
	uint8_t *p = memmem(cert->data, cert->len, modulus, sizeof(modulus));

	assert_non_null(p);
	p[100] ^= 1;
}

/*
 * Somebody sends authorities of the same names along, first: a judge that knows the right ones
 * takes them, and so does one that knows nothing.
 */
static void test_others(void **state)
{
	struct bundle b = { .n_items = 0 };
	struct evidence e;
	uint8_t rd[48];
	struct judged j;

	platform_load("snp", "handshake-good", &e, NULL);
	memcpy(rd, e.piece[EVIDENCE_REPORT].p + 0x50, sizeof(rd));
	assert_true(e.n_certs == 3);
	for (unsigned other = 1; other < e.n_certs; other++) {
		b = (struct bundle){ .n_items = 0 };
		assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "snp"), 0);
		assert_int_equal(bundle_add(&b, BUNDLE_REPORT, e.piece[EVIDENCE_REPORT].p,
					    e.piece[EVIDENCE_REPORT].len), 0);
		assert_int_equal(bundle_add(&b, BUNDLE_CERT, e.cert[other].p, e.cert[other].len),
				 0);
		change_key(&b.items[2]);
		for (unsigned i = 0; i < e.n_certs; i++)
			assert_int_equal(bundle_add(&b, BUNDLE_CERT, e.cert[i].p, e.cert[i].len),
					 0);
		assert_int_equal(judge_cold(&b, rd), JUDGED_GOOD);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(judge_evidence(judge, BROKER_TEE_SNP, &b, rd, POLICY,
							PLATFORM_NOW, &j, NULL), 0);
			assert_int_equal(j.result, JUDGED_GOOD);
		}
		bundle_done(&b);
	}
	platform_unload(&e);
}

/* The chip's certificate that was fetched for it is found by its name, of any version. */
static void test_fetched(void **state)
{
	static const char *const cases[] = { "handshake-good", "handshake-version-2" };
	struct judge *other, *mine = judge;
	char name[NEED_NAME_LEN] = "", path[NEED_NAME_LEN + 64], problem[NEEDS_PROBLEM_LEN];
	struct evidence e, report = { .n_certs = 0 };
	struct needs needs;
	struct cause why;
	struct judged j;

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	platform_load("snp", cases[0], &e, NULL);
	report.piece[EVIDENCE_REPORT] = e.piece[EVIDENCE_REPORT];
	assert_int_equal(needs_find(&report, NULL, &needs, problem), 0);
	for (unsigned i = 0; i < needs.n; i++)
		if (need_is_device(&needs.list[i]))
			strcpy(name, needs.list[i].name);
	assert_true(name[0] != '\0');
	/* The others are sent, or are built in where the roots are AMD's own. */
	put(name, e.cert[0].p, e.cert[0].len);
	put("cert-ask.der", e.cert[1].p, e.cert[1].len);
	put("cert-ark.der", e.cert[2].p, e.cert[2].len);
	assert_int_equal(judge_new(&trust, FOLDERS(folder, NULL), 1, &other, &why), 0);
	judge = other;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		judge_bare(cases[i], &j);
		if (j.result != JUDGED_GOOD)
			fail_msg("%s: %s: %s", cases[i], j.code, j.reason);
	}
	/* Without it there is something to wait for. */
	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(judge_reload(judge, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		judge_bare(cases[i], &j);
		assert_int_equal(j.result, JUDGED_LATER);
		assert_string_equal(j.code, "NO_VEK");
	}
	drop("cert-ask.der");
	drop("cert-ark.der");
	assert_int_equal(rmdir(folder), 0);
	platform_unload(&e);
	judge = mine;
	judge_free(other);
}

/* The clock of a machine may stand still in 1970; what has expired then is expired all the same. */
static void test_clock(void **state)
{
	struct judged j;

	judge_case("handshake-good", POLICY, 0, &j);
	assert_int_equal(j.result, JUDGED_GOOD);
	judge_case("handshake-good", POLICY, INT64_MIN, &j);
	assert_int_equal(j.result, JUDGED_GOOD);
	/* 2100: the chip's certificate has ended. */
	judge_case("handshake-good", POLICY, INT64_C(4102444800), &j);
	assert_true(j.result == JUDGED_EVIDENCE || j.result == JUDGED_LATER);
}

/* All that is left of a policy for launches of SEV alone is blanks: no evidence is good then. */
static void test_blank(void **state)
{
	static const char *const blank[] = { "", "\n", "         \n     \n" };
	struct judged j;

	for (size_t i = 0; i < ARRAY_SIZE(blank); i++) {
		judge_case("handshake-good", blank[i], PLATFORM_NOW, &j);
		assert_int_equal(j.result, JUDGED_POLICY);
	}
}

/* Nothing that was sent is the judge's own, wherever it lay in the meantime. */
static void test_own(void **state)
{
	static const enum bundle_kind rules[] = { BUNDLE_POLICY, BUNDLE_TRUST, BUNDLE_KEPT_POLICY,
						  BUNDLE_KEPT_TRUST, BUNDLE_NEWEST };
	uint8_t rd[48] = { 0 };
	struct bundle b;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		make_bundle(&b, evidence.n_certs);
		assert_int_equal(bundle_add(&b, rules[i], "x", 1), 0);
		judged_is(&b, BROKER_TEE_SNP, rd, POLICY, JUDGED_EVIDENCE, "PACK");
		bundle_done(&b);
	}
	make_bundle(&b, evidence.n_certs);
	assert_int_equal(bundle_add_own(&b, BUNDLE_CRL, "x", 1), 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "PACK");
	bundle_done(&b);
	/* Sent, it is the sender's fault. */
	make_bundle(&b, evidence.n_certs);
	assert_int_equal(bundle_add(&b, BUNDLE_CRL, "x", 1), 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "CRL_FORMAT");
	bundle_done(&b);
}

/* A quote, with the log of another machine, with old collateral, or with none. */
static void test_tdx(void **state)
{
	static const struct {
		enum evidence_piece piece;
		enum bundle_kind kind;
	} pieces[] = {
		{ EVIDENCE_QUOTE, BUNDLE_QUOTE },
		{ EVIDENCE_EVENT_LOG, BUNDLE_EVENT_LOG },
		{ EVIDENCE_TCB_INFO, BUNDLE_TCB_INFO },
		{ EVIDENCE_QE_IDENTITY, BUNDLE_QE_IDENTITY },
		{ EVIDENCE_TCB_CHAIN, BUNDLE_TCB_CHAIN },
		{ EVIDENCE_QE_CHAIN, BUNDLE_QE_CHAIN },
		{ EVIDENCE_ROOT_CRL, BUNDLE_ROOT_CRL },
		{ EVIDENCE_PCK_CRL, BUNDLE_PCK_CRL },
	};
	struct judge *other, *mine = judge;
	struct trust intel;
	uint8_t rd[48] = { 0 };
	struct cause why;

	platform_trust("tdx", &intel);
	assert_int_equal(judge_new(&intel, NO_FOLDERS, 1, &other, &why), 0);
	judge = other;
	for (unsigned n = 1; n <= ARRAY_SIZE(pieces); n++) {
		struct bundle b = { .n_items = 0 };
		struct evidence e;

		platform_load("tdx", "ok-with-log", &e, NULL);
		assert_int_equal(bundle_add_text(&b, BUNDLE_TYPE, "tdx"), 0);
		for (unsigned i = 0; i < n; i++) {
			struct bytes data = e.piece[pieces[i].piece];

			assert_int_equal(bundle_add(&b, pieces[i].kind, data.p, data.len), 0);
		}
		/* It was good in January, and this source is younger than that. */
		judged_is(&b, BROKER_TEE_TDX, rd, NULL, JUDGED_LATER,
			  n < ARRAY_SIZE(pieces) ? "MISSING" : "CRL_STALE");
		b.items[1].data[100] ^= 1;
		/* No collateral helps what the quoting enclave did not sign. */
		judged_is(&b, BROKER_TEE_TDX, rd, NULL, JUDGED_EVIDENCE, "SIGNATURE");
		bundle_done(&b);
		platform_unload(&e);
	}
	judge = mine;
	judge_free(other);
}

/* Evidence of real machines, in the field's forms, by the built-in roots. */
static void test_real(void **state)
{
	static const struct {
		const char *name;
		enum broker_tee tee;
		enum judged_result result;
		const char *code;
	} cases[] = {
		{ "az-snp-vtpm/evidence-v0.json", BROKER_TEE_AZ_SNP, JUDGED_GOOD, "OK" },
		{ "az-snp-vtpm/evidence-v1.json", BROKER_TEE_AZ_SNP, JUDGED_GOOD, "OK" },
		{ "az-snp-vtpm/evidence-v2.json", BROKER_TEE_AZ_SNP, JUDGED_GOOD, "OK" },
		/* Intel's collateral of then is not there. */
		{ "tdx/evidence-quote4-nolog.json", BROKER_TEE_TDX, JUDGED_LATER, "MISSING" },
		{ "az-tdx-vtpm/evidence-v1.json", BROKER_TEE_AZ_TDX, JUDGED_LATER, "MISSING" },
		/* Its certificates are not AMD's, and the root of them is not known at all. */
		{ "snp-testroot/ok.json", BROKER_TEE_SNP, JUDGED_LATER, "NO_CA" },
	};
	char path[PATH_MAX], name[64];
	struct cause why = { "" };
	uint8_t rd[48] = { 0 };
	struct judge *real;

	assert_int_equal(judge_new(NULL, NO_FOLDERS, 1, &real, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *o, *inner;
		struct bundle b = { .n_items = 0 };
		struct judged j;

		(void) snprintf(name, sizeof(name), "coco/%s", cases[i].name);
		o = json_object_from_file(vectors_path(path, name));
		assert_non_null(o);
		if (!json_object_object_get_ex(o, "attestation", &inner) ||
		    !json_object_object_get_ex(inner, "tee-evidence", &inner) ||
		    !json_object_object_get_ex(inner, "primary_evidence", &inner))
			inner = o;
		assert_int_equal(evidence_read(inner, cases[i].tee, &b, &why), 0);
		assert_int_equal(judge_try(real, cases[i].tee, &b, NULL, PLATFORM_NOW, &j), 0);
		if (j.result != cases[i].result || !streq(j.code, cases[i].code))
			fail_msg("%s: %d %s: %s", name, j.result, j.code, j.reason);
		assert_true(j.launch.known == (j.result == JUDGED_GOOD));
		/* Whatever is authentic is of another handshake. */
		assert_int_equal(judge_evidence(real, cases[i].tee, &b, rd, NULL, PLATFORM_NOW, &j,
						NULL),
				 0);
		assert_true(j.result != JUDGED_GOOD && !j.launch.known);
		bundle_done(&b);
		json_object_put(o);
	}
	judge_free(real);
}

static void *judge_often(void *userdata)
{
	const struct bundle *b = userdata;
	uint8_t rd[48] = { 0 };
	struct judged j;
	uintptr_t wrong = 0;

	for (unsigned i = 0; i < 50; i++)
		wrong += judge_evidence(judge, BROKER_TEE_SNP, b, rd, NULL, PLATFORM_NOW, &j,
					NULL) != 0 ||
			 !streq(j.code, "NONCE");
	return (void *)wrong;
}

/* More threads than verifiers, while the collateral is read again and again. */
static void test_threads(void **state)
{
	pthread_t threads[8];
	struct cause why;
	struct bundle b;
	void *wrong;

	make_bundle(&b, evidence.n_certs);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, judge_often, &b), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(judge_reload(judge, &why), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	bundle_done(&b);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_over),	cmocka_unit_test(test_forged),
		cmocka_unit_test(test_type),	cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_listen),	cmocka_unit_test(test_places),
		cmocka_unit_test(test_roots),	cmocka_unit_test(test_folder),
		cmocka_unit_test(test_handshake), cmocka_unit_test(test_clock),
		cmocka_unit_test(test_fetched),	cmocka_unit_test(test_again),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_own),	cmocka_unit_test(test_tdx),
		cmocka_unit_test(test_threads),
	};

	vectors_or_skip(&tests[0], "coco/az-snp-vtpm/evidence-v1.json");
	return cmocka_run_group_tests(tests, begin, end);
}
