/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_TREE_H
#define COCO_DOCTOR_TREE_H

#include <sys/types.h>

#include "doctor/probe-text.h"

/*
 * Files below a folder that somebody else may have filled.  No path and no symbolic link leaves the
 * folder: a link to "/x" is "x" below it.  Only regular files are read, and never more than was
 * asked for; a device, a FIFO or a socket is not even opened.
 */

/* What became of a question to the machine.  With GOT_UNREADABLE of a file errno says why. */
enum got {
	GOT_IT,
	GOT_ABSENT,	/* there is no such thing here */
	GOT_DENIED,	/* it is there, and we have no privilege to see it */
	/* an I/O error; ELOOP; EINVAL: not a file; EFBIG: too large; E2BIG: too many; ENOMEM */
	GOT_UNREADABLE,
	GOT_MALFORMED,	/* it was read, and is not what it should be */
	_GOT_MAX,
};

/* "is not there", "may not be read without more privileges": for the end of a sentence. */
const char *got_words(enum got got);

/* What the errno @error of open(2) or read(2) means here, of either sign.  Sets errno to it. */
enum got got_by_errno(int error);

/*
 * Read at most @max bytes of the file @path below @root.  @ret is yours and ends with a NUL that
 * @ret_len, which may be NULL, does not count.  A longer file is GOT_UNREADABLE, with @cut its
 * first @max bytes are all that is read.
 */
enum got tree_read(int root, const char *path, size_t max, bool cut, char **ret, size_t *ret_len);

/*
 * Call @each with each line of a file of any length up to TREE_SCAN_MAX, until it returns false.
 * A line is a C string without its newline, is cut to TREE_LINE_MAX, and has '?' for NUL bytes.
 */
#define TREE_LINE_MAX 8192
#define TREE_SCAN_MAX (64u << 20)
enum got tree_scan(int root, const char *path, bool (*each)(void *ctx, char *line), void *ctx);

/* GOT_IT if there is a file, a folder or anything else at @path.  @ret_mode may be NULL. */
enum got tree_look(int root, const char *path, mode_t *ret_mode);

/* What lstat(2) says of @path itself, where that is a link. */
enum got tree_rights(int root, const char *path, struct file_rights *ret);

/*
 * The names in a folder but "." and "..", sorted; at most TREE_NAMES_MAX, more are GOT_UNREADABLE.
 * @ret is yours, for tree_names_done().
 */
#define TREE_NAMES_MAX 4096
struct tree_names {
	char **names;
	size_t n;
};
enum got tree_list(int root, const char *path, struct tree_names *ret);
void tree_names_done(struct tree_names *names);

/* The last part of what the symbolic link @path points to.  It need not be there. */
enum got tree_link(int root, const char *path, char *ret, size_t size);

#endif
