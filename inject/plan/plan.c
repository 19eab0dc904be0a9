/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/plan.h"

#include "base/text.h"
#include "inject/launch/vmsa.h"
#include "inject/plan/check-host.h"
#include "sev/sev-policy.h"
#include "wire/snp-report.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* QEMU, its devices and its threads.  The pages' tables come besides: 8 bytes for each 4 KiB. */
#define OVERHEAD (256 * MIB)

/* x86 kernels take a command line of this size, with its NUL. */
#define CMDLINE_LEN 2048

/* From here on, boots that took many minutes were reported. */
#define SLOW_MEMORY (64 * GIB)
#define SLOW_TDX_VCPUS 64

/* An xAPIC ID of 255 is the broadcast. */
#define XAPIC_ID_MAX 254

static const struct {
	const char *name, *text;
} limit_names[_PLAN_LIMIT_MAX] = {
	[PLAN_LIMIT_KVM] = { "kvm", "KVM_CAP_MAX_VCPUS of this kernel" },
	[PLAN_LIMIT_KVM_ID] = { "kvm-id", "KVM_CAP_MAX_VCPU_ID of this kernel" },
	[PLAN_LIMIT_MACHINE] = { "machine", "cpu-max of QEMU's machine q35" },
	[PLAN_LIMIT_TDX] = { "tdx", "the host's CPUs: KVM gives a TD no more vCPUs than these" },
	[PLAN_LIMIT_MEASURED] = { "measured", "what coco-inject can measure" },
};

const char *plan_limit_name(enum plan_limit limit)
{
	return limit_names[limit].name;
}

const char *plan_limit_text(enum plan_limit limit)
{
	return limit_names[limit].text;
}

#define refuse(p, ...) plan_note(&(p)->refusals, __VA_ARGS__)
#define warn(p, ...) plan_note(&(p)->warnings, __VA_ARGS__)

/* ---- texts ---- */

