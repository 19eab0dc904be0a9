/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenSSL that is loaded when it is needed: there, not there, another library in its place; by
 * whichever function comes first.  Which library is loaded is the test's.
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/openssl-late.h"
#include "crypto/openssl-names.h"

#include <cmocka.h>

#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

static const char *const names[] = {
#define TEXT(name) #name,
	OPENSSL_NAMES(TEXT)
};

extern void *openssl_slots[ARRAY_SIZE(names)];

static const char *instead;
static unsigned n_opened;

void *__real_dlopen(const char *soname, int flags);
void *__wrap_dlopen(const char *soname, int flags);
void *__wrap_dlopen(const char *soname, int flags)
{
	n_opened++;
	assert_string_equal(soname, "libcrypto.so.3");
	return __real_dlopen(instead ? instead : soname, flags);
}

/* What @run exits with, in a process where nothing is loaded yet; -1 if it is killed. */
static int exit_of(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void) signal(SIGSEGV, SIG_DFL);
		_exit(run());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int load_fails(void)
{
	struct cause why = { "" };

	for (unsigned i = 0; i < 3; i++)
		if (openssl_load(&why) != -ELIBACC || !strstr(why.text, "OpenSSL cannot be loaded"))
			return 90;
	/* Again, and now it is there. */
	instead = NULL;
	return openssl_load(&why) == 0 && EVP_sha256() ? 80 : 91;
}

/* Not 0 and not the end by a signal. */
static int goes_on_without(void)
{
	(void) EVP_sha256();
	return 92;
}

static void test_not_there(void **state)
{
	instead = "libcoco-nowhere.so.9";
	assert_int_equal(exit_of(load_fails), 80);
	assert_int_equal(exit_of(goes_on_without), EXIT_FAILURE);
}

/* It has none of the functions. */
static void test_too_old(void **state)
{
	instead = "libc.so.6";
	assert_int_equal(exit_of(load_fails), 80);
	assert_int_equal(exit_of(goes_on_without), EXIT_FAILURE);
}

/* Six arguments, all of which count; the hash is asked of the library itself. */
static int digest_first(void)
{
	static const uint8_t zeros[32], expected[4] = { 0x66, 0x68, 0x7a, 0xad };
	void *handle = __real_dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	const EVP_MD *(*sha256)(void);
	uint8_t sum[32];
	unsigned len = 0;

	*(void **)&sha256 = handle ? dlsym(handle, "EVP_sha256") : NULL;
	if (!sha256 || EVP_Digest(zeros, sizeof(zeros), sum, &len, sha256(), NULL) != 1)
		return 93;
	return len == 32 && memcmp(sum, expected, sizeof(expected)) == 0 && n_opened == 1 ? 80 : 94;
}

/* With "...". */
static int keygen_first(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	int good = key && EVP_PKEY_is_a(key, "EC");

	EVP_PKEY_free(key);
	return good ? 80 : 95;
}

static void test_first(void **state)
{
	instead = NULL;
	assert_int_equal(exit_of(digest_first), 80);
	assert_int_equal(exit_of(keygen_first), 80);
}

static int write_slot(void)
{
	*(void *volatile *)&openssl_slots[0] = (void *)&names;
	return 80;
}

static int write_loaded_slot(void)
{
	struct cause why;

	return openssl_load(&why) < 0 ? 80 : write_slot();
}

/* Nobody can put another function there. */
static void test_read_only(void **state)
{
	instead = NULL;
	assert_int_equal(exit_of(write_slot), -1);
	assert_int_equal(exit_of(write_loaded_slot), -1);
}

/* Each name leads to its own function; this loads it here, so it comes last. */
static void test_names(void **state)
{
	struct cause why = { "" };
	void *handle = __real_dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

	assert_non_null(handle);
	instead = NULL;
	assert_int_equal(openssl_load(&why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_non_null(openssl_slots[i]);
		assert_ptr_equal(openssl_slots[i], dlsym(handle, names[i]));
		if (i > 0)
			assert_true(strcmp(names[i - 1], names[i]) < 0);
	}
	n_opened = 0;
	assert_int_equal(openssl_load(&why), 0);
	assert_int_equal(n_opened, 0);
	(void) dlclose(handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_there),  cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_first),	   cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	return 77;	/* here programs are linked with libcrypto */
}

#endif
