/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/attest-cache.h"

#include <stdio.h>
#include <unistd.h>

#include "attest/bundle.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/attest.h"

int attest_cache_newest(const char *dir, struct newest *ret)
{
	char why[CACHE_WHY_LEN];
	int r = cache_newest(dir, ret, why);

	if (r == -ENOMEM)
		return log_oom();
	if (r == -EBADMSG)
		log_error("%s. What this cache has verified before is not known; 'cococtl attest "
			  "fetch --forget-newest' begins anew",
			  why);
	else if (r < 0)
		log_error("%s", why);
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

	r = cache_read_file(dir, name, need_max(need), &data, &len, why);
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
