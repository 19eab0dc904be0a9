/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/vmsa.h"

#include <strings.h>

#include "base/parse.h"
#include "wire/bytes.h"

/* Where the fields lie.  A segment is selector u16, attributes u16, limit u32, base u64. */
#define VMSA_ES 0x000
#define VMSA_CS 0x010
#define VMSA_SS 0x020
#define VMSA_DS 0x030
#define VMSA_FS 0x040
#define VMSA_GS 0x050
#define VMSA_GDTR 0x060
#define VMSA_LDTR 0x070
#define VMSA_IDTR 0x080
#define VMSA_TR 0x090
#define VMSA_EFER 0x0d0
#define VMSA_CR4 0x148
#define VMSA_CR0 0x158
#define VMSA_DR7 0x160
#define VMSA_DR6 0x168
#define VMSA_RFLAGS 0x170
#define VMSA_RIP 0x178
#define VMSA_G_PAT 0x268
#define VMSA_RDX 0x310
#define VMSA_SEV_FEATURES 0x3b0
#define VMSA_XCR0 0x3e8
#define VMSA_MXCSR 0x408
#define VMSA_X87_FCW 0x410

#define PAT_RESET 0x0007040600070406u
#define USUAL .cs_bsp = 0x9b, .ss = 0x93, .tr = 0x8b, .pat = PAT_RESET
#define EC2                                                                      \
	.snp = true, .features = 0x1, .cs_bsp = 0x9a, .ss = 0x92, .tr = 0x83,    \
	.own_rdx = true, .pat = PAT_RESET, .not_qemu = true, .cpuid_last = true

/* In SEV_FEATURES: 0x1 SNP, 0x20 debug registers are swapped, 0x200 secure TSC. */
static const struct vmsa_variant variants[] = {
	{ "legacy", "QEMU before 9.1, or later with legacy-vm-type auto or on",
	  false, 0, false, USUAL },
	{ "legacy+debugswap", "the same on Linux 6.6 to 6.8 with kvm_amd.debug_swap=1",
	  false, 0x20, false, USUAL },
	{ "init2", "QEMU 9.1 or later with legacy-vm-type=off, Linux 6.10 or later",
	  false, 0, true, USUAL },
	{ "init2+debugswap",
	  "the same of QEMU 10.2 or later with debug-swap=on, guest features 0x20",
	  false, 0x20, true, USUAL },
	{ "snp", "QEMU", true, 0x1, true, USUAL },
	{ "snp+debugswap", "QEMU 10.2 or later with debug-swap=on, guest features 0x21",
	  true, 0x21, true, USUAL },
	{ "snp+securetsc", "QEMU 10.2 or later with secure-tsc=on, guest features 0x201",
	  true, 0x201, true, USUAL },
	{ "snp+debugswap+securetsc", "QEMU 10.2 or later with both on, guest features 0x221",
	  true, 0x221, true, USUAL },
	{ "snp-no-fpu",
	  "QEMU on AMD's Linux trees for SNP, before mainline had it: MXCSR and FCW are 0",
	  true, 0x1, false, USUAL },
	{ "snp-ec2", "Amazon EC2", EC2, .rdx = 0x600 },
	{ "snp-ec2-before-2026", "Amazon EC2 before 2026: RDX is 0", EC2, .rdx = 0 },
	{ "snp-gce", "Google Compute Engine",
	  true, 0x1, false, 0x9b, 0x93, 0x8b, true, 0x600, 0x70106,
	  .not_qemu = true, .memory_unmeasured = true },
};

const struct vmsa_variant *vmsa_variants(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(variants);
	return variants;
}

const struct vmsa_variant *vmsa_variant_find(const char *name, bool snp)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		if (variants[i].snp == snp && streq(variants[i].name, name))
			return &variants[i];
	return NULL;
}

static void put_u64le(uint8_t *p, uint64_t v)
{
	put_u32le(p, (uint32_t)v);
	put_u32le(p + 4, (uint32_t)(v >> 32));
}

