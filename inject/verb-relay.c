/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "inject/host/relay-server.h"
#include "inject/verb.h"

#define CONNECTIONS 1024

static int run(struct args *a)
{
	_cleanup_(relay_server_freep) struct relay_server *s = NULL;
	unsigned max = a->max.given ? (unsigned)a->max.value : CONNECTIONS;
	struct cause why;
	int r;

	r = relay_server_new(a->listen, a->to, max, &s, &why);
	if (r == -EINVAL)
		return give_up(STATUS_USAGE, "%s", why.text);
	if (r >= 0) {
		log_info("Connections to %s go to %s", a->listen, a->to);
		r = relay_server_run(s, &why);
	}
	return give_up_if(r, &why);
}

static const struct option_row options[] = {
	{ "listen", "ADDRESS", "where guests connect: vsock:[CID]:PORT or unix:PATH",
	  OPTION_STRING(listen), .required = true },
	{ "to", "HOST:PORT", "the server that they reach", OPTION_STRING(to), .required = true },
	{ "max", "N", "connections at once; 1024 if not given", OPTION_NUMBER(max, 1, 65536) },
	{ NULL },
};

const struct verb verb_relay = {
	.name = "relay",
	.help = "Let guests reach a broker over a vsock",
	.example = "--listen=vsock:8743 --to=kbs.example.org:8443",
	.options = options,
	.run = run,
};
