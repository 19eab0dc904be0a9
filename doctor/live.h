/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_LIVE_H
#define COCO_DOCTOR_LIVE_H

#include "doctor/probe-text.h"
#include "doctor/tree.h"

/*
 * Questions to this machine that no file of sysfs answers.  None of them changes anything: no
 * module is loaded by asking, and a virtual machine that a probe makes is gone when it ends.
 */

struct live {
	bool asked_kvm;
	enum got kvm;		/* whether /dev/kvm could be opened */
	int kvm_fd, vm_fd;	/* -EBADF: not open */
};

#define LIVE_NONE ((struct live){ .kvm_fd = -EBADF, .vm_fd = -EBADF })
void live_done(struct live *l);

/* GOT_ABSENT on another architecture.  Nothing is asked about a range: what comes back is raw. */
enum got live_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *ret);

/*
 * GOT_ABSENT when there is no /dev/cpu/0/msr, so that the module msr would have to be loaded;
 * GOT_UNREADABLE when the CPU refuses.
 */
enum got live_msr(uint32_t index, uint64_t *ret);

/* All that the kernel's log still has.  @ret is yours; it ends with a NUL. */
enum got live_kmsg(char **ret, size_t *ret_len);

/*
 * What KVM_CHECK_EXTENSION says of @cap, to /dev/kvm, or with @vm to a machine.  GOT_ABSENT without
 * KVM; GOT_UNREADABLE when it answers with an error.
 */
enum got live_kvm_cap(struct live *l, unsigned cap, bool vm, int64_t *ret);

/*
 * Do something with KVM, and say how it went, in one word:
 *
 *	open	"ok", if /dev/kvm can be opened
 *	hlt	"ok", if a CPU runs to its first HLT; else "exit N" or an errno
 *	memfd-policy	"kept", if a NUMA policy belongs to a guest_memfd's memory; "lost", if only
 *		to its mapping; else an errno
 *
 * GOT_ABSENT for any other @name, and without KVM.
 */
enum got live_kvm_probe(struct live *l, const char *name, char *ret, size_t size);

/*
 * Ask the secure processor for its status, SNP_PLATFORM_STATUS, in hexadecimal digits, or an errno
 * in words.  To be asked only where SEV-SNP is initialized: some kernels initialize it to answer.
 * GOT_ABSENT without a driver.
 */
enum got live_snp_status(char *ret, size_t size);

#endif
