/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conversations with cocod, over HTTP that is the test's: each request gets the next row of a
 * script.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/net/conversation.h"
#include "agent/net/evidence-json.h"
#include "agent/net/init-data.h"
#include "base/io.h"
#include "ipc/frame.h"
#include "net/session.h"
#include "wire/broker.h"

#define NONCE "JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFA="
#define CHALLENGE "{\"nonce\":\"" NONCE "\",\"extra-params\":\"\"}"
#define TYPE(name) "{\"type\":\"https://github.com/confidential-containers/kbs/errors/" name "\"}"
#define TOKEN "{\"token\":\"a.b.c\"}"
#define A "https://a.example"
#define B "https://b.example:8443"
#define PIN "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PEM "-----BEGIN-----"
#define INIT_DATA "version = \"0.1.0\"\n"
/* 32, 40, 12 and 16 bytes 00; the header has alg, enc and epk */
#define B32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B40 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEADER                                                                                     \
	"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiUC0yNTYiLCJrdHki" \
	"OiJFQyIsIngiOiIzRTkwMTFsbktXcEtZZi1WREZZN1BzNnB2MWNRcUJfeEMxNGZKUVFoQklFIiwieSI6Ik9EZ1U1" \
	"LVZTeTR0QXVMYzQ3d2tKZUhiNE1NOEotNHVQRF9lUXdDbVkzS28ifX0"
#define JWE                                                              \
	"{\"protected\":\"" HEADER "\",\"encrypted_key\":\"" B40         \
	"\",\"iv\":\"AAAAAAAAAAAAAAAA\",\"ciphertext\":\"_-8\",\"tag\":" \
	"\"AAAAAAAAAAAAAAAAAAAAAA\"}"
#define RELEASE                                                                                    \
	"1.42.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0" \
	"-Pw"

/* ---- the network of the test ---- */

struct row {
	const char *url, *path;
	const char *cookie; /* that must come with the request; NULL: none */
	int error; /* in place of an answer */
	int status;
	uint32_t retry_sec;
	const char *answer, *set_cookie, *release;
	const char *body; /* part of the request's */
};

static struct {
	const struct row *rows;
	size_t n_rows, next;
	struct http_session_setup setup; /* of the last session */
	int error; /* of http_session_new() */
	unsigned n_sessions;
} net;

struct http_session {
	char url[BROKER_URL_LEN];
};

int http_session_new(const struct http_session_setup *s, struct http_session **ret,
		     struct cause *why)
{
	if (net.error < 0)
		return cause_set(why, net.error, "no session \033");
	net.setup = *s;
	net.n_sessions++;
	*ret = calloc(1, sizeof(**ret));
	assert_non_null(*ret);
	snprintf((*ret)->url, sizeof((*ret)->url), "%s", s->url);
	return 0;
}

struct http_session *http_session_free(struct http_session *s)
{
	free(s);
	return NULL;
}

void http_exchange_done(struct http_exchange *x)
{
	free(x->answer);
	free(x->set_cookie);
	free(x->release);
}

int http_session_ask(struct http_session *s, struct http_exchange *x, struct cause *why)
{
	const struct row *row = &net.rows[net.next];

	if (net.next++ >= net.n_rows)
		fail_msg("%s %s is a request too much", s->url, x->path);
	assert_string_equal(s->url, row->url);
	assert_string_equal(x->path, row->path);
	assert_string_equal(x->cookie ? x->cookie : "", row->cookie ? row->cookie : "");
	assert_string_equal(x->method, strstr(x->path, "/resource/") ? "GET" : "POST");
	if (x->method[0] == 'G')
		assert_null(x->body);
	else
		assert_non_null(strstr(x->body, row->body ? row->body : "{"));
	assert_int_equal(x->max, 128 * 1024);
	if (row->error < 0)
		return cause_set(why, row->error, "no answer from %s \033", s->url);
	x->status = row->status;
	x->retry_sec = row->retry_sec;
	x->answer = strdup(row->answer ? row->answer : "");
	x->answer_len = strlen(x->answer);
	x->set_cookie = row->set_cookie ? strdup(row->set_cookie) : NULL;
	x->release = row->release ? strdup(row->release) : NULL;
	return 0;
}

/* ---- what others make ---- */

