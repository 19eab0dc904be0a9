/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/store/anchor.h"
#include "broker/store/writer.h"

#include <cmocka.h>

#define FOREVER 60000000ull

static char dir[64], address[128], path[128];
static struct store *store;
static struct cause why, what;

static int ok(int r)
{
	if (r < 0)
		print_error("%s (%d)\n", why.text, r);
	return r;
}

static void open_store(void)
{
	assert_int_equal(ok(store_open(address, NULL, &store, &why)), 0);
}

static int setup(void **state)
{
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-anchor.XXXXXX" :
						    "/tmp/test-anchor.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(address, sizeof(address), "sqlite:%s/store", dir);
	snprintf(path, sizeof(path), "%s/anchor", dir);
	open_store();
	return 0;
}

static void shell(const char *format, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(cmd, sizeof(cmd), format, ap);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

static int teardown(void **state)
{
	store = store_close(store);
	shell("rm -rf '%s'", dir);
	return 0;
}

/* Write @n lines with the file kept, which is behind at times, as that of a broker is. */
static void run(const char *instance, unsigned n)
{
	uint64_t batch = 0;
	struct writer *w;

	assert_int_equal(ok(writer_new(store, instance, &w, &why)), 0);
	for (unsigned i = 0; i < n; i++) {
		struct json_object *line = json_object_new_object();
		struct store_member m = { .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };

		if (i % 3 == 0)
			assert_int_equal(ok(anchor_keep(path, store, instance, w, &batch, &why)),
					 0);
		assert_int_equal(ok(writer_commit(w, &m, line, FOREVER, &why)), 0);
		json_object_put(line);
	}
	assert_int_equal(ok(anchor_keep(path, store, instance, w, &batch, &why)), 0);
	(void) writer_free(w);
}

static enum anchor_state state_of(const char *instance)
{
	enum anchor_state state;

	what.text[0] = '\0';
	assert_int_equal(ok(anchor_check(path, store, instance, &state, &what, &why)), 0);
	assert_int_equal(what.text[0] == '\0', state == ANCHOR_GOOD || state == ANCHOR_NEW);
	return state;
}

static struct anchor read_anchor(void)
{
	_cleanup_(freep) char *text = NULL;
	struct anchor a;
	size_t len;

	assert_int_equal(read_file_at(AT_FDCWD, path, 4096, &text, &len), 0);
	assert_int_equal(anchor_parse(text, len, &a), 0);
	return a;
}

static void test_text(void **state)
{
	struct anchor a = { .instance = "a.b", .store = { 1, 255 }, .revision = 1234567890123,
			    .batch = 77, .head = { 9 }, .machine = { 8 } }, b;
	char text[ANCHOR_TEXT_MAX];
	size_t len = anchor_format(&a, text);

	assert_int_equal(anchor_parse(text, len, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	for (size_t i = 0; i < len - 1; i++)
		assert_int_equal(anchor_parse(text, i, &b), -EBADMSG);
	assert_int_equal(anchor_parse("{\"anchor\":2}", 12, &b), -EBADMSG);
	a.instance[0] = '/';
	len = anchor_format(&a, text);
	assert_int_equal(anchor_parse(text, len, &b), -EBADMSG);
}

static void test_good(void **state)
{
	struct anchor a;

	assert_int_equal(state_of("a"), ANCHOR_NEW);
	run("a", 3);
	assert_int_equal(state_of("a"), ANCHOR_GOOD);
	a = read_anchor();
	assert_int_equal(a.batch, 4);
	run("a", 0);
	assert_int_equal(state_of("a"), ANCHOR_GOOD);
	run("a", 2);
	assert_int_equal(read_anchor().batch, 6);
	/* The file is a second behind, or the instance was killed before it was written. */
	assert_int_equal(ok(anchor_write(path, &a, &why)), 0);
	assert_int_equal(state_of("a"), ANCHOR_GOOD);
	/* It has the name of another instance. */
	assert_int_equal(state_of("b"), ANCHOR_BACK);
	shell("[ $(stat -c %%a '%s') = 600 ]", path);
}

/* An older copy of the file of the store is put in its place. */
static void test_went_back(void **state)
{
	run("a", 2);
	store = store_close(store);
	shell("cp '%s/store' '%s/copy'", dir, dir);
	open_store();
	run("a", 2);
	store = store_close(store);
	shell("cp '%s/copy' '%s/store'", dir, dir);
	open_store();
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	assert_non_null(strstr(what.text, "lower"));
	/* It goes on, further than it was: its revision is as high now, but its log another one. */
	{
		struct writer *w;

		assert_int_equal(ok(writer_new(store, "a", &w, &why)), 0);
		for (unsigned i = 0; i < 20; i++) {
			struct json_object *line = json_object_new_object();
			struct store_member m = { .n_changes = 1,
						  .changes = { { "coco/y", "y", 1, 0 } } };

			assert_int_equal(ok(writer_commit(w, &m, line, FOREVER, &why)), 0);
			json_object_put(line);
		}
		(void) writer_free(w);
	}
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	assert_non_null(strstr(what.text, "head"));
	/* A person accepts it. */
	run("a", 0);
	assert_int_equal(state_of("a"), ANCHOR_GOOD);
}

static void test_other_store(void **state)
{
	run("a", 2);
	store = store_close(store);
	shell("rm '%s/store'", dir);
	open_store();
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	assert_non_null(strstr(what.text, "another store"));
}

static void test_file(void **state)
{
	enum anchor_state st;
	struct anchor a;

	run("a", 2);
	a = read_anchor();
	a.machine[3] ^= 1;
	assert_int_equal(ok(anchor_write(path, &a, &why)), 0);
	assert_int_equal(state_of("a"), ANCHOR_MACHINE);
	shell("echo >'%s'", path);
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	shell("head -c 100000 /dev/zero >'%s'", path);
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	shell("rm '%s'", path);
	assert_int_equal(state_of("a"), ANCHOR_BACK);
	assert_non_null(strstr(what.text, "missing"));
	/* Another instance that never ran may begin. */
	assert_int_equal(state_of("b"), ANCHOR_NEW);
	shell("mkdir '%s'", path);
	assert_int_equal(anchor_check(path, store, "a", &st, &what, &why), -EIO);
	assert_true(anchor_write(path, &a, &why) < 0);
	shell("rmdir '%s'", path);
}

/* Killed at any time, with the file kept, the next start is good. */
static void test_killed(void **state)
{
	store = store_close(store);
	for (unsigned i = 0; i < 5; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			open_store();
			run("a", 1000000);
			_exit(0);
		}
		(void) usleep(150000 + 100000 * i);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		open_store();
		assert_int_equal(state_of("a"), ANCHOR_GOOD);
		store = store_close(store);
	}
	open_store();
}

/* It is written once after each batch, and what could not be written is tried again. */
static void test_keep(void **state)
{
	struct store_member m = { .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };
	struct json_object *line = json_object_new_object();
	uint64_t batch = 0;
	struct writer *w;

	assert_int_equal(ok(writer_new(store, "a", &w, &why)), 0);
	shell("mkdir '%s'", path);
	assert_true(anchor_keep(path, store, "a", w, &batch, &why) < 0);
	assert_int_equal(batch, 0);
	shell("rmdir '%s'", path);
	assert_int_equal(ok(anchor_keep(path, store, "a", w, &batch, &why)), 0);
	assert_int_equal(read_anchor().batch, 1);
	shell("rm '%s'", path);
	assert_int_equal(ok(anchor_keep(path, store, "a", w, &batch, &why)), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ok(writer_commit(w, &m, line, FOREVER, &why)), 0);
	json_object_put(line);
	assert_int_equal(ok(anchor_keep(path, store, "a", w, &batch, &why)), 0);
	assert_int_equal(read_anchor().batch, 2);
	(void) writer_free(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A backup in an empty store, where neither this instance nor this machine ever was. */
static void test_restored(void **state)
{
	struct store_member m = { .n_changes = 1, .changes = { { .key = STORE_RESTORED } } };
	enum anchor_state got;
	int fd;

	run("a", 3);
	fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ok(store_dump(store, fd, &why)), 0);
	store = store_close(store);
	shell("rm '%s'/*", dir);
	open_store();
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(ok(store_restore(store, fd, &why)), 0);
	(void) close(fd);
	assert_int_equal(ok(anchor_check(path, store, "new", &got, &what, &why)), 0);
	assert_int_equal(got, ANCHOR_BACK);
	assert_int_equal(ok(store_commit(store, NULL, &m, 1, &why)), 0);
	assert_int_equal(ok(anchor_check(path, store, "new", &got, &what, &why)), 0);
	assert_int_equal(got, ANCHOR_NEW);
	/* To accept it twice is no error. */
	assert_int_equal(ok(store_commit(store, NULL, &m, 1, &why)), 0);
	assert_true(m.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_restored, setup, teardown),
		TEST(test_text),	TEST(test_good), TEST(test_went_back),
		TEST(test_other_store), TEST(test_file), TEST(test_killed),
		TEST(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
