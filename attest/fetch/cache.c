/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/fetch/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

static int path_of(const char *dir, const char *name, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int cache_newest(const char *dir, struct newest *ret, char why[static CACHE_WHY_LEN])
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
	if (r < 0) {
		(void) snprintf(why, CACHE_WHY_LEN,
				"'%.300s', what this cache remembers, cannot be read: %s", path,
				strerror(-r));
		return r == -EBADMSG ? -EIO : r;
	}
	r = newest_parse(text, len, ret, error);
	if (r == -EMSGSIZE)
		r = -EBADMSG;
	if (r < 0)
		(void) snprintf(why, CACHE_WHY_LEN, "'%.300s' is malformed: %s", path, error);
	return r;
}

int cache_read_file(const char *dir, const char *name, size_t max, char **ret, size_t *ret_len,
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

	r = cache_read_file(dir, need->name, need_max(need), &f.data, &f.len, why);
	if (r == 0 && need->chain[0])
		r = cache_read_file(dir, need->chain, need_max(need), &f.chain, &f.chain_len, why);
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

/* The chain is written last: the cache does not use a file without its chain. */
int cache_keep(const char *dir, const struct need *need, const struct cache_file *file,
	       char why[static CACHE_WHY_LEN])
{
	int r;

	r = cache_put(dir, need->name, (struct bytes){ (const uint8_t *)file->data, file->len },
		      why);
	if (r < 0 || !need->chain[0])
		return r;
	return cache_put(dir, need->chain,
			 (struct bytes){ (const uint8_t *)file->chain, file->chain_len }, why);
}

int cache_remember(const char *dir, const struct newest *seen, bool forget,
		   char why[static CACHE_WHY_LEN])
{
	_cleanup_(freep) struct newest *n = calloc(1, sizeof(*n));
	_cleanup_(freep) char *text = NULL;
	bool news = forget;
	size_t len;
	int r;

	(void) snprintf(why, CACHE_WHY_LEN, "out of memory");
	if (!n)
		return -ENOMEM;
	/* Read it again: another fetch may have added to it in the meantime. */
	r = forget ? 0 : cache_newest(dir, n, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < seen->n; i++) {
		r = newest_note(n, &seen->list[i]);
		if (r < 0) {
			(void) snprintf(why, CACHE_WHY_LEN,
					"'%.300s/" NEWEST_FILE
					"' is full: it remembers %d sorts of collateral",
					dir, NEWEST_MAX);
			return r;
		}
		news = news || r > 0;
	}
	if (!news)
		return 0;
	r = newest_format(n, &text, &len);
	if (r < 0)
		return r;
	return cache_put(dir, NEWEST_FILE, (struct bytes){ (const uint8_t *)text, len }, why);
}