static void put_segment(uint8_t *p, uint16_t selector, uint16_t attributes, uint64_t base)
{
	put_u16le(p, selector);
	put_u16le(p + 2, attributes);
	put_u32le(p + 4, 0xffff);
	put_u64le(p + 8, base);
}

void vmsa_page(const struct vmsa *v, uint32_t eip, uint8_t ret[static VMSA_LEN])
{
	const struct vmsa_variant *variant = v->variant;
	static const struct {
		uint16_t at;
		uint64_t value;
	} registers[] = {
		{ VMSA_EFER, 0x1000 }, { VMSA_CR4, 0x40 },	 { VMSA_CR0, 0x10 },
		{ VMSA_DR7, 0x400 },   { VMSA_DR6, 0xffff0ff0 }, { VMSA_RFLAGS, 2 },
		{ VMSA_XCR0, 1 },
	};
	static const uint16_t data_segments[] = { VMSA_ES, VMSA_DS, VMSA_FS, VMSA_GS };

	memset(ret, 0, VMSA_LEN);
	for (size_t i = 0; i < ARRAY_SIZE(data_segments); i++)
		put_segment(ret + data_segments[i], 0, 0x93, 0);
	put_segment(ret + VMSA_CS, 0xf000, eip == VMSA_EIP_BSP ? variant->cs_bsp : 0x9b,
		    eip & 0xffff0000);
	put_segment(ret + VMSA_SS, 0, variant->ss, 0);
	put_segment(ret + VMSA_GDTR, 0, 0, 0);
	put_segment(ret + VMSA_IDTR, 0, 0, 0);
	put_segment(ret + VMSA_LDTR, 0, 0x82, 0);
	put_segment(ret + VMSA_TR, 0, variant->tr, 0);
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		put_u64le(ret + registers[i].at, registers[i].value);
	put_u64le(ret + VMSA_RIP, eip & 0xffff);
	put_u64le(ret + VMSA_G_PAT, variant->pat);
	put_u64le(ret + VMSA_RDX, variant->own_rdx ? variant->rdx : v->signature);
	put_u64le(ret + VMSA_SEV_FEATURES, v->features);
	if (variant->fpu) {
		put_u32le(ret + VMSA_MXCSR, 0x1f80);
		put_u16le(ret + VMSA_X87_FCW, 0x37f);
	}
}

/* ---- CPUs ---- */

/* Family, model and stepping as CPUID's leaf 1 packs them. */
#define SIGNATURE(family, model, stepping)                                                         \
	((((family) > 15 ? (family)-15u : 0u) << 20) | (((family) > 15 ? 15u : (family)) << 8) |   \
	 ((model) >> 4 << 16) | (((model)&15u) << 4) | (stepping))
#define FAMILY_MAX (15 + 255)
#define MODEL_MAX 255
#define STEPPING_MAX 15

/*
 * Sources: QEMU, target/i386/cpu.c; the revision guides of AMD's processors, and the list of
 * those that linux-firmware has microcode for.
 */
static const struct cpu cpus[] = {
	{ "EPYC", SIGNATURE(23u, 1u, 2u), false },
	{ "EPYC-Rome", SIGNATURE(23u, 49u, 0u), false },
	{ "EPYC-Milan", SIGNATURE(25u, 1u, 1u), false },
	{ "EPYC-Genoa", SIGNATURE(25u, 17u, 0u), false },
	{ "EPYC-Turin", SIGNATURE(26u, 0u, 0u), false },
	{ "Naples", SIGNATURE(23u, 1u, 2u), true },
	{ "Rome", SIGNATURE(23u, 49u, 0u), true },
	{ "Milan", SIGNATURE(25u, 1u, 0u), true },
	{ "Milan", SIGNATURE(25u, 1u, 1u), true },
	{ "Milan-X", SIGNATURE(25u, 1u, 2u), true },
	{ "Genoa", SIGNATURE(25u, 17u, 0u), true },
	{ "Genoa", SIGNATURE(25u, 17u, 1u), true },
	{ "Genoa-X", SIGNATURE(25u, 17u, 2u), true },
	{ "Bergamo", SIGNATURE(25u, 160u, 0u), true },
	{ "Bergamo", SIGNATURE(25u, 160u, 1u), true },
	{ "Bergamo or Siena", SIGNATURE(25u, 160u, 2u), true },
	{ "Turin", SIGNATURE(26u, 0u, 0u), true },
	{ "Turin", SIGNATURE(26u, 2u, 0u), true },
	{ "Turin", SIGNATURE(26u, 2u, 1u), true },
	{ "Turin Dense", SIGNATURE(26u, 17u, 0u), true },
	{ "Turin Dense", SIGNATURE(26u, 17u, 1u), true },
};

