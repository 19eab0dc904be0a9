/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys in user keyrings, of this kernel's: who can read them, and who cannot any more.  The users
 * are this run's own.
 */
#include <linux/keyctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "place-run.h"
#include "secrets/place-rules.h"

/* The kernel is the machine's, and keeps what is revoked for some minutes. */
#define OWNER (0x20000000u + 2 * run)
#define OTHER (OWNER + 1)
#define SECRET "correct\0horse"
#define SECRET_LEN sizeof(SECRET)

static uid_t run;	/* the pid of this run */

static struct place_order order(const char *name, const char *rights)
{
	struct place_rules r = { .type = KEYRING_USER, .key_owner = OWNER };
	char unique[PLACE_NAME_LEN];
	struct place_order o;

	/* What another run has left is not in the way. */
	(void) snprintf(unique, sizeof(unique), "%s-%d", name, (int)getpid());
	assert_int_equal(place_set_description(&r, unique), 0);
	assert_int_equal(place_set_rights(&r, rights), 0);
	place_order_fill(&r, PLACE_KEYRING, "x", SECRET_LEN, &o);
	return o;
}

static long keyctl(int op, long a, unsigned long b, unsigned long c, unsigned long d)
{
	long r = syscall(SYS_keyctl, op, a, b, c, d);

	return r < 0 ? -errno : r;
}

/* What a process sees that is of user @uid, and has a session keyring of its own. */
struct looked {
	long search, read, revoke, setperm, expiry, update;
	char bytes[64], described[128];
};

static void look(uid_t uid, bool possess, const char *type, const char *name, uint32_t id,
		 bool change, struct looked *ret)
{
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct looked l = { 0 };

		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
		    keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0)
			_exit(1);
		if (possess && keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING,
				      (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0) < 0)
			_exit(2);
		l.search = keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, (unsigned long)type,
				  (unsigned long)name, 0);
		l.read = keyctl(KEYCTL_READ, id, (unsigned long)l.bytes, sizeof(l.bytes), 0);
		(void) keyctl(KEYCTL_DESCRIBE, id, (unsigned long)l.described,
			      sizeof(l.described) - 1, 0);
		l.setperm = keyctl(KEYCTL_SETPERM, id, 0x3f3f3f3f, 0, 0);
		l.expiry = keyctl(KEYCTL_SET_TIMEOUT, id, 0, 0, 0);
		if (change)
			l.revoke = keyctl(KEYCTL_REVOKE, id, 0, 0, 0);
		_exit(write(fds[1], &l, sizeof(l)) == sizeof(l) ? 0 : 3);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], ret, sizeof(*ret)), sizeof(*ret));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void assert_described(const struct looked *l, const char *rights, const char *name)
{
	char want[sizeof(l->described) + 32];

	(void) snprintf(want, sizeof(want), "user;%u;0;%s;%s", OWNER, rights, name);
	assert_string_equal(l->described, want);
}

static bool can_run(void)
{
	if (geteuid() != 0) {
		print_message("needs root: keys of other users\n");
		return false;
	}
	if (keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1, 0, 0) < 0) {
		print_message("the kernel or a container's sandbox does not permit keyctl(2)\n");
		return false;
	}
	return true;
}

static void remove_id(uint32_t id)
{
	const struct place_order o = { .owner = OWNER, .old = id, .name = "x" };

	assert_int_equal(placer_remove(&place_key, NULL, &o), 0);
}