int evidence_json(const struct bundle *b, const char *tee, const uint8_t *digest, size_t digest_len,
		  struct json_object **ret, struct cause *why)
{
	assert_int_equal(digest_len, 48);
	assert_int_equal(digest[47], 48);
	if (strcmp(bundle_text(b, BUNDLE_TYPE), "none") == 0)
		return cause_set(why, -EOPNOTSUPP, "no such evidence");
	*ret = json_object_new_string(tee);
	return 0;
}

int init_data_read(int fd, char **ret_text, size_t *ret_len, struct init_data *ret,
		   struct cause *why)
{
	char text[100];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	if (n == 0)
		return cause_set(why, -EBADMSG, "nothing in it");
	*ret_text = strndup(text, (size_t)n);
	*ret_len = (size_t)n;
	*ret = (struct init_data){ .url = "https://init.example", .uri = "kbs:///i/n/it" };
	return 0;
}

/* ---- cocod's side: all requests are sent first, and then the conversation is held ---- */

static int cocod, theirs;

static int set_up(void **state)
{
	int pair[2];

	memset(&net, 0, sizeof(net));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cocod = pair[0];
	theirs = pair[1];
	return 0;
}

static int tear_down(void **state)
{
	close(cocod);
	close(theirs);
	return 0;
}

static void say(uint16_t type, const void *body, size_t len, int fd)
{
	assert_int_equal(frame_send(cocod, type, 0, body, len, fd), 0);
}

static int memory(const void *data, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	/* The position stays at the end, as a writer leaves it. */
	assert_int_equal(write_full(fd, data, len), 0);
	return fd;
}

static void say_with(uint16_t type, const void *body, size_t len, const void *data, size_t data_len)
{
	int fd = memory(data, data_len);

	say(type, body, len, fd);
	close(fd);
}

static struct net_setup setup_of(enum broker_trust trust)
{
	struct net_setup s = { .trust = trust,
			       .n_urls = 2,
			       .urls = { A, B },
			       .server_name = "kbs.example",
			       .connect_usec = 2000000,
			       .request_usec = 10000000 };

	if (trust == BROKER_TRUST_PUBLIC_KEY)
		snprintf(s.public_key, sizeof(s.public_key), PIN);
	return s;
}

static void say_setup(void)
{
	struct net_setup s = setup_of(BROKER_TRUST_IDENTITY);

	say_with(MSG_NET_SETUP, &s, sizeof(s), PEM, strlen(PEM));
}

static struct net_auth auth_of(void)
{
	return (struct net_auth){ .tee = "snp", .n_paths = 1, .paths = { "a/b/c" }, .coco = 1 };
}

static void say_auth(void)
{
	struct net_auth a = auth_of();

	say(MSG_NET_AUTH, &a, sizeof(a), -1);
}

static void say_attest(const char *type)
{
	struct net_attest a = { .curve = BROKER_P256, .coordinate_len = 32, .digest_len = 48 };
	uint8_t pack[64] = BUNDLE_MAGIC;
	size_t len = strlen(type);

	a.digest[47] = 48;
	bundle_item_header(pack + BUNDLE_MAGIC_LEN, BUNDLE_TYPE, false, len);
	memcpy(pack + BUNDLE_MAGIC_LEN + 8, type, len);
	say_with(MSG_NET_ATTEST, &a, sizeof(a), pack, BUNDLE_MAGIC_LEN + 8 + len);
}

static void say_path(uint16_t type, const char *path)
{
	struct net_get g = { "" };

	snprintf(g.path, sizeof(g.path), "%s", path);
	say(type, &g, sizeof(g), -1);
}

static int hold(const struct row *rows, size_t n_rows)
{
	int r;

	net.rows = rows;
	net.n_rows = n_rows;
	assert_int_equal(shutdown(cocod, SHUT_WR), 0);
	r = conversation_hold(theirs);
	assert_int_equal(shutdown(theirs, SHUT_WR), 0);
	assert_int_equal(net.next, net.n_rows);
	return r;
}

static void hear(uint16_t type, void *body, size_t len, int *ret_fd)
{
	struct msg_header h;
	int fd = -1;

	assert_int_equal(frame_recv(cocod, &h, body, len, &fd), 1);
	assert_int_equal(h.type, type);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.len, len);
	if (ret_fd)
		*ret_fd = fd;
	else
		assert_true(fd < 0);
}

static struct net_result hear_result(uint16_t type)
{
	struct net_result r;

	hear(type, &r, sizeof(r), NULL);
	assert_non_null(memchr(r.text, 0, sizeof(r.text)));
	assert_null(strchr(r.text, '\033'));
	return r;
}

