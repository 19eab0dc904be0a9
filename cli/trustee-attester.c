/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of another project's program of this name, for those who call it: clevis has a
 * pin that does, and gets its key from us without a change.  What is trusted stays with cocod and
 * broker.conf.  Whoever calls us may have the address and the name of the secret from a volume's
 * header, which is the host's.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "base/secret.h"
#include "cli/broker-fetch.h"
#include "cli/connect.h"
#include "ipc/client.h"
#include "wire/broker-url.h"
#include "wire/kbs-uri.h"

/* As the other program has them. */
enum {
	EXIT_GOOD = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct args {
	const char *url, *cert_file, *socket;
	const char *path, *initdata;
};

/* ---- the question ---- */

/* Addresses are often written with a slash at the end, which means nothing. */
static int set_url(const char *text, struct msg_broker_get *ret)
{
	struct broker_url url;
	char copy[BROKER_URL_LEN];
	size_t len = strlen(text);
	int r;

	if (len > 0 && text[len - 1] == '/')
		len--;
	r = len >= sizeof(copy) ? -EMSGSIZE : 0;
	if (r == 0) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		r = broker_url_parse(copy, &url);
	}
	if (r == -EPROTONOSUPPORT)
		log_error("'%s' is without TLS, which is refused: the broker's https:// address "
			  "is needed here and as Url= in broker.conf",
			  text);
	else if (r < 0)
		log_error("'%s' is not an address of a broker such as https://kbs.example:8443",
			  text);
	else
		memcpy(ret->url, url.text, sizeof(ret->url));
	return r;
}

/* "a/b/c", "/a/b/c", or a URI: kbs:///a/b/c, kbs+PLUGIN:///a/b. */
static int set_path(const char *text, struct msg_broker_get *ret)
{
	struct kbs_uri uri = { "", "" };
	const char *path = text[0] == '/' ? text + 1 : text;
	bool good;

	if (strstr(text, "://")) {
		good = kbs_uri_parse(text, &uri) == 0;
	} else {
		good = path[0] != '+' && kbs_path_is_valid(path);
		if (good)
			memcpy(uri.path, path, strlen(path) + 1);
	}
	if (!good) {
		log_error("'%s' is not the name of a secret such as default/luks/root", text);
		return -EINVAL;
	}
	memcpy(ret->path, uri.path, sizeof(ret->path));
	return 0;
}

/* Both would be trusted only because a header names them; cocod has its own. */
static void say_what_is_not_used(const struct args *args)
{
	if (args->cert_file)
		log_notice("--cert-file is not used: Identity= or Authority= in broker.conf says "
			   "who the broker is");
	if (args->initdata)
		log_notice("--initdata is not used: cocod sends what InitData= in broker.conf "
			   "names");
}

/* ---- the answer ---- */

/* The digit of base64 for a number below 64.  The time that it takes does not tell which. */
static uint8_t digit_of(unsigned n)
{
	unsigned c = 'A' + n;

	c += (unsigned)-(n > 25) & ('a' - 'Z' - 1);
	c -= (unsigned)-(n > 51) & ('z' + 1 - '0');
	c -= (unsigned)-(n > 61) & ('9' + 1 - '+');
	c += (unsigned)-(n > 62) & ('/' - '+' - 1);
	return (uint8_t)c;
}

/* The secret in base64, and a newline. */
static int encode(const struct secret *s, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	const uint8_t *p = secret_data(s);
	size_t len = secret_len(s);
	uint8_t *out;
	int r;

	r = secret_new((len + 2) / 3 * 4 + 1, &text);
	if (r < 0)
		return r;
	out = secret_bytes(text);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, (size_t)3);
		unsigned bits = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				(n > 2 ? (unsigned)p[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			*out++ = k <= n ? digit_of(bits >> (18 - 6 * k) & 63) : '=';
	}
	*out = '\n';
	*ret = TAKE_PTR(text);
	return 0;
}

