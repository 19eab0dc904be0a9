/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/digest.h"

#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

/* ---- SEV-SNP: one page after the other ---- */

#define PAGE_INFO_LEN 0x70
#define VMSA_GPA 0xfffffffff000ull	/* of all VMSAs: they are not in the guest's memory */

enum page_type {
	PAGE_NORMAL = 1,
	PAGE_VMSA = 2,
	PAGE_ZERO = 3,
	PAGE_UNMEASURED = 4,
	PAGE_SECRETS = 5,
	PAGE_CPUID = 6,
};

/*
 * LD = SHA-384(LD || contents || u16 length || u8 type || u8 IMI || u8 VMPL3, 2, 1 permissions
 * || u8 || u64 gpa).
 */
static int add_page(struct digest *d, enum page_type type, uint64_t gpa, const uint8_t *page)
{
	uint8_t info[PAGE_INFO_LEN] = { 0 };
	int r;

	memcpy(info, d->ld, SHA384_LEN);
	if (page) {
		r = sha_of(&d->sha, page, OVMF_PAGE_LEN, info + SHA384_LEN);
		if (r < 0)
			return r;
	}
	put_u16le(info + 0x60, PAGE_INFO_LEN);
	info[0x62] = (uint8_t)type;
	put_u32le(info + 0x68, (uint32_t)gpa);
	put_u32le(info + 0x6c, (uint32_t)(gpa >> 32));
	return sha_of(&d->sha, info, sizeof(info), d->ld);
}

static int add_empty_pages(struct digest *d, enum page_type type, uint64_t gpa, uint32_t size)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < size; i += OVMF_PAGE_LEN)
		r = add_page(d, type, gpa + i, NULL);
	return r;
}

static int add_firmware(struct digest *d, const struct launch *l)
{
	const struct bytes *fw = &l->firmware;
	uint64_t gpa = (UINT64_C(1) << 32) - fw->len;
	int r = 0;

	if (fw->len == 0 || fw->len % OVMF_PAGE_LEN != 0 || fw->len > UINT32_MAX)
		return -EBADMSG;
	if (l->firmware_digest) {
		memcpy(d->ld, l->firmware_digest, SHA384_LEN);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < fw->len; i += OVMF_PAGE_LEN)
		r = add_page(d, PAGE_NORMAL, gpa + i, fw->p + i);
	return r;
}

/* The table lies in its page where the firmware looks for it; what else is there is zero. */
static int add_kernel_hashes(struct digest *d, const struct launch *l,
			     const struct ovmf_sev_section *s)
{
	uint8_t page[OVMF_PAGE_LEN] = { 0 };
	struct ovmf_area area;
	uint32_t offset;
	int r;

	if (!l->kernel)
		return add_empty_pages(d, PAGE_ZERO, s->gpa, s->size);
	r = ovmf_hash_area(l->firmware.p, l->firmware.len, &area);
	if (r < 0)
		return r == -ENOENT ? -ENXIO : r;
	offset = area.base % OVMF_PAGE_LEN;
	if (s->size != OVMF_PAGE_LEN || area.base - offset != s->gpa ||
	    offset > OVMF_PAGE_LEN - KERNEL_HASHES_LEN)
		return -EBADMSG;
	kernel_hashes_table(l->kernel, page + offset);
	return add_page(d, PAGE_NORMAL, s->gpa, page);
}

static int add_section(struct digest *d, const struct launch *l, const struct ovmf_sev_section *s)
{
	switch (s->type) {
	case OVMF_SEV_MEMORY:
		return add_empty_pages(d, l->vmsa.variant->memory_unmeasured ? PAGE_UNMEASURED : PAGE_ZERO, s->gpa, s->size);
	case OVMF_SEV_SECRETS:
		return add_page(d, PAGE_SECRETS, s->gpa, NULL);
	case OVMF_SEV_CPUID:
		return add_page(d, PAGE_CPUID, s->gpa, NULL);
	case OVMF_SEV_SVSM_CAA:
		return add_empty_pages(d, PAGE_ZERO, s->gpa, s->size);
	case OVMF_SEV_KERNEL_HASHES:
		return add_kernel_hashes(d, l, s);
	default:
		return -EOPNOTSUPP;
	}
}

