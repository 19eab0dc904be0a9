/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cococtl.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "base/next-option.h"
#include "base/text.h"

#define TIMEOUT_USEC (30 * 1000000ULL)

static const struct verb verbs[] = {
	{ "attest", "report|verify|fetch|show", "Attestation evidence: see 'cococtl attest --help'", verb_attest, .is_group = true },
	{ "secrets", "list|show|get|wipe ...", "The launch secrets: see 'cococtl secrets --help'", verb_secrets, .is_group = true },
	{ "status", "", "Whether secrets are released on this machine, and why", verb_status },
	{ NULL },
};

int cli_connect(struct cli *cli, int *ret_fd)
{
	int r = client_connect(cli->socket, TIMEOUT_USEC, ret_fd);

	if (r >= 0)
		return 0;
	log_error_errno(r, "Failed to reach cocod on '%s': %m", cli->socket);
	if (r == -EACCES)
		log_error("Only root may talk to cocod: try again with sudo");
	else if (r == -ENOENT || r == -ECONNREFUSED)
		log_error("Is it running? Try: systemctl start cocod.socket");
	return STATUS_NO_COCOD;
}

int cli_failed(int error, const char *name)
{
	switch (-error) {
	case ENOKEY:
		log_error("There is no secret '%s' any more or yet; see 'cococtl secrets list'",
			  name ? name : "");
		return STATUS_NO_SECRET;
	case EPERM:
		log_error("The gate is closed, nothing is released; 'cococtl status' says why");
		return STATUS_FAILED;
	case EAGAIN:
		log_error("The evidence of this VM is being verified: try again in a moment, or see 'cococtl status'");
		return STATUS_FAILED;
	case EACCES:
		log_error("Consumers= of secret '%s' does not have 'get'", name ? name : "");
		return STATUS_FAILED;
	case EBUSY:
		log_error("Secret '%s' is being used by a consumer now; wait, or wipe it with --force",
			  name ? name : "");
		return STATUS_FAILED;
	case EPIPE:
	case ECONNRESET:
	case ETIMEDOUT:
		log_error("cocod went away or does not answer; see 'systemctl status cocod.service'");
		return STATUS_NO_COCOD;
	default:
		log_error("%s%s%scocod failed: %s", name ? "Secret '" : "", name ? name : "", name ? "': " : "", strerror(-error));
		return STATUS_FAILED;
	}
}

int cli_ask_warning(int fd, unsigned i, struct msg_warning *ret)
{
	struct msg_index q = { i };
	int r = client_call(fd, MSG_WARNING, &q, sizeof(q), -EBADF, ret, sizeof(*ret), NULL);

	ret->text[sizeof(ret->text) - 1] = '\0';
	if (r >= 0)
		make_printable(ret->text);
	return r;
}

void print_json(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								     JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text || print_json_text(text) < 0)
		log_oom();
	json_object_put(o);
}

const char *format_time(uint64_t usec, char *buf, size_t size)
{
	time_t t = (time_t)(usec / 1000000);
	struct tm tm;

	if (usec == 0 || !gmtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "-";
	return buf;
}

void json_add(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void json_add_time(struct json_object *o, const char *key, uint64_t usec)
{
	char buf[TIME_LEN];

	json_object_object_add(o, key,
			       usec ? json_object_new_string(format_time(usec, buf, sizeof(buf))) :
				      NULL);
}

static void usage(const struct verb *list, const char *group)
{
	print("%s [OPTIONS...] VERB ...\n\n", group);
	for (; list->name; list++)
		print("  %-8s %-28s %s\n", list->name, list->arguments, list->help);
	puts("\nOptions:\n"
	     "  -h --help             Show this help\n"
	     "     --version          Show the version\n"
	     "     --json             Print JSON\n"
	     "     --socket=PATH      cocod's socket, instead of " COCOD_SOCKET "\n\n"
	     "See cococtl(1).");
}

/* Options before a verb.  Returns -1 to go on, or the exit status. */
static int parse_options(struct cli *cli, const struct verb *list, const char *group, int argc,
			 char **argv)
{
	enum { OPT_VERSION = 0x100, OPT_JSON, OPT_SOCKET };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ NULL },
	};
	int c;

	optind = 0;
	while ((c = next_option(argc, argv, "+h", options)) >= 0)
		switch (c) {
		case 'h':
			usage(list, group);
			return STATUS_GOOD;
		case OPT_VERSION:
			puts("cococtl " PACKAGE_VERSION);
			return STATUS_GOOD;
		case OPT_JSON:
			cli->json = true;
			break;
		case OPT_SOCKET:
			cli->socket = optarg;
			break;
		default:
			return STATUS_USAGE;
		}
	return -1;
}

/* Behind "--" there are names only. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
		if (streq(argv[i], "--help") || streq(argv[i], "-h"))
			return true;
	return false;
}

static int run_verb(struct cli *cli, const struct verb *v, const char *group, int argc, char **argv)
{
	if (v->is_group || !asks_for_help(argc, argv))
		return v->run(cli, argc, argv);
	if (v->print_help)
		v->print_help();
	else
		print("%s %s %s\n\n%s\n\nSee cococtl(1).\n", group, v->name, v->arguments, v->help);
	return STATUS_GOOD;
}

int dispatch(struct cli *cli, const struct verb *list, const char *group, int argc, char **argv)
{
	int status = parse_options(cli, list, group, argc, argv);

	if (status >= 0)
		return status;
	if (optind >= argc) {
		log_error("A verb is missing; try '%s --help'", group);
		return STATUS_USAGE;
	}
	for (const struct verb *v = list; v->name; v++)
		if (streq(v->name, argv[optind]))
			return run_verb(cli, v, group, argc - optind, argv + optind);
	log_error("Unknown verb '%s'; try '%s --help'", argv[optind], group);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = COCOD_SOCKET };
	int status;

	log_open("cococtl");
	(void) signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error to report */
	status = dispatch(&cli, verbs, "cococtl", argc, argv);
	if (fflush(stdout) != 0 && status == STATUS_GOOD) {
		log_error("Failed to write the output: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return status;
}
