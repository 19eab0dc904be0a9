/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's side: what the machine is that guests are to run on. */
#include <stdio.h>

#include "doctor/host.h"

static unsigned offered(const struct machine *m, struct provider *p)
{
	unsigned offers = 0;
	char flags[TREE_LINE_MAX];

	if (machine_is_amd(m)) {
		offers |= m->sev & CPUID_SEV ? FOR(REQUIRE_SEV) : 0;
		offers |= m->sev & CPUID_SEV_ES ? FOR(REQUIRE_SEV_ES) : 0;
		offers |= m->sev & CPUID_SEV_SNP ? FOR(REQUIRE_SNP) : 0;
	}
	if (machine_is_intel(m) && host_offers_tdx(p, flags))
		offers |= FOR(REQUIRE_TDX);
	return offers;
}

static void look(struct exam *x)
{
	const struct machine *m = &x->machine;
	char platform[160];

	x->offers = offered(m, x->p);
	platform_describe(&x->platform, m, platform, sizeof(platform));
	snprintf(x->what, sizeof(x->what), "%s%s%s", m->model[0] ? m->model : m->vendor,
		 m->vendor[0] ? ", " : "", platform);
}

static const struct check checks[] = {
	{ "host-cpu", "CPU", "The CPU offers confidential VMs", FOR_CONFIDENTIAL, true,
	  host_cpu },
	{ "host-kvm", "KVM", "KVM is there and may be used", FOR_ALL, true, host_kvm },
};

const struct side side_host = {
	.name = "host",
	.look = look,
	.checks = checks,
	.n_checks = ARRAY_SIZE(checks),
};
