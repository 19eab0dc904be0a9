/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/secret.h"

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

static void test_cause(void **state)
{
	char name[CAUSE_MAX + 10];
	struct cause c = { "" };

	assert_int_equal(cause_set(&c, -EBADMSG, "'%s' is no number", "x"), -EBADMSG);
	assert_string_equal(c.text, "'x' is no number");
	/* The system's errno is shown, but the caller gets another: EINVAL is an error of ours. */
	errno = EAGAIN;
	assert_int_equal(cause_set_io(&c, -EINVAL, "'%s': %m", "x"), -EIO);
	assert_string_equal(c.text, "'x': Invalid argument");
	assert_int_equal(cause_set_io(&c, EACCES, "'%s': %m", "x"), -EIO);
	assert_string_equal(c.text, "'x': Permission denied");
	assert_int_equal(cause_set_io(&c, -ENOMEM, "%m"), -ENOMEM);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(cause_set_oom(&c), -ENOMEM);
	assert_string_equal(c.text, "Out of memory");

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(cause_set(&c, -EIO, "%s", name), -EIO);
	assert_int_equal(strlen(c.text), CAUSE_MAX - 1);
}

static void test_numbers(void **state)
{
	uint64_t v = 7;
	uint32_t w = 7;

	assert_int_equal(parse_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("0xffffffffffffffff", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_u64("0x10000000000000000", &v), -ERANGE);
	assert_int_equal(parse_u32("4294967296", &w), -ERANGE);
	for (const char *const *s = (const char *const[]){ "", " 1", "1 ", "+1", "-1", "0x", "1a",
							   "x1", "0X1", NULL };
	     *s; s++)
		assert_int_equal(parse_u64(*s, &v), -EINVAL);
	assert_true(v == UINT64_MAX && w == 7);
}

static void test_words(void **state)
{
	uint64_t usec;
	uint8_t hex[2];
	char text[8];
	bool b;

	assert_int_equal(parse_bool("yes", &b), 0);
	assert_true(b);
	assert_int_equal(parse_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(parse_bool("Yes", &b), -EINVAL);
	assert_int_equal(parse_bool("", &b), -EINVAL);

	assert_int_equal(parse_usec("90", &usec), 0);
	assert_int_equal(usec, 90000000);
	assert_int_equal(parse_usec("250ms", &usec), 0);
	assert_int_equal(usec, 250000);
	assert_int_equal(parse_usec("7d", &usec), 0);
	assert_int_equal(usec, 7 * 86400 * UINT64_C(1000000));
	assert_int_equal(parse_usec("1min 30s", &usec), -EINVAL);
	assert_int_equal(parse_usec("s", &usec), -EINVAL);
	assert_int_equal(parse_usec("99999999999999999h", &usec), -ERANGE);
	/* As many digits as fit with a NUL, and one more. */
	assert_int_equal(parse_usec("000000000000000000000002s", &usec), -EINVAL);
	assert_int_equal(parse_usec("00000000000000000000002s", &usec), 0);
	assert_int_equal(usec, 2000000);
	/* The largest value that fits, and one more. */
	assert_int_equal(parse_usec("18446744073709551615us", &usec), 0);
	assert_true(usec == UINT64_MAX);
	assert_int_equal(parse_usec("18446744073709551ms", &usec), 0);
	assert_int_equal(parse_usec("18446744073709552ms", &usec), -ERANGE);

	assert_int_equal(parse_hex("0aF1", hex, 2), 0);
	assert_int_equal(hex[0], 0x0a);
	assert_int_equal(hex[1], 0xf1);
	assert_int_equal(parse_hex("0aF", hex, 2), -EINVAL);
	assert_int_equal(parse_hex("0aFg", hex, 2), -EINVAL);
	format_hex(hex, 2, text);
	assert_string_equal(text, "0af1");
	format_hex(hex, 0, text);
	assert_string_equal(text, "");

	assert_true(name_is_valid("disk-0.key", 10));
	assert_false(name_is_valid("disk-0.key", 9));
	for (const char *const *s = (const char *const[]){ "", ".", "..", ".a", "-a", "a/b", "a b",
							   "a\n", "\xc3\xa9", NULL };
	     *s; s++)
		assert_false(name_is_valid(*s, 10));
}

/* Find what smaps says about the mapping that holds @p. */
static void vm_flags(const void *p, char *ret, size_t len)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	bool inside = false;
	char line[256];

	assert_non_null(f);
	*ret = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)p >= from && (unsigned long)p < to;
		else if (inside && startswith(line, "VmFlags:"))
			snprintf(ret, len, "%s", line);
	}
}

