/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_LIBRARY_H
#define COCO_BASE_LIBRARY_H

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

/*
 * Say in the program itself which library it loads, so that a package can depend on it:
 *
 *	LIBRARY_NOTE("libfoo.so.1", "foo", "recommended", "what it is for");
 *
 * @feature is the part of the package that wants it; @priority is required, recommended or
 * suggested.  All are literals without quotation marks or backslashes.  The section is
 * .note.dlopen, whose format is that of systemd's "dlopen() Metadata for ELF Files":
 *
 *	length of the name | length of the text | type | "FDO" | JSON, ends in 0, padded to 4
 *
 * In assembly, because a sanitizer would put room around a variable.
 */
#define LIBRARY_NOTE(soname, feature, priority, description)                                       \
	__asm__(".pushsection .note.dlopen, \"a\", %note\n"                                       \
		".balign 4\n"                                                                     \
		".long 2f - 1f, 4f - 3f, 0x407c0c0a\n"                                            \
		"1: .asciz \"FDO\"\n"                                                             \
		"2: .balign 4\n"                                                                  \
		"3: .asciz \"[{" LIBRARY_FIELD("soname", "[" LIBRARY_TEXT(soname) "]") ","         \
		LIBRARY_FIELD("feature", LIBRARY_TEXT(feature)) ","                                \
		LIBRARY_FIELD("description", LIBRARY_TEXT(description)) ","                        \
		LIBRARY_FIELD("priority", LIBRARY_TEXT(priority)) "}]\"\n"                         \
		"4: .balign 4\n"                                                                   \
		".popsection\n")
/* Of JSON, within a string of the assembler's. */
#define LIBRARY_TEXT(text) "\\\"" text "\\\""
#define LIBRARY_FIELD(name, value) LIBRARY_TEXT(name) ":" value

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
