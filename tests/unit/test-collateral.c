/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that evidence is judged by is read, or an error names what is not. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/collateral.h"
#include "attest/bundle.h"
#include "base/io.h"

#include <cmocka.h>

#define OURS "/etc/cocod/collateral/"
#define CACHE COLLATERAL_CACHE "/"

static char root[PATH_MAX];

static const char *at(const char *path)
{
	static char full[PATH_MAX + 256];

	(void) snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(write_file_atomic(at(path), text, strlen(text), 0644,
					   /* exclusive= */ false),
			 0);
}

static int setup(void **state)
{
	(void) snprintf(root, sizeof(root), "/tmp/coco-collateral.XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(make_folders(at(OURS), 0755), 0);
	assert_int_equal(make_folders(at(CACHE), 0755), 0);
	assert_int_equal(chmod(root, 0755), 0);
	put("/etc/cocod/attest.conf", "[Policy]\n");
	return 0;
}

static int teardown(void **state)
{
	char command[PATH_MAX + 16];

	(void) snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

/* Returns the error, whose text must name @name. */
static int fails(const char *name)
{
	struct bundle b = { 0 };
	struct cause why = { "" };
	int r = collateral_add(root, /* need_policy= */ true, &b, &why);

	bundle_done(&b);
	if (r < 0 && !strstr(why.text, name))
		fail_msg("'%s' does not name %s", why.text, name);
	return r;
}

static unsigned count(const struct bundle *b, enum bundle_kind kind)
{
	unsigned n = 0;

	while (bundle_find(b, kind, n))
		n++;
	return n;
}

static void test_all_of_it(void **state)
{
	struct bundle b = { 0 };
	struct cause why = { "" };

	put(OURS "tcb-info-1.json", "a");
	put(OURS "tcb-info-2.json", "b");
	put(CACHE "tcb-info-1.json", "c");
	put(CACHE "crl-vcek-Milan.der", "d");
	put(CACHE "newest", "coco-newest 1\n");
	put(CACHE ".crl-vcek-Milan.der.AbCdEf", "half");
	put(CACHE "crlf", "another's");
	assert_int_equal(symlink("/dev/null", at(OURS "pck-crl.der")), 0);
	assert_int_equal(collateral_add(root, /* need_policy= */ true, &b, &why), 0);
	assert_int_equal(count(&b, BUNDLE_TCB_INFO), 3);
	assert_int_equal(count(&b, BUNDLE_CRL), 1);
	assert_int_equal(count(&b, BUNDLE_PCK_CRL), 0);
	assert_int_equal(count(&b, BUNDLE_NEWEST), 1);
	for (size_t i = 0; i < b.n_items; i++)
		assert_true(b.items[i].own);
	bundle_done(&b);
}

static void test_no_folders(void **state)
{
	assert_int_equal(rmdir(at(OURS)), 0);
	assert_int_equal(rmdir(at(CACHE)), 0);
	assert_int_equal(fails(""), 0);
}

static void test_too_many(void **state)
{
	char name[64];

	for (unsigned i = 0; i < COLLATERAL_FILES_MAX; i++) {
		(void) snprintf(name, sizeof(name), OURS "cert-%u.der", i);
		put(name, "x");
	}
	assert_int_equal(fails(""), 0);
	for (unsigned i = COLLATERAL_FILES_MAX; i < 40; i++) {
		(void) snprintf(name, sizeof(name), OURS "cert-%u.der", i);
		put(name, "x");
	}
	assert_int_equal(fails("more than 32 files of collateral in"), -EMSGSIZE);
}

static void test_links(void **state)
{
	assert_int_equal(symlink("/nowhere/crl.der", at(OURS "crl.der")), 0);
	assert_int_equal(fails("collateral/crl.der"), -ENOLINK);
	assert_int_equal(unlink(at(OURS "crl.der")), 0);
	assert_int_equal(symlink("/nowhere/newest", at(CACHE "newest")), 0);
	assert_int_equal(fails("cocod/newest"), -ENOLINK);
}

static void test_other_things(void **state)
{
	assert_int_equal(mkdir(at(OURS "crl.der"), 0755), 0);
	assert_int_equal(fails("collateral/crl.der"), -EISDIR);
	assert_int_equal(rmdir(at(OURS "crl.der")), 0);
	assert_int_equal(mkdir(at(CACHE "newest"), 0755), 0);
	assert_int_equal(fails("cocod/newest"), -EISDIR);
	assert_int_equal(rmdir(at(CACHE "newest")), 0);
	assert_int_equal(rmdir(at(CACHE)), 0);
	put(COLLATERAL_CACHE, "a file");
	assert_int_equal(fails("/var/cache/cocod"), -ENOTDIR);
}

static void test_too_long(void **state)
{
	assert_int_equal(truncate(at("/etc/cocod/attest.conf"), 5), 0);
	put(OURS "crl.der", "x");
	assert_int_equal(truncate(at(OURS "crl.der"), BUNDLE_ITEM_MAX + 1), 0);
	assert_int_equal(fails("collateral/crl.der"), -EFBIG);
}

/* An empty memory was lost: it is passed on, and then refused. */
static void test_empty_memory(void **state)
{
	struct bundle b = { 0 };
	struct cause why = { "" };

	put(CACHE "newest", "");
	assert_int_equal(collateral_add(root, /* need_policy= */ true, &b, &why), 0);
	assert_int_equal(count(&b, BUNDLE_NEWEST), 1);
	bundle_done(&b);
}

static int as_nobody(const char *name)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct bundle b = { 0 };
		struct cause why = { "" };
		int r;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		r = collateral_add(root, /* need_policy= */ true, &b, &why);
		_exit(r == -EACCES && strstr(why.text, name) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* As for cocod, which has no CAP_DAC_OVERRIDE. */
static void test_unreadable(void **state)
{
	if (geteuid() != 0)
		skip();
	put(OURS "crl.der", "x");
	assert_int_equal(chmod(at(OURS "crl.der"), 0600), 0);
	assert_int_equal(as_nobody("collateral/crl.der"), 0);
	assert_int_equal(unlink(at(OURS "crl.der")), 0);
	assert_int_equal(chmod(at(OURS), 0700), 0);
	assert_int_equal(as_nobody("/etc/cocod/collateral"), 0);
	assert_int_equal(chmod(at(OURS), 0755), 0);
	put(CACHE "newest", "x");
	assert_int_equal(chmod(at(CACHE "newest"), 0600), 0);
	assert_int_equal(as_nobody("cocod/newest"), 0);
	assert_int_equal(chmod(at(CACHE), 0700), 0);
	assert_int_equal(as_nobody("/var/cache/cocod"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_of_it),	 TEST(test_no_folders),	  TEST(test_too_many),
		TEST(test_links),	 TEST(test_other_things), TEST(test_too_long),
		TEST(test_empty_memory), TEST(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
