/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_DOUBLE_MEMORY_STORE_H
#define COCO_TESTS_DOUBLE_MEMORY_STORE_H

#include "broker/store/writer.h"

/*
 * A test double: a store in memory, and a writer over it that fails where it is told to.  Linked
 * with this, writer_commit() is the double's.  It shares no code with the engines or the writer of
 * broker/store.  It aborts when it has no memory.
 */
struct store *memory_store_new(void);
/* The writer of @s, which goes with it. */
struct writer *memory_store_writer(struct store *s);

enum memory_fault {
	MEMORY_NO_FAULT,
	/* nothing is committed, and the caller hears @error */
	MEMORY_BEFORE,
	/* it is committed, and the caller hears @error: the reply is lost */
	MEMORY_AFTER,
	/* somebody else is faster: the keys that it compares have another revision */
	MEMORY_OUTRUN,
};

/*
 * Let the @n-th call of writer_commit() from now on (0: the next one), and those up to @n_times - 1
 * after it, end so.  Replaces what was said before.
 */
void memory_store_fail(struct store *s, unsigned n, unsigned n_times, enum memory_fault fault,
		       int error);

/* Before the next call of writer_commit() is done, once, call @act. */
void memory_store_before(struct store *s, void (*act)(void *userdata), void *userdata);

/* How many calls of writer_commit() there were. */
unsigned memory_store_commits(struct store *s);

/* Behind the broker's back.  @data NULL deletes.  memory_store_revision() is 0 for what is not. */
void memory_store_put(struct store *s, const char *key, const void *data, size_t len);
uint64_t memory_store_revision(struct store *s, const char *key);

/* How many lines of the audit log say @what of @path; NULL: any. */
unsigned memory_store_lines(struct store *s, const char *what, const char *path);

#endif
