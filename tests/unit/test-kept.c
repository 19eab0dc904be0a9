/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an initrd judged by is neither lost nor replaced on its way to the system. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/kept.h"
#include "base/io.h"

#include <cmocka.h>

#define POLICY "[Policy]\nmeasurement=00\n"
#define TRUST "0000000000000000000000000000000000000000000000000000000000000000\n"

static char work[64], initrd[80], root[80], runtime[80], file[100];

static void put(const char *dir, const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600, false), 0);
}

static void drop(const char *dir, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void) unlink(path);
}

static int setup(void **state)
{
	char command[400];

	strcpy(work, "/tmp/test-kept.XXXXXX");
	if (!mkdtemp(work))
		return -1;
	snprintf(initrd, sizeof(initrd), "%s/initrd", work);
	snprintf(root, sizeof(root), "%s/root", work);
	snprintf(runtime, sizeof(runtime), "%s/run", work);
	snprintf(file, sizeof(file), "%s/gate", runtime);
	snprintf(command, sizeof(command), "mkdir -p %s/etc/cocod %s/etc/cocod %s", initrd, root,
		 runtime);
	if (system(command) != 0)
		return -1;
	put(initrd, "etc/initrd-release", "ID=test\n");
	put(initrd, "etc/cocod/attest.conf", POLICY);
	put(root, "etc/cocod/attest.conf", POLICY);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", work);
	return system(command);
}

static void carry(const char *config_root, struct carried *ret)
{
	_cleanup_(config_freep) struct config *c = NULL;

	assert_int_equal(config_load(config_root, &c), 0);
	carried_init(c, config_root, runtime, /* initramfs= */ false, ret);
}

static void leave_initrd(void)
{
	struct carried c;

	carry(initrd, &c);
	assert_string_equal(c.error, "");
	assert_true(c.own);
	carried_done(&c);
}

/* ---- the file's bytes ---- */

static struct kept *sample(void)
{
	struct kept *k = NULL;
	struct config c = { .require = REQUIRE_EVIDENCE, .bind_policy = true };
	struct cause why;

	put(initrd, "etc/cocod/attest.trust", TRUST);
	assert_int_equal(kept_of_config(&c, initrd, &k, &why), 0);
	k->result = ATTEST_REFUSED;
	k->verdict_usec = 0x123456789abcdef;
	strcpy(k->error, "x:1: wrong");
	return k;
}

static void test_bytes(void **state)
{
	_cleanup_(kept_freep) struct kept *k = sample();
	_cleanup_(kept_freep) struct kept *again = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	assert_int_equal(kept_build(k, &data, &len), 0);
	assert_int_equal(len, KEPT_HEADER_LEN + strlen(POLICY) + strlen(TRUST));
	assert_int_equal(kept_parse(data, len, &again), 0);
	assert_int_equal(again->require, REQUIRE_EVIDENCE);
	assert_true(again->bind_policy);
	assert_int_equal(again->result, ATTEST_REFUSED);
	assert_int_equal(again->verdict_usec, 0x123456789abcdef);
	assert_string_equal(again->policy, POLICY);
	assert_string_equal(again->trust, TRUST);
	assert_string_equal(again->error, "x:1: wrong");
	assert_int_equal(kept_differences(k, again), 0);
}

/*
 * The file is cut anywhere, has more bytes, or has a changed bit: it is refused, or says
 * something else that is consistent.
 */
static void test_damage(void **state)
{
	_cleanup_(kept_freep) struct kept *k = sample();
	_cleanup_(freep) uint8_t *data = NULL;
	unsigned n_taken = 0;
	size_t len;

	assert_int_equal(kept_build(k, &data, &len), 0);
	for (size_t i = 0; i < len; i++) {
		struct kept *none = NULL;

		assert_int_equal(kept_parse(data, i, &none), -EBADMSG);
		assert_null(none);
	}
	data = realloc(data, len + 1);
	assert_non_null(data);
	data[len] = 'x';
	assert_int_equal(kept_parse(data, len + 1, &k), -EBADMSG);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		_cleanup_(kept_freep) struct kept *other = NULL;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kept_parse(data, len, &other) == 0) {
			/*
			 * Require=, BindPolicy=, the verdict and its time, or the error's text, but
			 * never a policy.
			 */
			assert_true(bit / 8 == 8 || bit / 8 == 9 ||
				    (bit / 8 >= 20 && bit / 8 < 32) ||
				    (bit / 8 >= 96 && bit / 8 <= 106));
			n_taken++;
		}
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(n_taken > 0);
}

