/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What QEMU and its firmware have for confidential VMs. */
#include <stdio.h>

#include "doctor/host.h"

/*
 * QEMU is not run to ask it: a doctor runs no programs.  A record can have its answers.
 */
#define ASK                                                                             \
	"printf '{\"execute\":\"%%s\"}\\n' qmp_capabilities qom-list-types query-commands " \
	"query-machines quit | qemu-system-x86_64 -M none -display none -qmp stdio "       \
	">DIR/.probe/qmp, for --root DIR"

/* A type that each QEMU has: the answer to qom-list-types is there. */
#define HAS_TYPES "\"memory-backend-ram\""
/* A command that each QEMU has: that to query-commands is there. */
#define HAS_COMMANDS "\"query-commands\""

/* What the machine is looked at for, or else the best that its CPU offers. */
static int technology(const struct exam *x)
{
	if (x->given && x->required < _REQUIRE_TECHS)
		return (int)x->required;
	for (int i = _REQUIRE_TECHS - 1; i >= 0; i--)
		if (x->offers & FOR(i))
			return i;
	return -1;
}

static bool ask(struct exam *x, struct result *r, const char *needle, const char **ret)
{
	if (provider_said(x->p, "qmp", ret) == GOT_IT && strstr(*ret, needle))
		return true;
	result_set(r, OUTCOME_UNKNOWN, "QEMU was not asked: no program is run for that");
	result_fix(r, FIX_NONE, ASK);
	return false;
}

void host_qemu(struct exam *x, struct result *r)
{
	static const char *const types[_REQUIRE_TECHS] = {
		[REQUIRE_SEV] = "\"sev-guest\"",
		[REQUIRE_SEV_ES] = "\"sev-guest\"",
		[REQUIRE_SNP] = "\"sev-snp-guest\"",
		[REQUIRE_TDX] = "\"tdx-guest\"",
	};
	int tech = technology(x);
	const char *said;

	if (tech < 0) {
		result_set(r, OUTCOME_NA, "The CPU offers no confidential VM");
		return;
	}
	if (!ask(x, r, HAS_TYPES, &said))
		return;
	result_saw(r, "qom-list-types", "%s: %s", types[tech],
		   strstr(said, types[tech]) ? "there" : "not there");
	if (strstr(said, types[tech])) {
		result_set(r, OUTCOME_PASS, "QEMU can start VMs of %s", tech_names[tech]);
		return;
	}
	result_set(r, OUTCOME_FAIL, "This QEMU cannot start VMs of %s", tech_names[tech]);
	result_fix(r, FIX_PACKAGE, "A QEMU that has the object %s", types[tech]);
}

void host_qemu_secret(struct exam *x, struct result *r)
{
	static const char command[] = "\"sev-inject-launch-secret\"";
	const char *said;

	if (!(x->offers & FOR_SEV_ONLY)) {
		result_set(r, OUTCOME_NA, "Launch secrets are SEV's");
		return;
	}
	if (!ask(x, r, HAS_COMMANDS, &said))
		return;
	if (strstr(said, command)) {
		result_set(r, OUTCOME_PASS, "QEMU passes on launch secrets");
		return;
	}
	result_saw(r, "query-commands", "no %s", command);
	result_set(r, OUTCOME_FAIL, "This QEMU does not pass on launch secrets");
	result_fix(r, FIX_PACKAGE, "A QEMU that has the command %s", command);
}

/* Where distributions put the build of OVMF that has an area for secrets. */
static const char *const places[] = {
	"/usr/share/ovmf/OVMF.amdsev.fd",
	"/usr/share/OVMF/OVMF.amdsev.fd",
	"/usr/share/edk2/ovmf/OVMF.amdsev.fd",
	"/usr/share/edk2-ovmf/OVMF.amdsev.fd",
};

void host_amdsev_firmware(struct exam *x, struct result *r)
{
	if (!host_has(x, r, FOR_AMD, "SEV"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (provider_look(x->p, places[i]) != GOT_IT)
			continue;
		result_saw(r, places[i], "there");
		result_set(r, OUTCOME_PASS, "There is firmware for guests with launch secrets");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "No firmware for guests with launch secrets is where distributions put it; "
		   "your own build may be elsewhere");
	result_fix(r, FIX_PACKAGE,
		   "The package of OVMF that has OVMF.amdsev.fd, or a build of OvmfPkg/AmdSev");
}
