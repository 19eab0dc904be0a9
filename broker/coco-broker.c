/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/coco-broker.h"

#include <signal.h>

#include "base/log.h"
#include "broker/serve/settings.h"
#include "broker/serve/wipe.h"

static const struct option_row options[] = {
	{ "config", "FILE", "the settings, instead of " SETTINGS_PATH, OPTION_PATH(config) },
	{ "socket", "PATH", "the broker's admin socket, instead of that of the settings",
	  OPTION_PATH(socket) },
	ROW_JSON,
	{ NULL },
};

const struct option_row no_options[] = { { NULL } };
const struct option_row colour_options[] = { ROW_COLOUR, { NULL } };
const struct option_row json_options[] = { ROW_JSON, { NULL } };
const struct option_row verdict_options[] = { ROW_COLOUR, ROW_JSON, { NULL } };

static const struct verb *const verbs[] = {
	&verb_init,
	&verb_serve,
	&verb_status,
	&verb_secret_add,
	&verb_secret_list,
	&verb_secret_show,
	&verb_secret_rm,
	&verb_secret_rearm,
	&verb_policy_set,
	&verb_policy_show,
	&verb_policy_test,
	&verb_try,
	&verb_approve,
	&verb_why,
	&verb_watch,
	&verb_collateral_warm,
	&verb_collateral_list,
	&verb_accept_restore,
	&verb_audit_verify,
	&verb_audit_export,
	&verb_audit_checkpoint,
	&verb_audit_trim,
	&verb_backup,
	&verb_restore,
	&verb_migrate,
	&verb_rekey,
	NULL,
};

static const struct program program = {
	.name = "coco-broker",
	.help = "Releases secrets to confidential VMs, by what their evidence says.",
	.manual = "coco-broker(8)",
	.options = options,
	.verbs = verbs,
};

static void args_done(struct args *args)
{
	option_list_done(&args->words);
}

int main(int argc, char **argv)
{
	_cleanup_(args_done) struct args args = { 0 };

	log_open("coco-broker");
	/* Before either library has any memory. */
	if (wipe_install() < 0) {
		log_error("Memory that is given back cannot be wiped");
		return STATUS_FAILED;
	}
	(void) signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error to report */
	return command_run(&program, argc, argv, &args);
}
