/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_LUKS_JUDGE_H
#define COCO_AGENT_WORKER_LUKS_JUDGE_H

#include "wire/luks.h"
#include "wire/msg.h"

/*
 * Is it safe to hand the owner's passphrase to whoever is about to open this volume?
 *
 * A LUKS header is not authenticated and lies on a disk of the host.  With "cipher_null" in a
 * keyslot every passphrase opens the volume, with a key that the host chose, and the guest goes
 * on to write its data where the host can read it (CVE-2025-59054; cryptsetup itself refuses this
 * only since 2.8.1).  So the whole header must be of a kind that is known to be sound: every
 * keyslot and the one segment use AES-XTS, the segment with or without HMAC over it; no
 * reencryption is under way; and nothing in the header is unknown to us.  Tokens of other types
 * than our own pass when the owner allows them.
 *
 * Both headers of LUKS2 must be intact and pass, because cryptsetup uses the header with the
 * higher seqid and repairs the other from it.  We repair nothing.  LUKS1 has one header, with one
 * cipher for keyslots and data, and passes when that cipher is AES-XTS.
 *
 * What this does not protect from:
 *
 *  - A host that swaps the header between this check and cryptsetup's own reading of it.  Only a
 *    copy of the header in guest memory, checked and then used in its place, closes that gap.
 *  - A volume that opens without the agent, by a token or a typed passphrase: nobody asks here.
 *  - An old but genuine header, or old data, put back by the host (rollback).  HMAC does not detect
 *    old sectors that come with their old tags.
 *  - Changed ciphertext without HMAC: AES-XTS alone does not detect it.
 *  - Flags in the header that tell the host more but give it no plaintext, such as allow-discards.
 *
 * Format: "LUKS2 On-Disk Format Specification" 1.1, and what cryptsetup 2.4 to 2.8 write.
 */

/*
 * Judge the volume whose block device or image is open for reading at @fd by what @q allows.  The
 * caller has made sure that the list in @q ends with a NUL.  @fd is borrowed, asked for its
 * length, and read with pread(2) only, at most 2 * LUKS2_HEADER_MAX bytes of it.  @ret is always
 * filled in, reserved bytes zeroed:
 *
 *	.error	0: the key may be given
 *		-EKEYREJECTED: well-formed, but not safe or not known
 *		-EBADMSG: malformed or damaged, or the device is shorter than the header says
 *		-EOPNOTSUPP: not a LUKS volume, or an unknown version of LUKS
 *		-ENOMEM, or the errno of pread(2) (-ESPIPE, -EIO, ...): could not be read
 *	.version, .uuid	as far as they were read
 *	.pins	what a header that is safe has, as words of VolumePin=, whether they are those of
 *		@q or not
 *	.reason	one line of printable text for people, never empty; it may quote the header,
 *		which the host wrote
 */
void luks_judge(int fd, const struct luks_question *q, struct luks_verdict *ret);

/*
 * Judge the JSON of a LUKS2 header at @fd, a file that is read once from its start: what
 * libcryptsetup has in memory, and activates by, whatever the disk says since then.  @ret is as
 * above, with no UUID, which is not in the JSON; -EMSGSIZE for more than LUKS2_TEXT_MAX bytes.
 */
#define LUKS2_TEXT_MAX LUKS2_HEADER_MAX
void luks_judge_text(int fd, const struct luks_question *q, struct luks_verdict *ret);

#endif
