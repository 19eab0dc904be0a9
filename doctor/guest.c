/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's side: what this VM is, and whether it can get its secrets. */
#include "doctor/guest.h"

static void look(struct exam *x)
{
	x->offers = guest_offers(x);
	platform_describe(&x->platform, &x->machine, x->what, sizeof(x->what));
}

static const struct check checks[] = {
	{ "guest-identity", "Platform", "The hypervisor is known", FOR_INFORMATION, false,
	  guest_identity },
	{ "guest-tee", "Platform", "The VM is a confidential one", FOR_CONFIDENTIAL, true,
	  guest_tee },
};

const struct side side_guest = {
	.name = "guest",
	.look = look,
	.checks = checks,
	.n_checks = ARRAY_SIZE(checks),
	.trust = "what a guest reads of its host is the host's word: this is advice, and no "
		 "attestation; only verified evidence proves what protects a VM",
};
