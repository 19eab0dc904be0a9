/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a launch secret: the firmware's area, the driver that shows it, the files. */
#include <stdio.h>

#include "doctor/guest.h"

#define SECURITYFS "/sys/kernel/security"

/* Where drivers show the secrets of the area; the second one is coco_secret.ko's legacy_path=1. */
static const char *const folders[] = {
	SECURITYFS "/secrets/coco",
	SECURITYFS "/coco/efi_secret",
};

/* SEV and SEV-ES guests alone take launch secrets; false with a result if this is another one. */
static bool takes_secrets(const struct exam *x, struct result *r)
{
	if (x->offers & FOR_SEV_ONLY)
		return true;
	result_set(r, OUTCOME_NA, "%s", x->offers ?
		   "A VM of this kind takes no launch secrets; it asks a broker" :
		   "Launch secrets are for VMs of SEV and SEV-ES");
	return false;
}

/* The folder that a driver shows the secrets in.  GOT_ABSENT only if that is certain. */
static enum got served(struct exam *x, const char **ret)
{
	enum got worst = GOT_ABSENT, got;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		*ret = folders[i];
		got = provider_look(x->p, folders[i]);
		if (got == GOT_IT)
			return GOT_IT;
		worst = MAX(worst, got);
	}
	*ret = SECURITYFS;
	return worst;
}

/* Evidence for an area: each of these is there only with one. */
static void look_for_area(struct exam *x, struct result *r)
{
	static const char device[] = "/sys/bus/platform/devices/efi_secret.0";
	const char *folder;
	char line[TREE_LINE_MAX];

	if (served(x, &folder) == GOT_IT)
		result_saw(r, folder, "%s", got_words(GOT_IT));
	if (provider_look(x->p, device) == GOT_IT)
		result_saw(r, device, "%s", got_words(GOT_IT));
	if (provider_kmsg(x->p, "CocoSecret=0x", NULL, line) == GOT_IT)
		result_saw(r, "kmsg", "%.*s", 200, strstr(line, "CocoSecret="));
}

/*
 * True if the kernel has looked and found no area.  It has looked if it is configured to, and if
 * its log still has the line in which it lists the firmware's tables.
 */
static bool kernel_found_none(struct exam *x, struct result *r)
{
	char value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX], line[TREE_LINE_MAX];

	if (provider_config(x->p, "CONFIG_EFI_COCO_SECRET", value, source) != GOT_IT)
		return false;
	result_saw(r, source, "CONFIG_EFI_COCO_SECRET=%s", value);
	return !streq(value, "n") && provider_kmsg(x->p, "SMBIOS", NULL, line) == GOT_IT &&
	       startswith(line, "efi: ");
}

void guest_secret_area(struct exam *x, struct result *r)
{
	if (!takes_secrets(x, r))
		return;
	look_for_area(x, r);
	if (r->n_evidence) {
		result_set(r, OUTCOME_PASS, "The firmware has an area for launch secrets");
		return;
	}
	if (provider_look(x->p, "/sys/firmware/efi") != GOT_IT) {
		result_saw(r, "/sys/firmware/efi", "%s", got_words(GOT_ABSENT));
		result_set(r, OUTCOME_FAIL,
			   "The VM was not started by EFI firmware, and so has no area for "
			   "secrets");
	} else if (kernel_found_none(x, r)) {
		result_set(r, OUTCOME_FAIL,
			   "The firmware has no area for secrets: the kernel looked for one");
	} else {
		result_set(r, OUTCOME_UNKNOWN,
			   "This kernel does not look for the firmware's area of secrets; "
			   "coco_secret.ko does it by itself");
		return;
	}
	result_fix(r, FIX_LAUNCH_ARG,
		   "Start the VM with firmware that has a secret area, such as OVMF's AmdSev "
		   "build; "
		   "'coco-inject measure --firmware FILE' says whether a file has one");
}

/* ---- the driver ---- */

static bool securityfs_is_mounted(struct exam *x)
{
	char line[TREE_LINE_MAX];
	struct tree_names names = { 0 };
	bool some = provider_list(x->p, SECURITYFS, &names) == GOT_IT && names.n > 0;

	tree_names_done(&names);
	return some || provider_find_text(x->p, "/proc/mounts", " " SECURITYFS " securityfs ",
					  line) != GOT_IT || line[0];
}

