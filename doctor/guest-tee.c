/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "attest/gather/tee.h"
#include "doctor/guest.h"

#define MSR_SEV_STATUS 0xc0010131

/*
 * Hyper-V's isolation.  Source: Hypervisor Top Level Functional Specification, CPUID 0x4000000C.
 */
#define HYPERV_FEATURES 0x40000003u
#define HYPERV_ISOLATED (1u << 22)
#define HYPERV_ROOT (1u << 12)
#define HYPERV_ISOLATION 0x4000000cu
#define ISOLATION_SNP 2
#define ISOLATION_TDX 3

static int errno_of(enum got got)
{
	return got == GOT_IT ? 0 : got == GOT_DENIED ? -EACCES : got == GOT_ABSENT ? -ENOENT : -EIO;
}

/* What the kernel's log says, in the form that tee_hear_kmsg() takes. */
static void hear(struct exam *x, const char *needle, struct tee_witnesses *w)
{
	char line[TREE_LINE_MAX], record[TREE_LINE_MAX + 16];
	enum got got = provider_kmsg(x->p, needle, NULL, line);

	if (got == GOT_IT) {
		snprintf(record, sizeof(record), "6,0,0,-;%s", line);
		tee_hear_kmsg(w, record);
	} else if (got != GOT_ABSENT) {
		w->kernel_error = errno_of(got);
	}
}

static enum tee ask(struct exam *x, struct tee_witnesses *w, char *reason, size_t size)
{
	const struct machine *m = &x->machine;

	*w = (struct tee_witnesses){
		.cpuid_sev = m->sev & CPUID_SEV,
		.cpuid_es = m->sev & CPUID_SEV_ES,
		.cpuid_snp = m->sev & CPUID_SEV_SNP,
		.cpuid_tdx = m->tdx_guest,
	};
	hear(x, "Memory Encryption Features active:", w);
	hear(x, "tdx: Guest detected", w);
	if (w->cpuid_sev)
		w->status_error = errno_of(provider_msr(x->p, MSR_SEV_STATUS, &w->sev_status));
	return tee_judge(w, reason, size);
}

/* What Hyper-V isolates this VM by: ISOLATION_SNP, ISOLATION_TDX, or 0. */
static unsigned isolation(struct exam *x, uint32_t *ret_eax, uint32_t *ret_ebx)
{
	const struct hypervisor *h = platform_hyperv(&x->machine);
	struct cpuid_regs features, r;

	if (!h || h->last < HYPERV_ISOLATION ||
	    provider_cpuid(x->p, HYPERV_FEATURES, 0, &features) != GOT_IT ||
	    !(features.ebx & HYPERV_ISOLATED) || features.ebx & HYPERV_ROOT ||
	    provider_cpuid(x->p, HYPERV_ISOLATION, 0, &r) != GOT_IT)
		return 0;
	*ret_eax = r.eax;
	*ret_ebx = r.ebx;
	return (r.ebx & 0xf) == ISOLATION_SNP || (r.ebx & 0xf) == ISOLATION_TDX ? r.ebx & 0xf : 0;
}

bool guest_has_paravisor(struct exam *x)
{
	uint32_t eax = 0, ebx = 0;

	return isolation(x, &eax, &ebx) && eax & 1;
}

unsigned guest_offers(struct exam *x)
{
	struct tee_witnesses w;
	uint32_t eax, ebx;
	char reason[256];

	switch (isolation(x, &eax, &ebx)) {
	case ISOLATION_SNP:
		return FOR(REQUIRE_SNP);
	case ISOLATION_TDX:
		return FOR(REQUIRE_TDX);
	default:
		break;
	}
	switch (ask(x, &w, reason, sizeof(reason))) {
	case TEE_SEV:
		return FOR(REQUIRE_SEV);
	case TEE_SEV_ES:
		return FOR(REQUIRE_SEV_ES);
	case TEE_SEV_SNP:
		return FOR(REQUIRE_SNP);
	case TEE_TDX:
		return FOR(REQUIRE_TDX);
	default:
		return 0;
	}
}

static void show(struct exam *x, const struct tee_witnesses *w, struct result *r)
{
	const struct machine *m = &x->machine;

	if (m->sev)
		result_saw(r, "cpuid 0x8000001f eax", "0x%x", m->sev);
	if (w->cpuid_sev && !w->status_error)
		result_saw(r, "msr 0xc0010131", "0x%llx", (unsigned long long)w->sev_status);
	if (m->tdx_guest)
		result_saw(r, "cpuid 0x21", "IntelTDX");
	if (w->kernel_sev)
		result_saw(r, "kmsg", "Memory Encryption Features active:%s%s%s",
			   w->kernel_sev & SEV_STATUS_SEV ? " SEV" : "",
			   w->kernel_sev & SEV_STATUS_ES ? " SEV-ES" : "",
			   w->kernel_sev & SEV_STATUS_SNP ? " SEV-SNP" : "");
	if (w->kernel_tdx)
		result_saw(r, "kmsg", "tdx: Guest detected");
}

static void none(const struct exam *x, struct result *r, const char *reason)
{
	if (x->machine.cpuid != GOT_IT) {
		result_unknown(r, "cpuid", x->machine.cpuid);
		return;
	}
	result_set(r, OUTCOME_FAIL, "Nothing protects this VM from its host: %s", reason);
	result_fix(r, FIX_LAUNCH_ARG,
		   "Start the VM as a confidential one, on a host where coco-inject doctor says "
		   "that it can be; 'coco-inject measure' and 'coco-inject session' prepare that");
}

static void unclear(const struct tee_witnesses *w, struct result *r, const char *reason)
{
	result_set(r, OUTCOME_UNKNOWN, "%s", reason);
	if (w->cpuid_sev && w->status_error == -ENOENT)
		result_fix(r, FIX_MODPROBE, "modprobe msr");
	else if (w->status_error == -EACCES || w->kernel_error == -EACCES)
		result_fix(r, FIX_NONE, "Run it as root");
}

void guest_tee(struct exam *x, struct result *r)
{
	struct tee_witnesses w;
	uint32_t eax = 0, ebx = 0;
	char reason[256], names[OFFERS_TEXT_MAX];
	unsigned isolated = isolation(x, &eax, &ebx);
	enum tee tee = ask(x, &w, reason, sizeof(reason));

	show(x, &w, r);
	if (isolated) {
		result_saw(r, "cpuid 0x4000000c", "eax 0x%x, ebx 0x%x", eax, ebx);
		tee = isolated == ISOLATION_SNP ? TEE_SEV_SNP : TEE_TDX;
		snprintf(reason, sizeof(reason), "Hyper-V's isolation says so%s",
			 eax & 1 ? "; a paravisor is in between" : "");
	}
	if (tee == TEE_UNKNOWN)
		unclear(&w, r, reason);
	else if (tee == TEE_NONE)
		none(x, r, reason);
	else if (exam_lacks_required(x))
		result_set(r, OUTCOME_FAIL, "This is a VM of %s, and not of %s",
			   offers_text(x->offers, names), requirement_names[x->required]);
	else
		result_set(r, OUTCOME_PASS, "This is a VM of %s: %s", offers_text(x->offers, names),
			   reason);
}
