/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_RECORD_TEXT_H
#define COCO_BROKER_CORE_RECORD_TEXT_H

#include <stdio.h>

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * Records as JSON objects, by tables of their members, which end with a name of NULL.  Reading is
 * strict: all members and no others, each with the form in which it is written.  For broker/core.
 */
enum record_kind {
	RECORD_TEXT,	/* char [size], UTF-8 and NUL-terminated */
	RECORD_HEX,	/* uint8_t [size] */
	RECORD_U32,
	RECORD_U64,	/* also int64_t that are not negative */
	RECORD_BOOL,
	/* struct record_blob, in base64; as text it may not have a NUL, and has one behind it */
	RECORD_BLOB,
	RECORD_BLOB_TEXT,
	RECORD_OBJECT,	/* a struct with a table of its own */
	RECORD_VALUE,	/* struct bytes: the value as JSON; read and written by the caller */
};

struct record_blob {
	uint8_t *data;		/* the record's, for free() */
	size_t len;
};

struct record_member {
	const char *name;
	enum record_kind kind;
	size_t offset, size;
	size_t max;				/* of a blob, in bytes */
	const struct record_member *members;	/* of an object */
};

/* Write the members of @r to @f, "\"a\":1,\"b\":\"x\"", without braces. */
void record_write(FILE *f, const struct record_member *members, const void *r);

/*
 * Read @object, which has passed jspan_check(), into @ret, which is zero.  @n_more is how many
 * members it has beside those of the table, which the caller reads.  Returns 0; -EBADMSG for a
 * member that is missing, unknown or of another form; -ENOMEM.  In any case pass @ret to
 * record_done().
 */
int record_read(struct bytes object, const struct record_member *members, size_t n_more,
		void *ret);

/* Free the blobs. */
void record_done(const struct record_member *members, void *r);

/* Write a text with quotes and escapes, and '?' for each byte that is not UTF-8. */
void record_write_text(FILE *f, const char *text, size_t len);

#endif
