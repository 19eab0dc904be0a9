/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-worker: reads what the host may have written, so that the keeper need not.  It holds no
 * secret and may nearly nothing: the keeper hands it an open device, it answers with a verdict
 * of a fixed size.  Socket-activated; it goes when it is not needed.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/attest-judge.h"
#include "agent/luks-judge.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "ipc/frame.h"

#define CLIENTS_MAX 8
#define IDLE_USEC (30 * 1000000ULL)
#define IDLE_USEC_MAX (3600 * 1000000ULL)
#define JUDGE_SEC 10
#define ATTEST_SEC 60	/* with a TPM to ask, which may be slow, and Azure's metadata service */

struct worker;

struct request {
	struct worker *worker;
	nfds_t client;	/* its place in the worker's arrays */
	int fd;		/* that came along, or -EBADF; the handler may take it */
	union {
		struct attest_question attest;
		struct attest_imds imds;
	} body;
};

struct worker {
	struct pollfd fds[1 + CLIENTS_MAX];	/* the listening socket, then the clients */
	struct attest_sources sources[1 + CLIENTS_MAX];	/* that the clients have sent */
	nfds_t n_fds;
	int idle_msec;
};

/* ---- requests ---- */

static int client_fd(const struct request *q)
{
	return q->worker->fds[q->client].fd;
}

static int on_luks_check(struct request *q)
{
	struct luks_verdict v;

	if (q->fd < 0)
		return -EPROTO;
	/*
	 * The host may leave a read of its disk unanswered.  SIGALRM ends the process then,
	 * even in the middle of that read, which a handler would not; the keeper sees the
	 * connection end, takes it as no, and systemd starts the next worker.
	 */
	(void) alarm(JUDGE_SEC);
	luks_judge(q->fd, &v);
	(void) alarm(0);
	return frame_send(client_fd(q), MSG_LUKS_CHECK, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
}

static struct attest_sources *sources_of(const struct request *q)
{
	return &q->worker->sources[q->client];
}

static void sources_init(struct attest_sources *s)
{
	*s = (struct attest_sources){ .tpm = -EBADF, .imds = -EBADF };
}

static void sources_done(struct attest_sources *s)
{
	(void) close_fd(s->tpm);
	(void) close_fd(s->imds);
	sources_init(s);
}

/* They wait for the next question, and have no answer of their own. */
static int on_attest_tpm(struct request *q)
{
	struct attest_sources *s = sources_of(q);

	if (q->fd < 0)
		return -EPROTO;
	(void) close_fd(s->tpm);
	s->tpm = TAKE_FD(q->fd);
	return 0;
}

static int on_attest_imds(struct request *q)
{
	struct attest_sources *s = sources_of(q);
	int error = q->body.imds.error;

	if (error > 0 || error < -4095 || (error == 0) != (q->fd >= 0))
		return -EPROTO;
	(void) close_fd(s->imds);
	s->imds = error < 0 ? error : TAKE_FD(q->fd);
	return 0;
}

static int on_attest_verify(struct request *q)
{
	struct attest_sources *s = sources_of(q);
	struct attest_verdict v;

	if (q->fd < 0)
		return -EPROTO;
	(void) alarm(ATTEST_SEC);
	attest_judge(q->fd, s, &q->body.attest, &v);
	(void) alarm(0);
	sources_done(s);
	return frame_send(client_fd(q), MSG_ATTEST_VERIFY, 0, &v, sizeof(v), /* pass_fd= */ -EBADF);
}

static const struct {
	size_t len;	/* exact body length in bytes */
	int (*answer)(struct request *q);
} requests[_MSG_MAX] = {
	[MSG_LUKS_CHECK] = { 0, on_luks_check },
	[MSG_ATTEST_TPM] = { 0, on_attest_tpm },
	[MSG_ATTEST_IMDS] = { sizeof(struct attest_imds), on_attest_imds },
	[MSG_ATTEST_VERIFY] = { sizeof(struct attest_question), on_attest_verify },
};

static void request_done(struct request *q)
{
	(void) close_fd(q->fd);
}

/* Returns 1, 0 when the client has gone, or a negative errno for which it has to. */
static int answer(struct worker *w, nfds_t client)
{
	_cleanup_(request_done) struct request q = { .worker = w, .client = client, .fd = -EBADF };
	struct msg_header h;
	int r;

	r = frame_recv(client_fd(&q), &h, &q.body, sizeof(q.body), &q.fd);
	if (r == -EAGAIN)
		return 1;
	if (r <= 0)
		return r;
	if (h.error != 0)
		return -EPROTO;
	if (h.type >= _MSG_MAX || !requests[h.type].answer)
		r = frame_send(client_fd(&q), h.type, -EOPNOTSUPP, NULL, 0, /* pass_fd= */ -EBADF);
	else if (h.len != requests[h.type].len)
		r = -EPROTO;
	else
		r = requests[h.type].answer(&q);
	return r < 0 ? r : 1;
}

/* ---- clients ---- */

/*
 * The socket's mode says the same; but it is created by a unit that can be changed, and a
 * verdict tells of a device.
 */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return log_error_errno(errno, "Failed to ask who connected: %m");
	if (peer.uid != 0) {
		log_warning("Process %d of user %u may not connect, closing", (int)peer.pid,
			    (unsigned)peer.uid);
		return -EACCES;
	}
	return 0;
}