static void test_secret_pages(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	char flags[256];
	int status;
	pid_t pid;

	assert_int_equal(secret_new(10000, &s), 0);
	memset(secret_bytes(s), 0xa5, 10000);
	vm_flags(secret_data(s), flags, sizeof(flags));
#if !WITH_ASAN	/* AddressSanitizer turns mlock() into nothing */
	assert_non_null(strstr(flags, " lo "));
#endif
	assert_non_null(strstr(flags, " dd "));
	assert_non_null(strstr(flags, " wf "));

	/* A child sees zeros, and the byte after the last page does not exist. */
	pid = fork();
	if (pid == 0)
		_exit(secret_data(s)[0] == 0 && secret_data(s)[9999] == 0 ? 0 : 1);
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	pid = fork();
	if (pid == 0) {
		volatile const uint8_t *end = (const uint8_t *)(((uintptr_t)secret_data(s) + 10000 +
								 4095) &
								~(uintptr_t)4095);

		signal(SIGSEGV, SIG_DFL);	/* a sanitizer would turn it into an exit status */
		_exit(*end);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

static void test_secret_size(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL, *t = NULL;

	assert_int_equal(secret_new(SECRET_MAX + 1, &s), -EMSGSIZE);
	assert_null(s);
	assert_int_equal(secret_new(0, &s), 0);
	assert_int_equal(secret_len(s), 0);
	assert_int_equal(secret_new(5, &t), 0);
	assert_false(secret_equal(s, t));
	memcpy(secret_bytes(t), "abcde", 5);
	secret_truncate(t, 2);
	assert_int_equal(secret_len(t), 2);
	assert_memory_equal(secret_data(t), "ab\0\0\0", 5);
}

static void test_secret_read(void **state)
{
	static const size_t sizes[] = { 0, 1, 3999, 4000, 4001, 8000, 100000, 1 << 20 };
	uint8_t *data = malloc(1 << 20);

	assert_non_null(data);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(secret_freep) struct secret *s = NULL, *again = NULL;
		_cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC);

		assert_int_equal(write_full(fd, data, sizes[i]), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(secret_read(fd, SECRET_MAX, &s), 0);
		assert_int_equal(secret_len(s), sizes[i]);
		assert_memory_equal(secret_data(s), data, sizes[i]);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(secret_read(fd, sizes[i], &again), 0);
		assert_true(secret_equal(s, again));
		if (sizes[i] > 0) {
			secret_freep(&again);
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			assert_int_equal(secret_read(fd, sizes[i] - 1, &again), -EMSGSIZE);
			assert_null(again);
			secret_bytes(s)[sizes[i] - 1] ^= 1;
		}
	}
	free(data);
}

static void test_write_atomic(void **state)
{
	char dir[] = "/tmp/test-base.XXXXXX", path[64];
	_cleanup_(freep) char *back = NULL;
	size_t len;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(write_file_atomic(path, "one", 3, 0600, true), 0);
	assert_int_equal(write_file_atomic(path, "two", 3, 0600, true), -EEXIST);
	assert_int_equal(read_file_at(AT_FDCWD, path, 3, &back, &len), 0);
	assert_string_equal(back, "one");
	assert_int_equal(write_file_atomic(path, "three", 5, 0600, false), 0);
	freep(&back);
	back = NULL;
	assert_int_equal(read_file_at(AT_FDCWD, path, 4, &back, &len), -EFBIG);
	assert_int_equal(read_file_at(AT_FDCWD, path, 5, &back, &len), 0);
	assert_string_equal(back, "three");
	assert_int_equal(unlink(path), 0);
	/* No temporary file is left behind. */
	assert_int_equal(rmdir(dir), 0);
}

static void assert_reads(int fd, size_t max, size_t want)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_file_fd(fd, max, &text, &len), 0);
	assert_int_equal(len, want);
	assert_int_equal(strspn(text, "x"), want);
	assert_int_equal(text[want], '\0');
}

