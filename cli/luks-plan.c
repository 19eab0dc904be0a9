/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks-plan.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/policy.h"

#define CRYPTTAB "/etc/crypttab"
#define MODE 0644	/* of a new one: there are no secrets in it */

static int path_of(const struct luks_plan *p, const char *path, char ret[static PATH_MAX],
		   struct cause *c)
{
	if (snprintf(ret, PATH_MAX, "%s%s", p->root, path) >= PATH_MAX)
		return cause_set(c, -EIO, "the path of crypttab is too long");
	return 0;
}

/* @ret_text is yours.  Without the file it is "". */
static int read_crypttab(const struct luks_plan *p, char **ret_text, mode_t *ret_mode,
			 struct cause *c)
{
	char path[PATH_MAX];
	struct stat st;
	size_t len;
	int r = path_of(p, CRYPTTAB, path, c);

	if (r < 0)
		return r;
	*ret_mode = MODE;
	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			return cause_set_io(c, errno, "'%s' cannot be read: %s", path,
					    strerror(errno));
		*ret_text = calloc(1, 1);
		return *ret_text ? 0 : cause_set_oom(c);
	}
	/* A link would be replaced by a file. */
	if (!S_ISREG(st.st_mode))
		return cause_set(c, -EINVAL, "'%s' is not a regular file", path);
	*ret_mode = st.st_mode & 07777;
	r = read_file_at(AT_FDCWD, path, CRYPTTAB_MAX, ret_text, &len);
	if (r < 0)
		return cause_set_io(c, r, "'%s' cannot be read: %s", path, strerror(-r));
	if (strlen(*ret_text) != len)
		return cause_set(c, -EINVAL, "'%s' has a NUL in it", path);
	return 0;
}

/* Find the volume's line in @text, which is cut into lines. */
static int find_line(struct luks_plan *p, const char *name, char *text, struct cause *c)
{
	struct crypttab_line line = { 0 };

	p->there = (struct crypttab_line){ 0 };
	while (crypttab_next(&text, &line) > 0) {
		bool device = crypttab_is_device(line.device, p->uuid, &p->st);
		bool named = name && streq(line.volume, name);

		if (!device && !named)
			continue;
		if (!device)
			return cause_set(c, -EINVAL,
					 "line %u of crypttab: volume '%s' is on another device, "
					 "'%s'",
					 line.number, name, line.device);
		if (name && !named)
			return cause_set(c, -EINVAL,
					 "line %u of crypttab names this device '%s'; with --name "
					 "it can only be that",
					 line.number, line.volume);
		if (p->there.number)
			return cause_set(c, -EINVAL,
					 "lines %u and %u of crypttab are for the same volume; "
					 "remove one",
					 p->there.number, line.number);
		p->there = line;
	}
	return 0;
}

/* Where the volume has no line, its name must be free. */
static int choose_name(struct luks_plan *p, const char *name, struct cause *c)
{
	_cleanup_(freep) char *again = strdup(p->text);
	char by_uuid[sizeof("luks-") + 40];
	int r;

	if (!again)
		return cause_set_oom(c);
	r = find_line(p, name, p->text, c);
	if (r < 0)
		return r;
	if (!name && !p->there.number) {
		snprintf(by_uuid, sizeof(by_uuid), "luks-%.40s", p->uuid);
		name = by_uuid;
		r = find_line(p, name, again, c);
	}
	if (r < 0)
		return r;
	name = p->there.number ? p->there.volume : name;
	if (!volume_name_is_valid(name))
		return cause_set(c, -EINVAL,
				 "'%s' cannot be a volume's name here: 1 to %d printable "
				 "characters without blank, slash, quote or backslash",
				 name, MSG_NAME_LEN);
	if (strchr(name, ',') || name[0] == '#')
		return cause_set(c, -EINVAL, "'%s' cannot be a volume's name in crypttab", name);
	snprintf(p->volume, sizeof(p->volume), "%s", name);
	return 0;
}

/*
 * A copy of the header in memory, so that the one that was judged is the one that is used.  A line
 * that is there keeps what it says.  In an initramfs, which a keyscript is for, no unit makes it.
 */
