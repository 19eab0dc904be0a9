/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_LUKS_TOKEN_H
#define COCO_DOCTOR_LUKS_TOKEN_H

#include "base/macro.h"

/*
 * The tokens of a LUKS header in a file of its own, which may be anybody's.  Nothing is decided by
 * them: no checksum is verified, and a second header is not looked at.
 */

/* Bytes of a header from which luks_token_header_len() knows its size. */
#define LUKS_TOKEN_BEGIN 4096

/*
 * How long the header is that begins with the @len bytes at @data: at most LUKS2_HEADER_MAX; 0 for
 * one of LUKS1, which has no tokens.  Returns -EOPNOTSUPP for what is no header of LUKS; -EBADMSG.
 */
int64_t luks_token_header_len(const uint8_t *data, size_t len);

/*
 * Returns 1 if the header in the @len bytes at @data, all of it, has a token of @type; 0 if it has
 * none; -EOPNOTSUPP for what is no header of LUKS; -EBADMSG for one that is cut or malformed.
 */
int luks_has_token(const uint8_t *data, size_t len, const char *type);

#endif
