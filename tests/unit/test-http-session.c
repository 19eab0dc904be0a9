/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests over TLS.  The server is a thread of this test, which makes its own certificates and
 * gives the answers it is told.  A vsock is played by a unix socket: connect() is wrapped.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/io.h"
#include "net/session.h"

#include <cmocka.h>

#define ANSWERS_MAX 4
#define DAY 86400L

static struct {
	int fd;
	uint16_t port;
	pthread_t thread;
	SSL_CTX *tls;
	/* A connection that a client has given up may be accepted while a test changes @tls. */
	pthread_mutex_t tls_lock;
	/* What the requests of a connection get; NULL: the connection ends. */
	const char *answers[ANSWERS_MAX];
	long drip_usec;			/* between the bytes of an answer */
	const char *in_clear;		/* instead of TLS */
	bool once;			/* the connection ends after one answer */
	bool silent;			/* the connection stays, and nothing comes */
	atomic_uint n_connections, n_requests;
	char request[8192];		/* the last */
} server = { .tls_lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- a vsock: the test's server, or nobody ---- */

static uint32_t vsock_cid, vsock_port;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
	return __real_socket(family == AF_VSOCK ? AF_INET : family, type, protocol);
}

int __real_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	const struct sockaddr_vm *vm = (const void *)to;

	if (to->sa_family != AF_VSOCK)
		return __real_connect(fd, to, len);
	vsock_cid = vm->svm_cid;
	vsock_port = vm->svm_port;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(vm->svm_cid == 3 ? 1 : server.port);
	if (vm->svm_cid == 4)	/* where a listener's queue is full */
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	return __real_connect(fd, (const struct sockaddr *)&in, sizeof(in));
}

/* ---- the resolver, for libcurl too: broker.test is where the test says ---- */

#define NAMED_MAX 2

static const char *named[NAMED_MAX];	/* addresses; none: the resolver does not know yet */
static atomic_uint n_resolved;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	__typeof__(getaddrinfo) *real = (__typeof__(getaddrinfo) *)dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo **end = ret;

	if (!host || strcmp(host, "broker.test") != 0)
		return real(host, port, hints, ret);
	atomic_fetch_add(&n_resolved, 1);
	*ret = NULL;
	for (size_t i = 0; i < NAMED_MAX && named[i]; i++) {
		if (real(named[i], port, hints, end) != 0)
			return EAI_AGAIN;
		end = &(*end)->ai_next;
	}
	return *ret ? 0 : EAI_AGAIN;
}

/* ---- certificates ---- */

static EVP_PKEY *identity, *other, *leaf_key;
static char identity_pem[4096], two_pem[8192], two_reversed_pem[8192];
static char pin[96];

static void add_extension(X509 *c, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, text);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* @name NULL: a certificate of an identity.  It is good from @from to @until, in days from now. */
static X509 *make_certificate(EVP_PKEY *key, EVP_PKEY *issuer, const char *name, long from,
			      long until)
{
	const char *subject = name ? name : "identity";
	X509 *c = X509_new();
	char text[128];

	assert_non_null(c);
	assert_int_equal(X509_set_version(c, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), name ? 2 : 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), from * DAY));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), until * DAY));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
						    (const uint8_t *)subject, -1, -1, 0),
			 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_issuer_name(c), "CN", MBSTRING_ASC,
						    (const uint8_t *)"identity", -1, -1, 0),
			 1);
	assert_int_equal(X509_set_pubkey(c, key), 1);
	add_extension(c, c, NID_basic_constraints, name ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (name) {
		snprintf(text, sizeof(text), "DNS:%s", name);
		add_extension(c, c, NID_subject_alt_name, text);
	}
	assert_true(X509_sign(c, issuer, EVP_sha256()) > 0);
	return c;
}

/* What the server shows from now on. */
static void show(EVP_PKEY *issuer, const char *name, long from, long until)
{
	X509 *c = make_certificate(leaf_key, issuer, name, from, until);
	bool good;

	pthread_mutex_lock(&server.tls_lock);
	good = SSL_CTX_use_certificate(server.tls, c) == 1 &&
	       SSL_CTX_use_PrivateKey(server.tls, leaf_key) == 1;
	pthread_mutex_unlock(&server.tls_lock);
	assert_true(good);
	X509_free(c);
}

