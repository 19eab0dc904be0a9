/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_FILE_HASH_H
#define COCO_INJECT_LAUNCH_FILE_HASH_H

#include "crypto/sha.h"

/*
 * SHA-256 of a whole file, which is hashed beside what the caller does meanwhile if it is large
 * enough for that.  Pipes and standard input are read when their turn comes: whoever writes to
 * them may count on the order.
 */
struct file_hash {
	const char *path;	/* NULL: no file, which has the hash of nothing */
	struct pool *pool;
	const struct sha *sha;
	int fd;			/* -EBADF until it is opened */
	bool begun;
	struct pool_job job;
	uint8_t hash[SHA256_LEN];
};

/*
 * Begin with @path, on @pool.  @sha is a SHA-256, borrowed.  What cannot be opened or read is left
 * to file_hash_end().  @ret is yours, for file_hash_done() after pool_done(), and not to be moved.
 */
void file_hash_begin(struct file_hash *ret, struct pool *pool, const struct sha *sha,
		     const char *path);

/* Returns 0 and the hash; a negative errno of open(2) or read(2); -ENOMEM; -EIO. */
int file_hash_end(struct file_hash *h, uint8_t ret[static SHA256_LEN]);

void file_hash_done(struct file_hash *h);

#endif
