/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes between two sockets.  The other ends of both are this test's. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "net/relay.h"

#include <cmocka.h>

struct fixture {
	struct relay *relay;
	int a, b;
};

static void begin(struct fixture *f)
{
	int a[2], b[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	assert_int_equal(relay_new(a[0], b[0], &f->relay), 0);
	f->a = a[1];
	f->b = b[1];
}

static void end(struct fixture *f)
{
	f->relay = relay_free(f->relay);
	close_fd(f->a);
	close_fd(f->b);
}

static void expect(int fd, const char *text)
{
	char buf[64];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static void test_both_ways(void **state)
{
	struct pollfd p[2];
	struct fixture f;

	begin(&f);
	assert_false(relay_is_connected(f.relay));
	assert_int_equal(relay_move(f.relay), 1);
	assert_true(relay_is_connected(f.relay));
	relay_wants(f.relay, p);
	assert_int_equal(p[0].events, POLLIN);
	assert_int_equal(p[1].events, POLLIN);
	assert_int_equal(send(f.a, "there", 5, 0), 5);
	assert_int_equal(send(f.b, "back", 4, 0), 4);
	assert_int_equal(relay_move(f.relay), 1);
	expect(f.b, "there");
	expect(f.a, "back");
	end(&f);
}

/* The end of one direction comes behind its last byte, and the other direction goes on. */
static void test_half_closed(void **state)
{
	struct pollfd p[2];
	struct fixture f;
	char c;

	begin(&f);
	assert_int_equal(send(f.a, "last", 4, 0), 4);
	assert_int_equal(shutdown(f.a, SHUT_WR), 0);
	assert_int_equal(relay_move(f.relay), 1);
	assert_int_equal(relay_move(f.relay), 1);
	expect(f.b, "last");
	assert_int_equal(recv(f.b, &c, 1, 0), 0);
	/* Nothing more is wanted of a, whose end poll() would report again and again. */
	relay_wants(f.relay, p);
	assert_int_equal(p[0].fd, -1);
	assert_int_equal(p[1].events, POLLIN);
	assert_int_equal(send(f.b, "answer", 6, 0), 6);
	assert_int_equal(relay_move(f.relay), 1);
	expect(f.a, "answer");
	assert_int_equal(shutdown(f.b, SHUT_WR), 0);
	assert_int_equal(relay_move(f.relay), 0);
	end(&f);
}

/* A side that does not read stops the other one, and no byte is lost. */
static void test_full(void **state)
{
	size_t sent = 0, received = 0;
	struct pollfd p[2];
	uint8_t block[4096];
	struct fixture f;
	bool waited = false;
	ssize_t n;

	begin(&f);
	for (unsigned i = 0; i < 10000 && !waited; i++) {
		for (size_t k = 0; k < sizeof(block); k++)
			block[k] = (uint8_t)((sent + k) % 251);
		n = send(f.a, block, sizeof(block), 0);
		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(relay_move(f.relay), 1);
		waited = n < 0;
	}
	assert_true(waited);
	relay_wants(f.relay, p);
	assert_int_equal(p[0].fd, -1);
	assert_int_equal(p[1].events, POLLIN | POLLOUT);
	while (received < sent) {
		n = recv(f.b, block, sizeof(block), 0);
		if (n < 0) {
			assert_int_equal(relay_move(f.relay), 1);
			continue;
		}
		for (size_t k = 0; k < (size_t)n; k++)
			assert_int_equal(block[k], (received + k) % 251);
		received += (size_t)n;
	}
	end(&f);
}

static void test_broken(void **state)
{
	struct fixture f;

	begin(&f);
	assert_int_equal(relay_move(f.relay), 1);
	assert_int_equal(send(f.a, "x", 1, 0), 1);
	f.b = close_fd(f.b);
	assert_int_equal(relay_move(f.relay), -EPIPE);
	end(&f);
}

/* A port at which nobody listens. */
static void test_refused(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0), far, pair[2], r;
	socklen_t len = sizeof(to);
	struct relay *relay;
	struct pollfd p[2];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	far = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(far, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(relay_new(pair[0], far, &relay), 0);
	relay_wants(relay, p);
	assert_int_equal(p[0].fd, -1);
	assert_int_equal(p[1].events, POLLOUT);
	do
		r = relay_move(relay);
	while (r == 1 && poll(p, 2, 1000) > 0);
	assert_int_equal(r, -ECONNREFUSED);
	assert_false(relay_is_connected(relay));
	relay_free(relay);
	close(pair[1]);
	close(listener);
	assert_null(relay_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways), cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_full),	  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
