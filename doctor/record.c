/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/record.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

/* Where the machine keeps what of it is asked for. */
#define REFUSALS ".probe/files"

#define UUID_LEN 36
#define UUIDS_MAX 256
#define HIDDEN "00000000-0000-0000-0000-"

struct record {
	int root;
	int error;		/* the first; then nothing more is written */
	char failed[256];	/* where */
	unsigned n_uuids;
	char uuids[UUIDS_MAX][UUID_LEN];	/* those that were seen, in lower case */
};

static void fail(struct record *r, int error, const char *path)
{
	if (r->error)
		return;
	r->error = error;
	snprintf(r->failed, sizeof(r->failed), "%s", path);
}

/*
 * The names come from the machine, so that no path may leave the record, and no link of the record
 * is followed.
 */
static int open_beneath(struct record *r, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? 0600 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, r->root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static const char *relative(const char *path)
{
	return path + strspn(path, "/");
}

/* A descriptor of the folder that @path is in, made if need be; @ret_name is its last part. */
static int open_parent(struct record *r, const char *path, const char **ret_name)
{
	int fd = fcntl(r->root, F_DUPFD_CLOEXEC, 3), next;
	const char *slash;
	char folder[4096];

	path = relative(path);
	for (const char *s = path; fd >= 0 && (slash = strchr(s, '/')); s = slash + 1) {
		if (slash - path >= (ptrdiff_t)sizeof(folder)) {
			close_fd(fd);
			return -ENAMETOOLONG;
		}
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		next = mkdirat(fd, strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder, 0700);
		if (next < 0 && errno != EEXIST) {
			next = -errno;
			close_fd(fd);
			return next;
		}
		close_fd(fd);
		fd = open_beneath(r, folder, O_PATH | O_DIRECTORY);
	}
	*ret_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	return fd;
}

/* True for "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" at @s, which has @len bytes. */
static bool is_uuid(const char *s, size_t len)
{
	if (len < UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

/* The number of the UUID at @s, from 1; what is too many shares the last one. */
static unsigned number_of(struct record *r, const char *s)
{
	char uuid[UUID_LEN];
	unsigned i;

	for (i = 0; i < UUID_LEN; i++)
		uuid[i] = (char)tolower((unsigned char)s[i]);
	for (i = 0; i < r->n_uuids; i++)
		if (memcmp(r->uuids[i], uuid, UUID_LEN) == 0)
			return i + 1;
	if (i == UUIDS_MAX)
		return UUIDS_MAX;
	memcpy(r->uuids[r->n_uuids++], uuid, UUID_LEN);
	return r->n_uuids;
}

/* UUIDs that differ stay different: two secrets must not become one in a record. */
static void hide_serials(struct record *r, char *s, size_t len)
{
	char hidden[UUID_LEN + 1];

	for (size_t i = 0; i < len; i++) {
		/* A number of ours stays what it is: text may come here twice. */
		if (!is_uuid(s + i, len - i) || startswith(s + i, HIDDEN))
			continue;
		snprintf(hidden, sizeof(hidden), HIDDEN "%012x",
			 number_of(r, s + i));
		memcpy(s + i, hidden, UUID_LEN);
		i += UUID_LEN - 1;
	}
}

static int write_to(struct record *r, const char *path, int flags, const void *data, size_t len)
{
	_cleanup_(closep) int parent = -EBADF, fd = -EBADF;
	_cleanup_(freep) char *copy = NULL;
	const char *name;

	parent = open_parent(r, path, &name);
	if (parent < 0)
		return parent;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, data, len);
	hide_serials(r, copy, len);
	fd = openat(parent, name, flags | O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return write_full(fd, copy, len);
}

static void put(struct record *r, const char *path, int flags, const void *data, size_t len)
{
	int error = r && !r->error ? write_to(r, path, flags, data, len) : 0;

	if (error < 0)
		fail(r, error, path);
}

void record_file(struct record *r, const char *path, const void *data, size_t len)
{
	put(r, path, O_TRUNC, data, len);
}

struct seen {
	const char *line;
	bool found;
};

static bool on_line(void *ctx, char *line)
{
	struct seen *seen = ctx;

	seen->found = streq(line, seen->line);
	return !seen->found;
}

void record_line(struct record *r, const char *path, const char *line)
{
	char text[TREE_LINE_MAX + 1];
	struct seen seen = { text };
	size_t len;

	if (!r || r->error)
		return;
	if (!line) {
		put(r, path, O_APPEND, "", 0);
		return;
	}
	/* As it will be in the file, to be found there again. */
	len = (size_t)snprintf(text, sizeof(text) - 1, "%s", line);
	len = MIN(len, sizeof(text) - 2);
	hide_serials(r, text, len);
	(void) tree_scan(r->root, path, on_line, &seen);
	if (seen.found)
		return;
	text[len] = '\n';
	put(r, path, O_APPEND, text, len + 1);
}

/* A folder or a socket, which nobody listens at. */
static int make(int parent, const char *name, mode_t mode)
{
	return S_ISDIR(mode) ? mkdirat(parent, name, 0700) :
			       mknodat(parent, name, S_IFSOCK | 0600, 0);
}

void record_presence(struct record *r, const char *path, mode_t mode)
{
	_cleanup_(closep) int parent = -EBADF;
	const char *name;

	if (!r || r->error)
		return;
	if (!S_ISDIR(mode) && !S_ISSOCK(mode)) {
		put(r, path, O_APPEND, "", 0);
		return;
	}
	parent = open_parent(r, path, &name);
	if (parent < 0)
		fail(r, parent, path);
	else if (*name && make(parent, name, mode) < 0 && errno != EEXIST)
		fail(r, -errno, path);
}

void record_link(struct record *r, const char *path, const char *target)
{
	_cleanup_(closep) int parent = -EBADF;
	const char *name;
	char elsewhere[512];

	if (!r || r->error)
		return;
	/* Only the name is known, which may be that of the link itself. */
	snprintf(elsewhere, sizeof(elsewhere), "/.elsewhere/%s", target);
	parent = open_parent(r, path, &name);
	if (parent < 0)
		fail(r, parent, path);
	else if (symlinkat(elsewhere, parent, name) < 0 && errno != EEXIST)
		fail(r, -errno, path);
}

void record_refusal(struct record *r, const char *path, enum got got)
{
	char line[TREE_LINE_MAX];

	if (got != GOT_DENIED && got != GOT_UNREADABLE)
		return;
	snprintf(line, sizeof(line), "%s %s", path, got == GOT_DENIED ? "EACCES" : "EIO");
	record_line(r, REFUSALS, line);
}

int record_begin(const char *path, struct record **ret, struct cause *why)
{
	_cleanup_(freep) struct record *r = calloc(1, sizeof(*r));

	if (!r)
		return cause_set_oom(why);
	if (mkdir(path, 0700) < 0)
		return cause_set(why, -errno, "Failed to make the folder '%s': %s%s", path,
				 strerror(errno),
				 errno == EEXIST ? "; a record needs a folder of its own" : "");
	r->root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->root < 0)
		return cause_set(why, -errno, "Failed to open the folder '%s': %s", path,
				 strerror(errno));
	*ret = TAKE_PTR(r);
	return 0;
}

int record_end(struct record *r, struct cause *why)
{
	int error = r->error;

	if (error < 0)
		(void) cause_set(why, error, "Failed to record '%s': %s", r->failed,
				 strerror(-error));
	close_fd(r->root);
	free(r);
	return error;
}