static void hear_good(uint16_t type)
{
	struct net_result r = hear_result(type);

	if (r.error != NET_OK)
		fail_msg("%u: %s, %s", type, net_error_name(r.error), r.text);
}

static struct net_challenge hear_challenge(void)
{
	struct net_challenge c;

	hear(MSG_NET_AUTH, &c, sizeof(c), NULL);
	assert_null(strchr(c.result.text, '\033'));
	return c;
}

/* Nothing more comes. */
static void hear_end(void)
{
	struct msg_header h;
	uint8_t body[MSG_BODY_MAX];

	assert_int_equal(frame_recv(cocod, &h, body, sizeof(body), NULL), 0);
}

/* ---- tests ---- */

static void test_whole(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", NULL, .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
		  .body = "\"uris\":[\"kbs:///a/b/c\"]" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN,
		  .set_cookie = "kbs-session-id=two",
		  .body = "{\"init-data\":null,\"runtime-data\":{\"nonce\":\"" NONCE "\"," },
		{ A, "/kbs/v0/resource/a/b/c", "kbs-session-id=two", .status = 200, .answer = JWE,
		  .release = RELEASE },
		{ A, "/kbs/v0/resource/d/e/f", "kbs-session-id=two", .status = 401,
		  .answer = TYPE("PolicyDeny") },
		{ A, "/kbs/v0/coco/confirm", "kbs-session-id=two", .status = 200,
		  .body = "{\"uri\":\"kbs:///a/b/c\"}" },
	};
	struct net_challenge c;
	struct net_jwe j;
	uint8_t data[3];
	int fd, seals;

	say_setup();
	say_auth();
	say_attest("snp");
	say_path(MSG_NET_GET, "a/b/c");
	say_path(MSG_NET_GET, "d/e/f");
	say_path(MSG_NET_CONFIRM, "a/b/c");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	assert_int_equal(net.n_sessions, 1);
	assert_int_equal(net.setup.trust, HTTP_TRUST_IDENTITY);
	assert_int_equal(net.setup.connect_usec, 2000000);
	assert_int_equal(net.setup.request_usec, 10000000);

	hear_good(MSG_NET_SETUP);
	c = hear_challenge();
	assert_int_equal(c.result.error, NET_OK);
	assert_int_equal(c.result.url, 0);
	assert_string_equal(c.nonce, NONCE);
	hear_good(MSG_NET_ATTEST);
	hear(MSG_NET_GET, &j, sizeof(j), &fd);
	assert_int_equal(j.result.error, NET_OK);
	assert_true(j.has_release && j.version == 42);
	assert_int_equal(j.signature[63], 63);
	assert_int_equal(j.ciphertext_len, 2);
	seals = fcntl(fd, F_GET_SEALS);
	assert_int_equal(seals, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(pread(fd, data, sizeof(data), 0), 2);
	assert_memory_equal(data, "\xff\xef", 2);
	close(fd);
	hear(MSG_NET_GET, &j, sizeof(j), &fd);
	assert_int_equal(j.result.error, NET_POLICY);
	assert_true(fd < 0);
	hear_good(MSG_NET_CONFIRM);
	hear_end();
}

/* A bad confirmation is told, and ends nothing. */
static void test_confirm_bad(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN },
		{ A, "/kbs/v0/coco/confirm", "kbs-session-id=one", .status = 404,
		  .answer = TYPE("PluginNotFound") },
		{ A, "/kbs/v0/coco/confirm", "kbs-session-id=one", .error = -EHOSTUNREACH },
	};

	say_setup();
	say_auth();
	say_attest("snp");
	say_path(MSG_NET_CONFIRM, "a/b/c");
	say_path(MSG_NET_CONFIRM, "a/b/c");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(hear_challenge().result.error, NET_OK);
	hear_good(MSG_NET_ATTEST);
	assert_int_equal(hear_result(MSG_NET_CONFIRM).error, NET_UNSUPPORTED);
	assert_int_equal(hear_result(MSG_NET_CONFIRM).error, NET_UNREACHABLE);
}

static void test_trust(void **state)
{
	static const struct row rows[] = { { A, "/kbs/v0/auth", .error = -EHOSTUNREACH },
					   { B, "/kbs/v0/auth", .error = -EHOSTUNREACH } };
	struct net_setup s = setup_of(BROKER_TRUST_PUBLIC_KEY);

	say(MSG_NET_SETUP, &s, sizeof(s), -1);
	say_auth();
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	assert_int_equal(net.setup.trust, HTTP_TRUST_PUBLIC_KEY);
	assert_null(net.setup.pem);
}

