/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SEV_MEASUREMENT_H
#define COCO_SEV_MEASUREMENT_H

#include "base/secret.h"
#include "sev/packet.h"
#include "crypto/sha.h"

/*
 * The measurement of an SEV or SEV-ES launch, which only the security processor and the owner
 * of the session can make.  Source: AMD, publication 55766, LAUNCH_MEASURE:
 *
 *	HMAC-SHA256(TIK, 0x04 || API major || API minor || build || policy u32 ||
 *			 launch digest || nonce)
 *
 * API, build and policy may come from the host, as it cannot make another measurement for them;
 * the digest must not.
 */
struct measured {
	uint8_t api_major, api_minor, build;
	uint32_t policy;
};

/*
 * Before this the measurement did not bind the first eight bytes, so that the host could say
 * anything of them.
 */
#define MEASURE_API_MAJOR 0
#define MEASURE_API_MINOR 17

static inline bool measured_api_is_bound(const struct measured *m)
{
	return m->api_major > MEASURE_API_MAJOR || m->api_minor >= MEASURE_API_MINOR;
}

/* Makes any number of measurements with one TIK. */
struct measurer;

/* @ret is yours.  Returns 0; -EINVAL for a TIK of another length than SEV_KEY_LEN; -EIO. */
int measurer_new(const struct secret *tik, struct measurer **ret);
struct measurer *measurer_free(struct measurer *m);
DEFINE_CLEANUP(struct measurer *, measurer_free)

/* Returns 0, or -EIO. */
int measurer_measure(struct measurer *m, const struct measured *what,
		     const uint8_t digest[static SHA256_LEN],
		     const uint8_t nonce[static SEV_NONCE_LEN],
		     uint8_t ret[static SEV_MEASURE_LEN]);

#endif
