/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which volumes are open: which devices count, and how often they are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/keeper/open-volumes.h"
#include "base/io.h"

#include <cmocka.h>

#define MANY 1000

static char sys[64];
static unsigned n_reads;

int __wrap_read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
int __real_read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);

int __wrap_read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	n_reads += strstr(path, "/dm-") != NULL;
	return __real_read_file_at(dirfd, path, max, ret, ret_len);
}

static int setup(void **state)
{
	strcpy(sys, "/tmp/test-open-volumes.XXXXXX");
	return mkdtemp(sys) ? 0 : -1;
}

static void shell(const char *format, ...) _printf_(1, 2);
static void shell(const char *format, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
	shell("rm -rf '%s'", sys);
	return 0;
}

/* A device in the test's own sysfs: @size in sectors. */
static void device(const char *node, const char *name, const char *uuid, const char *size)
{
	shell("cd %s && mkdir -p class/block/%s/dm && cd class/block/%s && echo '%s' >dm/name && "
	      "echo '%s' >dm/uuid && echo '%s' >size",
	      sys, node, node, name, uuid, size);
}

static void test_devices(void **state)
{
	struct open_volumes v = { NULL };

	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), -ENOENT);
	device("sda", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "0");	/* its table is not loaded yet */
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-0", "data", "CRYPT-LUKS2-00-mydata", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-0", "data2", "CRYPT-LUKS2-00-data2", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-1", "data", "LVM-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-2", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data2"), 1);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, ""), 0);
	/* Closed, and opened again as another device. */
	shell("rm -r %s/class/block/dm-2", sys);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	device("dm-3", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	shell("rm -r %s/class", sys);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), -ENOENT);
	open_volumes_done(&v);
	open_volumes_done(&v);
}

/* The device stays, and what it is changes. */
static void test_changes(void **state)
{
	struct open_volumes v = { NULL };

	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	/* Renamed: the UUID stays. */
	device("dm-0", "other", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "other"), 0);
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	/* Renamed, and another has its name. */
	device("dm-0", "old", "CRYPT-LUKS2-00-data", "8");
	device("dm-1", "data", "CRYPT-LUKS2-11-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	shell("rm -r %s/class/block/dm-1", sys);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	/* Its table is gone. */
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "0");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	/* No UUID as yet. */
	device("dm-2", "late", "", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "late"), 0);
	device("dm-2", "late", "CRYPT-LUKS2-00-late", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "late"), 1);
	open_volumes_done(&v);
}

/* What changes within a turn is seen in the next one. */
static void test_turns(void **state)
{
	struct open_volumes v = { NULL };

	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, 1, "data"), 1);
	shell("rm -r %s/class/block/dm-0", sys);
	device("dm-1", "more", "CRYPT-LUKS2-00-more", "8");
	assert_int_equal(open_volumes_has(&v, sys, 1, "data"), 1);
	assert_int_equal(open_volumes_has(&v, sys, 1, "more"), 0);
	assert_int_equal(open_volumes_has(&v, sys, 2, "data"), 0);
	assert_int_equal(open_volumes_has(&v, sys, 2, "more"), 1);
	open_volumes_done(&v);
}

/* Without an event the list of devices is the same; an open volume is looked at all the same. */
static void test_events(void **state)
{
	struct open_volumes v = { NULL };

	shell("mkdir %s/kernel && echo 7 >%s/kernel/uevent_seqnum", sys, sys);
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	device("dm-1", "more", "CRYPT-LUKS2-00-more", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "more"), 0);
	shell("echo 8 >%s/kernel/uevent_seqnum", sys);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "more"), 1);
	shell("rm -r %s/class/block/dm-0", sys);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 0);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "more"), 1);
	/* A number that cannot be read says nothing. */
	shell("echo x >%s/kernel/uevent_seqnum", sys);
	device("dm-0", "data", "CRYPT-LUKS2-00-data", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "data"), 1);
	device("dm-2", "last", "CRYPT-LUKS2-00-last", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "last"), 1);
	open_volumes_done(&v);
}

/* How often attributes are read: three times for each new device, and for each one asked for. */
static void test_many(void **state)
{
	struct open_volumes v = { NULL };
	char name[32];

	shell("cd %s && mkdir -p class/block && cd class/block && for i in $(seq 0 %d); do "
	      "mkdir -p dm-$i/dm; echo v$i >dm-$i/dm/name; echo 8 >dm-$i/size; "
	      "echo CRYPT-LUKS2-00-v$i >dm-$i/dm/uuid; done; mkdir -p dm-%d/dm; "
	      "echo LVM-x >dm-%d/dm/uuid",
	      sys, MANY - 1, MANY, MANY);
	n_reads = 0;
	for (unsigned i = 0; i < MANY; i++) {
		(void) snprintf(name, sizeof(name), "v%u", i);
		assert_int_equal(open_volumes_has(&v, sys, 1, name), 1);
		assert_int_equal(open_volumes_has(&v, sys, 1, "closed"), 0);
	}
	assert_int_equal(n_reads, 3 * MANY + 1);
	/* All of them in another turn. */
	n_reads = 0;
	for (unsigned i = 0; i < MANY; i++) {
		(void) snprintf(name, sizeof(name), "v%u", i);
		assert_int_equal(open_volumes_has(&v, sys, 2, name), 1);
		assert_int_equal(open_volumes_has(&v, sys, 2, name), 1);
	}
	assert_int_equal(n_reads, 3 * MANY);
	/* One in each turn, as volumes are opened. */
	n_reads = 0;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(open_volumes_has(&v, sys, 3 + i, "v500"), 1);
	assert_int_equal(n_reads, 3 * 10);
	n_reads = 0;
	shell("rm -r %s/class/block/dm-7", sys);
	device("dm-2000", "new", "CRYPT-LUKS2-00-new", "8");
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "v7"), 0);
	assert_int_equal(open_volumes_has(&v, sys, OPEN_VOLUMES_NOW, "new"), 1);
	assert_true(n_reads <= 6);
	open_volumes_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
