/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/overlay.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"

static int copy(const struct overlay_file *f, size_t max, char **ret, size_t *ret_len)
{
	char *c;

	if (f->len > max)
		return -EFBIG;
	c = malloc(f->len + 1);
	if (!c)
		return -ENOMEM;
	memcpy(c, f->text, f->len);
	c[f->len] = '\0';
	*ret = c;
	*ret_len = f->len;
	return 1;
}

static int on_read(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	const struct overlay *o = userdata;
	struct config_file f;
	int r;

	for (size_t i = 0; i < o->n; i++)
		if (streq(path, o->files[i].path))
			return copy(&o->files[i], max, ret, ret_len);
	r = config_file_read_path(CONFIG_ROOT(o->root), path, max, &f);
	*ret = TAKE_PTR(f.text);
	*ret_len = f.len;
	return r;
}

/* A file that would be new is in its folder too. */
static int on_list(void *userdata, const char *path, bool (*wanted)(const char *name),
		   struct name_list *ret)
{
	const struct overlay *o = userdata;
	int r = name_list_add_folder(ret, CONFIG_ROOT(o->root), path, wanted);

	for (size_t i = 0; r >= 0 && i < o->n; i++) {
		const char *rest = startswith(o->files[i].path, path);

		if (rest && rest[0] == '/' && !strchr(rest + 1, '/') && wanted(rest + 1))
			r = name_list_add(ret, rest + 1);
	}
	return r;
}

const struct config_root_ops overlay_ops = { on_read, on_list };

int overlay_may_write(const struct overlay_file *f, bool replace)
{
	_cleanup_(freep) char *there = NULL;
	struct stat st;
	size_t len;
	int r;

	if (lstat(f->path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		log_error_errno(errno, "Failed to look at '%s': %m", f->path);
		return -EIO;
	}
	r = read_file_at(AT_FDCWD, f->path, CONFIG_FILE_MAX, &there, &len);
	if (r >= 0 && len == f->len && memcmp(there, f->text, len) == 0)
		return 1;
	return replace ? 0 : -EEXIST;
}
