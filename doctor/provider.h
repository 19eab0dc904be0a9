/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_PROVIDER_H
#define COCO_DOCTOR_PROVIDER_H

#include "base/cause.h"
#include "doctor/probe-text.h"
#include "doctor/record.h"
#include "doctor/tree.h"

/*
 * All that a check knows of a machine comes through here, and a check cannot tell whether that is
 * this machine or a record of one.  A record is a folder with parts of sys, proc, dev, boot and
 * so on, and .probe:
 *
 *	cpuid	lines of 'cpuid -1 -r'
 *	msr	lines "CPU INDEX VALUE", or EIO or EACCES in the place of the value
 *	kvm	lines "CAP SYS VM", and "probe NAME=VALUE"
 *	sev	lines "probe NAME=VALUE", of AMD's secure processor
 *	kmsg	the kernel's log, as dmesg(1) prints it
 *	time	seconds since 1970, when it was made
 *	files	lines "PATH EACCES" and "PATH EIO": files that could not be read
 *	qmp, xl	what QEMU and Xen's xl answered
 *	rights	lines "PATH MODE UID GID": whose files are, as a copy's are not
 *	tokens	lines "TYPE yes|no PATH", of headers of LUKS: a header itself is not recorded
 *
 * All paths are absolute.  Everything is untrusted: a guest's host chooses most of it.
 */
struct provider;

/*
 * @root is the folder of a record, or NULL for this machine.  @record, which may be NULL, is
 * borrowed and gets all that is read.  Returns 0, or an errno with the cause in @why.
 */
int provider_open(const char *root, struct record *record, struct provider **ret,
		  struct cause *why);
struct provider *provider_free(struct provider *p);
DEFINE_CLEANUP(struct provider *, provider_free)

/*
 * Whether a record's .probe/@name, "cpuid", "kvm" or "qmp", is a text, and "cpuid" and "kvm" are
 * understood as a whole: the questions below take what they understand, whatever stands beside it.
 * GOT_IT also if there is none, and of this machine; else GOT_MALFORMED, or why it is not read.
 */
enum got provider_check(struct provider *p, const char *name);

/* Why the last file was GOT_UNREADABLE, as a negative errno: see enum got. */
int provider_error(const struct provider *p);

/* ---- files ---- */

/* GOT_IT if there is anything at @path. */
enum got provider_look(struct provider *p, const char *path);
/* The same, with the st_mode of it in @ret. */
enum got provider_mode(struct provider *p, const char *path, mode_t *ret);

/* The first line of a small file, without its newline and blanks at its ends, as a C string. */
#define PROVIDER_LINE_MAX 256
enum got provider_line(struct provider *p, const char *path, char ret[static PROVIDER_LINE_MAX]);

/*
 * A file with one number, decimal or hexadecimal after "0x", as in sysfs; "Y" and "N" are 1 and 0.
 * GOT_MALFORMED if it is no number.
 */
enum got provider_number(struct provider *p, const char *path, uint64_t *ret);

/* A whole text file of at most PROVIDER_TEXT_MAX bytes.  @ret is yours. */
#define PROVIDER_TEXT_MAX (256u << 10)
enum got provider_text(struct provider *p, const char *path, char **ret);

/* The first @size bytes of a file, or fewer. */
enum got provider_bytes(struct provider *p, const char *path, void *ret, size_t size,
			size_t *ret_len);

/*
 * The first line of a file of any length that begins with @prefix.  GOT_ABSENT if there is no such
 * file; GOT_IT with @ret "" if there is no such line.  Only lines that were found are recorded.
 */
enum got provider_find_line(struct provider *p, const char *path, const char *prefix,
			    char ret[static TREE_LINE_MAX]);

/* The same for the first line that has @needle anywhere. */
enum got provider_find_text(struct provider *p, const char *path, const char *needle,
			    char ret[static TREE_LINE_MAX]);

