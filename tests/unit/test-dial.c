/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first address that answers.  The resolver is a list of the test's; an address that leads
 * nowhere is a listener whose queue is full, whose kernel drops what comes.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "inject/host/dial.h"

#include <cmocka.h>

#define ADDRESSES 4

static struct sockaddr_in addresses[ADDRESSES];
static struct addrinfo list[ADDRESSES];
static unsigned n_addresses;
static unsigned n_freed;

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	assert_string_equal(host, "broker.test");
	assert_string_equal(port, "8443");
	assert_int_equal(hints->ai_socktype, SOCK_STREAM);
	if (n_addresses == 0)
		return EAI_AGAIN;
	for (unsigned i = 0; i < n_addresses; i++)
		list[i] = (struct addrinfo){ .ai_family = AF_INET,
					     .ai_socktype = SOCK_STREAM,
					     .ai_addrlen = sizeof(addresses[i]),
					     .ai_addr = (struct sockaddr *)&addresses[i],
					     .ai_next = i + 1 < n_addresses ? &list[i + 1] : NULL };
	*ret = list;
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *l);
void __wrap_freeaddrinfo(struct addrinfo *l)
{
	assert_ptr_equal(l, list);
	n_freed++;
}

/* Returns a listener with an address in @ret. */
static int listen_somewhere(int backlog, struct sockaddr_in *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret = a;
	return fd;
}

/* What is there to be closed: a listener, and those who wait for it. */
static int nowhere[4], server;
static struct sockaddr_in at_nowhere, at_server, at_nobody;

static int start(void **state)
{
	int fd = listen_somewhere(1, &at_nobody);

	close(fd);
	server = listen_somewhere(8, &at_server);
	nowhere[0] = listen_somewhere(0, &at_nowhere);
	for (size_t i = 1; i < ARRAY_SIZE(nowhere); i++) {
		nowhere[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void) connect(nowhere[i], (struct sockaddr *)&at_nowhere, sizeof(at_nowhere));
	}
	return 0;
}

static int stop(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++)
		close(nowhere[i]);
	return close(server);
}

/* Returns what dial() does, and how long it took. */
static int dial_within(int timeout_msec, unsigned *ret_msec)
{
	uint64_t since = now_usec();
	const char *why = NULL;
	int fd = dial("broker.test", "8443", timeout_msec, &why);

	*ret_msec = (unsigned)((now_usec() - since) / 1000);
	assert_true((fd == -ENXIO) == (why != NULL));
	return fd;
}

static void assert_reached(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(a.sin_port, at_server.sin_port);
	close(fd);
}

static void test_first(void **state)
{
	unsigned msec;

	addresses[0] = at_server;
	n_addresses = 1;
	assert_reached(dial_within(5000, &msec));
	/* Nobody listens, and then somebody does: nothing is waited for. */
	addresses[0] = addresses[1] = at_nobody;
	addresses[2] = at_server;
	n_addresses = 3;
	assert_reached(dial_within(5000, &msec));
	assert_true(msec < 200);
	/* Addresses that cannot even be tried. */
	addresses[0].sin_addr.s_addr = addresses[1].sin_addr.s_addr = htonl(INADDR_BROADCAST);
	assert_reached(dial_within(5000, &msec));
	assert_true(msec < 200);
}

static void test_nowhere(void **state)
{
	unsigned msec;

	addresses[0] = at_nowhere;
	addresses[1] = at_server;
	n_addresses = 2;
	assert_reached(dial_within(5000, &msec));
	assert_true(msec >= 200 && msec < 2000);
	/* Alone it takes the time that there is. */
	n_addresses = 1;
	assert_int_equal(dial_within(400, &msec), -ETIMEDOUT);
	assert_true(msec >= 390 && msec < 2000);
}

static void test_nobody(void **state)
{
	unsigned msec, freed;

	addresses[0] = addresses[1] = at_nobody;
	n_addresses = 2;
	freed = n_freed;
	assert_int_equal(dial_within(5000, &msec), -ECONNREFUSED);
	assert_int_equal(n_freed, freed + 1);
	assert_true(msec < 1000);
	n_addresses = 0;
	assert_int_equal(dial_within(5000, &msec), -ENXIO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
