/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_LIBRARY_H
#define COCO_NET_LIBRARY_H

#include "base/macro.h"

/*
 * Large libraries that few callers need are loaded on demand: to load libcurl and its
 * dependencies takes longer than to measure a firmware.  Their functions are kept in a struct of
 * pointers, each with its type from the library's own header:
 *
 *	#define FUNCTIONS(X) X(foo_open) X(foo_close)
 *	static struct { FUNCTIONS(LIBRARY_MEMBER) } foo;
 *	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
 *	r = library_load("libfoo.so.1", &foo, functions, error, sizeof(error));
 *	foo.foo_open_(...);
 *
 * The trailing underscore avoids macros of the same name.
 */
#define LIBRARY_MEMBER(name) __typeof__(name) *name##_;
#define LIBRARY_ROW(name) { #name },

struct library_function {
	const char *name;	/* NULL: the end */
};

/*
 * Load @soname and fill @table, a struct of as many pointers as there are @functions, in their
 * order.  The library stays loaded.
 *
 * Returns 0; -ENOENT when the library does not exist, -ENOSYS when it lacks a function; then
 * @error says what is wrong, for people.
 */
int library_load(const char *soname, void *table, const struct library_function *functions,
		 char *error, size_t error_size);

/*
 * Give back the pages of programs and libraries that nothing has written to: code, constants and
 * tables.  They come back from the file when they are used again.  To load a library and to set it
 * up touches far more of them than its work does, and each stays counted as the process's.
 */
void library_trim(void);

#endif
