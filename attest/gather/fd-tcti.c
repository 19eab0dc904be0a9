/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/fd-tcti.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "wire/bytes.h"

#define TPM_HEADER_LEN 10	/* tag 2, size 4, code 4; big-endian */
#define ANSWER_USEC 30000000

#define FD_TCTI_MAGIC 0x636f636f66640001ull

static struct fd_tcti *fd_tcti(TSS2_TCTI_CONTEXT *t)
{
	return (struct fd_tcti *)t;
}

static TSS2_RC fd_transmit(TSS2_TCTI_CONTEXT *t, size_t len, const uint8_t *command)
{
	fd_tcti(t)->error = write_full(fd_tcti(t)->fd, command, len);
	return fd_tcti(t)->error < 0 ? TSS2_TCTI_RC_IO_ERROR : TSS2_RC_SUCCESS;
}

/*
 * Wait until something can be read.  The deadline is for the whole response: a peer that sends a
 * byte now and then gets no more time.
 */
static int wait_readable(int fd, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now = now_usec();
		int n;

		if (now >= deadline)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((deadline - now + 999) / 1000));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/*
 * Read a response: from the device in one piece, from a socket in as many as come.  Returns its
 * length or a negative errno.
 */
static ssize_t read_response(int fd, uint8_t *buf, size_t size)
{
	uint64_t deadline = now_usec() + ANSWER_USEC;
	size_t n = 0, want = TPM_HEADER_LEN;

	while (n < want) {
		ssize_t k = wait_readable(fd, deadline);

		if (k == 0)
			k = read(fd, buf + n, size - n) ?: -EPIPE;
		if (k == -1)
			k = -errno;
		if (k == -EINTR || k == -EAGAIN)
			continue;
		if (k < 0)
			return k;
		n += (size_t)k;
		if (n >= TPM_HEADER_LEN)
			want = get_u32be(buf + 2);
		if (want < TPM_HEADER_LEN || want > size || n > want)
			return -EBADMSG;
	}
	return (ssize_t)n;
}

static TSS2_RC fd_receive(TSS2_TCTI_CONTEXT *t, size_t *size, uint8_t *response, int32_t timeout)
{
	ssize_t n;

	if (!response) {
		*size = TPM2_MAX_RESPONSE_SIZE;
		return TSS2_RC_SUCCESS;
	}
	if (*size < TPM_HEADER_LEN)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	n = read_response(fd_tcti(t)->fd, response, *size);
	if (n < 0) {
		fd_tcti(t)->error = (int)n;
		return TSS2_TCTI_RC_IO_ERROR;
	}
	*size = (size_t)n;
	return TSS2_RC_SUCCESS;
}

static void fd_finalize(TSS2_TCTI_CONTEXT *t)
{
}

void fd_tcti_init(struct fd_tcti *t, int fd)
{
	*t = (struct fd_tcti){
		.common = {
			.magic = FD_TCTI_MAGIC,
			.version = 1,
			.transmit = fd_transmit,
			.receive = fd_receive,
			.finalize = fd_finalize,
		},
		.fd = fd,
	};
}
