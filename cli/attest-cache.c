/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/attest-cache.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "attest/bundle.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/attest.h"

static int path_of(const char *dir, const char *name, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int attest_cache_newest(const char *dir, struct newest *ret)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX], error[NEWEST_ERROR_LEN];
	size_t len;
	int r;

	*ret = (struct newest){ .n = 0 };
	r = path_of(dir, NEWEST_FILE, path);
	if (r == 0)
		r = read_file_at(AT_FDCWD, path, NEWEST_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return log_error_errno(r, "Failed to read '%s', what this cache remembers: %m", path);
	r = newest_parse(text, len, ret, error);
	if (r < 0)
		log_error("'%s' is malformed: %s. What this cache has verified before is not known; 'cococtl attest fetch --forget-newest' begins anew",
			  path, error);
	return r;
}

/* @ret is yours. */
static int read_one(const char *dir, const char *name, size_t max, char **ret, size_t *ret_len,
		    char why[static CACHE_WHY_LEN])
{
	char path[PATH_MAX];
	int r;

	r = path_of(dir, name, path);
	if (r == 0)
		r = read_file_at(AT_FDCWD, path, max, ret, ret_len);
	if (r < 0 && r != -ENOMEM)
		(void) snprintf(why, CACHE_WHY_LEN, "%.300s: %s", path,
				r == -ENOENT ? "it is not there" : strerror(-r));
	return r;
}

/* One file; @chain: that of the need. */
static int check_one(const char *dir, const struct needs *n, const struct need *need, bool chain,
		     int64_t now, struct bundle *ret, int64_t *until, char why[static CACHE_WHY_LEN])
{
	const char *name = chain ? need->chain : need->name;
	struct need_finding f;
	_cleanup_(freep) char *data = NULL;
	struct bytes bytes;
	size_t len;
	int r;

	r = read_one(dir, name, need_max(need), &data, &len, why);
	if (r < 0)
		return r;
	bytes = (struct bytes){ (const uint8_t *)data, len };
	r = chain ? need_check_chain(bytes, now, &f) : need_check(n, need, bytes, now, &f);
	if (r < 0)
		(void) snprintf(why, CACHE_WHY_LEN, "%.200s/%.200s: %s", dir, name, f.problem);
	else {
		*until = MIN(*until, f.until);
		r = !ret ? 0 : bundle_add_own(ret, chain ? need_chain_kind(need) : need_bundle_kind(need), data, len);
	}
	return r;
}

int cache_has(const char *dir, const struct needs *n, const struct need *need, int64_t now,
	      int64_t *ret_until, char why[static CACHE_WHY_LEN])
{
	int64_t until = INT64_MAX;
	int r;

	r = check_one(dir, n, need, /* chain= */ false, now, NULL, &until, why);
	if (r == 0 && need->chain[0])
		r = check_one(dir, n, need, /* chain= */ true, now, NULL, &until, why);
	if (r == 0 && ret_until)
		*ret_until = until;
	return r;
}

int cache_put(const char *dir, const char *name, struct bytes data, char why[static CACHE_WHY_LEN])
{
	char path[PATH_MAX];
	int r;

	r = path_of(dir, name, path);
	if (r == 0)
		r = make_folders(dir, 0755);
	if (r == 0)
		r = write_file_atomic(path, data.p, data.len, 0644, /* exclusive= */ false);
	if (r < 0)
		(void) snprintf(why, CACHE_WHY_LEN, "it cannot be kept in '%.300s': %s", dir,
				strerror(-r));
	return r;
}

static bool is_needed(const struct needs *n, const char *name)
{
	for (unsigned i = 0; i < n->n; i++)
		if (streq(n->list[i].name, name) || streq(n->list[i].chain, name))
			return true;
	return false;
}

void cache_prune(const char *dir, const struct needs *n)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	const struct dirent *de;

	if (!d)
		return;
	while ((de = readdir(d)))
		if (need_is_name(de->d_name) && !is_needed(n, de->d_name) &&
		    unlinkat(dirfd(d), de->d_name, 0) < 0)
			(void) log_warning_errno(errno,
						 "Failed to remove '%s/%s', which is of other evidence: %m",
						 dir, de->d_name);
}

/* A report of version 2 does not say of which of two products it is; the files' names do. */
static int find_needs(const struct evidence *e, const char *dir, struct needs *ret)
{
	static const char *const products[] = { "Milan", "Genoa" };
	char problem[NEEDS_PROBLEM_LEN], why[CACHE_WHY_LEN];
	int r;

	r = needs_find(e, NULL, ret, problem);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(products); i++)
		if (needs_find(e, products[i], ret, problem) == 0 && ret->n > 0 &&
		    cache_has(dir, ret, &ret->list[0], 0, NULL, why) == 0)
			return 0;
	return r;
}

int attest_cache_read(const char *dir, const struct evidence *e, struct bundle *ret)
{
	int64_t until = INT64_MAX;
	struct needs n;

	/* What is wrong with the evidence is for the verdict. */
	if (find_needs(e, dir, &n) < 0)
		return 0;
	for (unsigned i = 0; i < n.n; i++)
		for (int chain = 0; chain < (n.list[i].chain[0] ? 2 : 1); chain++) {
			char why[CACHE_WHY_LEN];
			int r;

			r = check_one(dir, &n, &n.list[i], chain, /* now= */ 0, ret, &until, why);
			if (r == -ENOMEM)
				return r;
			if (r < 0 && r != -ENOENT)
				log_warning("Not used: %s", why);
		}
	return 0;
}
