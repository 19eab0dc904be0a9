/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/x509/der.h"

/* Take one element, whatever its tag; tags in high form are refused. */
static int take_element(struct bytes *b, uint8_t *ret_tag, struct bytes *ret)
{
	struct bytes t = *b;
	size_t len, n;

	if (t.len < 2 || (t.p[0] & 0x1f) == 0x1f)
		return -EBADMSG;
	*ret_tag = t.p[0];
	len = t.p[1];
	(void) bytes_skip(&t, 2);
	if (len >= 0x80) {
		n = len & 0x7f;
		/*
		 * Refused: the indefinite form (n = 0), lengths that no evidence can have, and a
		 * first byte of zero, which DER would leave out.
		 */
		if (n == 0 || n > 3 || n > t.len || t.p[0] == 0)
			return -EBADMSG;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | t.p[i];
		if (len < 0x80)
			return -EBADMSG;
		(void) bytes_skip(&t, n);
	}
	if (bytes_take(&t, len, ret) < 0)
		return -EBADMSG;
	*b = t;
	return 0;
}

int der_take(struct bytes *b, uint8_t tag, struct bytes *ret)
{
	struct bytes t = *b, value;
	uint8_t found;

	if (take_element(&t, &found, &value) < 0 || found != tag)
		return -EBADMSG;
	*b = t;
	*ret = value;
	return 0;
}

int der_take_whole(struct bytes *b, uint8_t tag, struct bytes *ret)
{
	const uint8_t *first = b->p;
	struct bytes value;
	int r = der_take(b, tag, &value);

	if (r == 0)
		*ret = (struct bytes){ first, (size_t)(b->p - first) };
	return r;
}

int der_take_oid(struct bytes *b, struct bytes *ret)
{
	struct bytes t = *b, oid;

	if (der_take(&t, DER_OID, &oid) < 0 || oid.len == 0 || oid.p[oid.len - 1] >= 0x80)
		return -EBADMSG;
	/* No arc may begin with zeros: they would be a second way to write the same OID. */
	for (size_t i = 0; i < oid.len; i++)
		if (oid.p[i] == 0x80 && (i == 0 || oid.p[i - 1] < 0x80))
			return -EBADMSG;
	*b = t;
	*ret = oid;
	return 0;
}

/* Certificates nest a dozen deep. */
#define DER_DEPTH_MAX 32

static bool is_strict(struct bytes b, unsigned depth)
{
	struct bytes value;
	uint8_t tag;

	while (b.len > 0) {
		if (take_element(&b, &tag, &value) < 0)
			return false;
		if (tag == DER_BOOLEAN &&
		    (value.len != 1 || (value.p[0] != 0 && value.p[0] != 0xff)))
			return false;
		if (!(tag & DER_CONSTRUCTED))
			continue;
		/*
		 * Of the universal types, only SEQUENCE and SET are constructed in DER.  BER also
		 * allows strings in pieces.
		 */
		if ((tag & DER_CLASS) == 0 && tag != DER_SEQUENCE && tag != DER_SET)
			return false;
		if (depth == DER_DEPTH_MAX || !is_strict(value, depth + 1))
			return false;
	}
	return true;
}

bool der_is_strict(struct bytes b)
{
	return der_is_one(b) && is_strict(b, 0);
}

bool der_is_one(struct bytes b)
{
	struct bytes value;
	uint8_t tag;

	return take_element(&b, &tag, &value) == 0 && b.len == 0;
}

int der_only(struct bytes b, uint8_t tag, struct bytes *ret)
{
	struct bytes inner;

	if (der_take(&b, tag, &inner) < 0 || b.len > 0)
		return -EBADMSG;
	*ret = inner;
	return 0;
}

int der_take_natural(struct bytes *b, struct bytes *ret)
{
	struct bytes t = *b, n;

	if (der_take(&t, DER_INTEGER, &n) < 0 || n.len == 0 || (n.p[0] & 0x80))
		return -EBADMSG;
	/* DER has a leading zero only where the next bit would be taken for the sign. */
	if (n.len > 1 && n.p[0] == 0) {
		(void) bytes_skip(&n, 1);
		if (!(n.p[0] & 0x80))
			return -EBADMSG;
	}
	*b = t;
	*ret = n;
	return 0;
}

int der_only_uint(struct bytes b, uint64_t max, uint64_t *ret)
{
	struct bytes n;
	uint64_t v = 0;

	if (der_take_natural(&b, &n) < 0 || b.len > 0 || n.len > sizeof(v))
		return -EBADMSG;
	for (size_t i = 0; i < n.len; i++)
		v = v << 8 | n.p[i];
	if (v > max)
		return -EBADMSG;
	*ret = v;
	return 0;
}
