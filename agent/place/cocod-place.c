/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod-place puts a secret of the keeper's into a keyring or a file, and removes it from there.
 * Both need rights that the keeper does not have: to act as another user, to give a file away.
 * One process serves one order, and is of one kind from its start.
 */
#include <stdio.h>
#include <unistd.h>

#include "agent/connection.h"
#include "agent/place/place.h"
#include "base/log.h"
#include "base/options.h"

#define PLACE_SEC 30

enum { KIND_KEYRING, KIND_FILE };

static const char *const kind_names[] = {
	[KIND_KEYRING] = "keyring",
	[KIND_FILE] = "file",
	NULL,
};

static const struct place_ops *const kinds[] = {
	[KIND_KEYRING] = &place_key,
	[KIND_FILE] = &place_file,
};

struct args {
	struct option_choice kind;
	const char *folder;
};

static const struct option_row options[] = {
	{ "kind", "KIND", "where it puts a secret: keyring or file",
	  OPTION_CHOICE(kind, kind_names), .required = true },
	{ "folder", "DIR", "put files there instead of into " PLACE_FOLDER, OPTION_PATH(folder) },
	{ NULL },
};

static const struct program program = {
	.name = "cocod-place",
	.help = "Puts a secret into a keyring or a file, for cocod.",
	.example = "--kind=file",
	.manual = "cocod-place(8)",
	.options = options,
};

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	const struct place_ops *ops;
	int conn, r;

	log_open("cocod-place");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args) < 0 ? -EINVAL : 1;
	if (r <= 0)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	r = secret_protect_process();
	if (r < 0) {
		(void) log_error_errno(r, "Failed to keep this process out of core dumps: %m");
		return EXIT_FAILURE;
	}
	/* For a keeper that keeps the connection and says nothing. */
	(void) alarm(PLACE_SEC);
	ops = kinds[args.kind.index];
	if (connection_take("cocod-place", ops->socket, &conn) < 0)
		return EXIT_FAILURE;
	r = place_serve(ops, conn, args.folder ?: PLACE_FOLDER);
	if (r < 0)
		(void) log_error_errno(r, "Failed to serve the connection: %m");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
