/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_HOST_H
#define COCO_DOCTOR_HOST_H

#include "doctor/check.h"

/* The host's checks, for the array in doctor/host.c; each file has those of one subject. */

/* doctor/host-cpu.c */
void host_cpu(struct exam *x, struct result *r);
/*
 * True if the kernel found that the CPU can host TDX, which no CPUID leaf says.  @flags gets the
 * line of /proc/cpuinfo, or "".
 */
bool host_offers_tdx(struct provider *p, char flags[static TREE_LINE_MAX]);

/* doctor/host-kvm.c */
void host_kvm(struct exam *x, struct result *r);

#endif