static void test_life(void **state)
{
	struct place_order o = order("coco-test:life", "view read search");
	struct place_answer a;
	struct looked l;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	/* There is no process of that user, and the key stays. */
	for (int possess = 0; possess < 2; possess++) {
		look(OWNER, possess, "user", o.name, a.id, false, &l);
		assert_int_equal(l.search, a.id);
		assert_int_equal(l.read, SECRET_LEN);
		assert_memory_equal(l.bytes, SECRET, SECRET_LEN);
		assert_described(&l, "0b1f0000", o.name);
		/* Who has it cannot keep it for longer than it is meant to be there. */
		assert_int_equal(l.setperm, -EACCES);
		assert_int_equal(l.expiry, -EACCES);
	}
	look(OTHER, true, "user", o.name, a.id, true, &l);
	assert_int_equal(l.search, -ENOKEY);
	assert_int_equal(l.read, -EACCES);
	assert_int_equal(l.revoke, -EACCES);
	assert_string_equal(l.described, "");

	remove_id(a.id);
	look(OWNER, true, "user", o.name, a.id, false, &l);
	assert_int_equal(l.search, -EKEYREVOKED);
	assert_int_equal(l.read, -EKEYREVOKED);
	look(0, true, "user", o.name, a.id, false, &l);
	assert_true(l.read < 0);
	/* As often as somebody asks. */
	remove_id(a.id);
	remove_id(1);
}

/* The keeper says nothing more, or is gone: nothing is left. */
static void test_not_committed(void **state)
{
	struct place_order o = order("coco-test:not", "view read search");
	struct place_answer a;
	struct looked l;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, false, &a), 0);
	look(OWNER, true, "user", o.name, a.id, false, &l);
	assert_int_equal(l.search, -ENOKEY);
	assert_true(l.read == -ENOKEY || l.read == -EKEYREVOKED);
}

static void test_rights(void **state)
{
	struct place_order o = order("coco-test:rights", "view");
	struct place_answer a;
	struct looked l;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	for (int possess = 0; possess < 2; possess++) {
		look(OWNER, possess, "user", o.name, a.id, false, &l);
		assert_int_equal(l.search, -EACCES);
		assert_int_equal(l.read, -EACCES);
		assert_described(&l, "01150000", o.name);
	}
	remove_id(a.id);
}

static void test_replace(void **state)
{
	struct place_order o = order("coco-test:replace", "view read search");
	struct place_answer a, b;
	struct looked l;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	/* Somebody else's key of that name is not replaced. */
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &b), -EEXIST);
	assert_non_null(strstr(b.reason, "set another KeyringDescription="));
	look(OWNER, false, "user", o.name, a.id, false, &l);
	assert_int_equal(l.search, a.id);
	/* Ours is; what was revoked keeps its place for some minutes. */
	o.old = a.id;
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &b), 0);
	assert_int_not_equal(a.id, b.id);
	look(OWNER, false, "user", o.name, a.id, false, &l);
	assert_int_equal(l.search, b.id);
	assert_true(l.read == -EKEYREVOKED || l.read == -ENOKEY);
	remove_id(b.id);
}

static void test_expiry(void **state)
{
	struct place_order o = order("coco-test:expiry", "view read search");
	struct place_answer a;
	struct looked l;

	if (!can_run())
		skip();
	o.expires_sec = 1;
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	for (int i = 0; i < 100; i++) {
		look(OWNER, true, "user", o.name, a.id, false, &l);
		if (l.read < 0)
			break;
		(void) usleep(50000);
	}
	assert_int_equal(l.read, -EKEYEXPIRED);
	assert_int_equal(l.expiry, -EKEYEXPIRED);
	remove_id(a.id);
	/* There is room for the next one. */
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	remove_id(a.id);
}

static void test_logon(void **state)
{
	struct place_order o = order("coco-test:logon", "search");
	struct place_answer a;
	struct looked l;

	if (!can_run())
		skip();
	o.logon = 1;
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	look(OWNER, true, "logon", o.name, a.id, false, &l);
	assert_int_equal(l.search, a.id);
	assert_true(l.read < 0);
	assert_string_equal(l.bytes, "");
	remove_id(a.id);
	look(OWNER, true, "logon", o.name, a.id, false, &l);
	assert_int_equal(l.search, -EKEYREVOKED);
	strcpy(o.name, "no-prefix");
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), -EINVAL);
}