static void test_init_data(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN,
		  .body = "\"body\":\"version = \\\"0.1.0\\\"\\n\"" },
	};
	struct net_init_data m;

	say_with(MSG_NET_INIT_DATA, NULL, 0, "", 0);
	say_with(MSG_NET_INIT_DATA, NULL, 0, INIT_DATA, strlen(INIT_DATA));
	say_setup();
	say_auth();
	say_attest("snp");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	hear(MSG_NET_INIT_DATA, &m, sizeof(m), NULL);
	assert_int_equal(m.result.error, NET_UNSUPPORTED);
	assert_string_equal(m.result.text, "nothing in it");
	hear(MSG_NET_INIT_DATA, &m, sizeof(m), NULL);
	assert_int_equal(m.result.error, NET_OK);
	assert_string_equal(m.url, "https://init.example");
	assert_string_equal(m.uri, "kbs:///i/n/it");
}

/* The next address is asked when one does not answer, and the rest goes where one did. */
static void test_addresses(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .error = -EKEYREJECTED },
		{ B, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ B, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN },
		{ B, "/kbs/v0/resource/a/b/c", "kbs-session-id=one", .error = -ETIMEDOUT },
		/* Another handshake begins at the first, and without the other's cookie. */
		{ A, "/kbs/v0/auth", .status = 503, .retry_sec = 9,
		  .set_cookie = "kbs-session-id=x" },
		{ B, "/kbs/v0/auth", .error = -EHOSTUNREACH },
	};
	struct net_challenge c;
	struct net_jwe j;
	int fd;

	say_setup();
	say_auth();
	say_attest("snp");
	say_path(MSG_NET_GET, "a/b/c");
	say_auth();
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	assert_int_equal(net.n_sessions, 2);
	hear_good(MSG_NET_SETUP);
	c = hear_challenge();
	assert_int_equal(c.result.error, NET_OK);
	assert_int_equal(c.result.url, 1);
	hear_good(MSG_NET_ATTEST);
	hear(MSG_NET_GET, &j, sizeof(j), &fd);
	assert_int_equal(j.result.error, NET_UNREACHABLE);
	assert_string_equal(j.result.text, "no answer from " B " ?");
	assert_int_equal(j.result.url, 1);
	c = hear_challenge();
	assert_int_equal(c.result.error, NET_BUSY);
	assert_int_equal(c.result.retry_sec, 9);
	assert_int_equal(c.result.url, 0);
}

/* One failure of two addresses: the one that tells more. */
static void assert_worst(const struct row *first, const struct row *second, unsigned error)
{
	const struct row rows[] = { *first, *second };
	struct net_challenge c;

	set_up(NULL);
	say_setup();
	say_auth();
	assert_int_equal(hold(rows, second->url ? 2 : 1), 0);
	hear_good(MSG_NET_SETUP);
	c = hear_challenge();
	if (c.result.error != error)
		fail_msg("%s, not %s", net_error_name(c.result.error), net_error_name(error));
	assert_string_equal(c.nonce, "");
	tear_down(NULL);
}

static void test_failures(void **state)
{
	static const struct row nobody = { NULL },
				down = { B, "/kbs/v0/auth", .error = -EHOSTUNREACH };
	static const struct {
		struct row row;
		unsigned error;
		bool final; /* the other address is not asked */
	} cases[] = {
		{ { A, "/kbs/v0/auth", .error = -EHOSTUNREACH }, NET_UNREACHABLE, false },
		{ { A, "/kbs/v0/auth", .error = -ETIMEDOUT }, NET_UNREACHABLE, false },
		{ { A, "/kbs/v0/auth", .error = -EKEYREJECTED }, NET_CERTIFICATE, false },
		{ { A, "/kbs/v0/auth", .error = -EMSGSIZE }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .error = -EPROTO }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .error = -EOPNOTSUPP }, NET_UNSUPPORTED, false },
		{ { A, "/kbs/v0/auth", .status = 429 }, NET_BUSY, false },
		{ { A, "/kbs/v0/auth", .status = 302 }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .status = 404 }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .status = 200, .answer = "<html>" }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE }, NET_PROTOCOL, false },
		{ { A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE, .set_cookie = "a=b" },
		  NET_PROTOCOL,
		  false },
		{ { A, "/kbs/v0/auth", .status = 401 }, NET_REFUSED, true },
		{ { A, "/kbs/v0/auth", .status = 401, .answer = TYPE("AttestationError") },
		  NET_REFUSED,
		  true },
	};

	tear_down(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_worst(&cases[i].row, cases[i].final ? &nobody : &down, cases[i].error);
	set_up(NULL);
}

