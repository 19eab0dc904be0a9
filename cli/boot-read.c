/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inputs of `cococtl boot-time`: from this machine, or from a tree that was recorded. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "base/clock.h"
#include "base/io.h"
#include "base/library.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/boot-step.h"
#include "cli/boot-time.h"
#include "cli/connect.h"
#include "doctor/live.h"
#include "doctor/tree.h"

#define SMALL_MAX 65536

/* This machine, or a tree that was recorded of one, which somebody else may have filled. */
struct machine_files {
	int fd;
	const char *root;	/* "" for this machine */
	bool is_live;
};

/* Returns 0, -ENOENT, or an errno that was logged. */
static int read_below(const struct machine_files *m, const char *path, size_t max, char **ret,
		      size_t *ret_len)
{
	enum got got = tree_read(m->fd, path, max, false, ret, ret_len);

	if (got == GOT_IT)
		return 0;
	if (got == GOT_ABSENT)
		return -ENOENT;
	log_error("'%s%s' %s", m->root, path, got_words(got));
	return got == GOT_DENIED ? -EACCES : -EIO;
}

static struct boot_known value_of(const char *text, const char *name)
{
	struct boot_known k = { false, 0 };

	k.known = boot_value(text, name, &k.usec) == 0 && k.usec > 0;
	return k;
}

/* ---- the kernel ---- */

static int read_log(const struct machine_files *m, struct boot_input *in)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	int r;

	/* The log may be for root alone; the rest is worth showing. */
	if (m->is_live)
		r = live_kmsg(&text, &len) == GOT_IT ? 0 : -ENOENT;
	else
		r = read_below(m, "/.probe/kmsg", BOOT_LOG_MAX, &text, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	boot_log_parse(text, len, &in->log);
	in->has_log = true;
	return 0;
}

