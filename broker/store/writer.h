/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_WRITER_H
#define COCO_BROKER_STORE_WRITER_H

#include <json-c/json.h>

#include "broker/store/store.h"

/*
 * The one thread of an instance that writes to the store.  It takes all that waits, adds the lines
 * of the audit log, and commits everything in one transaction: a change and its line are there
 * together, or neither is.
 *
 * The audit log is a chain for each instance.  A batch has a number, and its lines have the keys
 *
 *	coco/audit/INSTANCE/NUMBER.INDEX	(16 and 4 hexadecimal digits)
 *
 * A line is what the caller gave, and "instance", "batch", "index", "at" (milliseconds since 1970)
 * and "prev": the head of the chain before this batch.  A member that is not done leaves no line.
 * The head after a batch is SHA-256("coco audit 1" | head before | number u64 | for each line that
 * is there, in the order of its index: index u32 | SHA-256 of its bytes), numbers big-endian, the
 * label with its NUL; the first head is zeros.  A batch without lines does not change the head.
 * The fence of the instance, coco/instance/INSTANCE, has "NUMBER HEAD" of the batch to come.
 *
 * When an answer of the store gets lost, the writer finds out whether the batch is there before it
 * goes on, and its callers get the right answer.
 */
struct writer;

/*
 * @store is borrowed.  @instance is 1 to 63 letters, digits, '-' and '.'.  Reads the fence, and
 * checks the last batch against it.  @ret is yours.
 * Returns 0; -EBADMSG when the chain in the store is broken; -EINVAL for a name of another form; an
 * error of store_get().
 */
int writer_new(struct store *store, const char *instance, struct writer **ret, struct cause *why);
struct writer *writer_free(struct writer *w);
DEFINE_CLEANUP(struct writer *, writer_free)

/*
 * Commit @m, with the line @line if it is done; NULL: none.  @line is borrowed, and has none of the
 * members above.  Blocks until it is decided, at most @timeout_usec; then the writer goes on alone,
 * and the caller does not know the outcome.
 *
 * Returns 0 with @m answered, done or not; -EAGAIN when it is not decided; -EBUSY when too many
 * wait; else as store_commit().
 */
#define WRITER_QUEUE_MAX 4096
int writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
		  uint64_t timeout_usec, struct cause *why);

#define AUDIT_HEAD_LEN 32

struct writer_state {
	uint64_t batch;				/* the number of the batch to come */
	uint8_t head[AUDIT_HEAD_LEN];
	unsigned waiting;
	uint64_t batches, members;		/* committed since the start */
};

void writer_look(struct writer *w, struct writer_state *ret);

#endif
