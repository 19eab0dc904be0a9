/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this is empty, the program is linked with libcrypto. */
#include "base/late-possible.h"

#ifdef LATE_IS_POSSIBLE
#include "base/late-slots.h"
#include "crypto/openssl-names.h"

	late_table openssl
#define X(name) late_function name openssl;
	OPENSSL_NAMES(X)

#endif
	.section .note.GNU-stack, "", @progbits