static const char *loaded_driver(struct exam *x)
{
	static const char *const modules[][2] = {
		{ "coco_secret", "/sys/module/coco_secret" },
		{ "efi_secret", "/sys/module/efi_secret" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (provider_look(x->p, modules[i][1]) == GOT_IT)
			return modules[i][0];
	return NULL;
}

/* True if modprobe would find the module @name (kernel/..., updates/...). */
static bool has_module(struct exam *x, const char *name)
{
	char release[PROVIDER_LINE_MAX], path[2 * PROVIDER_LINE_MAX], needle[64];
	char line[TREE_LINE_MAX];

	if (provider_line(x->p, "/proc/sys/kernel/osrelease", release) != GOT_IT ||
	    strchr(release, '/'))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	snprintf(needle, sizeof(needle), "/%s.ko", name);
	return provider_find_text(x->p, path, needle, line) == GOT_IT && line[0];
}

static void serves_nothing(struct exam *x, struct result *r, const char *module)
{
	char line[TREE_LINE_MAX], needle[32];

	snprintf(needle, sizeof(needle), "%s", module);
	if (provider_kmsg(x->p, needle, NULL, line) == GOT_IT)
		result_saw(r, "kmsg", "%.*s", 240, line);
	result_set(r, OUTCOME_FAIL,
		   "The module %s is loaded and shows no secrets: nothing was injected, or what "
		   "was "
		   "injected is no table of secrets", module);
	result_fix(r, FIX_LAUNCH_ARG,
		   "Inject them while the VM waits, before it runs: 'coco-inject inject'");
}

static void no_driver(struct exam *x, struct result *r)
{
	char value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX];

	if (provider_config(x->p, "CONFIG_EFI_SECRET", value, source) == GOT_IT)
		result_saw(r, source, "CONFIG_EFI_SECRET=%s", value);
	result_set(r, OUTCOME_FAIL, "No driver shows the secrets that the firmware hands over");
	if (has_module(x, "efi_secret")) {
		result_fix(r, FIX_MODPROBE, "modprobe efi_secret");
	} else if (has_module(x, "coco_secret")) {
		result_fix(r, FIX_MODPROBE, "modprobe coco_secret");
	} else {
		result_set(r, OUTCOME_FAIL,
			   "No driver shows the secrets that the firmware hands over: this kernel "
			   "has no efi_secret (Debian's have it switched off), and coco_secret.ko "
			   "is "
			   "not built for it");
		result_fix(r, FIX_PACKAGE,
			   "Build coco_secret.ko with DKMS: install dkms and the kernel's headers "
			   "(linux-headers-amd64), then 'dkms install coco-secret/VERSION'");
		result_fix(r, FIX_KERNEL_CONFIG,
			   "Or a kernel with CONFIG_EFI_COCO_SECRET=y and CONFIG_EFI_SECRET=m");
	}
}

void guest_secret_driver(struct exam *x, struct result *r)
{
	const char *folder, *module;
	enum got got;

	if (!takes_secrets(x, r))
		return;
	got = served(x, &folder);
	if (got == GOT_IT) {
		result_set(r, OUTCOME_PASS, "A driver shows the secrets in %s", folder);
		return;
	}
	if (got != GOT_ABSENT) {
		result_unknown(r, folder, got);
		return;
	}
	if (!securityfs_is_mounted(x)) {
		result_saw(r, "/proc/mounts", "no securityfs");
		result_set(r, OUTCOME_FAIL,
			   "securityfs is not mounted, in which drivers show the secrets");
		result_fix(r, FIX_CONFIG, "mount -t securityfs securityfs " SECURITYFS);
		return;
	}
	module = loaded_driver(x);
	if (module)
		serves_nothing(x, r, module);
	else
		no_driver(x, r);
}

void guest_secret_files(struct exam *x, struct result *r)
{
	struct tree_names names = { 0 };
	const char *folder;
	enum got got;

	if (!takes_secrets(x, r))
		return;
	got = served(x, &folder);
	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_NA, "No driver shows secrets; see guest-secret-driver");
		return;
	}
	if (got == GOT_IT)
		got = provider_list(x->p, folder, &names);
	if (got != GOT_IT) {
		result_unknown(r, folder, got);
		return;
	}
	result_saw(r, folder, "%zu files", names.n);
	if (names.n)
		result_set(r, OUTCOME_PASS, "There %s %zu secret%s", names.n == 1 ? "is" : "are",
			   names.n, names.n == 1 ? "" : "s");
	else if (provider_look(x->p, "/run/cocod") == GOT_IT)
		result_set(r, OUTCOME_PASS,
			   "No secret is left: cocod has run and wipes what was used; 'cococtl "
			   "secrets list' says what there was");
	else
		result_set(r, OUTCOME_WARN,
			   "No secret is left, and cocod has not run: others have removed them");
	tree_names_done(&names);
}
