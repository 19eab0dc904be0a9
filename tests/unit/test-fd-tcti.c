/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TPM behind a descriptor: whole responses, responses in pieces, and a peer that waits or gives a
 * wrong length.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attest/gather/fd-tcti.h"
#include "base/io.h"
#include "wire/bytes.h"

#include <cmocka.h>

#define HEADER 10

static struct fixture {
	int peer;
	struct fd_tcti t;
	uint8_t buf[64];
	size_t size;
} f;

/* The clock moves on by this much with each poll(); 0: it is the real one. */
static long step_sec;
static long now_sec;
static unsigned n_polls;
static int poll_error;	/* the next call fails with it */
static bool poll_lies;	/* the next call says that something is there */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	n_polls++;
	now_sec += step_sec;
	if (poll_error) {
		errno = poll_error;
		poll_error = 0;
		return -1;
	}
	if (poll_lies) {
		poll_lies = false;
		return 1;
	}
	/* Nobody waits for long here. */
	assert_true(timeout > 0 && timeout <= 30000);
	return __real_poll(fds, n, step_sec ? 0 : timeout);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	if (!step_sec)
		return __real_clock_gettime(id, ret);
	*ret = (struct timespec){ .tv_sec = now_sec };
	return 0;
}

/* Each message to such a socket is read by itself, as from the device. */
static int setup(void **state)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	f.peer = fds[0];
	f.size = sizeof(f.buf);
	memset(f.buf, 0xee, sizeof(f.buf));
	fd_tcti_init(&f.t, fds[1]);
	step_sec = now_sec = 0;
	n_polls = 0;
	poll_error = 0;
	poll_lies = false;
	return 0;
}

static int teardown(void **state)
{
	close_fd(f.peer);
	close_fd(f.t.fd);
	return 0;
}

static TSS2_TCTI_CONTEXT *tcti(void)
{
	return (TSS2_TCTI_CONTEXT *)&f.t;
}

/* A response says of itself that it has @says bytes; @len are sent, in pieces of @piece. */
static void answer(uint32_t says, size_t len, size_t piece)
{
	uint8_t all[80];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i + 1);
	all[2] = (uint8_t)(says >> 24);
	all[3] = (uint8_t)(says >> 16);
	all[4] = (uint8_t)(says >> 8);
	all[5] = (uint8_t)says;
	for (size_t at = 0; at < len; at += piece)
		assert_true(send(f.peer, all + at, MIN(piece, len - at), 0) > 0);
}

static TSS2_RC receive(void)
{
	f.size = sizeof(f.buf);
	return f.t.common.receive(tcti(), &f.size, f.buf, TSS2_TCTI_TIMEOUT_BLOCK);
}

static void assert_received(size_t len)
{
	assert_int_equal(receive(), TSS2_RC_SUCCESS);
	assert_int_equal(f.size, len);
	assert_int_equal(f.buf[0], 1);
	assert_int_equal(f.buf[len - 1], len);
	if (len < sizeof(f.buf))
		assert_int_equal(f.buf[len], 0xee);
	assert_int_equal(f.t.error, 0);
}

