/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_OPENSSL_ERROR_H
#define COCO_CRYPTO_OPENSSL_ERROR_H

#include <errno.h>
#include <openssl/err.h>

/*
 * To a wrong key or signature and to a lack of memory OpenSSL says the same "no".  It puts the
 * latter into its queue of errors, but not always; that malloc() failed is seen in errno as well,
 * which OpenSSL does not set to 0 on the way.
 */

/* Before the calls that are asked about. */
static inline void openssl_begin(void)
{
	ERR_clear_error();
	errno = 0;
}

/* Why they failed: -ENOMEM if memory was short, else @otherwise.  The queue is empty then. */
static inline int openssl_error(int otherwise)
{
	unsigned long e;

	if (errno == ENOMEM)
		otherwise = -ENOMEM;
	while ((e = ERR_get_error()) != 0)
		if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			otherwise = -ENOMEM;
	return otherwise;
}

#endif
