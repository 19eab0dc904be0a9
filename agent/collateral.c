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

/* All of it is looked at, and the newest that verifies counts, wherever it lies. */
static const char *const collateral_dirs[] = { "/etc/cocod/collateral", COLLATERAL_CACHE };

static const enum bundle_kind collateral_kinds[] = {
	BUNDLE_CERT,	 BUNDLE_CRL,	  BUNDLE_TCB_INFO, BUNDLE_QE_IDENTITY,
	BUNDLE_TCB_CHAIN, BUNDLE_QE_CHAIN, BUNDLE_ROOT_CRL, BUNDLE_PCK_CRL,
};

static int unreadable(struct cause *why, int error, const char *path)
{
	return cause_set(why, error, "'%.100s' cannot be read: %s", path, config_file_error(error));
}

/* Returns 1 when it was there, 0 when not, or a negative errno. */
static int add_config(const char *root, const char *name, size_t max, enum bundle_kind kind,
		      struct bundle *ret, struct cause *why)
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
	return r < 0 ? cause_set(why, r, "'%.180s' is too much: %s", f.path, strerror(-r)) : 1;
}

/* The name begins with the kind's, and that ends there: "crl.der", "crl-milan.der", not "crlf". */
static const enum bundle_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(collateral_kinds); i++) {
		const char *rest = startswith(name, bundle_kind_name(collateral_kinds[i]));

		if (rest && (*rest == '-' || *rest == '.'))
			return &collateral_kinds[i];
	}
	return NULL;
}

static bool is_collateral(const char *name)
{
	return kind_of(name) != NULL;
}

static int add_file(const char *root, const char *dir, const char *name, struct bundle *ret, struct cause *why)
{
	char path[PATH_MAX];
	struct config_file f;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return unreadable(why, -ENAMETOOLONG, name);
	/* 0: it is masked, or has just been removed from the cache. */
	r = config_file_read_path(root, path, BUNDLE_ITEM_MAX, &f);
	if (r <= 0)
		return r < 0 ? unreadable(why, r, path) : 0;
	r = bundle_add_own(ret, *kind_of(name), f.text, f.len);
	config_file_done(&f);
	return r < 0 ? cause_set(why, r, "'%.180s' is too much: %s", path, strerror(-r)) : 0;
}

/*
 * Nothing is left out in silence: what cannot be read may be the list that revokes, and so may
 * the file behind the last one that there is room for.
 */
static int add_folder(const char *root, const char *folder, struct bundle *ret, struct cause *why)
{
	_cleanup_(name_list_done) struct name_list l = { NULL, 0 };
	char dir[PATH_MAX];
	int r;

	if ((size_t)snprintf(dir, sizeof(dir), "%s%s", root, folder) >= sizeof(dir))
		return unreadable(why, -ENAMETOOLONG, root);
	r = name_list_add_folder(&l, root, dir, is_collateral);
	if (r < 0)
		return unreadable(why, r, dir);
	if (l.n > COLLATERAL_FILES_MAX)
		return cause_set(why, -EMSGSIZE,
				 "there are %zu files of collateral in '%.120s', and %d is the most: remove those that this VM does not need",
				 l.n, dir, COLLATERAL_FILES_MAX);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add_file(root, dir, l.names[i], ret, why);
	return r;
}

/* An empty one is not masked: it is a memory that was lost. */
static int add_newest(const char *root, struct bundle *ret, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t len;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", root, COLLATERAL_CACHE, NEWEST_FILE) >= sizeof(path))
		return unreadable(why, -ENAMETOOLONG, root);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : unreadable(why, -errno, path);
	r = read_file_at(AT_FDCWD, path, NEWEST_FILE_MAX, &text, &len);
	if (r == 0)
		r = bundle_add_own(ret, BUNDLE_NEWEST, text, len);
	return r < 0 ? unreadable(why, r == -ENOENT ? -ENOLINK : r, path) : 0;
}

int collateral_add(const char *root, bool need_policy, struct bundle *ret, struct cause *why)
{
	int r;

	r = add_config(root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, BUNDLE_POLICY, ret, why);
	if (r == 0 && need_policy)
		return cause_set(why, -ENODATA,
				 "there is no policy to judge this VM's evidence by: write /etc/cocod/" ATTEST_POLICY_FILE
				 ", see cocod.conf(5)");
	if (r > 0)
		r = add_config(root, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, BUNDLE_TRUST, ret, why);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(collateral_dirs); i++)
		r = add_folder(root, collateral_dirs[i], ret, why);
	if (r >= 0)
		r = add_newest(root, ret, why);
	return MIN(r, 0);
}
