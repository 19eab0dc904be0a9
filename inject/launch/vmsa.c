/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/vmsa.h"

#include <stdio.h>

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

static const struct vmsa_variant variants[] = {
	{ "legacy", "QEMU before 9.1, or later with legacy-vm-type auto or on", false, 0, false, USUAL },
	{ "legacy+debugswap", "the same on Linux 6.6 to 6.8 with kvm_amd.debug_swap=1", false, 0x20, false, USUAL },
	{ "init2", "QEMU 9.1 or later with legacy-vm-type=off, Linux 6.10 or later", false, 0, true, USUAL },
	{ "snp", "QEMU", true, 0x1, true, USUAL },
	{ "snp-ec2", "Amazon EC2", true, 0x1, false, 0x9a, 0x92, 0x83, 0x600, PAT_RESET, .cpuid_last = true },
	{ "snp-gce", "Google Compute Engine", true, 0x1, false, 0x9b, 0x93, 0x8b, 0x600, 0x70106, .memory_unmeasured = true },
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
		{ VMSA_EFER, 0x1000 }, { VMSA_CR4, 0x40 },   { VMSA_CR0, 0x10 }, { VMSA_DR7, 0x400 },
		{ VMSA_DR6, 0xffff0ff0 }, { VMSA_RFLAGS, 2 }, { VMSA_XCR0, 1 },
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
	put_u64le(ret + VMSA_RDX, variant->edx ? variant->edx : v->signature);
	put_u64le(ret + VMSA_SEV_FEATURES, v->features);
	if (variant->fpu) {
		put_u32le(ret + VMSA_MXCSR, 0x1f80);
		put_u16le(ret + VMSA_X87_FCW, 0x37f);
	}
}

/* ---- CPU models ---- */

/* Family, model and stepping as CPUID's leaf 1 packs them. */
#define SIGNATURE(family, model, stepping)                                                         \
	((((family) > 15 ? (family)-15u : 0u) << 20) | (((family) > 15 ? 15u : (family)) << 8) |   \
	 ((model) >> 4 << 16) | (((model)&15u) << 4) | (stepping))

/* Source: QEMU, target/i386/cpu.c. */
static const struct {
	const char *name;
	uint32_t signature;
} cpu_types[] = {
	{ "EPYC", SIGNATURE(23u, 1u, 2u) },	   { "EPYC-IBPB", SIGNATURE(23u, 1u, 2u) },
	{ "EPYC-Rome", SIGNATURE(23u, 49u, 0u) },  { "EPYC-Milan", SIGNATURE(25u, 1u, 1u) },
	{ "EPYC-Genoa", SIGNATURE(25u, 17u, 0u) }, { "EPYC-Turin", SIGNATURE(26u, 0u, 0u) },
};

int cpu_type_signature(const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(cpu_types); i++) {
		const char *version = startswith(name, cpu_types[i].name);

		if (!version)
			continue;
		if (*version == '\0' ||
		    (version[0] == '-' && version[1] == 'v' && version[2] >= '1' &&
		     version[2] <= '9' && version[3] == '\0')) {
			*ret = cpu_types[i].signature;
			return 0;
		}
	}
	return -ENOENT;
}

const char *cpu_type_name(size_t i, uint32_t *ret_signature)
{
	if (i >= ARRAY_SIZE(cpu_types))
		return NULL;
	*ret_signature = cpu_types[i].signature;
	return cpu_types[i].name;
}