static void assert_fails(int error)
{
	assert_int_equal(receive(), TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(f.t.error, error);
}

static void test_transmit(void **state)
{
	uint8_t got[16];

	assert_int_equal(f.t.common.transmit(tcti(), 5, (const uint8_t *)"abcde"), TSS2_RC_SUCCESS);
	assert_int_equal(recv(f.peer, got, sizeof(got), 0), 5);
	assert_memory_equal(got, "abcde", 5);
	assert_int_equal(f.t.error, 0);
	close_fd(f.peer);
	f.peer = -EBADF;
	assert_int_equal(f.t.common.transmit(tcti(), 5, (const uint8_t *)"abcde"),
			 TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(f.t.error, -EPIPE);
}

/* The caller asks first how much room it needs; less than a header is refused. */
static void test_room(void **state)
{
	uint8_t got[HEADER];
	size_t size = 0;

	assert_int_equal(f.t.common.receive(tcti(), &size, NULL, 0), TSS2_RC_SUCCESS);
	assert_int_equal(size, TPM2_MAX_RESPONSE_SIZE);
	answer(HEADER, HEADER, HEADER);
	size = HEADER - 1;
	assert_int_equal(f.t.common.receive(tcti(), &size, got, 0),
			 TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
	assert_int_equal(n_polls, 0);
	size = HEADER;
	assert_int_equal(f.t.common.receive(tcti(), &size, got, 0), TSS2_RC_SUCCESS);
	assert_int_equal(size, HEADER);
}

static void test_receive(void **state)
{
	static const size_t lengths[] = { HEADER, HEADER + 1, 63, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (size_t piece = lengths[i]; piece > 0; piece /= 3) {
			memset(f.buf, 0xee, sizeof(f.buf));
			answer((uint32_t)lengths[i], lengths[i], piece);
			assert_received(lengths[i]);
		}
	/* A message longer than the room is cut; nothing behind the room is overwritten. */
	answer(64, 80, 40);
	assert_received(64);
	/* One after the other: the next response is not begun. */
	answer(12, 12, 12);
	answer(20, 20, 20);
	memset(f.buf, 0xee, sizeof(f.buf));
	assert_received(12);
	assert_received(20);
}

static void test_wrong_length(void **state)
{
	static const struct {
		uint32_t says;
		size_t len, piece;
	} rows[] = {
		{ 0, HEADER, HEADER },
		{ HEADER - 1, HEADER, HEADER },
		{ 65, 64, 64 },		/* more than there is room for */
		{ 0xffffffff, 20, 20 },
		{ 0x0100000a, 10, 10 },	/* the highest byte counts */
		{ HEADER, HEADER + 1, HEADER + 1 },	/* and something behind it */
		{ 20, 30, 15 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		answer(rows[i].says, rows[i].len, rows[i].piece);
		assert_fails(-EBADMSG);
		while (recv(f.t.fd, f.buf, sizeof(f.buf), MSG_DONTWAIT) > 0)
			;
	}
}

/* The peer goes before it has said anything, within the header, and within the rest. */
static void test_cut_off(void **state)
{
	static const size_t lengths[] = { 0, HEADER - 1, HEADER, 19 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		answer(20, lengths[i], 64);
		close_fd(f.peer);
		assert_fails(-EPIPE);
		close_fd(f.t.fd);
		assert_int_equal(setup(state), 0);
	}
}

/* Half a minute is for the whole response, however often something comes. */
static void test_deadline(void **state)
{
	step_sec = 10;
	answer(20, 20, 5);
	assert_fails(-ETIMEDOUT);
	assert_int_equal(n_polls, 3);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	step_sec = 9;
	answer(20, 20, 5);
	assert_received(20);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	step_sec = 1;
	/* What failed before is not what fails now. */
	errno = EBADF;
	assert_fails(-ETIMEDOUT);
	assert_int_equal(n_polls, 30);
}

static void test_interrupted(void **state)
{
	poll_error = EINTR;
	answer(12, 12, 12);
	assert_received(12);
	assert_int_equal(n_polls, 2);
	/* The kernel may say that there is something, and find then that there is not. */
	assert_int_equal(fcntl(f.t.fd, F_SETFL, O_NONBLOCK), 0);
	step_sec = 1;
	poll_lies = true;
	assert_fails(-ETIMEDOUT);
	f.t.error = 0;
	poll_error = ENOMEM;
	assert_fails(-ENOMEM);
}

/* What tpm2-tss may call. */
static void test_table(void **state)
{
	assert_int_equal(TSS2_TCTI_VERSION(tcti()), 1);
	assert_true(TSS2_TCTI_MAGIC(tcti()) != 0);
	f.t.common.finalize(tcti());
	assert_true(f.t.fd >= 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_transmit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
	};

	(void) signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
