/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files below a folder of somebody else: nothing leaves it or waits; all is bounded */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "doctor/tree.h"

#include <cmocka.h>

struct fixture {
	char path[64];
	int root;
};

static void put(struct fixture *f, const char *name, const char *text)
{
	int fd = openat(f->root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close_fd(fd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/test-tree.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->root = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(f, "a", "one\ntwo\n\nthree");
	assert_int_equal(mkdirat(f->root, "d", 0700), 0);
	put(f, "d/b", "below");
	assert_int_equal(symlinkat("/d/b", f->root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", f->root, "out"), 0);
	assert_int_equal(symlinkat("loop", f->root, "loop"), 0);
	assert_int_equal(symlinkat("/sys/bus/pci/drivers/hv_pci", f->root, "driver"), 0);
	assert_int_equal(mkfifoat(f->root, "fifo", 0600), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "a", "d/b", "absolute", "out", "loop", "driver",
					     "fifo", "big" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) unlinkat(f->root, names[i], 0);
	(void) unlinkat(f->root, "d", AT_REMOVEDIR);
	(void) rmdir(f->path);
	close_fd(f->root);
	free(f);
	return 0;
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t len;

	assert_int_equal(tree_read(f->root, "/a", 14, false, &text, &len), GOT_IT);
	assert_int_equal(len, 14);
	assert_string_equal(text, "one\ntwo\n\nthree");
	free(text);
	assert_int_equal(tree_read(f->root, "a", 13, false, &text, &len), GOT_UNREADABLE);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(tree_read(f->root, "a", 3, true, &text, &len), GOT_IT);
	assert_string_equal(text, "one");
	free(text);
	/* A link that begins at the root begins at this root. */
	assert_int_equal(tree_read(f->root, "/absolute", 100, false, &text, &len), GOT_IT);
	assert_string_equal(text, "below");
	free(text);
	assert_int_equal(tree_read(f->root, "/d/../../../d/b", 100, false, &text, &len), GOT_IT);
	free(text);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t len;

	assert_int_equal(tree_read(f->root, "/nothing", 100, false, &text, &len), GOT_ABSENT);
	assert_int_equal(tree_read(f->root, "/a/b", 100, false, &text, &len), GOT_ABSENT);
	assert_int_equal(tree_read(f->root, "/out", 100, false, &text, &len), GOT_ABSENT);
	assert_int_equal(tree_read(f->root, "/loop", 100, false, &text, &len), GOT_UNREADABLE);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(tree_read(f->root, "/d", 100, false, &text, &len), GOT_UNREADABLE);
	assert_int_equal(errno, EINVAL);
	/* Nobody writes to it: opening it would wait. */
	assert_int_equal(tree_read(f->root, "/fifo", 100, false, &text, &len), GOT_UNREADABLE);
	assert_int_equal(errno, EINVAL);
	assert_null(text);
}

static void test_look(void **state)
{
	struct fixture *f = *state;
	mode_t mode = 0;

	assert_int_equal(tree_look(f->root, "/a", &mode), GOT_IT);
	assert_true(S_ISREG(mode));
	assert_int_equal(tree_look(f->root, "/d", &mode), GOT_IT);
	assert_true(S_ISDIR(mode));
	assert_int_equal(tree_look(f->root, "/fifo", NULL), GOT_IT);
	assert_int_equal(tree_look(f->root, "/x", NULL), GOT_ABSENT);
	assert_int_equal(tree_look(f->root, "/loop", NULL), GOT_UNREADABLE);
}

static void test_list_and_link(void **state)
{
	struct fixture *f = *state;
	struct tree_names names = { 0 };
	char last[16];

	assert_int_equal(tree_list(f->root, "/", &names), GOT_IT);
	assert_int_equal(names.n, 7);
	assert_string_equal(names.names[0], "a");
	assert_string_equal(names.names[6], "out");
	tree_names_done(&names);
	assert_int_equal(tree_list(f->root, "/a", &names), GOT_ABSENT);
	assert_int_equal(tree_list(f->root, "/x", &names), GOT_ABSENT);
	assert_int_equal(tree_link(f->root, "/driver", last, sizeof(last)), GOT_IT);
	assert_string_equal(last, "hv_pci");
	assert_int_equal(tree_link(f->root, "/a", last, sizeof(last)), GOT_MALFORMED);
	assert_int_equal(tree_link(f->root, "/x", last, sizeof(last)), GOT_ABSENT);
}

struct lines {
	unsigned n, stop;
	size_t longest;
};

static bool count(void *ctx, char *line)
{
	struct lines *l = ctx;

	l->longest = MAX(l->longest, strlen(line));
	return ++l->n != l->stop;
}

static void test_scan(void **state)
{
	struct fixture *f = *state;
	struct lines all = { 0 }, two = { .stop = 2 }, one = { 0 };
	char *text = malloc(3 * TREE_LINE_MAX + 1);

	assert_int_equal(tree_scan(f->root, "/a", count, &all), GOT_IT);
	assert_int_equal(all.n, 4);
	assert_int_equal(tree_scan(f->root, "/a", count, &two), GOT_IT);
	assert_int_equal(two.n, 2);
	memset(text, 'x', 3 * TREE_LINE_MAX);
	text[3 * TREE_LINE_MAX] = '\0';
	put(f, "big", text);
	assert_int_equal(tree_scan(f->root, "/big", count, &one), GOT_IT);
	assert_int_equal(one.n, 1);
	assert_int_equal(one.longest, TREE_LINE_MAX - 1);
	assert_int_equal(truncate((snprintf(text, 100, "%s/big", f->path), text),
				  TREE_SCAN_MAX + 20000), 0);
	assert_int_equal(tree_scan(f->root, "/big", count, &one), GOT_UNREADABLE);
	free(text);
}

static void test_errno(void **state)
{
	assert_int_equal(got_by_errno(-ENOENT), GOT_ABSENT);
	assert_int_equal(got_by_errno(EACCES), GOT_DENIED);
	assert_int_equal(got_by_errno(EPERM), GOT_DENIED);
	assert_int_equal(got_by_errno(EIO), GOT_UNREADABLE);
	assert_int_equal(got_by_errno(ENOSYS), GOT_UNREADABLE);
	assert_string_equal(got_words(GOT_ABSENT), "is not there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_and_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scan, setup, teardown),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
