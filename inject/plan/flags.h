/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_FLAGS_H
#define COCO_INJECT_PLAN_FLAGS_H

#include "inject/plan/plan.h"

/*
 * A plan in the words of a format: a list of flags, each with its reason.
 *
 *	QEMU	an option of the command line, and its value
 *	libvirt	an element of the domain, and its XML
 *	xl	a line of xl.cfg: its key, and its value as it is written there
 */
struct plan_flag {
	const char *name;	/* NULL: the value stands alone, before the options */
	char *value;		/* NULL: there is none */
	const char *why;	/* without "--", which XML's comments cannot have */
};

#define PLAN_FLAGS_MAX 40

struct plan_flags {
	struct plan_flag items[PLAN_FLAGS_MAX];
	size_t n;
};

void plan_flags_done(struct plan_flags *flags);

/*
 * Write @p down for its format.  @p must have no refusal.  @ret is yours for plan_flags_done(),
 * also after an error.  Returns 0, or -ENOMEM.
 */
int plan_flags_make(const struct plan *p, struct plan_flags *ret);

/*
 * The text that is given to a shell, virsh or xl, with @explain after a comment of the flags and
 * their reasons.  Each line is printable.  @ret is yours.  Returns 0, or -ENOMEM.
 */
int plan_flags_print(const struct plan *p, const struct plan_flags *flags, bool explain,
		     char **ret);

/* ---- for the writers ---- */

/* Each adds its flags.  Return 0, or -ENOMEM. */
int plan_write_qemu(const struct plan *p, struct plan_flags *flags);
int plan_write_libvirt(const struct plan *p, struct plan_flags *flags);
int plan_write_xl(const struct plan *p, struct plan_flags *flags);

/* Add a flag whose value is a text in the manner of printf(3).  Returns 0, or -ENOMEM. */
int plan_flag_add(struct plan_flags *flags, const char *name, const char *why, const char *format,
		  ...) _printf_(4, 5);

/* Add one without a value, or with @value, which it takes over; NULL for @value is -ENOMEM. */
int plan_flag_add_bare(struct plan_flags *flags, const char *name, const char *why);
int plan_flag_take(struct plan_flags *flags, const char *name, const char *why, char *value);

/*
 * For values of several pieces: a stream, and the text that was written to it, which is yours, or
 * NULL without memory.
 */
struct plan_stream {
	FILE *f;
	char *text;
	size_t len;
};

int plan_stream_open(struct plan_stream *s);
char *plan_stream_close(struct plan_stream *s);

#endif
