/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest of ours and the broker's TLS: net/session.c, which knows the identity's certificate and
 * looks at no date, on one side; the certificates that the broker makes on the other.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/serve/tls.h"
#include "net/session.h"
#include "tests/unit/broker-keys.h"

#define YEAR_SEC (INT64_C(365) * 86400)
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- the broker ---- */

struct broker {
	struct keys *k;
	char *pem;
	struct tls *tls;
	int fd;
	uint16_t port;
	pthread_t thread;
};

static void answer(SSL *ssl)
{
	char request[4096] = "";
	size_t n = 0;
	int r;

	if (SSL_accept(ssl) != 1)
		return;
	while (!strstr(request, "\r\n\r\n")) {
		r = SSL_read(ssl, request + n, (int)(sizeof(request) - 1 - n));
		if (r <= 0)
			return;
		n += (size_t)r;
	}
	(void) SSL_write(ssl, ANSWER, (int)strlen(ANSWER));
	(void) SSL_shutdown(ssl);
}

/* One connection after the other, until the socket is shut down. */
static void *serve(void *userdata)
{
	struct broker *b = userdata;
	int fd;

	while ((fd = accept(b->fd, NULL, NULL)) >= 0) {
		SSL *ssl = tls_accept(b->tls);

		SSL_set_fd(ssl, fd);
		answer(ssl);
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

/* A broker that made its certificate for TLS at @now. */
static void start(struct broker *b, const char *name, int64_t now)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct tls_setup setup = { .name = name };
	struct cause why = { "" };

	b->k = broker_keys(1);
	assert_int_equal(identity_certificate(keys_identity(b->k), "test", 10, &b->pem), 0);
	setup.identity = keys_identity(b->k);
	setup.identity_pem = b->pem;
	if (tls_new(&setup, now, &b->tls, &why) < 0)
		fail_msg("%s", why.text);
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(b->fd, 8), 0);
	assert_int_equal(getsockname(b->fd, (struct sockaddr *)&in, &len), 0);
	b->port = ntohs(in.sin_port);
	assert_int_equal(pthread_create(&b->thread, NULL, serve, b), 0);
}

static void stop(struct broker *b)
{
	(void) shutdown(b->fd, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->fd);
	tls_free(b->tls);
	keys_free(b->k);
	free(b->pem);
}

/* ---- the guest ---- */

/* What the guest says to the broker, when its broker.conf has the certificates @pem. */
static int ask(const struct broker *b, const char *pem, const char *server_name, struct cause *why)
{
	_cleanup_(http_session_freep) struct http_session *s = NULL;
	struct http_exchange x = { .method = "GET", .path = "/", .max = 100 };
	struct http_session_setup setup = { .server_name = server_name,
					    .trust = HTTP_TRUST_IDENTITY,
					    .pem = pem,
					    .pem_len = strlen(pem),
					    .connect_usec = 5000000,
					    .request_usec = 10000000,
					    .agent = "test" };
	char url[64];
	int r;

	why->text[0] = '\0';
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", b->port);
	setup.url = url;
	assert_int_equal(http_session_new(&setup, &s, why), 0);
	r = http_session_ask(s, &x, why);
	if (r == 0) {
		assert_int_equal(x.status, 200);
		assert_string_equal(x.answer, "ok");
	}
	http_exchange_done(&x);
	return r;
}

static void accepted(const char *name, int64_t now)
{
	struct broker b;
	struct cause why;

	start(&b, name, now);
	if (ask(&b, b.pem, NULL, &why) != 0)
		fail_msg("%s, %lld: %s", name, (long long)now, why.text);
	stop(&b);
}

/* Nobody can renew a certificate in a guest that boots with its clock at 1970, or in 2040. */
static void test_any_time(void **state)
{
	const int64_t now = time(NULL);

	accepted("127.0.0.1", now);
	accepted("127.0.0.1", now - 10 * YEAR_SEC);
	accepted("127.0.0.1", now + 10 * YEAR_SEC);
	accepted("127.0.0.1", now + 30 * YEAR_SEC);
}

static void test_name(void **state)
{
	struct broker b;
	struct cause why;

	start(&b, "broker.example", time(NULL));
	assert_int_equal(ask(&b, b.pem, "broker.example", &why), 0);
	assert_int_equal(ask(&b, b.pem, NULL, &why), -EKEYREJECTED);
	assert_int_equal(ask(&b, b.pem, "other.example", &why), -EKEYREJECTED);
	stop(&b);
}

/* Both have the same name, and one even sends the other's certificate along. */
static void test_other_broker(void **state)
{
	struct broker ours, theirs;
	struct cause why;

	start(&ours, "127.0.0.1", time(NULL));
	start(&theirs, "127.0.0.1", time(NULL));
	assert_int_equal(ask(&theirs, ours.pem, NULL, &why), -EKEYREJECTED);
	assert_int_equal(ask(&ours, theirs.pem, NULL, &why), -EKEYREJECTED);
	stop(&theirs);
	stop(&ours);
}

/* While an identity is turned guests have both, of one name, in either order. */
static void test_two_identities(void **state)
{
	struct broker old, new;
	struct cause why;
	char *both, *turned;

	start(&old, "127.0.0.1", time(NULL));
	start(&new, "127.0.0.1", time(NULL));
	assert_true(asprintf(&both, "%s%s", old.pem, new.pem) > 0);
	assert_true(asprintf(&turned, "%s%s", new.pem, old.pem) > 0);
	assert_int_equal(ask(&old, both, NULL, &why), 0);
	assert_int_equal(ask(&new, both, NULL, &why), 0);
	assert_int_equal(ask(&old, turned, NULL, &why), 0);
	assert_int_equal(ask(&new, turned, NULL, &why), 0);
	free(both);
	free(turned);
	stop(&new);
	stop(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_time),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_other_broker),
		cmocka_unit_test(test_two_identities),
	};

	/* libcurl is loaded when it is needed, and need not be there. */
	if (!HAVE_LIBCURL || !dlopen("libcurl.so.4", RTLD_NOW)) {
		puts("1..0 # SKIP there is no libcurl");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
