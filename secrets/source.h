/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_SOURCE_H
#define COCO_SECRETS_SOURCE_H

#include "base/macro.h"
#include "base/secret.h"
#include "wire/guid.h"

/*
 * Where secrets come from.  Launch secrets come from a directory with one file for each secret,
 * named by its GUID.  Reading gives the bytes; unlinking zeroes them in the kernel's area.
 * Layout and semantics: the kernel's efi_secret driver,
 * Documentation/security/secrets/coco.rst.
 *
 * The keys of the ACPI table SVKL have no GUIDs: their files are numbered from 0.  Here the key N
 * is called 53564b4c-0000-8000-8000-N, with N as 12 hexadecimal digits (the first group is
 * "SVKL").  A file with such a name in another source is ignored.
 *
 * The last source is the broker, which is asked for a secret when somebody wants it.  It is here
 * so that each secret has a source; nothing is read from it here.
 */
struct secret_source {
	const char *name;	/* "coco", "coco-legacy", "svkl", "kbs", "directory" */
	const char *path;	/* "" for the broker */
	bool zeroes;		/* unlink wipes the memory; it is not an ordinary unlink */
	/* shows the same as the source before it, and counts when that one is missing */
	bool same;
	bool numbered;		/* files have numbers, like those of SVKL */
	/* a table by the host says where the secrets are: see gate_believes() */
	bool host_table;
	/* the broker: the functions below return -EREMOTE */
	bool remote;
};

/*
 * What the directory of a source has: its entries, as getdents64(2) gives them, and zeros between
 * them.  Two that are equal have the same names for the same inodes.
 */
struct source_listing {
	uint8_t *bytes;
	size_t len;
};

/* One entry of a listing. */
struct source_entry {
	struct guid guid;
	uint64_t inode;
	bool sure;		/* the directory says that it is a file */
};

/* The @i-th source that this machine may have, or NULL after the last.  The last is the broker. */
const struct secret_source *source_get(unsigned i);

/* The broker. */
const struct secret_source *source_broker(void);

/*
 * Mount securityfs on /sys/kernel/security unless something is mounted there.  Returns 1 when
 * securityfs was mounted before, 0 when it is mounted now; -EPERM without the right to mount;
 * another errno of statfs(2) or mount(2).
 */
int source_mount_securityfs(void);

/*
 * Read the directory of the source, without a look at its files.  @expected is the length of the
 * last listing, or 0.  Pass @ret to source_listing_done().
 *
 * A directory without a change since the last listing gives an equal one.  Its time of
 * modification would not do: the kernel makes files in securityfs without setting it.
 *
 * Returns 0; -ENOENT when the source does not exist; another errno of open(2) or getdents64(2);
 * -ENOMEM.
 */
int source_list(const struct secret_source *s, size_t expected, struct source_listing *ret);
void source_listing_done(struct source_listing *l);
bool source_listing_equal(const struct source_listing *a, const struct source_listing *b);

/*
 * The next entry, in the order of the directory; begin with *@pos at 0.  What cannot be a secret
 * by its name is left out.  Returns true, or false after the last.
 */
bool source_listing_next(const struct secret_source *s, const struct source_listing *l,
			 size_t *pos, struct source_entry *ret);

/*
 * How many bytes the file of the secret says that it has; 0 when it does not say, as in mainline.
 * Returns 0; -EINVAL when it is not a file; -ENOKEY when the secret does not exist (any more); an
 * errno of open(2) or fstatat(2).
 */
int source_stat(const struct secret_source *s, const struct guid *guid, size_t *ret);

/*
 * How many bytes the secret has, when its file does not say.  The secret is read to find out,
 * into pages that are wiped at once, so ask once.  Returns 0, or what source_read() returns.
 */
int source_size(const struct secret_source *s, const struct guid *guid, size_t *ret);

/*
 * Read the secret's bytes: all of them, and no zeros in their place.  @ret is yours.  Returns 0;
 * -ENOKEY when the secret does not exist (any more), or somebody removed it while it was read;
 * -EMSGSIZE; an errno of open(2), read(2), getdents64(2), secret_new().
 */
int source_read(const struct secret_source *s, const struct guid *guid, struct secret **ret);

/*
 * Unlink the secret, which zeroes the kernel's copy, and check that the file is gone.  Returns 0;
 * -ENOKEY when it was gone before; -EIO when it still exists; an errno of unlinkat(2).
 */
int source_unlink(const struct secret_source *s, const struct guid *guid);

#endif
