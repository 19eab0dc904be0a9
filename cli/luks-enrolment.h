/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_ENROLMENT_H
#define COCO_CLI_LUKS_ENROLMENT_H

#include "base/json.h"
#include "cli/luks-plan.h"
#include "cli/luks.h"
#include "wire/msg.h"

/*
 * How a secret comes to open a volume, for luks enroll and luks format.  Everything is looked at
 * before anything is written.  Then the writes come in an order in which the volume can be left
 * after each of them: a keyslot, the token that names it, and what the system needs at boot.
 * Whoever runs this again goes on where it ended.  A recovery passphrase has an order of its own
 * (cli/luks-recovery.c).
 *
 * The functions return 0, or the exit status after they have logged what is wrong.
 */
struct enrolment {
	const struct args *args;
	const char *device;
	int cocod, fd, tty;
	struct msg_secret m;
	struct luks_volume volume;
	struct luks_plan plan;
	struct secret *secret, *passphrase;
	/* The last thing before crypttab has the volume; may be NULL. */
	int (*before_crypttab)(struct enrolment *e, struct cause *c);
	bool write;			/* crypttab, and the units */
	bool formatted;			/* there is nothing left that it was before */
	bool by_token;			/* crypttab has nothing to do with it */
	int keyslot;			/* that the secret opens, or -1 */
	int token, recovery;
};

#define ENROLMENT_NEW(a)                                                                     \
	{                                                                                    \
		.args = (a), .device = (a)->words.items[0], .cocod = -EBADF, .fd = -EBADF,   \
		.tty = -EBADF, .keyslot = -1, .recovery = -1, .token = -1                    \
	}
void enrolment_done(struct enrolment *e);

/* Log @c, and whether anything has changed.  Returns the exit status. */
int enrolment_refused(const struct enrolment *e, const struct cause *c);

/* Have the header judged, and open the volume.  A header that is damaged is repaired if it can. */
int enrolment_open_volume(struct enrolment *e);

/*
 * Find the volume's name and its line in crypttab, and whether cocod would give it this secret and
 * no other.  ->volume has its UUID and the length of its header.
 */
int enrolment_plan(struct enrolment *e);

/* Is the secret, which the caller has put into ->secret, good for a passphrase? */
int enrolment_check_secret(struct enrolment *e);
struct luks_key enrolment_key(const struct enrolment *e);

/* Find the keyslot that the secret opens, -1 for none. */
int enrolment_try(struct enrolment *e);

/* Is there a terminal, where a recovery passphrase is to be shown?  Part of enrolment_check(). */
int enrolment_check_terminal(struct enrolment *e);

/* Is there room for what is to be written, and would crypttab's line work? */
int enrolment_check(struct enrolment *e);

/* Write all of it.  Without a keyslot ->passphrase opens another one. */
int enrolment_write(struct enrolment *e);

/* Say what enrolment_write() did, and what remains to be done by a person. */
void enrolment_show(const struct enrolment *e);

/* Add the same to the document @o, which is taken.  Returns it, or NULL without memory. */
struct json_object *enrolment_to_json(const struct enrolment *e, struct json_object *o);

#endif
