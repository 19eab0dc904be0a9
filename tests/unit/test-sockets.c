/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/serve/sockets.h"

#include <cmocka.h>

static char folder[] = "/tmp/test-sockets-XXXXXX";

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static char *at(const char *name, char ret[static 128])
{
	assert_true(snprintf(ret, 128, "%s/%s", folder, name) < 128);
	return ret;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	strcpy(a.sun_path, path);
	r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	(void) close(fd);
	return r;
}

/* ---- from the settings ---- */

static void test_settings(void **state)
{
	char unix_path[128], admin[128], vsock[128];
	struct broker_settings s = {
		.tls = { (char *)"127.0.0.1:0", (char *)"[::1]:0", at("vsock", vsock) },
		.unix_paths = { at("guests", unix_path) },
		.plain = { (char *)"127.0.0.2:0", (char *)"[::1]:0" },
		.admin = at("admin", admin),
	};
	static const bool plain[] = { false, false, false, true, true, true };
	struct cause why = { "" };
	struct sockets got;
	struct stat st;

	assert_int_equal(sockets_take(&s, &got, &why), 0);
	assert_int_equal(got.n, ARRAY_SIZE(plain));
	assert_memory_equal(got.plain, plain, sizeof(plain));
	assert_true(got.admin >= 0);
	assert_int_equal(stat(admin, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(connect_to(unix_path), 0);
	sockets_done(&got);
	assert_int_equal(got.n, 0);
	/* They are still there, as after a broker that was killed, and do not keep the next one. */
	assert_int_equal(connect_to(unix_path), -1);
	assert_int_equal(sockets_take(&s, &got, &why), 0);
	assert_int_equal(connect_to(unix_path), 0);
	sockets_done(&got);
	unlink(unix_path);
	unlink(admin);
	unlink(vsock);
}

/* Another broker's socket, and what is no socket, stay. */
static void test_taken(void **state)
{
	char path[128], admin[128];
	struct broker_settings s = { .unix_paths = { at("guests", path) },
				     .admin = at("admin", admin) };
	struct cause why = { "" };
	struct sockets first, second;

	assert_int_equal(sockets_take(&s, &first, &why), 0);
	assert_int_equal(sockets_take(&s, &second, &why), -EADDRINUSE);
	assert_non_null(strstr(why.text, path));
	sockets_done(&second);
	assert_int_equal(connect_to(path), 0);
	sockets_done(&first);
	unlink(path);
	unlink(admin);
	assert_int_equal(write_file_atomic(path, "x", 1, 0600, true), 0);
	assert_int_equal(sockets_take(&s, &second, &why), -EADDRINUSE);
	sockets_done(&second);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *tls, *plain, *says;
	} cases[] = {
		{ "127.0.0.1", NULL, "address" },
		{ ":8443", NULL, "address" },
		{ "127.0.0.1:", NULL, "address" },
		{ "127.0.0.1:http", NULL, "address" },
		{ "127.0.0.1:70000", NULL, "address" },
		{ "localhost:0", NULL, "address" },
		{ "::1:0", NULL, "address" },
		{ "[::1:0", NULL, "address" },
		{ "[]:0", NULL, "address" },
		{ NULL, "0.0.0.0:0", "loopback" },
		{ NULL, "[::]:0", "loopback" },
		{ NULL, NULL, "nothing to listen on" },
	};
	char admin[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct broker_settings s = { .tls = { (char *)cases[i].tls },
					     .plain = { (char *)cases[i].plain },
					     .admin = at("admin", admin) };
		struct cause why = { "" };
		struct sockets got;

		assert_true(sockets_take(&s, &got, &why) < 0);
		if (!strstr(why.text, cases[i].says))
			fail_msg("%zu: %s", i, why.text);
		sockets_done(&got);
		unlink(admin);
	}
}

/* ---- from systemd ---- */

static void pass(int fd, const char *name)
{
	char pid[32];

	assert_int_equal(dup2(fd, 3), 3);
	(void) close(fd);
	(void) snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
	assert_int_equal(setenv("LISTEN_FDNAMES", name, 1), 0);
}

static int listening(int family, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(address) };
	int low = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = fcntl(low, F_DUPFD_CLOEXEC, 10);

	assert_true(fd >= 10);
	(void) close(low);
	if (family == AF_INET)
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void test_systemd(void **state)
{
	static const struct {
		const char *name;
		int family;
		uint32_t address;
		int result;
		bool plain;
	} cases[] = {
		{ "tls", AF_INET, INADDR_ANY, 0, false },
		{ "tls", AF_UNIX, 0, 0, false },
		{ "unix", AF_UNIX, 0, 0, true },
		{ "plain", AF_INET, INADDR_LOOPBACK, 0, true },
		{ "plain", AF_INET, INADDR_ANY, -EINVAL, false },
		{ "unix", AF_INET, INADDR_LOOPBACK, -EINVAL, false },
		{ "admin", AF_INET, INADDR_LOOPBACK, -EINVAL, false },
		{ "admin", AF_UNIX, 0, -EINVAL, false },	/* and nothing for guests */
		{ "unknown", AF_UNIX, 0, -EINVAL, false },
		{ "TLS", AF_INET, INADDR_ANY, -EINVAL, false },
	};
	char admin[128];
	/* What the settings say is not opened beside it. */
	struct broker_settings s = { .tls = { (char *)"127.0.0.1:0" },
				     .admin = at("admin", admin) };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cause why = { "" };
		struct sockets got;
		int r;

		pass(listening(cases[i].family, cases[i].address), cases[i].name);
		r = sockets_take(&s, &got, &why);
		if (r != cases[i].result)
			fail_msg("%s: %d %s", cases[i].name, r, why.text);
		if (r == 0) {
			assert_int_equal(got.n, 1);
			assert_int_equal(got.fds[0], 3);
			assert_int_equal(got.plain[0], cases[i].plain);
		}
		sockets_done(&got);
		assert_int_equal(access(admin, F_OK), -1);
		assert_null(getenv("LISTEN_FDS"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_systemd),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
