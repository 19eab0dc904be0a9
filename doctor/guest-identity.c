/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "doctor/guest.h"

static void show_hypervisors(const struct machine *m, struct result *r)
{
	char source[32];

	for (unsigned i = 0; i < m->n_hypervisors; i++) {
		snprintf(source, sizeof(source), "cpuid 0x%x", m->hypervisors[i].base);
		result_saw(r, source, "%s, up to 0x%x", m->hypervisors[i].signature,
			   m->hypervisors[i].last);
	}
}

void guest_identity(struct exam *x, struct result *r)
{
	const struct platform *platform = &x->platform;

	show_hypervisors(&x->machine, r);
	if (platform->xen_type[0])
		result_saw(r, "/sys/hypervisor/guest_type", "%s", platform->xen_type);
	if (platform->kind == PLATFORM_UNKNOWN) {
		result_unknown(r, "cpuid", x->machine.cpuid);
	} else if (platform->is_host) {
		result_set(r, OUTCOME_WARN, "This is %s, and so no guest but a host", x->what);
		result_fix(r, FIX_NONE, "Run coco-inject doctor here, and cococtl doctor in a VM");
	} else if (platform->kind == PLATFORM_BARE) {
		result_set(r, OUTCOME_NA, "The CPU says nothing of a hypervisor");
		result_fix(r, FIX_NONE, "For a host there is coco-inject doctor");
	} else {
		result_set(r, OUTCOME_PASS, "This is %s", x->what);
	}
}
