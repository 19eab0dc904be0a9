/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks-probe.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

extern char **environ;

#define OUTPUT_MAX 4096

/* What blkid(8) exits with. */
#define BLKID_NOTHING 2
#define BLKID_AMBIVALENT 8

/* ---- the programs ---- */

/* Whoever uses sudo need not have the folder in PATH. */
static int start(const char *name, char *const argv[], int output, pid_t *ret)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
	posix_spawn_file_actions_t actions;
	char path[64];
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = output >= 0 ? posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) : 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		r = posix_spawn(ret, path, &actions, NULL, argv, environ);
		if (r != ENOENT)
			break;
		r = i + 1 < ARRAY_SIZE(folders) ? 0 : r;
	}
	(void) posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Returns the exit status, or -EIO; @ret, of OUTPUT_MAX + 1 bytes, may be NULL. */
static int run(const char *name, char *const argv[], char *ret, struct cause *c)
{
	int fds[2] = { -EBADF, -EBADF }, status, r;
	ssize_t n = 0;
	pid_t pid;

	if (ret && pipe2(fds, O_CLOEXEC) < 0)
		return cause_set_io(c, errno, "%s cannot be run: %s", name, strerror(errno));
	r = start(name, argv, fds[1], &pid);
	fds[1] = close_fd(fds[1]);
	if (r == 0 && ret)
		n = read_full(fds[0], ret, OUTPUT_MAX);
	fds[0] = close_fd(fds[0]);
	if (r < 0)
		return cause_set(c, -EIO, "%s cannot be run: %s", name, strerror(-r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cause_set(c, -EIO, "%s was lost: %s", name, strerror(errno));
	if (n < 0 || !WIFEXITED(status))
		return cause_set(c, -EIO, "%s did not end by itself", name);
	if (ret)
		ret[n] = '\0';
	return WEXITSTATUS(status);
}

/* ---- what is there ---- */

int luks_probe(const char *device, char ret[static PROBE_LEN], struct cause *c)
{
	char *const argv[] = { (char *)"blkid", (char *)"-p", (char *)"-o", (char *)"value",
			       (char *)"-s", (char *)"PTTYPE", (char *)"-s", (char *)"TYPE",
			       (char *)"--", (char *)device, NULL };
	char output[OUTPUT_MAX + 1] = "";
	int status = run("blkid", argv, output, c);

	if (status < 0)
		return status;
	ret[0] = '\0';
	for (char *line = output, *save; (line = strtok_r(line, "\n", &save)); line = NULL) {
		make_printable(line);
		list_add_word(ret, PROBE_LEN, line);
	}
	if (status == BLKID_NOTHING)
		return 0;
	if (status != 0 && status != BLKID_AMBIVALENT)
		return cause_set(c, -EIO, "blkid cannot say what is on it (status %d)", status);
	if (!ret[0])
		(void) strcpy(ret, status == 0 ? "something unknown" : "several");
	return 0;
}

int luks_wipe_signatures(const char *device, struct cause *c)
{
	char *const argv[] = { (char *)"wipefs", (char *)"--all", (char *)"--quiet",
			       (char *)"--", (char *)device, NULL };
	int status = run("wipefs", argv, NULL, c);

	if (status > 0)
		return cause_set(c, -EIO, "wipefs cannot remove what is on it (status %d)",
				 status);
	return status;
}

/* ---- who uses it ---- */

static bool is_image(const char *path, const char *image)
{
	_cleanup_(freep) char *text = NULL;

	if (read_file_at(AT_FDCWD, path, PATH_MAX, &text, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return streq(text, image);
}

static int check_loops(const char *image, struct cause *c)
{
	_cleanup_(freep) char *real = realpath(image, NULL);
	glob_t found = { 0 };
	int r = 0;

	if (!real)
		return cause_set_io(c, errno, "it cannot be found: %s", strerror(errno));
	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &found) == 0)
		for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
			if (is_image(found.gl_pathv[i], real))
				r = cause_set(c, -EBUSY, "a loop device uses it: %.*s",
					      (int)strcspn(found.gl_pathv[i] + 11, "/"),
					      found.gl_pathv[i] + 11);
	globfree(&found);
	return r;
}

int luks_check_unused(const char *device, const struct stat *st, struct cause *c)
{
	int fd;

	if (!S_ISBLK(st->st_mode))
		return check_loops(device, c);
	/* The kernel knows who has it, or a partition of it: nobody may have it together. */
	fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return cause_set(c, errno == EBUSY ? -EBUSY : -EIO,
				 errno == EBUSY ? "it is mounted, or in use: %s" :
						  "it cannot be opened: %s",
				 strerror(errno));
	(void) close_fd(fd);
	return 0;
}
