/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_OPTION_H
#define COCO_BASE_OPTION_H

#include "base/macro.h"

/* The tables that command lines are read by, and one option of them; base/options.h reads. */

/*
 * The fields that the options of a program are written to; each program defines its own.  All is
 * zero at first.  A field that was written is never all zero: that is how an option that was
 * given is told from one that was not.
 */
struct args;

struct offers;

struct option_number {
	bool given;
	uint64_t value;
};

struct option_choice {
	bool given;
	unsigned index;		/* into the row's words */
};

struct option_list {
	const char **items;	/* in the order in which they were given */
	size_t n;
};

enum option_type {
	OPTION_TYPE_FLAG,	/* bool */
	OPTION_TYPE_STRING,	/* const char *, borrowed from argv */
	OPTION_TYPE_PATH,	/* const char *, of a file, a folder or a socket */
	OPTION_TYPE_NUMBER,	/* struct option_number, decimal or hexadecimal after "0x" */
	OPTION_TYPE_CHOICE,	/* struct option_choice, one of the row's words */
	OPTION_TYPE_LIST,	/* struct option_list: the option may be given again */
	OPTION_TYPE_PARSED,	/* what the row's function makes of the text */
};

#define OPTION_NAME_MAX 40	/* bytes in the name of an option or a verb */

struct option_row {
	const char *name;	/* without the dashes; NULL ends a table */
	const char *value;	/* what --help calls its value: "FILE"; NULL for a flag */
	const char *help;	/* one line */

	/* One of the macros below sets these. */
	enum option_type type;
	size_t offset, size;	/* of its field in struct args */
	uint64_t min, max;	/* of a number; @max of a list is its length, 0 for any */
	/* That can be chosen, ends with NULL; for a text or a list only what completion offers. */
	const char *const *words;
	/* What completion offers beside them (base/options-complete.h).  NULL: as @value says. */
	void (*offer)(const struct offers *o);
	int (*parse)(const char *text, void *field);	/* 0 or a negative errno; quiet */
	const char *wrong;	/* the error for a wrong value: "is not a time such as 30s" */

	char letter;		/* for "-o"; 0 for none */
	bool required;		/* the verb does not work without it */
	bool empty;		/* its value may be "" */
	bool hidden;		/* --help does not show it: it is for tests */
	/* What the field calls it elsewhere, with blanks between: read, and in no help. */
	const char *also;
	const char *needs;	/* options that must be given too, with blanks between */
	const char *excludes;	/* options that must not be given too */
	const char *because;	/* why it needs or excludes them; NULL when that is plain */
};

#define OPTION_FIELD_(member) \
	.offset = offsetof(struct args, member), .size = sizeof(((struct args *)0)->member)
/* The same for a field that must be of the type @want: another one does not compile. */
#define OPTION_IS_(member, want) \
	__builtin_types_compatible_p(__typeof__(((struct args *)0)->member), want)
#define OPTION_TYPED_(member, want)                                                          \
	.offset = offsetof(struct args, member) +                                            \
		  0 * sizeof(char[OPTION_IS_(member, want) ? 1 : -1]),                       \
	.size = sizeof(want)

#define OPTION_FLAG(member) .type = OPTION_TYPE_FLAG, OPTION_TYPED_(member, bool)
#define OPTION_STRING(member) .type = OPTION_TYPE_STRING, OPTION_TYPED_(member, const char *)
#define OPTION_PATH(member) .type = OPTION_TYPE_PATH, OPTION_TYPED_(member, const char *)
#define OPTION_NUMBER(member, least, most)                                      \
	.type = OPTION_TYPE_NUMBER, OPTION_TYPED_(member, struct option_number), \
	.min = (least), .max = (most)
#define OPTION_CHOICE(member, list)                                             \
	.type = OPTION_TYPE_CHOICE, OPTION_TYPED_(member, struct option_choice), .words = (list)
#define OPTION_LIST(member, most) \
	.type = OPTION_TYPE_LIST, OPTION_TYPED_(member, struct option_list), .max = (most)
#define OPTION_PARSED(member, function, text) \
	.type = OPTION_TYPE_PARSED, OPTION_FIELD_(member), .parse = (function), .wrong = (text)

/* What a program can be told to do. */
struct verb {
	const char *name;	/* one word, or two with a blank between: "secrets list" */
	const char *help;	/* "Verify the audit log": one line of a list */
	const char *example;	/* what stands behind the verb, maybe ""; NULL: there is none */
	const struct option_row *options;	/* end with a name of NULL */
	/* Options of which one must be given, with blanks between; and why, unless it is plain. */
	const char *one_of, *one_of_because;
	/*
	 * What stands without dashes: a list without a name.  Its @value is for --help, and it is
	 * @required or may be left out.  Without @value there are no such words, and @help is
	 * what a person is told who gives one; it may be NULL.
	 */
	struct option_row words;
	void (*print_more)(void);	/* the end of --help; may be NULL */
	int (*run)(struct args *args);	/* returns the exit status */
};

struct program {
	const char *name;
	const char *help;	/* a sentence or two */
	const char *example;	/* of a program without verbs, as a verb's */
	const char *manual;	/* "cococtl(1)" */
	const struct option_row *options;	/* before the verb, or all; may be NULL */
	struct option_row words;	/* of a program without verbs, as above */
	const struct verb *const *verbs;	/* in the order of --help, then NULL; or NULL */
};

/* The row for the option @name of @rows, or NULL. */
const struct option_row *option_find(const struct option_row *rows, const char *name);

bool option_given(const struct option_row *row, const struct args *args);

/* True if @name is in the list @names, which has blanks between and may be NULL. */
bool option_names_have(const char *names, const char *name);

/*
 * The first option of @rows that is of the list @names, which has blanks between, and that is
 * given.  NULL when there is none; @names may be NULL too.
 */
const struct option_row *option_first_given(const struct option_row *rows, const char *names,
					    const struct args *args);

/*
 * Write "--policy, --api" to @ret: the options of @rows that are of the list @names and missing.
 * Returns how many they are.
 */
#define OPTION_LIST_TEXT_MAX 256
unsigned option_list_missing(const struct option_row *rows, const char *names,
			     const struct args *args, char ret[static OPTION_LIST_TEXT_MAX]);

/*
 * Write @text, which is borrowed, to the row's field; NULL for a flag.  Lists get one more item.
 * Returns 0; -EINVAL after an error that it has logged; -ENOMEM, which it has logged too.
 */
int option_take(const struct option_row *row, const char *text, struct args *args);

/* For OPTION_PARSED: a time such as "30s" that is not 0, as a uint64_t.  Returns 0 or -EINVAL. */
int option_parse_usec(const char *text, void *ret);

/* Add @item, which is borrowed, to the end.  Returns 0 or -ENOMEM, which it has logged. */
int option_list_add(struct option_list *list, const char *item);
void option_list_done(struct option_list *list);

#endif
