/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/stamps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"

#define MAGIC 0x31747363u	/* "cst1" */

struct head {
	uint32_t magic, n, dropped, zero;
};

struct stamps {
	char path[PATH_MAX];
	uint32_t n, dropped;
	bool due;			/* the file has not all of it */
	struct watch *timer;		/* NULL: it is written at once */
	struct msg_stamp list[STAMPS_MAX];
};

_Static_assert(sizeof(struct msg_stamp) == 216 && sizeof(struct head) == 16, "layout");

static uint64_t checksum(const uint8_t *data, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * 0x100000001b3u;
	return sum;
}

static bool is_good(const struct msg_stamp *s, uint64_t now_usec)
{
	return s->what < _STAMP_MAX && s->usec <= now_usec && s->dropped == 0 &&
	       memchr(s->secret, 0, sizeof(s->secret)) &&
	       memchr(s->consumer, 0, sizeof(s->consumer));
}

int stamps_parse(const uint8_t *data, size_t len, uint64_t now_usec, struct msg_stamp *ret,
		 uint32_t *ret_dropped)
{
	struct head h;
	uint64_t sum;

	if (len < sizeof(h) + sizeof(sum))
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	memcpy(&sum, data + len - sizeof(sum), sizeof(sum));
	if (h.magic != MAGIC || h.n > STAMPS_MAX || h.zero ||
	    len != sizeof(h) + h.n * sizeof(*ret) + sizeof(sum) ||
	    sum != checksum(data, len - sizeof(sum)))
		return -EBADMSG;
	for (uint32_t i = 0; i < h.n; i++) {
		memcpy(&ret[i], data + sizeof(h) + i * sizeof(*ret), sizeof(*ret));
		if (!is_good(&ret[i], now_usec))
			return -EBADMSG;
	}
	*ret_dropped = h.dropped;
	return (int)h.n;
}

/* Whatever is in its place, cocod must not wait for it. */
static int read_regular(const char *path, char **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
						      O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	return read_file_fd(fd, STAMPS_FILE_MAX, ret, ret_len);
}

int stamps_new(const char *folder, struct stamps **ret)
{
	_cleanup_(freep) char *bytes = NULL;
	struct stamps *s = malloc(sizeof(*s));
	size_t len = 0;
	int r;

	*ret = s;
	if (!s)
		return -ENOMEM;
	/* Not the list, of which most is never used. */
	s->n = s->dropped = 0;
	s->due = false;
	s->timer = NULL;
	(void)!snprintf(s->path, sizeof(s->path), "%s/stamps", folder);
	r = read_regular(s->path, &bytes, &len);
	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = stamps_parse((const uint8_t *)bytes, len, clock_usec(CLOCK_BOOTTIME), s->list,
				 &s->dropped);
	if (r >= 0) {
		s->n = (uint32_t)r;
		return 0;
	}
	/* Whoever looks later is told that something is missing. */
	s->dropped = 1;
	return r == -EFBIG || r == -ENOMEM ? -EBADMSG : r;
}

static void save(struct stamps *s)
{
	const struct head h = { MAGIC, s->n, s->dropped, 0 };
	size_t len = sizeof(h) + s->n * sizeof(*s->list);
	uint64_t sum;
	_cleanup_(freep) uint8_t *bytes = malloc(len + sizeof(sum));

	s->due = false;
	if (!bytes)
		return;
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), s->list, s->n * sizeof(*s->list));
	sum = checksum(bytes, len);
	memcpy(bytes + len, &sum, sizeof(sum));
	(void) write_file_atomic(s->path, bytes, len + sizeof(sum), 0600, /* exclusive= */ false);
}

struct stamps *stamps_free(struct stamps *s)
{
	if (!s)
		return NULL;
	if (s->due)
		save(s);
	watch_free(s->timer);
	free(s);
	return NULL;
}

static int on_timer(void *userdata)
{
	struct stamps *s = userdata;

	save(s);
	return 0;
}

int stamps_attach(struct stamps *s, struct loop *loop)
{
	return s ? watch_after(loop, UINT64_MAX, on_timer, s, &s->timer) : 0;
}

/* A moment later, or now. */
static void save_soon(struct stamps *s)
{
	if (s->due)
		return;
	s->due = true;
	if (!s->timer || watch_again_after(s->timer, STAMPS_WAIT_USEC) < 0)
		save(s);
}

/* True if @s has @m already; @ret_n counts those of its kind. */
static bool has(const struct stamps *s, const struct msg_stamp *m, unsigned *ret_n)
{
	*ret_n = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct msg_stamp *at = &s->list[i];

		if (at->what != m->what)
			continue;
		++*ret_n;
		if (streq(at->secret, m->secret) &&
		    (m->secret[0] || streq(at->consumer, m->consumer)))
			return true;
	}
	return false;
}

void stamps_note(struct stamps *s, enum stamp_what what, const char *secret, const char *consumer)
{
	struct msg_stamp m = { .usec = clock_usec(CLOCK_BOOTTIME), .what = what };
	unsigned n;

	if (!s)
		return;
	snprintf(m.secret, sizeof(m.secret), "%s", secret ?: "");
	snprintf(m.consumer, sizeof(m.consumer), "%s", consumer ?: "");
	if (has(s, &m, &n))
		return;
	if (s->n == STAMPS_MAX || (what == STAMP_ASKED && n >= STAMPS_ASKED_MAX)) {
		if (s->dropped < UINT32_MAX)
			s->dropped++;
		return;
	}
	s->list[s->n++] = m;
	save_soon(s);
}

bool stamps_get(const struct stamps *s, unsigned i, struct msg_stamp *ret)
{
	if (!s || i >= s->n)
		return false;
	*ret = s->list[i];
	ret->dropped = i == 0 ? s->dropped : 0;
	return true;
}
