/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each decision, with each of its allocations failing, one at a time, including those of OpenSSL,
 * json-c and the C library.  What should be refused stays refused; what is good is good or an
 * error; nothing is left behind; and with memory again the answer is the same as before.
 *
 * Of many allocations a sample is tried, and a larger one with COCO_ALL=1.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "agent/keeper/config.h"
#include "agent/keeper/kept.h"
#include "agent/keeper/release.h"
#include "agent/loop.h"
#include "agent/worker/luks-judge.h"
#include "attest/verify.h"
#include "base/base64.h"
#include "base/log.h"
#include "sev/measurement.h"
#include "inject/sev/chain.h"
#include "sev/packet.h"
#include "inject/sev/session.h"
#include "secrets/store.h"
#include "tests/double/release-broker.h"
#include "tests/luks-image.h"
#include "tests/oom/failing.h"
#include "tests/unit/broker-pem.h"

#include <cmocka.h>

#include "tests/unit/platform.h"
#include "tests/unit/vectors.h"

#define FEW 40		/* failures of a decision */
#define MANY 640	/* with COCO_ALL=1 */

/*
 * The step from one failing allocation to the next, of @n: @times the usual number of them fail,
 * or all.
 */
static unsigned long step_of(unsigned long n, unsigned long times)
{
	const char *all = getenv("COCO_ALL");
	unsigned long most = times * (all && streq(all, "1") ? MANY : FEW);

	return n > most ? n / most + 1 : 1;
}

/*
 * 0 is no: refused, or an error.  Any other number is yes.  It is computed from the whole answer,
 * so that a different yes is noticed too.
 */
typedef uint64_t (*decide_t)(const void *what);

