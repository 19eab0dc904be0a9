/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/journal.h"

#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/policy.h"

void journal_done(struct journal *j)
{
	free(j->records);
	*j = (struct journal){ 0 };
}

static uint64_t checksum(const struct journal_record *r)
{
	const uint8_t *p = (const uint8_t *)r;
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < offsetof(struct journal_record, checksum); i++)
		sum = (sum ^ p[i]) * 0x100000001b3u;
	return sum;
}

/* ---- one record ---- */

static bool terminated(const char *s, size_t size)
{
	return memchr(s, 0, size) != NULL;
}

static bool record_is_good(const struct journal_record *r)
{
	if (r->magic != JOURNAL_MAGIC || r->checksum != checksum(r) ||
	    !terminated(r->source, sizeof(r->source)) ||
	    !terminated(r->consumer, sizeof(r->consumer)))
		return false;
	switch (r->kind) {
	case JOURNAL_SECRET:
		return r->state < _SECRET_STATE_MAX && !guid_is_zero(&r->guid);
	case JOURNAL_DELIVERY:
		return r->state > DELIVERY_NONE && r->state < _DELIVERY_OUTCOME_MAX &&
		       r->before < _DELIVERY_OUTCOME_MAX && !guid_is_zero(&r->guid) &&
		       r->consumer[0];
	case JOURNAL_GAP:
		return guid_is_zero(&r->guid) && !r->consumer[0];
	default:
		return false;
	}
}

static bool record_1_is_good(const struct journal_record_1 *r)
{
	return r->magic == JOURNAL_MAGIC_1 && r->state < _SECRET_STATE_MAX && r->rejected <= 1 &&
	       !guid_is_zero(&r->guid) && terminated(r->source, sizeof(r->source)) &&
	       terminated(r->delivered_to, sizeof(r->delivered_to));
}

/*
 * Version 1 has no checksum.  The beginning of a record that was cut short, together with the
 * next record, looks like one record.  Then a good record begins inside.
 */
static bool record_1_is_torn(const uint8_t *data, size_t len)
{
	struct journal_record_1 r;

	for (size_t i = 1; i < sizeof(r) && len - i >= sizeof(r); i++) {
		if (memcmp(data + i, "ccj1", 4) != 0)
			continue;
		memcpy(&r, data + i, sizeof(r));
		if (record_1_is_good(&r))
			return true;
	}
	return false;
}

/* ---- all records ---- */

/* While a journal is read: its records, which stay in their places, and a tree of tsearch(3). */
struct reader {
	struct journal j;
	size_t room;
	void *tree;
};

static int compare(const void *va, const void *vb)
{
	const struct journal_record *a = va, *b = vb;
	int r = a->kind - b->kind;

	if (r == 0)
		r = memcmp(&a->guid, &b->guid, sizeof(a->guid));
	return r == 0 && a->kind == JOURNAL_DELIVERY ? strcmp(a->consumer, b->consumer) : r;
}

static void keep_node(void *p)
{
}

static void reader_done(struct reader *rd)
{
	tdestroy(rd->tree, keep_node);
	journal_done(&rd->j);
}

/*
 * Room for all that @len bytes may have: a record of version 1 has two of ours, and any may want
 * another one for a secret whose own is lost.
 */
static int reader_init(struct reader *rd, size_t len)
{
	rd->room = MIN(3 * (len / sizeof(struct journal_record_1)) + 1,
		       (size_t)JOURNAL_MAX_RECORDS);
	rd->j.records = calloc(rd->room, sizeof(*rd->j.records));
	return rd->j.records ? 0 : -ENOMEM;
}

/* The record about the same thing as @r, or NULL. */
static struct journal_record *find(const struct reader *rd, const struct journal_record *r)
{
	struct journal_record *const *node = tfind(r, &rd->tree, compare);

	return node ? *node : NULL;
}

/* Store @r in place of the record about the same thing, or as a new one. */
static int take(struct reader *rd, const struct journal_record *r)
{
	struct journal_record *at = find(rd, r);

	if (at) {
		*at = *r;
		return 0;
	}
	if (rd->j.n == rd->room) {
		rd->j.lossy = true;
		return 0;
	}
	at = &rd->j.records[rd->j.n];
	*at = *r;
	if (!tsearch(at, &rd->tree, compare))
		return -ENOMEM;
	rd->j.n++;
	return 0;
}

static int take_2(struct reader *rd, const struct journal_record *r)
{
	const struct journal_record *there = find(rd, r);

	if (r->kind == JOURNAL_SECRET && there && there->state > r->state)
		return 0;
	return take(rd, r);
}

/* Only version 1 can make this necessary. */
static int forget_deliveries(struct reader *rd, const struct guid *guid)
{
	struct journal *j = &rd->j;
	size_t n = 0;

	for (size_t i = 0; i < j->n; i++)
		n += j->records[i].kind != JOURNAL_DELIVERY ||
		     !guid_equal(&j->records[i].guid, guid);
	if (n == j->n)
		return 0;
	tdestroy(rd->tree, keep_node);
	rd->tree = NULL;
	n = 0;
	for (size_t i = 0; i < j->n; i++)
		if (j->records[i].kind != JOURNAL_DELIVERY ||
		    !guid_equal(&j->records[i].guid, guid))
			j->records[n++] = j->records[i];
	j->n = n;
	for (size_t i = 0; i < n; i++)
		if (!tsearch(&j->records[i], &rd->tree, compare))
			return -ENOMEM;
	return 0;
}

