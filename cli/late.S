/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this is empty, cococtl is linked with these libraries. */
#include "base/late-possible.h"

#ifdef LATE_IS_POSSIBLE
#include "base/late-slots.h"
#include "cli/late-names.h"

	late_table json
#define X(name) late_function name json;
	JSON_NAMES(X)
#undef X

	late_table econf
#define X(name) late_function name econf;
	ECONF_NAMES(X)
#undef X

	late_table zlib
#define X(name) late_function name zlib;
	ZLIB_NAMES(X)

#endif
	.section .note.GNU-stack, "", @progbits
