/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log and the register agree, whenever cocod stops. */
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/measure.h"
#include "base/io.h"
#include "base/parse.h"

#include <cmocka.h>

#define REGISTERS "/sys/devices/virtual/misc/tdx_guest/measurements"
#define PATH "default/luks/root"

/* Made by another program from the description of the format. */
static const char released_entry[] =
	"0400000006000000010000000c0005118cea03d885af5c12a7bc11ce6389a4a91c4c92a29e935d13d05c123e46"
	"283adc94129d1dac02000b0b33d9a5808e2d0000004c45414125000000636f636f2d6167656e742072656c6561"
	"7365642064656661756c742f6c756b732f726f6f74";

static char work[64], run[80], rtmr3[160];
/* Where the process ends, as if it were killed; or what fails. */
static enum { NOWHERE, BEFORE_EXTENDING, AFTER_EXTENDING, NO_EXTENDING } stop;

/* ---- a register, which a regular file is not ---- */

static void sha384(const uint8_t *data, size_t len, uint8_t ret[static 48])
{
	assert_int_equal(EVP_Digest(data, len, ret, NULL, EVP_sha384(), NULL), 1);
}

static void get_register(uint8_t ret[static 48])
{
	int fd = open(rtmr3, O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, ret, 48), 48);
	close(fd);
}

ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	uint8_t both[96];
	char link[64], name[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof(name) - 1) < 0 || strcmp(name, rtmr3) != 0)
		return __real_write(fd, buf, n);
	assert_int_equal(n, 48);
	if (stop == BEFORE_EXTENDING)
		_exit(7);
	if (stop == NO_EXTENDING) {
		errno = EIO;
		return -1;
	}
	get_register(both);
	memcpy(both + 48, buf, 48);
	sha384(both, sizeof(both), both);
	assert_int_equal(pwrite(fd, both, 48, 0), 48);
	if (stop == AFTER_EXTENDING)
		_exit(7);
	return 48;
}

static void set_register(const void *value, size_t len)
{
	assert_int_equal(write_file_atomic(rtmr3, value, len, 0600, false), 0);
}

static void extend_as_somebody_else(void)
{
	uint8_t both[96];

	get_register(both);
	memset(both + 48, 0x5a, 48);
	sha384(both, sizeof(both), both);
	set_register(both, 48);
}

static size_t get_log(uint8_t *ret, size_t size)
{
	char path[100];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/aael", run);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, ret, size);
	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void put_log(const uint8_t *data, size_t len)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/aael", run);
	assert_int_equal(write_file_atomic(path, data, len, 0600, false), 0);
}

/* The log leads to the register, and has @n entries.  Returns its length. */
static size_t check(unsigned n)
{
	static uint8_t log[MEASURE_LOG_MAX];
	uint8_t value[96] = { 0 }, found[48];
	size_t len = get_log(log, sizeof(log));

	for (size_t at = 0; at < len; n--) {
		size_t text = log[at + 70] | (size_t)log[at + 71] << 8;

		assert_true(n > 0);
		memcpy(value + 48, log + at + 14, 48);
		sha384(value, sizeof(value), value);
		at += 74 + text;
	}
	assert_int_equal(n, 0);
	get_register(found);
	assert_memory_equal(found, value, 48);
	return len;
}

static int measure(int what)
{
	struct cause why = { "" };
	int r = what ? measure_released(work, run, PATH, &why) : measure_launch(work, run, &why);

	assert_true((r < 0) == (why.text[0] != '\0'));
	return r;
}

static int setup(void **state)
{
	uint8_t zeros[48] = { 0 };
	char command[400];

	stop = NOWHERE;
	strcpy(work, "/tmp/test-measure.XXXXXX");
	if (!mkdtemp(work))
		return -1;
	snprintf(run, sizeof(run), "%s/run", work);
	snprintf(rtmr3, sizeof(rtmr3), "%s" REGISTERS "/rtmr3:sha384", work);
	snprintf(command, sizeof(command), "mkdir -p %s" REGISTERS " %s", work, run);
	if (system(command) != 0)
		return -1;
	set_register(zeros, sizeof(zeros));
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", work);
	return system(command);
}

/* ---- tests ---- */

