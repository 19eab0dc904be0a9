/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/collateral.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "agent/config-file.h"
#include "base/io.h"

#define FILES_MAX 32

/* The configuration's first, and the cache's after it: what a person put there counts. */
static const char *const collateral_dirs[] = { "/etc/cocod/collateral", "/var/cache/cocod" };

static const enum bundle_kind collateral_kinds[] = {
	BUNDLE_CERT,	 BUNDLE_CRL,	  BUNDLE_TCB_INFO, BUNDLE_QE_IDENTITY,
	BUNDLE_TCB_CHAIN, BUNDLE_QE_CHAIN, BUNDLE_ROOT_CRL, BUNDLE_PCK_CRL,
};

/* Returns 1 when it was there, 0 when not, or a negative errno. */
static int add_config(const char *root, const char *name, size_t max, enum bundle_kind kind,
		      struct bundle *ret, struct cause *why)
{
	struct config_file f;
	int r;

	r = config_file_read(root, name, max, &f);
	if (r < 0)
		return cause_set(why, r, "'%.100s' cannot be read: %s", f.path, config_file_error(r));
	if (r == 0)
		return 0;
	r = bundle_add(ret, kind, f.text, f.len);
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

static int is_collateral(const struct dirent *de)
{
	return kind_of(de->d_name) != NULL;
}

static int add_file(const char *dir, const char *name, struct bundle *ret)
{
	_cleanup_(freep) char *data = NULL;
	enum bundle_kind kind = *kind_of(name);
	char path[PATH_MAX];
	size_t len;
	int r;

	if (!bundle_kind_repeats(kind) && bundle_find(ret, kind, 0))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	r = read_file_at(AT_FDCWD, path, BUNDLE_ITEM_MAX, &data, &len);
	if (r >= 0)
		return bundle_add(ret, kind, data, len);
	return bundle_add_text(ret, BUNDLE_NOTE, "'%.200s' cannot be read: %s", path, strerror(-r));
}

static int add_folder(const char *root, const char *folder, struct bundle *ret)
{
	struct dirent **found = NULL;
	char dir[PATH_MAX];
	int n, r = 0;

	snprintf(dir, sizeof(dir), "%s%s", root, folder);
	n = scandir(dir, &found, is_collateral, alphasort);
	for (int i = 0; i < n; i++) {
		if (r >= 0 && i < FILES_MAX)
			r = add_file(dir, found[i]->d_name, ret);
		free(found[i]);
	}
	free(found);
	return r;
}

int collateral_add(const char *root, struct bundle *ret, struct cause *why)
{
	int r;

	r = add_config(root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, BUNDLE_POLICY, ret, why);
	if (r == 0)
		return cause_set(why, -ENODATA,
				 "there is no policy to judge this VM's evidence by: write /etc/cocod/" ATTEST_POLICY_FILE
				 ", see cocod.conf(5)");
	if (r > 0)
		r = add_config(root, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, BUNDLE_TRUST, ret, why);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(collateral_dirs); i++) {
		r = add_folder(root, collateral_dirs[i], ret);
		if (r < 0)
			return cause_set(why, r, "the collateral in %s is too much: %s",
					 collateral_dirs[i], strerror(-r));
	}
	return MIN(r, 0);
}
