/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ANCHOR_H
#define COCO_BROKER_STORE_ANCHOR_H

#include "broker/store/audit.h"
#include "broker/store/writer.h"

/*
 * What an instance knows of its store, in a small file outside of it: an older copy of the store,
 * put in its place, would release once more what may go out once.  The file is one line of JSON:
 *
 *	{"anchor":1,"instance":"a","store":"ID","revision":N,"batch":N,"head":"HEX","machine":"HEX"}
 *
 * The broker writes it a second after a batch at the latest, so the last second is not protected.
 */
#define ANCHOR_TEXT_MAX 1024
#define ANCHOR_MACHINE_LEN 16

struct anchor {
	char instance[AUDIT_INSTANCE_MAX + 1];
	uint8_t store[STORE_ID_LEN];
	uint64_t revision;		/* the highest that was seen */
	uint64_t batch;			/* the batch to come */
	uint8_t head[AUDIT_HEAD_LEN];	/* before it */
	/* of the machine, computed from its machine-id(5); zeros: it has none */
	uint8_t machine[ANCHOR_MACHINE_LEN];
};

/* @ret has room for ANCHOR_TEXT_MAX bytes; its end is a newline.  Returns the length. */
size_t anchor_format(const struct anchor *a, char ret[static ANCHOR_TEXT_MAX]);

/* Returns 0, or -EBADMSG. */
int anchor_parse(const void *text, size_t len, struct anchor *ret);

/*
 * Describe the store now.  @number and @head are the batch to come and the head before it, as
 * writer_look() or audit_find_end() has them.  Returns 0; -EIO when the machine's id cannot be
 * read; an error of store_look().
 */
int anchor_describe(struct store *s, const char *instance, uint64_t number,
		    const uint8_t head[static AUDIT_HEAD_LEN], struct anchor *ret,
		    struct cause *why);

/* Write the file: the old one or the new one is there.  Returns 0, -ENOSPC, -EACCES or -EIO. */
int anchor_write(const char *path, const struct anchor *a, struct cause *why);

/*
 * Write the file if @w has written a batch since it was written last.  @io_batch is 0 at first, and
 * then the batch to come that the file has.  Call it for a file that anchor_check() found good, or
 * that a person accepted.  Returns 0, or an error of anchor_describe() or anchor_write(): then call
 * it again.
 */
int anchor_keep(const char *path, struct store *s, const char *instance, struct writer *w,
		uint64_t *io_batch, struct cause *why);

enum anchor_state {
	ANCHOR_GOOD,		/* the store goes on where the file says */
	ANCHOR_NEW,		/* neither a file nor a chain: this instance never ran */
	ANCHOR_BACK,		/* the store went back, or is another one, or nobody knows */
	ANCHOR_MACHINE,		/* this machine is not the one that had the store */
};

/*
 * Compare the file @path with the store, before this instance writes to it.  @ret_what is why it is
 * not ANCHOR_GOOD, for people.  What is not GOOD or NEW is for a person to decide, who then has it
 * written by anchor_keep(), and STORE_RESTORED removed: a store that has it is never GOOD or NEW.
 * A file that is missing though the instance has a chain, or that is malformed, is ANCHOR_BACK.
 *
 * Returns 0; -EBADMSG when the end of the chain is broken; -EIO when the file cannot be read; an
 * error of store_get().
 */
int anchor_check(const char *path, struct store *s, const char *instance, enum anchor_state *ret,
		 struct cause *ret_what, struct cause *why);

#endif
