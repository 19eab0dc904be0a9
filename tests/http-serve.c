/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The broker's HTTP server alone, for tests/run/broker-http and tests/bench/bench-broker-http:
 *
 *	http-serve [relay=ADDRESS]... [rate=N] [burst=N] [rate-all=N] [burst-all=N]
 *		   [connections=N] [threads=N] [no-wipe]
 *
 * It listens on all of 127/8, with TLS and without, prints "TLS-PORT PLAIN-PORT" and the
 * certificate of its identity, and ends when its standard input does.  The handler answers
 *
 *	/echo		method, peer and length of the body, a digest of the body
 *	/metrics	the metrics
 *	/sleep?N	the same as /echo after N ms
 */
#include <netinet/in.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "broker/serve/http.h"
#include "broker/serve/wipe.h"
#include "tests/unit/identity.h"

#define RELAYS_MAX 16
#define STOP_USEC 5000000

static void echo(const struct http_request *q, struct http_reply *ret)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	SHA256(q->body.p, q->body.len, digest);
	format_hex(digest, sizeof(digest), hex);
	if (asprintf(&ret->body,
		     "{\"method\":\"%s\",\"peer\":\"%s\",\"length\":%zu,\"sha256\":\"%s\"}",
		     q->method, q->peer, q->body.len, hex) < 0)
		ret->body = NULL;
	ret->status = ret->body ? 200 : 500;
}

static void handle(void *userdata, const struct http_request *q, struct http_reply *ret)
{
	if (streq(q->path, "/metrics")) {
		ret->type = METRICS_TYPE;
		ret->status = metrics_format(userdata, &ret->body) < 0 ? 500 : 200;
		return;
	}
	if (streq(q->path, "/sleep") && q->query)
		(void) usleep((useconds_t)strtoul(q->query, NULL, 10) * 1000);
	echo(q, ret);
}

static int listen_anywhere(unsigned *ret_port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_ANY);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		exit(1);
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

struct options {
	struct http_setup setup;
	const char *relays[RELAYS_MAX + 1];
	unsigned n_relays;
	bool keeps;		/* does not wipe */
};

static bool take_number(const char *word, const char *name, unsigned *ret)
{
	const char *value = startswith(word, name);
	uint32_t n;

	if (!value || *value != '=' || parse_u32(value + 1, &n) < 0)
		return false;
	*ret = n;
	return true;
}

static bool take_word(struct options *o, const char *word)
{
	const char *relay = startswith(word, "relay=");

	if (relay && o->n_relays < RELAYS_MAX) {
		o->relays[o->n_relays++] = relay;
		return true;
	}
	if (streq(word, "no-wipe")) {
		o->keeps = true;
		return true;
	}
	return take_number(word, "rate", &o->setup.rate) ||
	       take_number(word, "burst", &o->setup.burst) ||
	       take_number(word, "rate-all", &o->setup.rate_all) ||
	       take_number(word, "burst-all", &o->setup.burst_all) ||
	       take_number(word, "connections", &o->setup.connections_max) ||
	       take_number(word, "threads", &o->setup.n_threads);
}

static int serve(struct options *o)
{
	static const bool plain[] = { false, true };
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	struct http_server *server;
	struct identity identity;
	unsigned ports[2];
	int fds[2] = { listen_anywhere(&ports[0]), listen_anywhere(&ports[1]) };
	struct cause why;
	char c;

	identity_make(&identity, true);
	if (metrics_new(&m) < 0)
		return 1;
	o->setup.fds = fds;
	o->setup.plain = plain;
	o->setup.n_fds = 2;
	o->setup.identity = identity.key;
	o->setup.identity_pem = identity.pem;
	o->setup.name = "kbs.example.org";
	o->setup.relays = o->relays;
	o->setup.handler = handle;
	o->setup.userdata = o->setup.metrics = m;
	if (http_server_new(&o->setup, &server, &why) < 0) {
		fprintf(stderr, "http-serve: %s\n", why.text);
		return 1;
	}
	printf("%u %u\n%s", ports[0], ports[1], identity.pem);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	http_server_stop(server, STOP_USEC);
	identity_done(&identity);
	close_fd(fds[0]);
	close_fd(fds[1]);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .n_relays = 0 };

	for (int i = 1; i < argc; i++)
		if (!take_word(&o, argv[i])) {
			fprintf(stderr, "http-serve: what is '%s'?\n", argv[i]);
			return 2;
		}
	if (!o.keeps && wipe_install() < 0)
		return 1;
	return serve(&o);
}
