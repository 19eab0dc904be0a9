/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a monitor says, in whatever pieces: the client ends with an answer or an error, and
 * its text is printable.
 */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/output.h"
#include "inject/host/qmp.h"

/* What a socket pair holds before anybody reads. */
#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(closep) int peer = -EBADF;
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	int fds[2], r;

	if (len > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	peer = fds[1];
	r = write_full(peer, data, len);
	assert(r == 0);
	(void) shutdown(peer, SHUT_WR);

	r = qmp_new(fds[0], /* timeout_usec= */ 60 * 1000000ULL, &q);
	if (r < 0)
		close_fd(fds[0]);
	while (r == 0 || (q && r == -EREMOTEIO)) {
		_cleanup_(json_putp) struct json_object *o = NULL;

		r = qmp_call(q, "query-sev", NULL, &o);
		assert(r == 0 || !o);
		for (const char *p = qmp_error_desc(q); *p; p++)
			assert((unsigned char)*p >= ' ' && *p != 0x7f);
	}
	/* All input ends. */
	assert(r == -ECONNRESET || r == -EPROTO || r == -ERANGE || r == -EREMOTEIO);
	return 0;
}
