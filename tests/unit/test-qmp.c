/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/output.h"
#include "inject/host/qmp.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

#define LONG_USEC (600 * 1000000ULL)
#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

/*
 * A peer that has written everything before it is asked.  The ids are known: they count from
 * coco-1 (qmp_capabilities).  What the peer receives is discarded.
 */
static int open_with(const char *text, size_t len, uint64_t timeout_usec, bool hang_up,
		     int *ret_peer, struct qmp **ret)
{
	int fds[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write_full(fds[1], text, len), 0);
	if (hang_up)
		assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	r = qmp_new(fds[0], timeout_usec, ret);
	if (r < 0) {
		close_fd(fds[0]);
		close_fd(fds[1]);
	} else
		*ret_peer = fds[1];
	return r;
}

static int open_text(const char *text)
{
	struct qmp *q;
	int peer, r;

	r = open_with(text, strlen(text), LONG_USEC, true, &peer, &q);
	if (r == 0) {
		qmp_free(q);
		close_fd(peer);
	}
	return r;
}

static void test_greeting(void **state)
{
	assert_int_equal(open_text(GREETING "{\"return\": {}, \"id\": \"coco-1\"}\n"), 0);
	assert_int_equal(open_text(GREETING "{\"error\": {\"class\": \"CommandNotFound\", "
					    "\"desc\": \"no\"}, \"id\": \"coco-1\"}\n"),
			 -EREMOTEIO);
	assert_int_equal(open_text(GREETING "{\"error\": {}}\n"), -EREMOTEIO);
	assert_int_equal(open_text(""), -ECONNRESET);
	assert_int_equal(open_text("{\"QMP\""), -ECONNRESET);
	assert_int_equal(open_text(GREETING), -ECONNRESET);
	assert_int_equal(open_text("{}\n"), -EPROTO);
	assert_int_equal(open_text("\n"), -EPROTO);
	assert_int_equal(open_text("[]\n"), -EPROTO);
	assert_int_equal(open_text("SSH-2.0-OpenSSH_9.2\r\n"), -EPROTO);

	/* Text beyond ASCII is valid, escaped or not; text that is not UTF-8 is not. */
	assert_int_equal(open_text("{\"QMP\": {\"package\": \"D\303\251bian "
				   "\360\237\246\200\"}}\n{\"return\": {}, \"id\": \"coco-1\"}\n"),
			 0);
	assert_int_equal(open_text("{\"QMP\": {\"package\": \"D\\u00e9bian\"}}\n{\"return\": {}, "
				   "\"id\": \"coco-1\"}\n"),
			 0);
	assert_int_equal(open_text("{\"QMP\": {\"package\": \"D\351bian\"}}\n{\"return\": {}, "
				   "\"id\": \"coco-1\"}\n"),
			 -EPROTO);
	assert_int_equal(open_text("{\"QMP\": {\"package\": \"\300\257\"}}\n{\"return\": {}, "
				   "\"id\": \"coco-1\"}\n"),
			 -EPROTO);
	assert_int_equal(open_text("{\"QMP\": {\"package\": \"\355\240\200\"}}\n{\"return\": {}, "
				   "\"id\": \"coco-1\"}\n"),
			 -EPROTO);
	assert_int_equal(open_text("{\"QMP\": {\"n\": 18446744073709551616}}\n{\"return\": {}, "
				   "\"id\": \"coco-1\"}\n"),
			 -ERANGE);
}

/* Call the first command after the negotiation, with @answer as the reply. */
static int call(const char *answer, struct json_object **ret, char *ret_desc)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	_cleanup_(closep) int peer = -EBADF;
	int r;

	assert_true(asprintf(&text, "%s{\"return\": {}, \"id\": \"coco-1\"}\r\n%s", GREETING,
			     answer) > 0);
	assert_int_equal(open_with(text, strlen(text), LONG_USEC, true, &peer, &q), 0);
	r = qmp_call(q, "query-sev", NULL, ret);
	if (ret_desc)
		snprintf(ret_desc, 1024, "%s", qmp_error_desc(q));
	return r;
}

