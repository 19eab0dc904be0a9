/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies the LUKS header of a volume into memory before systemd-cryptsetup, or cryptsetup in an
 * initramfs without systemd, reads it, so that cocod's judge and that program read the same header.
 *
 * It judges nothing: it does not know what it copies, and runs before there is a key to give.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/header/header-copy.h"
#include "agent/status.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "secrets/policy.h"
#include "wire/cryptsetup-peer.h"
#include "wire/cryptsetup-unit.h"
#include "wire/crypttab.h"

#define CRYPTTAB "/etc/crypttab"
/* Where systemd-cryptsetup-generator puts its units. */
#define GENERATED "/run/systemd/generator"
#define WAIT_USEC (90 * 1000000ULL)	/* as systemd waits for a device */
#define PATH_LEN (sizeof(HEADER_FOLDER) + MSG_NAME_LEN + 8)

struct args {
	struct option_list volume;
	const char *crypttab;
	uint64_t wait_usec;
	bool if_used;
};

/* ---- the volume ---- */

/* @ret_text is yours also after an error. */
static int read_text(int dir, const char *path, size_t max, char **ret_text, struct cause *why)
{
	size_t len;
	int r = read_file_at(dir, path, max, ret_text, &len);

	if (r < 0)
		return cause_set(why, r, "Cannot read %s: %s", path, strerror(-r));
	return strlen(*ret_text) == len ? 0 : cause_set(why, -EINVAL, "%s has a NUL", path);
}

/*
 * What systemd will run, whatever it was made from: a crypttab or the kernel's command line.
 * @ret points into @ret_text, which is yours also after an error.  Returns 1; 0 when there is no
 * unit; a negative errno.
 */
static int find_unit(const char *volume, char **ret_text, struct crypttab_line *ret,
		     struct cause *why)
{
	_cleanup_(closedirp) DIR *d = opendir(GENERATED);
	struct dirent *de;
	int r;

	while (d && (de = readdir(d))) {
		if (!cryptsetup_unit_is_for(de->d_name, volume))
			continue;
		r = read_text(dirfd(d), de->d_name, CRYPTSETUP_UNIT_MAX, ret_text, why);
		if (r < 0)
			return r;
		r = cryptsetup_unit_read(*ret_text, ret);
		if (r >= 0 && !streq(ret->volume, volume))
			r = -EINVAL;
		return r < 0 ? cause_set(why, r, "%s is not as systemd-cryptsetup-generator "
						 "makes it", de->d_name) : 1;
	}
	return 0;
}

/* @ret points into @ret_text, which is yours also after an error.  Returns 0 or an errno. */
static int find_volume(const char *volume, char **ret_text, struct crypttab_line *ret,
		       struct cause *why)
{
	int r = find_unit(volume, ret_text, ret, why);

	if (r != 0)
		return r < 0 ? r : 0;
	r = read_text(AT_FDCWD, CRYPTTAB, CRYPTTAB_MAX, ret_text, why);
	if (r < 0)
		return r;
	r = crypttab_find(*ret_text, volume, ret);
	if (r < 0)
		return cause_set(why, r, r == -EEXIST ? CRYPTTAB " has volume '%s' twice" :
							CRYPTTAB " has no volume '%s'", volume);
	return 0;
}

/*
 * Without the option systemd-cryptsetup would read the header on the disk all the same.  Returns
 * 0; -ENOENT without a header=; -EINVAL.
 */
static int check_option(const struct crypttab_line *line, const char *path, struct cause *why)
{
	char value[PATH_MAX];
	int r = crypttab_option(line->options, "header", value, sizeof(value));

	if (r == 0 && streq(value, path))
		return 0;
	return cause_set(why, r == -ENOENT ? -ENOENT : -EINVAL,
			 "Volume '%s' needs the option header=%s, %s", line->volume, path,
			 r == -ENOENT ? "and has no header=" :
			 r == -EEXIST ? "and has header= twice" : "and has another header=");
}

/* Returns 0, or -EINVAL for what may not be the name of a copy. */
static int make_path(const char *volume, char ret[static PATH_LEN], struct cause *why)
{
	if (!volume_name_is_valid(volume) || *volume == '.')
		return cause_set(why, -EINVAL, "That is not a volume's name");
	(void) snprintf(ret, PATH_LEN, HEADER_FOLDER "/%s.hdr", volume);
	return 0;
}

/* ---- one of them ---- */

