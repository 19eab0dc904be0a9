/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients for tests/bench/bench-broker-http:
 *
 *	http-load keep PORT TLS THREADS SECONDS	a connection a thread, many requests
 *	http-load new PORT TLS THREADS SECONDS	a connection for each request
 *	http-load idle PORT TLS N		N connections, a request each; prints a line when
 *						all are there, and holds them until standard
 *						input ends
 *	http-load bare SECONDS			handshakes in memory, both ends, as a floor
 *
 * TLS is 0 or 1.  The first two print how many answers there were in a second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "tests/unit/identity.h"

#define REQUEST "GET /echo HTTP/1.1\r\nHost: kbs.example.org\r\n\r\n"

static unsigned port;
static bool keep;
static SSL_CTX *context;		/* NULL: plain */
static uint64_t until_usec;
static _Atomic uint64_t n_answers;

struct client {
	int fd;
	SSL *ssl;
};

static bool dial(struct client *c)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1;

	*c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return false;
	(void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!context)
		return true;
	c->ssl = SSL_new(context);
	return c->ssl && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1;
}

static void hang_up(struct client *c)
{
	SSL_free(c->ssl);
	close_fd(c->fd);
}

/* The answers of /echo are short, and come in one piece. */
static bool ask(struct client *c)
{
	char buf[4096];
	int n;

	if (c->ssl) {
		if (SSL_write(c->ssl, REQUEST, strlen(REQUEST)) <= 0)
			return false;
		n = SSL_read(c->ssl, buf, sizeof(buf));
	} else {
		if (write(c->fd, REQUEST, strlen(REQUEST)) < 0)
			return false;
		n = (int)read(c->fd, buf, sizeof(buf));
	}
	return n > 12 && memcmp(buf, "HTTP/1.1 200", 12) == 0;
}

static void *load(void *userdata)
{
	struct client c;

	while (now_usec() < until_usec) {
		if (!dial(&c)) {
			fprintf(stderr, "http-load: a connection failed\n");
			exit(1);
		}
		do {
			if (!ask(&c)) {
				fprintf(stderr, "http-load: a request failed\n");
				exit(1);
			}
			n_answers++;
		} while (keep && now_usec() < until_usec);
		hang_up(&c);
	}
	return NULL;
}

static int run(unsigned n_threads, unsigned seconds)
{
	pthread_t threads[512];
	uint64_t began = now_usec();

	until_usec = began + seconds * UINT64_C(1000000);
	for (unsigned i = 0; i < n_threads && i < 512; i++)
		if (pthread_create(&threads[i], NULL, load, NULL))
			return 1;
	for (unsigned i = 0; i < n_threads && i < 512; i++)
		(void) pthread_join(threads[i], NULL);
	printf("%.0f\n", (double)n_answers * 1e6 / (double)(now_usec() - began));
	return 0;
}

static int idle(unsigned n)
{
	struct client *all = calloc(n, sizeof(*all));
	char c;

	for (unsigned i = 0; i < n; i++)
		if (!dial(&all[i]) || !ask(&all[i])) {
			fprintf(stderr, "http-load: connection %u failed\n", i);
			return 1;
		}
	printf("%u\n", n);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	/* All are still good. */
	for (unsigned i = 0; i < n; i += 25)
		if (!ask(&all[i]))
			return 1;
	return 0;
}

static bool shake(SSL_CTX *server)
{
	SSL *a = SSL_new(server), *b = SSL_new(context);
	BIO *x, *y;
	int done = 0;

	BIO_new_bio_pair(&x, 0, &y, 0);
	SSL_set_accept_state(a);
	SSL_set_connect_state(b);
	SSL_set_bio(a, x, x);
	SSL_set_bio(b, y, y);
	for (unsigned i = 0; i < 10 && done != 2; i++)
		done = (SSL_do_handshake(b) == 1) + (SSL_do_handshake(a) == 1);
	SSL_free(a);
	SSL_free(b);
	return done == 2;
}

static int bare(unsigned seconds)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	uint64_t began = now_usec(), n = 0;
	struct identity identity;

	identity_make(&identity, true);
	SSL_CTX_use_certificate(server, identity.certificate);
	SSL_CTX_use_PrivateKey(server, identity.key);
	SSL_CTX_set_num_tickets(server, 0);
	while (now_usec() < began + seconds * UINT64_C(1000000)) {
		if (!shake(server))
			return 1;
		n++;
	}
	printf("%.0f\n", (double)n * 1e6 / (double)(now_usec() - began));
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	(void) getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &files);
	if (argc < 3)
		return 2;
	context = SSL_CTX_new(TLS_client_method());
	/* Idle connections of the client take memory too. */
	(void) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (streq(argv[1], "bare"))
		return bare((unsigned)atoi(argv[2]));
	if (argc < 5)
		return 2;
	port = (unsigned)atoi(argv[2]);
	if (atoi(argv[3]) == 0)
		context = NULL;
	if (streq(argv[1], "idle"))
		return idle((unsigned)atoi(argv[4]));
	keep = streq(argv[1], "keep");
	return argc > 5 ? run((unsigned)atoi(argv[4]), (unsigned)atoi(argv[5])) : 2;
}
