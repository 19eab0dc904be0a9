/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-worker reads what the host may have written, so that the keeper need not.  It holds no
 * secret and has nearly no rights.  The keeper hands it an open device or evidence, and it
 * answers with a verdict of a fixed size.  One process serves one connection and gives one
 * verdict, so that what it has read cannot influence another verdict.  It also asks Azure's vTPM
 * for evidence that a broker will judge.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/connection.h"
#include "agent/status.h"
#include "agent/worker/attest-check.h"
#include "agent/worker/attest-gather.h"
#include "agent/worker/attest-judge.h"
#include "agent/worker/luks-judge.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "ipc/frame.h"

#define LUKS_SEC 10
#define LUKS_WAIT_SEC 90	/* it may be started before there is a question (spare.h) */
#define EVIDENCE_SEC 60	/* includes time to ask a slow TPM, and Azure's metadata service */

struct request {
	int conn;
	int fd;		/* came with the request, or -EBADF; the handler may take it */
	union {
		struct attest_question attest;
		struct attest_gather gather;
		struct attest_imds imds;
		struct luks_question luks;
	} body;
	struct attest_sources *sources;	/* came before the question */
};

/* ---- requests: return 1 to go on, 0 after the answer, or a negative errno ---- */

static bool is_luks_question(const struct request *q)
{
	const struct luks_question *luks = &q->body.luks;

	return q->fd >= 0 && luks->any_token <= 1 &&
	       memchr(luks->allow_tokens, 0, sizeof(luks->allow_tokens)) &&
	       memchr(luks->pins, 0, sizeof(luks->pins));
}

