/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/volume.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/parse.h"

/* The files are INI-like.  Copy the value of @option, such as "\nPID=", from a line of its own. */
static int question_value(const char *text, const char *option, char *ret, size_t size)
{
	const char *at = strstr(text, option);
	size_t n;

	if (!at)
		return -EBADMSG;
	at += strlen(option);
	n = strcspn(at, "\n");
	if (n >= size)
		return -EBADMSG;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return 0;
}

/* @ret_socket may be NULL, and is "" when the question names no socket. */
static pid_t read_question(int dir, const char *name, char *ret_socket)
{
	_cleanup_(freep) char *text = NULL;
	char number[32];
	uint64_t pid;
	int r;

	r = read_file_at(dir, name, 4096, &text, NULL);
	if (r >= 0)
		r = question_value(text, "\nPID=", number, sizeof(number));
	if (r < 0)
		return r;
	if (ret_socket && question_value(text, "\nSocket=", ret_socket, ASK_SOCKET_LEN) < 0)
		ret_socket[0] = '\0';
	return parse_u64(number, &pid) < 0 || pid == 0 || pid > INT_MAX ? -EBADMSG : (pid_t)pid;
}

static pid_t asked_by(int dir, const char *name)
{
	return read_question(dir, name, NULL);
}

pid_t volume_asked_by(const char *dir, const char *name)
{
	_cleanup_(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : asked_by(fd, name);
}

bool volume_asks_passphrase(const char *dir, pid_t pid)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);

	if (!d)
		return false;
	for (struct dirent *de; (de = readdir(d)); )
		if (startswith(de->d_name, "ask.") && asked_by(dirfd(d), de->d_name) == pid)
			return true;
	return false;
}

#define NSEC_PER_SEC 1000000000ULL

int volume_asks_at(const char *dir, pid_t pid, char ret[static ASK_SOCKET_LEN])
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	char path[ASK_SOCKET_LEN];

	if (!d)
		return 0;
	for (struct dirent *de; (de = readdir(d)); ) {
		if (!startswith(de->d_name, "ask.") ||
		    read_question(dirfd(d), de->d_name, path) != pid)
			continue;
		if (path[0] != '/')
			return -EBADMSG;
		strcpy(ret, path);
		return 1;
	}
	return 0;
}

void volume_asked_mark(const char *dir, struct volume_asked *ret)
{
	struct timespec now;
	struct stat st;
	uint64_t nsec;

	*ret = (struct volume_asked){ 0 };
	if (stat(dir, &st) < 0) {
		/* The directory cannot be looked at, so that it may have changed. */
		if (errno != ENOENT)
			ret->nsec = ~0ULL;
		return;
	}
	(void) clock_gettime(CLOCK_REALTIME, &now);
	nsec = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	ret->inode = (uint64_t)st.st_ino;
	/* The kernel's file times are coarse: another change in the same tick would not show. */
	ret->nsec = nsec;
	if ((uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec - nsec < NSEC_PER_SEC / 10)
		ret->nsec = ~0ULL;
}

bool volume_asked_nothing_since(const char *dir, const struct volume_asked *before)
{
	struct stat st;

	if (before->nsec == ~0ULL)
		return false;
	if (stat(dir, &st) < 0)
		return errno == ENOENT && before->inode == 0;
	return before->inode == (uint64_t)st.st_ino &&
	       before->nsec ==
		       (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
}

int volume_peer_start(pid_t pid, uint64_t *ret)
{
	_cleanup_(freep) char *text = NULL;
	char path[64], *p, *save = NULL;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_file_at(AT_FDCWD, path, 4096, &text, NULL);
	if (r < 0)
		return r;
	/* "PID (name) S ...": the process chooses the name, which ends with the last ')'. */
	p = strrchr(text, ')');
	if (!p)
		return -EBADMSG;
	p = strtok_r(p + 1, " ", &save);
	for (unsigned field = 3; p && field < 22; field++)
		p = strtok_r(NULL, " ", &save);
	return p ? parse_u64(p, ret) : -EBADMSG;
}

/* The next argument, or NULL when no further argument ends with a NUL. */
static const char *next_arg(const char **p, size_t *len)
{
	const char *arg = *p;
	size_t n = *len ? strnlen(arg, *len) : 0;

	if (n == *len)
		return NULL;
	*p += n + 1;
	*len -= n + 1;
	return arg;
}

/*
 * The value of header= in "a,b=c,header=/path:/dev/x".  It is a path, or a path on another
 * device, which is not followed.
 */
static const char *header_option(const char *options, size_t *ret_len)
{
	while (options && *options) {
		const char *value = startswith(options, "header=");

		*ret_len = strcspn(value ? value : options, ",");
		if (value)
			return value;
		options += *ret_len;
		options += *options == ',';
	}
	return NULL;
}

/*
 * With these options systemd-cryptsetup tries a token, a TPM or an empty passphrase beside the
 * key, without asking anybody.
 */
static bool has_other_means(const char *options)
{
	static const char *const means[] = { "try-empty-password", "tpm2-device=",
					     "fido2-device=", "pkcs11-uri=" };

	while (options && *options) {
		size_t len = strcspn(options, ",");

		for (size_t i = 0; i < ARRAY_SIZE(means); i++)
			if (startswith(options, means[i]))
				return true;
		options += len;
		options += *options == ',';
	}
	return false;
}

int volume_request_parse(const char *cmdline, size_t len, struct volume_request *ret)
{
	const char *args[6] = { NULL }, *where;
	struct volume_request req = { 0 };
	size_t n = 0;

	while (n < ARRAY_SIZE(args) && (args[n] = next_arg(&cmdline, &len)))
		n++;
	if (n < 4 || !streq(args[1], "attach") || strlen(args[2]) > VOLUME_NAME_MAX)
		return -EINVAL;
	strcpy(req.volume, args[2]);

	where = header_option(args[5], &len);
	if (!where) {
		where = args[3];
		len = strlen(where);
	}
	if (where[0] != '/' || len >= sizeof(req.device))
		return -EINVAL;
	memcpy(req.device, where, len);
	(void)!snprintf(req.key, sizeof(req.key), "%s", args[4] ?: "");
	req.other_means = has_other_means(args[5]);
	*ret = req;
	return 0;
}
