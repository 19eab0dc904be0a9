/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/broker-fetch.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/status.h"
#include "ipc/secret-call.h"

/* TimeoutSec= of broker.conf is at most an hour; cocod answers by then. */
#define ANSWER_SEC (3600 + 60)

int broker_fetch(int fd, uint16_t type, const void *q, size_t len, struct msg_fetched *ret,
		 struct secret **ret_secret)
{
	const struct timeval patience = { .tv_sec = ANSWER_SEC };
	struct progress p;
	int r;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	progress_begin(&p, "the broker is asked");
	r = client_call(fd, type, q, len, -EBADF, ret, sizeof(*ret), NULL);
	progress_end(&p);
	if (r < 0)
		return r;
	ret->id[sizeof(ret->id) - 1] = ret->text[sizeof(ret->text) - 1] = '\0';
	make_printable(ret->id);
	make_printable(ret->text);
	*ret_secret = NULL;
	if (ret->error != NET_OK || ret->here)
		return 0;
	return secret_call_fetched(fd, ret->len, ret_secret);
}

int broker_fetch_done(int fd)
{
	return client_call(fd, MSG_FETCHED_DONE, NULL, 0, -EBADF, NULL, 0, NULL);
}

int broker_fetch_failed(const struct msg_fetched *m, const char *what)
{
	const char *text = m->text[0] ? m->text : net_error_text(m->error);

	log_error("Secret '%s' is not to be had: %s", what, text);
	return m->error < _NET_ERROR_MAX ? STATUS_BROKER + (int)m->error : STATUS_FAILED;
}
