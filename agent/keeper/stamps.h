/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_STAMPS_H
#define COCO_AGENT_KEEPER_STAMPS_H

#include "agent/loop.h"
#include "base/macro.h"
#include "wire/msg.h"

/*
 * When the steps of this boot were, by CLOCK_BOOTTIME: of each step the first time for each secret,
 * or for each consumer while the secret is not known.  They are in the file "stamps" of /run/cocod,
 * which a restart of cocod and the switch from the initrd to the system leave alone.
 *
 *	 0  4  magic "cst1"	 8  4  steps that found no room
 *	 4  4  n		12  4  0
 *	16  n * 216  struct msg_stamp, with dropped 0
 *	 .  8  checksum (FNV-1a, 64 bits) of all bytes before it
 *
 * Nothing is decided by them, and they have names but no byte of a secret.
 */
#define STAMPS_MAX 256
/* Any unit can ask for names that do not exist; these leave room for what was delivered. */
#define STAMPS_ASKED_MAX 64
#define STAMPS_FILE_MAX (16 + STAMPS_MAX * sizeof(struct msg_stamp) + 8)

struct stamps;

/*
 * Take up the stamps in the folder @folder, or begin without one.  @ret is yours.  Returns 0;
 * -EBADMSG when the file is damaged, or has times that are still to come; an errno of reading it.
 * Then there are stamps still, which begin now.  Only with -ENOMEM is @ret NULL.
 */
int stamps_new(const char *folder, struct stamps **ret);
/* Writes what is not written yet. */
struct stamps *stamps_free(struct stamps *s);
DEFINE_CLEANUP(struct stamps *, stamps_free)

/*
 * With a loop the file is written STAMPS_WAIT_USEC after a step, or up to a quarter of a second
 * later if that saves waking up, and when cocod ends: each write has all steps, and hundreds of
 * secrets are often delivered at once.  Without a loop, or a timer, it is written at once.  Returns
 * 0, or an error of watch_after().  @s may be NULL.
 */
#define STAMPS_WAIT_USEC 200000
int stamps_attach(struct stamps *s, struct loop *loop);

/*
 * Note that @what happens now, unless it has happened before.  @secret and @consumer may be NULL or
 * "".  A file that cannot be written does not matter: the next write has all.  @s may be NULL.
 */
void stamps_note(struct stamps *s, enum stamp_what what, const char *secret, const char *consumer);

/* The @i-th stamp.  Returns false when there are no more, or @s is NULL. */
bool stamps_get(const struct stamps *s, unsigned i, struct msg_stamp *ret);

/*
 * Read the @len bytes at @data, a whole file; no time may be after @now_usec.  @ret has room for
 * STAMPS_MAX.  Returns their number, with @ret_dropped; -EBADMSG.
 */
int stamps_parse(const uint8_t *data, size_t len, uint64_t now_usec, struct msg_stamp *ret,
		 uint32_t *ret_dropped);

#endif