static uint64_t sum(uint64_t n, const void *p, size_t len)
{
	n = n ? n : UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		n = (n ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
	return n ? n : 1;
}

static long blocks_in_use(void)
{
	/* The texts of a thread's last errors. */
	OPENSSL_thread_stop();
	return failing_blocks();
}

/* ---- libraries that crash without memory ---- */

static void leave(int sig, siginfo_t *info, void *context)
{
	const void *at = (const void *)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	void *frames[32];
	int n = backtrace(frames, 32), i = 0;
	Dl_info where, own;

	if (!dladdr((const void *)leave, &own))
		_exit(99);
	while (i < n && frames[i] != at)
		i++;
	for (; i < n; i++)
		if (dladdr(frames[i], &where) && !strstr(where.dli_fname, "/libc."))
			_exit(where.dli_fbase == own.dli_fbase ? 99 : 98);
	_exit(99);
}

/*
 * libeconf and json-c do not check for lack of memory.  A process that dies in them has said no;
 * a process that dies in our own code fails the test.
 */
static uint64_t decide_apart(decide_t decide, const void *what, unsigned long fail)
{
	uint64_t *got = mmap(NULL, sizeof(*got), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0),
		 ret;
	int status;
	pid_t pid;

	assert_true(got != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		struct sigaction action = { .sa_sigaction = leave, .sa_flags = SA_SIGINFO };
		void *frames[2];

		(void) backtrace(frames, 2);	/* the first call loads a library */
		for (size_t i = 0; i < 4; i++)
			(void) sigaction((const int[]){ SIGSEGV, SIGBUS, SIGABRT, SIGFPE }[i],
					 &action, NULL);
		failing_at(fail);
		*got = decide(what);
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 98);
	ret = WEXITSTATUS(status) == 0 ? *got : 0;
	(void) munmap(got, sizeof(*got));
	return ret;
}

static void try_apart(const char *name, decide_t decide, const void *what, bool good)
{
	uint64_t want = decide(what);
	unsigned long n, step;

	assert_true(good == (want != 0));
	failing_at(0);
	assert_true(decide(what) == want);
	n = failing_count();
	step = step_of(n, 2);
	for (unsigned long i = 1; i <= n; i += step) {
		uint64_t got = decide_apart(decide, what, i);

		if (got != 0 && got != want)
			fail_msg("%s: with allocation %lu failing the answer is "
				 "yes, and it should be %s",
				 name, i, want ? "another" : "no");
	}
	assert_true(decide(what) == want);
}

/* A library may fill a cache of its own once, but not each time. */
static void fail_thrice(const char *name, decide_t decide, const void *what, unsigned long n,
			uint64_t want)
{
	long before = 0, after = 0;

	for (int i = 0; i < 3; i++) {
		uint64_t got;

		before = after;
		failing_at(n);
		got = decide(what);
		failing_at(0);
		if (got != 0 && got != want)
			fail_msg("%s: with allocation %lu failing the answer is "
				 "yes, and it should be %s",
				 name, n, want ? "another" : "no");
		after = blocks_in_use();
	}
	if (after > before)
		fail_msg("%s: with allocation %lu failing, %ld blocks are left behind", name, n,
			 after - before);
}

static void try_times(const char *name, decide_t decide, const void *what, bool good,
		      unsigned long times)
{
	uint64_t want = decide(what);
	unsigned long n, step;

	if (good != (want != 0))
		fail_msg("%s: with memory the answer is %s", name, want ? "yes" : "no");
	assert_true(decide(what) == want);
	failing_at(0);
	assert_true(decide(what) == want);
	n = failing_count();
	step = step_of(n, times);
	for (unsigned long i = 1; i <= n; i += step)
		fail_thrice(name, decide, what, i, want);
	assert_true(decide(what) == want);
}

static void try(const char *name, decide_t decide, const void *what, bool good)
{
	try_times(name, decide, what, good, 1);
}

/* ---- evidence ---- */

struct evidence_case {
	const struct attest_verifier *type;
	struct evidence e;
	struct policies policy;
	struct trust trust;
};

static uint64_t decide_evidence(const void *what)
{
	const struct evidence_case *c = what;
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();

	if (!v || verifier_new(&c->trust, &ctx) < 0 ||
	    attest_verify(ctx, c->type, &c->e, &c->policy, PLATFORM_NOW, v) < 0)
		return 0;
	return v->result == VERDICT_ACCEPTED || v->result == VERDICT_AUTHENTIC ?
		       sum(0, v->code, strlen(v->code)) :
		       0;
}

static void try_evidence(const char *table, const char *id, bool good)
{
	struct evidence_case c = { .type = attest_verifier_find(table) };

	platform_load(table, id, &c.e, &c.policy);
	platform_trust(table, &c.trust);
	try(id, decide_evidence, &c, good);
	platform_unload(&c.e);
}

/*
 * Two lists of the same issuer, of which one revokes: a list is passed over when it is not the
 * issuer's, but not when memory was too short to read it or to verify it.
 */
static void try_two_lists(void)
{
	struct evidence_case c = { .type = attest_verifier_find("snp") }, other = { .type = NULL };

	platform_load("snp", "crl-revoked", &c.e, &c.policy);
	platform_load("snp", "crl-ok", &other.e, &other.policy);
	platform_trust("snp", &c.trust);
	assert_true(c.e.n_crls == 1 && other.e.n_crls == 1);
	assert_int_equal(evidence_add_crl(&c.e, other.e.crl[0], /* sent= */ false), 0);
	/* Each allocation: one of them alone had the list that revokes passed over. */
	try_times("a list that revokes beside one that does not", decide_evidence, &c, false, FEW);
	c.e.n_crls = 1;
	platform_unload(&other.e);
	platform_unload(&c.e);
}

static void test_snp(void **state)
{
	static const char *const bad[] = { "signature-flipped",	   "vek-signature-pkcs1",
					   "vek-signed-by-root",   "vek-p256",
					   "crl-revoked",	   "crl-root-revoked",
					   "crl-other-signer",	   "policy-provisional",
					   "policy-vlek-forbidden" };

	try_evidence("snp", "ok-milan-vcek", true);
	try_evidence("snp", "crl-ok", true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		try_evidence("snp", bad[i], false);
	try_two_lists();
}

static void test_tdx(void **state)
{
	static const char *const bad[] = { "changed-mrtd", "signed-by-other", "qe-signed-by-other",
					   "binding-none" };

	try_evidence("tdx", "ok-many-levels", true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		try_evidence("tdx", bad[i], false);
}

static uint64_t decide_policy(const void *what)
{
	char error[POLICY_ERROR_LEN];
	struct policies p;

	policies_init(&p);
	if (policies_parse(&p, what, strlen(what), error) < 0)
		return 0;
	return sum(0, &p, sizeof(p));
}

static void test_policy(void **state)
{
	static const char good[] = "[snp]\nmin_tcb=4:0:24:219\nmax_vmpl=0\n[tdx]\nmin_qe_svn=4\n";

	try("a policy", decide_policy, good, true);
	try("a policy with an error", decide_policy, "[snp]\nmin_tbc=4:0:24:219\n", false);
	try("a policy with a line twice", decide_policy, "[snp]\nmax_vmpl=0\nmax_vmpl=1\n", false);
}

/* ---- headers ---- */

static uint64_t decide_luks(const void *what)
{
	struct luks_verdict v;

	luks_judge(*(const int *)what, &(struct luks_question){ "" }, &v);
	return v.error == 0 ? sum(0, v.uuid, sizeof(v.uuid)) : 0;
}

/* @at: a byte to change in both headers, or 0.  With @summed the checksums are corrected. */
static void try_luks(const char *name, size_t at, bool summed, bool good)
{
	uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), 16384);
	_cleanup_(closep) int fd = memfd_create("luks", MFD_CLOEXEC);

	for (size_t i = 0; at && i < 2; i++) {
		image[i * 16384 + at] ^= 1;
		if (summed)
			luks_image_sum(image, 2 * 16384, i * 16384);
	}
	assert_int_equal(write_full(fd, image, 2 * 16384), 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	free(image);
	try_apart(name, decide_luks, &fd, good);
}

static void test_luks(void **state)
{
	try_luks("a header", 0, false, true);
	try_luks("a header with wrong checksums", 4096 + 5, false, false);
	try_luks("a header whose text is no JSON", 4096, true, false);
}

/* ---- the keeper's files ---- */

static char work[64];

static void put(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", work, name);
	*strrchr(path, '/') = '\0';
	assert_int_equal(make_folders(path, 0700), 0);
	path[strlen(path)] = '/';
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600, false), 0);
}

