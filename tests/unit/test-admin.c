/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ipc/client.h"
#include "tests/unit/admin-fixture.h"

#define HEX_48 "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" \
	       "000102030405060708090a0b0c0d0e0f"
#define POLICY                                                                               \
	"[Release]\\nRelease=always\\n[snp]\\nmeasurement=" HEX_48                           \
	"\\ncovers=kernel,initrd,cmdline\\n"

/* Ask, and check that the answer has @wanted in it. */
static void ask_for(const char *request, const struct secret *secret, const char *wanted)
{
	int fd;

	free(ask_admin(request, secret, 1000, wanted, &fd));
	(void) close_fd(fd);
}

static void test_secrets(void **state)
{
	struct secret *s = make_secret("opensesame", 10);

	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/c\",\"policy\":\"" POLICY "\"}", s,
		"\"ok\":true,\"version\":1");
	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/c\"}", s, "\"errno\":\"EEXIST\"");
	ask_for("{\"v\":1,\"do\":\"store-copy\"}", NULL, "goes into a file");
	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/c\",\"replace\":true}", s,
		"\"version\":2");
	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/c\",\"replace\":true}", NULL,
		"the secret itself is missing");
	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/d\"}", s, "\"errno\":\"EBADMSG\"");
	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"a/b/d\",\"policy\":\"\"}", s,
		"how often");
	ask_for("{\"v\":1,\"do\":\"policy-set\",\"path\":\"a/b/c\",\"policy\":\"" POLICY "\"}",
		NULL, "\"version\":3");
	ask_for("{\"v\":1,\"do\":\"policy-set\",\"path\":\"a/b/c\"}", NULL, "'policy' is missing");
	ask_for("{\"v\":1,\"do\":\"policy-set\",\"path\":\"a/b/x\",\"policy\":\"" POLICY "\"}",
		NULL, "\"errno\":\"ENOENT\"");
	ask_for("{\"v\":1,\"do\":\"policy-show\",\"path\":\"a/b/c\"}", NULL, "Release=always");
	ask_for("{\"v\":1,\"do\":\"secret-list\"}", NULL,
		"\"secrets\":[{\"path\":\"a/b/c\",\"version\":3");
	ask_for("{\"v\":1,\"do\":\"secret-list\",\"prefix\":\"b/\"}", NULL, "\"secrets\":[]");
	ask_for("{\"v\":1,\"do\":\"secret-show\",\"path\":\"a/b/c\"}", NULL,
		"\"claims\":[],\"n-claims\":0");
	ask_for("{\"v\":1,\"do\":\"secret-show\",\"path\":\"a/b/x\"}", NULL, "ENOENT");
	ask_for("{\"v\":1,\"do\":\"secret-rearm\",\"path\":\"a/b/c\"}", NULL,
		"\"n-claims\":0");
	ask_for("{\"v\":1,\"do\":\"secret-rearm\",\"path\":\"a/b/c\",\"launch\":\"00\"}", NULL,
		"64 hexadecimal digits");
	ask_for("{\"v\":1,\"do\":\"secret-remove\",\"path\":\"a/b/c\"}", NULL, "\"ok\":true");
	ask_for("{\"v\":1,\"do\":\"secret-remove\",\"path\":\"a/b/c\"}", NULL, "ENOENT");
	secret_free(s);
}

/* Who holds the store puts the record of one secret in the place of another, or none at all. */
static void test_hostile_store(void **state)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	struct secret *s = make_secret("opensesame", 10);
	struct store_member m = { .n_changes = 2 };
	struct cause why;

	ask_for("{\"v\":1,\"do\":\"secret-add\",\"path\":\"h/a/easy\",\"policy\":\"" POLICY
		"\"}", s, "\"ok\":true");
	assert_int_equal(store_get(store, "coco/secret/h/a/easy", &v, &why), 0);
	m.changes[0] = (struct store_change){ "coco/secret/h/a/hard", v.data, v.len, 0 };
	m.changes[1] = (struct store_change){ "coco/secret/h/a/none", "{}", 2, 0 };
	assert_int_equal(store_commit(store, NULL, &m, 1, &why), 0);
	assert_true(m.done);
	for (const char *const *path = (const char *const[]){ "h/a/hard", "h/a/none", NULL };
	     *path; path++) {
		static const char *const requests[] = { "secret-show", "policy-show", "try" };
		char request[512];

		for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
			(void) snprintf(request, sizeof(request),
					"{\"v\":1,\"do\":\"%s\",\"path\":\"%s\",\"bundle\":\"{}\"}",
					requests[i], *path);
			ask_for(request, NULL, "in the store is damaged");
		}
		(void) snprintf(request, sizeof(request),
				"{\"v\":1,\"do\":\"secret-add\",\"path\":\"%s\"}", *path);
		ask_for(request, s, "\"errno\":\"EEXIST\"");
		(void) snprintf(request, sizeof(request),
				"{\"v\":1,\"do\":\"policy-set\",\"path\":\"%s\",\"policy\":\""
				POLICY "\"}", *path);
		ask_for(request, NULL, "in the store is damaged");
	}
	ask_for("{\"v\":1,\"do\":\"secret-list\",\"prefix\":\"h/a/hard\"}", NULL,
		"\"secrets\":[{\"what\":\"damaged\",\"path\":\"coco/secret/h/a/hard\"}]");
	ask_for("{\"v\":1,\"do\":\"secret-list\",\"prefix\":\"h/a/none\"}", NULL,
		"\"secrets\":[{\"what\":\"damaged\",\"path\":\"coco/secret/h/a/none\"}]");
	ask_for("{\"v\":1,\"do\":\"secret-list\",\"prefix\":\"h/a/easy\"}", NULL,
		"\"secrets\":[{\"path\":\"h/a/easy\",\"version\":1");
	secret_free(s);
}

