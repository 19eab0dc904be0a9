/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/secret.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/io.h"

/*
 *	| guard | struct secret, bytes ... | guard |
 *
 * The struct shares the first page with the bytes: nobody else needs to know the length either.
 */
struct secret {
	size_t len;
	size_t map_len;		/* includes both guards */
	uint8_t bytes[];
};

static size_t page_len(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int secret_new(size_t len, struct secret **ret)
{
	size_t page = page_len(), body;
	struct secret *s;
	uint8_t *map;
	int r;

	if (len > SECRET_MAX)
		return -EMSGSIZE;
	body = (sizeof(struct secret) + len + page - 1) & ~(page - 1);

	map = mmap(NULL, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	/* Locked first, filled later: no page of the secret is ever written to swap. */
	if (mprotect(map + page, body, PROT_READ | PROT_WRITE) < 0 || mlock(map + page, body) < 0 ||
	    madvise(map + page, body, MADV_DONTDUMP) < 0 ||
	    madvise(map + page, body, MADV_WIPEONFORK) < 0) {
		r = -errno;
		(void) munmap(map, body + 2 * page);
		return r;
	}

	s = (struct secret *)(map + page);
	s->len = len;
	s->map_len = body + 2 * page;
	*ret = s;
	return 0;
}

struct secret *secret_free(struct secret *s)
{
	size_t page = page_len(), map_len;

	if (!s)
		return NULL;
	map_len = s->map_len;
	explicit_bzero(s, map_len - 2 * page);
	(void) munmap((uint8_t *)s - page, map_len);
	return NULL;
}

uint8_t *secret_bytes(struct secret *s)
{
	return s->bytes;
}

const uint8_t *secret_data(const struct secret *s)
{
	return s->bytes;
}

struct secret *secret_of_bytes(void *bytes)
{
	return (struct secret *)((uint8_t *)bytes - offsetof(struct secret, bytes));
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

void secret_truncate(struct secret *s, size_t len)
{
	assert(len <= s->len);
	explicit_bzero(s->bytes + len, s->len - len);
	s->len = len;
}

int secret_read(int fd, size_t max, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL, *larger = NULL;
	size_t have = 0, room = MIN(max, (size_t)4000);
	int r;

	assert(max <= SECRET_MAX);
	/*
	 * Files of securityfs and pipes do not tell their size.  Grow by doubling, each time into
	 * new locked pages.
	 */
	for (;;) {
		ssize_t n;

		r = secret_new(room, &larger);
		if (r < 0)
			return r;
		if (s)
			memcpy(larger->bytes, s->bytes, have);
		secret_freep(&s);
		s = TAKE_PTR(larger);

		n = read_full(fd, s->bytes + have, room - have);
		if (n < 0)
			return (int)n;
		have += (size_t)n;
		if (have < room)
			break;
		if (room == max) {
			uint8_t more;

			n = read_full(fd, &more, 1);
			explicit_bzero(&more, 1);
			if (n < 0)
				return (int)n;
			if (n > 0)
				return -EMSGSIZE;
			break;
		}
		room = MIN(max, 2 * room);
	}
	secret_truncate(s, have);
	*ret = TAKE_PTR(s);
	return 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	uint8_t diff = 0;

	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		diff |= (uint8_t)(a->bytes[i] ^ b->bytes[i]);
	return diff == 0;
}

int secret_protect_process(void)
{
	static const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}