static int copy_line(const struct crypttab_line *line, uint64_t wait_usec, const char *path)
{
	struct cause why = { "" };
	char device[512];
	ssize_t n;
	int r = crypttab_device(line->device, device, sizeof(device));

	if (r < 0)
		return log_error_errno(r, "The device of volume '%s' cannot be found by '%s': use "
					  "UUID=, or the path of a device",
				       line->volume, line->device);
	n = header_copy(device, wait_usec, path, &why);
	if (n < 0) {
		log_error("%s", why.text);
		return (int)n;
	}
	log_info("The LUKS header of volume '%s' is in memory: %zd bytes", line->volume, n);
	return 0;
}

static int run_copy(struct args *args)
{
	const char *volume = args->volume.items[0];
	_cleanup_(freep) char *text = NULL;
	struct cause why = { "" };
	struct crypttab_line line;
	char path[PATH_LEN];
	int r;

	r = make_path(volume, path, &why);
	if (r >= 0)
		r = find_volume(volume, &text, &line, &why);
	if (r >= 0)
		r = check_option(&line, path, &why);
	else if (r == -ENOENT)
		r = -ENODATA;	/* nobody knows the volume, which is not the same */
	if (r == -ENOENT && args->if_used)
		return COCOD_GOOD;
	if (r < 0) {
		log_error("%s", why.text);
		return COCOD_FAILED;
	}
	return copy_line(&line, WAIT_USEC, path) < 0 ? COCOD_FAILED : COCOD_GOOD;
}

/* ---- those of an initramfs ---- */

/* True if the line's header is in our folder, and is not there yet. */
static bool wants_copy(const struct crypttab_line *line, char ret_path[static PATH_LEN])
{
	char value[PATH_MAX];
	struct cause why;
	int r = crypttab_option(line->options, "header", value, sizeof(value));

	if (r == -ENOENT || (r >= 0 && !startswith(value, HEADER_FOLDER "/")))
		return false;
	r = make_path(line->volume, ret_path, &why);
	if (r >= 0)
		r = check_option(line, ret_path, &why);
	if (r < 0)
		log_error("%s", why.text);
	return r >= 0 && access(ret_path, F_OK) < 0;
}

static int run_copy_all(struct args *args)
{
	const uint64_t end = now_usec() + args->wait_usec;
	_cleanup_(freep) char *text = NULL;
	struct crypttab_line line = { 0 };
	struct cause why = { "" };
	char path[PATH_LEN], *p;
	int failed = read_text(AT_FDCWD, args->crypttab, CRYPTTAB_MAX, &text, &why);

	if (failed < 0) {
		log_error("%s", why.text);
		return COCOD_FAILED;
	}
	for (p = text; crypttab_next(&p, &line) > 0; ) {
		uint64_t now = now_usec();

		if (!wants_copy(&line, path))
			continue;
		if (header_folder_make(&why) < 0) {
			log_error("%s", why.text);
			return COCOD_FAILED;
		}
		if (copy_line(&line, end > now ? end - now : 0, path) < 0)
			failed = -EIO;
	}
	return failed < 0 ? COCOD_FAILED : COCOD_GOOD;
}

/* ---- the command line ---- */

static const struct option_row copy_options[] = {
	{ "if-used", NULL, "do nothing for a volume without the option header=",
	  OPTION_FLAG(if_used) },
	{ NULL },
};

static const struct option_row copy_all_options[] = {
	{ "crypttab", "FILE", "the volumes' crypttab(5)", OPTION_PATH(crypttab),
	  .required = true },
	{ "wait", "TIME", "wait for devices, together so long",
	  OPTION_PARSED(wait_usec, option_parse_usec, "a time such as 5s") },
	{ NULL },
};

static const struct verb copy = {
	.name = "copy",
	.help = "Copy the LUKS header of VOLUME, as systemd or crypttab(5) has it, into memory",
	.example = "data",
	.options = copy_options,
	.words = { .value = "VOLUME", .required = true, OPTION_LIST(volume, 1) },
	.run = run_copy,
};

static const struct verb copy_all = {
	.name = "copy-all",
	.help = "Copy the headers that are not in memory yet, in an initramfs without systemd",
	.example = "--crypttab=/etc/crypttab --wait=10s",
	.options = copy_all_options,
	.run = run_copy_all,
};

static const struct verb *const verbs[] = { &copy, &copy_all, NULL };

static const struct program program = {
	.name = "cocod-header",
	.help = "Copies LUKS headers into memory, where the host cannot change them.",
	.manual = "cocod-header(8)",
	.verbs = verbs,
};

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	int r, status = COCOD_FAILED;

	log_open("cocod-header");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0 && command_check(&program, verb, &args) >= 0)
		status = verb->run(&args);
	option_list_done(&args.volume);
	return r == 0 ? COCOD_GOOD : status;
}
