/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_COCOCTL_H
#define COCO_CLI_COCOCTL_H

#include <json-c/json_object.h>

#include "base/macro.h"
#include "ipc/client.h"

/* Exit statuses, as cococtl(1) has them. */
enum {
	STATUS_GOOD = 0,
	STATUS_FAILED = 1,	/* cocod refused, or something went wrong on the way */
	STATUS_NO_SECRET = 2,	/* no such secret, or it is wiped */
	STATUS_NO_COCOD = 3,	/* cocod cannot be reached */
	STATUS_USAGE = 64,
};

/* What stands before the verb. */
struct cli {
	const char *socket;
	bool json;
};

/*
 * One verb.  @argv[0] is the verb itself; it parses its own options with getopt_long() and
 * returns one of the statuses above, having said what was wrong.
 */
struct verb {
	const char *name;
	const char *arguments;	/* for --help */
	const char *help;
	int (*run)(struct cli *cli, int argc, char **argv);
	bool is_group;			/* of verbs, which answer --help themselves */
	void (*print_help)(void);	/* for --help behind the verb; NULL: its arguments and help */
};

int verb_attest(struct cli *cli, int argc, char **argv);
int verb_secrets(struct cli *cli, int argc, char **argv);
int verb_status(struct cli *cli, int argc, char **argv);

/*
 * Run the verb of @verbs (which ends with a name of NULL) that @argv names after its options;
 * @group is for messages ("cococtl secrets").
 */
int dispatch(struct cli *cli, const struct verb *verbs, const char *group, int argc, char **argv);

/*
 * Connect to cocod.  Says what to do when that fails.  Returns 0 or STATUS_NO_COCOD; @ret_fd is
 * yours.
 */
int cli_connect(struct cli *cli, int *ret_fd);

/*
 * The exit status for the errno that cocod answered about @name (NULL: not about a secret),
 * having said it in words.
 */
int cli_failed(int error, const char *name);

/*
 * What cocod wants a person to know: the @i-th, into @ret, printable.  Returns 0; -ENOENT after
 * the last; an error of client_call().
 */
int cli_ask_warning(int fd, unsigned i, struct msg_warning *ret);

/* Print as JSON and free it. */
void print_json(struct json_object *o);

/* CLOCK_REALTIME as "2026-01-31T12:00:00Z" in @buf; "-" for 0. */
#define TIME_LEN 32
const char *format_time(uint64_t usec, char *buf, size_t size);

/* Members of a JSON object; a time of 0 is null. */
void json_add(struct json_object *o, const char *key, const char *value);
void json_add_time(struct json_object *o, const char *key, uint64_t usec);

#endif