static void test_others(void **state)
{
	struct denial d = { .step = "resource", .code = "MEASUREMENT", .reason = "because" };
	char id[DENIAL_ID_LEN], request[128];

	denials_note(service.denials, &d, id);
	(void) snprintf(request, sizeof(request), "{\"v\":1,\"do\":\"why\",\"id\":\"%s\"}", id);
	ask_for(request, NULL, "\"reason\":\"because\"");
	ask_for("{\"v\":1,\"do\":\"why\"}", NULL, "MEASUREMENT");
	ask_for("{\"v\":1,\"do\":\"why\",\"id\":\"x\"}", NULL, "ENOENT");
	ask_for("{\"v\":1,\"do\":\"approve\",\"id\":\"0000-0000-0000\"}", NULL, "ENOENT");
	ask_for("{\"v\":1,\"do\":\"approve\"}", NULL, "'id' is missing");
	ask_for("{\"v\":1,\"do\":\"approvals\"}", NULL, "\"approvals\":[]");
	ask_for("{\"v\":1,\"do\":\"status\"}", NULL, "\"state\":\"good\"");
	ask_for("{\"v\":1,\"do\":\"status\"}", NULL, "\"n-claims\":0,");
	ask_for("{\"v\":1,\"do\":\"accept-restore\"}", NULL, "ENOENT");
	atomic_store(&service.restored, true);
	ask_for("{\"v\":1,\"do\":\"status\"}", NULL, "\"state\":\"restored\"");
	ask_for("{\"v\":1,\"do\":\"accept-restore\"}", NULL, "\"ok\":true");
	assert_false(atomic_load(&service.restored));
	ask_for("{\"v\":1,\"do\":\"audit-export\"}", NULL, "\"ok\":true");
	ask_for("{\"v\":1,\"do\":\"audit-export\",\"instance\":\"nobody\"}", NULL, "ENOENT");
}

/* What is there, and what is fetched: without Refresh= nothing is. */
static void test_collateral(void **state)
{
	static const char *const bad[] = { "tdx", "tdx-platform-90C06F000000", "", "../x" };
	char request[256];

	ask_for("{\"v\":1,\"do\":\"collateral-list\"}", NULL, "\"machines\":[],\"files\":[]");
	ask_for("{\"v\":1,\"do\":\"collateral-warm\"}", NULL, "'machine' is missing");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		(void) snprintf(request, sizeof(request),
				"{\"v\":1,\"do\":\"collateral-warm\",\"machine\":\"%s\"}", bad[i]);
		ask_for(request, NULL, "is no sort of machine");
	}
	ask_for("{\"v\":1,\"do\":\"collateral-warm\",\"machine\":\"snp-vcek-Milan\"}", NULL,
		"Refresh=");
	ask_for("{\"v\":1,\"do\":\"collateral-warm\",\"bundle\":\"{}\"}", NULL, "the bundle: ");
	ask_for("{\"v\":1,\"do\":\"collateral-warm\",\"bundle\":\"{\\\"format\\\":"
		"\\\"coco-evidence\\\",\\\"version\\\":1,\\\"made\\\":\\\"-\\\",\\\"items\\\":"
		"[{\\\"kind\\\":\\\"type\\\",\\\"text\\\":\\\"snp\\\"}]}\"}", NULL,
		"cannot be told");
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "{\"v\":1}", "{\"do\":\"status\"}",
		"{\"v\":2,\"do\":\"status\"}", "{\"v\":\"1\",\"do\":\"status\"}",
		"{\"v\":1,\"do\":\"nothing\"}", "{\"v\":1,\"do\":5}",
		"{\"v\":1,\"do\":\"status\"", "{\"v\":1,\"do\":\"status\"}x",
		/* of two members one would count, and nobody says which */
		"{\"v\":1,\"do\":\"status\",\"do\":\"secret-list\"}",
	};
	size_t size = ADMIN_REQUEST_MAX + 100;
	char *large = malloc(size);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ask_for(bad[i], NULL, "\"ok\":false");
	ask_for("{\"v\":1,\"do\":\"secret-remove\",\"path\":5}", NULL, "'path' is not a text");
	ask_for("{\"v\":1,\"do\":\"secret-remove\",\"path\":\"a/b/c\\u0000d\"}", NULL,
		"\"ok\":false");
	ask_for("{\"v\":1,\"do\":\"approve\",\"id\":\"x\",\"no\":1}", NULL,
		"neither true nor false");
	assert_non_null(large);
	memset(large, ' ', size);
	memcpy(large, "{\"v\":1,\"do\":\"status\"", 20);
	large[size - 2] = '}';
	large[size - 1] = '\0';
	ask_for(large, NULL, "this is no request");
	free(large);
}