/* Wherever the owner has linked it to, it is revoked. */
static void test_linked_away(void **state)
{
	struct place_order o = order("coco-test:linked", "view read search");
	struct place_answer a;
	int to[2], from[2], status;
	char c, bytes[64];
	pid_t pid;

	if (!can_run())
		skip();
	assert_int_equal(placer_put(&place_key, NULL, &o, SECRET, true, &a), 0);
	assert_int_equal(pipe(to) | pipe(from), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		long ok;

		if (setresuid(OWNER, OWNER, OWNER) < 0 ||
		    keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0)
			_exit(1);
		ok = keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, (unsigned long)"user",
			    (unsigned long)o.name, (unsigned long)KEY_SPEC_SESSION_KEYRING);
		if (ok < 0 || keyctl(KEYCTL_UNLINK, a.id, (unsigned long)KEY_SPEC_USER_KEYRING, 0,
				     0) < 0)
			_exit(2);
		if (keyctl(KEYCTL_READ, a.id, (unsigned long)bytes, sizeof(bytes), 0) !=
		    (long)SECRET_LEN)
			_exit(3);
		if (write(from[1], "x", 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(4);
		_exit(keyctl(KEYCTL_READ, a.id, (unsigned long)bytes, sizeof(bytes), 0) ==
				      -EKEYREVOKED ? 0 : 5);
	}
	close(from[1]);
	assert_int_equal(read(from[0], &c, 1), 1);
	remove_id(a.id);
	assert_int_equal(write(to[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(from[0]);
	close(to[0]);
	close(to[1]);
}

/* A user's quota is 20000 bytes, unless the machine's owner has set another. */
static void test_quota(void **state)
{
	static uint8_t large[PLACE_KEY_MAX];
	struct place_order o = order("coco-test:quota", "view");
	struct place_answer a;
	unsigned n = 0;
	FILE *f = fopen("/proc/sys/kernel/keys/maxbytes", "re");

	if (f && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		(void) fclose(f);
	if (!can_run() || n == 0 || n >= sizeof(large))
		skip();
	o.len = sizeof(large);
	assert_int_equal(placer_put(&place_key, NULL, &o, large, true, &a), -EDQUOT);
	assert_non_null(strstr(a.reason, "no room for more keys: see /proc/key-users"));
	/* Root's is larger, and the largest key comes in several frames. */
	o.owner = 0;
	assert_int_equal(placer_put(&place_key, NULL, &o, large, true, &a), 0);
	o.old = a.id;
	assert_int_equal(placer_remove(&place_key, NULL, &o), 0);
}

static void test_protocol(void **state)
{
	struct place_order o, good = order("coco-test:protocol", "view read search");

	placer_assert_refused(&place_key, MSG_PLACE_COMMIT, &good, sizeof(good));
	placer_assert_refused(&place_key, MSG_PLACE_PREPARE, &good, sizeof(good) - 1);
	placer_assert_refused(&place_key, MSG_STATUS, NULL, 0);
#define REFUSED(change)                                                                 \
	do {                                                                            \
		o = good;                                                               \
		change;                                                                 \
		placer_assert_refused(&place_key, MSG_PLACE_PREPARE, &o, sizeof(o));    \
	} while (0)
	REFUSED(memset(o.name, 'x', sizeof(o.name)));
	REFUSED(o.owner = UINT32_MAX);
	REFUSED(o.logon = 2);
	REFUSED(o.old = 0x80000000u);
	REFUSED(o.len = PLACE_KEY_MAX + 1);
	/* For everybody, for a group, to change rights, and one that nobody could revoke. */
	REFUSED(o.rights |= 0x02u);
	REFUSED(o.rights |= 0x0200u);
	REFUSED(o.rights |= 0x20000000u);
	REFUSED(o.rights |= 0x00200000u);
	REFUSED(o.rights &= ~0x00040000u);
	REFUSED(o.rights |= 0x80000000u);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	     cmocka_unit_test(test_not_committed),
		cmocka_unit_test(test_replace),	     cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_logon),	     cmocka_unit_test(test_linked_away),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_quota),	     cmocka_unit_test(test_protocol),
	};

	run = (uid_t)getpid();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
