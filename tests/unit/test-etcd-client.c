/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes, tokens and leases; tests/double/etcd-nodes.c answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/store/etcd-client.h"
#include "broker/store/etcd-lease.h"
#include "tests/double/etcd-nodes.h"

#include <cmocka.h>

#define NODES "https://a:1,https://b:2,https://[::1]:3"
#define TOKEN_GONE                                                                   \
	{                                                                            \
		.status = 401,                                                       \
		.text = "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}" \
	}
#define RESET(replies) etcd_nodes_reset(replies, ARRAY_SIZE(replies))

static struct etcd_client *client;
static char password[64];
static struct cause why;

static void open_client(bool user)
{
	struct store_options options = { .user = user ? "broker" : NULL,
					 .password_file = user ? password : NULL };

	assert_int_equal(etcd_client_new(NODES, &options, &client, &why), 0);
}

static int close_client(void **state)
{
	client = etcd_client_free(client);
	etcd_nodes_reset(NULL, 0);
	return 0;
}

static int ask(bool changes)
{
	struct pieces body = { .data = (char *)"{}", .len = 2 };
	struct etcd_question q = { .path = "/p", .body = &body, .max = 1000, .changes = changes };
	int r = etcd_client_ask(client, &q, &why);

	etcd_question_done(&q);
	return r;
}

static void asked(unsigned i, const char *node, const char *token)
{
	assert_string_equal(etcd_nodes_asked(i)->node, node);
	assert_string_equal(etcd_nodes_asked(i)->token, token);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"https://a:1,",
		"http://a:1",
		"vsock://2:3",
		"a:1",
		"https://a:1/x",
		"https://u:p@a:1",
		"https://a:1 ,https://b:2",
		"unix:///run/x",
	};
	struct store_options half = { .user = "a" }, other = { .password_file = "/x" },
			     key = { .key = "/x" }, none = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(etcd_client_new(bad[i], &none, &client, &why), -EINVAL);
	assert_int_equal(etcd_client_new(NODES, &half, &client, &why), -EINVAL);
	assert_int_equal(etcd_client_new(NODES, &other, &client, &why), -EINVAL);
	assert_int_equal(etcd_client_new(NODES, &key, &client, &why), -EINVAL);
	assert_null(client);
}

static void test_next_node(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .error = -EAGAIN },
		{ .error = -EAGAIN, .is_lost = true },
		{ .text = "{}" },
		{ .text = "{}" },
		{ .error = -EACCES },
		{ .status = 503, .text = "{\"error\":\"no leader\",\"code\":14}" },
		{ .text = "no JSON" },
		{ .text = "{}" },
	};

	open_client(false);
	RESET(replies);
	assert_int_equal(ask(false), 0);
	asked(0, "https://a:1", "");
	asked(1, "https://b:2", "");
	asked(2, "https://[::1]:3", "");
	/* Whoever answered is asked again. */
	assert_int_equal(ask(false), 0);
	asked(3, "https://[::1]:3", "");
	/* Nobody is left. */
	assert_int_equal(ask(false), -EAGAIN);
	assert_int_equal(etcd_nodes_n_asked(), 7);
	assert_int_equal(ask(false), 0);
}

/* A node that does not answer costs half of the time; a slow cluster has all of it. */
static void test_patience(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .text = "{}" }, { .error = -EAGAIN, .is_lost = true },
		{ .error = -EAGAIN }, { .text = "{}" }, { .text = "{}" },
	};
	static const uint64_t usec[] = { 1000000, 1000000, 2000000, 2000000, 1000000 };
	struct store_options alone = { NULL };

	open_client(false);
	RESET(replies);
	assert_int_equal(ask(false), 0);
	assert_int_equal(ask(false), 0);
	assert_int_equal(ask(false), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(usec); i++)
		assert_int_equal(etcd_nodes_asked(i)->timeout_usec, usec[i]);
	close_client(NULL);
	/* There is nobody else to ask. */
	assert_int_equal(etcd_client_new("https://a:1", &alone, &client, &why), 0);
	RESET(replies);
	assert_int_equal(ask(false), 0);
	assert_int_equal(etcd_nodes_asked(0)->timeout_usec, 2000000);
}

