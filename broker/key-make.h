/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_KEY_MAKE_H
#define COCO_BROKER_KEY_MAKE_H

#include "broker/core/keys.h"

/*
 * New keys, and files of a broker, of which none is ever written over.
 */

#define RECOVERY_COPY_FILE "recovery.copy"	/* beside the settings */

/* 32 random bytes.  @ret is yours.  Returns 0; -EIO; an error of secret_new(). */
int master_key_make(struct secret **ret);

/*
 * A P-256 key as PEM and its certificate, named for @name.  Both are yours.  Returns 0; -EINVAL for
 * a name that identity_certificate() refuses; -ENOMEM; an error of secret_new().
 */
int identity_make(const char *name, struct secret **ret_pem, char **ret_certificate);

/*
 * Is there a place for a recovery key: @file, or a terminal, unless that has a document of @json?
 * Returns 0; -EINVAL, -ENOTTY with the cause.
 */
int recovery_key_has_place(const char *file, bool json, struct cause *why);

/*
 * Show @text, of recovery_key_format(), on the standard output.  Returns 0 or an error of write(2).
 */
int recovery_key_show(const struct secret *text, struct cause *why);

/* The files that were made here, so that they can be removed when the rest fails. */
#define FILES_MADE_MAX 8
struct files_made {
	unsigned n;
	char *paths[FILES_MADE_MAX];
};

/*
 * Write the file @path with the mode @mode, which may not exist; @what is what people call it.
 * Returns 0; -EEXIST; an error of write_file_atomic(); -ENOMEM.
 */
int file_make(struct files_made *made, const char *path, const char *what, const void *data,
	      size_t len, mode_t mode, struct cause *why);
void files_made_remove(struct files_made *made);
void files_made_done(struct files_made *made);

/* The path of @name beside the file @path.  @ret is yours.  Returns 0 or -ENOMEM. */
int path_beside(const char *path, const char *name, char **ret);

#endif
