/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_RECORD_MAC_H
#define COCO_BROKER_CORE_RECORD_MAC_H

#include "broker/core/keys.h"

/*
 * Records that something depends on carry a code that only a broker with the master key can make:
 *
 *	text | "\n" | 64 hexadecimal digits of
 *		HMAC-SHA256(HKDF(master, "coco record"), "coco record 1" | key | NUL | text)
 *
 * Who holds the store could otherwise put a session with a key of his own beside the evidence of
 * another guest, or approve what nobody approved.  He can still delete a record, and put an old one
 * back in its own place.
 */
#define RECORD_MAC_LEN 65		/* with the newline */

/* @key is where the record will lie.  @ret is a C string, yours.  Returns 0 or -ENOMEM. */
int record_sign(const struct keys *k, const char *key, const char *text, char **ret);

/*
 * Check the value @data of @len bytes that lay at @key.  Returns 0 with the length of the text, at
 * its beginning; -EKEYREJECTED when it is not what record_sign() made for this place; -ENOMEM.
 */
int record_verify(const struct keys *k, const char *key, const void *data, size_t len,
		  size_t *ret_len);

#endif
