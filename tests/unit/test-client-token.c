/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request of the LUKS2 token plugin.  The judge of the header and the broker are the test's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/keeper.h"
#include "agent/keeper/worker-call.h"
#include "base/io.h"
#include "ipc/frame.h"
#include "tests/unit/fds.h"

#define GUID "947b7564-ba1f-83b3-9b2d-e77f5666d784"

struct worker_call {
	struct worker_question q;
};

struct fetch {
	struct fetch_question q;
};

static char dir[] = "/tmp/test-client-token.XXXXXX";
static char journal[64], file[128];
static struct {
	struct keeper k;
	struct config config;
	struct secret_policy policy;
	struct worker_call *judge;	/* the question that waits, or NULL */
	int judge_error;		/* of the next worker_call_new() */
	char allowed[LUKS_TOKENS_LEN];
	struct fetch *fetch;		/* the same at the broker */
	unsigned n_judged, n_confirmed;
	int fd;				/* the client's end */
	int n_fds;
} t;

int __wrap_worker_call_new(const struct worker_question *q, struct worker_call **ret);
struct worker_call *__wrap_worker_call_free(struct worker_call *c);
int __wrap_fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret);
struct fetch *__wrap_fetch_free(struct fetch *f);
void __wrap_fetch_confirm(struct fetch *f);

int __wrap_worker_call_new(const struct worker_question *q, struct worker_call **ret)
{
	if (t.judge_error)
		return t.judge_error;
	assert_null(t.judge);
	assert_int_equal(q->n_frames, 1);
	assert_int_equal(q->frames[0].type, MSG_LUKS_TEXT);
	assert_int_equal(q->frames[0].len, sizeof(struct luks_question));
	memcpy(t.allowed, q->frames[0].body, sizeof(t.allowed));
	assert_true(fcntl(q->frames[0].fd, F_GETFD) & FD_CLOEXEC);
	t.judge = calloc(1, sizeof(*t.judge));
	t.judge->q = *q;
	t.n_judged++;
	*ret = t.judge;
	return 0;
}

struct worker_call *__wrap_worker_call_free(struct worker_call *c)
{
	if (c && c == t.judge)
		t.judge = NULL;
	free(c);
	return NULL;
}

int __wrap_fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret)
{
	t.fetch = calloc(1, sizeof(*t.fetch));
	t.fetch->q = *q;
	*ret = t.fetch;
	return 0;
}

struct fetch *__wrap_fetch_free(struct fetch *f)
{
	if (f && f == t.fetch)
		t.fetch = NULL;
	free(f);
	return NULL;
}

void __wrap_fetch_confirm(struct fetch *f)
{
	t.n_confirmed++;
	__wrap_fetch_free(f);
}

static void run(void)
{
	while (loop_turn(t.k.loop, 0) > 0)
		;
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("needs root: cocod serves nobody else\n");
	return false;
}

/* A keeper with one secret, "data", of those bytes (NULL: the broker has it), for @consumers. */
static void start(const char *consumers, const char *bytes, size_t len)
{
	int pair[2];

	memset(&t, 0, sizeof(t));
	assert_int_equal(guid_parse(GUID, 36, &t.policy.guid), 0);
	strcpy(t.policy.name, "data");
	assert_int_equal(secret_policy_set_consumers(&t.policy, consumers), 0);
	t.policy.wipe = secret_policy_default_wipe(&t.policy);
	t.policy.volume_header = VOLUME_HEADER_IGNORE;
	strcpy(t.policy.allow_tokens, "clevis");
	t.policy.no_launch = !bytes;
	if (!bytes)
		strcpy(t.policy.path, "default/luks/data");
	else
		assert_int_equal(write_file_atomic(file, bytes, len, 0600, false), 0);
	t.k.config = &t.config;
	t.k.room.clients = ROOM_CLIENTS;
	t.k.directory = (struct secret_source){ "directory", dir };
	t.k.gate = (struct gate){ .open = bytes != NULL, .state = "open" };
	t.k.broker_gate = (struct broker_gate){ .open = !bytes, .state = "configured" };
	t.k.broker = bytes ? NULL : (struct broker *)&t;
	assert_true(loop_new(&t.k.loop) >= 0);
	assert_int_equal(store_new(&t.policy, 1, bytes ? &t.k.directory : NULL, journal,
				   &t.k.store), 0);
	(void) store_scan(t.k.store);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    pair),
			 0);
	on_client_connection(&t.k, pair[1]);
	t.fd = pair[0];
	run();
	t.n_fds = count_fds();
}

static struct store_entry *entry(void)
{
	return store_get(t.k.store, 0);
}

static void stop(void)
{
	clients_stop(&t.k);
	assert_null(t.judge);
	assert_null(t.fetch);
	assert_int_equal(entry()->n_pending, 0);
	store_free(t.k.store);
	loop_free(t.k.loop);
	close_fd(t.fd);
	(void) unlink(file);
	(void) unlink(journal);
}

