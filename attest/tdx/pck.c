/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/pck.h"

#include "attest/x509/x509.h"

/*
 *	SEQUENCE OF SEQUENCE { OID 1.2.840.113741.1.13.1.N, value }
 *
 * The value of N = 2 is such a sequence again, with the OIDs 1.2.840.113741.1.13.1.2.N.
 */
static const uint8_t oid_prefix[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };

enum {
	PART_PPID = 1,
	PART_TCB = 2,
	PART_PCEID = 3,
	PART_FMSPC = 4,
	PART_SGX_TYPE = 5,
	PART_INSTANCE = 6,
};
enum { TCB_PCESVN = 17, TCB_CPUSVN = 18 };

#define PARTS_NEEDED                                                                   \
	(1u << PART_PPID | 1u << PART_TCB | 1u << PART_PCEID | 1u << PART_FMSPC |      \
	 1u << PART_SGX_TYPE)
#define TCB_NEEDED (((1u << 18) - 1) << 1)	/* 1 to 18 */

/*
 * The last arc N of an OID: prefix.N with @depth 1, prefix.2.N with @depth 2.  0 for any other
 * OID.
 */
static unsigned last_arc(struct bytes oid, unsigned depth)
{
	if (oid.len != sizeof(oid_prefix) + depth ||
	    memcmp(oid.p, oid_prefix, sizeof(oid_prefix)) != 0)
		return 0;
	if (depth == 2 && oid.p[sizeof(oid_prefix)] != PART_TCB)
		return 0;
	return oid.p[oid.len - 1] < 0x80 ? oid.p[oid.len - 1] : 0;
}

static int read_octets(struct bytes value, uint8_t *ret, size_t len)
{
	struct bytes octets;

	if (der_only(value, DER_OCTET_STRING, &octets) < 0 || octets.len != len)
		return -EBADMSG;
	memcpy(ret, octets.p, len);
	return 0;
}

static int read_tcb_part(unsigned n, struct bytes value, struct pck *pck)
{
	uint64_t v;

	if (n == TCB_CPUSVN)
		return read_octets(value, pck->cpusvn, sizeof(pck->cpusvn));
	if (n > TCB_CPUSVN)
		return 0;
	if (der_only_uint(value, n == TCB_PCESVN ? UINT16_MAX : UINT8_MAX, &v) < 0)
		return -EBADMSG;
	if (n == TCB_PCESVN)
		pck->pcesvn = (uint16_t)v;
	else
		pck->components[n - 1] = (uint8_t)v;
	return 0;
}

static int read_parts(struct bytes value, unsigned depth,
		      int (*read)(unsigned n, struct bytes value, struct pck *pck), struct pck *pck,
		      uint32_t needed);

static int read_part(unsigned n, struct bytes value, struct pck *pck)
{
	struct bytes type;

	switch (n) {
	case PART_PPID:
		return read_octets(value, pck->ppid, sizeof(pck->ppid));
	case PART_TCB:
		return read_parts(value, 2, read_tcb_part, pck, TCB_NEEDED);
	case PART_PCEID:
		return read_octets(value, pck->pceid, sizeof(pck->pceid));
	case PART_FMSPC:
		return read_octets(value, pck->fmspc, sizeof(pck->fmspc));
	case PART_SGX_TYPE:
		if (der_only(value, DER_ENUMERATED, &type) < 0 || type.len != 1 || type.p[0] > 0x7f)
			return -EBADMSG;
		pck->sgx_type = type.p[0];
		return 0;
	case PART_INSTANCE:
		pck->has_instance = true;
		return read_octets(value, pck->instance, sizeof(pck->instance));
	default:
		return 0;
	}
}

static int read_parts(struct bytes value, unsigned depth,
		      int (*read)(unsigned n, struct bytes value, struct pck *pck), struct pck *pck,
		      uint32_t needed)
{
	struct bytes list, part, oid;
	uint32_t seen = 0;
	unsigned n;

	if (der_only(value, DER_SEQUENCE, &list) < 0)
		return -EBADMSG;
	while (list.len > 0) {
		if (der_take(&list, DER_SEQUENCE, &part) < 0 || der_take_oid(&part, &oid) < 0 ||
		    !der_is_one(part))
			return -EBADMSG;
		n = last_arc(oid, depth);
		if (n == 0 || n > 31)
			continue;
		if ((seen & 1u << n) || read(n, part, pck) < 0)
			return -EBADMSG;
		seen |= 1u << n;
	}
	return (seen & needed) == needed ? 0 : -EBADMSG;
}

int pck_parse(struct bytes der, struct pck *ret)
{
	struct pck pck = { 0 };
	int r;

	r = read_parts(der, 1, read_part, &pck, PARTS_NEEDED);
	if (r < 0)
		return r;
	*ret = pck;
	return 0;
}
