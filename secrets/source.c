/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "wire/bytes.h"

#define SECURITYFS "/sys/kernel/security"
#define LISTING_READ 4096u	/* room for what of a directory is new */

/* In the order of preference. */
static const struct secret_source sources[] = {
	/* mainline since 5.19, and coco_secret.ko */
	{ "coco", SECURITYFS "/secrets/coco", .zeroes = true },
	/* the path of the patch series before it was merged */
	{ "coco-legacy", SECURITYFS "/coco/efi_secret", .zeroes = true, .same = true },
	/* coco_secret.ko */
	{ "svkl", SECURITYFS "/secrets/svkl", .zeroes = true, .numbered = true,
	  .host_table = true },
	{ "kbs", "", .remote = true },
};

/*
 * All GUIDs of numbered secrets begin with these bytes.  The four bytes of the number follow, the
 * highest first.
 */
static const uint8_t numbered_prefix[] = { 'L', 'K', 'V', 'S', 0, 0, 0, 0x80, 0x80, 0, 0, 0 };

static bool is_numbered(const struct guid *g)
{
	return memcmp(g->b, numbered_prefix, sizeof(numbered_prefix)) == 0;
}

static void name_of(const struct secret_source *s, const struct guid *g,
		    char ret[static GUID_TEXT_LEN + 1])
{
	if (s->numbered)
		snprintf(ret, GUID_TEXT_LEN + 1, "%u", get_u32be(g->b + sizeof(numbered_prefix)));
	else
		guid_format(g, ret);
}

/* Returns false when no secret of @s can have that name. */
static bool guid_of(const struct secret_source *s, const char *name, struct guid *ret)
{
	char back[GUID_TEXT_LEN + 1];
	unsigned long n;

	if (!s->numbered)
		return guid_parse(name, strlen(name), ret) == 0 && !is_numbered(ret);
	n = strtoul(name, NULL, 10);
	memcpy(ret->b, numbered_prefix, sizeof(numbered_prefix));
	for (size_t i = 0; i < 4; i++)
		ret->b[sizeof(numbered_prefix) + i] = (uint8_t)(n >> (24 - 8 * i));
	/* Blanks, signs, leading zeros and numbers that are too large give another text. */
	name_of(s, ret, back);
	return streq(back, name);
}

const struct secret_source *source_get(unsigned i)
{
	return i < ARRAY_SIZE(sources) ? &sources[i] : NULL;
}

const struct secret_source *source_broker(void)
{
	return &sources[ARRAY_SIZE(sources) - 1];
}

