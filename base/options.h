/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_OPTIONS_H
#define COCO_BASE_OPTIONS_H

#include "base/option.h"
#include "base/text.h"

/*
 * The command line of every program, read by tables.
 *
 * A program is a table of verbs, and a verb is a table of options; a program that does one thing
 * has a table of options alone.  A row of such a table says what the option is called, what it
 * takes, which field it is written to, and what goes with it.  --help, the error messages and
 * the reading itself all come from the rows, so that they cannot differ.
 *
 * Long options are those of getopt_long(): "--name VALUE" or "--name=VALUE", a beginning that is
 * nobody else's will do, and after "--" there are only words.
 */

/*
 * Read the command line into @args, which is all zero.  Options of the program stand before the
 * verb or between its two words, those of the verb behind it, mixed with its words.
 *
 * Returns 1 with the verb in @ret, which is NULL when the program has none.  Returns 0 after
 * --help or --version, which it has answered.  Returns -EINVAL after an error that it has
 * logged: a verb or an option that is unknown or ambiguous, that is given twice, or that has no
 * value, an empty one or a wrong one; a word that the verb does not take.  Returns -ENOMEM.
 * The lists in @args are the caller's in any case, for option_list_done().
 */
int command_read(const struct program *p, int argc, char **argv, struct args *args,
		 const struct verb **ret);

/*
 * Check what was read, by the command line or by option_take(): that all is there that must be,
 * and that it goes together.  @verb is NULL for a program without verbs.
 * Returns 0, or -EINVAL after an error that it has logged.
 */
int command_check(const struct program *p, const struct verb *verb, const struct args *args);

/*
 * Read and check the command line, do what its verb says, and see that the output is written.
 * Returns the exit status: the verb's; 0 after --help or --version; COMMAND_USAGE when the command
 * line is wrong; COMMAND_FAILED when the output cannot be written.
 */
#define COMMAND_USAGE 64
#define COMMAND_FAILED 1
int command_run(const struct program *p, int argc, char **argv, struct args *args);

/* For each verb that prints a verdict; struct args has a struct option_choice for it. */
#define ROW_COLOUR                                                                      \
	{ "color", "WHEN", "auto, always or never: verdicts in colour; auto if not given", \
	  OPTION_CHOICE(colour, text_colours_words), .also = "colour" }

/* Have verdicts printed as --color of @verb says, which may have no such row. */
void command_set_colours(const struct verb *verb, const struct args *args);

#endif