static void test_reply(void **state)
{
	static const struct {
		const char *answer;
		int r;
	} cases[] = {
		{ "{\"return\": 5, \"id\": \"coco-2\"}\n", 0 },
		{ "{\"id\": \"coco-2\", \"later\": [1, {}], \"return\": 5}\r\n", 0 },
		{ "  {\"return\":5,\"id\":\"coco-2\"}  \t\n", 0 },
		{ "{\"return\": 4, \"return\": 5, \"id\": \"coco-2\"}\n", -EPROTO },
		/* Whole numbers of 64 bits and no more; a number in quotes is text. */
		{ "{\"x\": [18446744073709551615, -9223372036854775808, 1e99, "
		  "0.99999999999999999999], \"return\": 5, \"id\": \"coco-2\"}\n",
		  0 },
		{ "{\"x\": \"99999999999999999999 \\\" 99999999999999999999\", \"return\": 5, "
		  "\"id\": \"coco-2\"}\n",
		  0 },
		{ "{\"return\": 18446744073709551616, \"id\": \"coco-2\"}\n", -ERANGE },
		{ "{\"return\": -9223372036854775809, \"id\": \"coco-2\"}\n", -ERANGE },
		{ "{\"x\": {\"\": [0, 99999999999999999999]}, \"return\": 5, \"id\": \"coco-2\"}\n",
		  -ERANGE },
		{ "{\"x\": \"\\\\\", \"y\": 99999999999999999999, \"return\": "
		  "5, \"id\": \"coco-2\"}\n",
		  -ERANGE },
		{ "{\"x\": 007, \"return\": 5, \"id\": \"coco-2\"}\n", -EPROTO },
		{ "{\"x\": NaN, \"return\": 5, \"id\": \"coco-2\"}\n", -EPROTO },
		{ "{\"return\": 5, \"id\": \"coco-2\",}\n", -EPROTO },
		{ "{\"return\": 5, /* no */ \"id\": \"coco-2\"}\n", -EPROTO },
		{ "{\"event\": \"STOP\", \"timestamp\": {}}\n{\"return\": 5, \"id\": \"coco-2\"}\n",
		  0 },
		{ "{\"event\": \"STOP\", \"return\": 4, \"id\": \"coco-2\"}\n{\"return\": 5, "
		  "\"id\": \"coco-2\"}\n{\"event\": 1}\n",
		  0 },
		{ "{\"error\": {\"class\": \"GenericError\", \"desc\": "
		  "\"no\"}, \"id\": \"coco-2\"}\n",
		  -EREMOTEIO },
		{ "{\"error\": 7}\n", -EREMOTEIO },
		{ "{\"return\": 5, \"id\": \"coco-1\"}\n", -EPROTO },
		{ "{\"return\": 5, \"id\": 2}\n", -EPROTO },
		{ "{\"return\": 5, \"id\": null}\n", -EPROTO },
		{ "{\"return\": 5}\n", -EPROTO },
		{ "{\"error\": {}, \"id\": \"coco-1\"}\n", -EPROTO },
		{ "{\"return\": 5, \"error\": {}, \"id\": \"coco-2\"}\n", -EPROTO },
		{ "{\"id\": \"coco-2\"}\n", -EPROTO },
		{ GREETING, -EPROTO },
		{ "{\"return\": 5, \"id\": \"coco-2\"} {}\n", -EPROTO },
		{ "{\"return\": 5, \"id\": \"coco-2\"\n", -EPROTO },
		{ "{\"return\": 5,, \"id\": \"coco-2\"}\n", -EPROTO },
		{ "{'return': 5, 'id': 'coco-2'}\n", -EPROTO },
		{ "5\n", -EPROTO },
		{ "null\n", -EPROTO },
		{ "\n", -EPROTO },
		{ "{\"return\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		  "]]]]]]]]]]]],\"id\":\"coco-2\"}\n",
		  -EPROTO },
		{ "{\"return\": 5, \"id\": \"coco-2\"}", -ECONNRESET },
		{ "{\"event\": \"STOP\"}\n", -ECONNRESET },
		{ "", -ECONNRESET },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_putp) struct json_object *o = NULL;
		int r = call(cases[i].answer, &o, NULL);

		if (r != cases[i].r)
			print_message("# %s\n", cases[i].answer);
		assert_int_equal(r, cases[i].r);
		if (r == 0)
			assert_int_equal(json_object_get_int(o), 5);
		else
			assert_null(o);
	}
}

static void test_nul_in_line(void **state)
{
	static const char text[] = GREETING
		"{\"return\": {}, \"id\": \"coco-1\"}\n{\"return\": 5, \"id\": \"coco-2\"}\0\n";
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	_cleanup_(closep) int peer = -EBADF;

	assert_int_equal(open_with(text, sizeof(text) - 1, LONG_USEC, true, &peer, &q), 0);
	assert_int_equal(qmp_call(q, "query-sev", NULL, &o), -EPROTO);
}

