/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The digest that is bound is the one that the commands in cocod.conf(5) print. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/worker/binding.h"
#include "base/io.h"
#include "base/macro.h"
#include "base/parse.h"

#include <cmocka.h>

#define POLICY "[Policy]\nmeasurement=00\n"
#define TRUST "0000000000000000000000000000000000000000000000000000000000000000\n"

static void assert_same(const char *page, const char *command, const char *folder,
			const struct bytes *trust)
{
	const struct bytes policy = { (const uint8_t *)POLICY, strlen(POLICY) };
	const EVP_MD *md = strstr(command, "sha256sum") ? EVP_sha256() : EVP_sha384();
	uint8_t digest[EVP_MAX_MD_SIZE];
	char line[200], printed[200], want[2 * EVP_MAX_MD_SIZE + 1];
	FILE *f;

	/* The page has the command, with its own folder. */
	snprintf(line, sizeof(line), "\ncd /etc/cocod && %s\n", command);
	assert_non_null(strstr(page, line));
	snprintf(line, sizeof(line), "cd %s && %s", folder, command);
	f = popen(line, "re");
	assert_non_null(f);
	assert_non_null(fgets(printed, sizeof(printed), f));
	assert_int_equal(pclose(f), 0);
	assert_int_equal(binding_digest(&policy, trust, md, digest), 0);
	format_hex(digest, (size_t)EVP_MD_get_size(md), want);
	assert_int_equal(strncmp(printed, want, strlen(want)), 0);
	assert_int_equal(printed[strlen(want)], ' ');
}

static void test_commands(void **state)
{
	const struct bytes trust = { (const uint8_t *)TRUST, strlen(TRUST) };
	_cleanup_(freep) char *page = NULL;
	char folder[] = "/tmp/test-binding.XXXXXX", path[300];

	snprintf(path, sizeof(path), "%s/man/cocod.conf.5", getenv("top_srcdir") ?: ".");
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &page, NULL), 0);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/attest.conf", folder);
	assert_int_equal(write_file_atomic(path, POLICY, strlen(POLICY), 0600, true), 0);
	assert_same(page, "sha256sum attest.conf", folder, NULL);
	assert_same(page, "sha384sum attest.conf", folder, NULL);
	snprintf(path, sizeof(path), "%s/attest.trust", folder);
	assert_int_equal(write_file_atomic(path, TRUST, strlen(TRUST), 0600, true), 0);
	assert_same(page, "sha256sum attest.conf attest.trust | sha256sum", folder, &trust);
	assert_same(page, "sha384sum attest.conf attest.trust | sha384sum", folder, &trust);
	snprintf(path, sizeof(path), "rm -r %s", folder);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_commands) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
