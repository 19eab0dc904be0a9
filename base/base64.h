/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_BASE64_H
#define COCO_BASE_BASE64_H

#include <sys/types.h>

#include "base/macro.h"

/* Base64 of RFC 4648 section 4, for public bytes: the time it takes depends on them. */

/*
 * @len bytes as one line without an end of line, NUL-terminated.  @ret is yours.  Returns 0 or
 * -ENOMEM.
 */
int base64_encode(const uint8_t *data, size_t len, char **ret);

/*
 * Decode all of @text.  Blanks and ends of lines may stand anywhere, as in files that other
 * tools wrap; nothing else that is not of the alphabet may, the padding must be there, and the
 * bits that it leaves over must be zero, so that each value has one form.
 *
 * @ret takes @size bytes at most.  Returns the number of bytes; -EBADMSG for what is no base64;
 * -EMSGSIZE for more than @size bytes.  On error @ret may hold part of it.
 */
ssize_t base64_decode(const char *text, uint8_t *ret, size_t size);

/*
 * The same with the alphabet of section 5 and without padding, as JSON web keys have it.
 * Decoding takes @len bytes of @text, which need not end with NUL, and no blanks; -ENOMEM
 * besides.
 */
int base64url_encode(const uint8_t *data, size_t len, char **ret);
ssize_t base64url_decode(const char *text, size_t len, uint8_t *ret, size_t size);

#endif
