/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/broker-fetch.h"
#include "cli/cococtl.h"
#include "cli/secret-read.h"
#include "wire/kbs-uri.h"

/* ---- broker get ---- */

static int set_question(const struct args *args, struct msg_broker_get *ret)
{
	const char *text = args->words.items[0];
	struct kbs_uri uri;

	if (kbs_uri_parse(text, &uri) < 0) {
		log_error("'%s' is not the name of a secret such as kbs:///default/luks/root",
			  text);
		return STATUS_USAGE;
	}
	if (uri.host[0]) {
		log_error("'%s' names a host: leave it out, broker.conf says where the broker is",
			  text);
		return STATUS_USAGE;
	}
	*ret = (struct msg_broker_get){ 0 };
	memcpy(ret->path, uri.path, sizeof(ret->path));
	return 0;
}

/*
 * Nobody else may read it, and nothing is overwritten.  Made before the broker is asked: a secret
 * that is released once must not come when there is no place for it.  @ret stays -EBADF for
 * standard output.  Returns 0, or the exit status.
 */
static int make_output(const struct args *args, int *ret)
{
	const char *path = args->broker.output;

	if (!path) {
		if (isatty(STDOUT_FILENO) && !args->broker.force) {
			log_error("Not printing a secret to a terminal; pipe it to who needs it, "
				  "or use --force");
			return STATUS_FAILED;
		}
		return 0;
	}
	*ret = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret >= 0)
		return 0;
	log_error_errno(-errno, "Failed to create '%s': %m", path);
	return STATUS_FAILED;
}

/* Do not use stdio: nobody wipes its buffer. */
static int write_secret(int file, const struct secret *s)
{
	if (file < 0)
		return write_full(STDOUT_FILENO, secret_data(s), secret_len(s));
	return write_full(file, secret_data(s), secret_len(s));
}

/* Returns the exit status. */
static int get(int fd, int file, const struct msg_broker_get *q, const char *name)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct msg_fetched m;
	int r;

	r = broker_fetch(fd, MSG_BROKER_GET, q, sizeof(*q), &m, &s);
	if (r < 0)
		return cli_failed(r, name);
	if (!s)
		return broker_fetch_failed(&m, name);
	r = write_secret(file, s);
	if (r < 0) {
		log_error_errno(r, "Failed to write secret '%s': %m", name);
		return STATUS_FAILED;
	}
	r = broker_fetch_done(fd);
	return r < 0 ? cli_failed(r, name) : STATUS_GOOD;
}

static int run_get(struct args *args)
{
	_cleanup_(closep) int fd = -EBADF, file = -EBADF;
	struct msg_broker_get q;
	int r;

	r = set_question(args, &q);
	if (r == 0)
		r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	r = secret_protect_process();
	if (r < 0) {
		log_error_errno(r, "Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	r = make_output(args, &file);
	if (r != 0)
		return r;
	r = get(fd, file, &q, args->words.items[0]);
	if (r != STATUS_GOOD && args->broker.output)
		(void) unlink(args->broker.output);
	return r;
}

/* ---- the verbs ---- */

static const struct option_row get_options[] = {
	{ "output", "FILE", "write to this new file instead of standard output", .letter = 'o',
	  OPTION_PATH(broker.output) },
	{ "force", NULL, "write to a terminal, which is refused otherwise",
	  OPTION_FLAG(broker.force) },
	{ NULL },
};

const struct verb verb_broker_get = {
	.name = "broker get",
	.help = "Write the bytes of a secret of the broker's",
	.example = "kbs:///default/api/token --output=token",
	.options = get_options,
	.words = { .value = "URI", OPTION_LIST(words, 1), .required = true,
		   .offer = secret_offer_uri },
	.run = run_get,
};