static void test_no_session(void **state)
{
	struct net_challenge c;

	net.error = -EOPNOTSUPP;
	say_setup();
	say_auth();
	assert_int_equal(hold(NULL, 0), 0);
	hear_good(MSG_NET_SETUP);
	c = hear_challenge();
	assert_int_equal(c.result.error, NET_UNSUPPORTED);
	assert_string_equal(c.result.text, "no session ?");
}

static void test_no_memory(void **state)
{
	struct msg_header h;

	net.error = -ENOMEM;
	say_setup();
	say_auth();
	say_auth();
	assert_int_equal(hold(NULL, 0), -ENOMEM);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(frame_recv(cocod, &h, NULL, 0, NULL), 1);
	assert_int_equal(h.type, MSG_NET_AUTH);
	assert_int_equal(h.error, -ENOMEM);
	hear_end();
}

/* cocod closes while it has answers to read, or before there is one. */
static void test_gone(void **state)
{
	say_setup();
	close(cocod);
	assert_int_equal(conversation_hold(theirs), 0);
	tear_down(NULL);
	set_up(NULL);
	say_setup();
	assert_int_equal(shutdown(cocod, SHUT_RD), 0);
	assert_int_equal(shutdown(cocod, SHUT_WR), 0);
	assert_int_equal(conversation_hold(theirs), 0);
}

/* An attestation that fails may be repeated, and opens nothing. */
static void test_attest_fails(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 401,
		  .answer = TYPE("AttestationError"), .set_cookie = "kbs-session-id=two" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = "{}" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN,
		  .set_cookie = "other=two" },
	};

	say_setup();
	say_auth();
	say_attest("none");
	say_attest("snp");
	say_attest("snp");
	say_attest("snp");
	say_path(MSG_NET_GET, "a/b/c");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), -EPROTO);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(hear_challenge().result.error, NET_OK);
	assert_int_equal(hear_result(MSG_NET_ATTEST).error, NET_UNSUPPORTED);
	assert_int_equal(hear_result(MSG_NET_ATTEST).error, NET_EVIDENCE);
	assert_int_equal(hear_result(MSG_NET_ATTEST).error, NET_PROTOCOL);
	assert_int_equal(hear_result(MSG_NET_ATTEST).error, NET_PROTOCOL);
	hear_end();
}

static void test_pack(void **state)
{
	static const struct row rows[] = { { A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
					     .set_cookie = "kbs-session-id=one" } };
	struct net_attest a = { .curve = BROKER_P256, .coordinate_len = 32, .digest_len = 48 };
	struct net_result r;

	say_setup();
	say_auth();
	say_with(MSG_NET_ATTEST, &a, sizeof(a), "no pack", 7);
	assert_int_equal(hold(rows, 1), 0);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(hear_challenge().result.error, NET_OK);
	r = hear_result(MSG_NET_ATTEST);
	assert_int_equal(r.error, NET_UNSUPPORTED);
	assert_string_equal(r.text, "the evidence is not a pack");
}

/* A secret that is malformed, or has a release that is, is no secret. */
static void test_get_bad(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN },
		{ A, "/kbs/v0/resource/a/b/c", "kbs-session-id=one", .status = 200,
		  .answer = "{}" },
		{ A, "/kbs/v0/resource/a/b/c", "kbs-session-id=one", .status = 200, .answer = JWE,
		  .release = "1.7" },
		{ A, "/kbs/v0/resource/a/b/c", "kbs-session-id=one", .status = 200, .answer = JWE },
	};
	struct net_jwe j;
	int fd;

	say_setup();
	say_auth();
	say_attest("snp");
	for (int i = 0; i < 3; i++)
		say_path(MSG_NET_GET, "a/b/c");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(hear_challenge().result.error, NET_OK);
	hear_good(MSG_NET_ATTEST);
	for (int i = 0; i < 3; i++) {
		hear(MSG_NET_GET, &j, sizeof(j), &fd);
		assert_int_equal(j.result.error, i < 2 ? NET_PROTOCOL : NET_OK);
		assert_int_equal(fd >= 0, i == 2);
		assert_int_equal(j.has_release, 0);
		assert_int_equal(j.protected_len > 0, i == 2);
	}
	close(fd);
}

