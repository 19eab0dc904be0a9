/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_BASE64_H
#define COCO_BASE_BASE64_H

#include <sys/types.h>

#include "base/macro.h"

/* Base64 of RFC 4648 section 4, for public bytes: the time that it takes depends on them. */

/*
 * Encode @len bytes as one line without a newline, NUL-terminated.  @ret is yours.  Returns 0 or
 * -ENOMEM.
 */
int base64_encode(const uint8_t *data, size_t len, char **ret);

/*
 * Decode all of @text.  Blanks and newlines may stand anywhere, as in files that other tools
 * wrap; other characters outside the alphabet may not.  The padding must be complete, and its
 * unused bits must be zero, so that each value has one form.
 *
 * @ret takes at most @size bytes.  Returns the number of bytes; -EBADMSG for malformed base64;
 * -EMSGSIZE for more than @size bytes.  On error @ret may hold part of the result.
 */
ssize_t base64_decode(const char *text, uint8_t *ret, size_t size);

/*
 * True if @text is exactly 32 bytes, such as a nonce or a hash, in their only form without blanks,
 * which has 44 characters.
 */
bool base64_decode_32(const char *text, uint8_t ret[static 32]);

/*
 * base64_encode() and base64_decode() with the alphabet of section 5 and without padding, as JSON
 * web keys have it.
 * Decoding takes @len bytes of @text, which need not end with a NUL and may not have blanks; it
 * may also return -ENOMEM.
 */
int base64url_encode(const uint8_t *data, size_t len, char **ret);
ssize_t base64url_decode(const char *text, size_t len, uint8_t *ret, size_t size);

#endif
