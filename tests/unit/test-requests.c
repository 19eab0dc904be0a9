/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients of the control socket that ask nothing: they are disconnected in time, and never keep
 * others out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/keeper.h"
#include "base/io.h"
#include "ipc/frame.h"

#define MAX_CLIENTS 32
#define IDLE_USEC (200 * USEC_PER_MSEC)

static char dir[] = "/tmp/test-requests.XXXXXX";
static char journal[64];
static struct keeper k;
static int fds[2 * MAX_CLIENTS], n_fds;

static int set_up(void **state)
{
	if (geteuid() != 0)
		return 0;
	k = (struct keeper){ .idle_usec = 600 * USEC_PER_SEC, .room.clients = MAX_CLIENTS };
	n_fds = 0;
	return loop_new(&k.loop) < 0 || store_new(NULL, 0, NULL, journal, &k.store) < 0 ? -1 :
											       0;
}

static int tear_down(void **state)
{
	if (geteuid() != 0)
		return 0;
	clients_stop(&k);
	assert_int_equal(k.n_clients, 0);
	k.store = store_free(k.store);
	k.loop = loop_free(k.loop);
	for (int i = 0; i < n_fds; i++)
		close_fd(fds[i]);
	(void) unlink(journal);
	return 0;
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("needs root: cocod serves nobody else\n");
	return false;
}

static int connected(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    pair),
			 0);
	on_client_connection(&k, pair[1]);
	fds[n_fds++] = pair[0];
	return pair[0];
}

static void ask(int fd)
{
	struct msg_index q = { .index = 1000 };

	assert_int_equal(frame_send(fd, MSG_SOURCE_INFO, 0, &q, sizeof(q), -EBADF), 0);
}

/* Do everything that can be done without waiting. */
static void run(void)
{
	while (loop_turn(k.loop, 0) > 0)
		;
}

static bool answered(int fd)
{
	struct msg_header h;

	run();
	return frame_recv(fd, &h, NULL, 0, NULL) == 1 && h.type == MSG_SOURCE_INFO &&
	       h.error == -ENOENT;
}