/* Returns what was used before. */
static SSL_CTX *serve_with(SSL_CTX *tls)
{
	SSL_CTX *before;

	pthread_mutex_lock(&server.tls_lock);
	before = server.tls;
	server.tls = tls;
	pthread_mutex_unlock(&server.tls_lock);
	return before;
}

/* The certificate of an identity, as text. */
static void write_pem(EVP_PKEY *key, long from, long until, char *ret, size_t size)
{
	X509 *c = make_certificate(key, key, NULL, from, until);
	BIO *b = BIO_new(BIO_s_mem());
	int n;

	assert_int_equal(PEM_write_bio_X509(b, c), 1);
	n = BIO_read(b, ret, (int)size - 1);
	assert_true(n > 0);
	ret[n] = '\0';
	X509_free(c);
	BIO_free(b);
}

static void make_keys(void)
{
	uint8_t der[256], *p = der, hash[32];
	char digits[64], other_pem[4096];
	int n;

	identity = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	leaf_key = EVP_EC_gen("P-256");
	/* The identity's own certificate has expired long ago. */
	write_pem(identity, -20, -10, identity_pem, sizeof(identity_pem));
	write_pem(other, -20, -10, other_pem, sizeof(other_pem));
	snprintf(two_pem, sizeof(two_pem), "%s%s", identity_pem, other_pem);
	snprintf(two_reversed_pem, sizeof(two_reversed_pem), "%s%s", other_pem, identity_pem);
	n = i2d_PUBKEY(leaf_key, &p);
	assert_int_equal(EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL), 1);
	EVP_EncodeBlock((uint8_t *)digits, hash, sizeof(hash));
	snprintf(pin, sizeof(pin), "sha256//%s", digits);
}

/* ---- the server ---- */

static bool read_request(SSL *s)
{
	size_t len = 0;

	while (len < sizeof(server.request) - 1) {
		int n = SSL_read(s, server.request + len, (int)(sizeof(server.request) - 1 - len));
		const char *end, *size;

		if (n <= 0)
			return false;
		len += (size_t)n;
		server.request[len] = '\0';
		end = strstr(server.request, "\r\n\r\n");
		if (!end)
			continue;
		size = strstr(server.request, "Content-Length: ");
		if (len >= (size_t)(end + 4 - server.request) +
				   (size ? strtoul(size + 16, NULL, 10) : 0))
			return true;
	}
	return false;
}

static void answer(SSL *s, const char *text)
{
	const struct timespec pause = { .tv_nsec = server.drip_usec * 1000 };
	size_t len = strlen(text), step = server.drip_usec ? 1 : len;

	for (size_t i = 0; i < len; i += step) {
		if (SSL_write(s, text + i, (int)step) <= 0)
			return;
		if (server.drip_usec)
			(void) nanosleep(&pause, NULL);
	}
}

static void speak(int fd)
{
	SSL *s;
	char c;

	pthread_mutex_lock(&server.tls_lock);
	s = SSL_new(server.tls);
	pthread_mutex_unlock(&server.tls_lock);
	SSL_set_fd(s, fd);
	if (server.silent)
		(void) recv(fd, &c, 1, MSG_PEEK);
	if (server.silent)
		while (recv(fd, &c, 1, 0) > 0)
			;
	else if (server.in_clear)
		(void) write_full(fd, server.in_clear, strlen(server.in_clear));
	else if (SSL_accept(s) == 1) {
		for (size_t i = 0; i < ANSWERS_MAX && read_request(s); i++) {
			atomic_fetch_add(&server.n_requests, 1);
			if (server.answers[i])
				answer(s, server.answers[i]);
			if (!server.answers[i] || server.once)
				break;
		}
		SSL_shutdown(s);
	}
	SSL_free(s);
}

