/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the memory reaches a disk, which the host reads: swap and hibernation. */
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "doctor/guest.h"

#define DEPTH_MAX 8	/* devices on top of each other */

/* What becomes of a page on a device. */
enum keeps {
	KEEPS_UNKNOWN,
	KEEPS_CLEAR,
	KEEPS_ENCRYPTED,
	KEEPS_MEMORY,		/* it never leaves the memory */
};

/*
 * The UUID of a device-mapper device says who made it.  dm-verity and dm-integrity have "CRYPT-"
 * there too, and hide nothing.
 */
static bool uuid_is_crypt(const char *uuid)
{
	static const char *const types[] = { "LUKS1", "LUKS2", "PLAIN", "BITLK", "TCRYPT",
					     "FVAULT2", "LOOPAES" };
	const char *type = startswith(uuid, "CRYPT-");

	for (size_t i = 0; type && i < ARRAY_SIZE(types); i++) {
		const char *rest = startswith(type, types[i]);

		if (rest && *rest == '-')
			return true;
	}
	return false;
}

static enum keeps of_zram(struct exam *x, const char *name)
{
	char path[128], line[PROVIDER_LINE_MAX];
	enum got got;

	snprintf(path, sizeof(path), "/sys/block/%.64s/backing_dev", name);
	got = provider_line(x->p, path, line);
	if (got == GOT_ABSENT || (got == GOT_IT && (!line[0] || streq(line, "none"))))
		return KEEPS_MEMORY;
	return got == GOT_IT ? KEEPS_CLEAR : KEEPS_UNKNOWN;
}

/* The names of the devices below @name; none is no error. */
static enum got below(struct exam *x, const char *name, struct tree_names *ret)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%.64s/slaves", name);
	return provider_list(x->p, path, ret);
}

/* By the device itself, without those below it; KEEPS_CLEAR if it does not encrypt. */
static enum keeps of_itself(struct exam *x, const char *name)
{
	char path[128], line[PROVIDER_LINE_MAX];
	enum got got;

	if (startswith(name, "zram"))
		return of_zram(x, name);
	if (startswith(name, "loop") || startswith(name, "nbd"))
		return KEEPS_UNKNOWN;
	if (!startswith(name, "dm-"))
		return KEEPS_CLEAR;
	snprintf(path, sizeof(path), "/sys/block/%.64s/dm/uuid", name);
	got = provider_line(x->p, path, line);
	if (got != GOT_IT)
		return KEEPS_UNKNOWN;
	return uuid_is_crypt(line) ? KEEPS_ENCRYPTED : KEEPS_CLEAR;
}

/* A device that does not encrypt is as good as the worst of those below it. */
static enum keeps of_block(struct exam *x, const char *name, unsigned depth)
{
	struct tree_names names = { NULL, 0 };
	enum keeps keeps, worst = KEEPS_MEMORY;
	enum got got;

	if (depth == DEPTH_MAX || strlen(name) > 64 || strchr(name, '/'))
		return KEEPS_UNKNOWN;
	keeps = of_itself(x, name);
	if (keeps != KEEPS_CLEAR)
		return keeps;
	got = below(x, name, &names);
	for (size_t i = 0; got == GOT_IT && i < MIN(names.n, (size_t)32); i++) {
		keeps = of_block(x, names.names[i], depth + 1);
		if (worst != KEEPS_CLEAR && (keeps == KEEPS_CLEAR || keeps < worst))
			worst = keeps;
	}
	if (got == GOT_ABSENT || (got == GOT_IT && names.n == 0))
		worst = KEEPS_CLEAR;
	else if (got != GOT_IT || names.n > 32)
		worst = KEEPS_UNKNOWN;
	tree_names_done(&names);
	return worst;
}

/* By its number, "253:0". */
static enum keeps of_number(struct exam *x, const char *number)
{
	char path[64], name[PROVIDER_LINE_MAX];

	if (strspn(number, "0123456789:") != strlen(number) || strlen(number) > 24)
		return KEEPS_UNKNOWN;
	snprintf(path, sizeof(path), "/sys/dev/block/%s", number);
	return provider_link(x->p, path, name) == GOT_IT ? of_block(x, name, 0) : KEEPS_UNKNOWN;
}

/* /dev/mapper/NAME: which dm-N that is. */
static enum keeps of_mapped(struct exam *x, const char *name)
{
	struct tree_names names = { NULL, 0 };
	char path[PROVIDER_LINE_MAX], line[PROVIDER_LINE_MAX];
	enum keeps keeps = KEEPS_UNKNOWN;

