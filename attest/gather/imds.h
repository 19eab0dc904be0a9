/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_IMDS_H
#define COCO_ATTEST_GATHER_IMDS_H

#include "attest/gather/provider.h"
#include "wire/bytes.h"

/*
 * Azure's instance metadata service.  It has what the evidence of an Azure confidential VM lacks:
 * the VCEK of an SNP report, or the quote of a TDREPORT.
 *
 *	GET http://169.254.169.254/metadata/THIM/amd/certification
 *		{"vcekCert": PEM, "certificateChain": PEM, ...}
 *	POST http://169.254.169.254/acc/tdquote {"report": BASE64URL}
 *		{"quote": BASE64URL}
 *
 * The connection is not encrypted, and the host owns it: the answers are hints, and are verified
 * like everything else.  cocod only opens the connection and reads nothing from it.
 * cocod-worker, which has no network of its own, speaks over it.
 */

/*
 * Begin to connect, without waiting.  A VM of Azure's is known by DMI's chassis asset tag; @root
 * goes before the path of that file.  @address is NULL, or "127.0.0.1:PORT" in tests.
 * Returns the descriptor, which is yours; -ENODEV if the machine is not Azure's; -EINVAL for
 * another address; an errno of socket(2) or connect(2).
 */
int imds_open(const char *root, const char *address);

enum imds_wants {
	IMDS_ALL,
	IMDS_QUOTE,	/* a quote, but no VCEK */
};

/*
 * If @b is evidence of Azure, ask for what it needs and add the answer.  @fd is what imds_open()
 * returned: a descriptor, which stays yours, or the error that there is none.
 *
 * Returns 1 if something was added; 0 if nothing is needed, or if the evidence is too malformed
 * to tell; -ENOMEM; another errno (-EAGAIN, -ENOENT, -EBADMSG, -EHOSTUNREACH, -EOPNOTSUPP ...)
 * if something is needed and was not to be had, with the cause in @why.  On error @b is as it was.
 */
int imds_complete(int fd, enum imds_wants wants, struct bundle *b, struct cause *why);

#define IMDS_PEM_MAX 32768
#define IMDS_QUOTE_MAX 32768

/*
 * Read the service's answers.  @ret_vcek and @ret_chain are C strings with room for IMDS_PEM_MAX
 * bytes each; @ret_chain is empty if there is no chain.  Whether they are PEM, or the answer is a
 * quote, is not looked at.
 * Return 0; -EBADMSG if the answer is malformed; -EMSGSIZE if it is too long; -ENOMEM.
 */
int imds_read_certification(struct bytes json, char *ret_vcek, char *ret_chain);
int imds_read_quote(struct bytes json, uint8_t ret[static IMDS_QUOTE_MAX], size_t *ret_len);

#endif
