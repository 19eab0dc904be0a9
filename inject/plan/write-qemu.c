/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as the command line of QEMU. */
#include "inject/plan/flags.h"
#include "inject/plan/quote.h"

#define MIB (UINT64_C(1) << 20)

/* Whether the guest's memory is a backend's: SNP needs one, and huge pages are one's. */
static bool has_backend(const struct plan *p)
{
	return p->want->tech == TECH_SNP || p->want->page_size;
}

static bool has_split_irqchip(const struct plan *p)
{
	return p->want->tech == TECH_TDX || p->wide_ids;
}

static int write_program(const struct plan *p, struct plan_flags *flags)
{
	static const char *const whys[_TECH_MAX] = {
		[TECH_SEV] = "with KVM",
		[TECH_SEV_ES] = "with KVM",
		[TECH_SNP] = "with KVM; sev-snp-guest is there since 9.1",
		[TECH_TDX] = "with KVM; tdx-guest is there since 10.1",
	};
	int r = 0;

	if (p->pinned) {
		r = plan_flag_add(flags, NULL,
				  "vCPUs and memory stay on these nodes; private memory follows "
				  "the process, not a policy of the backend",
				  "numactl");
		if (r == 0)
			r = plan_flag_add(flags, NULL, "the nodes whose CPUs run the guest",
					  "--cpunodebind=%s", p->node_list);
		if (r == 0)
			r = plan_flag_add(flags, NULL, "the nodes that have its memory",
					  "--membind=%s", p->node_list);
	}
	if (r == 0)
		r = plan_flag_add(flags, NULL, whys[p->want->tech], "qemu-system-x86_64");
	return r;
}

static int write_machine(const struct plan *p, struct plan_flags *flags)
{
	const char *why = has_split_irqchip(p) ?
				  "cgs0 protects the guest; the interrupt controller is QEMU's, "
				  "as a TD and over 255 vCPUs need it" :
				  "cgs0 protects the guest";
	int r;

	r = plan_flag_add(flags, "-name", "so that it can be found", "guest=%s", p->want->name);
	if (r == 0)
		r = plan_flag_add(flags, "-machine", why,
				  "q35,accel=kvm,confidential-guest-support=cgs0%s%s%s",
				  /* SMM needs registers that the host may set. */
				  p->want->tech == TECH_SEV ? "" : ",smm=off",
				  has_split_irqchip(p) ? ",kernel-irqchip=split" : "",
				  has_backend(p) ? ",memory-backend=ram0" : "");
	return r;
}

static int write_cpus(const struct plan *p, struct plan_flags *flags)
{
	static const char *const whys[_TECH_MAX] = {
		[TECH_SEV] = "the host's own generation",
		[TECH_SEV_ES] = "the model is measured with the CPUs: coco-inject needs the same",
		[TECH_SNP] = "the model is measured with the CPUs: coco-inject needs the same",
		[TECH_TDX] = "the TDX module decides what a TD sees",
	};
	int r;

	r = plan_flag_add(flags, "-cpu",
			  p->want->tech == TECH_SEV && p->want->cpu ? "as asked for" :
								      whys[p->want->tech],
			  "%s", p->cpu);
	if (r == 0)
		r = plan_flag_add(flags, "-smp",
				  p->binding != _PLAN_LIMIT_MAX ?
					  "as many as the limit allows" :
				  p->want->tech == TECH_TDX ? "as asked for; a TD has one socket" :
							      "as asked for",
				  "%llu,sockets=%llu,cores=%llu,threads=1",
				  (unsigned long long)p->vcpus,
				  (unsigned long long)p->want->sockets,
				  (unsigned long long)(p->vcpus / p->want->sockets));
	if (r == 0 && p->wide_ids)
		r = plan_flag_add(flags, "-device",
				  "interrupts reach vCPUs over 255 only through an IOMMU",
				  "intel-iommu,intremap=on,eim=on");
	return r;
}