const struct cpu *known_cpus(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(cpus);
	return cpus;
}

/* "" or "-v1" to "-v9". */
static bool is_version(const char *s)
{
	return *s == '\0' || ((s[0] == '-' && (s[1] == 'v' || s[1] == 'V')) && s[2] >= '1' &&
			     s[2] <= '9' && s[3] == '\0');
}

int cpu_type_signature(const char *name, uint32_t *ret)
{
	/* The same model under an older name. */
	const char *ibpb = "EPYC-IBPB";

	if (strncasecmp(name, ibpb, strlen(ibpb)) == 0 && is_version(name + strlen(ibpb)))
		name = "EPYC";
	for (size_t i = 0; i < ARRAY_SIZE(cpus) && !cpus[i].real; i++) {
		size_t len = strlen(cpus[i].name);

		if (strncasecmp(name, cpus[i].name, len) == 0 && is_version(name + len)) {
			*ret = cpus[i].signature;
			return 0;
		}
	}
	return -ENOENT;
}

int cpu_signature_parse(const char *text, uint32_t *ret)
{
	static const uint32_t most[] = { FAMILY_MAX, MODEL_MAX, STEPPING_MAX };
	uint32_t n[ARRAY_SIZE(most)] = { 0 };
	char part[16];

	if (!strchr(text, '/'))
		return parse_u32(text, ret);
	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		size_t len = strcspn(text, "/");
		int r;

		if (len >= sizeof(part) || !!text[len] != (i + 1 < ARRAY_SIZE(most)))
			return -EINVAL;
		memcpy(part, text, len);
		part[len] = '\0';
		r = parse_u32(part, &n[i]);
		if (r < 0)
			return r;
		if (n[i] > most[i])
			return -ERANGE;
		text += len + 1;
	}
	*ret = SIGNATURE(n[0], n[1], n[2]);
	return 0;
}

/* ---- how many ---- */

/* One number of @text, which ends at one of @ends or with the text. */
static int take_count(const char **text, const char *ends, size_t *ret)
{
	size_t len = strcspn(*text, ends);
	char number[16];
	uint64_t n;
	int r;

	if (len >= sizeof(number))
		return -EINVAL;
	memcpy(number, *text, len);
	number[len] = '\0';
	r = parse_u64(number, &n);
	if (r < 0)
		return r;
	if (n == 0 || n > VCPUS_MAX)
		return -ERANGE;
	*text += len;
	*ret = n;
	return 0;
}

static void add_count(struct vcpu_counts *c, size_t n)
{
	if (vcpu_counts_has(c, n))
		return;
	c->bits[n / 64] |= UINT64_C(1) << n % 64;
	c->least = c->n == 0 ? n : MIN(c->least, n);
	c->most = MAX(c->most, n);
	c->n++;
}

int vcpu_counts_parse(const char *text, struct vcpu_counts *ret)
{
	struct vcpu_counts c = { .n = 0 };

	for (;;) {
		size_t first, last;
		int r;

		r = take_count(&text, "-,", &first);
		if (r < 0)
			return r;
		last = first;
		if (*text == '-') {
			text++;
			r = take_count(&text, ",", &last);
			if (r < 0)
				return r;
		}
		if (last < first)
			return -EINVAL;
		for (size_t n = first; n <= last; n++)
			add_count(&c, n);
		if (*text == '\0')
			break;
		text++;
	}
	*ret = c;
	return 0;
}

void vcpu_counts_set(struct vcpu_counts *ret, size_t n)
{
	*ret = (struct vcpu_counts){ .n = 0 };
	add_count(ret, n);
}