static int setup(void **state)
{
	strcpy(work, "/tmp/test-no-memory.XXXXXX");
	return mkdtemp(work) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", work);
	return system(command);
}

static uint64_t decide_config(const void *what)
{
	_cleanup_(config_freep) struct config *c = NULL;
	uint64_t n;

	if (config_load(what, &c) < 0 || c->errors.n > 0)
		return 0;
	n = sum(0, &c->broker.trust, sizeof(c->broker.trust));
	n = sum(n, c->broker.urls, sizeof(c->broker.urls));
	n = sum(n, c->broker.pem ?: "", c->broker.pem_len);
	n = sum(n,
		&(const unsigned[]){ c->require, c->require_given, c->bind_policy, c->verify_header,
				     (unsigned)c->n_policies },
		5 * sizeof(unsigned));
	for (size_t i = 0; i < c->n_policies; i++) {
		n = sum(n, c->policies[i].name, strlen(c->policies[i].name));
		n = sum(n, c->policies[i].consumers, strlen(c->policies[i].consumers));
		n = sum(n, &c->policies[i].wipe, sizeof(c->policies[i].wipe));
		n = sum(n, &c->policies[i].guid, sizeof(c->policies[i].guid));
		n = sum(n, c->policies[i].path, strlen(c->policies[i].path));
	}
	return n;
}

#define GUID_LINE "Guid=0f2e573e-be4d-a7d6-bdc4-908077d7628d\n"

static void test_config(void **state)
{
	put("etc/cocod/cocod.conf", "[Cocod]\nRequire=evidence\nBindPolicy=yes\n");
	put("etc/cocod/secrets.d/home.conf",
	    "[Secret]\n" GUID_LINE "Consumers=cryptsetup:home\nWipe=manual\n");
	try_apart("the settings", decide_config, work, true);
	/* Without its drop-in the first file says less. */
	put("etc/cocod/cocod.conf.d/50.conf", "[Cocod]\nRequire=none\n");
	put("etc/cocod/cocod.conf.d/60.conf", "[Cocod]\nRequire=evidence\n");
	try_apart("the settings with drop-ins", decide_config, work, true);
	put("etc/cocod/broker.conf", "[Broker]\nUrl=vsock://2:8743\n");
	put("etc/cocod/broker.conf.d/50.conf", "[Broker]\nIdentity=/etc/cocod/broker.pem\n");
	put("etc/cocod/broker.pem", BROKER_PEM);
	put("etc/cocod/secrets.d/root.conf", "[Secret]\nUri=kbs:///default/luks/root\n");
	try_apart("the settings with a broker", decide_config, work, true);
	put("etc/cocod/cocod.conf.d/70.conf", "[Cocod]\nRequier=evidence\n");
	try_apart("settings with an error", decide_config, work, false);
}

