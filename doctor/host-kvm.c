/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "doctor/host.h"

static void no_kvm(struct exam *x, struct result *r)
{
	bool amd = machine_is_amd(&x->machine);

	result_set(r, OUTCOME_FAIL,
		   "There is no KVM: the module is not loaded, or the firmware has switched "
		   "virtualization off");
	result_fix(r, FIX_MODPROBE, "modprobe %s", amd ? "kvm_amd" : "kvm_intel");
	result_fix(r, FIX_BIOS, "Enable %s", amd ? "SVM" : "VT-x (Virtualization Technology)");
}

void host_kvm(struct exam *x, struct result *r)
{
	char value[PROVIDER_LINE_MAX];
	enum got got = provider_kvm_probe(x->p, "open", value);

	if (got == GOT_ABSENT) {
		result_saw(r, "/dev/kvm", "%s", got_words(got));
		no_kvm(x, r);
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "/dev/kvm", got);
		return;
	}
	got = provider_kvm_probe(x->p, "hlt", value);
	if (got != GOT_IT) {
		result_unknown(r, "a CPU of KVM's", got);
		return;
	}
	result_saw(r, "kvm probe hlt", "%s", value);
	if (streq(value, "ok"))
		result_set(r, OUTCOME_PASS, "KVM runs a virtual CPU");
	else
		result_set(r, OUTCOME_FAIL, "KVM is there, but a virtual CPU does not run: %s",
			   value);
}

const char *host_kvm_module_name(struct exam *x)
{
	static const char *const names[] = { "kvm_amd", "kvm_intel" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", names[i]);
		if (provider_look(x->p, path) == GOT_IT)
			return names[i];
	}
	return NULL;
}
