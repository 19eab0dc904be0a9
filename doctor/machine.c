/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/machine.h"

#define HYPERVISOR_FIRST 0x40000000u
#define HYPERVISOR_LAST 0x40010000u
#define HYPERVISOR_STEP 0x100u

/* @n registers of four characters each, with blanks and NULs at the end taken off. */
static void read_text(const uint32_t *regs, size_t n, char *ret)
{
	size_t len = 4 * n;

	memcpy(ret, regs, len);
	while (len > 0 && (ret[len - 1] == ' ' || ret[len - 1] == '\0'))
		len--;
	ret[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!ret[i])
			ret[i] = '?';
}

static void ask_model(struct provider *p, struct machine *m)
{
	struct cpuid_regs regs[3];
	const char *blanks;

	for (uint32_t i = 0; i < 3; i++)
		if (provider_cpuid(p, 0x80000002 + i, 0, &regs[i]) != GOT_IT)
			return;
	read_text((const uint32_t *)regs, 12, m->model);
	blanks = m->model + strspn(m->model, " ");
	memmove(m->model, blanks, strlen(blanks) + 1);
}

/*
 * A CPU answers a leaf that it does not have with that of another one, so that a signature alone
 * proves nothing: the highest leaf must lie in the range.  KVM had 0 there once.
 */
static bool is_hypervisor(uint32_t base, const struct cpuid_regs *r, const char *signature)
{
	if (r->eax > base && r->eax <= base + 0xff)
		return true;
	return r->eax == 0 && streq(signature, "KVMKVMKVM");
}

static void ask_hypervisors(struct provider *p, struct machine *m)
{
	for (uint32_t base = HYPERVISOR_FIRST;
	     base <= HYPERVISOR_LAST && m->n_hypervisors < HYPERVISORS_MAX;
	     base += HYPERVISOR_STEP) {
		struct hypervisor *h = &m->hypervisors[m->n_hypervisors];
		struct cpuid_regs r;

		if (provider_cpuid(p, base, 0, &r) != GOT_IT)
			continue;
		read_text((const uint32_t[]){ r.ebx, r.ecx, r.edx }, 3, h->signature);
		h->base = base;
		h->last = r.eax ? r.eax : base + 1;
		m->n_hypervisors += is_hypervisor(base, &r, h->signature);
	}
}

void machine_ask(struct provider *p, struct machine *ret)
{
	struct machine m = { 0 };
	struct cpuid_regs r;
	char tdx[13];

	m.cpuid = provider_cpuid(p, 0, 0, &r);
	if (m.cpuid == GOT_IT) {
		read_text((const uint32_t[]){ r.ebx, r.edx, r.ecx }, 3, m.vendor);
		ask_model(p, &m);
		m.in_vm = provider_cpuid(p, 1, 0, &r) == GOT_IT && r.ecx >> 31;
		if (provider_cpuid(p, 0x8000001f, 0, &r) == GOT_IT)
			m.sev = r.eax;
		if (provider_cpuid(p, 0x21, 0, &r) == GOT_IT) {
			read_text((const uint32_t[]){ r.ebx, r.edx, r.ecx }, 3, tdx);
			m.tdx_guest = m.in_vm && streq(tdx, "IntelTDX");
		}
	}
	if (m.in_vm)
		ask_hypervisors(p, &m);
	*ret = m;
}

const struct hypervisor *machine_hypervisor(const struct machine *m, const char *signature)
{
	for (unsigned i = 0; i < m->n_hypervisors; i++)
		if (streq(m->hypervisors[i].signature, signature))
			return &m->hypervisors[i];
	return NULL;
}

bool machine_is_amd(const struct machine *m)
{
	return streq(m->vendor, "AuthenticAMD") || streq(m->vendor, "HygonGenuine");
}

bool machine_is_intel(const struct machine *m)
{
	return streq(m->vendor, "GenuineIntel");
}
