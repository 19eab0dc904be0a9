/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_PLATFORM_H
#define COCO_DOCTOR_PLATFORM_H

#include "doctor/machine.h"

/* What a machine runs on.  Below a hypervisor all of it is what that hypervisor chose to show. */

enum platform_kind {
	PLATFORM_UNKNOWN,	/* CPUID cannot be asked */
	PLATFORM_BARE,		/* no hypervisor, or one that hides */
	PLATFORM_UNNAMED,	/* a hypervisor without a name */
	PLATFORM_OTHER,		/* one that has no row here */
	PLATFORM_TCG,
	PLATFORM_KVM,
	PLATFORM_KVM_HYPERV,	/* KVM that shows the leaves of Hyper-V too */
	PLATFORM_HYPERV_LEAVES,	/* leaves of Hyper-V alone, and no VMBus: KVM that hides its name */
	PLATFORM_XEN,
	PLATFORM_XEN_HYPERV,	/* Xen with viridian */
	PLATFORM_HYPERV,
	PLATFORM_HYPERV_HIDDEN,	/* Hyper-V by its VMBus, without leaves, as on Azure */
};

#define XEN_TYPE_MAX 16

struct platform {
	enum platform_kind kind;
	bool is_host;			/* domain 0 of Xen, the root partition of Hyper-V */
	char xen_type[XEN_TYPE_MAX];	/* "PV", "PVH", "HVM"; "" without Xen */
};

void platform_ask(struct provider *p, const struct machine *m, struct platform *ret);

/* In a few words: "a VM of KVM". */
void platform_describe(const struct platform *p, const struct machine *m, char *ret, size_t size);

/* The range of leaves from 0x40000000 on if it is that of Hyper-V, or else NULL. */
const struct hypervisor *platform_hyperv(const struct machine *m);

#endif
