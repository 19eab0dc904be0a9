/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this guest gets its evidence from, and what belongs to it. */
#include "doctor/guest.h"
#include "wire/svkl.h"

#define TSM "/sys/kernel/config/tsm/report"

static const struct {
	unsigned tech;
	const char *device, *module, *config;
} devices[] = {
	{ FOR(REQUIRE_SNP), "/dev/sev-guest", "sev-guest", "CONFIG_SEV_GUEST" },
	{ FOR(REQUIRE_TDX), "/dev/tdx_guest", "tdx-guest", "CONFIG_TDX_GUEST_DRIVER" },
};

static void no_source(struct exam *x, struct result *r, size_t i)
{
	char value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX];

	result_saw(r, TSM, "%s", got_words(GOT_ABSENT));
	result_saw(r, devices[i].device, "%s", got_words(GOT_ABSENT));
	result_set(r, OUTCOME_FAIL,
		   "There is nothing to ask for a report: a broker would have no evidence");
	if (provider_config(x->p, devices[i].config, value, source) == GOT_IT) {
		result_saw(r, source, "%s=%s", devices[i].config, value);
		if (streq(value, "n")) {
			result_fix(r, FIX_KERNEL_CONFIG, "A kernel with %s", devices[i].config);
			return;
		}
	}
	result_fix(r, FIX_MODPROBE, "modprobe %s", devices[i].module);
	result_fix(r, FIX_CONFIG, "mount -t configfs configfs /sys/kernel/config");
}

/* Where the report is asked for.  GOT_ABSENT only if that is certain; then @ret is a path, too. */
static enum got source_of(struct exam *x, const char *device, const char **ret)
{
	enum got tsm = provider_look(x->p, TSM), got;

	*ret = TSM;
	if (tsm == GOT_IT)
		return tsm;
	got = provider_look(x->p, device);
	if (got == GOT_IT || tsm == GOT_ABSENT)
		*ret = device;
	return got == GOT_IT ? got : MAX(tsm, got);
}

void guest_report(struct exam *x, struct result *r)
{
	char vmpl[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const char *from;
		enum got got;

		if (!(x->offers & devices[i].tech) || guest_has_paravisor(x))
			continue;
		got = source_of(x, devices[i].device, &from);
		if (got == GOT_ABSENT)
			no_source(x, r, i);
		else if (got != GOT_IT)
			result_unknown(r, from, got);
		if (got != GOT_IT)
			return;
		result_saw(r, from, "%s", got_words(GOT_IT));
		if (provider_line(x->p, "/sys/devices/system/cpu/sev/vmpl", vmpl) == GOT_IT)
			result_saw(r, "/sys/devices/system/cpu/sev/vmpl", "%s", vmpl);
		result_set(r, OUTCOME_PASS, "The hardware's report can be asked for, by %s", from);
		return;
	}
	result_set(r, OUTCOME_NA, "%s", guest_has_paravisor(x) ?
		   "A paravisor is in between: the report comes from the vTPM, see guest-vtpm" :
		   "A VM of this kind has no report of its own");
}

/* ---- Azure ---- */

void guest_vtpm(struct exam *x, struct result *r)
{
	static const char device[] = "/dev/tpmrm0";
	bool there = provider_look(x->p, device) == GOT_IT;

	if (!guest_has_paravisor(x) && x->platform.kind != PLATFORM_HYPERV_HIDDEN) {
		result_set(r, OUTCOME_NA, "Nothing speaks of a paravisor");
		return;
	}
	result_saw(r, device, "%s", got_words(there ? GOT_IT : GOT_ABSENT));
	if (!there) {
		result_set(r, x->platform.kind == PLATFORM_HYPERV_HIDDEN ? OUTCOME_WARN :
									   OUTCOME_FAIL,
			   "There is no vTPM, and the paravisor keeps the hardware's report in it");
		result_fix(r, FIX_MODPROBE, "modprobe tpm_crb");
		result_fix(r, FIX_LAUNCH_ARG, "Create the VM with a vTPM");
	} else if (guest_has_paravisor(x)) {
		result_set(r, OUTCOME_PASS,
			   "The hardware's report comes from the vTPM of the paravisor");
	} else {
		result_set(r, OUTCOME_UNKNOWN,
			   "Hyper-V hides from CPUID: whether this VM is confidential, only the "
			   "vTPM can say");
		result_fix(r, FIX_NONE,
			   "'cococtl attest report' asks it; it fails if there is no report");
	}
}

