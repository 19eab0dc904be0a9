/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many confidential VMs there is room for.  Source: Linux, admin-guide/cgroup-v2, Misc. */
#include <stdio.h>

#include "base/parse.h"
#include "doctor/host.h"

/* Version 2 of control groups, and version 1. */
static const char *const folders[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/misc" };

/* The number behind "KEY " in a file of lines "KEY NUMBER".  The kernel writes no line for 0. */
static enum got number_of(struct provider *p, const char *path, const char *key, uint64_t *ret)
{
	char prefix[32], line[TREE_LINE_MAX];
	enum got got;

	snprintf(prefix, sizeof(prefix), "%s ", key);
	got = provider_find_line(p, path, prefix, line);
	if (got != GOT_IT)
		return got;
	if (!line[0]) {
		*ret = 0;
		return GOT_IT;
	}
	return parse_u64(line + strlen(prefix), ret) < 0 ? GOT_MALFORMED : GOT_IT;
}

static enum got ask(struct provider *p, const char *file, const char *key, char path[static 64],
		    uint64_t *ret)
{
	enum got got = GOT_ABSENT;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && got == GOT_ABSENT; i++) {
		snprintf(path, 64, "%s/%s", folders[i], file);
		got = number_of(p, path, key, ret);
	}
	return got;
}

/* @what is what there is a number of: "an ASID for SEV". */
static void judge(struct exam *x, struct result *r, const char *key, const char *what,
		  const char *setting)
{
	char path[64];
	uint64_t all, used;
	enum got got = ask(x->p, "misc.capacity", key, path, &all);

	if (got != GOT_IT) {
		snprintf(path, sizeof(path), "%s in misc.capacity", key);
		result_unknown(r, path, got);
		return;
	}
	result_saw(r, path, "%s %llu", key, (unsigned long long)all);
	if (!all) {
		result_set(r, OUTCOME_FAIL,
			   "No VM can have %s: the firmware set none aside, or KVM's module is not "
			   "loaded",
			   what);
		result_fix(r, FIX_BIOS, "%s", setting);
		return;
	}
	got = ask(x->p, "misc.current", key, path, &used);
	if (got != GOT_IT) {
		result_set(r, OUTCOME_PASS, "%llu VMs can have %s each",
			   (unsigned long long)all, what);
		return;
	}
	result_saw(r, path, "%s %llu", key, (unsigned long long)used);
	if (used < all) {
		result_set(r, OUTCOME_PASS, "%llu more VMs can have %s each",
			   (unsigned long long)(all - used), what);
		return;
	}
	result_set(r, OUTCOME_FAIL, "All %llu are in use: no other VM can have %s",
		   (unsigned long long)all, what);
	result_fix(r, FIX_NONE, "Stop a confidential VM, or start this one on another machine");
	result_fix(r, FIX_BIOS, "%s", setting);
}

void host_sev_asids(struct exam *x, struct result *r)
{
	if (host_has(x, r, FOR(REQUIRE_SEV), "SEV"))
		judge(x, r, "sev", "an ASID for SEV",
		      "Lower the limit of the ASIDs that are SEV-ES's and SEV-SNP's alone (minimum "
		      "SEV non-ES ASID)");
}

void host_sev_es_asids(struct exam *x, struct result *r)
{
	if (host_has(x, r, FOR(REQUIRE_SEV_ES) | FOR(REQUIRE_SNP), "SEV-ES"))
		judge(x, r, "sev_es", "an ASID for SEV-ES and SEV-SNP",
		      "Raise the limit of the ASIDs that are SEV-ES's and SEV-SNP's alone (minimum "
		      "SEV non-ES ASID)");
}

void host_tdx_keys(struct exam *x, struct result *r)
{
	if (host_has(x, r, FOR(REQUIRE_TDX), "TDX"))
		judge(x, r, "tdx", "a private key of TDX",
		      "Raise the number of TDX private keys (TDX Key Split)");
}