static void *serve(void *p)
{
	const struct timeval patience = { .tv_sec = 5 };

	for (;;) {
		int fd = accept(server.fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		atomic_fetch_add(&server.n_connections, 1);
		(void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		speak(fd);
		close(fd);
	}
}

static int start(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	/* Nothing of this may be used. */
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	signal(SIGPIPE, SIG_IGN);
	make_keys();
	server.tls = SSL_CTX_new(TLS_server_method());
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(server.fd, 8) < 0 || getsockname(server.fd, (struct sockaddr *)&a, &len) < 0)
		return -1;
	server.port = ntohs(a.sin_port);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
	(void) shutdown(server.fd, SHUT_RDWR);
	(void) pthread_join(server.thread, NULL);
	SSL_CTX_free(server.tls);
	EVP_PKEY_free(identity);
	EVP_PKEY_free(other);
	EVP_PKEY_free(leaf_key);
	return close(server.fd);
}

static int setup(void **state)
{
	memset(server.answers, 0, sizeof(server.answers));
	server.drip_usec = 0;
	server.in_clear = NULL;
	server.silent = server.once = false;
	server.n_connections = server.n_requests = 0;
	show(identity, "broker.test", -1, 1);
	return 0;
}

/* ---- the tests ---- */

static char url[64];
static struct cause why;

static struct http_session_setup new_setup(void)
{
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", server.port);
	return (struct http_session_setup){ .url = url,
					    .server_name = "broker.test",
					    .trust = HTTP_TRUST_IDENTITY,
					    .pem = identity_pem,
					    .pem_len = strlen(identity_pem),
					    .connect_usec = 2000000,
					    .request_usec = 5000000,
					    .agent = "test" };
}

static struct http_session *open_session(const struct http_session_setup *setup)
{
	struct http_session *s;
	int r = http_session_new(setup, &s, &why);

	/* Built without the library, or it is not there. */
	if (r == -EOPNOTSUPP) {
#if HAVE_LIBCURL
		assert_null(dlopen("libcurl.so.4", RTLD_NOW));
#else
		assert_non_null(strstr(why.text, "built without HTTPS"));
#endif
		skip();
	}
	assert_int_equal(r, 0);
	return s;
}

/* One GET of at most 100 bytes. */
static int get(struct http_session *s, struct http_exchange *x)
{
	*x = (struct http_exchange){ .method = "GET", .path = "/a/b?c=d", .max = 100 };
	why.text[0] = '\0';
	return http_session_ask(s, x, &why);
}

static int ask_once(const struct http_session_setup *setup, const char *text)
{
	struct http_session *s = open_session(setup);
	struct http_exchange x;
	int r;

	server.answers[0] = text;
	r = get(s, &x);
	http_exchange_done(&x);
	http_session_free(s);
	return r;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void assert_cause(const char *part)
{
	if (!strstr(why.text, part))
		fail_msg("'%s' is not in '%s'", part, why.text);
}

static void test_exchange(void **state)
{
	static const char second[] = "HTTP/1.1 401 No\r\n"
				     "Retry-After: 7\r\n"
				     "coco-release:\t 1.2.abc \r\n"
				     "Set-Cookie: LB=x; path=/\r\n"
				     "Set-Cookie: kbs-session-id=12ab; Max-Age=5\r\n"
				     "Content-Length: 4\r\n\r\n{\"\"}";
	const struct http_session_setup setup = new_setup();
	struct http_session *s = open_session(&setup);
	struct http_exchange x = { .method = "POST",
				   .path = "/kbs/v0/auth",
				   .body = "{\"a\":1}",
				   .cookie = "kbs-session-id=1",
				   .max = 2 };

	server.answers[0] = OK;
	server.answers[1] = second;
	assert_int_equal(http_session_ask(s, &x, &why), 0);
	assert_int_equal(x.status, 200);
	assert_int_equal(x.retry_sec, 0);
	assert_string_equal(x.answer, "ok");
	assert_int_equal(x.answer_len, 2);
	assert_null(x.set_cookie);
	assert_null(x.release);
	http_exchange_done(&x);
	assert_non_null(strstr(server.request, "POST /kbs/v0/auth HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request, "\r\nHost: broker.test:"));
	assert_non_null(strstr(server.request, "\r\nUser-Agent: test/"));
	assert_non_null(strstr(server.request, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(server.request, "\r\nCookie: kbs-session-id=1\r\n"));
	assert_non_null(strstr(server.request, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(server.request, "Expect"));
	assert_null(strstr(server.request, "Accept-Encoding"));

	assert_int_equal(get(s, &x), 0);
	assert_int_equal(x.status, 401);
	assert_int_equal(x.retry_sec, 7);
	assert_string_equal(x.release, "1.2.abc");
	assert_string_equal(x.set_cookie, "kbs-session-id=12ab; Max-Age=5");
	assert_string_equal(x.answer, "{\"\"}");
	http_exchange_done(&x);
	/* The cookie came, and is the caller's to send; a GET has no body. */
	assert_non_null(strstr(server.request, "GET /a/b?c=d HTTP/1.1\r\n"));
	assert_null(strstr(server.request, "Cookie"));
	assert_null(strstr(server.request, "Content-"));
	assert_int_equal(server.n_connections, 1);

	/* Instead of a third answer the server ends the connection; another one is made. */
	assert_int_equal(get(s, &x), 0);
	http_exchange_done(&x);
	assert_int_equal(server.n_connections, 2);
	http_session_free(s);
	assert_null(http_session_free(NULL));
}

/* The answers that are none. */
static void test_answers(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *words;
	} rows[] = {
		{ OK, 0, "" },
		{ "HTTP/1.1 100 Continue\r\nCoco-Release: no\r\n\r\n" OK, 0, "" },
		{ "HTTP/1.1 204 None\r\n\r\n", 0, "" },
		/* A redirect is an answer too. */
		{ "HTTP/1.1 302 Away\r\nLocation: https://broker.test/\r\n"
		  "Content-Length: 0\r\n\r\n",
		  0, "" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", -EMSGSIZE, "" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaa\r\n0\r\n\r\n",
		  -EMSGSIZE, "the answer is too long" },
		{ "HTTP/1.1 200 OK\r\nCoco-Release: a\r\nCoco-Release: a\r\n\r\n", -EPROTO,
		  "there twice" },
		{ "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nRetry-After: 2\r\n\r\n", -EPROTO,
		  "there twice" },
		{ "HTTP/1.1 200 OK\r\nCoco-Release: a", -EHOSTUNREACH, "" },
		{ "HTTP/1.1 200 OK\r\nSet-Cookie: kbs-session-id=a\r\n"
		  "Set-Cookie: kbs-session-id=b\r\n\r\n",
		  -EPROTO, "there twice" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", -EHOSTUNREACH, "" },
		{ "no HTTP\r\n\r\n", -EPROTO, "" },
		{ "", -EHOSTUNREACH, "" },
	};
	const struct http_session_setup setup = new_setup();

	server.once = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = ask_once(&setup, rows[i].answer);

		if (r != rows[i].r)
			fail_msg("answer %zu: %d, not %d: %s", i, r, rows[i].r, why.text);
		assert_cause(rows[i].words);
	}
}

/* A trailer comes behind what was read, and is none of the header. */
static void test_trailer(void **state)
{
	const struct http_session_setup setup = new_setup();
	struct http_session *s = open_session(&setup);
	struct http_exchange x;

	server.answers[0] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
			    "Coco-Release: late\r\n\r\n";
	assert_int_equal(get(s, &x), 0);
	assert_string_equal(x.answer, "ok");
	assert_null(x.release);
	http_exchange_done(&x);
	http_session_free(s);
}

static void test_long_header(void **state)
{
	const struct http_session_setup setup = new_setup();
	char *text = malloc(70000);
	size_t n;

	assert_non_null(text);
	n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n");
	while (n < 40000)
		n += (size_t)sprintf(text + n, "X-%zu: %0100d\r\n", n, 0);
	strcpy(text + n, "\r\n");
	assert_int_equal(ask_once(&setup, text), -EMSGSIZE);
	assert_cause("the header of the answer is too long");
	/* One line; libcurl has a limit of its own. */
	for (size_t len = 40000; len < 400000; len *= 5) {
		text = realloc(text, len + 100);
		assert_non_null(text);
		sprintf(text, "HTTP/1.1 200 OK\r\nCoco-Release: %0*d\r\n\r\n", (int)len, 0);
		assert_int_equal(ask_once(&setup, text), -EMSGSIZE);
	}
	free(text);
}

static long elapsed_msec(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* A server that sends a byte now and then does not hold anybody for longer than a silent one. */
static void test_slow(void **state)
{
	struct http_session_setup setup = new_setup();
	struct timespec since;

	setup.request_usec = 600000;
	setup.connect_usec = 300000;
	clock_gettime(CLOCK_MONOTONIC, &since);
	server.drip_usec = 50000;
	assert_int_equal(ask_once(&setup, OK), -ETIMEDOUT);
	assert_true(elapsed_msec(&since) >= 500 && elapsed_msec(&since) < 3000);
	server.drip_usec = 0;
	clock_gettime(CLOCK_MONOTONIC, &since);
	server.silent = true;
	assert_int_equal(ask_once(&setup, OK), -ETIMEDOUT);
	assert_true(elapsed_msec(&since) < 2000);
}

static void test_identity(void **state)
{
	struct http_session_setup setup = new_setup();

	assert_int_equal(ask_once(&setup, OK), 0);
	/* The clock is in 2040, and in 1970. */
	show(identity, "broker.test", -20, -10);
	assert_int_equal(ask_once(&setup, OK), 0);
	show(identity, "broker.test", 10, 20);
	assert_int_equal(ask_once(&setup, OK), 0);
	/* Another key issued it, in the same name. */
	show(other, "broker.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	show(identity, "other.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	assert_cause("expected: a certificate for broker.test:");
	assert_cause(", issued by the broker's identity");
	setup.server_name = NULL;
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	assert_int_equal(server.n_requests, 3);
	setup.pem = "no certificate";
	setup.pem_len = strlen(setup.pem);
	assert_int_equal(ask_once(&setup, OK), -EINVAL);
}

/* A broker whose key is being replaced: both have its name, and neither names its key. */
static void test_two_identities(void **state)
{
	const char *const texts[] = { two_pem, two_reversed_pem };
	struct http_session_setup setup = new_setup();
	EVP_PKEY *third = EVP_EC_gen("P-256");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		setup.pem = texts[i];
		setup.pem_len = strlen(texts[i]);
		show(identity, "broker.test", -1, 1);
		assert_int_equal(ask_once(&setup, OK), 0);
		show(other, "broker.test", -1, 1);
		assert_int_equal(ask_once(&setup, OK), 0);
		show(third, "broker.test", -1, 1);
		assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	}
	EVP_PKEY_free(third);
}

static void test_authority(void **state)
{
	struct http_session_setup setup = new_setup();
	char pem[4096];

	write_pem(identity, -1, 1, pem, sizeof(pem));
	setup.trust = HTTP_TRUST_AUTHORITY;
	setup.pem = pem;
	setup.pem_len = strlen(pem);
	assert_int_equal(ask_once(&setup, OK), 0);
	show(identity, "broker.test", -20, -10);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	assert_cause("expired");
	assert_cause(", issued by the given authorities");
	show(other, "broker.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	show(identity, "other.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	assert_int_equal(server.n_requests, 1);
}

static void test_public_key(void **state)
{
	struct http_session_setup setup = new_setup();

	setup.trust = HTTP_TRUST_PUBLIC_KEY;
	setup.pem = NULL;
	setup.pem_len = 0;
	setup.public_key = pin;
	show(other, "other.test", -20, -10);
	assert_int_equal(ask_once(&setup, OK), 0);
	setup.public_key = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	assert_cause("expected: the key sha256//AAAA");
	assert_int_equal(server.n_requests, 1);
}

/* Without a certificate there is no key either, and no hash is compared with it. */
static void test_anonymous(void **state)
{
	struct http_session_setup setup = new_setup();
	SSL_CTX *anonymous = SSL_CTX_new(TLS_server_method()), *usual;

	SSL_CTX_set_security_level(anonymous, 0);
	SSL_CTX_set_max_proto_version(anonymous, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_cipher_list(anonymous, "aNULL@SECLEVEL=0"), 1);
	usual = serve_with(anonymous);
	assert_true(ask_once(&setup, OK) < 0);
	setup.trust = HTTP_TRUST_PUBLIC_KEY;
	setup.pem = NULL;
	setup.pem_len = 0;
	setup.public_key = pin;
	assert_true(ask_once(&setup, OK) < 0);
	assert_int_equal(server.n_requests, 0);
	SSL_CTX_free(serve_with(usual));
}

static void test_no_tls(void **state)
{
	const struct http_session_setup setup = new_setup();

	server.in_clear = "HTTP/1.1 400 Speak plainly\r\n\r\n";
	assert_int_equal(ask_once(&setup, OK), -EPROTO);
	/* A relay whose server is not up. */
	server.in_clear = "";
	assert_int_equal(ask_once(&setup, OK), -EHOSTUNREACH);
}

/* A proxy that does not exist shows that it is used; nobody else's is. */
static void test_proxy(void **state)
{
	struct http_session_setup setup = new_setup();

	setup.proxy = "http://127.0.0.1:1";
	setenv("no_proxy", "*", 1);
	assert_int_equal(ask_once(&setup, OK), -EHOSTUNREACH);
	assert_int_equal(server.n_connections, 0);
	setup.proxy = "";
	assert_int_equal(ask_once(&setup, OK), 0);
	unsetenv("no_proxy");
}

static void test_nobody(void **state)
{
	struct http_session_setup setup = new_setup();

	setup.url = "https://127.0.0.1:1";
	assert_int_equal(ask_once(&setup, OK), -EHOSTUNREACH);
	assert_cause("https://127.0.0.1:1: ");
	setup.url = "https://nobody.invalid";
	assert_int_equal(ask_once(&setup, OK), -EHOSTUNREACH);
}

/* Where connections are neither taken nor refused: a listener with a full queue. */
static bool open_nowhere(const char *address, int fds[static 4])
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *a;
	char port[8];
	bool good = true;

	snprintf(port, sizeof(port), "%u", server.port);
	assert_int_equal(getaddrinfo(address, port, &hints, &a), 0);
	for (size_t i = 0; i < 4 && good; i++) {
		fds[i] = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (i > 0)
			(void) connect(fds[i], a->ai_addr, a->ai_addrlen);
		else
			good = fds[i] >= 0 && bind(fds[i], a->ai_addr, a->ai_addrlen) == 0 &&
			       listen(fds[i], 0) == 0;
	}
	if (!good)
		close_fd(fds[0]);
	freeaddrinfo(a);
	return good;
}

/* An address of the name's leads nowhere; the other one is reached within the usual time. */
static void try_around(const char *nowhere)
{
	struct http_session_setup setup = new_setup();
	struct timespec since;
	char text[64];
	int fds[4];

	if (!open_nowhere(nowhere, fds))
		skip();
	snprintf(text, sizeof(text), "https://broker.test:%u", server.port);
	setup.url = text;
	setup.server_name = NULL;
	named[0] = nowhere;
	named[1] = NULL;
	/* Alone it takes the time that there is for a connection, and no more. */
	setup.connect_usec = 500000;
	clock_gettime(CLOCK_MONOTONIC, &since);
	assert_int_equal(ask_once(&setup, OK), -ETIMEDOUT);
	assert_true(elapsed_msec(&since) >= 400 && elapsed_msec(&since) < 2000);
	named[1] = "127.0.0.1";
	setup.connect_usec = 2000000;
	assert_int_equal(ask_once(&setup, OK), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_dead_ipv6(void **state)
{
	try_around("::1");
}

static void test_dead_ipv4(void **state)
{
	try_around("127.0.0.2");
}

/* The name gets an address later, and another one after that. */
static void test_resolved_anew(void **state)
{
	struct http_session_setup setup = new_setup();
	struct http_session *s;
	struct http_exchange x;
	char text[64];

	snprintf(text, sizeof(text), "https://broker.test:%u", server.port);
	setup.url = text;
	s = open_session(&setup);
	server.answers[0] = OK;
	server.once = true;
	n_resolved = 0;
	named[0] = NULL;
	assert_int_equal(get(s, &x), -EHOSTUNREACH);
	assert_int_equal(n_resolved, 1);
	named[0] = "127.0.0.3";
	named[1] = NULL;
	assert_int_equal(get(s, &x), -EHOSTUNREACH);
	named[0] = "127.0.0.1";
	assert_int_equal(get(s, &x), 0);
	http_exchange_done(&x);
	assert_int_equal(n_resolved, 3);
	http_session_free(s);
}

static void test_vsock(void **state)
{
	struct http_session_setup setup = new_setup();
	struct http_session *s;
	struct http_exchange x;
	int fds[4];

	setup.url = "vsock://2:8743";
	s = open_session(&setup);
	server.answers[0] = server.answers[1] = OK;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(get(s, &x), 0);
		assert_string_equal(x.answer, "ok");
		http_exchange_done(&x);
	}
	assert_non_null(strstr(server.request, "\r\nHost: broker.test"));
	assert_int_equal(vsock_cid, 2);
	assert_int_equal(vsock_port, 8743);
	assert_int_equal(server.n_connections, 1);
	/* Instead of a third answer the server ends the connection; another one is made. */
	assert_int_equal(get(s, &x), 0);
	http_exchange_done(&x);
	assert_int_equal(server.n_connections, 2);
	http_session_free(s);

	/* An identity needs no name, but the key. */
	setup.server_name = "";
	assert_int_equal(ask_once(&setup, OK), 0);
	show(other, "broker.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	setup.server_name = "other.test";
	show(identity, "broker.test", -1, 1);
	assert_int_equal(ask_once(&setup, OK), -EKEYREJECTED);
	/* Byte by byte. */
	setup.server_name = "broker.test";
	server.drip_usec = 500;
	assert_int_equal(ask_once(&setup, OK), 0);
	server.drip_usec = 0;
	/* Nobody is there. */
	setup.url = "vsock://3:8743";
	assert_int_equal(ask_once(&setup, OK), -EHOSTUNREACH);
	assert_cause("vsock://3:8743: Connection refused");
	assert_true(open_nowhere("127.0.0.2", fds));
	setup.url = "vsock://4:8743";
	setup.connect_usec = 300000;
	assert_int_equal(ask_once(&setup, OK), -ETIMEDOUT);
	assert_cause("vsock://4:8743: nobody answers");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_setup(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1",	 "https://a/b", "vsock://2",
					    "https://u:p@broker", "file:///etc", "" };
	struct http_session_setup setup = new_setup();
	struct http_session *s = open_session(&setup);

	http_session_free(s);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		setup.url = urls[i];
		assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	}
	setup = new_setup();
	setup.trust = 0;
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	assert_cause("nobody authenticates");
	setup = new_setup();
	setup.server_name = "a/b";
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	setup = new_setup();
	setup.proxy = "socks5://x:1";
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	setup = new_setup();
	setup.trust = HTTP_TRUST_AUTHORITY;
	setup.url = "vsock://2:1";
	setup.server_name = NULL;
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	assert_cause("name");
	setup.pem = NULL;
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	/* What libcurl would take for a file, or for a choice of two. */
	setup = new_setup();
	setup.trust = HTTP_TRUST_PUBLIC_KEY;
	setup.pem = NULL;
	setup.public_key = "/etc/passwd";
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	setup.public_key = "sha256//AAAAAAAAAAAAAAAAAA==;sha256//AAAAAAAAAAAAAAA=";
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
	setup.public_key = NULL;
	assert_int_equal(http_session_new(&setup, &s, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exchange, setup),
		cmocka_unit_test_setup(test_answers, setup),
		cmocka_unit_test_setup(test_trailer, setup),
		cmocka_unit_test_setup(test_long_header, setup),
		cmocka_unit_test_setup(test_slow, setup),
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_two_identities, setup),
		cmocka_unit_test_setup(test_authority, setup),
		cmocka_unit_test_setup(test_public_key, setup),
		cmocka_unit_test_setup(test_anonymous, setup),
		cmocka_unit_test_setup(test_no_tls, setup),
		cmocka_unit_test_setup(test_proxy, setup),
		cmocka_unit_test_setup(test_nobody, setup),
		cmocka_unit_test_setup(test_dead_ipv6, setup),
		cmocka_unit_test_setup(test_dead_ipv4, setup),
		cmocka_unit_test_setup(test_resolved_anew, setup),
		cmocka_unit_test_setup(test_vsock, setup),
		cmocka_unit_test_setup(test_setup, setup),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
