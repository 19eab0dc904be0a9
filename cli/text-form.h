/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_TEXT_FORM_H
#define COCO_CLI_TEXT_FORM_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * Evidence as text, which is easier to paste or to send in JSON: hexadecimal digits, base64 or
 * base64url.  Raw evidence is never mistaken for text, because every kind has zeros or bytes above
 * 7Fh in it.
 */

/* More bytes than the text form of @max bytes has: two digits each, and a blank. */
#define TEXT_FORM_MAX(max) (3 * (max) + 16)

/*
 * Decode @text, all of it, with blanks and ends of lines wherever they stand.
 *
 * Returns 1 with @ret, which is yours, its length, and the form for people ("hexadecimal text"),
 * constant; 0 when it is in none of these forms, PEM, or has less than eight bytes; -ENOMEM.
 */
int text_form_decode(struct bytes text, uint8_t **ret, size_t *ret_len, const char **ret_form);

#endif
