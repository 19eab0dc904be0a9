/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/launch/file-hash.h"

#include <cmocka.h>

#include "tests/unit/machines.h"

#define LARGE (1024 * 1024)

/* What happens to the file after its first piece was read. */
static const char *victim;
static off_t new_size = -1;
static int read_error;

ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	ssize_t n;

	if (read_error && lseek(fd, 0, SEEK_CUR) > 0) {
		errno = read_error;
		return -1;
	}
	n = __real_read(fd, buf, len);
	if (n > 0 && victim && new_size >= 0) {
		if (truncate(victim, new_size) < 0)
			return -1;
		new_size = -1;
	}
	return n;
}

/* ---- files ---- */

static char folder[] = "/tmp/coco-test.XXXXXX";
static struct sha sha;
static uint8_t data[3 * LARGE];

static const char *in_folder(const char *name)
{
	static char paths[4][sizeof(folder) + 32];
	static unsigned next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static const char *file(const char *name, size_t len)
{
	const char *path = in_folder(name);

	assert_int_equal(write_file_atomic(path, data, len, 0600, /* exclusive= */ false), 0);
	return path;
}

/* By OpenSSL alone: @len bytes of @data, and then @n_zeros. */
static void expect(const uint8_t got[static SHA256_LEN], size_t len, size_t n_zeros)
{
	static const uint8_t zeros[LARGE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t want[SHA256_LEN];

	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, data, len), 1);
	for (size_t n; n_zeros > 0; n_zeros -= n) {
		n = MIN(n_zeros, sizeof(zeros));
		assert_int_equal(EVP_DigestUpdate(ctx, zeros, n), 1);
	}
	assert_int_equal(EVP_DigestFinal_ex(ctx, want, NULL), 1);
	EVP_MD_CTX_free(ctx);
	assert_memory_equal(got, want, sizeof(want));
}

static int hash_of(const char *path, uint8_t ret[static SHA256_LEN])
{
	struct file_hash h;
	struct pool pool;
	int r;

	pool_init(&pool);
	file_hash_begin(&h, &pool, &sha, path);
	r = file_hash_end(&h, ret);
	pool_done(&pool);
	file_hash_done(&h);
	return r;
}

static int set_up(void **state)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 1000);
	return mkdtemp(folder) && sha_init(&sha, "SHA256") == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char cmd[sizeof(folder) + 16];

	sha_done(&sha);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", folder);
	return system(cmd);
}

/* ---- tests ---- */

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, LARGE / 2 - 1, LARGE / 2, LARGE, sizeof(data) };
	uint8_t got[SHA256_LEN];

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		machine = &machines[m];
		assert_int_equal(hash_of(NULL, got), 0);
		expect(got, 0, 0);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			assert_int_equal(hash_of(file("f", sizes[i]), got), 0);
			expect(got, sizes[i], 0);
		}
	}
}

/* Two at once, and one file twice; whichever is waited for first. */
static void test_several(void **state)
{
	const char *a = file("a", LARGE), *b = file("b", 2 * LARGE);
	const size_t sizes[] = { LARGE, 2 * LARGE, LARGE };
	const char *const paths[] = { a, b, a };
	uint8_t got[SHA256_LEN];

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct file_hash h[3];
		struct pool pool;

		machine = &machines[m];
		pool_init(&pool);
		for (size_t i = 0; i < 3; i++)
			file_hash_begin(&h[i], &pool, &sha, paths[i]);
		for (size_t i = 3; i-- > 0;) {
			assert_int_equal(file_hash_end(&h[i], got), 0);
			expect(got, sizes[i], 0);
		}
		pool_done(&pool);
		for (size_t i = 0; i < 3; i++)
			file_hash_done(&h[i]);
	}
}

/* A file is what was read of it; none of this ends the program. */
static void test_changes(void **state)
{
	uint8_t got[SHA256_LEN];

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		machine = &machines[m];
		victim = file("victim", sizeof(data));
		new_size = 0;
		assert_int_equal(hash_of(victim, got), 0);
		expect(got, 128 * 1024, 0);
		victim = file("victim", sizeof(data));
		new_size = LARGE + 1;
		assert_int_equal(hash_of(victim, got), 0);
		expect(got, LARGE + 1, 0);
		victim = file("victim", LARGE);
		new_size = 2 * LARGE + 1;
		assert_int_equal(hash_of(victim, got), 0);
		expect(got, LARGE, LARGE + 1);
		victim = NULL;
	}
}

static void test_errors(void **state)
{
	uint8_t got[SHA256_LEN] = { 7 };

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		machine = &machines[m];
		assert_int_equal(hash_of(in_folder("none"), got), -ENOENT);
		assert_int_equal(hash_of(folder, got), -EISDIR);
		read_error = EIO;
		assert_int_equal(hash_of(file("good", LARGE), got), -EIO);
		read_error = 0;
		assert_int_equal(got[0], 7);
	}
}

static void *write_pipe(void *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	(void) write_full(fd, data, sizeof(data));
	(void) close(fd);
	return NULL;
}

/* To begin with a pipe does not wait for who writes to it, and takes nothing from it. */
static void test_pipes(void **state)
{
	char path[sizeof(folder) + 32];
	uint8_t got[SHA256_LEN];
	struct file_hash h;
	struct pool pool;
	pthread_t thread;

	snprintf(path, sizeof(path), "%s", in_folder("pipe"));
	assert_int_equal(mkfifo(path, 0600), 0);
	machine = &machines[1];
	pool_init(&pool);
	file_hash_begin(&h, &pool, &sha, path);
	assert_int_equal(pthread_create(&thread, NULL, write_pipe, path), 0);
	assert_int_equal(file_hash_end(&h, got), 0);
	expect(got, sizeof(data), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pool_done(&pool);
	file_hash_done(&h);
}

/* It begins where standard input is when its turn has come, and not before. */
static void test_stdin(void **state)
{
	int fd = open(file("stdin", sizeof(data)), O_RDONLY | O_CLOEXEC),
	    before = fcntl(0, F_DUPFD_CLOEXEC, 3);
	uint8_t got[SHA256_LEN];
	struct file_hash h;
	struct pool pool;

	machine = &machines[1];
	assert_int_equal(dup2(fd, 0), 0);
	pool_init(&pool);
	file_hash_begin(&h, &pool, &sha, "-");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(lseek(fd, LARGE, SEEK_SET), LARGE);
	assert_int_equal(file_hash_end(&h, got), 0);
	memmove(data, data + LARGE, sizeof(data) - LARGE);
	expect(got, sizeof(data) - LARGE, 0);
	pool_done(&pool);
	file_hash_done(&h);
	if (before >= 0)
		(void) dup2(before, 0);
	(void) close(before);
	(void) close(fd);
}

/* More than anybody waits for: it is given up, and not read to its end. */
static void test_given_up(void **state)
{
	const char *path = file("huge", 1);
	struct file_hash h;
	struct pool pool;

	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	machine = &machines[1];
	pool_init(&pool);
	file_hash_begin(&h, &pool, &sha, path);
	assert_true(h.begun);
	while (lseek(h.fd, 0, SEEK_CUR) == 0)
		(void) sched_yield();
	pool_done(&pool);
	assert_true(h.job.done);
	assert_int_equal(h.job.r, -ECANCELED);
	file_hash_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),  cmocka_unit_test(test_several),
		cmocka_unit_test(test_changes), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_pipes),  cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_stdin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