/* ---- frames that cocod does not send ---- */

/* What comes after a good setup, and is refused. */
static void assert_refused(uint16_t type, const void *body, size_t len, bool with_fd)
{
	set_up(NULL);
	say_setup();
	if (with_fd)
		say_with(type, body, len, "x", 1);
	else
		say(type, body, len, -1);
	assert_int_equal(hold(NULL, 0), -EPROTO);
	hear_good(MSG_NET_SETUP);
	hear_end();
	tear_down(NULL);
}

static void test_order(void **state)
{
	struct net_setup s = setup_of(BROKER_TRUST_IDENTITY);
	struct net_attest a = { .curve = BROKER_P256, .coordinate_len = 32, .digest_len = 48 };
	struct net_get g = { "a/b/c" };
	struct net_auth auth = auth_of();

	say_auth();
	assert_int_equal(hold(NULL, 0), -EPROTO);
	hear_end();
	tear_down(NULL);
	assert_refused(MSG_NET_SETUP, &s, sizeof(s), true);
	assert_refused(MSG_NET_ATTEST, &a, sizeof(a), true);
	assert_refused(MSG_NET_GET, &g, sizeof(g), false);
	assert_refused(MSG_NET_CONFIRM, &g, sizeof(g), false);
	/* of another program */
	assert_refused(MSG_STATUS, NULL, 0, false);
	assert_refused(0, NULL, 0, false);
	assert_refused(_MSG_MAX, NULL, 0, false);
	/* of another length; with a descriptor, and without */
	assert_refused(MSG_NET_AUTH, &auth, sizeof(auth) - 1, false);
	assert_refused(MSG_NET_AUTH, NULL, 0, false);
	assert_refused(MSG_NET_AUTH, &auth, sizeof(auth), true);
	assert_refused(MSG_NET_INIT_DATA, NULL, 0, false);
	set_up(NULL);
}

static void test_after_failure(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/auth", .status = 401 },
	};

	say_setup();
	say_auth();
	say_auth();
	say_attest("snp");
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), -EPROTO);
	hear_good(MSG_NET_SETUP);
	assert_int_equal(hear_challenge().result.error, NET_OK);
	assert_int_equal(hear_challenge().result.error, NET_REFUSED);
	hear_end();
}

static void assert_auth_refused(struct net_auth a)
{
	assert_refused(MSG_NET_AUTH, &a, sizeof(a), false);
}

static void test_auth_form(void **state)
{
	struct net_auth a;

	tear_down(NULL);
	a = auth_of();
	memset(a.tee, 'a', sizeof(a.tee));
	assert_auth_refused(a);
	a = auth_of();
	a.tee[0] = '\0';
	assert_auth_refused(a);
	a = auth_of();
	a.n_paths = BROKER_PATHS_MAX + 1;
	assert_auth_refused(a);
	a = auth_of();
	a.n_paths = 2;
	assert_auth_refused(a);
	a = auth_of();
	memset(a.paths[0], 'a', sizeof(a.paths[0]));
	assert_auth_refused(a);
	a = auth_of();
	a.coco = 2;
	assert_auth_refused(a);
	a = auth_of();
	a.reserved = 1;
	assert_auth_refused(a);
	set_up(NULL);
}

static void assert_setup_refused(struct net_setup s, bool with_pem)
{
	set_up(NULL);
	if (with_pem)
		say_with(MSG_NET_SETUP, &s, sizeof(s), PEM, strlen(PEM));
	else
		say(MSG_NET_SETUP, &s, sizeof(s), -1);
	assert_int_equal(hold(NULL, 0), -EPROTO);
	hear_end();
	tear_down(NULL);
}

