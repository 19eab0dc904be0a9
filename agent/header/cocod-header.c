/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies the LUKS header of a volume of crypttab(5) into memory before systemd-cryptsetup reads
 * it, so that cocod's judge and systemd-cryptsetup read the same header.
 *
 * It judges nothing: it does not know what it copies, and runs before there is a key to give.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "agent/header/header-copy.h"
#include "agent/status.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "secrets/policy.h"
#include "wire/crypttab.h"

#define CRYPTTAB "/etc/crypttab"
#define WAIT_USEC (90 * 1000000ULL)	/* as systemd waits for a device */

struct args {
	struct option_list volume;
};

static const struct verb copy = {
	.name = "copy",
	.help = "copy the LUKS header of VOLUME, as crypttab(5) has it, into memory",
	.words = { .value = "VOLUME", .required = true, OPTION_LIST(volume, 1) },
};

static const struct verb *const verbs[] = { &copy, NULL };

static const struct program program = {
	.name = "cocod-header",
	.help = "Copies LUKS headers into memory, where the host cannot change them.",
	.manual = "cocod-header(8)",
	.verbs = verbs,
};

/*
 * @ret points into @ret_text, which is yours also after an error.  Returns 0 or a negative errno,
 * with the reason in @why.
 */
static int find_line(const char *volume, char **ret_text, struct crypttab_line *ret,
		     struct cause *why)
{
	size_t len;
	int r = read_file_at(AT_FDCWD, CRYPTTAB, CRYPTTAB_MAX, ret_text, &len);

	if (r < 0)
		return cause_set(why, r, "Cannot read " CRYPTTAB ": %s", strerror(-r));
	if (strlen(*ret_text) != len)
		return cause_set(why, -EINVAL, CRYPTTAB " has a NUL");
	r = crypttab_find(*ret_text, volume, ret);
	if (r < 0)
		return cause_set(why, r, r == -EEXIST ? CRYPTTAB " has volume '%s' twice" :
							CRYPTTAB " has no volume '%s'", volume);
	return 0;
}

/* Without that systemd-cryptsetup would read the header on the disk all the same. */
static int check_option(const char *volume, const char *options, const char *path,
			struct cause *why)
{
	char value[PATH_MAX];
	int r = crypttab_option(options, "header", value, sizeof(value));

	if (r == 0 && streq(value, path))
		return 0;
	return cause_set(why, -EINVAL, CRYPTTAB ": volume '%s' needs the option header=%s, %s",
			 volume, path, r == -ENOENT ? "and has no header=" :
				       r == -EEXIST ? "and has header= twice" :
						      "and has another header=");
}

/* Returns the number of bytes, or a negative errno with the reason in @why. */
static ssize_t copy_header(const char *volume, struct cause *why)
{
	char device[512], path[sizeof(HEADER_FOLDER) + MSG_NAME_LEN + 8];
	_cleanup_(freep) char *text = NULL;
	struct crypttab_line line;
	int r;

	if (!volume_name_is_valid(volume) || *volume == '.')
		return cause_set(why, -EINVAL, "That is not a volume's name");
	(void) snprintf(path, sizeof(path), HEADER_FOLDER "/%s.hdr", volume);
	r = find_line(volume, &text, &line, why);
	if (r >= 0)
		r = check_option(volume, line.options, path, why);
	if (r < 0)
		return r;
	r = crypttab_device(line.device, device, sizeof(device));
	if (r < 0)
		return cause_set(why, r, CRYPTTAB ": the device of volume '%s' cannot be found by "
						  "'%s': use UUID=, or the path of a device",
				 volume, line.device);
	return header_copy(device, WAIT_USEC, path, why);
}

int main(int argc, char **argv)
{
	struct cause why = { "" };
	const struct verb *verb;
	struct args args = { 0 };
	ssize_t n = -EINVAL;
	int r;

	log_open("cocod-header");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args) < 0 ? -EINVAL : 1;
	if (r > 0) {
		n = copy_header(args.volume.items[0], &why);
		if (n < 0)
			log_error("%s", why.text);
		else
			log_info("The LUKS header of volume '%s' is in memory: %zd bytes",
				 args.volume.items[0], n);
	}
	option_list_done(&args.volume);
	return r == 0 || n >= 0 ? COCOD_GOOD : COCOD_FAILED;
}