	if (provider_list(x->p, "/sys/block", &names) != GOT_IT)
		return KEEPS_UNKNOWN;
	for (size_t i = 0; i < names.n; i++) {
		if (!startswith(names.names[i], "dm-") || strlen(names.names[i]) > 64)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.64s/dm/name", names.names[i]);
		if (provider_line(x->p, path, line) == GOT_IT && streq(line, name)) {
			keeps = of_block(x, names.names[i], 0);
			break;
		}
	}
	tree_names_done(&names);
	return keeps;
}

/* ---- swap ---- */

struct mounts {
	const char *path;
	size_t best;			/* bytes of the mount point; 0: none yet */
	char number[32];
	char line[TREE_LINE_MAX];
};

/* A line "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ..."; of equal mount points the last one counts. */
static bool take_mount(void *ctx, const char *line)
{
	struct mounts *m = ctx;
	char number[32], mount[1024];
	size_t n;

	if (sscanf(line, "%*s %*s %31s %*s %1023s", number, mount) != 2)
		return false;
	n = strlen(mount);
	if (mount[0] != '/' || n < m->best ||
	    (n > 1 && (strncmp(m->path, mount, n) != 0 || m->path[n] != '/')))
		return false;
	m->best = n;
	memcpy(m->number, number, sizeof(number));
	strcpy(m->line, line);
	return false;
}

static bool is_that_mount(void *ctx, const char *line)
{
	const struct mounts *m = ctx;

	return streq(line, m->line);
}

/* The file system of the file @path; the second time over, for a record to have its line. */
static bool device_of_file(struct exam *x, struct mounts *m)
{
	static const char mountinfo[] = "/proc/self/mountinfo";
	char line[TREE_LINE_MAX];

	return provider_find(x->p, mountinfo, take_mount, m, line) == GOT_IT && m->best > 0 &&
	       provider_find(x->p, mountinfo, is_that_mount, m, line) == GOT_IT;
}

static enum keeps of_swap(struct exam *x, const char *path, const char *type)
{
	struct mounts mounts = { .path = path };
	const char *name;

	if (streq(type, "file"))
		return device_of_file(x, &mounts) ? of_number(x, mounts.number) : KEEPS_UNKNOWN;
	name = startswith(path, "/dev/mapper/");
	if (name)
		return of_mapped(x, name);
	name = startswith(path, "/dev/");
	return name && !strchr(name, '/') ? of_block(x, name, 0) : KEEPS_UNKNOWN;
}

struct swaps {
	unsigned n[KEEPS_MEMORY + 1];
	char clear[256], unknown[256];		/* the first of them */
	bool is_file;				/* the first in the clear is a file */
};

static void take_swap(struct exam *x, const char *line, struct swaps *s, struct result *r)
{
	static const char *const words[] = { "cannot be told", "in the clear", "encrypted",
					     "in memory" };
	char path[256], type[16];
	enum keeps keeps;

	if (sscanf(line, "%255s %15s", path, type) != 2)
		return;
	keeps = of_swap(x, path, type);
	if (keeps == KEEPS_CLEAR && !s->n[keeps]) {
		memcpy(s->clear, path, sizeof(path));
		s->is_file = streq(type, "file");
	}
	if (keeps == KEEPS_UNKNOWN && !s->n[keeps])
		memcpy(s->unknown, path, sizeof(path));
	s->n[keeps]++;
	result_saw(r, "/proc/swaps", "%.200s: %s", path, words[keeps]);
}

static void swap_in_the_clear(const struct swaps *s, struct result *r)
{
	result_set(r, OUTCOME_FAIL,
		   "Swap on '%s' is not encrypted: the host reads what this VM swaps out",
		   s->clear);
	result_fix(r, FIX_CONFIG, "swapoff '%s'", s->clear);
	if (s->is_file)
		result_fix(r, FIX_CONFIG, "Remove its line from /etc/fstab");
	else
		result_fix(r, FIX_CONFIG,
			   "In /etc/crypttab: swap %s /dev/urandom "
			   "swap,cipher=aes-xts-plain64,size=512; in /etc/fstab: /dev/mapper/swap "
			   "none swap sw",
			   s->clear);
}

