/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_JOURNAL_H
#define COCO_SECRETS_JOURNAL_H

#include "base/macro.h"
#include "wire/guid.h"
#include "wire/msg.h"

/*
 * What must survive a restart of the keeper: the states of the secrets, never their bytes.  A
 * file in /run of records of one size, appended at each change; the last record of a GUID
 * counts.
 */
#define JOURNAL_MAGIC 0x316a6363u	/* "ccj1" */
#define JOURNAL_MAX_LEN (8u << 20)

struct journal_record {
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

/*
 * Cut the file's @len bytes at @data into records and keep the last of each GUID, in the order
 * of first appearance.
 * @ret is yours, to be freed; it holds *@ret_n records.
 *
 * Returns 0 when all of it was good; -EBADMSG when a record is malformed or cut short: what
 * comes before it is in @ret all the same; -ENOMEM with nothing.
 */
int journal_parse(const uint8_t *data, size_t len, struct journal_record **ret, size_t *ret_n);

/*
 * Read the journal at @path (none is an empty one), write it anew without what is outdated, and
 * leave it open for appending.
 * @ret_fd and @ret are yours.
 *
 * Returns 0; 1 when the file was damaged and the part before the damage was kept; an errno of
 * open(2), read(2), write(2).
 */
int journal_open(const char *path, int *ret_fd, struct journal_record **ret, size_t *ret_n);

/* Append one record with one write.  Returns 0 or an errno of write(2). */
int journal_append(int fd, const struct journal_record *r);

#endif
