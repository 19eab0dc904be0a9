/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/output.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"

#define HEX_MAX 64

static bool is_stdout(const char *path)
{
	return streq(path, "-");
}

/* At most one output, and nothing else, may go to standard output. */
static int check_stdout(const struct args *a, const struct output *files, size_t n,
			struct cause *why)
{
	size_t n_stdout = 0;

	for (size_t i = 0; i < n; i++)
		n_stdout += is_stdout(files[i].path);
	if (n_stdout > 1)
		return cause_set(why, -EINVAL, "Two files cannot both go to standard output ('-')");
	if (n_stdout > 0 && a->json)
		return cause_set(why, -EINVAL,
				 "With --json standard output has the result; '-' cannot go there "
				 "too");
	return 0;
}

/* What was printed before comes first. */
static int write_stdout(const void *data, size_t len)
{
	return fflush(stdout) != 0 ? -errno : write_full(STDOUT_FILENO, data, len);
}

int output_file(const struct args *a, const char *path, const void *data, size_t len,
		struct cause *why)
{
	const struct output file = { path, data, len, 0600 };
	int r;

	if (is_stdout(path))
		return output_files(a, &file, 1, why);
	r = write_file_atomic(path, data, len, 0600, /* exclusive= */ !a->force);
	if (r == -EEXIST)
		return cause_set(why, -EEXIST,
				 "'%s' exists and is left as it is; --force replaces it", path);
	if (r < 0)
		return cause_set_io(why, r, "Failed to write '%s': %m", path);
	return 0;
}

/* A file of output_files() on its way: written beside its place, then there. */
struct staged {
	char tmp[PATH_MAX];	/* "": nothing is there */
	bool placed;
	bool exchanged;		/* what was in its place lies at tmp now */
};

static int stage(const struct output *f, struct staged *s)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (is_stdout(f->path))
		return 0;
	r = snprintf(s->tmp, sizeof(s->tmp), "%s.XXXXXX", f->path);
	if (r < 0 || (size_t)r >= sizeof(s->tmp)) {
		s->tmp[0] = '\0';
		return -ENAMETOOLONG;
	}
	fd = mkostemp(s->tmp, O_CLOEXEC);
	if (fd < 0) {
		s->tmp[0] = '\0';
		return -errno;
	}
	r = write_full(fd, f->data, f->len);
	if (r == 0 && fchmod(fd, f->mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno;
	return r;
}

static int place(const struct output *f, struct staged *s, bool force)
{
	struct stat st;

	if (is_stdout(f->path))
		return 0;
	if (!force || lstat(f->path, &st) < 0) {
		/* link() refuses an existing name. */
		if (link(s->tmp, f->path) < 0)
			return -errno;
		s->placed = true;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	if (renameat2(AT_FDCWD, s->tmp, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0) {
		s->placed = s->exchanged = true;
		return 0;
	}
	/* A file system that cannot exchange: then there is no way back. */
	if ((errno != EINVAL && errno != ENOSYS) || rename(s->tmp, f->path) < 0)
		return -errno;
	s->tmp[0] = '\0';
	return 0;
}

/* Take it back, or tidy up behind it. */
static void settle(const struct output *f, struct staged *s, bool good)
{
	if (!good && s->exchanged)
		(void) renameat2(AT_FDCWD, s->tmp, AT_FDCWD, f->path, RENAME_EXCHANGE);
	else if (!good && s->placed)
		(void) unlink(f->path);
	if (s->tmp[0])
		(void) unlink(s->tmp);
}

int output_files(const struct args *a, const struct output *files, size_t n, struct cause *why)
{
	struct staged staged[OUTPUT_MAX] = { 0 };
	size_t i = 0;
	int r;

	assert(n <= OUTPUT_MAX);
	r = check_stdout(a, files, n, why);
	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < n; i++)
		r = stage(&files[i], &staged[i]);
	if (r == 0)
		for (i = 0; r == 0 && i < n; i++)
			r = place(&files[i], &staged[i], a->force);
	/* Last: what went there cannot be taken back. */
	if (r == 0)
		for (i = 0; r == 0 && i < n; i++)
			if (is_stdout(files[i].path))
				r = write_stdout(files[i].data, files[i].len);
	for (size_t k = 0; k < n; k++)
		settle(&files[k], &staged[k], r == 0);
	if (r == 0)
		return 0;
	if (r == -EEXIST)
		return cause_set(why, -EEXIST, "'%s' exists%s; nothing was written",
				 files[i - 1].path,
				 a->force ? " and is not a file" :
						       " and is left as it is, --force replaces "
						       "it");
	return cause_set_io(why, r, "Failed to write '%s', and so nothing was written: %m",
			    files[i - 1].path);
}

int output_add_hex(struct json_object *o, const char *key, const uint8_t *data, size_t len)
{
	char hex[2 * HEX_MAX + 1];

	assert(len <= HEX_MAX);
	format_hex(data, len, hex);
	return json_add_text(o, key, hex);
}