/* ---- the file ---- */

static void assert_refused(int error, const char *words)
{
	struct kept *k = NULL;
	struct cause why = { "" };
	struct carried c;

	if (kept_load(file, &k, &why) != error || !strstr(why.text, words) ||
	    !strstr(why.text, file))
		fail_msg("'%s'", why.text);
	assert_null(k);
	/* Neither a root nor an initrd accepts the file, and neither replaces it. */
	for (int i = 0; i < 2; i++) {
		carry(i ? initrd : root, &c);
		assert_non_null(strstr(c.error, words));
		assert_null(c.kept);
		assert_false(c.own);
		carried_done(&c);
	}
}

static void test_forms(void **state)
{
	static const mode_t modes[] = { 0400, 0640, 0604, 0602, 0700, 04600, 01600 };
	char other[120];

	snprintf(other, sizeof(other), "%s/other", work);
	leave_initrd();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		assert_refused(-EPERM, "mode 0600");
	}
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(link(file, other), 0);
	assert_refused(-EPERM, "root's alone");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink(other, file), 0);
	assert_refused(-ELOOP, "it is a link");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("nowhere", file), 0);
	assert_refused(-ELOOP, "it is a link");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0600), 0);
	assert_refused(-EPERM, "is not a file");
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_refused(-EPERM, "is not a file");
	assert_int_equal(unlink(file), 0);
	put(runtime, "gate", "");
	assert_refused(-EBADMSG, "is malformed");
	assert_int_equal(truncate(file, KEPT_MAX), 0);
	assert_refused(-EBADMSG, "is malformed");
	assert_int_equal(truncate(file, KEPT_MAX + 1), 0);
	assert_refused(-EMSGSIZE, "is too large");
	assert_int_equal(rename(other, file), 0);
	assert_int_equal(truncate(file, KEPT_HEADER_LEN + 1), 0);
	assert_refused(-EBADMSG, "is malformed");
}

static void test_owner(void **state)
{
	if (geteuid() != 0)
		skip();
	leave_initrd();
	assert_int_equal(chown(file, 12345, 12345), 0);
	assert_refused(-EPERM, "root's alone");
}

/* ---- from the initrd to the system ---- */

static void test_nothing_kept(void **state)
{
	struct carried c;

	carry(root, &c);
	assert_null(c.kept);
	assert_string_equal(c.error, "");
	assert_int_equal(carried_note(&c, &(struct attest_verdict){ .result = ATTEST_ACCEPTED }, 1),
			 0);
	carried_done(&c);
	assert_int_equal(access(file, F_OK), -1);
}

static void test_carry(void **state)
{
	struct attest_verdict v = { .result = ATTEST_ACCEPTED };
	struct carried c;
	struct stat st;

	carry(initrd, &c);
	assert_true(c.own);
	assert_int_equal(c.differs, 0);
	assert_string_equal(c.kept->policy, POLICY);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* Killed here: the system finds the policy, and no verdict. */
	carried_done(&c);
	carry(root, &c);
	assert_int_equal(c.kept->require, REQUIRE_EVIDENCE);
	assert_int_equal(c.kept->result, ATTEST_NONE);
	carried_done(&c);
	/* Killed while writing: the unfinished file is in nobody's way. */
	put(runtime, "gate.a1b2c3", "coco");
	carry(initrd, &c);
	assert_true(c.own);
	assert_int_equal(carried_note(&c, &v, 42), 0);
	carried_done(&c);

	/* The system finds the file every time, and leaves it alone. */
	for (int i = 0; i < 3; i++) {
		carry(root, &c);
		assert_string_equal(c.error, "");
		assert_false(c.own);
		assert_int_equal(c.differs, 0);
		assert_int_equal(c.kept->result, ATTEST_ACCEPTED);
		assert_int_equal(c.kept->verdict_usec, 42);
		v.result = ATTEST_REFUSED;
		assert_int_equal(carried_note(&c, &v, 43), 0);
		carried_done(&c);
	}
}

