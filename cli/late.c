/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries of cococtl's that are loaded when they are needed.  At boot it fetches a secret, which
 * needs none of them, and to load them takes as long as all that it does then.
 */
#include "base/late-library.h"

/* Elsewhere the program is linked with them: late.S. */
#ifdef LATE_IS_POSSIBLE

#include "cli/late-names.h"

#define JSON "libjson-c.so.5"
#define ECONF "libeconf.so.0"
#define ZLIB "libz.so.1"

LIBRARY_NOTE(JSON, "json", "required", "Evidence, and output as JSON");
LIBRARY_NOTE(ECONF, "configuration", "required", "The configuration of cocod");
LIBRARY_NOTE(ZLIB, "doctor", "required", "Files that are compressed");

/* In late.S, in the order of the names. */
#define LATE_LIBRARY(library, NAMES, its_soname, its_name)					\
	static const struct library_function library##_names[] = {				\
		NAMES(LIBRARY_ROW) { NULL }							\
	};											\
	_Static_assert(ARRAY_SIZE(library##_names) - 1 <= LATE_FUNCTIONS_MAX, its_name);	\
	extern void *library##_slots[ARRAY_SIZE(library##_names) - 1]				\
		__attribute__((visibility("hidden")));						\
	extern struct late_library library##_late;						\
	struct late_library library##_late = {							\
		.soname = its_soname,								\
		.name = its_name,								\
		.functions = library##_names,							\
		.slots = library##_slots,							\
		.n = ARRAY_SIZE(library##_names) - 1,						\
	}

LATE_LIBRARY(json, JSON_NAMES, JSON, "json-c");
LATE_LIBRARY(econf, ECONF_NAMES, ECONF, "libeconf");
LATE_LIBRARY(zlib, ZLIB_NAMES, ZLIB, "zlib");

#endif