static void test_launch_once(void **state)
{
	static const char text[] = "coco-agent launch ";
	uint8_t first[300], again[300], number[32];
	size_t len;

	assert_int_equal(measure(0), 1);
	len = get_log(first, sizeof(first));
	assert_int_equal(len, 74 + strlen(text) + 64);
	assert_memory_equal(first + 74, text, strlen(text));
	first[len] = '\0';
	assert_int_equal(parse_hex((char *)first + 74 + strlen(text), number, 32), 0);
	assert_int_equal(check(1), len);
	assert_int_equal(measure(0), 1);
	assert_int_equal(get_log(again, sizeof(again)), len);
	assert_memory_equal(again, first, len);
	check(1);

	/* Another launch is another number. */
	assert_int_equal(teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
	assert_int_equal(measure(0), 1);
	assert_int_equal(get_log(again, sizeof(again)), len);
	assert_memory_not_equal(again + 74, first + 74, len - 74);
}

static void test_released(void **state)
{
	uint8_t log[600], entry[300];
	size_t launch = 74 + 18 + 64, n = strlen(released_entry) / 2;

	assert_int_equal(parse_hex(released_entry, entry, n), 0);
	assert_int_equal(measure(1), 1);
	assert_int_equal(check(2), launch + n);
	assert_int_equal(get_log(log, sizeof(log)), launch + n);
	assert_memory_equal(log + launch, entry, n);
	assert_int_equal(measure(1), 1);
	check(3);
	assert_int_equal(measure(0), 1);
	check(3);
}

static void test_no_td(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "rm %s", rtmr3);
	assert_int_equal(system(command), 0);
	assert_int_equal(measure(0), -EOPNOTSUPP);
	assert_int_equal(measure(1), -EOPNOTSUPP);
	snprintf(command, sizeof(command), "rm -r %s/sys", work);
	assert_int_equal(system(command), 0);
	assert_int_equal(measure(0), 0);
	assert_int_equal(measure(1), 0);
	assert_int_equal(get_log((uint8_t[1]){ 0 }, 1), 0);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "two\nlines", "default/\x7f", "d\xc3\xa9/a/b" };
	char long_name[600];
	struct cause why;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(measure_released(work, run, bad[i], &why), -EINVAL);
	memset(long_name, 'x', sizeof(long_name));
	long_name[512 - strlen("coco-agent released ") + 1] = '\0';
	assert_int_equal(measure_released(work, run, long_name, &why), -EINVAL);
	check(0);
	long_name[512 - strlen("coco-agent released ")] = '\0';
	assert_int_equal(measure_released(work, run, long_name, &why), 1);
	check(2);
}

/* cocod is killed at @where while it measures @what. */
static void kill_at(int where, int what)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		stop = where;
		(void) measure(what);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void test_killed(void **state)
{
	kill_at(BEFORE_EXTENDING, 0);
	check(0);
	kill_at(AFTER_EXTENDING, 0);
	/* The register has it.  The next one finds it, and does not measure it again. */
	assert_int_equal(measure(0), 1);
	check(1);
	kill_at(BEFORE_EXTENDING, 1);
	check(1);
	assert_int_equal(measure(0), 1);
	check(1);
	kill_at(AFTER_EXTENDING, 1);
	assert_int_equal(measure(0), 1);
	check(2);
	kill_at(AFTER_EXTENDING, 1);
	/* It may be released again, and is measured again. */
	assert_int_equal(measure(1), 1);
	check(4);
}

static void test_extending_fails(void **state)
{
	assert_int_equal(measure(0), 1);
	stop = NO_EXTENDING;
	assert_int_equal(measure(1), -EIO);
	stop = NOWHERE;
	check(1);
	assert_int_equal(measure(1), 1);
	check(2);
}

static void test_somebody_else(void **state)
{
	extend_as_somebody_else();
	assert_int_equal(measure(0), -EUCLEAN);
	assert_int_equal(measure(1), -EUCLEAN);
	assert_int_equal(teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
	assert_int_equal(measure(0), 1);
	extend_as_somebody_else();
	assert_int_equal(measure(1), -EUCLEAN);
	assert_int_equal(measure(0), -EUCLEAN);
}

/* Another kernel of the same launch has no log in its /run. */
static void test_kexec(void **state)
{
	char path[100];

	assert_int_equal(measure(1), 1);
	snprintf(path, sizeof(path), "%s/aael", run);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(measure(0), -EUCLEAN);
	assert_int_equal(measure(1), -EUCLEAN);
}

static void test_damage(void **state)
{
	uint8_t log[600], bad[600];
	size_t len;

	assert_int_equal(measure(1), 1);
	len = get_log(log, sizeof(log));
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, log, len);
		bad[i] ^= 1;
		put_log(bad, len);
		assert_int_equal(measure(0), -EUCLEAN);
		put_log(log, i);
		assert_int_equal(measure(0), -EUCLEAN);
	}
	put_log(log, len);
	assert_int_equal(measure(0), 1);
	set_register(log, 47);
	assert_int_equal(measure(0), -EBADMSG);
}

static void test_full(void **state)
{
	static uint8_t log[MEASURE_LOG_MAX];
	size_t n = strlen(released_entry) / 2, launch, len;
	uint8_t both[96], entry[300];
	unsigned entries = 1;

	assert_int_equal(measure(0), 1);
	launch = len = get_log(log, sizeof(log));
	assert_int_equal(parse_hex(released_entry, entry, n), 0);
	get_register(both);
	for (; len + n <= sizeof(log); len += n, entries++) {
		memcpy(log + len, entry, n);
		memcpy(both + 48, entry + 14, 48);
		sha384(both, sizeof(both), both);
	}
	put_log(log, len);
	set_register(both, 48);
	assert_true(len > launch);
	assert_int_equal(measure(1), -EMSGSIZE);
	assert_int_equal(measure(0), 1);
	check(entries);
}

static void test_no_room(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "mkdir %s/aael.next", run);
	assert_int_equal(system(command), 0);
	assert_true(measure(0) < 0);
	check(0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_launch_once), TEST(test_released),
		TEST(test_no_td),	TEST(test_names),
		TEST(test_killed),	TEST(test_extending_fails),
		TEST(test_somebody_else), TEST(test_kexec),
		TEST(test_damage),	TEST(test_full),
		TEST(test_no_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
