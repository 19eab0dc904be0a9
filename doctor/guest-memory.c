/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where memory, which the hardware encrypts, would leave the VM in the clear. */
#include <stdio.h>

#include "doctor/guest.h"

static bool is_zram(const char *device)
{
	return startswith(device, "/dev/zram") != NULL;
}

/* True for a device of device-mapper that dm-crypt made: its UUID begins so. */
static bool is_crypt(struct exam *x, const char *device)
{
	const char *name = startswith(device, "/dev/");
	char path[PROVIDER_LINE_MAX + 32], line[TREE_LINE_MAX];

	if (!name || !startswith(name, "dm-") || strchr(name, '/'))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%.200s/dm/uuid", name);
	return provider_find_line(x->p, path, "CRYPT-", line) == GOT_IT && line[0];
}

struct swaps {
	unsigned n, in_clear, files;
};

/* One line of /proc/swaps: "PATH TYPE SIZE USED PRIORITY". */
static void look_at_swap(struct exam *x, struct result *r, char *line, struct swaps *s)
{
	char *save = NULL, *path = strtok_r(line, " \t", &save);
	const char *type = strtok_r(NULL, " \t", &save), *what = "encrypted";

	if (!path || !type)
		return;
	s->n++;
	if (streq(type, "file")) {
		what = "a file";
		s->files++;
	} else if (is_zram(path)) {
		what = "in memory";
	} else if (!is_crypt(x, path)) {
		what = "not encrypted";
		s->in_clear++;
	}
	result_saw(r, "/proc/swaps", "%.200s: %s", path, what);
}

void guest_swap(struct exam *x, struct result *r)
{
	_cleanup_(freep) char *text = NULL;
	enum got got = provider_text(x->p, "/proc/swaps", &text);
	struct swaps s = { 0 };
	char *rest;

	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_PASS, "This kernel has no swap");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "/proc/swaps", got);
		return;
	}
	rest = strchrnul(text, '\n');	/* the first line has headings */
	for (char *save = NULL, *line = strtok_r(rest, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		look_at_swap(x, r, line, &s);
	if (s.in_clear) {
		result_set(r, OUTCOME_FAIL,
			   "Swap goes to a disk in the clear: the host can read there what it "
			   "cannot "
			   "read in memory");
		result_fix(r, FIX_CONFIG,
			   "swapoff it, and encrypt it with a random key: in /etc/crypttab, 'swap "
			   "DEVICE /dev/urandom swap,cipher=aes-xts-plain64,size=512'");
	} else if (s.files) {
		result_set(r, OUTCOME_WARN,
			   "Swap goes to a file: the host can read it unless the file system's "
			   "device "
			   "is encrypted");
		result_fix(r, FIX_CONFIG,
			   "See with 'lsblk' that the file is below a device of type "
			   "crypt");
	} else {
		result_set(r, OUTCOME_PASS, "%s", s.n ? "Swap is encrypted, or stays in memory" :
							"There is no swap");
	}
}

void guest_hibernation(struct exam *x, struct result *r)
{
	char states[PROVIDER_LINE_MAX], device[PROVIDER_LINE_MAX], word[PROVIDER_LINE_MAX];
	enum got got = provider_line(x->p, "/sys/power/state", states);

	if (got != GOT_IT && got != GOT_ABSENT) {
		result_unknown(r, "/sys/power/state", got);
		return;
	}
	if (got == GOT_ABSENT || !strstr(states, "disk") ||
	    provider_cmdline(x->p, "nohibernate", word) == GOT_IT) {
		result_set(r, OUTCOME_PASS, "This VM cannot be hibernated");
		return;
	}
	result_saw(r, "/sys/power/state", "%s", states);
	if (provider_line(x->p, "/sys/power/resume", device) != GOT_IT || streq(device, "0:0")) {
		result_set(r, OUTCOME_PASS, "No device is set to hibernate to");
		return;
	}
	result_saw(r, "/sys/power/resume", "%s", device);
	result_set(r, OUTCOME_WARN,
		   "This VM can be hibernated: that writes its memory, with all keys, to a disk");
	result_fix(r, FIX_KERNEL_ARG, "nohibernate");
}

/* What the kernel's log says at boot comes first: it is what the kernel does. */
static enum got asks_to_wipe(struct exam *x, struct result *r, bool *ret)
{
	static const char needle[] = "mem auto-init:";
	char line[TREE_LINE_MAX], value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX];
	enum got got;

	if (provider_kmsg(x->p, needle, NULL, line) == GOT_IT && startswith(line, needle)) {
		result_saw(r, "kmsg", "%.*s", 200, line);
		*ret = strstr(line, "heap free:on");
		return GOT_IT;
	}
	if (provider_cmdline(x->p, "init_on_free", value) == GOT_IT) {
		result_saw(r, "/proc/cmdline", "init_on_free=%s", value);
		*ret = streq(value, "1") || streq(value, "on") || streq(value, "y");
		return GOT_IT;
	}
	got = provider_config(x->p, "CONFIG_INIT_ON_FREE_DEFAULT_ON", value, source);
	if (got == GOT_IT) {
		result_saw(r, source, "CONFIG_INIT_ON_FREE_DEFAULT_ON=%s", value);
		*ret = streq(value, "y");
	}
	return got;
}

void guest_init_on_free(struct exam *x, struct result *r)
{
	bool wipes = false;
	enum got got = asks_to_wipe(x, r, &wipes);

	if (got != GOT_IT) {
		result_unknown(r, "what the kernel does with memory that is freed", got);
		return;
	}
	if (wipes) {
		result_set(r, OUTCOME_PASS, "The kernel zeroes memory that is freed");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "The kernel leaves what was in memory there when it is freed: copies of keys "
		   "that "
		   "the kernel or another program made stay until they are overwritten");
	result_fix(r, FIX_KERNEL_ARG, "init_on_free=1");
}
