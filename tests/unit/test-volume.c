/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/keeper/volume.h"
#include "base/io.h"

#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/test-volume.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

static void ask(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, false), 0);
}

static void test_asks(void **state)
{
	assert_false(volume_asks_passphrase("/nowhere", 12));
	ask("ask.abc", "[Ask]\nPID=123\nSocket=/run/x\n");
	ask("sck.abc", "[Ask]\nPID=12\n");
	ask("ask.def", "[Ask]\nMessage=PID=12\n");
	assert_false(volume_asks_passphrase(dir, 12));
	assert_true(volume_asks_passphrase(dir, 123));
	ask("ask.ghi", "[Ask]\nPID=12\nSocket=/run/x\n");
	assert_true(volume_asks_passphrase(dir, 12));
}

static void test_asks_at(void **state)
{
	char path[ASK_SOCKET_LEN] = "";

	assert_int_equal(volume_asks_at("/nowhere", 123, path), 0);
	ask("ask.abc", "[Ask]\nPID=123\nSocket=/run/sck.1\nId=x\n");
	ask("ask.def", "[Ask]\nPID=124\nSocket=relative\n");
	ask("ask.ghi", "[Ask]\nPID=125\n");
	ask("ask.jkl",
	    "[Ask]\nPID=126\nSocket=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	assert_int_equal(volume_asks_at(dir, 99, path), 0);
	assert_int_equal(volume_asks_at(dir, 124, path), -EBADMSG);
	assert_int_equal(volume_asks_at(dir, 125, path), -EBADMSG);
	assert_int_equal(volume_asks_at(dir, 126, path), -EBADMSG);
	assert_string_equal(path, "");
	assert_int_equal(volume_asks_at(dir, 123, path), 1);
	assert_string_equal(path, "/run/sck.1");
}

static void test_asked_by(void **state)
{
	ask("ask.abc", "[Ask]\nPID=123\nSocket=/run/x\n");
	ask("ask.def", "[Ask]\nMessage=PID=12\n");
	ask("ask.ghi", "[Ask]\nPID=12x\n");
	ask("ask.jkl", "[Ask]\nPID=99999999999999\n");
	ask("ask.mno", "[Ask]\nPID=0\n");
	assert_int_equal(volume_asked_by(dir, "ask.abc"), 123);
	assert_int_equal(volume_asked_by(dir, "ask.def"), -EBADMSG);
	assert_int_equal(volume_asked_by(dir, "ask.ghi"), -EBADMSG);
	assert_int_equal(volume_asked_by(dir, "ask.jkl"), -EBADMSG);
	assert_int_equal(volume_asked_by(dir, "ask.mno"), -EBADMSG);
	assert_int_equal(volume_asked_by(dir, "ask.pqr"), -ENOENT);
	assert_int_equal(volume_asked_by("/nowhere", "ask.abc"), -ENOENT);
}

/* A question that came and went while nobody looked leaves its trace. */
static void test_mark(void **state)
{
	struct volume_asked mark, none;
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "rm -f %s/ask.* %s/sck.*", dir, dir);
	assert_int_equal(system(cmd), 0);
	volume_asked_mark(dir, &mark);
	/* Just changed: another change in the same tick would not show. */
	assert_false(volume_asked_nothing_since(dir, &mark));
	usleep(300000);
	volume_asked_mark(dir, &mark);
	assert_true(volume_asked_nothing_since(dir, &mark));
	ask("ask.abc", "[Ask]\nPID=123\n");
	assert_int_equal(system(cmd), 0);
	assert_false(volume_asked_nothing_since(dir, &mark));

	volume_asked_mark("/nowhere", &none);
	assert_true(volume_asked_nothing_since("/nowhere", &none));
	assert_false(volume_asked_nothing_since(dir, &none));
	assert_false(volume_asked_nothing_since("/nowhere", &mark));
	volume_asked_mark("/proc/self/cmdline/x", &none);
	assert_false(volume_asked_nothing_since("/proc/self/cmdline/x", &none));
}

static void test_peer_start(void **state)
{
	uint64_t own, again, first;

	assert_int_equal(volume_peer_start(getpid(), &own), 0);
	assert_int_equal(volume_peer_start(getpid(), &again), 0);
	assert_int_equal(own, again);
	assert_int_equal(volume_peer_start(1, &first), 0);
	assert_true(first < own);
	assert_int_equal(volume_peer_start(0x7fffffff, &own), -ENOENT);
}

#define ARGS(s) s, sizeof(s)

static void test_request(void **state)
{
	static const struct {
		const char *cmdline;
		size_t len;
		const char *device;
	} good[] = {
		{ ARGS("/lib/systemd/systemd-cryptsetup\0attach\0data\0/dev/vdb"), "/dev/vdb" },
		{ ARGS("/lib/systemd/systemd-cryptsetup\0attach\0data\0/dev/vdb\0/run/x.sock\0"
		       "luks,headless"),
		  "/dev/vdb" },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/disk/by-uuid/1-2\0\0"
		       "luks,header=/boot/h.img,nofail"),
		  "/boot/h.img" },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0header=/h"), "/h" },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0noheader=/h"), "/dev/vdb" },
	}, others[] = {
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0luks,try-empty-password") },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0tpm2-device=auto,luks") },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0"
		       "header=/h,fido2-device=auto") },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0pkcs11-uri=auto") },
	}, bad[] = {
		{ ARGS("") },
		{ ARGS("systemd-cryptsetup\0attach\0data") },
		{ ARGS("systemd-cryptsetup\0detach\0data\0/dev/vdb") },
		{ ARGS("systemd-cryptsetup\0attach\0data\0vdb") },
		{ ARGS("systemd-cryptsetup\0attach\0data\0/dev/vdb\0-\0header=h") },
		{ "a\0attach\0data\0/dev/vdb", 22 },	/* the last has no NUL: cut off */
	};
	struct volume_request r;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(volume_request_parse(good[i].cmdline, good[i].len, &r), 0);
		assert_string_equal(r.volume, "data");
		assert_string_equal(r.device, good[i].device);
		assert_false(r.other_means);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(volume_request_parse(others[i].cmdline, others[i].len, &r), 0);
		assert_true(r.other_means);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(volume_request_parse(bad[i].cmdline, bad[i].len, &r), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asks_at, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_by, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mark, setup, teardown),
		cmocka_unit_test(test_peer_start),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
