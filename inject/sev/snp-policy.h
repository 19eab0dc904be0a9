/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_SEV_SNP_POLICY_H
#define COCO_INJECT_SEV_SNP_POLICY_H

#include "sev/policy-words.h"
#include "wire/snp-report.h"

/*
 * The policy of an SEV-SNP guest: what its machine must and may do.
 * Layout: AMD, "SEV Secure Nested Paging Firmware ABI", publication 56860, "Guest Policy".
 *
 *	 0.. 7 abi minor, 8..15 abi major: the firmware must have this version at least
 *	16 smt			the machine may have SMT enabled
 *	17 reserved		must be one
 *	18 migrate-ma		a migration agent may be associated with the guest
 *	19 debug		the host may have memory decrypted and encrypted
 *	20 single-socket	the guest runs on one socket only
 *	21 cxl-allow		the machine may have CXL memory or devices
 *	22 mem-aes-256-xts	the machine must encrypt memory with AES-256 XTS
 *	23 rapl-dis		the machine must have its energy counters (RAPL) disabled
 *	24 ciphertext-hiding	the host must not see the guest's ciphertext
 *	25 page-swap-disable	the host may not swap or move pages of the guest
 *	26..63 reserved, must be zero
 */
#define SNP_POLICY_RESERVED_ZERO (~UINT64_C(0) << 26)
#define SNP_POLICY_DEFAULT UINT64_C(0x30000)	/* QEMU's: smt */

/*
 * Read @text: a number, decimal or hexadecimal after "0x", as QEMU takes it; or names from
 * above, and abi=MAJOR.MINOR, with commas between, such as "smt,abi=1.51".  "none" has the
 * reserved bit 17 alone, which names always have.
 *
 * Returns 0; -EINVAL for what is neither, a name that is unknown or given twice, or an empty
 * one; -ERANGE for a number over 64 bits or one of abi= over 255; -EOPNOTSUPP for a number
 * with a reserved bit that must be zero, or without the one that must be one.
 */
int snp_policy_parse(const char *text, uint64_t *ret);

/* The longest text that snp_policy_print() makes, with its NUL. */
#define SNP_POLICY_TEXT_MAX 160

/* @policy, which snp_policy_parse() gave, as names that it takes.  Returns @ret. */
const char *snp_policy_print(uint64_t policy, char ret[static SNP_POLICY_TEXT_MAX]);

#endif
