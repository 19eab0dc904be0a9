/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_SEV_KDS_H
#define COCO_INJECT_SEV_KDS_H

#include "base/macro.h"

/*
 * AMD's key server, and a cache of what it said.  Neither is trusted: what comes from there is
 * only a file of which the caller has to decide whether it is good.
 *
 *	https://kdsintf.amd.com/cek/id/CHIP-ID				the CEK with AMD's signature
 *	https://download.amd.com/developer/eula/sev/ask_ark_PRODUCT.cert	ASK and ARK
 *
 * Another URL stands for both: URL/cek/id/CHIP-ID and URL/ask_ark_PRODUCT.cert.
 */
#define KDS_CHIP_ID_LEN 64
#define KDS_CHIP_ID_TEXT_LEN (2 * KDS_CHIP_ID_LEN)	/* lower-case hexadecimal */

struct kds {
	bool fetch;		/* the network may be used; else only the cache */
	const char *url;	/* NULL: AMD's */
	const char *ca;		/* a file of CA certificates; NULL: the system's */
	const char *cache;	/* a folder; NULL: coco-inject in XDG_CACHE_HOME or ~/.cache */
	uint64_t timeout_usec;	/* of each request */
	char error[1280];	/* of the last request that failed, for people */
};

/*
 * Takes a file or refuses it, with an error of its own; what is refused is neither cached nor
 * taken from the cache.
 */
typedef int (*kds_accept)(const uint8_t *data, size_t len, void *userdata);

/*
 * 0 for NULL, https:// with a host, or http://127.0.0.1; else -EINVAL.  No user, query or
 * fragment.
 */
int kds_check_url(const char *url);

/*
 * The file of a chip or a product, from the cache if there is an acceptable one, else from the
 * server.
 *
 * A server that says 429 or 503 is asked again, four times at most, after the time that it
 * wants, a minute at most.
 *
 * Returns 0 when @accept took it; -ENOENT when it is not in the cache and @k does not fetch, or
 * the server does not know it; what @accept returned; -EAGAIN when the server wants to be left
 * alone; -EHOSTUNREACH for every other failure on the way; -EOPNOTSUPP when there is no
 * libcurl; -ENOMEM.
 */
int kds_get_cek(struct kds *k, const char *chip_id, kds_accept accept, void *userdata);
int kds_get_ask_ark(struct kds *k, const char *product, kds_accept accept, void *userdata);

#endif