static void test_differences(void **state)
{
	static const struct {
		const char *cocod_conf, *policy, *trust;	/* NULL: no file */
		unsigned differs;
		const char *names;
	} rows[] = {
		{ NULL, POLICY, NULL, 0, "" },
		{ "[Cocod]\nRequire=evidence\n", POLICY, NULL, 0, "" },
		{ "[Cocod]\nRequire=none\n", POLICY, NULL, MSG_DIFFERS_REQUIRE, "Require" },
		{ "[Cocod]\nRequire=attested\nBindPolicy=yes\n", POLICY, NULL,
		  MSG_DIFFERS_REQUIRE | MSG_DIFFERS_BIND, "Require, BindPolicy" },
		{ NULL, POLICY "# more\n", NULL, MSG_DIFFERS_POLICY, "attest.conf" },
		{ NULL, "", NULL, MSG_DIFFERS_REQUIRE | MSG_DIFFERS_POLICY,
		  "Require, attest.conf" },
		{ NULL, NULL, NULL, MSG_DIFFERS_REQUIRE | MSG_DIFFERS_POLICY,
		  "Require, attest.conf" },
		{ NULL, POLICY, TRUST, MSG_DIFFERS_TRUST, "attest.trust" },
	};

	leave_initrd();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct carried c;
		char names[64];

		drop(root, "etc/cocod/cocod.conf");
		drop(root, "etc/cocod/attest.conf");
		drop(root, "etc/cocod/attest.trust");
		/* Also a root that claims to be an initrd. */
		if (i / ARRAY_SIZE(rows))
			put(root, "etc/initrd-release", "ID=host\n");
		if (rows[i % ARRAY_SIZE(rows)].cocod_conf)
			put(root, "etc/cocod/cocod.conf", rows[i % ARRAY_SIZE(rows)].cocod_conf);
		if (rows[i % ARRAY_SIZE(rows)].policy)
			put(root, "etc/cocod/attest.conf", rows[i % ARRAY_SIZE(rows)].policy);
		if (rows[i % ARRAY_SIZE(rows)].trust)
			put(root, "etc/cocod/attest.trust", rows[i % ARRAY_SIZE(rows)].trust);
		carry(root, &c);
		assert_string_equal(c.error, "");
		assert_int_equal(c.differs, rows[i % ARRAY_SIZE(rows)].differs);
		carried_differences(c.differs, names, sizeof(names));
		assert_string_equal(names, rows[i % ARRAY_SIZE(rows)].names);
		assert_string_equal(c.kept->policy, POLICY);
		assert_int_equal(c.kept->require, REQUIRE_EVIDENCE);
		if (c.differs)
			assert_false(c.own);
		carried_done(&c);
	}
}

static void test_errors(void **state)
{
	struct carried c;
	char dir[120];

	/* The file cannot be written: then nothing may be decided. */
	assert_int_equal(rmdir(runtime), 0);
	carry(initrd, &c);
	assert_non_null(strstr(c.error, "cannot be kept for the system after it"));
	assert_false(c.own);
	carried_done(&c);
	assert_int_equal(mkdir(runtime, 0755), 0);

	/* A policy that cannot be read. */
	drop(initrd, "etc/cocod/attest.conf");
	snprintf(dir, sizeof(dir), "%s/etc/cocod/attest.conf", initrd);
	assert_int_equal(mkdir(dir, 0700), 0);
	carry(initrd, &c);
	assert_non_null(strstr(c.error, "attest.conf' cannot be read"));
	carried_done(&c);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(access(file, F_OK), -1);

	/*
	 * A configuration with errors: what it wanted is not known, and the system must not
	 * guess.
	 */
	put(initrd, "etc/cocod/cocod.conf", "[Cocod]\nRequire=nothing\n");
	carry(initrd, &c);
	carried_done(&c);
	carry(root, &c);
	assert_non_null(strstr(c.error, "the configuration in the initrd had errors"));
	assert_non_null(strstr(c.error, "cocod.conf:2: Require= takes"));
	carried_done(&c);
}

static void test_nul(void **state)
{
	static const char text[] = "[Policy]\0measurement=00\n";
	struct carried c;
	char path[120];

	snprintf(path, sizeof(path), "%s/etc/cocod/attest.conf", initrd);
	assert_int_equal(write_file_atomic(path, text, sizeof(text) - 1, 0600, false), 0);
	carry(initrd, &c);
	assert_non_null(strstr(c.error, "NUL"));
	assert_null(c.kept);
	carried_done(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