/* XML 1.0 has no other control characters than these three, not even escaped. */
static bool fits_xml(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	       (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

/* A value of xl.cfg is one line, and Xen's parser loses escaped bytes over 127. */
static bool fits_xl(uint32_t c)
{
	return !character_is_hidden(c);
}

static void check_text(struct plan *p, const char *what, const char *text)
{
	enum plan_format format = p->want->format;
	size_t len;
	uint32_t c;

	if (!text)
		return;
	for (const char *s = text; *s; s += len) {
		len = utf8_next(s, strlen(s), &c);
		if (len == 0 && format == PLAN_QEMU && !p->want->only_utf8)
			return;		/* a shell can say any byte */
		if (len == 0) {
			refuse(p, "The %s is not UTF-8, and %s can be given no other text", what,
			       p->want->only_utf8 ? "JSON" :
			       format == PLAN_XL  ? "xl" :
						    "libvirt");
			return;
		}
		if ((format == PLAN_LIBVIRT && !fits_xml(c)) ||
		    (format == PLAN_XL && !fits_xl(c))) {
			refuse(p, "The %s has a control character, which cannot be written for %s",
			       what, format == PLAN_XL ? "xl" : "libvirt");
			return;
		}
	}
}

static void check_texts(struct plan *p)
{
	const struct plan_want *w = p->want;

	check_text(p, "firmware's path", w->firmware);
	check_text(p, "kernel's path", w->kernel);
	check_text(p, "initrd's path", w->initrd);
	check_text(p, "command line", w->cmdline);
	if (w->cmdline && strlen(w->cmdline) >= CMDLINE_LEN)
		refuse(p, "The command line has %zu bytes, and a kernel takes %d",
		       strlen(w->cmdline), CMDLINE_LEN - 1);
}

/* ---- the guest ---- */

static void check_policy(struct plan *p)
{
	const struct plan_want *w = p->want;

	if (w->tech == TECH_SNP) {
		if (w->policy & SNP_POLICY_DEBUG && !w->allow_debug)
			refuse(p, "The policy has debug: the host could read the guest's memory");
		return;
	}
	if (!plan_takes_secrets(p))
		return;
	if (w->tech == TECH_SEV_ES && !(w->policy & SEV_POLICY_ES))
		refuse(p, "The policy has no es, so this would be an SEV guest");
	if (w->tech == TECH_SEV && w->policy & SEV_POLICY_ES)
		refuse(p, "The policy has es, so this would be an SEV-ES guest");
	if (!(w->policy & SEV_POLICY_NODBG) && !w->allow_debug)
		refuse(p, "The policy has no nodbg: the host could read the guest's memory");
	if (!(w->policy & SEV_POLICY_NOSEND))
		warn(p, "The policy has no nosend: the host may send the guest to another machine");
}

static unsigned family(uint32_t signature)
{
	unsigned base = signature >> 8 & 15;

	return base == 15 ? base + (signature >> 20 & 255) : base;
}

static unsigned model(uint32_t signature)
{
	return (signature >> 4 & 15) | (signature >> 12 & 0xf0);
}

/* QEMU's model of the host's own generation. */
static const char *model_of(const struct host *h)
{
	unsigned m = model(h->signature);

	switch (family(h->signature)) {
	case 23:
		return m < 0x30 ? "EPYC" : "EPYC-Rome";
	case 25:
		return m < 0x10 ? "EPYC-Milan" : "EPYC-Genoa";
	case 26:
		return "EPYC-Turin";
	default:
		return NULL;
	}
}

static void choose_cpu(struct plan *p, const struct host *h)
{
	const char *own = h->cpuid_known && h->is_amd ? model_of(h) : NULL;

	p->cpu = p->want->cpu;
	if (p->want->tech == TECH_TDX) {
		if (p->cpu && !streq(p->cpu, "host"))
			refuse(p, "A TD has the host's processor: leave the CPU model away");
		p->cpu = "host";
		return;
	}
	if (!p->cpu && !own)
		warn(p, "The host's processor is not known: the guest's CPUs are EPYC-Milan's, "
			"which older hosts do not have");
	if (!p->cpu)
		p->cpu = own ? own : "EPYC-Milan";
	if (streq(p->cpu, "host")) {
		p->cpu_known = h->cpuid_known;
		p->signature = h->signature;
	} else if (cpu_type_signature(p->cpu, &p->signature) == 0) {
		p->cpu_known = true;
	} else {
		refuse(p, "The CPU model '%s' is not one of QEMU's that is known here, such as "
			  "EPYC-Milan",
		       p->cpu);
	}
}

static void choose_cbit(struct plan *p, const struct host *h)
{
	p->cbit = p->want->cbit ? p->want->cbit : h->cbit;
	if (!plan_is_amd(p))
		return;
	if (p->cbit == 0 && h->cpuid_known && h->is_amd)
		refuse(p, "The host's processor has no encryption bit: CPUID leaf 0x8000001f says "
			  "it has no SEV");
	else if (p->cbit == 0)
		refuse(p, "The host's encryption bit is not known: say it with --cbitpos; "
			  "EPYC 7003 and newer have 51, older ones 47");
	else if (h->cbit && p->cbit != h->cbit)
		refuse(p, "--cbitpos is %u, and the host's encryption bit is %u: QEMU would not "
			  "start",
		       p->cbit, h->cbit);
}

/* ---- vCPUs ---- */

/* The APIC ID of the last of @vcpus: sockets and cores have whole bits of it. */
static uint64_t last_apic_id(uint64_t vcpus, uint64_t sockets)
{
	uint64_t cores = vcpus / sockets;
	unsigned bits = cores > 1 ? 64 - (unsigned)__builtin_clzll(cores - 1) : 0;

	return ((sockets - 1) << bits) + cores - 1;
}

static void find_limits(struct plan *p, const struct host *h)
{
	enum tech tech = p->want->tech;

	p->limits[PLAN_LIMIT_KVM] = h->max_vcpus;
	p->limits[PLAN_LIMIT_KVM_ID] = h->max_vcpu_id;
	p->limits[PLAN_LIMIT_MACHINE] = h->machine_vcpus;
	if (tech == TECH_TDX)
		p->limits[PLAN_LIMIT_TDX] = h->n_present_cpus;
	if (tech == TECH_SEV_ES || tech == TECH_SNP)
		p->limits[PLAN_LIMIT_MEASURED] = VCPUS_MAX;
}

/* The most vCPUs of which the last APIC ID is below @ids. */
static uint64_t most_below(uint64_t ids, uint64_t vcpus, uint64_t sockets)
{
	while (vcpus >= sockets && last_apic_id(vcpus, sockets) >= ids)
		vcpus -= sockets;
	return vcpus >= sockets ? vcpus : 0;
}

static void limit_vcpus(struct plan *p)
{
	const struct plan_want *w = p->want;

	p->vcpus = w->vcpus;
	p->binding = _PLAN_LIMIT_MAX;
	for (enum plan_limit i = 0; i < _PLAN_LIMIT_MAX; i++) {
		uint64_t most = p->limits[i];

		if (most == 0)
			continue;
		if (p->vcpus > most) {
			p->vcpus = most - most % w->sockets;
			p->binding = i;
		}
		if (i == PLAN_LIMIT_KVM_ID && p->vcpus > 0 &&
		    last_apic_id(p->vcpus, w->sockets) >= most) {
			p->vcpus = most_below(most, p->vcpus, w->sockets);
			p->binding = i;
		}
	}
}

static void choose_vcpus(struct plan *p, const struct host *h)
{
	const struct plan_want *w = p->want;

	find_limits(p, h);
	if (w->tech == TECH_TDX && w->sockets > 1)
		refuse(p, "A TD has one socket, not %llu", (unsigned long long)w->sockets);
	if (w->vcpus % w->sockets != 0) {
		refuse(p, "%llu vCPUs cannot be on %llu sockets: each has the same number",
		       (unsigned long long)w->vcpus, (unsigned long long)w->sockets);
		return;
	}
	limit_vcpus(p);
	if (p->vcpus == 0) {
		refuse(p, "There can be no vCPU on each of %llu sockets: the limit is %s",
		       (unsigned long long)w->sockets, plan_limit_text(p->binding));
		return;
	}
	if (p->binding != _PLAN_LIMIT_MAX)
		warn(p, "The guest gets %llu vCPUs, not %llu: the limit is %s",
		     (unsigned long long)p->vcpus, (unsigned long long)w->vcpus,
		     plan_limit_text(p->binding));
	p->wide_ids = last_apic_id(p->vcpus, w->sockets) > XAPIC_ID_MAX;
	if (p->wide_ids && h->machine_vcpus == 0)
		warn(p, "It is not known how many vCPUs this QEMU's q35 takes: cpu-max of "
			"query-machines says it, and is 288 in QEMU 7.2");
	if (p->wide_ids)
		warn(p, "Over 255 vCPUs need an emulated IOMMU, which has not been tried here in a "
			"guest with encrypted memory");
	if (w->tech == TECH_TDX && p->vcpus >= SLOW_TDX_VCPUS)
		warn(p, "A TD's boot takes longer with the square of its vCPUs, as reports say: "
			"try it before relying on %llu",
		     (unsigned long long)p->vcpus);
}

/* ---- memory ---- */

static void check_memory(struct plan *p)
{
	const struct plan_want *w = p->want;

	if (w->memory % MIB != 0)
		refuse(p, "The memory must be whole MiB");
	else if (w->tech == TECH_TDX && w->memory % (2 * MIB) != 0)
		refuse(p, "The memory of a TD must be whole 2 MiB");
	if (w->page_size && w->memory % w->page_size != 0)
		refuse(p, "The memory must be whole huge pages of %llu MiB",
		       (unsigned long long)(w->page_size / MIB));
	if (w->page_size && plan_has_private_memory(p))
		warn(p, "Huge pages hold only the shared half of this guest's memory: the host "
			"needs as much ordinary memory besides for the private half");
	if (plan_has_private_memory(p) && w->memory >= SLOW_MEMORY)
		warn(p, "Take firmware that leaves it to the kernel to accept memory: firmware "
			"that accepts %llu GiB itself was reported to take over ten minutes",
		     (unsigned long long)(w->memory / GIB));
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void fill_need(const struct plan *p, const struct node_choice *all, struct node_need *ret)
{
	const struct plan_want *w = p->want;

	*ret = (struct node_need){ .free = OVERHEAD, .cpus = MIN(p->vcpus, all->cpus.n) };
	if (w->page_size) {
		ret->page = w->page_size == GIB ? HOST_PAGE_1G : HOST_PAGE_2M;
		ret->pages = w->memory / w->page_size;
	}
	if (!w->page_size || plan_has_private_memory(p))
		ret->free = add_capped(ret->free, add_capped(w->memory, w->memory / 512));
}

static uint64_t total_memory(const struct host *h)
{
	uint64_t total = 0;

	for (size_t i = 0; i < h->n_nodes; i++)
		total = add_capped(total, h->nodes[i].memory.total);
	return total;
}

static void print_ids(struct plan *p, const struct host *h)
{
	struct cpu_set ids = { .n = 0 };

	static_assert(HOST_NODES_MAX <= TREE_CPUS_MAX, "a node's id fits into a set of CPUs");
	for (size_t i = 0; i < h->n_nodes; i++)
		if (p->nodes.member[i]) {
			ids.bits[h->nodes[i].id / 64] |= UINT64_C(1) << h->nodes[i].id % 64;
			ids.n++;
		}
	if (!cpu_set_print(&ids, p->node_list, sizeof(p->node_list)) ||
	    !cpu_set_print(&p->nodes.cpus, p->cpu_list, sizeof(p->cpu_list)))
		refuse(p, "The list of nodes or CPUs is too long");
}

static void choose_nodes(struct plan *p, const struct host *h)
{
	const struct plan_want *w = p->want;
	struct node_choice all;
	struct node_need need;
	const char *what;

	if (h->n_nodes == 0) {
		warn(p, "The host's nodes are not known: the guest is not pinned, and its memory "
			"not compared with the host's");
		return;
	}
	if (w->memory > total_memory(h)) {
		refuse(p, "The host has %llu MiB of memory, and the guest needs %llu",
		       (unsigned long long)(total_memory(h) / MIB),
		       (unsigned long long)(w->memory / MIB));
		return;
	}
	nodes_all(h, &all);
	if (p->vcpus > all.cpus.n)
		warn(p, "The guest has more vCPUs than the host has CPUs: %llu on %zu",
		     (unsigned long long)p->vcpus, all.cpus.n);
	if (w->unpinned && !w->page_size)
		return;
	fill_need(p, &all, &need);
	if (!nodes_suffice(h, &all, &need, &what)) {
		refuse(p, "All nodes together have too little %s: %llu MiB are needed%s", what,
		       (unsigned long long)((need.pages && streq(what, "free huge pages") ?
						     w->memory :
						     need.free) /
					    MIB),
		       w->page_size ? "" : ", with what QEMU itself needs; free some, or say "
					   "--no-pin if the kernel can still drop caches");
		return;
	}
	if (w->unpinned || nodes_choose(h, &need, &p->nodes) < 0)
		return;
	p->pinned = true;
	print_ids(p, h);
	if (p->nodes.n > 1)
		warn(p, "No node alone fits the guest: it is spread over %zu, and its memory is "
			"partly remote to each vCPU",
		     p->nodes.n);
	if (p->nodes.cpus.n == 0) {
		/* Nodes of memory alone: vCPUs run where they like. */
		warn(p, "The nodes with this memory have no CPUs: the guest is not pinned");
		p->pinned = false;
	}
}

/* ---- a Xen guest ---- */

static void plan_xen(struct plan *p)
{
	const struct plan_want *w = p->want;

	if (w->format != PLAN_XL) {
		refuse(p, "Without a technology there is nothing to plan but a Xen guest: say "
			  "--format xl");
		return;
	}
	if (!w->kernel)
		refuse(p, "A PVH guest of Xen starts from a kernel: say --kernel");
	if (w->firmware)
		refuse(p, "A PVH guest of Xen starts from a kernel: leave the firmware away");
	if (w->sockets > 1 || w->page_size || w->cpu || w->cbit)
		refuse(p, "xl has no options for sockets, huge pages, CPU models and encryption "
			  "bits");
	if (w->memory % MIB != 0)
		refuse(p, "The memory must be whole MiB");
	p->vcpus = w->vcpus;
	p->binding = _PLAN_LIMIT_MAX;
	warn(p, "This guest is not confidential: Xen, as far as is known, starts no guests with "
		"SEV, SEV-ES, SEV-SNP or TDX; it gets no launch secret, it has no evidence to show "
		"to a broker, and dom0 and Xen can read its memory");
	warn(p, "The guest is not pinned: what dom0 sees of nodes is not the host's, and xl "
		"chooses them by itself");
}

void plan_make(const struct plan_want *want, const struct host *h, struct plan *ret)
{
	struct plan *p = ret;

	*p = (struct plan){ .want = want, .binding = _PLAN_LIMIT_MAX };
	check_texts(p);
	if (want->tech == PLAN_TECH_NONE) {
		plan_xen(p);
		return;
	}
	if (want->format == PLAN_XL) {
		refuse(p, "Xen, as far as is known, starts no guests with SEV, SEV-ES, SEV-SNP or "
			  "TDX, so that its guests get no launch secret: say --tech none for a "
			  "guest without them");
		return;
	}
	if (!check_host(h, want->tech, &p->refusals, &p->warnings))
		return;
	check_policy(p);
	choose_cpu(p, h);
	choose_cbit(p, h);
	choose_vcpus(p, h);
	check_memory(p);
	if (p->vcpus > 0)
		choose_nodes(p, h);
}
