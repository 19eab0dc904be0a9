/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_LIBRARY_H
#define COCO_NET_LIBRARY_H

#include "base/macro.h"

/*
 * Large libraries that few need are loaded when they are asked for: to load libcurl and what it
 * needs takes longer than to measure a firmware.  Their functions stand in a struct of
 * pointers, each with its type from the library's own header:
 *
 *	#define FUNCTIONS(X) X(foo_open) X(foo_close)
 *	static struct { FUNCTIONS(LIBRARY_MEMBER) } foo;
 *	r = library_load("libfoo.so.1", &foo, (const struct library_function[]){ FUNCTIONS(LIBRARY_ROW) { NULL } }, error, sizeof(error));
 *	foo.foo_open_(...);
 *
 * The trailing underscore keeps macros of the same name away.
 */
#define LIBRARY_MEMBER(name) __typeof__(name) *name##_;
#define LIBRARY_ROW(name) { #name },

struct library_function {
	const char *name;	/* NULL: the end */
};

/*
 * Load @soname and fill @table, a struct of as many pointers as there are @functions, in their
 * order.  The library stays.
 * Returns 0; -ENOENT when it is not there, -ENOSYS when it has not all functions; then what is
 * wrong is in @error, for people.
 */
int library_load(const char *soname, void *table, const struct library_function *functions,
		 char *error, size_t error_size);

#endif
