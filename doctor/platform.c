/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/platform.h"

#include <stdio.h>

#define HYPERV "Microsoft Hv"
#define KVM "KVMKVMKVM"
#define XEN "XenVMMXenVMM"
#define TCG "TCGTCGTCGTCG"

/* Source: Hypervisor Top Level Functional Specification, "Feature discovery". */
#define HYPERV_FEATURES 0x40000003u
#define HYPERV_CPU_MANAGEMENT (1u << 12)

static const char *const names[] = {
	[PLATFORM_BARE] = "not a VM, or one that hides its hypervisor",
	[PLATFORM_UNNAMED] = "a VM whose hypervisor does not name itself",
	[PLATFORM_TCG] = "a VM that QEMU emulates (TCG)",
	[PLATFORM_KVM] = "a VM of KVM",
	[PLATFORM_KVM_HYPERV] = "a VM of KVM that shows Hyper-V's leaves",
	[PLATFORM_HYPERV_LEAVES] = "a VM that shows the leaves of Hyper-V and no VMBus, as KVM "
				   "can",
	[PLATFORM_HYPERV] = "a VM of Hyper-V",
	[PLATFORM_HYPERV_HIDDEN] = "a VM of Hyper-V that is hidden from CPUID",
};

const struct hypervisor *platform_hyperv(const struct machine *m)
{
	return m->n_hypervisors && m->hypervisors[0].base == 0x40000000 &&
			       streq(m->hypervisors[0].signature, HYPERV) ?
		       &m->hypervisors[0] : NULL;
}

/*
 * Xen says itself what kind of guest this is.  That comes before CPUID, which a PV guest has from
 * the machine below Xen.
 */
static bool ask_xen(struct provider *p, const struct machine *m, struct platform *ret)
{
	char line[PROVIDER_LINE_MAX];

	if (provider_line(p, "/sys/hypervisor/type", line) != GOT_IT || !streq(line, "xen"))
		return false;
	ret->kind = platform_hyperv(m) ? PLATFORM_XEN_HYPERV : PLATFORM_XEN;
	if (provider_line(p, "/sys/hypervisor/guest_type", line) == GOT_IT)
		snprintf(ret->xen_type, sizeof(ret->xen_type), "%.*s", XEN_TYPE_MAX - 1, line);
	ret->is_host = provider_line(p, "/proc/xen/capabilities", line) == GOT_IT &&
		       strstr(line, "control_d");
	return true;
}

static bool has_vmbus(struct provider *p)
{
	struct tree_names found = { 0 };
	bool has = provider_list(p, "/sys/bus/vmbus/devices", &found) == GOT_IT && found.n > 0;

	tree_names_done(&found);
	return has;
}

/*
 * True if ACPI shows its devices, and VMBus is not among them.  That device is there before its
 * driver, which an initrd may not have.  Both spellings are in use, and some hosts declare two.
 */
static bool lacks_vmbus(struct provider *p)
{
	static const char *const devices[] = {
		"/sys/bus/acpi/devices/VMBUS:00",
		"/sys/bus/acpi/devices/VMBUS:01",
		"/sys/bus/acpi/devices/VMBus:00",
		"/sys/bus/acpi/devices/VMBus:01",
	};

	if (has_vmbus(p) || provider_look(p, "/sys/bus/acpi/devices") != GOT_IT)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (provider_look(p, devices[i]) != GOT_ABSENT)
			return false;
	return true;
}

/* The root partition of Hyper-V is no guest: it may start CPUs. */
static bool is_root_partition(struct provider *p)
{
	struct cpuid_regs r;

	return provider_cpuid(p, HYPERV_FEATURES, 0, &r) == GOT_IT &&
	       r.ebx & HYPERV_CPU_MANAGEMENT;
}

static enum platform_kind by_cpuid(const struct machine *m)
{
	if (m->cpuid != GOT_IT)
		return PLATFORM_UNKNOWN;
	if (!m->in_vm)
		return PLATFORM_BARE;
	if (machine_hypervisor(m, KVM))
		return platform_hyperv(m) ? PLATFORM_KVM_HYPERV : PLATFORM_KVM;
	if (machine_hypervisor(m, XEN))
		return platform_hyperv(m) ? PLATFORM_XEN_HYPERV : PLATFORM_XEN;
	if (platform_hyperv(m))
		return PLATFORM_HYPERV;
	if (machine_hypervisor(m, TCG))
		return PLATFORM_TCG;
	return m->n_hypervisors ? PLATFORM_OTHER : PLATFORM_UNNAMED;
}

void platform_ask(struct provider *p, const struct machine *m, struct platform *ret)
{
	*ret = (struct platform){ 0 };
	if (ask_xen(p, m, ret))
		return;
	ret->kind = by_cpuid(m);
	if (ret->kind == PLATFORM_HYPERV)
		ret->is_host = is_root_partition(p);
	/* QEMU's kvm=off, which fools some drivers of GPUs, leaves Hyper-V's name alone. */
	if (ret->kind == PLATFORM_HYPERV && !ret->is_host && lacks_vmbus(p))
		ret->kind = PLATFORM_HYPERV_LEAVES;
	if (ret->kind <= PLATFORM_UNNAMED && has_vmbus(p))
		ret->kind = PLATFORM_HYPERV_HIDDEN;
}

static void describe_xen(const struct platform *p, char *ret, size_t size)
{
	if (p->is_host)
		snprintf(ret, size, "domain 0 of Xen (%s)", p->xen_type);
	else
		snprintf(ret, size, "a guest of Xen%s%s%s%s", p->xen_type[0] ? " (" : "",
			 p->xen_type, p->xen_type[0] ? ")" : "",
			 p->kind == PLATFORM_XEN_HYPERV ? " that shows Hyper-V's leaves" : "");
}

void platform_describe(const struct platform *p, const struct machine *m, char *ret, size_t size)
{
	switch (p->kind) {
	case PLATFORM_XEN:
	case PLATFORM_XEN_HYPERV:
		describe_xen(p, ret, size);
		break;
	case PLATFORM_UNKNOWN:
		snprintf(ret, size, "a machine whose CPUID %s", got_words(m->cpuid));
		break;
	case PLATFORM_OTHER:
		snprintf(ret, size, "a VM of '%s'", m->hypervisors[0].signature);
		break;
	default:
		snprintf(ret, size, "%s", p->kind == PLATFORM_HYPERV && p->is_host ?
						  "the root partition of Hyper-V" :
						  names[p->kind]);
		break;
	}
}
