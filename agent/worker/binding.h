/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_BINDING_H
#define COCO_AGENT_WORKER_BINDING_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * What stands for a policy and its trust file, @trust, which may be NULL, in HOST_DATA or
 * MRCONFIGID: without a trust file the policy's digest, with one the digest of what sha256sum(1)
 * or sha384sum(1) prints for the files attest.conf and attest.trust, so that people can make it.
 *
 * @md is SHA-256 or SHA-384; @ret has the digest's bytes.  Returns 0 or -ENOMEM.
 */
int binding_digest(const struct bytes *policy, const struct bytes *trust, const EVP_MD *md,
		   uint8_t ret[static EVP_MAX_MD_SIZE]);

#endif
