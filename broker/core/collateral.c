/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/collateral.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/bundle-evidence.h"
#include "attest/needs.h"
#include "base/io.h"

struct file {
	char *name, *data;
	size_t len;
};

struct collateral {
	struct file *files;		/* in the order of their names */
	size_t n, bytes;
	struct bundle common;
	struct newest newest;
};

struct collateral *collateral_free(struct collateral *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n; i++) {
		free(c->files[i].name);
		free(c->files[i].data);
	}
	free(c->files);
	bundle_done(&c->common);
	free(c);
	return NULL;
}

/* ---- reading ---- */

static int unreadable(struct cause *why, int error, const char *name)
{
	return error == -ENOMEM ? cause_set_oom(why) :
				  cause_set(why, error == -EFBIG ? -EMSGSIZE : -EIO,
					    "the collateral '%.100s' cannot be read: %s", name,
					    strerror(-error));
}

/* Nobody has to write into a FIFO for us. */
static int read_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? read_file_fd(fd, max, ret, ret_len) : -ENXIO;
}

static int read_newest(struct collateral *c, int dirfd, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	char error[NEWEST_ERROR_LEN];
	struct stat st;
	size_t len;
	int r;

	/* A link to a file that is gone means that the memory was lost. */
	if (fstatat(dirfd, NEWEST_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : unreadable(why, -errno, NEWEST_FILE);
	r = read_file(dirfd, NEWEST_FILE, NEWEST_FILE_MAX, &text, &len);
	if (r < 0)
		return unreadable(why, r, NEWEST_FILE);
	r = newest_parse(text, len, &c->newest, error);
	return r < 0 ? cause_set(why, r == -ENOMEM ? r : -EBADMSG,
				 "what was verified before, the collateral's file " NEWEST_FILE
				 ", is malformed: %s",
				 error) :
		       0;
}

static int add_common(struct collateral *c, enum bundle_kind kind, const char *name,
		      const char *data, size_t len, struct cause *why)
{
	int r;

	if (c->common.n_items == COLLATERAL_COMMON_MAX)
		return cause_set(why, -EMSGSIZE,
				 "the collateral has more than %d files that were not fetched",
				 COLLATERAL_COMMON_MAX);
	r = bundle_add_own(&c->common, kind, data, len);
	return r < 0 ? unreadable(why, r, name) : 0;
}

static int add_fetched(struct collateral *c, const char *name, char **data, size_t len,
		       struct cause *why)
{
	struct file *more = reallocarray(c->files, c->n + 1, sizeof(*more));
	char *exact;

	if (!more)
		return cause_set_oom(why);
	c->files = more;
	/* It was read into a block for the longest file, and there may be thousands. */
	exact = realloc(*data, len + 1);
	if (exact)
		*data = exact;
	c->files[c->n] = (struct file){ .name = strdup(name), .len = len };
	if (!c->files[c->n].name)
		return cause_set_oom(why);
	c->files[c->n++].data = TAKE_PTR(*data);
	return 0;
}

static int add_file(struct collateral *c, int dirfd, const char *name, struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	enum bundle_kind kind;
	size_t len;
	int r;

	if (!bundle_kind_of_file(name, &kind))
		return 0;
	if (c->n == COLLATERAL_FILES_MAX)
		return cause_set(why, -EMSGSIZE, "the collateral has more than %d files",
				 COLLATERAL_FILES_MAX);
	r = read_file(dirfd, name, BUNDLE_ITEM_MAX, &data, &len);
	/* It was replaced or removed just now; the next reload sees the new one. */
	if (r == -ENOENT && faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (r < 0)
		return unreadable(why, r, name);
	c->bytes += len;
	if (c->bytes > COLLATERAL_BYTES_MAX)
		return cause_set(why, -EMSGSIZE, "the collateral has more than %d bytes",
				 COLLATERAL_BYTES_MAX);
	return need_is_name(name) ? add_fetched(c, name, &data, len, why) :
				    add_common(c, kind, name, data, len, why);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int read_folder(struct collateral *c, DIR *d, struct cause *why)
{
	const struct dirent *e;
	int r = 0;

	for (errno = 0; r >= 0 && (e = readdir(d)); errno = 0)
		r = add_file(c, dirfd(d), e->d_name, why);
	if (r >= 0 && errno != 0)
		r = unreadable(why, -errno, "folder");
	if (r >= 0)
		r = read_newest(c, dirfd(d), why);
	if (c->n > 0)
		qsort(c->files, c->n, sizeof(*c->files), compare);
	return r;
}

int collateral_new(const char *folder, struct collateral **ret, struct cause *why)
{
	_cleanup_(collateral_freep) struct collateral *c = calloc(1, sizeof(*c));
	_cleanup_(closedirp) DIR *d = NULL;
	int r;

	if (!c)
		return cause_set_oom(why);
	if (folder) {
		d = opendir(folder);
		if (!d && errno != ENOENT)
			return unreadable(why, -errno, folder);
	}
	if (d) {
		r = read_folder(c, d, why);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

const struct newest *collateral_newest(const struct collateral *c)
{
	return &c->newest;
}

/* ---- finding ---- */

static const struct file *find_file(const struct collateral *c, const char *name)
{
	const struct file key = { .name = (char *)name };

	return c->n > 0 ? bsearch(&key, c->files, c->n, sizeof(key), compare) : NULL;
}

/* A report of version 2 does not name its product, but the name of its chip's certificate does. */
static int find_needs(const struct collateral *c, const struct evidence *sent, struct needs *ret)
{
	static const char *const products[] = { "Milan", "Genoa" };
	char problem[NEEDS_PROBLEM_LEN];
	int r;

	r = needs_find(sent, /* product= */ NULL, ret, problem);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(products); i++) {
		if (needs_find(sent, products[i], ret, problem) < 0)
			continue;
		for (unsigned n = 0; n < ret->n; n++)
			if (need_is_device(&ret->list[n]) && find_file(c, ret->list[n].name))
				return 0;
	}
	return r;
}

static int add_named(const struct collateral *c, const struct attest_verifier *type,
		     const char *name, enum bundle_kind kind, struct evidence *ret)
{
	const struct file *f = find_file(c, name);
	struct bundle one = { .n_items = 1 };

	if (!f)
		return 0;
	one.items[0] = (struct bundle_item){ .kind = kind, .own = true,
					     .data = (uint8_t *)f->data, .len = f->len };
	return bundle_evidence(&one, type, ret);
}

int collateral_find(const struct collateral *c, const struct attest_verifier *type,
		    const struct evidence *sent, struct evidence *ret)
{
	struct needs needs;
	int r;

	r = bundle_evidence(&c->common, type, ret);
	if (r < 0 || find_needs(c, sent, &needs) < 0)
		return r;
	for (unsigned i = 0; r >= 0 && i < needs.n; i++) {
		const struct need *n = &needs.list[i];

		r = add_named(c, type, n->name, need_bundle_kind(n), ret);
		if (r >= 0 && n->chain[0])
			r = add_named(c, type, n->chain, need_chain_kind(n), ret);
	}
	return r;
}
