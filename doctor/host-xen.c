/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "doctor/host.h"

static void in_dom0(struct result *r)
{
	result_set(r, OUTCOME_WARN,
		   "This is dom0 of Xen, which starts guests by xl and not by KVM; as far as we "
		   "know, Xen runs no guests with SEV or TDX");
	result_fix(r, FIX_NONE, "To host confidential VMs, boot this kernel without Xen");
}

static void in_domu(struct result *r, const char *kind)
{
	result_set(r, OUTCOME_FAIL,
		   "This is a guest of Xen%s%s, and cannot host a confidential VM",
		   kind[0] ? ", of type " : "", kind);
	result_fix(r, FIX_NONE, "Run coco-inject doctor on the host, and cococtl doctor here");
}

/* A kernel without CONFIG_SYS_HYPERVISOR has no /sys/hypervisor, under Xen or not. */
static bool has_other_trace(struct exam *x, struct result *r)
{
	if (machine_hypervisor(&x->machine, "XenVMMXenVMM")) {
		result_saw(r, "cpuid", "XenVMMXenVMM");
		return true;
	}
	if (provider_look(x->p, "/proc/xen") != GOT_ABSENT) {
		result_saw(r, "/proc/xen", "there");
		return true;
	}
	return false;
}

void host_xen(struct exam *x, struct result *r)
{
	char type[PROVIDER_LINE_MAX], kind[PROVIDER_LINE_MAX], can[PROVIDER_LINE_MAX];
	enum got got = provider_line(x->p, "/sys/hypervisor/type", type);

	if (got == GOT_ABSENT && !has_other_trace(x, r)) {
		result_set(r, OUTCOME_PASS, "Nothing says that this kernel runs under Xen");
		return;
	}
	if (got == GOT_IT && !streq(type, "xen")) {
		result_saw(r, "/sys/hypervisor/type", "%s", type);
		result_set(r, OUTCOME_NA, "The kernel does not run under Xen");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "/sys/hypervisor/type", got);
		return;
	}
	result_saw(r, "/sys/hypervisor/type", "%s", type);
	if (provider_line(x->p, "/sys/hypervisor/guest_type", kind) == GOT_IT)
		result_saw(r, "/sys/hypervisor/guest_type", "%s", kind);
	else
		kind[0] = '\0';
	got = provider_line(x->p, "/proc/xen/capabilities", can);
	if (got != GOT_IT) {
		/* An absent file says nothing: xenfs may not be mounted. */
		result_unknown(r, "/proc/xen/capabilities", got);
		return;
	}
	result_saw(r, "/proc/xen/capabilities", "%s", can);
	if (strstr(can, "control_d"))
		in_dom0(r);
	else
		in_domu(r, kind);
}
