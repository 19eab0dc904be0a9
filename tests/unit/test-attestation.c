/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keeper's way to a verdict, with a test double of the TEE, and a double of cocod-worker that
 * lies in every possible way.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/attestation.h"
#include "attest/bundle.h"
#include "attest/gather/imds.h"
#include "base/io.h"
#include "ipc/frame.h"

#define POLICY "[Policy]\nmeasurement=00\n"
#define LONG_USEC (600 * 1000000ULL)	/* never reached */
#define SHORT_USEC 20000

static char root[64];
static char path[100];

/* ---- the double of cocod-worker ---- */

enum lie {
	LIE_NONE,
	LIE_REFUSED,
	LIE_NONCE,
	LIE_SHORT,
	LIE_LONG,
	LIE_EMPTY,
	LIE_TYPE,
	LIE_ERROR,
	LIE_POSITIVE_ERROR,
	LIE_RESULT_NONE,
	LIE_RESULT_HUGE,
	LIE_TRUST,
	LIE_TRUST_WITHOUT_DIGEST,
	LIE_TRUST_DIGEST_ALONE,
	LIE_UNTERMINATED,
	LIE_UNTERMINATED_CODE,
	LIE_MAGIC,
	LIE_LENGTH,
	LIE_CLOSE,
	LIE_CLOSE_AT_ONCE,
	LIE_DIE,
	LIE_HANG,
	LIE_ESCAPES,
	LIE_KEPT,	/* no lie: accept by the initrd's policy, and name that policy */
	LIE_PROBE,	/* report in the reason what was passed */
};

static void send_raw(int fd, const struct msg_header *h, const void *body, size_t len)
{
	char packet[8192];

	memcpy(packet, h, sizeof(*h));
	memcpy(packet + sizeof(*h), body, len);
	(void) !write(fd, packet, sizeof(*h) + len);
}

static void probe(int pack, bool tpm, int imds, char *text, size_t size)
{
	struct bundle b = { 0 };
	uint8_t data[4096];
	ssize_t n;
	int r;

	(void) lseek(pack, 0, SEEK_SET);
	n = read_full(pack, data, sizeof(data));
	r = n < 0 ? (int)n : bundle_read_pack(&b, data, (size_t)n);
	snprintf(text, size,
		 "seals %x, pack %d, policy %d, trust %s, %s, certs %d, tpm %d, imds %d",
		 (unsigned)fcntl(pack, F_GET_SEALS), r,
		 streq(bundle_text(&b, BUNDLE_POLICY), POLICY), bundle_text(&b, BUNDLE_TRUST),
		 bundle_text(&b, BUNDLE_TYPE),
		 !!bundle_find(&b, BUNDLE_CERT, 0) + !!bundle_find(&b, BUNDLE_CERT, 1), tpm, imds);
	bundle_done(&b);
}

static void accept_by_kept(int pack, struct attest_verdict *v)
{
	struct bundle b = { 0 };
	uint8_t data[4096];
	ssize_t n;

	(void) lseek(pack, 0, SEEK_SET);
	n = read_full(pack, data, sizeof(data));
	if (n < 0 || bundle_read_pack(&b, data, (size_t)n) < 0)
		_exit(1);
	(void) EVP_Digest(bundle_text(&b, BUNDLE_KEPT_POLICY),
			  strlen(bundle_text(&b, BUNDLE_KEPT_POLICY)), v->policy_sha256, NULL,
			  EVP_sha256(), NULL);
	if (bundle_find(&b, BUNDLE_KEPT_TRUST, 0))
		(void) EVP_Digest(bundle_text(&b, BUNDLE_KEPT_TRUST),
				  strlen(bundle_text(&b, BUNDLE_KEPT_TRUST)), v->trust_sha256, NULL,
				  EVP_sha256(), NULL);
	v->trust_replaced = bundle_find(&b, BUNDLE_KEPT_TRUST, 0) != NULL;
	snprintf(v->reason, sizeof(v->reason), "%s, %s, %s", bundle_text(&b, BUNDLE_KEPT_POLICY),
		 bundle_text(&b, BUNDLE_KEPT_TRUST),
		 bundle_find(&b, BUNDLE_POLICY, 0) ? "both" : "alone");
	bundle_done(&b);
}

