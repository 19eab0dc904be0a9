/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_OPENSSL_ERROR_H
#define COCO_CRYPTO_OPENSSL_ERROR_H

#include <errno.h>
#include <openssl/err.h>

/*
 * Why OpenSSL failed, by what is in its queue of errors, which is empty then: -ENOMEM if memory was
 * short, else @otherwise.  Call ERR_clear_error() before what may fail.
 */
static inline int openssl_error(int otherwise)
{
	unsigned long e;

	while ((e = ERR_get_error()) != 0)
		if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			otherwise = -ENOMEM;
	return otherwise;
}

#endif
