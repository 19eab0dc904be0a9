/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cococtl.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/connect.h"

static const struct option_row options[] = {
	ROW_JSON,
	{ "socket", "PATH", "cocod's socket, instead of " COCOD_SOCKET, OPTION_PATH(socket) },
	{ NULL },
};

/* In the order in which people come to need them, as --help shows them. */
static const struct verb *const verbs[] = {
	&verb_status, &verb_doctor,
	&verb_secrets_list, &verb_secrets_show, &verb_secrets_get, &verb_secrets_has,
	&verb_secrets_place, &verb_secrets_withdraw, &verb_secrets_wipe,
	&verb_exec,
	&verb_luks_enroll, &verb_luks_format, &verb_luks_test, &verb_luks_list, &verb_luks_check,
	&verb_luks_remove,
	&verb_attest_report, &verb_attest_show, &verb_attest_verify, &verb_attest_fetch,
	&verb_attest_policy,
	&verb_broker_set, &verb_broker_check, &verb_broker_get,
	&verb_boot_time,
	NULL,
};

static const struct program program = {
	.name = "cococtl",
	.help = "Shows and hands out the launch secrets of this VM, lets them open volumes, and "
		"judges attestation evidence.",
	.manual = "cococtl(1)",
	.options = options,
	.verbs = verbs,
};

int cli_connect(const struct args *args, int *ret_fd)
{
	return cocod_connect(args->socket, ret_fd) < 0 ? STATUS_NO_COCOD : 0;
}

int cli_failed(int error, const char *name)
{
	switch (-error) {
	case ENOKEY:
		log_error("There is no secret '%s'; see 'cococtl secrets list'",
			  name ? name : "");
		return STATUS_NO_SECRET;
	case EPERM:
		if (geteuid() != 0) {
			log_error("cocod refuses: the gate is closed, or only root may ask this");
			return STATUS_FAILED;
		}
		log_error("The gate is closed, nothing is released; 'cococtl status' says why");
		return STATUS_FAILED;
	case EAGAIN:
		log_error("The evidence of this VM is being verified: try again in a moment, or "
			  "see 'cococtl status'");
		return STATUS_FAILED;
	case EACCES:
		if (geteuid() != 0) {
			log_error("There is no secret '%s' for you: Consumers= would have to name "
				  "your user or a group of yours",
				  name ? name : "");
			return STATUS_FAILED;
		}
		log_error("Consumers= of secret '%s' does not have 'get': add it in its file in "
			  "secrets.d, then 'systemctl reload cocod'",
			  name ? name : "");
		return STATUS_FAILED;
	case ENODATA:
		log_error("Secret '%s' is empty, which is hardly meant; if it is, set "
			  "AllowEmpty=yes in its file in secrets.d",
			  name ? name : "");
		return STATUS_FAILED;
	case EBUSY:
		log_error("Secret '%s' is being used by a consumer now; wait, or wipe it with "
			  "--force",
			  name ? name : "");
		return STATUS_FAILED;
	case EREMOTEIO:
		log_error("Secret '%s' could not be removed from the keyring or the file where it "
			  "was put, and can be read there still; this is tried again, and "
			  "'journalctl -u cocod' says why it failed",
			  name ? name : "");
		return STATUS_FAILED;
	case EPIPE:
	case ECONNRESET:
	case ETIMEDOUT:
		log_error("cocod went away or does not answer; see 'systemctl status "
			  "cocod.service'");
		return STATUS_NO_COCOD;
	default:
		log_error("%s%s%scocod failed: %s", name ? "Secret '" : "", name ? name : "",
			  name ? "': " : "", strerror(-error));
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

int print_json(struct json_object *o)
{
	int r = json_print(o, JSON_C_TO_STRING_PRETTY);

	if (r < 0)
		log_oom();
	json_object_put(o);
	return r < 0 ? STATUS_FAILED : STATUS_GOOD;
}

const char *format_time(uint64_t usec, char buf[static TIME_TEXT_MAX])
{
	return usec > 0 && time_format((int64_t)(usec / 1000000), buf) ? buf : "-";
}

int json_add_time(struct json_object *o, const char *key, uint64_t usec)
{
	char buf[TIME_TEXT_MAX];

	return json_add_text_or_null(o, key, usec ? format_time(usec, buf) : NULL);
}

static void args_done(struct args *args)
{
	option_list_done(&args->words);
	option_list_done(&args->secrets.handed);
	option_list_done(&args->attest.certs);
	option_list_done(&args->attest.crls);
	option_list_done(&args->attest.settings);
	option_list_done(&args->broker.urls);
}

int main(int argc, char **argv)
{
	_cleanup_(args_done) struct args args = { 0 };

	log_open("cococtl");
	(void) signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error to report */
	return command_run(&program, argc, argv, &args);
}