/* What may have been committed is not sent to another node. */
static void test_changes(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .error = -EAGAIN },
		{ .error = -EAGAIN, .is_lost = true },
		{ .error = -ENOMEM, .is_lost = true },
		{ .text = "]" },
		{ .status = 503,
		  .text = "{\"error\":\"etcdserver: request timed out\",\"code\":14}" },
		{ .status = 400, .text = "{\"error\":\"duplicate key given\",\"code\":3}" },
	};

	open_client(false);
	RESET(replies);
	assert_int_equal(ask(true), -EAGAIN);
	assert_int_equal(etcd_nodes_n_asked(), 2);
	assert_int_equal(ask(true), -EAGAIN);
	assert_int_equal(ask(true), -EBADMSG);
	assert_int_equal(ask(true), -EAGAIN);
	assert_int_equal(etcd_nodes_n_asked(), 5);
	assert_int_equal(ask(true), -EREMOTEIO);
	assert_int_equal(ask(true), -EAGAIN);
	assert_int_equal(etcd_nodes_n_asked(), 9);
}

static void test_token(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .text = "{\"token\":\"one.1\"}" },
		{ .text = "{}" },
		{ .text = "{}" },
		TOKEN_GONE,
		{ .text = "{\"token\":\"two.2\"}" },
		{ .text = "{}" },
		TOKEN_GONE,
		{ .text = "{\"token\":\"three.3\"}" },
		TOKEN_GONE,
	};

	open_client(true);
	RESET(replies);
	assert_int_equal(ask(true), 0);
	assert_string_equal(etcd_nodes_asked(0)->path, "/v3/auth/authenticate");
	assert_string_equal(etcd_nodes_asked(0)->body,
			    "{\"name\":\"broker\",\"password\":\"secret word\"}");
	asked(0, "https://a:1", "");
	asked(1, "https://a:1", "one.1");
	assert_int_equal(ask(true), 0);
	asked(2, "https://a:1", "one.1");
	/* A node was restarted. */
	assert_int_equal(ask(true), 0);
	asked(3, "https://a:1", "one.1");
	asked(5, "https://a:1", "two.2");
	/* Once and not for ever. */
	assert_int_equal(ask(true), -EACCES);
	assert_int_equal(etcd_nodes_n_asked(), 9);
	assert_null(strstr(why.text, "secret word"));
}

static void test_refused(void **state)
{
	static const struct etcd_reply refused[] = {
		{ .text = "{\"token\":\"one.1\"}" },
		{ .status = 403,
		  .text = "{\"error\":\"etcdserver: permission denied\",\"code\":7}" },
	};
	static const struct etcd_reply wrong = { .status = 400,
						 .text = "{\"error\":\"etcdserver: authentication "
							 "failed, invalid user ID or "
							 "password\",\"code\":3}" };
	const struct etcd_reply wrongs[] = { wrong, wrong, wrong };
	static const struct etcd_reply bad_tokens[] = {
		{ .text = "{\"token\":\"\"}" },
		{ .text = "{}" },
		{ .text = "{\"token\":7}" },
	};
	/* Anybody could write to it. */
	static const struct etcd_reply off = { .status = 400,
					       .text = "{\"error\":\"etcdserver: authentication is "
						       "not enabled\",\"code\":9}" };
	const struct etcd_reply offs[] = { off, off, off };

	open_client(true);
	RESET(refused);
	assert_int_equal(ask(true), -EACCES);
	assert_non_null(strstr(why.text, "permission denied"));
	close_client(NULL);
	open_client(true);
	RESET(wrongs);
	assert_int_equal(ask(true), -EACCES);
	RESET(bad_tokens);
	assert_int_equal(ask(true), -EBADMSG);
	RESET(offs);
	assert_int_equal(ask(true), -EACCES);
	assert_non_null(strstr(why.text, "not enabled"));
}