static void test_error_text(void **state)
{
	struct json_object *o = NULL;
	char desc[1024], answer[2048], x[1000];

	assert_int_equal(call("{\"error\": {\"desc\": \"SEV: failed \\u001b[2J\\n\\u007f\"}, "
			      "\"id\": \"coco-2\"}\n",
			      &o, desc),
			 -EREMOTEIO);
	assert_string_equal(desc, "SEV: failed ?[2J??");
	assert_int_equal(call("{\"error\": {\"desc\": \"caf\\u00e9 "
			      "\\u009b31m\\u202e\\u2028\\u200b\"}, \"id\": \"coco-2\"}\n",
			      &o, desc),
			 -EREMOTEIO);
	assert_string_equal(desc, "caf\xc3\xa9 ?31m???");
	assert_int_equal(call("{\"error\": {\"desc\": [1]}, \"id\": \"coco-2\"}\n", &o, desc),
			 -EREMOTEIO);
	assert_string_equal(desc, "no description");
	assert_int_equal(call("{\"error\": null, \"id\": \"coco-2\"}\n", &o, desc), -EREMOTEIO);
	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	snprintf(answer, sizeof(answer), "{\"error\": {\"desc\": \"%s\"}, \"id\": \"coco-2\"}\n",
		 x);
	assert_int_equal(call(answer, &o, desc), -EREMOTEIO);
	assert_int_equal(strlen(desc), 511);
}

/* A thread of its own writes, because a socket does not take that much at once. */
struct writer {
	int fd;
	const char *text;
	size_t len, piece;
};

static void *write_pieces(void *arg)
{
	const struct writer *w = arg;

	for (size_t i = 0; i < w->len; i += w->piece)
		if (write_full(w->fd, w->text + i, MIN(w->piece, w->len - i)) < 0)
			break;
	(void) shutdown(w->fd, SHUT_WR);
	return NULL;
}

/* A reply of @len bytes, including the newline, in pieces. */
static int call_long(size_t len, size_t piece)
{
	static const char head[] = GREETING "{\"return\": {}, \"id\": \"coco-1\"}\n",
			  reply[] = "{\"id\": \"coco-2\", \"return\": \"";
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	_cleanup_(freep) char *text = NULL;
	struct writer w = { .piece = piece };
	size_t n = sizeof(head) - 1;
	pthread_t thread;
	int fds[2], r;

	text = malloc(n + len);
	assert_non_null(text);
	memcpy(text, head, n);
	memset(text + n, 'x', len);
	memcpy(text + n, reply, sizeof(reply) - 1);
	memcpy(text + n + len - 3, "\"}\n", 3);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	w.fd = fds[1];
	w.text = text;
	w.len = n + len;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pthread_create(&thread, NULL, write_pieces, &w), 0);
	assert_int_equal(qmp_new(fds[0], LONG_USEC, &q), 0);
	r = qmp_call(q, "query-sev", NULL, &o);
	if (r == 0)
		assert_int_equal(json_object_get_string_len(o), len - sizeof(reply) + 1 - 3);
	qmp_freep(&q);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_fd(fds[1]);
	return r;
}

static void test_long_line(void **state)
{
	assert_int_equal(call_long(100, 1), 0);
	assert_int_equal(call_long(9000, 7), 0);
	assert_int_equal(call_long(QMP_LINE_MAX, 4096), 0);
	assert_int_equal(call_long(QMP_LINE_MAX + 1, 4096), -EPROTO);
	assert_int_equal(call_long(4 * QMP_LINE_MAX, 65536), -EPROTO);
}

static void test_silence(void **state)
{
	static const char text[] = GREETING
		"{\"return\": {}, \"id\": \"coco-1\"}\n{\"event\": \"STOP\"}\n{\"return\"";
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	_cleanup_(closep) int peer = -EBADF;
	struct json_object *o = NULL;

	assert_int_equal(open_with("", 0, 1000, false, &peer, &q), -ETIMEDOUT);
	assert_int_equal(open_with(GREETING, strlen(GREETING), 1000, false, &peer, &q), -ETIMEDOUT);
	assert_int_equal(open_with(text, strlen(text), 200000, false, &peer, &q), 0);
	assert_int_equal(qmp_call(q, "query-sev", NULL, &o), -ETIMEDOUT);
	assert_null(o);
}

/* Sends @text again and again until nobody reads, @pause_usec after each. */
struct talker {
	int fd;
	const char *text;
	useconds_t pause_usec;
};