static int write_memory(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	char pages[64] = "";
	int r;

	r = plan_flag_add(flags, "-m",
			  plan_takes_secrets(p) ?
				  "as asked for; KVM pins all of it, for which a user other than "
				  "root needs as much in ulimit -l" :
				  "as asked for",
			  "%lluM",
			  (unsigned long long)(w->memory / MIB));
	if (r < 0 || !has_backend(p))
		return r;
	if (w->page_size)
		snprintf(pages, sizeof(pages), ",hugetlb=on,hugetlbsize=%lluM",
			 (unsigned long long)(w->page_size / MIB));
	return plan_flag_add(flags, "-object",
			     w->tech == TECH_SNP ?
				     "the shared half of the memory; KVM has the private half" :
				     "huge pages",
			     "memory-backend-memfd,id=ram0,size=%lluM,share=%s,prealloc=%s%s",
			     (unsigned long long)(w->memory / MIB),
			     w->tech == TECH_SNP ? "on" : "off",
			     w->page_size ? "on" : "off", pages);
}

static int write_guard(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	const char *hashes = w->kernel ? ",kernel-hashes=on" : "";

	if (w->tech == TECH_TDX)
		return plan_flag_add(flags, "-object", "Intel TDX", "tdx-guest,id=cgs0");
	if (w->tech == TECH_SNP)
		return plan_flag_add(flags, "-object",
				     "AMD SEV-SNP; the encryption bit is the host's, the policy is "
				     "the owner's",
				     "sev-snp-guest,id=cgs0,cbitpos=%u,reduced-phys-bits=1,"
				     "policy=0x%llx%s",
				     p->cbit, (unsigned long long)w->policy, hashes);
	return plan_flag_add(flags, "-object",
			     "AMD SEV; the policy is that of the session, which coco-inject "
			     "session makes; only the owner of its keys can inject",
			     "sev-guest,id=cgs0,cbitpos=%u,reduced-phys-bits=1,policy=0x%llx,"
			     "dh-cert-file=%s_godh.b64,session-file=%s_session.b64%s",
			     p->cbit, (unsigned long long)w->policy, w->name, w->name, hashes);
}

/* The value @before @path, whose commas are doubled if it is part of an option. */
static char *path_value(const char *before, const char *path, bool in_option)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return NULL;
	fprintf(s.f, "%s%s", before, quote_qemu_path(path));
	if (in_option)
		quote_qemu(s.f, path);
	else
		fputs(path, s.f);
	return plan_stream_close(&s);
}

static int write_boot(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	bool flash = plan_takes_secrets(p);
	int r;

	r = plan_flag_take(flags, flash ? "-drive" : "-bios",
			   flash ? "the firmware, measured as a whole and without variables" :
				   "the firmware, whose pages are measured as its metadata says",
			   path_value(flash ? "if=pflash,format=raw,unit=0,readonly=on,file=" : "",
				      w->firmware, flash));
	if (r == 0 && w->kernel)
		r = plan_flag_take(flags, "-kernel",
				   w->tech == TECH_TDX ? "the firmware measures it at run time" :
							 "its hash is measured",
				   path_value("", w->kernel, false));
	if (r == 0 && w->initrd)
		r = plan_flag_take(flags, "-initrd", "as the kernel",
				   path_value("", w->initrd, false));
	if (r == 0 && w->cmdline)
		r = plan_flag_add(flags, "-append", "measured byte for byte", "%s", w->cmdline);
	return r;
}

static int write_monitor(const struct plan *p, struct plan_flags *flags)
{
	int r;

	r = plan_flag_add(flags, "-qmp",
			  plan_takes_secrets(p) ? "coco-inject inject asks here, and injects" :
						  "QEMU's monitor",
			  "unix:%s.qmp,server=on,wait=off", p->want->name);
	if (r == 0 && plan_takes_secrets(p))
		r = plan_flag_add_bare(flags, "-S",
				       "stopped, until coco-inject has injected the secrets");
	/* Registers of SEV-ES and later cannot be reset from outside. */
	if (r == 0 && p->want->tech != TECH_SEV)
		r = plan_flag_add_bare(flags, "-no-reboot",
				       "the host cannot reset encrypted registers");
	return r;
}

int plan_write_qemu(const struct plan *p, struct plan_flags *flags)
{
	int r;

	r = write_program(p, flags);
	if (r == 0)
		r = plan_flag_add_bare(flags, "-nodefaults",
				       "no device but those that you add: each is a way in");
	if (r == 0)
		r = plan_flag_add(flags, "-display", "no window", "none");
	if (r == 0)
		r = write_machine(p, flags);
	if (r == 0)
		r = write_cpus(p, flags);
	if (r == 0)
		r = write_memory(p, flags);
	if (r == 0)
		r = write_guard(p, flags);
	if (r == 0)
		r = write_boot(p, flags);
	if (r == 0)
		r = write_monitor(p, flags);
	return r;
}
