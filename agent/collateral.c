/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/collateral.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/config-file.h"
#include "attest/newest.h"
#include "base/io.h"

/* All files in both folders are looked at.  The newest that verifies counts, wherever it lies. */
static const char *const collateral_dirs[] = { "/etc/cocod/collateral", COLLATERAL_CACHE };

static int unreadable(struct cause *why, int error, const char *path)
{
	return cause_set(why, error, "'%.100s' cannot be read: %s", path, config_file_error(error));
}

/* Returns 1 when the file was there, 0 when it was not, or a negative errno. */
static int add_config(const struct config_root *root, const char *name, size_t max,
		      enum bundle_kind kind, struct bundle *ret, struct cause *why)
{
	struct config_file f;
	int r;

	r = config_file_read(root, name, max, &f);
	if (r < 0)
		return unreadable(why, r, f.path);
	if (r == 0)
		return 0;
	r = bundle_add_own(ret, kind, f.text, f.len);
	config_file_done(&f);
	if (r == -EBADMSG)
		return cause_set(why, r, "'%.180s' has a NUL byte: it is a text", f.path);
	return r < 0 ? cause_set(why, r, "'%.180s' is too much: %s", f.path, strerror(-r)) : 1;
}

static bool is_collateral(const char *name)
{
	enum bundle_kind ignored;

	return bundle_kind_of_file(name, &ignored);
}

static int each_file(const struct config_root *root, const char *dir, const char *name,
		     collateral_each_t each, void *userdata)
{
	struct config_file f = { .text = NULL };
	enum bundle_kind kind;
	char path[PATH_MAX];
	int r;

	if (!bundle_kind_of_file(name, &kind))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		r = -ENAMETOOLONG;
	else
		r = config_file_read_path(root, path, BUNDLE_ITEM_MAX, &f);
	/* 0: the file is masked, or was removed from the cache just now. */
	if (r != 0)
		r = each(userdata, r, kind, &f);
	config_file_done(&f);
	return r;
}

/*
 * Nothing is left out in silence.  A file that cannot be read, or one too many for the limit, may
 * be the list that revokes.
 */
static int each_in_folder(const struct config_root *root, const char *folder,
			  collateral_each_t each, void *userdata)
{
	_cleanup_(name_list_done) struct name_list l = { NULL, 0 };
	struct config_file dir = { .text = NULL };
	int r;

	if ((size_t)snprintf(dir.path, sizeof(dir.path), "%s%s", root->path, folder) >=
	    sizeof(dir.path))
		return each(userdata, -ENAMETOOLONG, 0, &dir);
	r = name_list_add_folder(&l, root, dir.path, is_collateral);
	if (r == 0 && l.n > COLLATERAL_FILES_MAX)
		r = -EMSGSIZE;
	if (r < 0)
		return each(userdata, r, 0, &dir);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = each_file(root, dir.path, l.names[i], each, userdata);
	return r;
}

int collateral_each(const struct config_root *root, collateral_each_t each, void *userdata)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(collateral_dirs); i++)
		r = each_in_folder(root, collateral_dirs[i], each, userdata);
	return r;
}

struct adding {
	struct bundle *ret;
	struct cause *why;
};

static int add_file(void *userdata, int r, enum bundle_kind kind, const struct config_file *f)
{
	struct adding *a = userdata;

	if (r == -EMSGSIZE)
		return cause_set(a->why, r,
				 "there are more than %d files of collateral in '%.120s': remove "
				 "those that this VM does not need",
				 COLLATERAL_FILES_MAX, f->path);
	if (r < 0)
		return unreadable(a->why, r, f->path);
	r = bundle_add_own(a->ret, kind, f->text, f->len);
	return r < 0 ? cause_set(a->why, r, "'%.180s' is too much: %s", f->path, strerror(-r)) : 0;
}

/* An empty file does not mean "masked" here: it is a memory that was lost. */
static int add_newest(const struct config_root *root, struct bundle *ret, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t len;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", root->path, COLLATERAL_CACHE,
			     NEWEST_FILE) >= sizeof(path))
		return unreadable(why, -ENAMETOOLONG, root->path);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : unreadable(why, -errno, path);
	/* Nobody has to write into a FIFO for us. */
	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		return unreadable(why, -ENXIO, path);
	r = read_file_at(AT_FDCWD, path, NEWEST_FILE_MAX, &text, &len);
	if (r == 0)
		r = bundle_add_own(ret, BUNDLE_NEWEST, text, len);
	return r < 0 ? unreadable(why, r == -ENOENT ? -ENOLINK : r, path) : 0;
}

int collateral_add(const char *folder, bool need_policy, struct bundle *ret, struct cause *why)
{
	const struct config_root *root = CONFIG_ROOT(folder);
	int r;

	r = add_config(root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, BUNDLE_POLICY, ret, why);
	if (r == 0 && need_policy)
		return cause_set(why, -ENODATA,
				 "there is no policy to judge this VM's evidence by: write "
				 "/etc/cocod/" ATTEST_POLICY_FILE ", see cocod.conf(5)");
	if (r > 0)
		r = add_config(root, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, BUNDLE_TRUST, ret, why);
	if (r >= 0)
		r = collateral_each(root, add_file, &(struct adding){ ret, why });
	if (r >= 0)
		r = add_newest(root, ret, why);
	return MIN(r, 0);
}
