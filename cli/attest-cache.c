/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/attest-cache.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
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
	struct stat st;
	size_t len;
	int r;

	*ret = (struct newest){ .n = 0 };
	r = path_of(dir, NEWEST_FILE, path);
	/* Do not wait until somebody writes to a FIFO. */
	if (r == 0 && stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		r = -ENXIO;
	if (r == 0)
		r = read_file_at(AT_FDCWD, path, NEWEST_FILE_MAX, &text, &len);
	/* A link to a file that is gone means that the memory was lost. */
	if (r == -ENOENT && lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	if (r < 0)
		return log_error_errno(r, "Failed to read '%s', what this cache remembers: %m",
				       path);
	r = newest_parse(text, len, ret, error);
	if (r < 0)
		log_error("'%s' is malformed: %s. What this cache has verified before is not "
			  "known; 'cococtl attest fetch --forget-newest' begins anew",
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

/* Check one file of a need, or with @chain the file of its chain. */
static int check_one(const char *dir, const struct needs *n, const struct need *need, bool chain,
		     int64_t now, struct bundle *ret, int64_t *until,
		     char why[static CACHE_WHY_LEN])
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
	r = chain ? need_check_chain(n, bytes, now, &f) : need_check(n, need, bytes, now, &f);
	if (r < 0)
		(void) snprintf(why, CACHE_WHY_LEN, "%.200s/%.200s: %s", dir, name, f.problem);
	else {
		*until = MIN(*until, f.until);
		r = !ret ? 0 :
			   bundle_add_own(ret,
					  chain ? need_chain_kind(need) : need_bundle_kind(need),
					  data, len);
	}
	return r;
}

void cache_file_done(struct cache_file *f)
{
	free(f->data);
	free(f->chain);
	*f = (struct cache_file){ NULL };
}

int cache_read(const char *dir, const struct need *need, struct cache_file *ret,
	       char why[static CACHE_WHY_LEN])
{
	_cleanup_(cache_file_done) struct cache_file f = { NULL };
	int r;

	r = read_one(dir, need->name, need_max(need), &f.data, &f.len, why);
	if (r == 0 && need->chain[0])
		r = read_one(dir, need->chain, need_max(need), &f.chain, &f.chain_len, why);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct cache_file){ NULL };
	return 0;
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

int cache_remember(const char *dir, const struct newest *seen, bool forget)
{
	_cleanup_(freep) struct newest *n = calloc(1, sizeof(*n));
	_cleanup_(freep) char *text = NULL;
	char why[CACHE_WHY_LEN];
	bool news = forget;
	size_t len;
	int r;

	if (!n)
		return log_oom();
	/* Read it again: another fetch may have added to it in the meantime. */
	r = forget ? 0 : attest_cache_newest(dir, n);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < seen->n; i++) {
		r = newest_note(n, &seen->list[i]);
		if (r < 0) {
			log_error("'%s/" NEWEST_FILE "' is full: it remembers %d sorts of "
						     "collateral; --forget-newest begins anew",
				  dir, NEWEST_MAX);
			return r;
		}
		news = news || r > 0;
	}
	if (!news)
		return 0;
	r = newest_format(n, &text, &len);
	if (r < 0)
		return log_oom();
	r = cache_put(dir, NEWEST_FILE, (struct bytes){ (const uint8_t *)text, len }, why);
	if (r < 0)
		log_error("What was verified cannot be remembered: %s", why);
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
						"Failed to remove '%s/%s', which is of other "
						"evidence: %m",
						dir, de->d_name);
}

static bool has_device_cert(const struct needs *n, const char *dir)
{
	int64_t until = INT64_MAX;
	char why[CACHE_WHY_LEN];

	for (unsigned i = 0; i < n->n; i++)
		if (need_is_device(&n->list[i]))
			return check_one(dir, n, &n->list[i], /* chain= */ false, /* now= */ 0,
					 NULL, &until, why) == 0;
	return false;
}

/* A report of version 2 does not name its product, but the names of the files do. */
static int find_needs(const struct evidence *e, const char *dir, struct needs *ret)
{
	static const char *const products[] = { "Milan", "Genoa" };
	char problem[NEEDS_PROBLEM_LEN];
	int r;

	r = needs_find(e, NULL, ret, problem);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(products); i++)
		if (needs_find(e, products[i], ret, problem) == 0 && has_device_cert(ret, dir))
			return 0;
	return r;
}

int attest_cache_read(const char *dir, const struct evidence *e, struct bundle *ret)
{
	int64_t until = INT64_MAX;
	struct needs n;

	/* The verdict says what is wrong with the evidence. */
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
