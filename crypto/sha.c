/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/sha.h"

#include <fcntl.h>
#include <unistd.h>

/* Fits into a processor's second cache, and is so large that system calls cost little. */
#define PIECE_LEN (128 * 1024)

int sha_init(struct sha *ret, const char *name)
{
	struct sha s = { .md = EVP_MD_fetch(NULL, name, NULL), .ctx = EVP_MD_CTX_new() };

	if (!s.md || !s.ctx || sha_begin(&s) < 0) {
		sha_done(&s);
		return -EIO;
	}
	*ret = s;
	return 0;
}

void sha_done(struct sha *s)
{
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->md);
	*s = (struct sha){ NULL };
}

int sha_begin(struct sha *s)
{
	return EVP_DigestInit_ex2(s->ctx, s->md, NULL) == 1 ? 0 : -EIO;
}

int sha_update(struct sha *s, const void *p, size_t len)
{
	return EVP_DigestUpdate(s->ctx, p, len) == 1 ? 0 : -EIO;
}

int sha_final(struct sha *s, uint8_t *ret)
{
	return EVP_DigestFinal_ex(s->ctx, ret, NULL) == 1 ? 0 : -EIO;
}

int sha_copy(const struct sha *s, struct sha *ret)
{
	struct sha copy = { .ctx = EVP_MD_CTX_new() };

	if (!copy.ctx || EVP_MD_up_ref(s->md) != 1 || EVP_MD_CTX_copy_ex(copy.ctx, s->ctx) != 1) {
		EVP_MD_CTX_free(copy.ctx);
		return -EIO;
	}
	copy.md = s->md;
	*ret = copy;
	return 0;
}

int sha_peek(const struct sha *s, uint8_t *ret)
{
	_cleanup_(sha_done) struct sha copy = { NULL };
	int r;

	r = sha_copy(s, &copy);
	return r < 0 ? r : sha_final(&copy, ret);
}

int sha_of(struct sha *s, const void *p, size_t len, uint8_t *ret)
{
	int r;

	r = sha_begin(s);
	if (r == 0)
		r = sha_update(s, p, len);
	return r < 0 ? r : sha_final(s, ret);
}

int sha_fd(struct sha *s, int fd, struct pool *pool)
{
	_cleanup_(freep) uint8_t *piece = malloc(PIECE_LEN);
	int r;

	if (!piece)
		return -ENOMEM;
	(void) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (!pool_ends(pool)) {
		ssize_t n = read(fd, piece, PIECE_LEN);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = sha_update(s, piece, (size_t)n);
		if (r < 0)
			return r;
	}
	return -ECANCELED;
}
