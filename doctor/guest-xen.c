/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest of Xen sees of it, and what an Arm guest has. */
#include <stdio.h>

#include "doctor/guest.h"

void guest_xen_pvcalls(struct exam *x, struct result *r)
{
	int found;

	if (!x->platform.xen_type[0] || x->platform.is_host) {
		result_set(r, OUTCOME_NA, "This is no guest of Xen");
		return;
	}
	found = exam_has_device(x, r, "/sys/bus/xen/devices", "pvcalls-");
	if (found == 0)
		result_set(r, OUTCOME_PASS, "The guest's sockets are its own");
	if (found <= 0)
		return;
	result_set(r, OUTCOME_WARN,
		   "Another domain of Xen has this guest's sockets (PV Calls): it reads what is "
		   "sent without TLS");
	result_fix(r, FIX_LAUNCH_ARG, "No pvcalls= in the guest's configuration");
}

/* ---- Arm ---- */

#define DEVICE_TREE "/sys/firmware/devicetree/base"

/*
 * The node of the device tree's top that is compatible with @with, as Xen and QEMU have it there.
 * A property is a list of texts, each with a NUL.
 */
static bool find_node(struct provider *p, const char *with, char ret[static TREE_LINE_MAX])
{
	_cleanup_(tree_names_done) struct tree_names names = { 0 };

	if (provider_list(p, DEVICE_TREE, &names) != GOT_IT)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		char path[400], text[128];
		size_t len;

		snprintf(path, sizeof(path), DEVICE_TREE "/%.255s/compatible", names.names[i]);
		if (provider_bytes(p, path, text, sizeof(text), &len) != GOT_IT ||
		    !memmem(text, len, with, strlen(with) + 1))
			continue;
		snprintf(ret, TREE_LINE_MAX, "%.255s", names.names[i]);
		return true;
	}
	return false;
}

void guest_arm(struct exam *x, struct result *r)
{
	static const char midr[] = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1";
	bool is_xen = x->platform.xen_type[0];
	char node[TREE_LINE_MAX], line[TREE_LINE_MAX];
	bool its, uart;

	if (provider_look(x->p, midr) != GOT_IT) {
		result_set(r, OUTCOME_NA, "This is no Arm machine");
		return;
	}
	uart = find_node(x->p, "arm,sbsa-uart", node);
	if (uart)
		result_saw(r, DEVICE_TREE, "%.200s: arm,sbsa-uart", node);
	its = provider_find_text(x->p, "/proc/interrupts", " ITS-", line) == GOT_IT && line[0];
	if (its)
		result_saw(r, "/proc/interrupts", "ITS");
	result_set(r, OUTCOME_PASS, "This is an Arm machine, %s; %s",
		   its ? "whose devices interrupt through GICv3's ITS" : "without an ITS",
		   uart	  ? "its console is an SBSA UART, for console=ttyAMA0" :
		   is_xen ? "vuart=\"sbsa_uart\" in its configuration would give it a console" :
			    "it has no SBSA UART");
}
