/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_BACKUP_H
#define COCO_BROKER_SERVE_BACKUP_H

#include "base/secret.h"
#include "broker/store/store.h"

/*
 * All of a broker in one file of lines, from which one can be made on a bare machine with the
 * recovery key (broker/core/recovery.h) and nothing else:
 *
 *	{"coco-broker-backup":1,"recovery":"COPY","identity":"BASE64","certificate":"BASE64",
 *	 "settings":"BASE64"}
 *	the lines of store_dump()
 *	{"mac":"HEX"}
 *
 * COPY is that of recovery_wrap(), without its newline.  The identity is iv[12] | ciphertext |
 * tag[16] of AES-256-GCM under HKDF(master, "coco backup identity").  The last line is HMAC-SHA256
 * of all lines before, under HKDF(master, "coco backup").
 */
struct backup {
	struct secret *master, *identity;	/* the second one is PEM */
	char *recovery;			/* the copy of recovery_wrap() */
	char *certificate, *settings;	/* texts of these files */
};

void backup_done(struct backup *b);

/*
 * Write the backup of @b and @store to @fd.  Returns 0; -EKEYREJECTED when the copy is not of this
 * master key; -EIO when @fd cannot be written; an error of store_dump().
 */
int backup_write(const struct backup *b, struct store *store, int fd, struct cause *why);

/* The same with the lines of store_dump() that are read from @lines; -EIO when they cannot be. */
int backup_write_lines(const struct backup *b, int lines, int fd, struct cause *why);

/*
 * Read a backup and write the lines of its store to @copy_fd.  Only when all of it is there and is
 * authentic this returns 0, with @ret, which is for backup_done(), and the copy may be used.
 * Else -EBADMSG when it is malformed or cut; -EKEYREJECTED when @recovery does not open it, or
 * somebody changed it; -EIO, also when @copy_fd cannot be written; -ENOMEM.
 */
int backup_read(int fd, const struct secret *recovery, int copy_fd, struct backup *ret,
		struct cause *why);

#endif
