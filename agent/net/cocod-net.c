/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-net asks brokers for secrets, so that the keeper need not speak to the network.  It has
 * the network and nothing else: no secret, no key, no device.  What it parses comes from whoever
 * answers, and what it hands to the keeper are fields of fixed sizes, which the keeper checks.
 * One process serves one connection.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/connection.h"
#include "agent/net/conversation.h"
#include "base/log.h"
#include "base/options.h"

#define NET_SEC 600	/* a handshake, and the confirmation when the volume is open */

struct args {
	bool none;
};

static const struct option_row options[] = {
	{ NULL },
};

static const struct program program = {
	.name = "cocod-net",
	.help = "Asks a broker for secrets, for cocod.",
	.example = "",
	.manual = "cocod-net(8)",
	.options = options,
};

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	int conn, r;

	log_open("cocod-net");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args) < 0 ? -EINVAL : 1;
	if (r <= 0)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		(void) log_warning_errno(errno, "Failed to forbid core dumps, ignoring: %m");
	/*
	 * Each request ends in time by itself.  SIGALRM is for a library that waits, and for a
	 * keeper that keeps a connection and asks nothing.
	 */
	(void) alarm(NET_SEC);
	if (connection_take("cocod-net", "cocod-net", &conn) < 0)
		return EXIT_FAILURE;
	r = conversation_hold(conn);
	if (r < 0)
		(void) log_error_errno(r, "Failed to serve the connection: %m");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