/*
 * Returns 1 for a connection that is established, 2 for another descriptor; the error without
 * one.
 */
static int look_at_imds(const struct msg_header *h, const struct attest_imds *m, int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t len = sizeof(int);
	int error = 0;

	if (h->len != sizeof(*m) || m->error > 0 || (m->error == 0) != (fd >= 0))
		return 2;
	if (m->error < 0)
		return m->error;
	return poll(&p, 1, 10000) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
			       error == 0 ?
		       1 :
		       2;
}

static void serve(int fd, enum lie lie)
{
	struct attest_verdict v = { .result = ATTEST_ACCEPTED,
				    .type = "snp",
				    .provider = "double",
				    .code = "OK",
				    .reason = "good" };
	struct msg_header h = { MSG_MAGIC, MSG_VERSION, MSG_ATTEST_VERIFY, sizeof(v), 0 };
	char body[sizeof(v) + 100] = "";
	struct attest_question q;
	struct msg_header asked;
	bool tpm = false;
	int pack = -1, imds = 0;

	if (lie == LIE_CLOSE_AT_ONCE)
		_exit(0);
	do {
		if (frame_recv(fd, &asked, &q, sizeof(q), &pack) <= 0)
			_exit(1);
		tpm = tpm || asked.type == MSG_ATTEST_TPM;
		if (asked.type == MSG_ATTEST_IMDS)
			imds = look_at_imds(&asked, (const struct attest_imds *)&q, pack);
	} while (asked.type == MSG_ATTEST_TPM || asked.type == MSG_ATTEST_IMDS);
	if (asked.type != MSG_ATTEST_VERIFY || asked.len != sizeof(q) || pack < 0)
		_exit(1);
	memcpy(v.nonce, q.nonce, sizeof(v.nonce));

	switch (lie) {
	case LIE_REFUSED: v.result = ATTEST_REFUSED; strcpy(v.code, "DEBUG"); break;
	case LIE_NONCE: v.nonce[31] ^= 1; break;
	case LIE_SHORT: h.len--; break;
	case LIE_LONG: h.len++; break;
	case LIE_EMPTY: h.len = 0; break;
	case LIE_TYPE: h.type = MSG_LUKS_CHECK; break;
	case LIE_ERROR: h.error = -EIO; h.len = 0; break;
	case LIE_POSITIVE_ERROR: h.error = 1; break;
	case LIE_RESULT_NONE: v.result = ATTEST_NONE; break;
	case LIE_RESULT_HUGE: v.result = 0x80000001; break;
	case LIE_TRUST: v.trust_replaced = 7; break;
	case LIE_TRUST_WITHOUT_DIGEST: v.trust_replaced = 1; break;
	case LIE_TRUST_DIGEST_ALONE: v.trust_sha256[31] = 1; break;
	case LIE_UNTERMINATED: memset(v.reason, 'x', sizeof(v.reason)); break;
	case LIE_UNTERMINATED_CODE: memset(v.code, 'x', sizeof(v.code)); break;
	case LIE_MAGIC: h.magic++; break;
	case LIE_ESCAPES: strcpy(v.reason, "a\033[2Jb\nc\377"); break;
	case LIE_KEPT: accept_by_kept(pack, &v); break;
	case LIE_PROBE: probe(pack, tpm, imds, v.reason, sizeof(v.reason)); break;
	case LIE_CLOSE: _exit(0);
	case LIE_DIE: (void) raise(SIGKILL); break;
	case LIE_HANG: (void) pause(); break;
	default: break;
	}
	memcpy(body, &v, sizeof(v));
	if (lie == LIE_LENGTH) {
		h.len = 0xfffffff0;
		send_raw(fd, &h, body, sizeof(v));
	} else
		send_raw(fd, &h, body, h.len);
	(void) pause();		/* until it is killed: closing would be another answer */
}

