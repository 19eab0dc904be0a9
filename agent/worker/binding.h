/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_BINDING_H
#define COCO_AGENT_WORKER_BINDING_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * The digest that stands for a policy and its trust file in HOST_DATA or MRCONFIGID.  Without a
 * trust file (@trust is NULL) it is the policy's digest.  With a trust file it is the digest of
 * what sha256sum(1) or sha384sum(1) prints for the files attest.conf and attest.trust, so that
 * people can compute it.
 *
 * @md is SHA-256 or SHA-384; @ret has the digest's bytes.  Returns 0 or -ENOMEM.
 */
int binding_digest(const struct bytes *policy, const struct bytes *trust, const EVP_MD *md,
		   uint8_t ret[static EVP_MAX_MD_SIZE]);

#endif
