/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/serve/watch.h"

static int add(struct watchers *w)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(watchers_add(w, fd[0]), 0);
	return fd[1];
}

static ssize_t next(int fd, char ret[static 5000])
{
	ssize_t n = recv(fd, ret, 4999, MSG_DONTWAIT);

	ret[n > 0 ? n : 0] = '\0';
	return n;
}

static void test_tell(void **state)
{
	_cleanup_(watchers_freep) struct watchers *w = NULL;
	char line[5000], large[4200];
	int a, b;

	watchers_tell(NULL, "{}");
	assert_int_equal(watchers_new(&w), 0);
	watchers_tell(w, "{\"nobody\":1}");
	a = add(w);
	b = add(w);
	watchers_tell(w, "{\"n\":1}");
	assert_true(next(a, line) > 0);
	assert_string_equal(line, "{\"n\":1}\n");
	assert_true(next(b, line) > 0);
	/* One that has gone does not stop the other. */
	close(a);
	watchers_tell(w, "{\"n\":2}");
	assert_true(next(b, line) > 0);
	memset(large, ' ', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	watchers_tell(w, large);
	assert_true(next(b, line) < 0);
	watchers_tell(w, "{\"n\":3}");
	assert_true(next(b, line) > 0);
	assert_string_equal(line, "{\"what\":\"lost\",\"n\":1}\n");
	assert_true(next(b, line) > 0);
	assert_string_equal(line, "{\"n\":3}\n");
	close(b);
}

/* One who does not read loses lines, is told how many, and delays nobody. */
static void test_slow(void **state)
{
	_cleanup_(watchers_freep) struct watchers *w = NULL;
	unsigned n = 0, lost = 0;
	char line[5000];
	int fd;

	assert_int_equal(watchers_new(&w), 0);
	fd = add(w);
	for (unsigned i = 0; i < 100000; i++)
		watchers_tell(w, "{\"n\":1}");
	while (next(fd, line) > 0)
		n++;
	assert_true(n > 0 && n < 100000);
	watchers_tell(w, "{\"n\":2}");
	assert_true(next(fd, line) > 0);
	assert_int_equal(sscanf(line, "{\"what\":\"lost\",\"n\":%u}", &lost), 1);
	assert_int_equal(lost + n, 100000);
	assert_true(next(fd, line) > 0);
	assert_string_equal(line, "{\"n\":2}\n");
	close(fd);
}

static void test_many(void **state)
{
	_cleanup_(watchers_freep) struct watchers *w = NULL;
	int fds[16], fd[2];

	assert_int_equal(watchers_new(&w), 0);
	for (size_t i = 0; i < 16; i++)
		fds[i] = add(w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(watchers_add(w, fd[0]), -EBUSY);
	/* It was taken over. */
	assert_int_equal(write(fd[0], "x", 1), -1);
	close(fd[1]);
	close(fds[3]);
	watchers_tell(w, "{}");
	fds[3] = add(w);
	for (size_t i = 0; i < 16; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tell),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
