/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_JOURNAL_H
#define COCO_SECRETS_JOURNAL_H

#include "base/macro.h"
#include "wire/guid.h"
#include "wire/msg.h"

/*
 * What must survive a restart of the keeper: the states of the secrets and what came of their
 * deliveries, never their bytes.  A file in /run of records of one size, each with a checksum.
 * It is put in place as a whole at each change, so that it has the states before the change or
 * those after it, and never grows beyond what there is to say.
 *
 *	  0   4  magic "ccj2"		 80 128  consumer: who had it last, or whom this is about
 *	  4   1  kind			208   8  CLOCK_BOOTTIME of the outcome, in microseconds
 *	  5   1  state or outcome	216   8  \
 *	  6   1  outcome before		224   8   | the consumer's process, and the mark of the
 *	  7   1  flags			232   8   | directory of questions when it got the key
 *	  8  16  GUID			240   4  /
 *	 24  16  source			244   4  0
 *	 40   8  size in bytes		248   8  checksum of all that stands before it
 *	 48  32  times of the states
 *
 * The checksum (FNV-1a, 64 bits) finds damage.  It keeps nobody out: only root can write here.
 *
 * Versions before this one appended records "ccj1" without a checksum.  They are still read.
 */
#define JOURNAL_MAGIC 0x326a6363u	/* "ccj2" */
#define JOURNAL_MAGIC_1 0x316a6363u	/* "ccj1" */
#define JOURNAL_MAX_RECORDS 16384
#define JOURNAL_MAX_READ (32u << 20)	/* of a longer file the end is read */

enum journal_kind {
	JOURNAL_SECRET = 1,	/* one for each secret */
	JOURNAL_DELIVERY,	/* one for each secret and consumer */
	JOURNAL_GAP,		/* what was known before was lost in part, since the first time; GUID 0 */
	_JOURNAL_KIND_MAX,
};

/* What came of handing a secret to one consumer. */
enum delivery_outcome {
	DELIVERY_NONE,		/* nothing: of "before" only */
	DELIVERY_OFFERED,	/* it may have been read */
	DELIVERY_READ,		/* all of it was read; what comes of it is not known yet */
	DELIVERY_TAKEN,		/* read by one of whom no more is to be known: `cococtl secrets get` */
	DELIVERY_OPENED,	/* the volume was opened with it */
	DELIVERY_REJECTED,	/* the volume was not opened with it */
	DELIVERY_UNDECIDED,	/* the volume is open, and nobody saw with what */
	_DELIVERY_OUTCOME_MAX,
};

/* Flags of a delivery: another key than ours may have opened the volume with no question asked. */
#define JOURNAL_OTHER_MEANS 1
/* Flags of a secret: it is to be wiped as soon as nobody uses it. */
#define JOURNAL_WIPE_DUE 1

struct journal_record {
	uint32_t magic;
	uint8_t kind;
	uint8_t state;				/* enum secret_state, or enum delivery_outcome */
	uint8_t before;				/* of a delivery that is offered again */
	uint8_t flags;
	struct guid guid;
	char source[16];
	uint64_t size;
	uint64_t since_usec[_SECRET_STATE_MAX];
	char consumer[128];
	uint64_t outcome_usec;
	uint64_t peer_start;
	uint64_t asked_inode;
	uint64_t asked_nsec;
	uint32_t peer_pid;
	uint32_t reserved;
	uint64_t checksum;
};

_Static_assert(sizeof(struct journal_record) == 256, "layout");

/* A record of the version before. */
struct journal_record_1 {
	uint32_t magic;
	uint8_t state;				/* enum secret_state */
	uint8_t rejected;			/* the last delivery did not open its volume */
	uint8_t reserved[2];
	struct guid guid;
	char source[16];
	uint64_t size;
	uint64_t since_usec[_SECRET_STATE_MAX];
	char delivered_to[128];
};

_Static_assert(sizeof(struct journal_record_1) == 208, "layout");

struct journal {
	struct journal_record *records;	/* a kind, GUID and consumer once each */
	size_t n;
	bool lossy;			/* something in the file could not be read */
};

void journal_done(struct journal *j);

/*
 * Read the file's @len bytes at @data.  What is no whole record is passed over, and reading
 * goes on with the next one that is, so that damage hides nothing that was written after it.
 * Of records about the same the last counts, but a secret's state goes back only where version
 * 1 said so; a secret of which only a delivery is left is at least delivered.
 *
 * @ret is yours, to be passed to journal_done().  Returns 0, or -ENOMEM with nothing.
 */
int journal_parse(const uint8_t *data, size_t len, struct journal *ret);

/*
 * Read the journal at @path; without one it is empty.  Leftovers of a write that was cut short
 * by a kill are removed.  What is at @path and cannot be read (no file, another's) is set aside as
 * @path with ".bad" behind it.
 *
 * @ret is yours.  Returns 0; 1 when some of it was damaged, and ret->lossy says so, too; a
 * negative errno when there was something and none of it could be read: @ret is empty and lossy
 * then.  -ENOMEM with nothing.
 */
int journal_read(const char *path, struct journal *ret);

/*
 * Replace the journal at @path by the @n records; their magic and checksum are filled in.
 * Returns 0, or an errno of write_file_atomic(): what was there before is there still.
 */
int journal_write(const char *path, struct journal_record *records, size_t n);

#endif
