/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as a domain of libvirt. */
#include "inject/plan/flags.h"
#include "inject/plan/quote.h"

/* "<NAME>TEXT</NAME>" on a line of its own. */
static void element(FILE *f, const char *name, const char *attributes, const char *text)
{
	fprintf(f, "    <%s%s>", name, attributes);
	quote_xml(f, text);
	fprintf(f, "</%s>\n", name);
}

static int write_name(const struct plan *p, struct plan_flags *flags)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	fputs("  <name>", s.f);
	quote_xml(s.f, p->want->name);
	fputs("</name>", s.f);
	return plan_flag_take(flags, "name", "coco-inject inject finds it by this",
			      plan_stream_close(&s));
}

static int write_memory(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	struct plan_stream s;
	const char *why;
	int r;

	r = plan_flag_add(flags, "memory", "as asked for", "  <memory unit='KiB'>%llu</memory>",
			  (unsigned long long)(w->memory >> 10));
	if (r < 0 || (!w->page_size && w->tech == TECH_TDX))
		return r;
	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	fputs("  <memoryBacking>\n", s.f);
	if (w->page_size)
		fprintf(s.f, "    <hugepages><page size='%llu' unit='KiB'/></hugepages>\n",
			(unsigned long long)(w->page_size >> 10));
	if (w->tech == TECH_SNP)
		fputs("    <source type='memfd'/>\n    <access mode='shared'/>\n", s.f);
	if (plan_takes_secrets(p))
		fputs("    <locked/>\n", s.f);
	fputs("  </memoryBacking>", s.f);
	why = plan_takes_secrets(p) ? "KVM pins all of the guest's memory, so QEMU must be allowed "
				      "to lock it" :
	      w->tech == TECH_SNP   ? "the shared half of the memory; KVM has the private half" :
				      "huge pages";
	return plan_flag_take(flags, "memoryBacking", why, plan_stream_close(&s));
}

static int write_vcpus(const struct plan *p, struct plan_flags *flags)
{
	int r;

	if (!p->pinned)
		return plan_flag_add(flags, "vcpu", "as many as asked for, or as the limit allows",
				     "  <vcpu placement='static'>%llu</vcpu>",
				     (unsigned long long)p->vcpus);
	r = plan_flag_add(flags, "vcpu", "they run on the CPUs of the nodes that have the memory",
			  "  <vcpu placement='static' cpuset='%s'>%llu</vcpu>", p->cpu_list,
			  (unsigned long long)p->vcpus);
	if (r == 0)
		r = plan_flag_add(flags, "numatune", "memory comes from these nodes, or not at all",
				  "  <numatune>\n    <memory mode='strict' nodeset='%s'/>\n"
				  "  </numatune>",
				  p->node_list);
	return r;
}

static int write_os(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	fputs("  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n", s.f);
	element(s.f, "loader",
		plan_takes_secrets(p) ? " readonly='yes' type='pflash' stateless='yes'" :
					" type='rom'",
		w->firmware);
	if (w->kernel)
		element(s.f, "kernel", "", w->kernel);
	if (w->initrd)
		element(s.f, "initrd", "", w->initrd);
	if (w->cmdline)
		element(s.f, "cmdline", "", w->cmdline);
	fputs("  </os>", s.f);
	return plan_flag_take(flags, "os",
			      plan_takes_secrets(p) ?
				      "the firmware is measured as a whole and has no variables, "
				      "and so is each byte of kernel, initrd and command line" :
				      "the firmware is measured",
			      plan_stream_close(&s));
}

static int write_features(const struct plan *p, struct plan_flags *flags)
{
	bool split = p->want->tech == TECH_TDX || p->wide_ids;

	return plan_flag_add(flags, "features",
			     split ? "the interrupt controller is QEMU's, as a TD and over 255 "
				     "vCPUs need it" :
				     "the usual ones",
			     "  <features>\n    <acpi/>\n    <apic/>\n%s%s  </features>",
			     /* SMM needs registers that the host may set. */
			     p->want->tech == TECH_SEV ? "" : "    <smm state='off'/>\n",
			     split ? "    <ioapic driver='qemu'/>\n" : "");
}

