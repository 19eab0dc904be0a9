/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/volume.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/parse.h"

#define ATTRIBUTE_MAX 256

/* A sysfs attribute of one line, without its newline. */
static bool attribute(const char *device, const char *name, char ret[static ATTRIBUTE_MAX + 1])
{
	_cleanup_(freep) char *text = NULL;
	char path[512];

	if (snprintf(path, sizeof(path), "%s/%s", device, name) >= (int)sizeof(path) ||
	    read_file_at(AT_FDCWD, path, ATTRIBUTE_MAX, &text, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	strcpy(ret, text);
	return true;
}

static bool is_open_volume(const char *device, const char *name)
{
	char value[ATTRIBUTE_MAX + 1];
	uint64_t sectors;
	size_t n;

	if (!attribute(device, "dm/name", value) || !streq(value, name))
		return false;
	/*
	 * Made before its table is loaded, and gone again when that fails: until then it has no
	 * size.
	 */
	if (!attribute(device, "size", value) || parse_u64(value, &sectors) < 0 || sectors == 0)
		return false;
	if (!attribute(device, "dm/uuid", value) || !startswith(value, "CRYPT-"))
		return false;
	n = strlen(value);
	return n > strlen(name) && value[n - strlen(name) - 1] == '-' &&
	       streq(value + n - strlen(name), name);
}

int volume_is_open(const char *sys, const char *name)
{
	_cleanup_(closedirp) DIR *d = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/class/block", sys);
	d = opendir(path);
	if (!d)
		return -errno;
	for (struct dirent *de; (de = readdir(d)); ) {
		if (!startswith(de->d_name, "dm-"))
			continue;
		snprintf(path, sizeof(path), "%.200s/class/block/%s", sys, de->d_name);
		if (is_open_volume(path, name))
			return 1;
	}
	return 0;
}

/* The files are INI-like; "PID=" stands on a line of its own. */
static bool query_is_of(int dir, const char *name, pid_t pid)
{
	_cleanup_(freep) char *text = NULL;
	char wanted[32];
	const char *at;

	if (read_file_at(dir, name, 4096, &text, NULL) < 0)
		return false;
	snprintf(wanted, sizeof(wanted), "\nPID=%d\n", (int)pid);
	at = strstr(text, wanted);
	return at != NULL;
}

bool volume_asks_passphrase(const char *dir, pid_t pid)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);

	if (!d)
		return false;
	for (struct dirent *de; (de = readdir(d)); )
		if (startswith(de->d_name, "ask.") && query_is_of(dirfd(d), de->d_name, pid))
			return true;
	return false;
}

/* The next argument, or NULL when there is none that ends with a NUL. */
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
 * The value of header= in "a,b=c,header=/path:/dev/x": a path, or a path on another device,
 * which we do not follow.
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
	*ret = req;
	return 0;
}