static void *talk(void *arg)
{
	const struct talker *t = arg;

	while (write_full(t->fd, t->text, strlen(t->text)) == 0)
		if (t->pause_usec)
			(void) usleep(t->pause_usec);
	return NULL;
}

/* The deadline holds whatever comes; without a deadline these tests would not end. */
static void test_talk(void **state)
{
	static const char head[] = GREETING "{\"return\": {}, \"id\": \"coco-1\"}\n";
	static const struct {
		const char *text;
		useconds_t pause_usec;
	} rows[] = {
		{ "{\"event\": \"RESUME\"}\n", 0 },
		{ "{\"event\": \"RESUME\"}\n", 1000 },
		{ " ", 20000 },
	};

	signal(SIGPIPE, SIG_IGN);
	(void) alarm(120);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talker t = { .text = rows[i].text, .pause_usec = rows[i].pause_usec };
		struct json_object *o = NULL;
		struct qmp *q;
		pthread_t thread;

		assert_int_equal(open_with(head, strlen(head), 300000, false, &t.fd, &q), 0);
		assert_int_equal(pthread_create(&thread, NULL, talk, &t), 0);
		assert_int_equal(qmp_call(q, "query-sev", NULL, &o), -ETIMEDOUT);
		assert_null(o);
		qmp_free(q);
		assert_int_equal(pthread_join(thread, NULL), 0);
		close_fd(t.fd);
	}
	(void) alarm(0);
}

static void test_request(void **state)
{
	static const char answers[] = GREETING
		"{\"return\": {}, \"id\": \"coco-1\"}\n{\"return\": {}, \"id\": \"coco-2\"}\n";
	static const char want[] = "{\"execute\":\"qmp_capabilities\",\"id\":\"coco-1\"}\n"
				   "{\"execute\":\"x\",\"id\":\"coco-2\",\"arguments\":{\"gpa\":"
				   "18446744073709551615,\"secret\":\"a/b+\"}}\n";
	_cleanup_(json_putp) struct json_object *arguments = json_object_new_object(), *o = NULL;
	_cleanup_(qmp_freep) struct qmp *q = NULL;
	_cleanup_(closep) int peer = -EBADF;
	char sent[512];
	ssize_t n;

	json_object_object_add(arguments, "gpa", json_object_new_uint64(UINT64_MAX));
	json_object_object_add(arguments, "secret", json_object_new_string("a/b+"));
	assert_int_equal(open_with(answers, strlen(answers), LONG_USEC, false, &peer, &q), 0);
	assert_int_equal(qmp_call(q, "x", arguments, &o), 0);
	n = read(peer, sent, sizeof(sent));
	assert_int_equal(n, strlen(want));
	assert_memory_equal(sent, want, (size_t)n);
}

static void test_connect(void **state)
{
	struct qmp *q;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	assert_int_equal(qmp_connect(path, LONG_USEC, &q), -ENAMETOOLONG);
	assert_int_equal(qmp_connect("/nowhere/at/all", LONG_USEC, &q), -ENOENT);
}

/* ---- what several versions of QEMU say: $COCO_VECTORS/sev/qmp ---- */

static void test_vectors(void **state)
{
	struct json_object *cases;
	char path[PATH_MAX];

	cases = json_object_from_file(vectors_path(path, "sev/qmp/replies.json"));
	assert_non_null(cases);
	assert_true(json_object_array_length(cases) >= 9);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i), *msg, *v, *o = NULL;
		char text[4096] = "";
		bool many, error;

		/* The recorded messages have no id, because their questions had none. */
		assert_true(json_object_object_get_ex(c, "msg", &msg));
		many = json_object_is_type(msg, json_type_array);
		for (size_t k = 0; k < (many ? json_object_array_length(msg) : 1); k++) {
			struct json_object *m = many ? json_object_array_get_idx(msg, k) : msg;

			if (!json_object_object_get_ex(m, "event", NULL))
				json_object_object_add(m, "id", json_object_new_string("coco-2"));
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 json_object_to_json_string_ext(m, JSON_C_TO_STRING_PLAIN));
		}
		error = !many && json_object_object_get_ex(msg, "error", &v);
		assert_int_equal(call(text, &o, NULL), error ? -EREMOTEIO : 0);
		json_object_put(o);
	}
	json_object_put(cases);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting),    cmocka_unit_test(test_reply),
		cmocka_unit_test(test_nul_in_line), cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_long_line),   cmocka_unit_test(test_silence),
		cmocka_unit_test(test_talk),
		cmocka_unit_test(test_request),	    cmocka_unit_test(test_connect),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/qmp/replies.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
