/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_WRITER_H
#define COCO_BROKER_STORE_WRITER_H

#include <json-c/json.h>

#include "broker/store/audit-chain.h"
#include "broker/store/store.h"

/*
 * What writes to the store for an instance, one transaction after the other.  A thread takes all
 * that waits, adds the lines of the audit log, and commits everything in one transaction: a change
 * and its line are there together, or neither is.  A caller who finds nobody else there commits by
 * itself.
 *
 * The audit log is a chain for each instance: broker/store/audit-chain.h.  A line is what the
 * caller gave, and "instance", "batch", "index", "at" (milliseconds since 1970), "prev", and at
 * times "heads".  A member that is not done leaves no line.
 *
 * When an answer of the store gets lost, the writer finds out whether the batch is there before it
 * goes on, and its callers get the right answer.  When the fence is somebody else's, another
 * process uses the name of this instance: then it never writes again.
 */
struct writer;

/*
 * @store is borrowed.  @instance is 1 to 63 letters, digits, '-' and '.'.  Reads the fence, and
 * checks the last batch against it.  @ret is yours.
 * Returns 0; -EBADMSG when the chain in the store is broken; -EPERM when the store is half loaded;
 * -EINVAL for a name of another form; an error of store_get(); -EIO when there can be no thread.
 */
int writer_new(struct store *store, const char *instance, struct writer **ret, struct cause *why);

/* The batch that is on its way is finished first, unless the store does not answer. */
struct writer *writer_free(struct writer *w);
DEFINE_CLEANUP(struct writer *, writer_free)

/*
 * Commit @m, with the line @line if it is done; NULL: none.  Both are borrowed.  @line is an object
 * of AUDIT_GIVEN_MAX bytes at most as text, and has none of the members above.  With a line @m may
 * have one change fewer than STORE_PARTS_MAX.  Blocks until it is decided, at most @timeout_usec;
 * then the writer goes on alone, and the caller does not know the outcome.  One caller at a time
 * may be held up for longer: by a disk that stops answering, after a transaction that was quick.
 *
 * Returns 0 with @m answered, done or not; -EAGAIN when it is not decided; -EBUSY when too many
 * wait; -EPERM for good, when another process writes as this instance; else as store_commit().
 */
#define WRITER_QUEUE_MAX 4096
int writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
		  uint64_t timeout_usec, struct cause *why);

struct writer_state {
	uint64_t batch;				/* the number of the batch to come */
	uint8_t head[AUDIT_HEAD_LEN];
	unsigned waiting;
	uint64_t batches, members;		/* committed since the start */
	int broken;				/* why it writes no more; 0: it writes */
};

void writer_look(struct writer *w, struct writer_state *ret);

/*
 * Have @took told how long each transaction took, good or not, by the thread that committed it, one
 * at a time.  For whoever made the writer, before somebody commits.
 */
void writer_listen(struct writer *w, void (*took)(void *userdata, uint64_t usec), void *userdata);

#endif
