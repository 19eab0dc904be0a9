/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_LUKS_METADATA_H
#define COCO_AGENT_WORKER_LUKS_METADATA_H

#include "base/macro.h"

/* The policy on names that LUKS1 and LUKS2 share: lists of strings, NULL at the end. */
extern const char *const luks_ciphers[];
extern const char *const luks_hashes[];

bool luks_key_len_is_good(int64_t len);	/* in bytes: of AES-128-XTS or AES-256-XTS */

/*
 * Judge the JSON area of a LUKS2 header: the @len bytes at @area, borrowed, which follow the 4096
 * bytes of the binary header.  Their checksum has been verified, which says nothing about who
 * wrote them.
 *
 * @device_len is how many bytes the device of this header has.  A segment that is not on it is on
 * another device.  @allow_tokens lists the types of tokens beside our own that the owner allows,
 * separated by one blank; NULL: all.
 *
 * Returns 0, with the digest of the volume's key in @found (agent/worker/luks-pins.h), of which the
 * rest is left alone; -EKEYREJECTED for what is well-formed, but not safe or not known; -EBADMSG
 * for what is malformed.  On error @reason, of @reason_len bytes, says what and where, and what
 * helps.  It may quote the area, so it must be made printable.
 *
 * Policy and format: agent/worker/luks-judge.h.
 */
struct luks_found;
int luks_metadata_judge(const char *area, size_t len, uint64_t device_len, const char *allow_tokens,
			struct luks_found *found, char *reason, size_t reason_len);

/*
 * The same for the @len bytes of JSON at @text, which libcryptsetup has made of what it read: with
 * blanks, without the area around it, and from a device that nobody knows.  The area has the
 * length that the text says, as libcryptsetup has made sure.
 */
int luks_metadata_judge_text(const char *text, size_t len, const char *allow_tokens,
			     struct luks_found *found, char *reason, size_t reason_len);

#endif
