/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_BOOT_LOG_H
#define COCO_CLI_BOOT_LOG_H

#include "base/macro.h"

/* What the kernel's log says of the times of a boot.  It is a guest's and its host's word. */

#define BOOT_DEVICES_MAX 64
#define BOOT_LOG_MAX (8u << 20)		/* bytes of a log that is read */
/* A stamp from here on (in microseconds, some 30 years) is none. */
#define BOOT_USEC_END 1000000000000000u

/* A PCI device of Hyper-V: from "PCI VMBus probing" to its last line of setting up. */
struct boot_device {
	char name[48];		/* its VMBus GUID, printable */
	char domain[16];	/* "0001:00", of "PCI host bridge to bus"; "" before that line */
	uint64_t start_usec, end_usec;	/* equal: nothing was seen of it but the probing */
};

struct boot_log {
	unsigned n_lines, n_bad;	/* n_bad: lines without a stamp that can be read */
	unsigned n_backwards;		/* stamps that are before the one above them */
	struct boot_device devices[BOOT_DEVICES_MAX];
	unsigned n_devices, n_dropped;
	bool lazy;		/* the firmware leaves memory unaccepted */
	bool confidential;	/* a TD or a guest of SEV-SNP, which must accept memory */
	uint64_t init_usec;	/* /init of the initrd was run; 0: not seen */
	uint64_t rtc_usec;	/* the system's clock was set at this stamp; 0: not seen */
	uint64_t rtc_epoch_usec;	/* to this CLOCK_REALTIME */
	uint64_t tsc_khz;	/* 0: not seen */
};

/*
 * Read @len bytes at @text, which may be anything: lines as of dmesg, with or without "<6>", or
 * records of /dev/kmsg.  Lines that are neither count as n_bad.  Of a long line the beginning
 * counts.
 */
void boot_log_parse(const char *text, size_t len, struct boot_log *ret);

/*
 * Read lines "NAME=VALUE" and find @name.  Returns 0; -ENOENT; -EBADMSG when its value is not
 * a decimal number.
 */
int boot_value(const char *text, const char *name, uint64_t *ret);

/* The KiB of "Unaccepted:" in /proc/meminfo.  Returns 0; -ENOENT; -EBADMSG. */
int boot_unaccepted(const char *text, uint64_t *ret);

#endif