static void test_setup_form(void **state)
{
	struct net_setup s;

	tear_down(NULL);
	/* Nobody authenticates the broker, or two ways of doing it are named. */
	assert_setup_refused(setup_of(BROKER_TRUST_NONE), false);
	assert_setup_refused(setup_of(BROKER_TRUST_NONE), true);
	assert_setup_refused(setup_of(_BROKER_TRUST_MAX), true);
	assert_setup_refused(setup_of(BROKER_TRUST_IDENTITY), false);
	assert_setup_refused(setup_of(BROKER_TRUST_AUTHORITY), false);
	assert_setup_refused(setup_of(BROKER_TRUST_PUBLIC_KEY), true);
	s = setup_of(BROKER_TRUST_PUBLIC_KEY);
	s.trust = BROKER_TRUST_IDENTITY;
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_PUBLIC_KEY);
	s.public_key[0] = '\0';
	assert_setup_refused(s, false);
	s = setup_of(BROKER_TRUST_PUBLIC_KEY);
	s.public_key[sizeof("sha256//") - 1] = '-';
	assert_setup_refused(s, false);
	s = setup_of(BROKER_TRUST_PUBLIC_KEY);
	s.public_key[strlen(s.public_key) - 2] = '9';
	assert_setup_refused(s, false);
	s = setup_of(BROKER_TRUST_PUBLIC_KEY);
	memset(s.public_key, 'a', sizeof(s.public_key));
	assert_setup_refused(s, false);
	/* addresses */
	s = setup_of(BROKER_TRUST_IDENTITY);
	s.n_urls = 0;
	assert_setup_refused(s, true);
	s.n_urls = BROKER_URLS_MAX + 1;
	assert_setup_refused(s, true);
	s.n_urls = 3;
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_IDENTITY);
	snprintf(s.urls[1], sizeof(s.urls[1]), "http://a.example");
	assert_setup_refused(s, true);
	memset(s.urls[1], 'a', sizeof(s.urls[1]));
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_IDENTITY);
	snprintf(s.server_name, sizeof(s.server_name), "a/b");
	assert_setup_refused(s, true);
	memset(s.server_name, 'a', sizeof(s.server_name));
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_IDENTITY);
	snprintf(s.proxy, sizeof(s.proxy), "vsock://2:1");
	assert_setup_refused(s, true);
	memset(s.proxy, 'a', sizeof(s.proxy));
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_IDENTITY);
	s.connect_usec = 0;
	assert_setup_refused(s, true);
	s = setup_of(BROKER_TRUST_IDENTITY);
	s.request_usec = 0;
	assert_setup_refused(s, true);
	set_up(NULL);
}

/* As many addresses as there may be, one alone, and a proxy. */
static void test_setup_limits(void **state)
{
	struct net_setup s = setup_of(BROKER_TRUST_PUBLIC_KEY);

	s.n_urls = BROKER_URLS_MAX;
	for (uint32_t i = 0; i < s.n_urls; i++)
		snprintf(s.urls[i], sizeof(s.urls[i]), "vsock://2:%u", i + 1);
	snprintf(s.proxy, sizeof(s.proxy), "http://proxy.example:3128");
	say(MSG_NET_SETUP, &s, sizeof(s), -1);
	assert_int_equal(hold(NULL, 0), 0);
	hear_good(MSG_NET_SETUP);
	tear_down(NULL);
	set_up(NULL);
	s.n_urls = 1;
	say(MSG_NET_SETUP, &s, sizeof(s), -1);
	assert_int_equal(hold(NULL, 0), 0);
	hear_good(MSG_NET_SETUP);
}

static void test_paths_limit(void **state)
{
	static const struct row rows[] = { { A, "/kbs/v0/auth", .error = -EHOSTUNREACH },
					   { B, "/kbs/v0/auth", .error = -ETIMEDOUT } };
	struct net_auth a = auth_of();
	struct net_challenge c;

	a.n_paths = BROKER_PATHS_MAX;
	for (uint32_t i = 0; i < a.n_paths; i++)
		snprintf(a.paths[i], sizeof(a.paths[i]), "a/b/%u", i);
	say_setup();
	say(MSG_NET_AUTH, &a, sizeof(a), -1);
	assert_int_equal(hold(rows, ARRAY_SIZE(rows)), 0);
	hear_good(MSG_NET_SETUP);
	/* Of failures that tell the same, the first is told. */
	c = hear_challenge();
	assert_int_equal(c.result.error, NET_UNREACHABLE);
	assert_int_equal(c.result.url, 0);
}

/* What came along is not a file that can be read. */
static void test_setup_pipe(void **state)
{
	struct net_setup s = setup_of(BROKER_TRUST_IDENTITY);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	say(MSG_NET_SETUP, &s, sizeof(s), ends[0]);
	assert_int_equal(hold(NULL, 0), -EPROTO);
	hear_end();
	close(ends[0]);
	close(ends[1]);
}

