/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/collateral.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/bundle-evidence.h"
#include "attest/needs.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/x509/x509.h"
#include "base/io.h"

struct file {
	char *name, *data;
	size_t len;
	enum bundle_kind kind;
	enum collateral_place place;
	bool is_common;
};

struct collateral {
	struct file *files;		/* in the order of their names */
	size_t n, bytes;
	struct bundle common;		/* of those that are used for all evidence */
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
	_cleanup_(freep) struct newest *n = malloc(sizeof(*n));
	_cleanup_(freep) char *text = NULL;
	char error[NEWEST_ERROR_LEN];
	struct stat st;
	size_t len;
	int r;

	if (!n)
		return cause_set_oom(why);
	/* A link to a file that is gone means that the memory was lost. */
	if (fstatat(dirfd, NEWEST_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : unreadable(why, -errno, NEWEST_FILE);
	r = read_file(dirfd, NEWEST_FILE, NEWEST_FILE_MAX, &text, &len);
	if (r < 0)
		return unreadable(why, r, NEWEST_FILE);
	r = newest_parse(text, len, n, error);
	if (r < 0)
		return cause_set(why, r == -ENOMEM ? r : -EBADMSG,
				 "what was verified before, the collateral's file " NEWEST_FILE
				 ", is malformed: %s",
				 error);
	for (unsigned i = 0; r >= 0 && i < n->n; i++)
		r = newest_note(&c->newest, &n->list[i]);
	return r < 0 ? cause_set(why, -EMSGSIZE,
				 "the collateral's two files " NEWEST_FILE
				 " have more than %d sorts between them",
				 NEWEST_MAX) :
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

static int keep_file(struct collateral *c, const struct file *f, char **data, struct cause *why)
{
	struct file *more = reallocarray(c->files, c->n + 1, sizeof(*more));
	char *exact;

	if (!more)
		return cause_set_oom(why);
	c->files = more;
	/* It was read into a block for the longest file, and there may be thousands. */
	exact = realloc(*data, f->len + 1);
	if (exact)
		*data = exact;
	c->files[c->n] = *f;
	c->files[c->n].name = strdup(f->name);
	if (!c->files[c->n].name)
		return cause_set_oom(why);
	c->files[c->n++].data = TAKE_PTR(*data);
	return 0;
}

static int add_file(struct collateral *c, int dirfd, enum collateral_place place, const char *name,
		    struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	struct file f = { .name = (char *)name, .place = place };
	int r;

	if (!bundle_kind_of_file(name, &f.kind))
		return 0;
	if (c->n == COLLATERAL_FILES_MAX)
		return cause_set(why, -EMSGSIZE, "the collateral has more than %d files",
				 COLLATERAL_FILES_MAX);
	r = read_file(dirfd, name, BUNDLE_ITEM_MAX, &data, &f.len);
	/* It was replaced or removed just now; the next reload sees the new one. */
	if (r == -ENOENT && faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (r < 0)
		return unreadable(why, r, name);
	c->bytes += f.len;
	if (c->bytes > COLLATERAL_BYTES_MAX)
		return cause_set(why, -EMSGSIZE, "the collateral has more than %d bytes",
				 COLLATERAL_BYTES_MAX);
	f.is_common = !need_is_name(name);
	if (f.is_common) {
		r = add_common(c, f.kind, name, data, f.len, why);
		if (r < 0)
			return r;
	}
	return keep_file(c, &f, &data, why);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int read_folder(struct collateral *c, DIR *d, enum collateral_place place,
		       struct cause *why)
{
	const struct dirent *e;
	int r = 0;

	for (errno = 0; r >= 0 && (e = readdir(d)); errno = 0)
		r = add_file(c, dirfd(d), place, e->d_name, why);
	if (r >= 0 && errno != 0)
		r = unreadable(why, -errno, "folder");
	return r >= 0 ? read_newest(c, dirfd(d), why) : r;
}

static int read_place(struct collateral *c, const char *folder, enum collateral_place place,
		      struct cause *why)
{
	_cleanup_(closedirp) DIR *d = folder ? opendir(folder) : NULL;

	if (folder && !d && errno != ENOENT)
		return unreadable(why, -errno, folder);
	return d ? read_folder(c, d, place, why) : 0;
}

int collateral_new(const char *const folders[static _COLLATERAL_PLACE_MAX], struct collateral **ret,
		   struct cause *why)
{
	_cleanup_(collateral_freep) struct collateral *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return cause_set_oom(why);
	for (unsigned i = 0; r >= 0 && i < _COLLATERAL_PLACE_MAX; i++)
		r = read_place(c, folders[i], i, why);
	if (r < 0)
		return r;
	if (c->n > 0)
		qsort(c->files, c->n, sizeof(*c->files), compare);
	*ret = TAKE_PTR(c);
	return 0;
}

const struct newest *collateral_newest(const struct collateral *c)
{
	return &c->newest;
}

/* ---- finding ---- */

/* The first of that name; others may follow. */
static const struct file *find_file(const struct collateral *c, const char *name)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(c->files[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->n && streq(c->files[low].name, name) ? &c->files[low] : NULL;
}

static const struct file *next_file(const struct collateral *c, const struct file *f)
{
	return f + 1 < c->files + c->n && streq(f[1].name, f->name) ? f + 1 : NULL;
}

/* A report of version 2 does not name its product, but the name of its chip's certificate does. */
static int find_needs(const struct collateral *c, struct verifier *ctx,
		      const struct evidence *sent, struct needs *ret)
{
	static const char *const products[] = { "Milan", "Genoa" };
	char problem[NEEDS_PROBLEM_LEN];
	int r;

	r = needs_find_with(ctx, sent, /* product= */ NULL, ret, problem);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(products); i++) {
		if (needs_find_with(ctx, sent, products[i], ret, problem) < 0)
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
	int r = 0;

	for (const struct file *f = find_file(c, name); r >= 0 && f; f = next_file(c, f)) {
		struct bundle one = { .n_items = 1 };

		one.items[0] = (struct bundle_item){ .kind = kind, .own = true,
						     .data = (uint8_t *)f->data, .len = f->len };
		r = bundle_evidence(&one, type, ret);
	}
	return r;
}

int collateral_find(const struct collateral *c, struct verifier *ctx,
		    const struct attest_verifier *type, const struct evidence *sent,
		    struct evidence *ret, struct needs *ret_needs)
{
	int r;

	*ret_needs = (struct needs){ .n = 0 };
	r = bundle_evidence(&c->common, type, ret);
	if (r < 0)
		return r;
	if (find_needs(c, ctx, sent, ret_needs) < 0) {
		*ret_needs = (struct needs){ .n = 0 };
		return r;
	}
	for (unsigned i = 0; r >= 0 && i < ret_needs->n; i++) {
		const struct need *n = &ret_needs->list[i];

		r = add_named(c, type, n->name, need_bundle_kind(n), ret);
		if (r >= 0 && n->chain[0])
			r = add_named(c, type, n->chain, need_chain_kind(n), ret);
	}
	return r;
}

/* ---- dates ---- */

static struct bytes bytes_of(const struct file *f)
{
	return (struct bytes){ (const uint8_t *)f->data, f->len };
}

/* The latest end of those files that are for @need; 0 without one. */
static int64_t need_until(const struct collateral *c, const struct needs *n,
			  const struct need *need)
{
	int64_t until = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct file *f = &c->files[i];
		struct need_finding found;

		if (f->kind != need_bundle_kind(need) ||
		    !(f->is_common || streq(f->name, need->name)))
			continue;
		if (need_check(n, need, bytes_of(f), /* now= */ 0, &found) == 0)
			until = MAX(until, found.until);
	}
	return until;
}

int64_t collateral_until(const struct collateral *c, const struct needs *n)
{
	int64_t until = INT64_MAX;

	for (unsigned i = 0; i < n->n; i++) {
		int64_t t = need_until(c, n, &n->list[i]);

		until = t ? MIN(until, t) : until;
	}
	return until == INT64_MAX ? 0 : until;
}

static int cert_dates(const struct file *f, int64_t *issued, int64_t *until)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };
	int64_t from, to;

	*until = INT64_MAX;
	if (x509_parse(bytes_of(f), &l) < 0 || l.n == 0)
		return -EBADMSG;
	for (unsigned i = 0; i < l.n; i++) {
		if (x509_validity(l.cert[i], &from, &to) < 0)
			return -EBADMSG;
		*issued = MAX(*issued, from);
		*until = MIN(*until, to);
	}
	return 0;
}

static int list_dates(const struct file *f, int64_t *issued, int64_t *until)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	int r = x509_crl_parse(bytes_of(f), &crl);

	return r < 0 ? r : x509_crl_validity(crl, issued, until);
}

static int document_dates(const struct file *f, int64_t *issued, int64_t *until)
{
	_cleanup_(freep) struct tdx_qe_identity *identity = calloc(1, sizeof(*identity));
	_cleanup_(freep) struct tdx_tcb_info *info = calloc(1, sizeof(*info));
	bool is_info = f->kind == BUNDLE_TCB_INFO;
	const char *problem;
	int r;

	if (!identity || !info)
		return -ENOMEM;
	r = is_info ? tdx_tcb_info_read(bytes_of(f), info, &problem) :
		      tdx_qe_identity_read(bytes_of(f), identity, &problem);
	*issued = is_info ? info->issue : identity->issue;
	*until = is_info ? info->next_update : identity->next_update;
	return r;
}

static int file_dates(const struct file *f, int64_t *issued, int64_t *until)
{
	switch (f->kind) {
	case BUNDLE_CERT:
	case BUNDLE_TCB_CHAIN:
	case BUNDLE_QE_CHAIN:
		return cert_dates(f, issued, until);
	case BUNDLE_CRL:
	case BUNDLE_ROOT_CRL:
	case BUNDLE_PCK_CRL:
		return list_dates(f, issued, until);
	case BUNDLE_TCB_INFO:
	case BUNDLE_QE_IDENTITY:
		return document_dates(f, issued, until);
	default:
		return -EOPNOTSUPP;
	}
}

int collateral_walk(const struct collateral *c,
		    int (*each)(void *userdata, const struct collateral_file *f), void *userdata)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		struct collateral_file f = { .name = c->files[i].name, .place = c->files[i].place };

		if (file_dates(&c->files[i], &f.issued, &f.until) < 0)
			f.issued = f.until = 0;
		r = each(userdata, &f);
	}
	return r;
}