static int on_luks_check(struct request *q)
{
	struct luks_verdict v;

	if (!is_luks_question(q))
		return -EPROTO;
	luks_judge(q->fd, &q->body.luks, &v);
	return frame_send(q->conn, MSG_LUKS_CHECK, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
}

static int on_luks_text(struct request *q)
{
	struct luks_verdict v;

	if (!is_luks_question(q))
		return -EPROTO;
	luks_judge_text(q->fd, &q->body.luks, &v);
	return frame_send(q->conn, MSG_LUKS_TEXT, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
}

/* Sources are kept until the question comes.  They get no answer. */
static int on_attest_tpm(struct request *q)
{
	if (q->fd < 0)
		return -EPROTO;
	(void) close_fd(q->sources->tpm);
	q->sources->tpm = TAKE_FD(q->fd);
	return 1;
}

static int on_attest_imds(struct request *q)
{
	int error = q->body.imds.error;

	if (error > 0 || error < -4095 || (error == 0) != (q->fd >= 0))
		return -EPROTO;
	(void) close_fd(q->sources->imds);
	q->sources->imds = error < 0 ? error : TAKE_FD(q->fd);
	return 1;
}

static int on_attest_verify(struct request *q)
{
	struct attest_verdict v;

	if (q->fd < 0)
		return -EPROTO;
	attest_judge(q->fd, q->sources, &q->body.attest, &v);
	return frame_send(q->conn, MSG_ATTEST_VERIFY, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
}

static int on_attest_gather(struct request *q)
{
	const struct attest_gather *g = &q->body.gather;
	struct attest_gathered answer;

	if (q->fd < 0 || g->len > sizeof(g->report_data))
		return -EPROTO;
	attest_gather_azure(q->sources, g, q->fd, &answer);
	return frame_send(q->conn, MSG_ATTEST_GATHER, 0, &answer, sizeof(answer),
			  /* pass_fd= */ -EBADF);
}

struct handler {
	size_t len;	/* exact body length in bytes */
	int (*answer)(struct request *q);
};

static const struct handler luks_requests[_MSG_MAX] = {
	[MSG_LUKS_CHECK] = { sizeof(struct luks_question), on_luks_check },
	[MSG_LUKS_TEXT] = { sizeof(struct luks_question), on_luks_text },
};

static const struct handler evidence_requests[_MSG_MAX] = {
	[MSG_ATTEST_TPM] = { 0, on_attest_tpm },
	[MSG_ATTEST_IMDS] = { sizeof(struct attest_imds), on_attest_imds },
	[MSG_ATTEST_VERIFY] = { sizeof(struct attest_question), on_attest_verify },
	[MSG_ATTEST_GATHER] = { sizeof(struct attest_gather), on_attest_gather },
};

/*
 * A process is of one kind from its start: whoever wrote a disk's header has no say about
 * evidence.
 */
enum { KIND_LUKS, KIND_EVIDENCE };

static const char *const kind_names[] = {
	[KIND_LUKS] = "luks",
	[KIND_EVIDENCE] = "evidence",
	NULL,
};

static const struct kind {
	const char *name, *socket;
	const struct handler *requests;	/* _MSG_MAX of them */
	unsigned wait_sec;		/* how long it waits for its question */
	unsigned sec;			/* how long it has to answer */
} kinds[] = {
	[KIND_LUKS] = { "luks", "cocod-worker-luks", luks_requests, LUKS_WAIT_SEC,
			LUKS_SEC },
	[KIND_EVIDENCE] = { "evidence", "cocod-worker-evidence", evidence_requests,
			    EVIDENCE_SEC, EVIDENCE_SEC },
};

static void request_done(struct request *q)
{
	q->fd = close_fd(q->fd);
}

static int answer(const struct kind *kind, int conn, struct attest_sources *sources)
{
	_cleanup_(request_done) struct request q = {
		.conn = conn,
		.fd = -EBADF,
		.sources = sources,
	};
	struct msg_header h;
	int r;

	r = frame_recv(conn, &h, &q.body, sizeof(q.body), &q.fd);
	if (r <= 0)
		return r;
	/*
	 * The host may leave a read of its disk unanswered.  SIGALRM then ends the process even
	 * in the middle of that read, which a handler would not do.  The keeper sees the
	 * connection end and takes that as a no.
	 */
	(void) alarm(kind->sec);
	if (h.error != 0)
		return -EPROTO;
	if (h.type >= _MSG_MAX || !kind->requests[h.type].answer) {
		log_warning("Request %u is not for a worker of kind '%s', refusing it", h.type,
			    kind->name);
		return frame_send(conn, h.type, -EOPNOTSUPP, NULL, 0, /* pass_fd= */ -EBADF);
	}
	if (h.len != kind->requests[h.type].len)
		return -EPROTO;
	return kind->requests[h.type].answer(&q);
}

static int run(const struct kind *kind, int conn)
{
	struct attest_sources sources = { .tpm = -EBADF, .imds = -EBADF };
	int r;

	do
		r = answer(kind, conn, &sources);
	while (r > 0);
	return r < 0 ? log_error_errno(r, "Failed to serve the connection: %m") : 0;
}

/* ---- main ---- */

/*
 * For cocod --check-config.  It is run by hand, with the rights of the caller and without a
 * connection.
 */
static int check_config(const char *root)
{
	int n = attest_check(root);

	if (n < 0)
		return log_oom();
	return fflush(stdout) == 0 && n == 0 ? 0 : -EINVAL;
}

struct args {
	struct option_choice kind;
	const char *config_root;
	bool check_config;
};

static const struct option_row options[] = {
	{ "kind", "KIND", "what it judges: luks or evidence", OPTION_CHOICE(kind, kind_names),
	  .excludes = "check-config" },
	{ "check-config", NULL, "read what evidence is judged by, and say what is wrong with it",
	  OPTION_FLAG(check_config) },
	{ "config-root", "DIR", "read it below DIR", OPTION_PATH(config_root), .empty = true,
	  .needs = "check-config" },
	{ NULL },
};

static const struct program program = {
	.name = "cocod-worker",
	.help = "Judges the header of a volume, or the evidence of this VM, for cocod.",
	.example = "--check-config",
	.manual = "cocod-worker(8)",
	.options = options,
};

/* Returns 1 to go on, 0 to exit with success, or a negative errno after an error that was shown. */
static int read_command(int argc, char **argv, struct args *ret)
{
	const struct verb *verb;
	int r;

	r = command_read(&program, argc, argv, ret, &verb);
	if (r <= 0)
		return r;
	r = command_check(&program, verb, ret);
	if (r < 0)
		return r;
	if (!ret->check_config && !ret->kind.given)
		return log_error_errno(EINVAL, "--kind=luks or --kind=evidence is needed");
	return 1;
}

int main(int argc, char **argv)
{
	const struct kind *kind;
	struct args args = { 0 };
	int conn, r;

	log_open("cocod-worker");
	r = read_command(argc, argv, &args);
	if (r <= 0)
		return r < 0 ? WORKER_USAGE : WORKER_GOOD;
	if (args.check_config)
		return check_config(args.config_root ?: "") < 0 ? WORKER_FAILED : WORKER_GOOD;
	kind = &kinds[args.kind.index];
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		(void) log_warning_errno(errno, "Failed to forbid core dumps, ignoring: %m");
	(void) alarm(kind->wait_sec);
	if (connection_take("cocod-worker", kind->socket, &conn) < 0)
		return WORKER_FAILED;
	return run(kind, conn) < 0 ? WORKER_FAILED : WORKER_GOOD;
}
