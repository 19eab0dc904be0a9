/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/config-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/array.h"
#include "base/io.h"

/* The most important first. */
static const char *const config_dirs[] = { "/etc/cocod", "/run/cocod", "/usr/lib/cocod" };

const char *config_file_error(int r)
{
	switch (-r) {
	case EACCES:
	case EPERM:
		return "Permission denied; cocod runs as root without CAP_DAC_OVERRIDE, so files "
		       "and folders have to be root's, or readable by all";
	case ENOLINK:
		return "It is a link, or lies behind one, that leads nowhere";
	case EISDIR:
		return "It is a folder, not a file";
	case ENXIO:
		return "It is not a regular file";
	case EFBIG:
		return "It is larger than such a file may be";
	case ENOENT:
		return "The configuration's root folder does not exist";
	default:
		return strerror(-r);
	}
}

void config_file_done(struct config_file *f)
{
	free(f->text);
	f->text = NULL;
}

/*
 * What ENOENT for @path means.  Returns 0 when the last part of the path that exists is a folder;
 * -ENOLINK when a link on the way leads nowhere, because somebody meant it to lead to a file.
 */
static int judge_missing(const char *root, const char *path)
{
	size_t len = strlen(path);
	char part[PATH_MAX];

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	while (len > strlen(root)) {
		struct stat st;

		part[len] = '\0';
		if (lstat(part, &st) == 0) {
			if (!S_ISLNK(st.st_mode) || stat(part, &st) == 0)
				return 0;
			return errno == ENOENT ? -ENOLINK : -errno;
		}
		if (errno != ENOENT)
			return -errno;
		while (len > 0 && part[len - 1] != '/')
			len--;
		while (len > 0 && part[len - 1] == '/')
			len--;
	}
	return root[0] && access(root, F_OK) < 0 ? -errno : 0;
}

/* The path of the file or folder @name in place @i. */
static int make_path(const struct config_root *root, size_t i, const char *name,
		     char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s%s/%s", root->path, config_dirs[i], name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

void config_root_look(struct config_root *root)
{
	char path[PATH_MAX];
	struct stat st;

	for (unsigned i = 0; !root->ops && i < ARRAY_SIZE(config_dirs); i++)
		if (make_path(root, i, "", path) == 0 && stat(path, &st) < 0 &&
		    errno == ENOENT && judge_missing(root->path, path) == 0)
			root->absent |= 1u << i;
}

/* @ret_fd is -EBADF for /dev/null. */
static int open_file(const char *path, int *ret_fd)
{
	_cleanup_(closep) int fd = -EBADF;
	struct stat st;

	/* Nobody has to write into a FIFO for us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		*ret_fd = TAKE_FD(fd);
	else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		*ret_fd = -EBADF;
	else
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
	return 0;
}

/* Returns 1 with a file, which may be empty or /dev/null; 0 when no file is there. */
static int read_one(const struct config_root *root, size_t max, struct config_file *f)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (root->ops) {
		r = root->ops->read(root->userdata, f->path, max, &f->text, &f->len);
		if (r > 0 && f->text && f->len == 0)
			config_file_done(f);
		return r;
	}
	r = open_file(f->path, &fd);
	if (r == -ENOENT)
		return judge_missing(root->path, f->path);
	if (r < 0)
		return r;
	if (fd < 0)
		return 1;
	r = read_file_fd(fd, max, &f->text, &f->len);
	if (r < 0)
		return r;
	if (f->len == 0)
		config_file_done(f);
	return 1;
}

int config_file_read_path(const struct config_root *root, const char *path, size_t max,
			  struct config_file *ret)
{
	int r;

	*ret = (struct config_file){ 0 };
	if ((size_t)snprintf(ret->path, sizeof(ret->path), "%s", path) >= sizeof(ret->path))
		return -ENAMETOOLONG;
	r = read_one(root, max, ret);
	return r <= 0 ? r : ret->text != NULL;
}

int config_file_read(const struct config_root *root, const char *name, size_t max,
		     struct config_file *ret)
{
	*ret = (struct config_file){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++) {
		int r = make_path(root, i, name, ret->path);

		if (r == 0 && !(root->absent & 1u << i))
			r = read_one(root, max, ret);
		if (r != 0)
			return r < 0 ? r : ret->text != NULL;
	}
	return 0;
}

/* ---- folders ---- */

void name_list_done(struct name_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct name_list){ 0 };
}

int name_list_add(struct name_list *l, const char *name)
{
	char *copy = strdup(name), **more = copy ? array_room(l->names, l->n, sizeof(*more)) : NULL;

	if (!more) {
		free(copy);
		return -ENOMEM;
	}
	l->names = more;
	l->names[l->n++] = copy;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *l)
{
	size_t n = 0;

	if (l->n > 0)
		qsort(l->names, l->n, sizeof(*l->names), compare_names);
	for (size_t i = 0; i < l->n; i++)
		if (n > 0 && streq(l->names[i], l->names[n - 1]))
			free(l->names[i]);
		else
			l->names[n++] = l->names[i];
	l->n = n;
}

bool name_list_has(const struct name_list *l, const char *name)
{
	return l->n > 0 && bsearch(&name, l->names, l->n, sizeof(*l->names), compare_names);
}

static int add_folder(struct name_list *l, const struct config_root *root, const char *path,
		      bool (*wanted)(const char *name))
{
	_cleanup_(closedirp) DIR *dir = NULL;

	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? judge_missing(root->path, path) : -errno;
	for (;;) {
		struct dirent *de;
		int r;

		errno = 0;
		de = readdir(dir);
		if (!de && errno != 0)
			return -errno;
		if (!de)
			break;
		if (de->d_name[0] == '.' || !wanted(de->d_name))
			continue;
		r = name_list_add(l, de->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}

int name_list_add_folder(struct name_list *l, const struct config_root *root, const char *path,
			 bool (*wanted)(const char *name))
{
	int r = root->ops ? root->ops->list(root->userdata, path, wanted, l) :
			    add_folder(l, root, path, wanted);

	if (r == 0)
		name_list_sort(l);
	return r;
}

static bool is_conf(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(".conf") && streq(name + n - strlen(".conf"), ".conf");
}

static bool is_no_conf(const char *name)
{
	return !is_conf(name);
}

static int list_places(const struct config_root *root, const char *name,
		       bool (*wanted)(const char *name), struct name_list *ret,
		       char ret_path[static PATH_MAX])
{
	struct name_list l = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++) {
		int r = make_path(root, i, name, ret_path);

		if (r == 0 && !(root->absent & 1u << i))
			r = name_list_add_folder(&l, root, ret_path, wanted);
		if (r < 0) {
			name_list_done(&l);
			return r;
		}
	}
	*ret = l;
	return 0;
}

int config_folder_list(const struct config_root *root, const char *name, struct name_list *ret,
		       char ret_path[static PATH_MAX])
{
	return list_places(root, name, is_conf, ret, ret_path);
}

int config_folder_list_unread(const struct config_root *root, const char *name,
			      struct name_list *ret, char ret_path[static PATH_MAX])
{
	return list_places(root, name, is_no_conf, ret, ret_path);
}
