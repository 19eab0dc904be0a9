/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner's and the host's side: everything that happens before the guest runs. */
#include <stdio.h>

#include "base/secret.h"
#include "inject/verb.h"

/* In the order of the work, as --help shows them. */
static const struct verb *const verbs[] = {
	&verb_doctor,
	&verb_plan,
	&verb_chain_show,
	&verb_chain_verify,
	&verb_session,
	&verb_measure,
	&verb_id_block,
	&verb_table,
	&verb_packet,
	&verb_inject,
	&verb_relay,
	NULL,
};

static const struct program program = {
	.name = "coco-inject",
	.help = "Gives a confidential VM its launch secrets before it runs.",
	.manual = "coco-inject(1)",
	.verbs = verbs,
};

/* A full disk is no success: the output must have been written. */
static int end(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return give_up(STATUS_IO, "Failed to write to standard output");
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_(args_done) struct args args = { 0 };
	const struct verb *verb;
	enum status status;
	struct cause why;
	int r;

	log_open("coco-inject");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r == 0)
		return end(STATUS_GOOD);
	if (r < 0)
		return r == -ENOMEM ? STATUS_IO : STATUS_USAGE;
	if (args.config) {
		status = give_up_if(args_read_config(verbs, verb, &args, &why), &why);
		if (status != STATUS_GOOD)
			return status;
	}
	if (command_check(&program, verb, &args) < 0 || args_check_stdin(&args) < 0)
		return STATUS_USAGE;
	command_set_colours(verb, &args);
	/* Keys are about to be read: no core dump, no tracing by others. */
	r = secret_protect_process();
	if (r < 0) {
		log_error_errno(r, "Failed to protect the process against dumps: %m");
		return STATUS_IO;
	}
	return end(verb->run(&args));
}
