/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-rest serves secrets by the path of the confidential data hub's REST, over a unix socket,
 * to programs that were written for it.  One process serves one connection with one request, so
 * that who takes it over has what the request could have had, and nobody else's.  It decides
 * nothing: cocod sees the connection itself, and says whether its peer may have the secret.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rest/rest-ask.h"
#include "agent/rest/rest-http.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/systemd.h"
#include "ipc/client.h"
#include "wire/cdh.h"

#define READ_USEC (10 * 1000000ULL)	/* the head of the request */
#define SEND_USEC (20 * 1000000ULL)	/* the reply */

struct args {
	const char *socket;
};

static const struct option_row options[] = {
	{ "socket", "PATH", "cocod's socket", OPTION_PATH(socket), .hidden = true },
	{ NULL },
};

static const struct program program = {
	.name = "cocod-rest",
	.help = "Serves secrets over a unix socket as the confidential data hub does, for cocod.",
	.example = "",
	.manual = "cocod-rest(8)",
	.options = options,
};

static int connection_of(int *ret)
{
	int n = systemd_fds(NULL);

	systemd_fds_forget();
	if (n < 0)
		return log_error_errno(n, "Failed to find the connection: %m");
	if (n != 1 || !fd_is_unix_connection(SYSTEMD_FDS_START, SOCK_STREAM))
		return log_error_errno(EINVAL, "One connection is expected; cocod-rest is started "
					       "by cocod-rest.socket, not by hand");
	*ret = SYSTEMD_FDS_START;
	return 0;
}

/* The status to answer the request with, and with 200 @ret has the secret. */
static int answer_to(const char *socket, int conn, const struct http_head *h,
		     struct rest_answer *ret)
{
	char path[BROKER_PATH_LEN];

	if (!streq(h->method, "GET"))
		return 405;
	if (h->query || !cdh_target_parse(h->path, path))
		return 404;
	return rest_ask(socket, conn, path, ret);
}

/* What goes wrong with the peer is not logged: anybody could fill the journal with it. */
static void serve(const char *socket, int conn)
{
	struct rest_answer answer = { .fd = -EBADF };
	char buffer[HTTP_HEAD_MAX];
	struct http_head h;
	uint64_t deadline;
	int status, r;

	status = rest_http_read(conn, now_usec() + READ_USEC, buffer, &h);
	if (status == 0)
		status = answer_to(socket, conn, &h, &answer);
	deadline = now_usec() + SEND_USEC;
	r = status < 0 ? status : rest_http_reply(conn, (unsigned)status, answer.secret, deadline);
	if (r >= 0)
		r = rest_http_finish(conn, deadline);
	if (r >= 0 && status == 200) {
		r = rest_delivered(&answer);
		if (r < 0)
			log_warning_errno(r, "Failed to tell cocod that a secret is delivered: %m");
	}
	rest_answer_done(&answer);
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { NULL };
	int conn, r;

	log_open("cocod-rest");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args) < 0 ? -EINVAL : 1;
	if (r <= 0)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (prctl(PR_SET_DUMPABLE, 0) < 0) {
		log_error_errno(errno, "Failed to keep this process out of core dumps: %m");
		return EXIT_FAILURE;
	}
	if (connection_of(&conn) < 0)
		return EXIT_FAILURE;
	serve(args.socket ? args.socket : COCOD_REST_SOCKET, conn);
	return EXIT_SUCCESS;
}