struct store_case {
	struct secret_source source;
	char dir[100], journal[100];
	struct secret_policy policy;
};

/* Returns the secrets' states as a restarted keeper reads them. */
static uint64_t decide_store(const void *what)
{
	const struct store_case *c = what;
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t n = 0;

	if (store_new(&c->policy, 1, &c->source, c->journal, &s) < 0 || store_scan(s) < 0)
		return 0;
	for (unsigned i = 0; store_get(s, i); i++) {
		const struct store_entry *e = store_get(s, i);

		n = sum(n, &e->state, sizeof(e->state));
		n = sum(n, e->policy.name, strlen(e->policy.name));
	}
	return n;
}

static void test_store(void **state)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_case c = { .source = { "directory", c.dir } };

	snprintf(c.dir, sizeof(c.dir), "%s/secrets", work);
	snprintf(c.journal, sizeof(c.journal), "%s/journal", work);
	assert_int_equal(guid_parse("0f2e573e-be4d-a7d6-bdc4-908077d7628d", 36, &c.policy.guid), 0);
	strcpy(c.policy.name, "home");
	put("secrets/0f2e573e-be4d-a7d6-bdc4-908077d7628d", "one");
	put("secrets/736869e5-84f0-4973-92ec-06879ce3da0b", "two");
	assert_int_equal(store_new(&c.policy, 1, &c.source, c.journal, &s), 0);
	assert_int_equal(store_scan(s), 2);
	assert_int_equal(store_wipe(s, store_find(s, "home")), 0);
	try("a journal", decide_store, &c, true);
}

/* ---- events ---- */

static int n_called;

static int on_event(void *userdata)
{
	n_called++;
	return 0;
}

static int on_no_child(const siginfo_t *info, void *userdata)
{
	return 0;
}

static int on_no_file(const struct inotify_event *event, void *userdata)
{
	return 0;
}

static int watch_one(struct loop *l, int kind, int fd, struct watch **ret)
{
	switch (kind) {
	case 0:
		return watch_signal(l, SIGUSR1, on_event, NULL, ret);
	case 1:
		return watch_child(l, getpid(), on_no_child, NULL, ret);
	case 2:
		return watch_folder(l, work, IN_CREATE, on_no_file, NULL, ret);
	case 3:
		return watch_fd(l, fd, 0, on_event, NULL, ret);
	case 4:
		return watch_at(l, CLOCK_BOOTTIME, UINT64_MAX - 1, on_event, NULL, ret);
	default:
		return watch_after(l, 0, on_event, NULL, ret);
	}
}

/* Yes: each kind is watched, and the one that is due is called. */
static uint64_t decide_loop(const void *what)
{
	struct watch *watches[6] = { NULL };
	struct loop *l = NULL;
	int fd = *(const int *)what, r = loop_new(&l);

	n_called = 0;
	for (int i = 0; r >= 0 && i < (int)ARRAY_SIZE(watches); i++)
		r = watch_one(l, i, fd, &watches[i]);
	if (r >= 0)
		r = loop_turn(l, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
		watch_free(watches[i]);
	loop_free(l);
	return r > 0 && n_called == 1;
}

/* Without memory there is an error, and neither memory nor descriptors are left behind. */
static void test_loop(void **state)
{
	int pair[2], before, after;
	sigset_t mask, old;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	before = dup(pair[0]);
	(void) close(before);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &old), 0);
	try("an event loop", decide_loop, &pair[0], true);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	after = dup(pair[0]);
	assert_int_equal(after, before);
	(void) close(after);
	(void) close(pair[0]);
	(void) close(pair[1]);
}

