/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/openssl-late.h"

#include "base/late-library.h"

/* Elsewhere the program is linked with libcrypto. */
#ifdef LATE_IS_POSSIBLE

#include "crypto/openssl-names.h"

#define LIBRARY "libcrypto.so.3"

LIBRARY_NOTE(LIBRARY, "crypto", "required", "Evidence, and secrets of a broker");

static const struct library_function functions[] = { OPENSSL_NAMES(LIBRARY_ROW) { NULL } };

#define N_FUNCTIONS (ARRAY_SIZE(functions) - 1)
_Static_assert(N_FUNCTIONS <= LATE_FUNCTIONS_MAX, "late_load() has room for fewer functions");

/* In openssl-late.S, in the order of the names. */
extern void *openssl_slots[N_FUNCTIONS] __attribute__((visibility("hidden")));

extern struct late_library openssl_late;
struct late_library openssl_late = {
	.soname = LIBRARY,
	.name = "OpenSSL",
	.functions = functions,
	.slots = openssl_slots,
	.n = N_FUNCTIONS,
};

int openssl_load(struct cause *why)
{
	return late_load(&openssl_late, why);
}

#endif
