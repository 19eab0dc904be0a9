/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_PEER_NAME_H
#define COCO_WIRE_PEER_NAME_H

#include <stddef.h>

/*
 * The names to which systemd's programs bind their sockets before they connect, to say who they
 * are: NUL, a random number of 1 to 16 hexadecimal digits in lower case, @infix, and what the
 * connection is for.  @name is sun_path of @len bytes, as getpeername(2) gave it; it is not
 * NUL-terminated.
 *
 * Returns what comes after @infix, inside of @name, and its length of at least 1 in @ret_len.
 * Returns NULL, with @ret_len unchanged, if the name has another form, or if what comes there has a
 * byte that is not printable ASCII, or a blank.
 */
const char *peer_name_rest(const char *name, size_t len, const char *infix, size_t *ret_len);

/* The longest such name that systemd can bind, with its NUL, and how many digits it may have. */
#define PEER_NAME_MAX 107
#define PEER_NAME_DIGITS 16

#endif
