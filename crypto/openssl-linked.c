/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For programs that are linked with libcrypto; those that load it have openssl-late.c. */
#include "crypto/openssl-late.h"

int openssl_load(struct cause *why)
{
	return 0;
}
