/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_OPTIONS_H
#define COCO_AGENT_KEEPER_CONFIG_OPTIONS_H

#include "agent/config-file.h"

/*
 * How cocod reads its files: tables of options, and errors that are logged and counted while
 * reading goes on, so that all of them are shown.
 */

struct config_errors {
	unsigned n;
	char first[256];	/* for status; "" without an error */
	/* gets each error, printable, in the place of the log; may be NULL */
	void (*each)(void *userdata, const char *text);
	void *userdata;
};

/*
 * Log an error with its file, and its line unless that is 0, and count it.  The text may have any
 * bytes of a file or a name.
 */
void config_error(struct config_errors *e, const char *file, uint64_t line, const char *format,
		  ...) _printf_(4, 5);

/* The text of one option, and where it was found. */
struct config_value {
	struct config_errors *errors;
	void *target;			/* what the options' take() writes to */
	unsigned seen;			/* bit per row of the table */
	const char *file;
	uint64_t line;
	const char *option;
	const char *text;
};

/*
 * take() returns 0, also after it has logged an error itself; or a negative errno.  @expected
 * describes the valid values, for the error.
 */
struct config_option {
	const char *name;
	int (*take)(struct config_value *v);
	const char *expected;
};

/*
 * Read @f, which may have options in the section @section only.  @v has errors and a target, and
 * collects which options the file has.  The text of @f is rewritten.
 */
void config_read_options(struct config_file *f, const char *section,
			 const struct config_option *options, struct config_value *v);

/*
 * Find a file as config_file_read() does.  Returns what that returns; errors are logged and
 * counted.
 */
int config_find_file(struct config_errors *e, const struct config_root *root, const char *name,
		     size_t max, struct config_file *ret);

/* Read one file, with the caller's @target. */
typedef void (*config_read_one_t)(void *target, struct config_file *f);

/*
 * Find and read the file @name, or all *.conf files of the folder @name in the order of their
 * names.
 */
void config_read_named(struct config_errors *e, const struct config_root *root, const char *name,
		       config_read_one_t read_one, void *target);
void config_read_folder(struct config_errors *e, const struct config_root *root, const char *name,
			config_read_one_t read_one, void *target);

#endif
