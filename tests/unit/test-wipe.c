/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libevent and OpenSSL give back is zero.  free() is this test's: it keeps the memory, so that
 * the test may look at it.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <openssl/crypto.h>

#include "base/macro.h"
#include "broker/serve/wipe.h"

#include <cmocka.h>

#define SECRET "a secret that nobody may find again"

void __real_free(void *p);
void __wrap_free(void *p);

static void *freed[1000];
static unsigned n_freed;
static bool watched;
static int too_late;

void __wrap_free(void *p)
{
	if (watched && p && n_freed < ARRAY_SIZE(freed))
		freed[n_freed++] = p;
	else
		__real_free(p);
}

static void watch(void)
{
	n_freed = 0;
	watched = true;
}

/* All that was given back is zero.  Returns how many blocks there were. */
static unsigned look(void)
{
	unsigned n = n_freed;

	watched = false;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = freed[i];

		for (size_t k = 0; k < malloc_usable_size(freed[i]); k++)
			assert_int_equal(p[k], 0);
		__real_free(freed[i]);
	}
	return n;
}

static void test_openssl(void **state)
{
	char *p, *other;

	watch();
	p = OPENSSL_strdup(SECRET);
	OPENSSL_free(p);
	assert_int_equal(look(), 1);
	watch();
	p = OPENSSL_strdup(SECRET);
	other = OPENSSL_realloc(p, 100000);
	assert_string_equal(other, SECRET);
	assert_ptr_not_equal(p, other);
	/* What it shrinks by is wiped as well. */
	strcpy(other + 90000, SECRET);
	other = OPENSSL_realloc(other, 60000);
	for (size_t i = 60000; i < malloc_usable_size(other); i++)
		assert_int_equal(other[i], 0);
	other = OPENSSL_realloc(other, 50);
	assert_string_equal(other, SECRET);
	assert_null(OPENSSL_realloc(other, 0));
	assert_int_equal(look(), 3);
	OPENSSL_free(NULL);
	p = OPENSSL_realloc(NULL, 10);
	assert_non_null(p);
	OPENSSL_free(p);
}

static void test_libevent(void **state)
{
	struct evbuffer *b;

	watch();
	b = evbuffer_new();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(evbuffer_add(b, SECRET, strlen(SECRET)), 0);
	assert_non_null(evbuffer_pullup(b, -1));
	assert_int_equal(evbuffer_drain(b, 1000), 0);
	evbuffer_free(b);
	assert_true(look() > 2);
}

/* A process in which OpenSSL has allocated before. */
static void test_too_late(void **state)
{
	assert_int_equal(too_late, 0);
}

/* Exits with 0 if the call is refused. */
static int try_too_late(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		OPENSSL_free(OPENSSL_strdup("something"));
		_exit(wipe_install() == -EBUSY ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl),
		cmocka_unit_test(test_libevent),
		cmocka_unit_test(test_too_late),
	};

	too_late = try_too_late();
	if (wipe_install() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
