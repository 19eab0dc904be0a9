/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_PARSE_H
#define COCO_BASE_PARSE_H

#include "base/macro.h"

/*
 * Strict parsing: the whole string is the value.  No blanks around it, no signs, nothing after a
 * number.  All return 0, -EINVAL for text that is not such a value, or -ERANGE for a value that
 * is too large.  @ret is written on success only.
 */

/* Decimal, or hexadecimal after "0x". */
int parse_u64(const char *s, uint64_t *ret);
int parse_u32(const char *s, uint32_t *ret);

/* yes/no, true/false, on/off, 1/0, in lower case, as systemd's files have them. */
int parse_bool(const char *s, bool *ret);

/*
 * A time span such as "500ms", "90s", "90", "5min", "2h", "7d": one number and one unit.  A bare
 * number is in seconds.
 */
int parse_usec(const char *s, uint64_t *ret_usec);

/* @len bytes as exactly 2 * @len hexadecimal digits. */
int parse_hex(const char *s, uint8_t *ret, size_t len);

/* The reverse: 2 * @len digits in lower case and a NUL. */
void format_hex(const uint8_t *data, size_t len, char *ret);

/*
 * True for 1 to @max bytes of [A-Za-z0-9._-], not beginning with '.' or '-'; such a string is
 * safe as a file name and in a log.
 */
bool name_is_valid(const char *s, size_t max);

/* True if @name is in @list, which ends with NULL. */
bool name_is_listed(const char *name, const char *const *list);

#endif
