/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner's and the host's side: everything that happens before the guest runs. */
#include <stdio.h>

#include "base/secret.h"
#include "base/text.h"
#include "inject/verb.h"

/* In the order of the work, as --help shows them. */
static const struct verb *const verbs[] = {
	&verb_chain_show,
	&verb_chain_verify,
	&verb_session,
	&verb_measure,
	&verb_id_block,
	&verb_table,
	&verb_packet,
	&verb_inject,
};

static void print_help(void)
{
	print("Usage: coco-inject VERB [OPTION...]\n\n"
	       "Give a confidential VM its launch secrets before it runs.\n\nVerbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		print("  %-13s %s\n", verbs[i]->name, verbs[i]->summary);
	print("\n'coco-inject VERB --help' shows the options of a verb; the manual is coco-inject(1).\n");
}

/* The verb that argv[1], or argv[1] and argv[2], name.  @ret_n is how many words that are. */
static const struct verb *find_verb(int argc, char **argv, int *ret_n)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *second = startswith(verbs[i]->name, argv[1]);

		if (!second || (*second && *second != ' ') ||
		    (*second && (argc < 3 || !streq(second + 1, argv[2]))))
			continue;
		*ret_n = *second ? 2 : 1;
		return verbs[i];
	}
	return NULL;
}

/* @word is the first of some verb's two. */
static bool is_half_verb(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *second = startswith(verbs[i]->name, word);

		if (second && *second == ' ')
			return true;
	}
	return false;
}

/* What was printed must have arrived: a full disk is no success. */
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
	int n, r;

	log_open("coco-inject");
	if (argc < 2)
		return give_up(STATUS_USAGE, "A verb is needed; see 'coco-inject --help'");
	if (streq(argv[1], "--help") || streq(argv[1], "-h") || streq(argv[1], "help")) {
		print_help();
		return end(STATUS_GOOD);
	}
	if (streq(argv[1], "--version")) {
		print("coco-inject %s\n", PACKAGE_VERSION);
		return end(STATUS_GOOD);
	}
	verb = find_verb(argc, argv, &n);
	if (!verb && is_half_verb(argv[1]))
		return give_up(STATUS_USAGE, "'%s' needs another word; see 'coco-inject --help'",
			       argv[1]);
	if (!verb)
		return give_up(STATUS_USAGE, "'%s' is no verb; see 'coco-inject --help'", argv[1]);

	r = args_parse(verb, argc - n, argv + n, &args);
	if (r != STATUS_GOOD)
		return r < 0 ? end(STATUS_GOOD) : r;
	/* Keys are about to be read: no core dump, no tracing by others. */
	r = secret_protect_process();
	if (r < 0)
		return log_error_errno(r, "Failed to protect the process against dumps: %m"), STATUS_IO;
	return end(verb->run(&args));
}