/*
 * Version 1 kept the last consumer and whether the volume had refused the key.  It did not keep
 * which process was being watched, so a delivery that was under way stays undecided.
 */
static int take_1(struct reader *rd, const struct journal_record_1 *old)
{
	struct journal_record r = {
		.magic = JOURNAL_MAGIC,
		.kind = JOURNAL_SECRET,
		.state = old->state,
		.guid = old->guid,
		.size = old->size,
	};
	int err = 0;

	memcpy(r.source, old->source, sizeof(r.source));
	memcpy(r.since_usec, old->since_usec, sizeof(r.since_usec));
	memcpy(r.consumer, old->delivered_to, sizeof(r.consumer));
	if (old->state == SECRET_PRESENT)
		err = forget_deliveries(rd, &old->guid);
	if (err == 0)
		err = take(rd, &r);
	if (err < 0 || old->state == SECRET_PRESENT || !old->delivered_to[0])
		return err;
	r.kind = JOURNAL_DELIVERY;
	r.state = !startswith(old->delivered_to, CONSUMER_CRYPTSETUP ":") ? DELIVERY_TAKEN :
		  old->rejected					       ? DELIVERY_REJECTED :
									 DELIVERY_READ;
	return take(rd, &r);
}

/* If the record of a secret is lost, its deliveries say that it was given away. */
static int complete(struct reader *rd)
{
	const struct journal_record *records = rd->j.records;
	size_t n = rd->j.n;
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		struct journal_record r = {
			.magic = JOURNAL_MAGIC,
			.kind = JOURNAL_SECRET,
			.state = records[i].state == DELIVERY_OFFERED ? SECRET_PRESENT :
									SECRET_DELIVERED,
			.guid = records[i].guid,
		};
		const struct journal_record *there;

		if (records[i].kind != JOURNAL_DELIVERY)
			continue;
		there = find(rd, &r);
		/* A record before @n came from the file and is kept. */
		if (there && (there < records + n || there->state >= r.state))
			continue;
		err = take(rd, &r);
	}
	return err;
}

static int read_all(struct reader *rd, const uint8_t *data, size_t len)
{
	int err = 0;

	while (len > 0 && err == 0) {
		struct journal_record r = { 0 };
		struct journal_record_1 old = { 0 };
		const uint8_t *next;

		memcpy(&r, data, MIN(len, sizeof(r)));
		memcpy(&old, data, MIN(len, sizeof(old)));
		if (len >= sizeof(r) && record_is_good(&r)) {
			err = take_2(rd, &r);
			data += sizeof(r);
			len -= sizeof(r);
			continue;
		}
		if (len >= sizeof(old) && record_1_is_good(&old) && !record_1_is_torn(data, len)) {
			err = take_1(rd, &old);
			data += sizeof(old);
			len -= sizeof(old);
			continue;
		}
		rd->j.lossy = true;
		next = memmem(data + 1, len - 1, "ccj", 3);
		len = next ? len - (size_t)(next - data) : 0;
		data = next;
	}
	return err;
}

int journal_parse(const uint8_t *data, size_t len, struct journal *ret)
{
	_cleanup_(reader_done) struct reader rd = { .room = 0 };
	int err;

	err = reader_init(&rd, len);
	if (err == 0)
		err = read_all(&rd, data, len);
	if (err == 0)
		err = complete(&rd);
	if (err < 0)
		return err;
	*ret = rd.j;
	rd.j = (struct journal){ 0 };
	return 0;
}

/* ---- the file ---- */

/* write_file_atomic() calls an unfinished file PATH.XXXXXX. */
static void remove_leftovers(const char *path)
{
	const char *base = strrchr(path, '/');
	_cleanup_(closedirp) DIR *d = NULL;
	char dir[PATH_MAX];

	base = base ? base + 1 : path;
	if (snprintf(dir, sizeof(dir), "%.*s", (int)(base - path), path) >= (int)sizeof(dir))
		return;
	d = opendir(dir[0] ? dir : ".");
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d)); ) {
		const char *end = startswith(de->d_name, base);

		if (end && end[0] == '.' && strlen(end) == strlen(".XXXXXX"))
			(void) unlinkat(dirfd(d), de->d_name, 0);
	}
}

static int read_from(int fd, struct journal *ret)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	/* Of a file that is too long the end counts: version 1 only appended. */
	len = MIN((size_t)st.st_size, (size_t)JOURNAL_MAX_READ);
	if (lseek(fd, st.st_size - (off_t)len, SEEK_SET) < 0)
		return -errno;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	n = read_full(fd, data, len);
	if (n < 0)
		return (int)n;
	r = journal_parse(data, (size_t)n, ret);
	if (r == 0 && (size_t)n < (size_t)st.st_size)
		ret->lossy = true;
	return r;
}

int journal_read(const char *path, struct journal *ret)
{
	_cleanup_(closep) int fd = -EBADF;
	char aside[PATH_MAX];
	int r;

	*ret = (struct journal){ 0 };
	remove_leftovers(path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : read_from(fd, ret);
	if (r >= 0)
		return ret->lossy;
	if (r == -ENOMEM)
		return r;
	ret->lossy = true;
	if (snprintf(aside, sizeof(aside), "%s.bad", path) < (int)sizeof(aside))
		(void) rename(path, aside);
	return r;
}

int journal_write(const char *path, struct journal_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		records[i].magic = JOURNAL_MAGIC;
		records[i].checksum = checksum(&records[i]);
	}
	return write_file_atomic(path, records, n * sizeof(*records), 0600,
				 /* exclusive= */ false);
}
