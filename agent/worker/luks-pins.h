/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_LUKS_PINS_H
#define COCO_AGENT_WORKER_LUKS_PINS_H

#include "base/macro.h"

/*
 * What the owner may pin of a header that is well-formed and safe, so that no other one is taken:
 *
 *	uuid:UUID	in both headers; anybody can write it
 *	digest:HEX	by which a right volume key is told from a wrong one: LUKS2's digest of
 *			the segment, LUKS1's digest of the key
 *	header:HEX	LUKS2: SHA-256 over the SHA-256 of the first and of the second header with
 *			their JSON, each as its checksum is made; LUKS1: SHA-256 over 592 bytes
 */
#define LUKS_DIGEST_MAX 64

struct luks_found {
	char uuid[40];			/* "" if it is not known */
	uint8_t digest[LUKS_DIGEST_MAX];
	size_t digest_len;		/* 0: not known */
	uint8_t header[32];
	bool has_header;
};

/* Write what is known of a header as pins into @ret: words with one blank between them. */
void luks_pins_format(const struct luks_found *f, char *ret, size_t size);

/*
 * Compare with the list @pins.  Of each kind that is there, the header must have one of the words;
 * "" asks nothing.
 * Returns 0; -EKEYREJECTED, with what is wrong in @reason, printable.
 */
int luks_pins_check(const char *pins, const struct luks_found *f, char *reason, size_t size);

#endif
