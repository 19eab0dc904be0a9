/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_BOOT_TIME_H
#define COCO_CLI_BOOT_TIME_H

#include "cli/boot-log.h"
#include "cli/cococtl.h"

/* What `cococtl boot-time` reads, makes of it, and shows; times are in microseconds. */

#define BOOT_STEPS_MAX 256

/* A number that may not be known. */
struct boot_known {
	bool known;
	uint64_t usec;
};

struct boot_input {
	struct boot_log log;
	bool has_log;
	/* of systemd, by CLOCK_MONOTONIC: the initrd's, the system's, and the end of the boot */
	struct boot_known initrd, userspace, finish;
	/* of the firmware's table FPDT, in nanoseconds since reset */
	struct boot_known loader_ns, exit_ns;
	uint64_t unaccepted_kib;
	bool has_unaccepted;
	/* the clocks, all read at one moment */
	struct boot_known boottime, realtime, tsc;	/* tsc in cycles */
	struct msg_stamp steps[BOOT_STEPS_MAX];
	unsigned n_steps;
	bool has_steps;			/* cocod was asked, and answered */
};

/* One line of the table, and one bar. */
struct boot_row {
	char group[16];			/* "phase", "device", "step" */
	char name[256];			/* printable */
	bool has_start;
	uint64_t start_usec;		/* since the kernel's start */
	struct boot_known span;
};

#define BOOT_ROWS_MAX (8 + BOOT_DEVICES_MAX + BOOT_STEPS_MAX)
#define BOOT_NOTES_MAX 24

struct boot_times {
	struct boot_row rows[BOOT_ROWS_MAX];
	unsigned n_rows;
	char notes[BOOT_NOTES_MAX][256];
	unsigned n_notes;
	/* to the end of the boot, from the firmware if that is known, or else from the kernel */
	struct boot_known total;
	const char *acceptance;		/* "lazy", "eager", "none", "unknown" */
	struct boot_known by_tsc, by_wall, by_boottime;	/* until now */
};

/*
 * Read everything, below @args->boot.root if that is given.  What is not there is not known.
 * Returns 0; -ENOMEM; an errno of a file that exists and cannot be read, after it was logged.
 */
int boot_read(const struct args *args, struct boot_input *ret);

void boot_compute(const struct boot_input *in, struct boot_times *ret);

/* Returns 0 or -ENOMEM. */
int boot_print(const struct boot_times *t);
struct json_object *boot_to_json(const struct boot_input *in, const struct boot_times *t);

/* Write the chart to @path.  Returns 0, or an errno of writing it. */
int boot_svg(const struct boot_times *t, const char *path);

/*
 * Print what is other than in the file @path, an earlier --json.  Returns 0; -EBADMSG when it is no
 * such file; -EOPNOTSUPP when it is of another version; an errno of reading it.
 */
int boot_diff(const struct boot_times *t, const char *path);

/* Read the @len bytes at @text as an earlier --json.  @ret is yours.  As boot_diff(). */
int boot_json_read(const char *text, size_t len, struct json_object **ret);

#define BOOT_DIFF_MAX (4u << 20)

#endif
