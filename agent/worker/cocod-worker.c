/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-worker reads what the host may have written, so that the keeper need not.  It holds no
 * secret and has nearly no rights.  The keeper hands it an open device or evidence, and it
 * answers with a verdict of a fixed size.  One process serves one connection and gives one
 * verdict, so that what it has read cannot influence another verdict.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/worker/attest-check.h"
#include "agent/worker/attest-judge.h"
#include "agent/worker/luks-judge.h"
#include "base/io.h"
#include "base/log.h"
#include "base/next-option.h"
#include "base/text.h"
#include "ipc/frame.h"

#define LUKS_SEC 10
#define EVIDENCE_SEC 60	/* includes time to ask a slow TPM, and Azure's metadata service */

struct request {
	int conn;
	int fd;		/* came with the request, or -EBADF; the handler may take it */
	union {
		struct attest_question attest;
		struct attest_imds imds;
		struct luks_question luks;
	} body;
	struct attest_sources *sources;	/* came before the question */
};

/* ---- requests: return 1 to go on, 0 after the answer, or a negative errno ---- */

static int on_luks_check(struct request *q)
{
	struct luks_verdict v;

	if (q->fd < 0 || !memchr(q->body.luks.allow_tokens, 0, sizeof(q->body.luks.allow_tokens)))
		return -EPROTO;
	luks_judge(q->fd, &q->body.luks, &v);
	return frame_send(q->conn, MSG_LUKS_CHECK, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
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

struct handler {
	size_t len;	/* exact body length in bytes */
	int (*answer)(struct request *q);
};

static const struct handler luks_requests[_MSG_MAX] = {
	[MSG_LUKS_CHECK] = { sizeof(struct luks_question), on_luks_check },
};

static const struct handler evidence_requests[_MSG_MAX] = {
	[MSG_ATTEST_TPM] = { 0, on_attest_tpm },
	[MSG_ATTEST_IMDS] = { sizeof(struct attest_imds), on_attest_imds },
	[MSG_ATTEST_VERIFY] = { sizeof(struct attest_question), on_attest_verify },
};

/*
 * A process is of one kind from its start: whoever wrote a disk's header has no say about
 * evidence.
 */
static const struct kind {
	const char *name;
	const struct handler *requests;	/* _MSG_MAX of them */
	unsigned sec;			/* how long it may live */
} kinds[] = {
	{ "luks", luks_requests, LUKS_SEC },
	{ "evidence", evidence_requests, EVIDENCE_SEC },
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
 * The socket's mode already ensures this.  But a unit makes the socket, units can be changed, and
 * a verdict tells about a device.
 */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return log_error_errno(errno, "Failed to ask who connected: %m");
	if (peer.uid != 0)
		return log_error_errno(EACCES, "Process %d of user %u may not connect, closing",
				       (int)peer.pid, (unsigned)peer.uid);
	return 0;
}

/*
 * systemd accepts the connection and passes nothing else: what is parsed here cannot reach the
 * next connection.
 */
static int take_connection(const struct kind *kind, int *ret)
{
	int n, flags;

	n = sd_listen_fds(/* unset_environment= */ 1);
	if (n < 0)
		return log_error_errno(n, "Failed to find the connection: %m");
	if (n != 1 ||
	    sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, /* listening= */ 0) <= 0)
		return log_error_errno(EINVAL,
				       "One connection is expected; cocod-worker is started by "
				       "cocod-worker-%s.socket, not by hand",
				       kind->name);
	flags = fcntl(SD_LISTEN_FDS_START, F_GETFL);
	if (flags < 0 || fcntl(SD_LISTEN_FDS_START, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return log_error_errno(errno, "Failed to set up the connection: %m");
	*ret = SD_LISTEN_FDS_START;
	return check_peer(SD_LISTEN_FDS_START);
}

static int parse_kind(const char *s, const struct kind **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(s, kinds[i].name)) {
			*ret = &kinds[i];
			return 0;
		}
	return log_error_errno(EINVAL, "--kind='%s' is neither 'luks' nor 'evidence'", s);
}

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

/* Returns 1 to go on, 0 to exit with success, or a negative errno after an error that was shown. */
static int parse_argv(int argc, char **argv, const struct kind **ret, const char **ret_check)
{
	static const struct option options[] = {
		{ "check-config", no_argument, NULL, 'c' },
		{ "config-root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "kind", required_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	const char *root = "";
	bool check = false;
	int c;

	*ret = NULL;
	*ret_check = NULL;
	while ((c = next_option(argc, argv, "h", options)) >= 0) {
		switch (c) {
		case 'c':
			check = true;
			break;
		case 'r':
			root = optarg;
			break;
		case 'h':
			print("usage: cocod-worker --kind=luks|evidence\n"
			      "       cocod-worker --check-config [--config-root=DIR]\n"
			      "       cocod-worker --help | --version\n");
			return 0;
		case 'V':
			print("cocod-worker %s\n", PACKAGE_VERSION);
			return 0;
		case 'k':
			if (*ret)
				return log_error_errno(EINVAL, "--kind is given twice");
			if (parse_kind(optarg, ret) < 0)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc)
		return log_error_errno(EINVAL, "'%s': no arguments are expected", argv[optind]);
	if (check && *ret)
		return log_error_errno(EINVAL, "--kind and --check-config do not go together");
	if (!check && root[0])
		return log_error_errno(EINVAL, "--config-root goes with --check-config");
	if (check)
		*ret_check = root;
	else if (!*ret)
		return log_error_errno(EINVAL, "--kind=luks or --kind=evidence is needed");
	return 1;
}

int main(int argc, char **argv)
{
	const struct kind *kind;
	const char *check;
	int conn, r;

	log_open("cocod-worker");
	r = parse_argv(argc, argv, &kind, &check);
	if (r <= 0)
		return r < 0 ? 2 : EXIT_SUCCESS;
	if (check)
		return check_config(check) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		(void) log_warning_errno(errno, "Failed to forbid core dumps, ignoring: %m");
	/*
	 * The host may leave a read of its disk unanswered.  SIGALRM then ends the process even
	 * in the middle of that read, which a handler would not do.  The keeper sees the
	 * connection end and takes that as a no.
	 */
	(void) alarm(kind->sec);
	if (take_connection(kind, &conn) < 0)
		return EXIT_FAILURE;
	return run(kind, conn) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