/* ---- TDX ---- */

/* True with a result if this is no guest of TDX. */
static bool is_no_td(const struct exam *x, struct result *r)
{
	if (x->offers & FOR(REQUIRE_TDX))
		return false;
	result_set(r, OUTCOME_NA, "Only a VM of TDX has it");
	return true;
}

void guest_event_log(struct exam *x, struct result *r)
{
	static const char table[] = "/sys/firmware/acpi/tables/CCEL";
	static const char data[] = "/sys/firmware/acpi/tables/data/CCEL";
	enum got got;

	if (is_no_td(x, r))
		return;
	got = provider_look(x->p, table);
	result_saw(r, table, "%s", got_words(got));
	if (got != GOT_IT) {
		result_set(r, OUTCOME_WARN,
			   "The firmware gives no event log: RTMRs cannot be replayed, only "
			   "compared "
			   "as a whole");
		result_fix(r, FIX_LAUNCH_ARG,
			   "Start the VM with firmware that measures into RTMRs and has CCEL, such "
			   "as "
			   "OVMF from 2023 on");
		return;
	}
	got = provider_look(x->p, data);
	result_saw(r, data, "%s", got_words(got));
	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_WARN,
			   "The firmware has an event log, and this kernel does not show it");
		result_fix(r, FIX_KERNEL_CONFIG,
			   "A kernel that shows the data of CCEL, from 5.19 on");
	} else if (got != GOT_IT) {
		result_unknown(r, data, got);
	} else {
		result_set(r, OUTCOME_PASS, "There is an event log for the RTMRs");
	}
}

void guest_tdx_leaf(struct exam *x, struct result *r)
{
	if (is_no_td(x, r))
		return;
	if (x->machine.tdx_guest)
		result_set(r, OUTCOME_PASS, "CPUID says TDX");
	else
		result_set(r, OUTCOME_WARN,
			   "The paravisor blocks CPUID leaf 0x21: programs that look there take "
			   "this "
			   "VM for one without TDX");
}

void guest_svkl(struct exam *x, struct result *r)
{
	static const char path[] = "/sys/firmware/acpi/tables/SVKL";
	uint8_t table[SVKL_TABLE_LEN_MAX];
	struct svkl svkl;
	size_t len;
	enum got got;

	if (is_no_td(x, r))
		return;
	got = provider_bytes(x->p, path, table, sizeof(table), &len);
	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_NA, "The firmware hands over no storage volume keys");
	} else if (got != GOT_IT) {
		result_unknown(r, path, got);
	} else if (svkl_open(table, len, &svkl) < 0) {
		result_saw(r, path, "%zu bytes", len);
		result_set(r, OUTCOME_WARN,
			   "The firmware's table of storage volume keys is malformed");
	} else if (provider_look(x->p, "/sys/kernel/security/secrets/svkl") == GOT_IT) {
		result_saw(r, path, "%u keys", svkl.n_keys);
		result_set(r, OUTCOME_PASS,
			   "The firmware's storage volume keys are shown as secrets");
	} else {
		result_saw(r, path, "%u keys", svkl.n_keys);
		result_set(r, OUTCOME_WARN,
			   "The firmware hands over storage volume keys, and no driver shows them");
		result_fix(r, FIX_MODPROBE, "modprobe coco_secret");
	}
}