void guest_swap(struct exam *x, struct result *r)
{
	_cleanup_(freep) char *text = NULL;
	struct swaps s = { .clear = "" };
	enum got got = provider_text(x->p, "/proc/swaps", &text);
	char *save = NULL;

	if (got == GOT_ABSENT && provider_look(x->p, "/proc") == GOT_IT) {
		result_set(r, OUTCOME_PASS, "This kernel has no swap");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "/proc/swaps", got);
		return;
	}
	if (!startswith(text, "Filename")) {
		result_unknown(r, "/proc/swaps", GOT_MALFORMED);
		return;
	}
	(void) strtok_r(text, "\n", &save);
	for (const char *l = strtok_r(NULL, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		take_swap(x, l, &s, r);
	if (s.n[KEEPS_CLEAR]) {
		swap_in_the_clear(&s, r);
	} else if (s.n[KEEPS_UNKNOWN]) {
		result_set(r, OUTCOME_UNKNOWN, "Whether swap on '%s' is encrypted cannot be told",
			   s.unknown);
		result_fix(r, FIX_NONE, "Look at 'lsblk -s': below it there should be a 'crypt'");
	} else {
		result_set(r, OUTCOME_PASS, "%s",
			   s.n[KEEPS_ENCRYPTED] ? "Swap is encrypted" :
			   s.n[KEEPS_MEMORY]	? "Swap is compressed memory" :
						  "There is no swap");
	}
}

/* ---- hibernation ---- */

static void show_lockdown(struct exam *x, struct result *r)
{
	char line[PROVIDER_LINE_MAX];

	if (provider_line(x->p, "/sys/kernel/security/lockdown", line) == GOT_IT)
		result_saw(r, "/sys/kernel/security/lockdown", "%s", line);
}

/* Where an image would be written to; "" if nowhere. */
static void resume_device(struct exam *x, struct result *r, char ret[static PROVIDER_LINE_MAX])
{
	char line[PROVIDER_LINE_MAX];

	ret[0] = '\0';
	if (provider_cmdline(x->p, "resume", line) == GOT_IT)
		result_saw(r, "/proc/cmdline", "resume=%s", line);
	if (provider_line(x->p, "/sys/power/resume", line) != GOT_IT || streq(line, "0:0"))
		return;
	result_saw(r, "/sys/power/resume", "%s", line);
	memcpy(ret, line, sizeof(line));
}

static void can_hibernate(struct exam *x, struct result *r)
{
	char device[PROVIDER_LINE_MAX];
	enum keeps keeps;

	resume_device(x, r, device);
	if (!device[0]) {
		result_set(r, OUTCOME_PASS, "No device is set to hibernate to");
		return;
	}
	keeps = of_number(x, device);
	if (keeps == KEEPS_ENCRYPTED) {
		result_set(r, OUTCOME_PASS, "This VM can hibernate, to the encrypted device %s",
			   device);
		return;
	}
	result_set(r, keeps == KEEPS_CLEAR ? OUTCOME_FAIL : OUTCOME_WARN,
		   "This VM can hibernate, which writes all of its memory to the device %s%s",
		   device, keeps == KEEPS_CLEAR ? ", which is not encrypted" :
		   ", and whether that is encrypted cannot be told");
	result_fix(r, FIX_KERNEL_ARG, "nohibernate");
}

void guest_hibernation(struct exam *x, struct result *r)
{
	char state[PROVIDER_LINE_MAX], disk[PROVIDER_LINE_MAX], word[PROVIDER_LINE_MAX];
	enum got got = provider_line(x->p, "/sys/power/state", state);

	if (got == GOT_ABSENT && provider_look(x->p, "/sys/power") == GOT_IT) {
		result_set(r, OUTCOME_PASS, "The kernel cannot hibernate");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "/sys/power/state", got);
		return;
	}
	result_saw(r, "/sys/power/state", "%s", state);
	show_lockdown(x, r);
	if (provider_line(x->p, "/sys/power/disk", disk) == GOT_IT)
		result_saw(r, "/sys/power/disk", "%s", disk);
	else
		disk[0] = '\0';
	/* Lockdown, nohibernate and memory that must not be written each take "disk" away. */
	if (!text_has_word(state, " \t", "disk") || startswith(disk, "[disabled]") ||
	    provider_cmdline(x->p, "nohibernate", word) == GOT_IT)
		result_set(r, OUTCOME_PASS, "This VM cannot hibernate");
	else
		can_hibernate(x, r);
}
