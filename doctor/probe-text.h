/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_PROBE_TEXT_H
#define COCO_DOCTOR_PROBE_TEXT_H

#include "base/macro.h"

/*
 * The texts in a record's folder .probe, which have what cannot be a file of sysfs.  They come from
 * anybody: each reader takes any bytes.
 */

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* What a text says of a question. */
enum probe_said {
	PROBE_SAYS,		/* the value */
	PROBE_SILENT,		/* nothing, and all of the text was understood */
	PROBE_DENIED,		/* that it could not be asked without more privileges */
	PROBE_FAILED,		/* that the machine refused to answer */
	PROBE_MALFORMED,	/* nothing, or nonsense, and a line was not understood */
};

/*
 * The registers that CPUID gives for a leaf and a subleaf, from lines as 'cpuid -1 -r' prints them:
 * "   0x00000000 0x00: eax=0x0000000d ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65".  Lines that
 * begin with "CPU" are headings.  If a leaf is there twice, the first counts.
 */
enum probe_said probe_cpuid(const char *text, uint32_t leaf, uint32_t subleaf,
			    struct cpuid_regs *ret);

/* The MSR @index of CPU 0, from lines "CPU INDEX VALUE", where VALUE may be EIO or EACCES. */
enum probe_said probe_msr(const char *text, uint32_t index, uint64_t *ret);

/*
 * A KVM capability, from lines "CAP SYS VM": what /dev/kvm and a machine's descriptor answered;
 * a negative number and "-" are none.
 */
enum probe_said probe_kvm_cap(const char *text, unsigned cap, bool vm, int64_t *ret);

/* From lines "probe NAME=VALUE".  @ret is cut to @size. */
enum probe_said probe_kvm_value(const char *text, const char *name, char *ret, size_t size);

/* Who may use a file, as stat(2) says. */
struct file_rights {
	uint32_t mode;		/* with the bits of its type */
	uint32_t uid, gid;
};

/* From lines "PATH MODE UID GID", MODE in octal.  A path ends where the three numbers begin. */
enum probe_said probe_rights(const char *text, const char *path, struct file_rights *ret);

/* From lines "TYPE yes PATH" and "TYPE no PATH": whether the LUKS header PATH has such a token. */
enum probe_said probe_token(const char *text, const char *type, const char *path, bool *ret);

/*
 * The first line of @len bytes of the kernel's log, at or after the offset @from, that has @needle
 * in its first @size - 1 bytes.
 * NUL bytes and other noise belong to the line that they are in.  The stamp and the level before
 * the message are left out; lines that begin with another facility than the kernel's do not
 * count.  Returns the offset behind the line, or 0 if there is no such line.
 */
size_t probe_kmsg(const char *text, size_t len, size_t from, const char *needle, char *ret,
		  size_t size);

#endif
