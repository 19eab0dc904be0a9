/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "doctor/guest.h"

/*
 * The folder efi/efivars is there with and without runtime services.  The device exists only with
 * them.
 */
void guest_efi_runtime(struct exam *x, struct result *r)
{
	static const char device[] = "/sys/bus/platform/devices/efivars.0";
	char value[PROVIDER_LINE_MAX];
	uint64_t realtime = 0;
	bool said;

	if (provider_look(x->p, "/sys/firmware/efi") != GOT_IT) {
		result_set(r, OUTCOME_NA, "The VM was not started by EFI firmware");
		return;
	}
	if (provider_look(x->p, device) == GOT_IT) {
		result_set(r, OUTCOME_PASS, "EFI runtime services are there");
		return;
	}
	result_saw(r, device, "%s", got_words(GOT_ABSENT));
	if (provider_number(x->p, "/sys/kernel/realtime", &realtime) == GOT_IT)
		result_saw(r, "/sys/kernel/realtime", "%u", (unsigned)realtime);
	said = provider_cmdline(x->p, "efi", value) == GOT_IT;
	if (said)
		result_saw(r, "/proc/cmdline", "efi=%s", value);
	result_set(r, OUTCOME_WARN,
		   "EFI runtime services are off%s: Secure Boot's state and the boot loader's "
		   "times "
		   "cannot be seen; launch secrets do not need them",
		   realtime ? ", as they are by default in a kernel with PREEMPT_RT" : "");
	if (said && strstr(value, "noruntime"))
		result_fix(r, FIX_KERNEL_ARG, "Remove efi=noruntime");
	else
		result_fix(r, FIX_KERNEL_ARG, "efi=runtime");
}

/*
 * Firmware that protects the memory of images lets a kernel make its own executable by DXE
 * services, if the kernel knows them.
 */
void guest_efi_dxe(struct exam *x, struct result *r)
{
	static const char option[] = "CONFIG_EFI_DXE_MEM_ATTRIBUTES";
	char value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX];
	enum got got;

	if (provider_look(x->p, "/sys/firmware/efi") != GOT_IT ||
	    (!machine_is_amd(&x->machine) && !machine_is_intel(&x->machine))) {
		result_set(r, OUTCOME_NA, "The VM was not started by EFI firmware of an x86");
		return;
	}
	got = provider_config(x->p, option, value, source);
	if (got != GOT_IT) {
		result_unknown(r, "the kernel's configuration", got);
		return;
	}
	result_saw(r, source, "%s=%s", option, value);
	if (streq(value, "y")) {
		result_set(r, OUTCOME_PASS, "The kernel can be started by firmware that protects "
					    "the memory of images");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "This firmware does not protect the memory of images; one that does may not "
		   "start this kernel");
	result_fix(r, FIX_KERNEL_CONFIG, "%s=y", option);
}

void guest_mirrored_memory(struct exam *x, struct result *r)
{
	char line[TREE_LINE_MAX];

	if (provider_kmsg(x->p, "mirrored memory", NULL, line) == GOT_IT &&
	    startswith(line, "efi: ")) {
		result_saw(r, "kmsg", "%.*s", 200, line);
		result_set(r, OUTCOME_PASS, "The firmware has mirrored memory");
		return;
	}
	result_set(r, OUTCOME_NA, "A VM's memory is mirrored by its host, if at all");
}