static int add_metadata(struct digest *d, const struct launch *l)
{
	const bool cpuid_last = l->vmsa.variant->cpuid_last;
	bool have_hashes = false;
	struct bytes all, rest;
	struct ovmf_sev_section s;
	int r;

	r = ovmf_sev_sections(l->firmware.p, l->firmware.len, &all);
	if (r < 0)
		return r;
	for (rest = all; r == 0 && ovmf_sev_next(&rest, &s);) {
		have_hashes |= s.type == OVMF_SEV_KERNEL_HASHES;
		if (s.type != OVMF_SEV_CPUID || !cpuid_last)
			r = add_section(d, l, &s);
	}
	for (rest = all; r == 0 && cpuid_last && ovmf_sev_next(&rest, &s);)
		if (s.type == OVMF_SEV_CPUID)
			r = add_section(d, l, &s);
	if (r == 0 && l->kernel && !have_hashes)
		return -ENXIO;
	return r;
}

/* ---- both ---- */

int digest_begin(const struct launch *l, struct digest *ret)
{
	struct digest d = { .ld = { 0 } };
	int r;

	r = sha_init(&d.sha, l->tech == TECH_SNP ? "SHA384" : "SHA256");
	if (r < 0)
		return r;
	r = l->tech == TECH_SNP ? add_firmware(&d, l) : sha_update(&d.sha, l->firmware.p, l->firmware.len);
	if (r < 0) {
		digest_done(&d);
		return r;
	}
	*ret = d;
	return 0;
}

void digest_done(struct digest *d)
{
	sha_done(&d->sha);
}

int digest_copy(const struct digest *d, struct digest *ret)
{
	struct digest copy = { .ld = { 0 } };
	int r;

	r = sha_copy(&d->sha, &copy.sha);
	if (r < 0)
		return r;
	memcpy(copy.ld, d->ld, sizeof(copy.ld));
	*ret = copy;
	return 0;
}

int digest_pages(struct digest *d, const struct launch *l)
{
	uint8_t table[KERNEL_HASHES_LEN];

	if (l->tech == TECH_SNP)
		return add_metadata(d, l);
	if (!l->kernel)
		return 0;
	kernel_hashes_table(l->kernel, table);
	return sha_update(&d->sha, table, sizeof(table));
}

int digest_vcpu(struct digest *d, const struct launch *l, size_t cpu)
{
	uint8_t made[VMSA_LEN];
	const uint8_t *page = made;

	if (l->pages)
		page = l->pages + MIN(cpu, l->n_pages - 1) * VMSA_LEN;
	else
		vmsa_page(&l->vmsa, cpu == 0 ? VMSA_EIP_BSP : l->ap_eip, made);
	return l->tech == TECH_SNP ? add_page(d, PAGE_VMSA, VMSA_GPA, page) : sha_update(&d->sha, page, VMSA_LEN);
}

int digest_peek(const struct digest *d, const struct launch *l,
		uint8_t ret[static LAUNCH_DIGEST_MAX])
{
	if (l->tech != TECH_SNP)
		return sha_peek(&d->sha, ret);
	memcpy(ret, d->ld, SHA384_LEN);
	return 0;
}

int launch_digest(const struct launch *l, uint8_t ret[static LAUNCH_DIGEST_MAX])
{
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
	int r;

	r = digest_begin(l, &d);
	if (r == 0)
		r = digest_pages(&d, l);
	for (size_t i = 0; r == 0 && l->tech != TECH_SEV && i < l->n_vcpus; i++)
		r = digest_vcpu(&d, l, i);
	return r < 0 ? r : digest_peek(&d, l, ret);
}
