/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_SOURCE_H
#define COCO_SECRETS_SOURCE_H

#include "base/macro.h"
#include "base/secret.h"
#include "wire/guid.h"

/*
 * Where launch secrets come from: a directory with a file for each, named by its GUID.  Reading
 * gives the bytes, unlinking zeroes them in the kernel's area.  Layout and semantics: the
 * kernel's efi_secret driver, Documentation/security/secrets/coco.rst.
 *
 * The keys of the ACPI table SVKL have no GUIDs: their files are numbered from 0.  Here the key
 * N is 53564b4c-0000-8000-8000-N with N as 12 hexadecimal digits (the first group is "SVKL"); a
 * file of such a name in another source is passed over.
 */
struct secret_source {
	const char *name;	/* "coco", "coco-legacy", "svkl", "directory" */
	const char *path;
	bool zeroes;		/* unlink wipes memory, and is no ordinary unlink */
	bool same;		/* shows what the source before it shows: counts when that is not there */
	bool numbered;		/* as SVKL's */
	bool host_table;	/* a table of the host's says where its secrets are: see gate_believes() */
};

/* What a source says of one secret. */
struct source_entry {
	struct guid guid;
	size_t size;		/* in bytes; 0 when the file does not say, as mainline's do not: source_size() */
};

/* The @i-th source that this machine may have, or NULL after the last. */
const struct secret_source *source_get(unsigned i);

/*
 * Mount securityfs on /sys/kernel/security when nothing is mounted there.  Returns 1 when it
 * was there already, 0 when it is now; -EPERM when that is not ours to do; another errno of
 * statfs(2) or mount(2).
 */
int source_mount_securityfs(void);

/*
 * All entries, in the directory's order.  Files that are not named as its secrets are get
 * passed over.  @ret is yours, to be freed.
 * Returns how many; -ENOENT when the source is not there; another errno of opendir(3) or
 * fstatat(2).
 */
int source_list(const struct secret_source *s, struct source_entry **ret);

/*
 * How many bytes the secret has, when its entry does not say: it is read for that, into pages
 * that are wiped at once, so ask once.  Returns 0, or what source_read() returns.
 */
int source_size(const struct secret_source *s, const struct guid *guid, size_t *ret);

/*
 * The secret's bytes.  @ret is yours.  Returns 0; -ENOKEY when it is not there (any more);
 * -EMSGSIZE; an errno of open(2), read(2), secret_new().
 */
int source_read(const struct secret_source *s, const struct guid *guid, struct secret **ret);

/*
 * Unlink it, which zeroes the kernel's copy, and look that it is gone.
 * Returns 0; -ENOKEY when it was gone before; -EIO when it is still there; an errno of unlinkat(2).
 */
int source_unlink(const struct secret_source *s, const struct guid *guid);

#endif
