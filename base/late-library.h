/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_LATE_LIBRARY_H
#define COCO_BASE_LATE_LIBRARY_H

#include "base/cause.h"
#include "base/late-possible.h"
#include "base/library.h"

/*
 * A library that is loaded when one of its functions is first called, for callers that call them as
 * any other.  A program has among its sources, for a library "foo":
 *
 *	foo-late.S	late_table foo, and a late_function for each name, as base/late-slots.h says
 *	foo-late.c	the same names, and
 *
 *	extern void *foo_slots[N_FUNCTIONS] __attribute__((visibility("hidden")));
 *	struct late_library foo_late = { ... };
 *	LIBRARY_NOTE("libfoo.so.1", ...);
 *
 * If the library cannot be loaded, that first call logs the reason and ends the process.  Who wants
 * to go on without it calls late_load() first.  For programs with one thread.
 *
 * Where LATE_IS_POSSIBLE is not defined, both files are empty and the program is linked with foo.
 */
struct late_library {
	const char *soname;
	const char *name;				/* for people */
	const struct library_function *functions;	/* in the order of the slots */
	void **slots;
	size_t n;
	bool is_loaded;
};

/* More than any of our libraries has. */
#define LATE_FUNCTIONS_MAX 512

/*
 * Load it, unless it is loaded.  Returns 0; -ELIBACC when it is missing, broken or too old, with
 * the reason in @why.  It may be asked again then.
 */
int late_load(struct late_library *l, struct cause *why);

/* For late-first.S: load it, or end the process. */
void late_need(struct late_library *l);

#endif