static void ask(const char *name, bool with_header)
{
	_cleanup_(closep) int header = memfd_create("header", MFD_CLOEXEC);
	struct msg_name q = { "" };

	strcpy(q.name, name);
	assert_int_equal(frame_send(t.fd, MSG_TOKEN_OPEN, 0, &q, sizeof(q),
				    with_header ? header : -EBADF),
			 0);
	run();
}

static bool is_closed(void)
{
	char c;

	return recv(t.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool is_silent(void)
{
	char c;

	return recv(t.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* The errno that was answered. */
static int error(void)
{
	struct msg_header h;

	assert_int_equal(frame_recv(t.fd, &h, NULL, 0, NULL), 1);
	assert_int_equal(h.type, MSG_TOKEN_OPEN);
	assert_int_equal(h.len, 0);
	return h.error;
}

static struct msg_fetched answer(void)
{
	struct msg_fetched m;
	struct msg_header h;

	assert_int_equal(frame_recv(t.fd, &h, &m, sizeof(m), NULL), 1);
	assert_int_equal(h.type, MSG_TOKEN_OPEN);
	assert_int_equal(h.error, 0);
	assert_non_null(memchr(m.text, 0, sizeof(m.text)));
	return m;
}

static void judge(int verdict, const char *reason)
{
	struct luks_verdict v = { .error = verdict, .version = 2 };

	strcpy(v.reason, reason);
	assert_non_null(t.judge);
	t.judge->q.done(t.judge->q.userdata, &v, NULL);
	run();
}

/* Read from the client's key; the errno that was answered. */
static int read_key(uint16_t type, char *ret, size_t size, size_t *ret_len)
{
	const struct msg_offset at = { 0 };
	const struct msg_read read = { .name = "data" };
	struct msg_header h;

	assert_int_equal(frame_send(t.fd, type, 0,
				    type == MSG_SECRET_READ ? (const void *)&read : &at,
				    type == MSG_SECRET_READ ? sizeof(read) : sizeof(at), -EBADF),
			 0);
	run();
	assert_int_equal(frame_recv(t.fd, &h, ret, size, NULL), 1);
	*ret_len = h.len;
	return h.error;
}

static int done(uint16_t type)
{
	struct msg_name q = { "data" };
	struct msg_header h;

	assert_int_equal(frame_send(t.fd, type, 0, type == MSG_FETCHED_DONE ? NULL : &q,
				    type == MSG_FETCHED_DONE ? 0 : sizeof(q), -EBADF),
			 0);
	run();
	assert_int_equal(frame_recv(t.fd, &h, NULL, 0, NULL), 1);
	return h.error;
}

static void test_key(void **state)
{
	char bytes[64];
	size_t len;

	if (!need_root())
		skip();
	start("token", "key\0", 4);
	ask("data", true);
	assert_true(is_silent());
	assert_int_equal(entry()->n_pending, 1);
	/* The header is judged, though the owner wants none judged, by what the secret allows. */
	assert_string_equal(t.allowed, "clevis");
	judge(0, "LUKS2");
	assert_int_equal(answer().len, 3);
	/* It is a key, and nothing that "get" would give. */
	assert_int_equal(read_key(MSG_SECRET_READ, bytes, sizeof(bytes), &len), -EACCES);
	assert_int_equal(done(MSG_SECRET_DELIVERED), -EACCES);
	assert_int_equal(read_key(MSG_FETCHED_READ, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "key", 3);
	assert_int_equal(entry()->state, SECRET_PRESENT);
	assert_int_equal(done(MSG_FETCHED_DONE), 0);
	assert_int_equal(entry()->state, SECRET_DELIVERED);
	assert_string_equal(entry()->delivered_to, "token");
	assert_int_equal(entry()->n_pending, 0);
	/* Nothing stays, and there is nothing to be done twice. */
	assert_int_equal(read_key(MSG_FETCHED_READ, bytes, sizeof(bytes), &len), -ENOKEY);
	assert_int_equal(done(MSG_FETCHED_DONE), 0);
	assert_int_equal(count_fds(), t.n_fds);
	stop();
}

static void test_broker(void **state)
{
	struct secret *s;
	char bytes[64];
	size_t len;

	if (!need_root())
		skip();
	start("token", NULL, 0);
	ask("data", true);
	assert_null(t.fetch);	/* not before the header is good */
	judge(0, "LUKS2");
	assert_non_null(t.fetch);
	assert_string_equal(t.fetch->q.path, "default/luks/data");
	assert_int_equal(secret_new(5, &s), 0);
	memcpy(secret_bytes(s), "five\0", 5);
	t.fetch->q.done(t.fetch->q.userdata, s, NULL);
	assert_int_equal(answer().len, 4);
	assert_int_equal(read_key(MSG_FETCHED_READ, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(done(MSG_FETCHED_DONE), 0);
	/* Nobody knows whether it was of use: the broker is not told that it was. */
	assert_int_equal(t.n_confirmed, 0);
	assert_string_equal(entry()->delivered_to, "token");

	/* An empty one, whatever is allowed. */
	entry()->policy.allow_empty = true;
	ask("data", true);
	judge(0, "LUKS2");
	assert_int_equal(secret_new(0, &s), 0);
	t.fetch->q.done(t.fetch->q.userdata, s, NULL);
	assert_non_null(strstr(answer().text, "empty"));
	assert_int_equal(read_key(MSG_FETCHED_READ, bytes, sizeof(bytes), &len), -ENOKEY);
	stop();
}

/* Said at once, and nobody is asked about a header. */
static void test_refused(void **state)
{
	static const char *const others[] = { "get", "cryptsetup get", "cryptsetup:token",
					      "credential:token.service", "uid:1" };

	if (!need_root())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		start(others[i], "key", 3);
		ask("data", true);
		assert_int_equal(error(), -EACCES);
		assert_int_equal(t.n_judged, 0);
		assert_int_equal(count_fds(), t.n_fds);
		stop();
	}
	start("token", "key", 3);
	ask("other", true);
	assert_int_equal(error(), -ENOKEY);
	t.k.gate.open = false;
	ask("data", true);
	assert_int_equal(error(), -EPERM);
	t.k.gate.open = true;
	assert_int_equal(store_wipe(t.k.store, entry()), 0);
	ask("data", true);
	assert_int_equal(error(), -EKEYREVOKED);
	assert_int_equal(t.n_judged, 0);
	assert_int_equal(count_fds(), t.n_fds);
	stop();

	/* Without a header there is nothing to judge. */
	start("token", "key", 3);
	ask("data", false);
	assert_true(is_closed());
	stop();
}

static void test_judge(void **state)
{
	static const struct {
		int verdict;
		const char *reason;
	} bad[] = {
		{ -EKEYREJECTED, "cipher_null" }, { -EBADMSG, "malformed" }, { 1, "what" },
	};
	char bytes[64];
	size_t len;

	if (!need_root())
		skip();
	start("token", "key", 3);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct msg_fetched m;

		ask("data", true);
		judge(bad[i].verdict, bad[i].reason);
		m = answer();
		assert_int_not_equal(m.error, 0);
		assert_non_null(strstr(m.text, bad[i].reason));
		assert_int_equal(read_key(MSG_FETCHED_READ, bytes, sizeof(bytes), &len), -ENOKEY);
		assert_int_equal(entry()->n_pending, 0);
	}
	/* It answers nothing, or cannot be asked. */
	ask("data", true);
	t.judge->q.done(t.judge->q.userdata, NULL, "it is mute");
	assert_non_null(strstr(answer().text, "it is mute"));
	t.judge_error = -ECONNREFUSED;
	ask("data", true);
	assert_non_null(strstr(answer().text, "cannot be asked"));
	t.judge_error = 0;
	assert_int_equal(entry()->n_pending, 0);
	assert_int_equal(entry()->state, SECRET_PRESENT);
	assert_int_equal(count_fds(), t.n_fds);
	stop();
}

/* What held when it was asked no longer holds when the header is judged. */
static void test_meanwhile(void **state)
{
	if (!need_root())
		skip();
	start("token", "key", 3);
	ask("data", true);
	t.k.gate.open = false;
	judge(0, "LUKS2");
	assert_int_not_equal(answer().error, 0);
	t.k.gate.open = true;
	ask("data", true);
	assert_int_equal(store_wipe(t.k.store, entry()), 0);
	judge(0, "LUKS2");
	assert_int_not_equal(answer().error, 0);
	stop();

	start("token", "key", 3);
	ask("data", true);
	assert_int_equal(unlink(file), 0);
	judge(0, "LUKS2");
	assert_int_not_equal(answer().error, 0);
	stop();

	start("token", "", 0);
	entry()->policy.allow_empty = true;
	ask("data", true);
	judge(0, "LUKS2");
	assert_non_null(strstr(answer().text, "empty"));
	stop();

	start("token get", "key", 3);
	ask("data", true);
	ask("data", true);
	assert_int_equal(error(), -EBUSY);
	assert_non_null(t.judge);
	judge(0, "LUKS2");
	assert_int_equal(answer().len, 3);
	stop();

	/* The client goes away while its header is judged, and while it has the key. */
	for (int i = 0; i < 2; i++) {
		start("token", "key", 3);
		ask("data", true);
		if (i == 1)
			judge(0, "LUKS2");
		t.fd = close_fd(t.fd);
		run();
		assert_null(t.judge);
		assert_int_equal(t.k.n_clients, 0);
		assert_int_equal(entry()->n_pending, 0);
		assert_int_equal(entry()->state, SECRET_PRESENT);
		stop();
	}
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal, sizeof(journal), "%s.journal", dir);
	snprintf(file, sizeof(file), "%s/" GUID, dir);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),	  cmocka_unit_test(test_broker),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_judge),
		cmocka_unit_test(test_meanwhile),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
