/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of cocod's request MSG_TOKEN_OPEN.  It runs within cryptsetup, systemd-cryptsetup or
 * another program: it starts no thread, changes no signal, prints nothing, and leaves nothing
 * behind.
 */
#include "cryptsetup/token-ask.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "ipc/client.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define AGAIN_USEC (250 * UINT64_C(1000))

struct conversation {
	const struct token_question *q;
	uint64_t deadline;	/* CLOCK_MONOTONIC */
	int fd;
	char *why;
};

_printf_(3, 4) static int give_up(struct conversation *c, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(c->why, TOKEN_WHY_LEN, format, ap);
	va_end(ap);
	return error;
}

/* ---- the connection ---- */

static uint64_t time_left(const struct conversation *c)
{
	uint64_t now = now_usec();

	return c->deadline > now ? c->deadline - now : 0;
}

/* No send and no receive may wait for longer than what is left. */
static int set_timeout(const struct conversation *c)
{
	uint64_t left = time_left(c);
	const struct timeval tv = {
		.tv_sec = (time_t)(left / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(left % USEC_PER_SEC),
	};

	/* Zero would be for ever. */
	if (left == 0)
		return -ETIMEDOUT;
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	return 0;
}

static int connect_to(struct conversation *c)
{
	uint64_t left = time_left(c);
	int r = left > 0 ? client_connect(c->q->socket, left, &c->fd) : -ETIMEDOUT;

	if (r == -EACCES || r == -EPERM)
		return give_up(c, -ENOENT, "only root may ask cocod");
	if (r == -ENOENT || r == -ECONNREFUSED)
		return give_up(c, -EAGAIN, "cocod is not running; try: systemctl start "
					   "cocod.socket");
	if (r == -EAGAIN || r == -ETIMEDOUT)
		return give_up(c, -EAGAIN, "cocod takes no more connections now");
	if (r < 0)
		return give_up(c, r, "cocod cannot be reached on '%s': %s", c->q->socket,
			       strerror(-r));
	return 0;
}

static int call(const struct conversation *c, uint16_t type, const void *body, size_t len,
		int pass_fd, void *reply, size_t size)
{
	int r = set_timeout(c);

	return r < 0 ? r : client_call(c->fd, type, body, len, pass_fd, reply, size, NULL);
}

/* What cocod answers as an errno, for people. */
static int refused(struct conversation *c, int r)
{
	const char *name = c->q->secret;

	switch (-r) {
	case ENOKEY:
		return give_up(c, -ENOENT, "cocod has no secret '%s'", name);
	case EKEYREVOKED:
		return give_up(c, -ENOENT, "secret '%s' was wiped", name);
	case EACCES:
		return give_up(c, -ENOENT,
			       "secret '%s' is not for tokens: its Consumers= does not have "
			       "'token'; see cocod.conf(5)",
			       name);
	case EPERM:
		return give_up(c, -ENOENT, "cocod gives no secret away; see: cococtl status");
	case EAGAIN:
		return give_up(c, -EAGAIN,
			       "cocod is still finding out whether it may give secrets away; see: "
			       "cococtl status");
	case ETIMEDOUT:
		return give_up(c, -EAGAIN, "cocod did not answer in time");
	case ECONNRESET:
	case EPIPE:
		return give_up(c, -EAGAIN, "cocod ended before it answered");
	case EPROTO:
		return give_up(c, -ENOENT, "cocod is of another version than this token plugin");
	default:
		return give_up(c, -ENOENT, "cocod does not give secret '%s': %s", name,
			       strerror(-r));
	}
}

/* ---- the header ---- */

/* What is judged does not change any more, whoever has the file too. */
static int header_to_file(const char *header, int *ret_fd)
{
	_cleanup_(closep) int fd = memfd_create("luks2-header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = write_full(fd, header, strlen(header));
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the key ---- */

static int ask_once(struct conversation *c, int header, struct msg_fetched *ret)
{
	struct msg_name q = { "" };

	(void) snprintf(q.name, sizeof(q.name), "%s", c->q->secret);
	return call(c, MSG_TOKEN_OPEN, &q, sizeof(q), header, ret, sizeof(*ret));
}

static int ask_key(struct conversation *c, int header, struct msg_fetched *ret)
{
	int r;

	while ((r = ask_once(c, header, ret)) == -EAGAIN && time_left(c) > AGAIN_USEC)
		(void) clock_nanosleep(CLOCK_MONOTONIC, 0,
				       &(struct timespec){ .tv_nsec = AGAIN_USEC * 1000 }, NULL);
	if (r < 0)
		return refused(c, r);
	if (ret->error == NET_OK)
		return 0;
	ret->text[sizeof(ret->text) - 1] = '\0';
	make_printable(ret->text);
	return give_up(c, -ENOENT, "cocod does not give secret '%s': %s", c->q->secret,
		       ret->text[0] ? ret->text : net_error_text(ret->error));
}

static int read_key(struct conversation *c, uint32_t len, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct msg_offset q = { 0 };
	int r;

	if (len == 0 || len > SECRET_MAX)
		return refused(c, -EPROTO);
	r = secret_new(len, &s);
	if (r < 0)
		return give_up(c, r, "no memory can be locked for the key: %s", strerror(-r));
	while (q.offset < len) {
		size_t room = MIN(len - q.offset, (uint32_t)MSG_BODY_MAX);

		r = call(c, MSG_FETCHED_READ, &q, sizeof(q), -EBADF, secret_bytes(s) + q.offset,
			 room);
		if (r < 0)
			return refused(c, r);
		q.offset += (uint32_t)room;
	}
	/* Without it nobody knows that the secret has been given away. */
	r = call(c, MSG_FETCHED_DONE, NULL, 0, -EBADF, NULL, 0);
	if (r < 0)
		return refused(c, r);
	*ret = TAKE_PTR(s);
	return 0;
}

static int talk(struct conversation *c, struct secret **ret)
{
	_cleanup_(closep) int header = -EBADF;
	struct msg_fetched fetched;
	int r;

	r = header_to_file(c->q->header, &header);
	if (r < 0)
		return give_up(c, r, "the header cannot be sent to cocod: %s", strerror(-r));
	r = connect_to(c);
	if (r >= 0)
		r = ask_key(c, header, &fetched);
	return r < 0 ? r : read_key(c, fetched.len, ret);
}

int token_ask(const struct token_question *q, struct secret **ret,
	      char why[static TOKEN_WHY_LEN])
{
	struct conversation c = {
		.q = q,
		.deadline = now_usec() + q->timeout_usec,
		.fd = -EBADF,
		.why = why,
	};
	int r;

	why[0] = '\0';
	r = talk(&c, ret);
	(void) close_fd(c.fd);
	return r;
}
