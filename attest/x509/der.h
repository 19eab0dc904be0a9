/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_DER_H
#define COCO_ATTEST_X509_DER_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * DER, for values inside extensions.  A cursor that reads one element of @tag (identifier
 * octet, low form), definite length, minimally encoded: @ret is its contents, @b moves past it.
 * -EBADMSG, and then nothing has moved.
 */
int der_take(struct bytes *b, uint8_t tag, struct bytes *ret);
/* As der_take(), and the element is all of @b. */
int der_only(struct bytes b, uint8_t tag, struct bytes *ret);
/* An OBJECT IDENTIFIER, each of its arcs in the shortest form; else as der_take(). */
int der_take_oid(struct bytes *b, struct bytes *ret);
/* Whether @b is one element, whatever its tag (in low form); what is in it is not looked at. */
bool der_is_one(struct bytes b);
/*
 * Whether @b is one element whose tag and length, and those of every element in it, are in the
 * one form that DER has for them, and truth values too; the insides of strings and numbers are
 * not looked at.
 */
bool der_is_strict(struct bytes b);
/* An INTEGER, which is all of @b, of 0 to @max. */
int der_only_uint(struct bytes b, uint64_t max, uint64_t *ret);

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_OCTET_STRING 0x04
#define DER_OID 0x06
#define DER_ENUMERATED 0x0a
#define DER_IA5_STRING 0x16
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONSTRUCTED 0x20	/* the bit of a tag */
#define DER_CLASS 0xc0

#endif