int source_mount_securityfs(void)
{
	struct statfs st;

	if (statfs(SECURITYFS, &st) < 0)
		return -errno;
	if (st.f_type == SECURITYFS_MAGIC)
		return 1;
	if (mount("securityfs", SECURITYFS, "securityfs",
		  MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

static int open_dir(const struct secret_source *s)
{
	int fd;

	if (s->remote)
		return -EREMOTE;
	fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_at(int dir, const char *name, struct secret **ret)
{
	_cleanup_(closep) int fd = -EBADF;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return secret_read(fd, SECRET_MAX, ret);
}

/* Returns 0; -EINVAL when it is not a file. */
static int size_at(int dir, const char *name, size_t *ret)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = (size_t)MAX(st.st_size, 0);
	return 0;
}

/* ---- the directory ---- */

void source_listing_done(struct source_listing *l)
{
	free(l->bytes);
	*l = (struct source_listing){ NULL };
}

bool source_listing_equal(const struct source_listing *a, const struct source_listing *b)
{
	return a->bytes && b->bytes && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/*
 * Twice the room, when there is little for one more read.  The kernel leaves the bytes between a
 * name and the next entry as they are, so these must be zero for two listings to be compared.
 */
static int grow(struct source_listing *l, size_t *room)
{
	uint8_t *more;

	if (*room - l->len >= LISTING_READ / 2)
		return 0;
	more = realloc(l->bytes, 2 * *room);
	if (!more)
		return -ENOMEM;
	l->bytes = more;
	*room = 2 * *room;
	memset(more + l->len, 0, *room - l->len);
	return 0;
}

static int read_listing(int dir, size_t expected, struct source_listing *l)
{
	size_t room = expected + LISTING_READ;

	l->bytes = calloc(1, room);
	if (!l->bytes)
		return -ENOMEM;
	for (;;) {
		ssize_t n;
		int r = grow(l, &room);

		if (r < 0)
			return r;
		n = getdents64(dir, l->bytes + l->len, room - l->len);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		l->len += (size_t)n;
	}
}

int source_list(const struct secret_source *s, size_t expected, struct source_listing *ret)
{
	_cleanup_(source_listing_done) struct source_listing l = { NULL };
	_cleanup_(closep) int dir = open_dir(s);
	int r;

	if (dir < 0)
		return dir;
	r = read_listing(dir, expected, &l);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct source_listing){ NULL };
	return 0;
}

bool source_listing_next(const struct secret_source *s, const struct source_listing *l,
			 size_t *pos, struct source_entry *ret)
{
	while (*pos < l->len) {
		const struct dirent64 *de = (const void *)(l->bytes + *pos);
		struct source_entry e = { .inode = de->d_ino, .sure = de->d_type == DT_REG };

		*pos += de->d_reclen;
		if ((!e.sure && de->d_type != DT_UNKNOWN) || !guid_of(s, de->d_name, &e.guid))
			continue;
		*ret = e;
		return true;
	}
	return false;
}

/*
 * Was the file left alone while it was read?  If somebody else unlinks an open file, the kernel's
 * own efi_secret gives zeros, or the secret's bytes and then zeros.  The kernel keeps the folder
 * locked from before it zeroes the bytes until the name is gone, and reading the folder waits for
 * that lock.  So if the name still exists afterwards, the secret was not touched while it was
 * read.  Kernels before mainline's 2c58d42de71f (6.17; 6.1.149, 6.12.43) let go of the lock for a
 * moment while they unlink.
 */
static int check_still_there(int dir, const char *name)
{
	char entries[512];

	if (getdents64(dir, entries, sizeof(entries)) < 0)
		return -errno;
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int source_read(const struct secret_source *s, const struct guid *guid, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *bytes = NULL;
	_cleanup_(closep) int dir = open_dir(s);
	char name[GUID_TEXT_LEN + 1];
	int r = dir;

	name_of(s, guid, name);
	if (dir >= 0)
		r = read_at(dir, name, &bytes);
	if (r == 0)
		r = check_still_there(dir, name);
	/*
	 * coco_secret.ko returns ENXIO for a secret that was wiped, or went away, around the
	 * open.
	 */
	if (r == -ENOENT || r == -ENXIO)
		return -ENOKEY;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bytes);
	return 0;
}

int source_stat(const struct secret_source *s, const struct guid *guid, size_t *ret)
{
	_cleanup_(closep) int dir = open_dir(s);
	char name[GUID_TEXT_LEN + 1];
	int r = dir;

	name_of(s, guid, name);
	if (dir >= 0)
		r = size_at(dir, name, ret);
	return r == -ENOENT ? -ENOKEY : r;
}

int source_size(const struct secret_source *s, const struct guid *guid, size_t *ret)
{
	_cleanup_(secret_freep) struct secret *bytes = NULL;
	int r;

	r = source_read(s, guid, &bytes);
	if (r == 0)
		*ret = secret_len(bytes);
	return r;
}

int source_unlink(const struct secret_source *s, const struct guid *guid)
{
	_cleanup_(closep) int dir = open_dir(s);
	char name[GUID_TEXT_LEN + 1];

	if (dir < 0)
		return dir == -ENOENT ? -ENOKEY : dir;
	name_of(s, guid, name);
	if (unlinkat(dir, name, 0) < 0)
		return errno == ENOENT ? -ENOKEY : -errno;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EIO;
	return 0;
}