static int read_number(const struct machine_files *m, const char *path, struct boot_known *ret)
{
	_cleanup_(freep) char *text = NULL;
	int r = read_below(m, path, 64, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	text[strcspn(text, "\n")] = '\0';
	ret->known = parse_u64(text, &ret->usec) == 0;
	return 0;
}

static int read_memory(const struct machine_files *m, struct boot_input *in)
{
	_cleanup_(freep) char *text = NULL;
	int r = read_below(m, "/proc/meminfo", SMALL_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	in->has_unaccepted = boot_unaccepted(text, &in->unaccepted_kib) == 0;
	return 0;
}

static int read_clocks(const struct machine_files *m, struct boot_input *in)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	if (m->is_live) {
		in->boottime = (struct boot_known){ true, clock_usec(CLOCK_BOOTTIME) };
		in->realtime = (struct boot_known){ true, clock_usec(CLOCK_REALTIME) };
#if defined(__x86_64__)
		in->tsc = (struct boot_known){ true, __rdtsc() };
#endif
		return 0;
	}
	r = read_below(m, "/.probe/clocks", SMALL_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	in->boottime = value_of(text, "Boottime");
	in->realtime = value_of(text, "Realtime");
	in->tsc = value_of(text, "Tsc");
	return 0;
}

/* ---- systemd ---- */

/* Only here does cococtl ask systemd, and no other verb should wait for the library. */
#define LIBRARY "libsystemd.so.0"
#define FUNCTIONS(X)                                                                    \
	X(sd_bus_open_system) X(sd_bus_get_property_trivial) X(sd_bus_flush_close_unref)

LIBRARY_NOTE(LIBRARY, "boot-time", "recommended", "cococtl boot-time: the timestamps of systemd");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

static int load(void)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	char error[200];

	return library_load(LIBRARY, &lib, functions, error, sizeof(error));
}

static struct boot_known ask_manager(sd_bus *bus, const char *name)
{
	struct boot_known k = { false, 0 };
	int r = lib.sd_bus_get_property_trivial_(bus, "org.freedesktop.systemd1",
						 "/org/freedesktop/systemd1",
						 "org.freedesktop.systemd1.Manager", name, NULL,
						 't', &k.usec);

	/* systemd says 0 for what has not happened. */
	k.known = r >= 0 && k.usec > 0 && k.usec < BOOT_USEC_END;
	return k;
}

static int read_systemd(const struct machine_files *m, struct boot_input *in)
{
	_cleanup_(freep) char *text = NULL;
	sd_bus *bus = NULL;
	int r;

	if (m->is_live) {
		if (load() < 0 || lib.sd_bus_open_system_(&bus) < 0)
			return 0;
		in->initrd = ask_manager(bus, "InitRDTimestampMonotonic");
		in->userspace = ask_manager(bus, "UserspaceTimestampMonotonic");
		in->finish = ask_manager(bus, "FinishTimestampMonotonic");
		lib.sd_bus_flush_close_unref_(bus);
		return 0;
	}
	r = read_below(m, "/.probe/systemd", SMALL_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	in->initrd = value_of(text, "InitRDTimestampMonotonic");
	in->userspace = value_of(text, "UserspaceTimestampMonotonic");
	in->finish = value_of(text, "FinishTimestampMonotonic");
	return 0;
}

/* ---- cocod ---- */

static bool take_step(struct boot_input *in, const struct msg_stamp *s)
{
	if (in->n_steps == BOOT_STEPS_MAX)
		return false;
	in->steps[in->n_steps++] = *s;
	return true;
}

static void ask_steps(const struct args *args, struct boot_input *in)
{
	_cleanup_(closep) int fd = -EBADF;
	int r = cli_connect(args, &fd) == 0 ? 0 : -ENOTCONN;

	for (uint32_t i = 0; r >= 0 && i < BOOT_STEPS_MAX; i++) {
		struct msg_index q = { i };
		struct msg_stamp s;

		r = client_call(fd, MSG_STAMP, &q, sizeof(q), -EBADF, &s, sizeof(s), NULL);
		if (r >= 0 && (!boot_step_take(&s) || !take_step(in, &s)))
			r = -EPROTO;
	}
	in->has_steps = r >= 0 || r == -ENOENT;
	if (!in->has_steps && r != -ENOTCONN)
		(void) cli_failed(r, NULL);
}

static int read_steps(const struct machine_files *m, struct boot_input *in)
{
	_cleanup_(freep) char *text = NULL;
	struct msg_stamp step;
	char *save = NULL;
	int r = read_below(m, "/.probe/steps", SMALL_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	in->has_steps = true;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!boot_step_read(line, &step) || !take_step(in, &step))
			log_warning("A line of '%s/.probe/steps' is not a step, ignoring it",
				    m->root);
	return 0;
}

static int read_all(const struct args *args, const struct machine_files *m,
		    struct boot_input *ret)
{
	int r = read_log(m, ret);

	if (r >= 0)
		r = read_number(m, "/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns",
				&ret->loader_ns);
	if (r >= 0)
		r = read_number(m, "/sys/firmware/acpi/fpdt/boot/exitbootservice_end_ns",
				&ret->exit_ns);
	if (r >= 0)
		r = read_memory(m, ret);
	if (r >= 0)
		r = read_systemd(m, ret);
	if (r >= 0)
		r = read_clocks(m, ret);
	if (r >= 0 && !m->is_live)
		r = read_steps(m, ret);
	else if (r >= 0)
		ask_steps(args, ret);
	return r;
}

int boot_read(const struct args *args, struct boot_input *ret)
{
	const char *root = args->boot.root;
	_cleanup_(closep) int fd = open(root ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct machine_files m = { .fd = fd, .root = root ?: "", .is_live = !root };

	*ret = (struct boot_input){ .has_log = false };
	if (fd < 0)
		return log_error_errno(-errno, "'%s' cannot be opened: %m", root ?: "/");
	return read_all(args, &m, ret);
}
