/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/oom/failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t len);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *p);

static unsigned long fail_at, n_calls;
static bool has_failed;
static long n_blocks;

void failing_at(unsigned long n)
{
	fail_at = n;
	n_calls = 0;
	has_failed = false;
}

bool failing_has(void)
{
	return has_failed;
}

unsigned long failing_count(void)
{
	return n_calls;
}

long failing_blocks(void)
{
	return __atomic_load_n(&n_blocks, __ATOMIC_RELAXED);
}

static bool fails(void)
{
	if (__atomic_add_fetch(&n_calls, 1, __ATOMIC_RELAXED) != fail_at)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

static void *count(void *p)
{
	if (p)
		__atomic_add_fetch(&n_blocks, 1, __ATOMIC_RELAXED);
	return p;
}

void *malloc(size_t len)
{
	return fails() ? NULL : count(__libc_malloc(len));
}

void *calloc(size_t n, size_t len)
{
	return fails() ? NULL : count(__libc_calloc(n, len));
}

void *realloc(void *p, size_t len)
{
	if (p && len == 0) {
		free(p);
		return NULL;
	}
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, len) : count(__libc_realloc(p, len));
}

void *reallocarray(void *p, size_t n, size_t len)
{
	size_t all;

	if (__builtin_mul_overflow(n, len, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *memalign(size_t align, size_t len)
{
	return fails() ? NULL : count(__libc_memalign(align, len));
}

void *aligned_alloc(size_t align, size_t len)
{
	return memalign(align, len);
}

int posix_memalign(void **ret, size_t align, size_t len)
{
	void *p = memalign(align, len);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

void free(void *p)
{
	if (p)
		__atomic_sub_fetch(&n_blocks, 1, __ATOMIC_RELAXED);
	__libc_free(p);
}

#ifdef FAILING_PRELOAD
/*
 * When loaded before a program: a crash reports its place in a form for tests/oom/units.  The
 * test framework's handler must not take the crash for a failed test.
 */
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static bool is_crash(int sig)
{
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		if (crashes[i] == sig)
			return true;
	return false;
}

static int set_handler(int sig, const struct sigaction *action, struct sigaction *old)
{
	int (*real)(int, const struct sigaction *, struct sigaction *);

	*(void **)&real = dlsym(RTLD_NEXT, "sigaction");
	return real(sig, action, old);
}

int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
	return set_handler(sig, is_crash(sig) ? NULL : action, old);
}

__sighandler_t signal(int sig, __sighandler_t handler)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	return sigaction(sig, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static void say(int sig)
{
	static const char word[] = "CRASH\n";
	void *frames[48];
	int n = backtrace(frames, 48);

	(void) !write(STDERR_FILENO, word, sizeof(word) - 1);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
	_exit(99);
}

/*
 * OpenSSL makes its first objects when they are needed, and some versions crash or wait for ever
 * where there is no memory for that.  Nothing of the program was handed to it by then.
 */
static void begin_with_openssl(void)
{
	int (*random)(unsigned char *, int), (*digest)(const void *, size_t, unsigned char *,
						       unsigned *, const void *, void *);
	const void *(*sha[2])(void);
	void *(*parse)(void **, const unsigned char **, long), *(*gen)(void *, const char *,
								       const char *, ...);
	void (*release)(void *);
	const unsigned char nothing[] = { 0x30, 0 }, *p = nothing;
	unsigned char bytes[64];
	void *key;

	*(void **)&random = dlsym(RTLD_DEFAULT, "RAND_priv_bytes");
	*(void **)&digest = dlsym(RTLD_DEFAULT, "EVP_Digest");
	*(void **)&sha[0] = dlsym(RTLD_DEFAULT, "EVP_sha256");
	*(void **)&sha[1] = dlsym(RTLD_DEFAULT, "EVP_sha384");
	*(void **)&gen = dlsym(RTLD_DEFAULT, "EVP_PKEY_Q_keygen");
	*(void **)&release = dlsym(RTLD_DEFAULT, "EVP_PKEY_free");
	*(void **)&parse = dlsym(RTLD_DEFAULT, "d2i_X509_CRL");
	if (!random || !digest || !sha[0] || !sha[1] || !gen || !release || !parse)
		return;
	(void) random(bytes, 1);
	*(void **)&random = dlsym(RTLD_DEFAULT, "RAND_bytes");
	if (random)
		(void) random(bytes, 1);
	for (int i = 0; i < 2; i++)
		(void) digest("", 0, bytes, NULL, sha[i](), NULL);
	key = gen(NULL, NULL, "EC", "P-256");
	if (key)
		release(key);
	(void) parse(NULL, &p, sizeof(nothing));
}

__attribute__((constructor)) static void start(void)
{
	const char *at = getenv("COCO_FAIL_AT");
	void *frames[4];

	/* What the test runs has memory. */
	(void) unsetenv("LD_PRELOAD");
	begin_with_openssl();
	/* The first call loads a library, which needs memory. */
	(void) backtrace(frames, 4);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		struct sigaction action = { .sa_handler = say };

		(void) set_handler(crashes[i], &action, NULL);
	}
	failing_at(at ? strtoul(at, NULL, 10) : 0);
}

/* Report how many allocations there were, when COCO_FAIL_COUNT asks for that. */
__attribute__((destructor)) static void stop(void)
{
	char text[24];
	size_t n = sizeof(text);
	unsigned long v = n_calls;

	if (!getenv("COCO_FAIL_COUNT"))
		return;
	text[--n] = '\n';
	do
		text[--n] = (char)('0' + v % 10);
	while (v /= 10);
	(void) !write(STDERR_FILENO, "COUNT ", 6);
	(void) !write(STDERR_FILENO, text + n, sizeof(text) - n);
}
#endif