static bool is_open(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void test_many(void **state)
{
	int fd;

	if (!need_root())
		skip();
	for (int i = 0; i < MAX_CLIENTS; i++)
		assert_true(is_open(connected()));
	run();
	/* The first client has asked since, so the second has been idle for longest. */
	ask(fds[0]);
	assert_true(answered(fds[0]));
	fd = connected();
	ask(fd);
	assert_true(answered(fd));
	assert_false(is_open(fds[1]));
	for (int i = 0; i < MAX_CLIENTS; i++)
		assert_int_equal(is_open(fds[i]), i != 1);
	assert_int_equal(k.n_clients, MAX_CLIENTS);
	/* This happens whenever a client comes. */
	for (int i = 0; i < MAX_CLIENTS - 1; i++) {
		fd = connected();
		ask(fd);
		assert_true(answered(fd));
	}
	assert_int_equal(k.n_clients, MAX_CLIENTS);
}

/* A sent request is answered, however many clients come after it. */
static void test_request_waits(void **state)
{
	if (!need_root())
		skip();
	for (int i = 0; i < MAX_CLIENTS; i++) {
		(void) connected();
		if (i < 3)
			ask(fds[i]);
	}
	for (int i = 0; i < 5; i++)
		assert_true(is_open(connected()));
	for (int i = 0; i < MAX_CLIENTS; i++)
		assert_true(i < 3 ? answered(fds[i]) : is_open(fds[i]) == (i >= 8));
}

/* When all clients are asking something, another is refused and none is disconnected. */
static void test_all_ask(void **state)
{
	if (!need_root())
		skip();
	for (int i = 0; i < MAX_CLIENTS; i++)
		ask(connected());
	assert_false(is_open(connected()));
	for (int i = 0; i < MAX_CLIENTS; i++)
		assert_true(answered(fds[i]));
}

static struct watch *tick;

static int on_tick(void *userdata)
{
	unsigned *n = userdata;

	(*n)++;
	ask(fds[0]);
	return watch_again_after(tick, IDLE_USEC / 8);
}

/* In time clients that ask nothing are disconnected, and no others. */
static void test_idle(void **state)
{
	struct msg_header h;
	unsigned n = 0;

	if (!need_root())
		skip();
	k.idle_usec = IDLE_USEC;
	for (int i = 0; i < 4; i++)
		(void) connected();
	assert_true(watch_after(k.loop, 1000, on_tick, &n, &tick) >= 0);
	while (k.n_clients > 1 || n < 24)
		assert_true(loop_turn(k.loop, UINT64_MAX) >= 0);
	run();
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(frame_recv(fds[0], &h, NULL, 0, NULL), 1);
	assert_true(is_open(fds[0]));
	for (int i = 1; i < 4; i++)
		assert_false(is_open(fds[i]));
	tick = watch_free(tick);
	while (k.n_clients > 0)
		assert_true(loop_turn(k.loop, UINT64_MAX) >= 0);
}

/* Ask on a connection of its own, and take the answer's body. */
static int call(uint16_t type, const void *body, size_t len, void *ret, size_t size)
{
	int fd = connected();
	struct msg_header h;

	assert_int_equal(frame_send(fd, type, 0, body, len, -EBADF), 0);
	run();
	assert_int_equal(frame_recv(fd, &h, ret, size, NULL), 1);
	assert_int_equal(h.type, type);
	return h.error;
}

#define REMOTE "947b7564-ba1f-83b3-9b2d-e77f5666d784"

/* A keeper of one secret, which a broker has, with a gate for it that is @open. */
static void start_broker(struct config *c, struct secret_policy *p, bool open)
{
	strcpy(c->broker.urls[0], "vsock://2:8743");
	c->broker.n_urls = 1;
	assert_int_equal(guid_parse(REMOTE, 36, &p->guid), 0);
	strcpy(p->name, "root");
	strcpy(p->consumers, "get");
	k.store = store_free(k.store);
	assert_int_equal(store_new(p, 1, NULL, journal, &k.store), 0);
	k.config = c;
	k.gate = (struct gate){ .state = "closed", .require_reason = "the default" };
	k.broker_gate = (struct broker_gate){ .open = open,
					      .state = open ? "configured" : "closed",
					      .reason = "because" };
}

static void test_broker_status(void **state)
{
	struct secret_policy p = { .path = "default/luks/root", .no_launch = true };
	struct msg_index first = { 0 };
	struct config c = { 0 };
	struct msg_secret m;
	struct msg_status s;

	if (!need_root())
		skip();
	start_broker(&c, &p, true);
	assert_int_equal(call(MSG_STATUS, NULL, 0, &s, sizeof(s)), 0);
	assert_false(s.gate_open);
	assert_true(s.broker.open);
	assert_string_equal(s.broker.state, "configured");
	assert_string_equal(s.broker.reason, "because");
	assert_int_equal(s.broker.n_urls, 1);
	assert_string_equal(s.broker.urls[0], "vsock://2:8743");
	assert_string_equal(s.broker.result, "");
	assert_int_equal(s.n_remote, 1);
	assert_int_equal(s.n_secrets[SECRET_PRESENT], 0);
	assert_int_equal(call(MSG_SECRET_INFO, &first, sizeof(first), &m, sizeof(m)), 0);
	assert_true(m.remote);
	assert_int_equal(m.state, SECRET_PRESENT);
	assert_string_equal(m.uri, "kbs:///default/luks/root");
	assert_string_equal(m.source, "kbs");
	assert_string_equal(m.guid, REMOTE);
	keeper_note_broker(&k, "policy", "no\x1b[31m", "id7");
	assert_int_equal(store_advance(k.store, store_get(k.store, 0), SECRET_DELIVERED), 0);
	assert_int_equal(call(MSG_STATUS, NULL, 0, &s, sizeof(s)), 0);
	assert_string_equal(s.broker.result, "policy");
	assert_null(strchr(s.broker.text, '\x1b'));
	assert_string_equal(s.broker.id, "id7");
	assert_true(s.broker.result_usec > 0);
	assert_int_equal(s.n_remote, 0);
	assert_int_equal(s.n_secrets[SECRET_DELIVERED], 1);
}

/* The two gates: that of launch secrets never opens the way to the broker, nor the reverse. */
static void test_broker_gates(void **state)
{
	struct secret_policy p = { .path = "default/luks/root" };
	struct msg_read q = { .name = "root" };
	struct config c = { 0 };
	char body[64];

	if (!need_root())
		skip();
	for (unsigned i = 0; i < 8; i++) {
		bool launch = i & 1, broker = i & 2, first = i & 4;
		char path[128];
		int expected;

		/* The secret is there as a launch secret too. */
		p.broker_first = first;
		start_broker(&c, &p, broker);
		k.store = store_free(k.store);
		k.directory = (struct secret_source){ "directory", dir };
		snprintf(path, sizeof(path), "%s/%s", dir, REMOTE);
		assert_int_equal(write_file_atomic(path, "launch", 6, 0600, false), 0);
		assert_int_equal(store_new(&p, 1, &k.directory, journal, &k.store), 0);
		assert_int_equal(store_scan(k.store), 1);
		k.gate.open = launch;
		/* What lies here is a launch secret, whichever its owner prefers. */
		expected = launch ? 0 : -EPERM;
		assert_int_equal(call(MSG_SECRET_READ, &q, sizeof(q), body, sizeof(body)),
				 expected);
		assert_int_equal(unlink(path), 0);
		(void) unlink(journal);
	}
	/* Without a launch secret the broker's gate alone counts. */
	for (unsigned i = 0; i < 4; i++) {
		start_broker(&c, &p, i & 2);
		k.gate.open = i & 1;
		assert_int_equal(call(MSG_SECRET_READ, &q, sizeof(q), body, sizeof(body)),
				 i & 2 ? -EREMOTE : -EPERM);
		(void) unlink(journal);
	}
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal, sizeof(journal), "%s/journal", dir);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_request_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_ask, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broker_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broker_gates, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
