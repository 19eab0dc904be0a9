/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/file-hash.h"

#include <sys/stat.h>

#include "base/io.h"
#include "inject/input.h"

/* Bytes.  Less is hashed sooner than a thread is started. */
#define BESIDE_MIN (512 * 1024)

static int hash(void *data)
{
	struct file_hash *h = data;
	_cleanup_(sha_done) struct sha sha = { NULL };
	int r;

	r = sha_copy(h->sha, &sha);
	if (r == 0)
		r = sha_begin(&sha);
	if (r == 0 && h->path)
		r = sha_fd(&sha, h->fd, h->pool);
	return r < 0 ? r : sha_final(&sha, h->hash);
}

static bool is_large(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size >= BESIDE_MIN;
}

void file_hash_begin(struct file_hash *ret, struct pool *pool, const struct sha *sha,
		     const char *path)
{
	struct stat st;

	*ret = (struct file_hash){ .path = path, .pool = pool, .sha = sha, .fd = -EBADF };
	ret->job = (struct pool_job){ .run = hash, .data = ret, .lasts = true };
	/* Opening a pipe waits for who writes to it.  "-" may be a file that others read on. */
	if (!path || streq(path, "-") || stat(path, &st) < 0 || !is_large(&st))
		return;
	ret->fd = input_open(path);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0 || !is_large(&st))
		return;
	pool_add(pool, &ret->job);
	ret->begun = true;
}

int file_hash_end(struct file_hash *h, uint8_t ret[static SHA256_LEN])
{
	int r = 0;

	if (h->begun)
		r = pool_wait(h->pool, &h->job);
	else {
		if (h->path && h->fd < 0)
			h->fd = input_open(h->path);
		r = h->path && h->fd < 0 ? h->fd : hash(h);
	}
	if (r == 0)
		memcpy(ret, h->hash, SHA256_LEN);
	return r;
}

void file_hash_done(struct file_hash *h)
{
	h->fd = close_fd(h->fd);
}
