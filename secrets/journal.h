/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_JOURNAL_H
#define COCO_SECRETS_JOURNAL_H

#include "base/macro.h"
#include "wire/guid.h"
#include "wire/msg.h"

/*
 * What must survive a restart of the keeper: the states of the secrets and the outcomes of their
 * deliveries, but never their bytes.  The journal is a file in /run with records of one size,
 * each with a checksum.  Each change replaces the whole file, so that it always has the states
 * from before or after a change, and never grows beyond them.
 *
 *	  0   4  magic "ccj2"		 80 128  consumer: the last one, or the delivery's
 *	  4   1  kind			208   8  CLOCK_BOOTTIME of the outcome, in microseconds
 *	  5   1  state or outcome	216   8  \
 *	  6   1  outcome before		224   8   | the consumer's process, and the mark of the
 *	  7   1  flags			232   8   | directory of questions when it got the key
 *	  8  16  GUID			240   4  /
 *	 24  16  source			244   4  serial number of the key in a keyring, or 0
 *	 40   8  size in bytes		248   8  checksum of all bytes before it
 *	 48  32  times of the states
 *
 * The checksum (FNV-1a, 64 bits) finds damage.  It does not keep anybody out: only root can write
 * here.
 *
 * Earlier versions appended records "ccj1" without a checksum.  These are still read.
 */
#define JOURNAL_MAGIC 0x326a6363u	/* "ccj2" */
#define JOURNAL_MAGIC_1 0x316a6363u	/* "ccj1" */
#define JOURNAL_MAX_RECORDS 16384
#define JOURNAL_MAX_READ (32u << 20)	/* only the end of a longer file is read */

enum journal_kind {
	JOURNAL_SECRET = 1,	/* one for each secret */
	JOURNAL_DELIVERY,	/* one for each pair of secret and consumer */
	/* something known earlier was lost; since_usec[0] says since when; GUID 0 */
	JOURNAL_GAP,
	_JOURNAL_KIND_MAX,
};

/* The outcome of handing a secret to one consumer. */
enum delivery_outcome {
	DELIVERY_NONE,		/* no outcome; only in "before" */
	DELIVERY_OFFERED,	/* the key may have been read */
	/* the whole key was read; whether the volume opens is not known yet */
	DELIVERY_READ,
	/* read by a consumer that reports no outcome: `cococtl secrets get` */
	DELIVERY_TAKEN,
	DELIVERY_OPENED,	/* the volume was opened with it */
	DELIVERY_REJECTED,	/* the volume was not opened with it */
	DELIVERY_UNDECIDED,	/* the volume is open, but nobody saw what opened it */
	_DELIVERY_OUTCOME_MAX,
};

/* Flag of a delivery: another key may have opened the volume without a question to anybody. */
#define JOURNAL_OTHER_MEANS 1
/* Flag of a secret: wipe it as soon as nobody uses it. */
#define JOURNAL_WIPE_DUE 1

struct journal_record {
	uint32_t magic;
	uint8_t kind;
	uint8_t state;				/* enum secret_state, or enum delivery_outcome */
	/* the earlier outcome of a delivery that is offered again */
	uint8_t before;
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
	uint32_t placed;
	uint64_t checksum;
};

_Static_assert(sizeof(struct journal_record) == 256, "layout");

/* A record of version 1. */
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
	struct journal_record *records;	/* no two with the same kind, GUID and consumer */
	size_t n;
	bool lossy;			/* something in the file could not be read */
};

void journal_done(struct journal *j);

/*
 * Read the @len bytes at @data, a whole file.  Bytes that are not a good record are skipped, and
 * reading goes on at the next good record, so that damage does not hide what was written after
 * it.  Of several records about the same thing the last counts.  But a secret's state goes back
 * only where version 1 said so, and a secret with deliveries and no record of its own is at least
 * delivered.
 *
 * Pass @ret to journal_done().  Returns 0, or -ENOMEM with nothing read.
 */
int journal_parse(const uint8_t *data, size_t len, struct journal *ret);

/*
 * Read the journal at @path; without a file the journal is empty.  Leftovers of a write that was
 * killed are removed.  If @path cannot be read at all (it is not a file, or not ours), it is
 * renamed: ".bad" is added to its name.
 *
 * @ret is yours.  Returns 0; 1 when part of the file was damaged, and then ret->lossy is set; a
 * negative errno when @path exists and nothing of it could be read, and then @ret is empty and
 * lossy; -ENOMEM with nothing read.
 */
int journal_read(const char *path, struct journal *ret);

/*
 * Replace the journal at @path by the @n records; their magic and checksum are filled in.
 * Returns 0, or an errno of write_file_atomic(), and then the old file is unchanged.
 */
int journal_write(const char *path, struct journal_record *records, size_t n);

#endif
