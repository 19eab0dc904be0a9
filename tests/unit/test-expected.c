/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For how many volumes a judge is started before it is asked: at the start, and later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/delivery.h"
#include "agent/keeper/expected.h"
#include "base/io.h"

#define ONE "11111111-2222-3333-4444-555555555555"
#define TWO "22222222-2222-3333-4444-555555555555"
#define WORKER "/run/worker"

static struct keeper k;
static struct config config;
static struct secret_policy policies[2];
static char dir[64], journal[80];
static const char *opened;	/* " one two " */

/* ---- what stands in the place of sysfs, of systemd's sockets, and of the workers ---- */

static struct spare_setup setup;

int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_spare_new(const struct spare_setup *s, struct spare **ret);

int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name)
{
	char word[80];

	(void) snprintf(word, sizeof(word), " %s ", name);
	return strstr(opened, word) != NULL;
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	static const char *const names[] = { "one", "two", "three" };
	struct sockaddr_un *un = (struct sockaddr_un *)sa;

	assert_true(fd >= 3 && fd < 6);
	un->sun_family = AF_UNIX;
	(void) snprintf(un->sun_path, sizeof(un->sun_path), "/run/cryptsetup-keys.d/%s.key",
			names[fd - 3]);
	return 0;
}

int __wrap_spare_new(const struct spare_setup *s, struct spare **ret)
{
	setup = *s;
	return 0;
}

static unsigned at_start(void)
{
	k.spare = NULL;
	assert_int_equal(expected_open(&k, WORKER, 3, 3), 0);
	assert_string_equal(setup.path, WORKER);
	return setup.wanted(setup.userdata);
}

static unsigned later(void)
{
	unsigned n;

	/* Only that it is there counts. */
	k.spare = (struct spare *)&setup;
	n = setup.wanted(setup.userdata);
	k.spare = NULL;
	return n;
}

static void put(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(write_file_atomic(path, "secret", 6, 0600, false), 0);
}

static int set_up(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	strcpy(dir, "/tmp/test-expected.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal, sizeof(journal), "%s.journal", dir);
	config = (struct config){ .verify_header = true };
	k = (struct keeper){ .config = &config,
			     .directory = { .name = "directory", .path = dir } };
	k.gate.open = true;
	policies[0] = (struct secret_policy){ .name = "one", .wipe = WIPE_MANUAL };
	policies[1] = (struct secret_policy){ .name = "two", .wipe = WIPE_MANUAL };
	opened = " ";
	put(ONE);
	put(TWO);
	return guid_parse(ONE, 36, &policies[0].guid) < 0 ||
			       guid_parse(TWO, 36, &policies[1].guid) < 0 ||
			       secret_policy_set_consumers(&policies[0], "cryptsetup:one") < 0 ||
			       secret_policy_set_consumers(&policies[1],
							   "get cryptsetup:two") < 0 ||
			       store_new(policies, 2, &k.directory, journal, &k.store) < 0 ?
		       -1 :
		       0;
}

static int tear_down(void **state)
{
	char command[200];

	k.store = store_free(k.store);
	snprintf(command, sizeof(command), "rm -rf %s %s*", dir, journal);
	return system(command);
}

static struct store_entry *entry(const char *name)
{
	struct store_entry *e = store_find(k.store, name);

	assert_non_null(e);
	return e;
}

static void test_start(void **state)
{
	/* The secrets are not looked for yet. */
	assert_int_equal(at_start(), 3);
	opened = " two ";
	assert_int_equal(at_start(), 2);
	/* What is wiped never comes back. */
	assert_true(keeper_scan(&k) >= 0);
	assert_int_equal(keeper_wipe(&k, entry("one")), 0);
	assert_int_equal(at_start(), 1);
	/* Nobody looks at headers, or gives a key. */
	config.verify_header = false;
	assert_int_equal(at_start(), 0);
	config.verify_header = true;
	k.gate.open = false;
	assert_int_equal(at_start(), 0);
	k.attestation = (struct attestation *)&k;
	assert_int_equal(at_start(), 1);
}

static void test_later(void **state)
{
	(void) at_start();
	assert_true(keeper_scan(&k) >= 0);
	assert_int_equal(later(), 2);
	opened = " one ";
	assert_int_equal(later(), 1);
	/* One stands by for the one that is closed and opened again. */
	opened = " one two ";
	assert_int_equal(later(), 1);
	config.verify_header = false;
	assert_int_equal(later(), 0);
	config.verify_header = true;
	k.gate.open = false;
	assert_int_equal(later(), 0);
	k.gate.open = true;
	assert_int_equal(keeper_wipe(&k, entry("one")), 0);
	assert_int_equal(later(), 1);
	entry("two")->wipe_due = true;
	assert_int_equal(later(), 0);
	entry("two")->wipe_due = false;
	assert_int_equal(keeper_wipe(&k, entry("two")), 0);
	assert_int_equal(later(), 0);
	opened = " ";
	assert_int_equal(later(), 0);
}

/* A secret that is for no volume has no judge, and one for any volume has one. */
static void test_whose(void **state)
{
	assert_int_equal(secret_policy_set_consumers(&policies[0], "get token"), 0);
	assert_int_equal(secret_policy_set_consumers(&policies[1], "get"), 0);
	(void) at_start();
	assert_true(keeper_scan(&k) >= 0);
	assert_int_equal(later(), 0);
	assert_int_equal(secret_policy_set_consumers(&entry("two")->policy, "cryptsetup"), 0);
	assert_int_equal(later(), 1);
}

/* Not in the way of a header that is judged, or a volume that is opened. */
static void test_at_work(void **state)
{
	struct delivery d = { .kind = &consumer_cryptsetup };

	(void) at_start();
	assert_true(keeper_scan(&k) >= 0);
	k.deliveries = &d;
	assert_int_equal(later(), 2);
	d.call = (struct worker_call *)&k;
	assert_int_equal(later(), 0);
	d.call = NULL;
	d.header = HEADER_GOOD;
	assert_int_equal(later(), 0);
	/* The broker is asked again each minute, for as long as a person is asked. */
	d.late_error = 1;
	assert_int_equal(later(), 2);
	k.deliveries = NULL;
}

/* A thousand closed volumes are not all looked at. */
static void test_many(void **state)
{
	char text[MSG_CONSUMERS_LEN] = "";

	for (unsigned i = 0; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "cryptsetup:v%u ", i);
	assert_int_equal(secret_policy_set_consumers(&policies[0], text), 0);
	(void) at_start();
	assert_true(keeper_scan(&k) >= 0);
	assert_true(later() >= SPARE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whose, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_at_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