static int write_cpu(const struct plan *p, struct plan_flags *flags)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	if (streq(p->cpu, "host"))
		fputs("  <cpu mode='host-passthrough'>\n", s.f);
	else
		/* Unchecked: hosts differ in features that the guest can do without. */
		fprintf(s.f, "  <cpu mode='custom' match='exact' check='none'>\n"
			     "    <model fallback='forbid'>%s</model>\n",
			p->cpu);
	fprintf(s.f, "    <topology sockets='%llu' cores='%llu' threads='1'/>\n  </cpu>",
		(unsigned long long)p->want->sockets,
		(unsigned long long)(p->vcpus / p->want->sockets));
	return plan_flag_take(flags, "cpu",
			      p->want->tech == TECH_SEV_ES || p->want->tech == TECH_SNP ?
				      "the model is measured with the CPUs: coco-inject needs the "
				      "same" :
			      p->want->cpu ? "as asked for" :
					     "the host's own generation",
			      plan_stream_close(&s));
}

static int write_devices(const struct plan *p, struct plan_flags *flags)
{
	int r;

	r = plan_flag_add(flags, "on_reboot",
			  "a new start is a new launch, with a measurement of its own",
			  "  <on_reboot>destroy</on_reboot>");
	if (r == 0 && p->wide_ids)
		r = plan_flag_add(flags, "devices",
				  "interrupts reach vCPUs over 255 only through an IOMMU",
				  "  <devices>\n    <memballoon model='none'/>\n"
				  "    <iommu model='intel'>\n"
				  "      <driver intremap='on' eim='on'/>\n    </iommu>\n"
				  "  </devices>");
	else if (r == 0)
		r = plan_flag_add(flags, "devices",
				  "no device but those that you add: each is a way in",
				  "  <devices>\n    <memballoon model='none'/>\n  </devices>");
	return r;
}

static int write_security(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	const char *hashes = w->kernel ? " kernelHashes='yes'" : "";

	if (w->tech == TECH_TDX)
		return plan_flag_add(flags, "launchSecurity", "Intel TDX",
				     "  <launchSecurity type='tdx'/>");
	if (w->tech == TECH_SNP)
		return plan_flag_add(flags, "launchSecurity",
				     "AMD SEV-SNP; the encryption bit is the host's, the policy is "
				     "the owner's",
				     "  <launchSecurity type='sev-snp'%s>\n"
				     "    <cbitpos>%u</cbitpos>\n"
				     "    <reducedPhysBits>1</reducedPhysBits>\n"
				     "    <policy>0x%llx</policy>\n  </launchSecurity>",
				     hashes, p->cbit, (unsigned long long)w->policy);
	return plan_flag_add(flags, "launchSecurity",
			     "AMD SEV; policy, certificate and session are those of coco-inject "
			     "session; only the owner of its keys can inject",
			     "  <launchSecurity type='sev'%s>\n"
			     "    <cbitpos>%u</cbitpos>\n"
			     "    <reducedPhysBits>1</reducedPhysBits>\n"
			     "    <policy>0x%04llx</policy>\n"
			     "    <dhCert>%s</dhCert>\n"
			     "    <session>%s</session>\n  </launchSecurity>",
			     hashes, p->cbit, (unsigned long long)w->policy, w->dh_cert,
			     w->session);
}

int plan_write_libvirt(const struct plan *p, struct plan_flags *flags)
{
	static int (*const parts[])(const struct plan *p, struct plan_flags *flags) = {
		write_name, write_memory, write_vcpus,	 write_os,
		write_features, write_cpu, write_devices, write_security,
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int r = parts[i](p, flags);

		if (r < 0)
			return r;
	}
	return 0;
}