/* Do not use stdio: nobody wipes its buffer. */
static int print_secret(const struct secret *s)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	int r;

	r = encode(s, &text);
	if (r >= 0)
		r = write_full(STDOUT_FILENO, secret_data(text), secret_len(text));
	if (r < 0)
		return log_error_errno(r, "Failed to write the secret: %m");
	return 0;
}

/* ---- get-resource ---- */

/*
 * cocod is not told that the secret was used: only the caller will know, and it may ask again.  A
 * broker that gives a secret once gives it again to the same boot for some minutes.
 */
static int fetch(const struct args *args, const struct msg_broker_get *q, struct secret **ret)
{
	_cleanup_(closep) int fd = -EBADF;
	struct msg_fetched m;
	int r;

	r = cocod_connect(args->socket, &fd);
	if (r < 0)
		return r;
	r = broker_fetch(fd, MSG_BROKER_GET, q, sizeof(*q), &m, ret);
	if (r < 0)
		return log_error_errno(r, "cocod does not answer as it should: %m; see "
					  "'systemctl status cocod.service'");
	if (!*ret) {
		(void) broker_fetch_failed(&m, args->path);
		return -ENOKEY;
	}
	return 0;
}

static int run_get_resource(struct args *args)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct msg_broker_get q = { "", "" };
	int r;

	/* It stands before the verb, so that the table of the verb does not have it. */
	if (!args->url) {
		log_error("--url is needed; see 'trustee-attester --help'");
		return EXIT_USAGE;
	}
	if (set_url(args->url, &q) < 0 || set_path(args->path, &q) < 0)
		return EXIT_FAILED;
	if (isatty(STDOUT_FILENO)) {
		log_error("Not printing a secret to a terminal; pipe it to who needs it");
		return EXIT_FAILED;
	}
	say_what_is_not_used(args);
	r = secret_protect_process();
	if (r < 0) {
		log_error_errno(r, "Failed to keep this process out of core dumps: %m");
		return EXIT_FAILED;
	}
	if (fetch(args, &q, &s) < 0)
		return EXIT_FAILED;
	return print_secret(s) < 0 ? EXIT_FAILED : EXIT_GOOD;
}

/* ---- the command line ---- */

static const struct option_row options[] = {
	{ "url", "URL", "the broker's address: one of those in broker.conf", OPTION_STRING(url),
	  .required = true },
	{ "cert-file", "FILE", "accepted, and not used", OPTION_PATH(cert_file) },
	{ "socket", "PATH", "cocod's socket, instead of " COCOD_SOCKET, OPTION_PATH(socket) },
	{ NULL },
};

static const struct option_row get_resource_options[] = {
	{ "path", "PATH", "the name of the secret: REPOSITORY/TYPE/TAG, or a URI",
	  OPTION_STRING(path), .required = true },
	{ "initdata", "TEXT", "accepted, and not used", OPTION_STRING(initdata), .empty = true },
	{ NULL },
};

static const struct verb get_resource = {
	.name = "get-resource",
	.help = "Write a secret of the broker's, in base64",
	.example = "--path=default/luks/vm1",
	.options = get_resource_options,
	.run = run_get_resource,
};

static const struct verb *const verbs[] = { &get_resource, NULL };

static const struct program program = {
	.name = "trustee-attester",
	.help = "Asks cocod for a secret of the broker's, by the command line that clevis knows.",
	.manual = "trustee-attester(1)",
	.options = options,
	.verbs = verbs,
};

int main(int argc, char **argv)
{
	struct args args = { NULL };
	const struct verb *verb;
	int r;

	log_open("trustee-attester");
	(void) signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error to report */
	r = command_read(&program, argc, argv, &args, &verb);
	if (r == 0)
		return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
	if (r < 0 || command_check(&program, verb, &args) < 0)
		return EXIT_USAGE;
	return verb->run(&args);
}
