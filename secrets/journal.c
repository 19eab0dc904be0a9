/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"

static bool terminated(const char *s, size_t size)
{
	return memchr(s, 0, size) != NULL;
}

static bool record_is_good(const struct journal_record *r)
{
	return r->magic == JOURNAL_MAGIC && r->state < _SECRET_STATE_MAX && r->rejected <= 1 &&
	       !guid_is_zero(&r->guid) && terminated(r->source, sizeof(r->source)) &&
	       terminated(r->delivered_to, sizeof(r->delivered_to));
}

int journal_parse(const uint8_t *data, size_t len, struct journal_record **ret, size_t *ret_n)
{
	_cleanup_(freep) struct journal_record *list = NULL;
	size_t n = 0, i, room = len / sizeof(*list);
	bool damaged = len % sizeof(*list) != 0;

	list = calloc(room ? room : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (; room > 0; room--, data += sizeof(*list)) {
		struct journal_record r;

		memcpy(&r, data, sizeof(r));
		if (!record_is_good(&r)) {
			damaged = true;
			break;
		}
		for (i = 0; i < n && !guid_equal(&list[i].guid, &r.guid); i++)
			;
		list[i] = r;
		n = MAX(n, i + 1);
	}
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return damaged ? -EBADMSG : 0;
}

int journal_open(const char *path, int *ret_fd, struct journal_record **ret, size_t *ret_n)
{
	_cleanup_(freep) struct journal_record *list = NULL;
	_cleanup_(freep) char *data = NULL;
	_cleanup_(closep) int fd = -EBADF;
	size_t len = 0, n = 0;
	bool damaged;
	int r;

	r = read_file_at(AT_FDCWD, path, JOURNAL_MAX_LEN, &data, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	r = journal_parse((const uint8_t *)data, len, &list, &n);
	if (r == -ENOMEM)
		return r;
	damaged = r < 0;

	r = write_file_atomic(path, list, n * sizeof(*list), 0600, /* exclusive= */ false);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;

	*ret_fd = TAKE_FD(fd);
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return damaged;
}

int journal_append(int fd, const struct journal_record *r)
{
	return write_full(fd, r, sizeof(*r));
}