/* Only answers have errors. */
static void test_error_in_request(void **state)
{
	struct net_setup s = setup_of(BROKER_TRUST_PUBLIC_KEY);

	assert_int_equal(frame_send(cocod, MSG_NET_SETUP, -EIO, &s, sizeof(s), -1), 0);
	assert_int_equal(hold(NULL, 0), -EPROTO);
	hear_end();
}

static void test_setup_large(void **state)
{
	struct net_setup s = setup_of(BROKER_TRUST_IDENTITY);
	char *pem = malloc(BROKER_PEM_MAX + 1);

	assert_non_null(pem);
	memset(pem, 'a', BROKER_PEM_MAX + 1);
	say_with(MSG_NET_SETUP, &s, sizeof(s), pem, BROKER_PEM_MAX + 1);
	assert_int_equal(hold(NULL, 0), -EPROTO);
	tear_down(NULL);
	set_up(NULL);
	say_with(MSG_NET_SETUP, &s, sizeof(s), pem, BROKER_PEM_MAX);
	assert_int_equal(hold(NULL, 0), 0);
	hear_good(MSG_NET_SETUP);
	free(pem);
}

/* Behind a good challenge. */
static void assert_attest_refused(struct net_attest a, bool with_fd)
{
	static const struct row rows[] = { { A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
					     .set_cookie = "kbs-session-id=one" } };

	set_up(NULL);
	say_setup();
	say_auth();
	if (with_fd)
		say_with(MSG_NET_ATTEST, &a, sizeof(a), "x", 1);
	else
		say(MSG_NET_ATTEST, &a, sizeof(a), -1);
	assert_int_equal(hold(rows, 1), -EPROTO);
	tear_down(NULL);
}

static void test_attest_form(void **state)
{
	static const struct net_attest good = { .curve = BROKER_P521,
						.coordinate_len = 66,
						.digest_len = 48 };
	struct net_attest a = good;

	tear_down(NULL);
	assert_attest_refused(a, false);
	a.curve = _BROKER_CURVE_MAX;
	assert_attest_refused(a, true);
	a = good;
	a.coordinate_len = 32;
	assert_attest_refused(a, true);
	a = good;
	a.curve = BROKER_P256;
	assert_attest_refused(a, true);
	a = good;
	a.digest_len = 65;
	assert_attest_refused(a, true);
	set_up(NULL);
}

static void test_get_form(void **state)
{
	static const struct row rows[] = {
		{ A, "/kbs/v0/auth", .status = 200, .answer = CHALLENGE,
		  .set_cookie = "kbs-session-id=one" },
		{ A, "/kbs/v0/attest", "kbs-session-id=one", .status = 200, .answer = TOKEN },
	};
	static const char *const bad[] = { "", "a/b", "a/b/../c", "a/b/c\r\nx: y" };

	tear_down(NULL);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
		set_up(NULL);
		say_setup();
		say_auth();
		say_attest("snp");
		say_path(i % 2 ? MSG_NET_GET : MSG_NET_CONFIRM, bad[i / 2]);
		assert_int_equal(hold(rows, ARRAY_SIZE(rows)), -EPROTO);
		tear_down(NULL);
	}
	/* with a descriptor */
	for (size_t i = 0; i < 2; i++) {
		static const struct net_get good = { "a/b/c" };

		set_up(NULL);
		say_setup();
		say_auth();
		say_attest("snp");
		say_with(i ? MSG_NET_GET : MSG_NET_CONFIRM, &good, sizeof(good), "x", 1);
		assert_int_equal(hold(rows, ARRAY_SIZE(rows)), -EPROTO);
		tear_down(NULL);
	}
	set_up(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),	 TEST(test_confirm_bad),   TEST(test_trust),
		TEST(test_init_data),	 TEST(test_addresses),	   TEST(test_failures),
		TEST(test_no_session),	 TEST(test_no_memory),	   TEST(test_gone),
		TEST(test_attest_fails), TEST(test_pack),	   TEST(test_get_bad),
		TEST(test_order),	 TEST(test_after_failure), TEST(test_auth_form),
		TEST(test_setup_form),	 TEST(test_setup_large),   TEST(test_setup_limits),
		TEST(test_paths_limit),	 TEST(test_setup_pipe),	   TEST(test_error_in_request),
		TEST(test_attest_form),	 TEST(test_get_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