/* ---- the owner's side ---- */

static struct secret *secret_of(const char *text)
{
	struct secret *s;

	assert_int_equal(secret_new(strlen(text), &s), 0);
	memcpy(secret_bytes(s), text, strlen(text));
	return s;
}

struct keys {
	struct secret *tek, *tik, *text;
};

static uint64_t decide_packet(const void *what)
{
	const struct keys *k = what;
	uint8_t iv[PACKET_IV_LEN] = { 1 }, measure[SEV_MEASURE_LEN] = { 2 };
	struct packet p;
	uint64_t n;

	if (packet_build(&(struct packet_keys){ k->tek, k->tik }, measure, iv, k->text, &p) < 0)
		return 0;
	n = sum(sum(0, p.header, sizeof(p.header)), p.payload, p.len);
	packet_done(&p);
	return n;
}

static uint64_t decide_measure(const void *what)
{
	const struct keys *k = what;
	_cleanup_(measurer_freep) struct measurer *m = NULL;
	uint8_t digest[SHA256_LEN] = { 3 }, nonce[SEV_NONCE_LEN] = { 4 }, measure[SEV_MEASURE_LEN];
	int r = measurer_new(k->tik, &m);

	if (r < 0)
		return 0;
	assert_non_null(m);
	return measurer_measure(m, &(struct measured){ .policy = 3 }, digest, nonce, measure) < 0 ?
		       0 :
		       sum(0, measure, sizeof(measure));
}

static uint64_t decide_session(const void *what)
{
	const struct keys *k = what;
	uint8_t blob[SESSION_LEN];

	return session_wrap(k->text, 3, &(struct session_fresh){ .nonce = { 5 } }, k->tek, k->tik,
			    blob) < 0 ?
		       0 :
		       sum(0, blob, sizeof(blob));
}

static void test_owner(void **state)
{
	struct keys k = { secret_of("0123456789abcdef"), secret_of("fedcba9876543210"),
			  secret_of("sixteen bytes it") };
	struct keys bad = { k.text, secret_of("short"), k.text };

	try("a packet", decide_packet, &k, true);
	try("a measurement", decide_measure, &k, true);
	try("a session", decide_session, &k, true);
	try("a packet with a short key", decide_packet, &bad, false);
	try("a measurement with a short key", decide_measure, &bad, false);
	try("a session with a short key", decide_session, &bad, false);
	secret_free(k.tek);
	secret_free(k.tik);
	secret_free(k.text);
	secret_free(bad.tik);
}

static uint64_t decide_chain(const void *what)
{
	struct chain_report report;

	if (chain_verify(what, &report) < 0 || report.verdict != CHAIN_GOOD)
		return 0;
	return sum(0, report.states, sizeof(report.states));
}

/* The platform's own certificates with ASK and ARK of a generation that does not fit. */
static uint64_t decide_fits(const void *what)
{
	const struct chain *const *c = what;
	const struct chain *of = c[1];
	uint8_t both[sizeof(of->certs[0].bytes) * 2];
	size_t len = of->certs[CHAIN_ASK].len;

	memcpy(both, of->certs[CHAIN_ASK].bytes, len);
	memcpy(both + len, of->certs[CHAIN_ARK].bytes, of->certs[CHAIN_ARK].len);
	return chain_fits(c[0], both, len + of->certs[CHAIN_ARK].len) == 0;
}

static struct chain *read_chain(const char *name)
{
	struct chain *c = calloc(1, sizeof(*c));
	char path[PATH_MAX], *data;
	size_t len;

	assert_non_null(c);
	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, name), 1 << 20, &data, &len), 0);
	assert_int_equal(chain_add(c, (const uint8_t *)data, len, _CHAIN_MAX, NULL), 0);
	free(data);
	return c;
}

