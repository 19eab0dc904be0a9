/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_DER_H
#define COCO_ATTEST_X509_DER_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * A reader of DER, for the values inside extensions.  The functions that return int return 0, or
 * -EBADMSG if @b is not what was asked for; then @b has not moved.
 */

/*
 * Take one element with the identifier octet @tag (low form) and a definite length in its
 * shortest form.  @ret is the element's contents; @b moves past the element.
 */
int der_take(struct bytes *b, uint8_t tag, struct bytes *ret);
/* As der_take(), but the element must be all of @b. */
int der_only(struct bytes b, uint8_t tag, struct bytes *ret);
/* As der_take(), but @ret is all of the element: its tag and its length, too. */
int der_take_whole(struct bytes *b, uint8_t tag, struct bytes *ret);
/* As der_take(), for an OBJECT IDENTIFIER whose arcs are each in the shortest form. */
int der_take_oid(struct bytes *b, struct bytes *ret);
/* True if @b is exactly one element, with any tag in low form.  The contents are not looked at. */
bool der_is_one(struct bytes b);
/*
 * True if @b is exactly one element and has, at every depth, tags, lengths and BOOLEANs in the
 * one form that DER allows.  The contents of strings and numbers are not looked at.
 */
bool der_is_strict(struct bytes b);
/*
 * As der_take(), for an INTEGER that is not negative, in its shortest form.  @ret is the number,
 * big-endian, without leading zeros; 0 is one zero byte.
 */
int der_take_natural(struct bytes *b, struct bytes *ret);
/* Read @b, which must be exactly one INTEGER from 0 to @max. */
int der_only_uint(struct bytes b, uint64_t max, uint64_t *ret);

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_OID 0x06
#define DER_ENUMERATED 0x0a
#define DER_IA5_STRING 0x16
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONTEXT_0 0xa0	/* [0], constructed */
#define DER_CONSTRUCTED 0x20	/* a bit of the tag */
#define DER_CLASS 0xc0		/* two bits of the tag; 0 for universal types */

#endif