/*
 * The first line of a file of any length for which @wanted is true.  GOT_IT with @ret "" if there
 * is none.  Only lines that were found are recorded.
 */
typedef bool (*provider_wanted_t)(void *ctx, const char *line);
enum got provider_find(struct provider *p, const char *path, provider_wanted_t wanted, void *ctx,
		       char ret[static TREE_LINE_MAX]);

/* Type, mode and owner of @path; of a link itself. */
enum got provider_rights(struct provider *p, const char *path, struct file_rights *ret);

/* The names in a folder, for tree_names_done(). */
enum got provider_list(struct provider *p, const char *path, struct tree_names *ret);

/* The last part of a symbolic link's target, such as the name of a device's driver. */
enum got provider_link(struct provider *p, const char *path, char ret[static PROVIDER_LINE_MAX]);

/* True if there is a symbolic link at @path, also if it leads nowhere. */
bool provider_is_link(struct provider *p, const char *path);

/*
 * Whether the header of LUKS in the file @path has a token of @type.  A device is not read: it is
 * GOT_UNREADABLE.  GOT_MALFORMED for what is no such header.
 */
enum got provider_luks_token(struct provider *p, const char *path, const char *type, bool *ret);

/* ---- what the kernel says ---- */

/*
 * The option @name of the kernel's command line.  GOT_IT with its value in @ret, "" for one
 * without; the last one counts.  GOT_ABSENT if it is not there.
 */
enum got provider_cmdline(struct provider *p, const char *name,
			  char ret[static PROVIDER_LINE_MAX]);

/*
 * What the running kernel was configured with: "y", "m", a number or a text.  @option is such as
 * "CONFIG_EFI_SECRET".  GOT_IT with "n" for an option that is off, or that this kernel does not
 * have; GOT_ABSENT if the configuration is nowhere: /proc/config.gz, /boot, /lib/modules.
 * @ret_source is the file; it may be NULL, or has PROVIDER_LINE_MAX bytes.
 */
enum got provider_config(struct provider *p, const char *option,
			 char ret[static PROVIDER_LINE_MAX], char *ret_source);

/*
 * The first line of the kernel's log that has @needle, without its stamp; from the line behind
 * *@from on, which is 0 at first and is moved.  @from may be NULL.  GOT_ABSENT if there is none,
 * which can also mean that the log has forgotten it.
 */
enum got provider_kmsg(struct provider *p, const char *needle, size_t *from,
		       char ret[static TREE_LINE_MAX]);

/* The time, in seconds since 1970: of a record, that of its making. */
enum got provider_now(struct provider *p, int64_t *ret);

/* ---- what the CPU and KVM say ---- */

/*
 * GOT_ABSENT for a leaf that the CPU does not have: of the two ranges of the CPU by their highest
 * leaves; for those of a hypervisor (0x40000000 and above) the caller has to look first.
 */
enum got provider_cpuid(struct provider *p, uint32_t leaf, uint32_t subleaf,
			struct cpuid_regs *ret);

/* GOT_ABSENT if no MSR can be asked; GOT_UNREADABLE if the CPU refuses this one. */
enum got provider_msr(struct provider *p, uint32_t index, uint64_t *ret);

/* KVM_CHECK_EXTENSION, and the probes of doctor/live.h. */
enum got provider_kvm_cap(struct provider *p, unsigned cap, bool vm, int64_t *ret);
enum got provider_kvm_probe(struct provider *p, const char *name,
			    char ret[static PROVIDER_LINE_MAX]);

/* What live_snp_status() says, as "snp-status". */
enum got provider_sev_probe(struct provider *p, const char *name,
			    char ret[static PROVIDER_LINE_MAX]);

/* ---- .probe/qmp and .probe/xl ---- */

/* The text @name, "qmp" or "xl", of a record; a live machine has none yet.  @ret is borrowed. */
enum got provider_said(struct provider *p, const char *name, const char **ret);

#endif