static void choose_copy(struct luks_plan *p)
{
	char header[CRYPTTAB_HEADER_MAX];
	bool there = p->there.number, has = there && crypttab_has_copy(&p->there);
	bool can = crypttab_header(p->volume, header, p->header_unit) && p->fits_copy;
	size_t len;

	p->header_option[0] = '\0';
	if (can && !has)
		snprintf(p->header_option, sizeof(p->header_option), "header=%s", header);
	if ((!has && (there || !can)) ||
	    (there && crypttab_line_option(p->there.options, "keyscript", &len)))
		p->header_unit[0] = '\0';
}

int luks_plan_make(struct luks_plan *p, const char *name, struct cause *c)
{
	const char *key;
	mode_t mode;
	int r;

	free(TAKE_PTR(p->text));
	r = read_crypttab(p, &p->text, &mode, c);
	if (r >= 0)
		r = choose_name(p, name, c);
	if (r < 0)
		return r;
	key = crypttab_key(p->volume, p->unit);
	/* A line that names the socket for all volumes needs that. */
	if (p->there.number && startswith(p->there.key, "/run/cocod/"))
		strcpy(p->unit, "cocod-cryptsetup.socket");
	choose_copy(p);
	snprintf(p->line, sizeof(p->line), "%s UUID=%s %s luks%s%s", p->volume, p->uuid, key,
		 p->header_option[0] ? "," : "", p->header_option);
	return 0;
}

void luks_plan_done(struct luks_plan *p)
{
	free(TAKE_PTR(p->text));
}

/* ---- write ---- */

static int enable_units(const struct luks_plan *p, struct cause *c)
{
	char root[PATH_MAX + sizeof("--root=")];
	char *argv[9] = { (char *)"systemctl", (char *)"--quiet", NULL };
	size_t n = 2;
	int status, r;
	pid_t pid;

	snprintf(root, sizeof(root), "--root=%s", p->root);
	if (p->root[0])
		argv[n++] = root;
	argv[n++] = (char *)"enable";
	argv[n++] = (char *)"cocod.socket";
	argv[n++] = (char *)p->unit;
	if (p->header_unit[0])
		argv[n++] = (char *)p->header_unit;
	r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (r != 0)
		return cause_set(c, -EIO, "systemctl cannot be run: %s", strerror(r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cause_set(c, -EIO, "systemctl was lost: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return cause_set(c, -EIO, "systemctl could not enable cocod.socket, %s%s%s",
				 p->unit, p->header_unit[0] ? " and " : "", p->header_unit);
	return 0;
}

static int append_line(const struct luks_plan *p, const char *text, mode_t mode,
		       struct cause *c)
{
	size_t len = strlen(text);
	_cleanup_(freep) char *both = NULL;
	char path[PATH_MAX];
	int n, r;

	r = path_of(p, CRYPTTAB, path, c);
	if (r < 0)
		return r;
	n = asprintf(&both, "%s%s%s\n", text, len > 0 && text[len - 1] != '\n' ? "\n" : "",
		     p->line);
	if (n < 0) {
		both = NULL;
		return cause_set_oom(c);
	}
	r = write_file_atomic(path, both, (size_t)n, mode, /* exclusive= */ false);
	return r < 0 ? cause_set_io(c, r, "'%s' cannot be written: %s", path, strerror(-r)) : 0;
}

/* With the folder locked, so that two of us do not both add a line. */
static int add_line(const struct luks_plan *p, struct cause *c)
{
	_cleanup_(freep) char *text = NULL, *cut = NULL;
	_cleanup_(closep) int folder = -EBADF;
	struct luks_plan now = *p;
	char path[PATH_MAX];
	mode_t mode;
	int r;

	r = path_of(p, "/etc", path, c);
	if (r < 0)
		return r;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || flock(folder, LOCK_EX) < 0)
		return cause_set_io(c, errno, "'%s' cannot be locked: %s", path,
				    strerror(errno));
	r = read_crypttab(p, &text, &mode, c);
	if (r < 0)
		return r;
	cut = strdup(text);
	if (!cut)
		return cause_set_oom(c);
	r = find_line(&now, p->volume, cut, c);
	if (r < 0)
		return r;
	return now.there.number ? 0 : append_line(p, text, mode, c);
}

int luks_plan_write(const struct luks_plan *p, struct cause *c)
{
	/* A socket that nobody asks does no harm; a volume without one would ask a person. */
	int r = enable_units(p, c);

	return r < 0 || p->there.number ? r : add_line(p, c);
}
