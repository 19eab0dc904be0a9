/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_SECRET_H
#define COCO_BASE_SECRET_H

#include "base/macro.h"

/*
 * Plaintext, and keys that open it.  The bytes lie in pages of their own between two guard pages.
 * They are locked into memory, left out of core dumps, zero in a forked child, and wiped before
 * the pages are given back.  They are never a char * and never a JSON value.
 *
 * This is in base/ because the keeper, the command line and the injector all hold such bytes.
 */
struct secret;

/* More than any launch secret: the largest area that the driver serves is 1 MiB. */
#define SECRET_MAX (1024 * 1024)

/*
 * Make a secret of @len bytes, all zero.  @ret is yours.  Returns 0; -EMSGSIZE over SECRET_MAX;
 * -ENOMEM; -EPERM or -EAGAIN when RLIMIT_MEMLOCK does not allow it to be locked.
 */
int secret_new(size_t len, struct secret **ret);

/* Wipes, unlocks and unmaps.  NULL is fine.  Returns NULL. */
struct secret *secret_free(struct secret *s);
DEFINE_CLEANUP(struct secret *, secret_free)

/* The bytes, page-aligned or not, good until secret_free(); the length may be 0. */
uint8_t *secret_bytes(struct secret *s);
const uint8_t *secret_data(const struct secret *s);
size_t secret_len(const struct secret *s);

/* The secret that secret_bytes() has given @bytes of. */
struct secret *secret_of_bytes(void *bytes);

/* Cut the secret to @len bytes, which may not be more than it has.  The rest is wiped. */
void secret_truncate(struct secret *s, size_t len);

/*
 * Read @fd to its end.  @ret is yours.  Returns 0; -EMSGSIZE for more than @max bytes (@max <=
 * SECRET_MAX); an error of secret_new() or read(2).
 */
int secret_read(int fd, size_t max, struct secret **ret);

/*
 * True if both have the same length and bytes.  The time that this takes does not tell where they
 * differ.
 */
bool secret_equal(const struct secret *a, const struct secret *b);

/*
 * Protect the whole process: no core dumps, and no ptrace by another process of our uid.  Returns
 * 0 or a negative errno.
 */
int secret_protect_process(void);

#endif
