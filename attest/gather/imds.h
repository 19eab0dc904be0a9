/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_IMDS_H
#define COCO_ATTEST_GATHER_IMDS_H

#include "attest/gather/provider.h"
#include "wire/bytes.h"

/*
 * Azure's instance metadata service: what the evidence of an Azure confidential VM lacks, a
 * VCEK or the quote of a TDREPORT.
 *
 *	GET  http://169.254.169.254/metadata/THIM/amd/certification	{"vcekCert": PEM, "certificateChain": PEM, ...}
 *	POST http://169.254.169.254/acc/tdquote {"report": BASE64URL}	{"quote": BASE64URL}
 *
 * It is reached in the clear over a link that the host owns: what it says is a hint, and is
 * verified as everything else.  In cocod the keeper opens the connection and reads none of it;
 * cocod-worker, which has no network, speaks.
 */

/*
 * Begin a connection, without waiting for it.  @root: before the path of DMI's chassis asset
 * tag, by which a VM knows that it is Azure's;
 * @address: NULL, or "127.0.0.1:PORT" of a test.
 * Returns the descriptor, yours; -ENODEV on a machine that is not Azure's; -EINVAL for another
 * address; an errno of socket(2) or connect(2).
 */
int imds_open(const char *root, const char *address);

enum imds_wants {
	IMDS_ALL,
	IMDS_QUOTE,	/* not the VCEK */
};

/*
 * Ask over @fd (from imds_open(), which stays yours, or why there is none) for what @b needs,
 * when it is evidence of Azure, and add it.
 *
 * Returns 1 when something was added; 0 when nothing is needed, or what is there is so
 * malformed that nobody can say what; -EAGAIN, -ENOENT, -EBADMSG, -EHOSTUNREACH, -EOPNOTSUPP
 * ... when it is needed and not to be had, with the cause in @why; -ENOMEM.  Then @b is as it
 * was.
 */
int imds_complete(int fd, enum imds_wants wants, struct bundle *b, struct cause *why);

#define IMDS_PEM_MAX 32768
#define IMDS_QUOTE_MAX 32768

/*
 * The answers.  @ret_vcek is NUL-terminated, @ret_chain too, empty when there is none; each has
 * room for IMDS_PEM_MAX bytes.  Return 0; -EBADMSG for anything else, -EMSGSIZE when it is
 * longer; -ENOMEM.  That it is PEM, or a quote, is not looked at.
 */
int imds_read_certification(struct bytes json, char *ret_vcek, char *ret_chain);
int imds_read_quote(struct bytes json, uint8_t ret[static IMDS_QUOTE_MAX], size_t *ret_len);

#endif