/* As long as it says, or longer, as a file of procfs is. */
static void test_read_file(void **state)
{
	static char data[8192];
	_cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	int pipefd[2];

	memset(data, 'x', sizeof(data));
	assert_true(fd >= 0);
	assert_reads(fd, 100, 0);
	assert_int_equal(write(fd, data, 99), 99);
	assert_reads(fd, 100, 99);
	assert_int_equal(write(fd, data, 1), 1);
	assert_reads(fd, 100, 100);
	assert_int_equal(write(fd, data, 1), 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_file_fd(fd, 100, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(read_file_at(AT_FDCWD, "/proc/self/status", 65536, &text, NULL), 0);
	assert_non_null(strstr(text, "VmPeak"));

	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(write(pipefd[1], data, 5000), 5000);
	close(pipefd[1]);
	freep(&text);
	assert_int_equal(read_file_fd(pipefd[0], 8192, &text, NULL), 0);
	assert_int_equal(strlen(text), 5000);
	close(pipefd[0]);
}

static size_t grow_to;

/* Between fstat() and the first read() the file becomes longer. */
int __wrap_fstat(int fd, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (grow_to > 0) {
		static char data[8192];

		memset(data, 'x', sizeof(data));
		assert_int_equal(pwrite(fd, data, grow_to, 0), grow_to);
	}
	return r;
}

static void test_read_file_that_grows(void **state)
{
	_cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(freep) char *text = NULL;

	assert_int_equal(write(fd, "xxx", 3), 3);
	grow_to = 4;
	assert_reads(fd, 4096, 4);
	grow_to = 4096;
	assert_reads(fd, 4096, 4096);
	assert_int_equal(ftruncate(fd, 3), 0);
	grow_to = 4097;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_file_fd(fd, 4096, &text, NULL), -EFBIG);
	grow_to = 0;
}

static void test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} good[] = {
		{ "1970-01-01", 0 },
		{ "2026-01-31", 1769817600 },
		{ "2026-01-31T12:00:00Z", 1769817600 + 12 * 3600 },
		{ "2026-01-31 12:00:00.999z", 1769817600 + 12 * 3600 },
		{ "2026-01-31t12:00:00+01:30", 1769817600 + 12 * 3600 - 5400 },
		{ "2024-02-29", 1709164800 },
	};
	static const char *const bad[] = {
		"", "2026", "2026-1-31", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-31T",
		"2026-01-31T12:00Z", "2026-01-31T12:00:00", "2026-01-31T24:00:00Z",
		"2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00Z ", " 2026-01-31", "2026-01-31x",
	};
	int64_t t = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(time_parse(good[i].text, &t), 0);
		assert_int_equal(t, good[i].time);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(time_parse(bad[i], &t), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cause),	    cmocka_unit_test(test_dates),
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_words),
		cmocka_unit_test(test_secret_pages), cmocka_unit_test(test_secret_size),
		cmocka_unit_test(test_secret_read),  cmocka_unit_test(test_write_atomic),
		cmocka_unit_test(test_read_file),    cmocka_unit_test(test_read_file_that_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