static bool is_watch(const char *request)
{
	return admin_is_watch((struct bytes){ (const uint8_t *)request, strlen(request) });
}

static void test_watch(void **state)
{
	assert_true(is_watch("{\"v\":1,\"do\":\"watch\"}"));
	assert_false(is_watch("{\"v\":1,\"do\":\"secret-list\",\"prefix\":\"watch\"}"));
	assert_false(is_watch("{\"v\":1,\"do\":\"watch\""));
	/* Nobody can watch a service without watchers. */
	ask_for("{\"v\":1,\"do\":\"watch\"}", NULL, "EOPNOTSUPP");
}

/* ---- over the socket ---- */

static int call(int fd, const char *request, int secret, char ret[static 4096])
{
	int text, got = -EBADF;
	struct msg_header h;
	ssize_t n;
	int r;

	assert_int_equal(memfd_new_sealed("request", request, strlen(request), &text), 0);
	assert_int_equal(frame_send(fd, ADMIN_REQUEST, 0, NULL, 0, text), 0);
	close(text);
	if (secret >= 0)
		assert_int_equal(frame_send(fd, ADMIN_SECRET, 0, NULL, 0, secret), 0);
	r = frame_recv(fd, &h, NULL, 0, &got);
	if (r <= 0)
		return r;
	assert_int_equal(h.type, ADMIN_ANSWER);
	if (h.error)
		return h.error;
	n = pread(got, ret, 4095, 0);
	assert_true(n > 0);
	ret[n] = '\0';
	close(got);
	return 1;
}

static void test_socket(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct admin_server *server = NULL;
	struct cause why = { "" };
	struct msg_header h;
	char answer[4096];
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd, fds[20], pipes[2];

	(void) snprintf(a.sun_path, sizeof(a.sun_path), "%s/admin.sock", store_folder);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(admin_server_new(&service, listener, "no-such-user", &server, &why),
			 -EINVAL);
	/* Whoever runs this test may ask, or is root. */
	assert_int_equal(admin_server_new(&service, listener, "root", &server, &why), 0);
	assert_int_equal(client_connect(a.sun_path, 10000000, &fd), 0);
	if (geteuid() != 0) {
		assert_int_equal(call(fd, "{\"v\":1,\"do\":\"status\"}", -EBADF, answer), -EACCES);
		close(fd);
		server = admin_server_free(server);
		close(listener);
		return;
	}
	assert_int_equal(call(fd, "{\"v\":1,\"do\":\"status\"}", -EBADF, answer), 1);
	assert_non_null(strstr(answer, "\"ok\":true"));
	/* A secret out of a pipe. */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "opensesame", 10), 10);
	close(pipes[1]);
	assert_int_equal(call(fd, "{\"v\":1,\"do\":\"secret-add\",\"path\":\"p/q/r\",\"policy\":\""
			      POLICY "\"}", pipes[0], answer), 1);
	assert_non_null(strstr(answer, "\"version\":1"));
	close(pipes[0]);
	/* A request that is no file, and one without its secret. */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(frame_send(fd, ADMIN_REQUEST, 0, NULL, 0, pipes[0]), 0);
	assert_int_equal(read(fd, answer, sizeof(answer)), 0);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	/* Too many at once are told so, and the others are served. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(client_connect(a.sun_path, 10000000, &fds[i]), 0);
	assert_int_equal(call(fds[0], "{\"v\":1,\"do\":\"status\"}", -EBADF, answer), 1);
	assert_int_equal(frame_recv(fds[19], &h, NULL, 0, NULL), 1);
	assert_int_equal(h.error, -EBUSY);
	/* The end does not wait for those who say nothing. */
	server = admin_server_free(server);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_hostile_store),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_collateral),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_socket),
	};

	return cmocka_run_group_tests(tests, open_admin, close_admin);
}
