/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SEV_SEV_POLICY_H
#define COCO_SEV_SEV_POLICY_H

#include "sev/policy-words.h"

/*
 * The policy of an SEV or SEV-ES guest: what the security processor may do with it.
 * Layout: AMD, "Secure Encrypted Virtualization API", publication 55766, "Guest Policy Structure".
 *
 *	bit  0 nodbg	the host may not have memory decrypted or encrypted for debugging
 *	     1 noks	no other guest may share the key
 *	     2 es	SEV-ES: registers are encrypted too
 *	     3 nosend	the guest may not be sent to another platform
 *	     4 domain	... only to one of the same owner
 *	     5 sev	... only to one that has SEV
 *	 6..15 reserved
 *	16..23 api major, 24..31 api minor: the firmware must have this version at least
 */
#define SEV_POLICY_NODBG (UINT32_C(1) << 0)
#define SEV_POLICY_NOKS (UINT32_C(1) << 1)
#define SEV_POLICY_ES (UINT32_C(1) << 2)
#define SEV_POLICY_NOSEND (UINT32_C(1) << 3)
#define SEV_POLICY_DOMAIN (UINT32_C(1) << 4)
#define SEV_POLICY_SEV (UINT32_C(1) << 5)
#define SEV_POLICY_RESERVED UINT32_C(0xffc0)

static inline unsigned sev_policy_api_major(uint32_t policy)
{
	return policy >> 16 & 0xff;
}

static inline unsigned sev_policy_api_minor(uint32_t policy)
{
	return policy >> 24;
}

/*
 * Read @text: a number, decimal or hexadecimal after "0x"; or names from above, and
 * api=MAJOR.MINOR, with commas between, such as "nodbg,noks,api=1.51".  "none" is 0.
 *
 * Returns 0; -EINVAL for what is neither, a name that is unknown or given twice, or an empty
 * one; -ERANGE for a number over 32 bits or one of api= over 255; -EOPNOTSUPP when a reserved
 * bit is set.
 */
int sev_policy_parse(const char *text, uint32_t *ret);

/* The longest text that sev_policy_print() makes, with its NUL. */
#define SEV_POLICY_TEXT_MAX 64

/*
 * @policy as sev_policy_parse() takes it: "nodbg,noks,api=1.51", "none"; reserved bits come
 * last as "reserved=0x8000", which it does not take.
 * Returns @ret.
 */
const char *sev_policy_print(uint32_t policy, char ret[static SEV_POLICY_TEXT_MAX]);

#endif