static pid_t worker_start(enum lie lie)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pid_t pid;

	strcpy(sa.sun_path, path);
	(void) unlink(path);
	assert_true(s >= 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s, 4), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		serve(accept(s, NULL, NULL), lie);
		_exit(1);
	}
	close_fd(s);
	return pid;
}

static void worker_stop(pid_t pid)
{
	(void) kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- doubles of the TEE; they run in the child ---- */

static int gather_good(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	return q->nonce_len == ATTEST_NONCE_LEN ? bundle_add_text(ret, BUNDLE_TYPE, "snp") :
						  -EINVAL;
}

static int gather_error(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	return cause_set(why, -EIO, "the double is broken");
}

static int gather_silent_error(const struct attest_request *q, struct bundle *ret,
			       struct cause *why)
{
	return -EBADMSG;
}

static int gather_none(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	return cause_set(why, -ENODEV, "there is no double");
}

static int gather_crash(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	(void) raise(SIGKILL);
	return 0;
}

static _Noreturn int gather_exit(const struct attest_request *q, struct bundle *ret,
				 struct cause *why)
{
	_exit(3);
}

static _Noreturn int gather_hang(const struct attest_request *q, struct bundle *ret,
				 struct cause *why)
{
	for (;;)
		(void) pause();
}

static int gather_huge(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	static const uint8_t zeros[BUNDLE_ITEM_MAX];
	int r = 0;

	for (int i = 0; r >= 0 && i < 5; i++)
		r = bundle_add(ret, BUNDLE_CRL, zeros, sizeof(zeros));
	return r;
}

/* ---- attempts ---- */

struct outcome {
	struct loop *loop;
	unsigned n;
	bool verdict, nobody;
	struct attest_verdict v;
	char why[512];
};

static void on_done(void *userdata, const struct attest_verdict *v, const char *why, bool nobody)
{
	struct outcome *o = userdata;

	o->n++;
	o->verdict = v;
	o->nobody = nobody;
	o->v = v ? *v : (struct attest_verdict){ 0 };
	snprintf(o->why, sizeof(o->why), "%s", why ? why : "");
	(void) loop_exit(o->loop, 0);
}

static struct attestation_setup setup_of(struct outcome *o)
{
	*o = (struct outcome){ 0 };
	assert_true(loop_new(&o->loop) >= 0);
	return (struct attestation_setup){
		.loop = o->loop,
		.config_root = root,
		.root = root,
		.worker = path,
		.gather_usec = LONG_USEC,
		.judge_usec = LONG_USEC,
		.pause_usec = LONG_USEC,
		.gather = gather_good,
		.done = on_done,
		.userdata = o,
	};
}

/* Make one attempt. */
static void attempt(struct outcome *o, const struct attestation_setup *s)
{
	struct attestation *a;

	assert_int_equal(attestation_new(s, &a), 0);
	assert_false(attestation_is_busy(a));
	if (attestation_request(a) > 0)
		assert_true(loop_run(o->loop) >= 0);
	assert_int_equal(o->n, 1);
	assert_false(attestation_is_busy(a));
	attestation_free(a);
	loop_free(o->loop);
}

static void put(const char *name, const char *text)
{
	char full[200];

	snprintf(full, sizeof(full), "%s/%s", root, name);
	assert_int_equal(write_file_atomic(full, text, strlen(text), 0600, false), 0);
}

static int setup(void **state)
{
	char command[300];

	strcpy(root, "/tmp/test-attestation.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/worker", root);
	snprintf(command, sizeof(command),
		 "mkdir -p %s/etc/cocod/collateral %s/var/cache/cocod %s/dev", root, root, root);
	if (system(command) != 0)
		return -1;
	put("etc/cocod/attest.conf", POLICY);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void test_accepted(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	pid_t worker = worker_start(LIE_NONE);

	attempt(&o, &s);
	worker_stop(worker);
	assert_true(o.verdict);
	assert_int_equal(o.v.result, ATTEST_ACCEPTED);
}

static void test_lies(void **state)
{
	static const struct {
		enum lie lie;
		bool verdict;
		const char *words;
	} rows[] = {
		{ LIE_REFUSED, true, "" },
		{ LIE_ESCAPES, true, "" },
		{ LIE_NONCE, false, "is not a verdict over this evidence" },
		{ LIE_SHORT, false, "is not a verdict" },
		{ LIE_LONG, false, "without a verdict" },
		{ LIE_EMPTY, false, "is not a verdict" },
		{ LIE_TYPE, false, "is not a verdict" },
		{ LIE_ERROR, false, "could not judge it: Input/output error" },
		{ LIE_POSITIVE_ERROR, false, "without a verdict" },
		{ LIE_RESULT_NONE, false, "is not a verdict" },
		{ LIE_RESULT_HUGE, false, "is not a verdict" },
		{ LIE_TRUST, false, "is not a verdict" },
		{ LIE_TRUST_WITHOUT_DIGEST, false, "is not a verdict" },
		{ LIE_TRUST_DIGEST_ALONE, false, "is not a verdict" },
		{ LIE_UNTERMINATED, false, "is not a verdict" },
		{ LIE_UNTERMINATED_CODE, false, "is not a verdict" },
		{ LIE_MAGIC, false, "without a verdict" },
		{ LIE_LENGTH, false, "without a verdict" },
		{ LIE_CLOSE, false, "without a verdict (connection closed)" },
		{ LIE_CLOSE_AT_ONCE, false, "cocod-worker" },
		{ LIE_DIE, false, "without a verdict" },
		{ LIE_HANG, false, "in time" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome o;
		struct attestation_setup s = setup_of(&o);
		pid_t worker = worker_start(rows[i].lie);

		if (rows[i].lie == LIE_HANG)
			s.judge_usec = SHORT_USEC;
		attempt(&o, &s);
		worker_stop(worker);
		if (o.verdict != rows[i].verdict || !strstr(o.why, rows[i].words))
			fail_msg("lie %d: verdict %d, '%s'", rows[i].lie, o.verdict, o.why);
		if (rows[i].lie == LIE_ESCAPES)
			assert_string_equal(o.v.reason, "a?[2Jb?c?");
		else
			assert_false(o.verdict && o.v.result == ATTEST_ACCEPTED);
	}
}

static void test_no_worker(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);

	(void) unlink(path);
	attempt(&o, &s);
	assert_false(o.verdict);
	assert_non_null(strstr(o.why, "cocod-worker cannot be asked: No such file"));
}

static void test_gathering(void **state)
{
	static const struct {
		int (*gather)(const struct attest_request *q, struct bundle *ret,
			      struct cause *why);
		const char *words;
	} rows[] = {
		{ gather_error, "the double is broken" },
		{ gather_silent_error, "Bad message" },
		{ gather_none, "no evidence can be had: there is no double; tpm: no TPM" },
		{ gather_crash, "died (signal 9)" },
		{ gather_exit, "died (status 3)" },
		{ gather_hang, "the TEE does not answer" },
		{ gather_huge, "cannot be packed: Message too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome o;
		struct attestation_setup s = setup_of(&o);

		s.gather = rows[i].gather;
		if (s.gather == gather_hang)
			s.gather_usec = SHORT_USEC;
		attempt(&o, &s);
		assert_int_equal(o.nobody, s.gather == gather_none);
		if (o.verdict || !strstr(o.why, rows[i].words))
			fail_msg("row %zu: verdict %d, '%s'", i, o.verdict, o.why);
	}
}

/* A TPM that exists and cannot be opened is not a missing TPM. */
static void test_tpm_shut(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	char dir[200];

	snprintf(dir, sizeof(dir), "%s/dev/tpmrm0", root);
	assert_int_equal(mkdir(dir, 0700), 0);
	s.gather = gather_none;
	attempt(&o, &s);
	assert_false(o.verdict);
	assert_false(o.nobody);
	assert_non_null(strstr(o.why, "tpm: Is a directory"));
	assert_int_equal(rmdir(dir), 0);
}

/* The worker gets a sealed file with the policy as it is on disk, and collateral by its names. */
static void test_pack(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	pid_t worker;

	put("etc/cocod/attest.trust", "pins");
	put("etc/cocod/collateral/cert-ark.pem", "ark");
	put("var/cache/cocod/cert.der", "vek");
	put("var/cache/cocod/certain.der", "none of ours");
	put("var/cache/cocod/other", "none of ours");
	worker = worker_start(LIE_PROBE);
	attempt(&o, &s);
	worker_stop(worker);
	assert_string_equal(o.v.reason,
			    "seals f, pack 0, policy 1, trust pins, snp, certs 2, tpm 0, imds 0");

	/* Without a provider the TPM is passed. */
	put("dev/tpmrm0", "");
	s = setup_of(&o);
	s.gather = gather_none;
	s.imds = "nowhere";
	worker = worker_start(LIE_PROBE);
	attempt(&o, &s);
	worker_stop(worker);
	assert_string_equal(o.v.reason,
			    "seals f, pack 0, policy 1, trust pins, , certs 2, tpm 1, imds -22");
}

/* Make one attempt with a TPM, and with the metadata service at @address. */
static void attempt_at(struct outcome *o, const char *address, enum lie lie)
{
	struct attestation_setup s = setup_of(o);
	pid_t worker = worker_start(lie);

	s.gather = gather_none;
	s.imds = address;
	attempt(o, &s);
	worker_stop(worker);
}

/* The connection is passed to the worker, and the keeper sends nothing over it. */
static void test_imds(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	socklen_t len = sizeof(sa);
	struct outcome o;
	char address[32];

	assert_int_equal(bind(s, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&sa, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(sa.sin_port));

	put("dev/tpmrm0", "");
	attempt_at(&o, address, LIE_PROBE);
	assert_string_equal(o.v.reason,
			    "seals f, pack 0, policy 1, trust , , certs 0, tpm 1, imds 1");
	c = accept4(s, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(c >= 0);
	/* Both have closed the connection without sending a byte. */
	assert_int_equal(recv(c, address, sizeof(address), 0), 0);
	close_fd(c);

	/* No service answers: there is still an attempt, and the worker finds out. */
	close_fd(s);
	attempt_at(&o, address, LIE_REFUSED);
	assert_true(o.verdict);
}

static void test_imds_address(void **state)
{
	static const char *const bad[] = { "",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "127.0.0.2:80",
					   "169.254.169.254:80",
					   "localhost:80" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(imds_open("", bad[i]), -EINVAL);
	/* This machine may be Azure's; the folder is not. */
	assert_int_equal(imds_open(root, NULL), -ENODEV);
}

static void test_no_policy(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	char full[200];

	snprintf(full, sizeof(full), "%s/etc/cocod/attest.conf", root);
	assert_int_equal(unlink(full), 0);
	attempt(&o, &s);
	assert_non_null(strstr(o.why, "write /etc/cocod/attest.conf"));

	/* An empty file masks the vendor's. */
	snprintf(full, sizeof(full), "mkdir -p %s/usr/lib/cocod", root);
	assert_int_equal(system(full), 0);
	put("usr/lib/cocod/attest.conf", POLICY);
	put("etc/cocod/attest.conf", "");
	s = setup_of(&o);
	attempt(&o, &s);
	assert_non_null(strstr(o.why, "write /etc/cocod/attest.conf"));
}

/* The initrd's policy is passed, and nothing is accepted without it. */
static void test_kept(void **state)
{
	static const enum lie lies[] = { LIE_KEPT, LIE_NONE, LIE_KEPT };
	struct kept kept = { .require = REQUIRE_EVIDENCE,
			     .policy = (char *)"initrd's",
			     .policy_len = 8 };
	char full[200];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct outcome o;
		struct attestation_setup s = setup_of(&o);
		pid_t worker = worker_start(lies[i]);

		s.kept = &kept;
		(void) EVP_Digest(kept.policy, kept.policy_len, kept.policy_sha256, NULL,
				  EVP_sha256(), NULL);
		attempt(&o, &s);
		worker_stop(worker);
		if (lies[i] == LIE_NONE) {
			assert_false(o.verdict);
			assert_non_null(strstr(o.why, "is not a verdict over this evidence"));
			/* Under other roots than the initrd's it is not a verdict either. */
			kept.trust = (char *)"roots";
			kept.trust_len = 5;
			(void) EVP_Digest(kept.trust, kept.trust_len, kept.trust_sha256, NULL,
					  EVP_sha256(), NULL);
			/* And without a policy of this system. */
			snprintf(full, sizeof(full), "%s/etc/cocod/attest.conf", root);
			assert_int_equal(unlink(full), 0);
			continue;
		}
		assert_int_equal(o.v.result, ATTEST_ACCEPTED);
		assert_string_equal(o.v.reason,
				    kept.trust ? "initrd's, roots, alone" : "initrd's, , both");
	}
}

static void test_retry(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	struct attestation *a;
	pid_t worker;

	/* After a failure there is a pause, */
	s.gather = gather_error;
	assert_int_equal(attestation_new(&s, &a), 0);
	assert_int_equal(attestation_request(a), 1);
	assert_int_equal(attestation_request(a), 1);	/* the same attempt */
	assert_true(loop_run(o.loop) >= 0);
	assert_int_equal(o.n, 1);
	assert_int_equal(attestation_request(a), 0);
	assert_int_equal(o.n, 1);
	attestation_free(a);
	loop_free(o.loop);

	/* and then another attempt, which may succeed. */
	s = setup_of(&o);
	s.pause_usec = 1;
	assert_int_equal(attestation_new(&s, &a), 0);
	worker = worker_start(LIE_NONCE);
	assert_int_equal(attestation_request(a), 1);
	assert_true(loop_run(o.loop) >= 0);
	worker_stop(worker);
	assert_false(o.verdict);
	attestation_free(a);
	loop_free(o.loop);

	s = setup_of(&o);
	worker = worker_start(LIE_NONE);
	attempt(&o, &s);
	worker_stop(worker);
	assert_int_equal(o.v.result, ATTEST_ACCEPTED);
}

static void on_done_count(void *userdata, const struct attest_verdict *v, const char *why,
			  bool nobody)
{
	struct outcome *o = userdata;

	assert_null(v);
	assert_true(nobody);
	o->n++;
}

/*
 * The first attempt, which nobody has waited for, may have come before the device.  Who asks then
 * gets another, and comes to an end.
 */
static void test_too_early(void **state)
{
	struct outcome o;
	struct attestation_setup s = setup_of(&o);
	struct attestation *a;

	s.gather = gather_none;
	s.done = on_done_count;
	assert_int_equal(attestation_new(&s, &a), 0);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(attestation_request(a), 1);
		while (o.n < i)
			assert_true(loop_turn(o.loop, UINT64_MAX) >= 0);
	}
	assert_int_equal(attestation_request(a), 0);
	attestation_free(a);
	loop_free(o.loop);
}

/* A nonce is never the same twice. */
static void test_nonce(void **state)
{
	uint8_t before[ATTEST_NONCE_LEN] = { 0 };

	for (int i = 0; i < 2; i++) {
		struct outcome o;
		struct attestation_setup s = setup_of(&o);
		pid_t worker = worker_start(LIE_NONE);

		attempt(&o, &s);
		worker_stop(worker);
		assert_memory_not_equal(o.v.nonce, before, sizeof(before));
		memcpy(before, o.v.nonce, sizeof(before));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gathering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tpm_shut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_imds, setup, teardown),
		cmocka_unit_test(test_imds_address),
		cmocka_unit_test_setup_teardown(test_no_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonce, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