static void test_password_file(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .text = "{\"token\":\"one.1\"}" },
		{ .text = "{}" },
	};

	open_client(true);
	RESET(replies);
	assert_int_equal(chmod(password, 0604), 0);
	assert_int_equal(ask(false), -EIO);
	assert_int_equal(chmod(password, 0620), 0);
	assert_int_equal(ask(false), -EIO);
	assert_int_equal(truncate(password, 0), 0);
	assert_int_equal(chmod(password, 0440), 0);
	assert_int_equal(ask(false), -EIO);
	assert_int_equal(unlink(password), 0);
	assert_int_equal(ask(false), -EIO);
	assert_int_equal(etcd_nodes_n_asked(), 0);
	/* It is there again. */
	assert_int_equal(write_file_atomic(password, "secret word\n", 12, 0600, false), 0);
	assert_int_equal(ask(false), 0);
}

static void test_leases(void **state)
{
	static const struct etcd_reply replies[] = {
		{ .text = "{\"ID\":\"1\",\"TTL\":\"330\"}" },
		{ .text = "{\"ID\":\"2\",\"TTL\":\"330\"}" },
		{ .text = "{\"ID\":\"3\",\"TTL\":\"3\"}" },
		{ .text = "{\"ID\":\"4\",\"TTL\":\"330\"}" },
		{ .text = "{\"ID\":\"5\",\"TTL\":\"20\"}" },
		{ .text = "{\"ID\":\"0\",\"TTL\":\"330\"}" },
	};
	_cleanup_(etcd_leases_freep) struct etcd_leases *l = NULL;
	const uint64_t sec = 1000000, t = 1000 * sec;
	uint64_t id;

	open_client(false);
	RESET(replies);
	assert_int_equal(etcd_leases_new(&l), 0);
	assert_int_equal(etcd_lease_get(l, client, 300, t, &id, &why), 0);
	assert_int_equal(id, 1);
	assert_string_equal(etcd_nodes_asked(0)->body, "{\"TTL\":\"330\"}");
	/* Shared until it would end too early. */
	assert_int_equal(etcd_lease_get(l, client, 300, t + 30 * sec, &id, &why), 0);
	assert_int_equal(id, 1);
	assert_int_equal(etcd_lease_get(l, client, 300, t + 30 * sec + 1, &id, &why), 0);
	assert_int_equal(id, 2);
	/* One that ends much later is no good either. */
	assert_int_equal(etcd_lease_get(l, client, 2, t + 31 * sec, &id, &why), 0);
	assert_int_equal(id, 3);
	etcd_leases_forget(l);
	assert_int_equal(etcd_lease_get(l, client, 300, t + 31 * sec, &id, &why), 0);
	assert_int_equal(id, 4);
	/* A shorter one than we asked for, and none. */
	etcd_leases_forget(l);
	assert_int_equal(etcd_lease_get(l, client, 300, t, &id, &why), -EBADMSG);
	assert_int_equal(etcd_lease_get(l, client, 300, t, &id, &why), -EBADMSG);
	assert_int_equal(etcd_lease_get(l, client, 300, t, &id, &why), -EAGAIN);
}

static int begin(void **state)
{
	strcpy(password, "/tmp/test-etcd-client.XXXXXX");
	closep(&(int){ mkstemp(password) });
	return write_file_atomic(password, "secret word\n", 12, 0600, false);
}

static int end(void **state)
{
	(void)unlink(password);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, close_client)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses), TEST(test_next_node), TEST(test_patience), TEST(test_changes),
		TEST(test_token),     TEST(test_refused),   TEST(test_password_file),
		TEST(test_leases),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
