/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files on a ramfs, which this process mounts where nobody else sees it. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "place-run.h"
#include "secrets/place-rules.h"

#define OWNER 59871u
#define GROUP 59873u
#define SECRET "correct\0horse"
#define SECRET_LEN sizeof(SECRET)

static char work[] = "/tmp/test-place-file.XXXXXX";
static char folder[64], path[96];
static bool mounted;

static struct place_order order(const char *name, const char *mode)
{
	struct place_rules r = { .file_owner = OWNER, .file_group = GROUP };
	struct place_order o;

	assert_int_equal(place_set_mode(&r, mode), 0);
	place_order_fill(&r, PLACE_FILE, name, SECRET_LEN, &o);
	return o;
}

static bool can_run(void)
{
	if (!mounted)
		print_message("needs the right to mount a ramfs\n");
	return mounted;
}

static int put(const struct place_order *o, const void *bytes, bool commit)
{
	struct place_answer a;

	return placer_put(&place_file, folder, o, bytes, commit, &a);
}

static unsigned n_files(void)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void) closedir(d);
	return n - 2;
}

static void assert_file(uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode, S_IFREG | mode);
	assert_int_equal(st.st_nlink, 1);
}

static void test_life(void **state)
{
	struct place_order o = order("db", "0440");
	uint8_t got[64];
	void *map;
	int fd;

	if (!can_run())
		skip();
	assert_int_equal(put(&o, SECRET, false), 0);
	assert_int_equal(n_files(), 0);
	assert_int_equal(put(&o, SECRET, true), 0);
	assert_int_equal(n_files(), 1);
	assert_file(OWNER, GROUP, 0440);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, got, sizeof(got), 0), SECRET_LEN);
	assert_memory_equal(got, SECRET, SECRET_LEN);
	map = mmap(NULL, SECRET_LEN, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);

	/* Who has it open or mapped has zeros then. */
	assert_int_equal(placer_remove(&place_file, folder, &o), 0);
	assert_int_equal(n_files(), 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), SECRET_LEN);
	for (size_t i = 0; i < SECRET_LEN; i++)
		assert_int_equal(got[i] | ((uint8_t *)map)[i], 0);
	(void) munmap(map, SECRET_LEN);
	close(fd);
	assert_int_equal(placer_remove(&place_file, folder, &o), 0);
}

static void test_large(void **state)
{
	static uint8_t large[SECRET_MAX], got[SECRET_MAX];
	struct place_order o = order("db", "600");
	int fd;

	if (!can_run())
		skip();
	memset(large, 'x', sizeof(large));
	o.len = sizeof(large);
	assert_int_equal(put(&o, large, true), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, large, sizeof(got));
	assert_int_equal(placer_remove(&place_file, folder, &o), 0);
	memset(large, 0, sizeof(large));
	assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, large, sizeof(got));
	close(fd);
}

static void test_in_place(void **state)
{
	struct place_order o = order("db", "0400");
	char other[96], text[64] = "";
	struct stat st;
	int fd;

	if (!can_run())
		skip();
	(void) snprintf(other, sizeof(other), "%s/other", work);
	fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	assert_int_equal(write(fd, "mine", 4), 4);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(put(&o, SECRET, true), -EEXIST);
	/* It is not followed to be wiped either. */
	assert_int_equal(placer_remove(&place_file, folder, &o), 0);
	o.old = 1;
	assert_int_equal(put(&o, SECRET, true), -EEXIST);
	o.old = 0;
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_string_equal(text, "mine");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(unlink(path), 0);
	close(fd);

	/* What is not ours is not replaced; what is ours is. */
	assert_int_equal(put(&o, SECRET, true), 0);
	assert_int_equal(put(&o, SECRET, true), -EEXIST);
	o.old = 1;
	o.rights = 0600;
	assert_int_equal(put(&o, SECRET, true), 0);
	assert_file(OWNER, GROUP, 0600);
	assert_int_equal(placer_remove(&place_file, folder, &o), 0);
}

static void test_not_a_ramfs(void **state)
{
	struct place_order o = order("db", "0400");
	char link[96];
	struct place_answer a;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_file, work, &o, SECRET, true, &a), -EPERM);
	assert_non_null(strstr(a.reason, "is not a ramfs"));
	assert_non_null(strstr(a.reason, "start run-cocod.files.mount"));
	assert_int_equal(placer_remove(&place_file, work, &o), -EPERM);
	(void) snprintf(link, sizeof(link), "%s/link", work);
	assert_int_equal(symlink(folder, link), 0);
	assert_true(placer_put(&place_file, link, &o, SECRET, true, &a) < 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(placer_put(&place_file, "/nowhere", &o, SECRET, true, &a), -ENOENT);
	assert_int_equal(placer_put(&place_file, "/dev/null", &o, SECRET, true, &a), -ENOTDIR);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(placer_put(&place_file, folder, &o, SECRET, true, &a), -EPERM);
	assert_int_equal(chmod(folder, 0711), 0);
	assert_int_equal(chown(folder, OWNER, 0), 0);
	assert_int_equal(placer_put(&place_file, folder, &o, SECRET, true, &a), -EPERM);
	assert_int_equal(chown(folder, 0, 0), 0);
	assert_int_equal(n_files(), 0);
}

static void test_protocol(void **state)
{
	static const char *const names[] = { "", ".", "..", "../x", "a/b", ".hidden", "-x" };
	struct place_order o, good = order("db", "0400");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		o = good;
		strcpy(o.name, names[i]);
		placer_assert_refused(&place_file, MSG_PLACE_PREPARE, &o, sizeof(o));
		placer_assert_refused(&place_file, MSG_PLACE_REMOVE, &o, sizeof(o));
	}
	o = good;
	o.rights = 0644;
	placer_assert_refused(&place_file, MSG_PLACE_PREPARE, &o, sizeof(o));
	o = good;
	o.rights = 04400;
	placer_assert_refused(&place_file, MSG_PLACE_PREPARE, &o, sizeof(o));
	o = good;
	o.group = UINT32_MAX;
	placer_assert_refused(&place_file, MSG_PLACE_PREPARE, &o, sizeof(o));
	o = good;
	o.len = SECRET_MAX + 1;
	placer_assert_refused(&place_file, MSG_PLACE_PREPARE, &o, sizeof(o));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	    cmocka_unit_test(test_large),
		cmocka_unit_test(test_in_place),    cmocka_unit_test(test_not_a_ramfs),
		cmocka_unit_test(test_protocol),
	};
	char other[96];
	int r;

	if (!mkdtemp(work))
		return 99;
	(void) snprintf(folder, sizeof(folder), "%s/files", work);
	(void) snprintf(path, sizeof(path), "%s/db", folder);
	mounted = mkdir(folder, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
		  mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
		  mount("test", folder, "ramfs", 0, "mode=0711") == 0;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (mounted)
		(void) umount2(folder, MNT_DETACH);
	(void) snprintf(other, sizeof(other), "%s/other", work);
	(void) unlink(other);
	(void) rmdir(folder);
	(void) rmdir(work);
	return r;
}
