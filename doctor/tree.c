/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

static const char *const words[_GOT_MAX] = {
	[GOT_IT] = "is there",
	[GOT_ABSENT] = "is not there",
	[GOT_DENIED] = "may not be read without more privileges",
	[GOT_UNREADABLE] = "cannot be read",
	[GOT_MALFORMED] = "is malformed",
};

const char *got_words(enum got got)
{
	return words[got];
}

enum got got_by_errno(int error)
{
	errno = error < 0 ? -error : error;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return GOT_ABSENT;
	case EACCES:
	case EPERM:
		return GOT_DENIED;
	default:
		return GOT_UNREADABLE;
	}
}

/* A descriptor or a negative errno.  The path begins at @root whether or not it has a '/'. */
static int open_below(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/*
 * Opened twice: opening a device or a FIFO may do something or wait, so that a look comes first.
 * The second time it is the same inode, whatever the path has become.
 */
static int open_file(int root, const char *path)
{
	_cleanup_(closep) int fd = open_below(root, path, O_PATH);
	char again[64];
	struct stat st;
	int file;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	file = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return file < 0 ? -errno : file;
}

enum got tree_read(int root, const char *path, size_t max, bool cut, char **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = open_file(root, path);
	_cleanup_(freep) char *data = NULL;
	ssize_t n;

	if (fd < 0)
		return got_by_errno(fd);
	data = malloc(max + 2);
	if (!data)
		return got_by_errno(ENOMEM);
	n = read_full(fd, data, max + 1);
	if (n < 0)
		return got_by_errno((int)n);
	if ((size_t)n > max && !cut)
		return got_by_errno(EFBIG);
	n = (ssize_t)MIN((size_t)n, max);
	data[n] = '\0';
	if (ret_len)
		*ret_len = (size_t)n;
	*ret = TAKE_PTR(data);
	return GOT_IT;
}

struct scan {
	bool (*each)(void *ctx, char *line);
	void *ctx;
	char line[TREE_LINE_MAX];
	size_t len;
};

/* Returns false when nobody wants more. */
static bool scan_bytes(struct scan *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (s->len < sizeof(s->line) - 1)
				s->line[s->len++] = data[i] ? data[i] : '?';
			continue;
		}
		s->line[s->len] = '\0';
		s->len = 0;
		if (!s->each(s->ctx, s->line))
			return false;
	}
	return true;
}

enum got tree_scan(int root, const char *path, bool (*each)(void *ctx, char *line), void *ctx)
{
	_cleanup_(closep) int fd = open_file(root, path);
	struct scan s = { .each = each, .ctx = ctx };
	size_t total = 0;
	char block[16384];
	ssize_t n;

	if (fd < 0)
		return got_by_errno(fd);
	while ((n = read_full(fd, block, sizeof(block))) > 0) {
		if (!scan_bytes(&s, block, (size_t)n))
			return GOT_IT;
		total += (size_t)n;
		if (total > TREE_SCAN_MAX)
			return got_by_errno(EFBIG);
	}
	if (n < 0)
		return got_by_errno((int)n);
	if (s.len)
		(void) scan_bytes(&s, "\n", 1);
	return GOT_IT;
}

enum got tree_look(int root, const char *path, mode_t *ret_mode)
{
	_cleanup_(closep) int fd = open_below(root, path, O_PATH);
	struct stat st;

	if (fd < 0)
		return got_by_errno(fd);
	if (fstat(fd, &st) < 0)
		return got_by_errno(errno);
	if (ret_mode)
		*ret_mode = st.st_mode;
	return GOT_IT;
}

enum got tree_rights(int root, const char *path, struct file_rights *ret)
{
	_cleanup_(closep) int fd = open_below(root, path, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return got_by_errno(fd);
	if (fstat(fd, &st) < 0)
		return got_by_errno(errno);
	*ret = (struct file_rights){ .mode = st.st_mode, .uid = st.st_uid, .gid = st.st_gid };
	return GOT_IT;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct tree_names *names, const char *name)
{
	char **more;

	if (streq(name, ".") || streq(name, ".."))
		return 0;
	if (names->n == TREE_NAMES_MAX)
		return -E2BIG;
	more = reallocarray(names->names, names->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	names->names = more;
	more[names->n] = strdup(name);
	if (!more[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

static int list(int root, const char *path, struct tree_names *ret)
{
	_cleanup_(closep) int fd = open_below(root, path, O_RDONLY | O_DIRECTORY);
	_cleanup_(closedirp) DIR *d = NULL;
	struct dirent *entry;
	int r;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	TAKE_FD(fd);
	while ((errno = 0, entry = readdir(d))) {
		r = names_add(ret, entry->d_name);
		if (r < 0)
			return r;
	}
	return -errno;
}

enum got tree_list(int root, const char *path, struct tree_names *ret)
{
	struct tree_names names = { 0 };
	int r = list(root, path, &names);

	if (r < 0) {
		tree_names_done(&names);
		return got_by_errno(r);
	}
	if (names.n)
		qsort(names.names, names.n, sizeof(*names.names), by_name);
	*ret = names;
	return GOT_IT;
}

void tree_names_done(struct tree_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct tree_names){ 0 };
}

enum got tree_link(int root, const char *path, char *ret, size_t size)
{
	_cleanup_(closep) int fd = open_below(root, path, O_PATH | O_NOFOLLOW);
	char target[4096], *last;
	ssize_t n;

	if (fd < 0)
		return got_by_errno(fd);
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? GOT_MALFORMED : got_by_errno(errno);
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(ret, size, "%s", last ? last + 1 : target);
	return GOT_IT;
}