static void client_add(struct worker *w)
{
	_cleanup_(closep) int fd = -EBADF;

	fd = accept4(w->fds[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			(void) log_warning_errno(errno, "Failed to accept a connection, ignoring: %m");
		return;
	}
	if (check_peer(fd) < 0)
		return;
	sources_init(&w->sources[w->n_fds]);
	w->fds[w->n_fds++] = (struct pollfd) { .fd = TAKE_FD(fd), .events = POLLIN };
}

static void client_drop(struct worker *w, nfds_t i)
{
	(void) close_fd(w->fds[i].fd);
	sources_done(&w->sources[i]);
	w->n_fds--;
	w->fds[i] = w->fds[w->n_fds];
	w->sources[i] = w->sources[w->n_fds];
}

/* From the last to the first, because the last one takes the place of one that goes. */
static void serve_clients(struct worker *w)
{
	for (nfds_t i = w->n_fds - 1; i > 0; i--) {
		int r;

		if (!w->fds[i].revents)
			continue;
		r = answer(w, i);
		if (r < 0)
			(void) log_warning_errno(r, "Closing the connection of a client: %m");
		if (r <= 0)
			client_drop(w, i);
	}
}

static int run(struct worker *w)
{
	for (;;) {
		int n;

		w->fds[0].events = w->n_fds < ARRAY_SIZE(w->fds) ? POLLIN : 0;
		n = poll(w->fds, w->n_fds, w->idle_msec);
		if (n == 0)
			return 0;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return log_error_errno(errno, "Failed to wait for requests: %m");
		}
		serve_clients(w);
		if (w->fds[0].revents & POLLIN)
			client_add(w);
		else if (w->fds[0].revents)
			return log_error_errno(EIO, "The listening socket has failed: %m");
	}
}

/* ---- main ---- */

static int listening_socket(int *ret)
{
	int n, flags;

	n = sd_listen_fds(/* unset_environment= */ 1);
	if (n < 0)
		return log_error_errno(n, "Failed to find the listening socket: %m");
	if (n != 1 ||
	    sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, /* listening= */ 1) <= 0)
		return log_error_errno(EINVAL,
				       "One listening socket is expected; cocod-worker is started by cocod-worker.socket, not by hand");
	/* One who leaves between poll() and accept() must not make us wait for the next. */
	flags = fcntl(SD_LISTEN_FDS_START, F_GETFL);
	if (flags < 0 || fcntl(SD_LISTEN_FDS_START, F_SETFL, flags | O_NONBLOCK) < 0)
		return log_error_errno(errno, "Failed to set up the listening socket: %m");
	*ret = SD_LISTEN_FDS_START;
	return 0;
}

static int parse_idle(const char *s, int *ret_msec)
{
	uint64_t usec;

	if (parse_usec(s, &usec) < 0 || usec < 1000 || usec > IDLE_USEC_MAX)
		return log_error_errno(EINVAL, "--idle='%s' is no time between 1ms and 1h", s);
	*ret_msec = (int)(usec / 1000);
	return 0;
}

static int parse_argv(int argc, char **argv, struct worker *w)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "idle", required_argument, NULL, 'i' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 'h':
			printf("usage: cocod-worker [--idle=TIME]\n       cocod-worker --help | --version\n");
			return 0;
		case 'V':
			printf("cocod-worker %s\n", PACKAGE_VERSION);
			return 0;
		case 'i':
			if (parse_idle(optarg, &w->idle_msec) < 0)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc)
		return log_error_errno(EINVAL, "'%s': no arguments are expected", argv[optind]);
	return 1;
}

int main(int argc, char **argv)
{
	struct worker w = { .n_fds = 1, .idle_msec = IDLE_USEC / 1000 };
	int r;

	log_open("cocod-worker");
	r = parse_argv(argc, argv, &w);
	if (r <= 0)
		return r < 0 ? 2 : EXIT_SUCCESS;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		(void) log_warning_errno(errno, "Failed to forbid core dumps, ignoring: %m");
	if (listening_socket(&w.fds[0].fd) < 0)
		return EXIT_FAILURE;

	(void) sd_notify(/* unset_environment= */ 0, "READY=1");
	r = run(&w);
	(void) sd_notify(/* unset_environment= */ 0, "STOPPING=1");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