static void test_chain(void **state)
{
	static const char *const bad[] = { "bad-mixed-pdh", "bad-mixed-generation", "forged-root" };
	struct chain *rome = read_chain("sev/certs/bundles/ok-rome.bundle"),
		     *naples = read_chain("sev/certs/bundles/ok-naples.bundle");

	try("ok-rome", decide_chain, rome, true);
	try("ok-naples", decide_chain, naples, true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(freep) struct chain *c = NULL;
		char name[64];

		snprintf(name, sizeof(name), "sev/certs/bundles/%s.bundle", bad[i]);
		c = read_chain(name);
		try(bad[i], decide_chain, c, false);
	}
	try("ASK and ARK that fit", decide_fits, (const struct chain *[]){ rome, rome }, true);
	try("ASK and ARK that do not", decide_fits, (const struct chain *[]){ rome, naples },
	    false);
	free(rome);
	free(naples);
}

/* ---- what a broker releases ---- */

#define RELEASED "the secret"

struct release_case {
	struct double_broker broker, other;
	struct broker_identity identity;
	struct net_auth asked;
	struct net_challenge challenge;
	struct handshake *h;
	struct net_attest attest;
	const char *path;
	struct net_jwe jwe;
	uint8_t ciphertext[sizeof(RELEASED)];
};

static uint64_t decide_challenge(const void *what)
{
	const struct release_case *c = what;
	_cleanup_(handshake_freep) struct handshake *h = NULL;
	struct broker_identity i = { 0 };
	struct net_attest attest;
	struct cause why = { "" };
	uint8_t digest[64];
	uint64_t ret = 0;

	if (broker_identity_parse(c->broker.pem, c->broker.pem_len, &i, &why) < 0)
		return 0;
	if (handshake_new(BROKER_P256, 0, &h) == 0 &&
	    handshake_bind(h, &i, &c->asked, &c->challenge, &why) == 0 &&
	    handshake_report_data(h, digest, &attest) == 0)
		ret = sum(0, i.keys[0].id, sizeof(i.keys[0].id));
	broker_identity_done(&i);
	return ret;
}

static uint64_t decide_release(const void *what)
{
	const struct release_case *c = what;
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct cause why = { "" };
	uint64_t version;

	if (handshake_open(c->h, &c->identity, c->path, &c->jwe, c->ciphertext, 0, &s, &version,
			   &why) < 0)
		return 0;
	return sum(version, secret_data(s), secret_len(s));
}

static void sign_release(struct release_case *c, EVP_PKEY *key)
{
	double_encrypt(&c->attest, RELEASED, strlen(RELEASED), &c->jwe, c->ciphertext);
	double_sign(key, c->attest.digest, "default/luks/root", 1, c->ciphertext, &c->jwe);
}

static void test_release(void **state)
{
	struct release_case c = { .asked = { .coco = 1, .n_paths = 1 },
				  .path = "default/luks/root" };
	struct cause why;
	uint8_t digest[64];

	assert_int_equal(release_init(), 0);
	double_init(&c.broker, "P-256");
	double_init(&c.other, "P-256");
	strcpy(c.asked.paths[0], c.path);
	double_challenge(c.other.id, &c.asked, &c.challenge);
	try("a nonce of another broker's", decide_challenge, &c, false);
	double_challenge(c.broker.id, &c.asked, &c.challenge);
	try("a nonce", decide_challenge, &c, true);
	assert_int_equal(broker_identity_parse(c.broker.pem, c.broker.pem_len, &c.identity, &why),
			 0);
	assert_int_equal(handshake_new(BROKER_P256, 0, &c.h), 0);
	assert_int_equal(handshake_bind(c.h, &c.identity, &c.asked, &c.challenge, &why), 0);
	assert_int_equal(handshake_report_data(c.h, digest, &c.attest), 0);
	sign_release(&c, c.other.key);
	try("a release that another broker signed", decide_release, &c, false);
	sign_release(&c, c.broker.key);
	try("a release", decide_release, &c, true);
	c.jwe.tag[0] ^= 1;
	double_sign(c.broker.key, c.attest.digest, c.path, 1, c.ciphertext, &c.jwe);
	try("a release that is signed and broken", decide_release, &c, false);
	sign_release(&c, c.broker.key);
	c.path = "default/api/key";
	try("a release of another name", decide_release, &c, false);
	handshake_free(c.h);
	broker_identity_done(&c.identity);
	double_done(&c.broker);
	double_done(&c.other);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snp),
		cmocka_unit_test(test_tdx),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_luks),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loop, setup, teardown),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_chain),
	};

	log_set_max_level(-1);
	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/certs/bundles/cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
