/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/digest.h"

#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

/* ---- SEV-SNP: one page after the other ---- */

#define VMSA_GPA 0xfffffffff000ull	/* of all VMSAs: they are not in the guest's memory */

static int add_record(struct digest *d, enum snp_page_type type, uint64_t gpa,
		      const uint8_t contents[static SHA384_LEN])
{
	return snp_page_add(&d->sha, d->ld, type, gpa, contents);
}

static int add_page(struct digest *d, uint64_t gpa, const uint8_t *page)
{
	uint8_t contents[SHA384_LEN];
	int r;

	r = sha_of(&d->sha, page, OVMF_PAGE_LEN, contents);
	return r < 0 ? r : add_record(d, SNP_PAGE_NORMAL, gpa, contents);
}

/* Pages of which only the place is measured.  QEMU hands over a section whole, of any type. */
static int add_empty_pages(struct digest *d, enum snp_page_type type,
			   const struct ovmf_sev_section *s)
{
	static const uint8_t contents[SHA384_LEN];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->size; i += OVMF_PAGE_LEN)
		r = add_record(d, type, (uint64_t)s->gpa + i, contents);
	return r;
}

static int begin_firmware(struct digest *d, const struct launch *l, struct pool *pool)
{
	const struct snp_image image = { l->firmware, l->firmware_before, l->firmware_fd };
	const size_t len = image.before + image.end.len;

	if (len == 0 || len % OVMF_PAGE_LEN != 0 || len > UINT32_MAX)
		return -EBADMSG;
	if (l->firmware_digest) {
		memcpy(d->ld, l->firmware_digest, SHA384_LEN);
		return 0;
	}
	return snp_firmware_begin(&image, &d->sha, pool, &d->firmware);
}

/*
 * QEMU puts the table as far into the section as the firmware's area lies in its page, which is
 * where the firmware looks for it when the section begins with that page.  What else is there
 * is zero.
 */
static int add_kernel_hashes(struct digest *d, const struct launch *l,
			     const struct ovmf_sev_section *s)
{
	uint8_t pages[2 * OVMF_PAGE_LEN] = { 0 };
	static const uint8_t zeros[OVMF_PAGE_LEN];
	struct ovmf_area area;
	uint32_t offset;
	int r;

	if (!l->kernel)
		return add_empty_pages(d, SNP_PAGE_ZERO, s);
	r = ovmf_hash_area(l->firmware.p, l->firmware.len, &area);
	if (r < 0)
		return r == -ENOENT ? -ENXIO : r;
	offset = area.base % OVMF_PAGE_LEN;
	if (area.base - offset != s->gpa || offset > s->size - KERNEL_HASHES_LEN)
		return -EBADMSG;
	kernel_hashes_table(l->kernel, pages + offset);
	for (uint32_t i = 0; r == 0 && i < s->size; i += OVMF_PAGE_LEN)
		r = add_page(d, (uint64_t)s->gpa + i, i < sizeof(pages) ? pages + i : zeros);
	return r;
}

static int add_section(struct digest *d, const struct launch *l, const struct ovmf_sev_section *s)
{
	switch (s->type) {
	case OVMF_SEV_MEMORY:
		if (l->vmsa.variant->memory_unmeasured)
			return add_empty_pages(d, SNP_PAGE_UNMEASURED, s);
		return add_empty_pages(d, SNP_PAGE_ZERO, s);
	case OVMF_SEV_SECRETS:
		return add_empty_pages(d, SNP_PAGE_SECRETS, s);
	case OVMF_SEV_CPUID:
		return add_empty_pages(d, SNP_PAGE_CPUID, s);
	case OVMF_SEV_KERNEL_HASHES:
		return add_kernel_hashes(d, l, s);
	default:
		/* OVMF_SEV_SVSM_CAA, and types that are unknown to QEMU as well. */
		return add_empty_pages(d, SNP_PAGE_ZERO, s);
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

int digest_begin(const struct launch *l, struct pool *pool, struct digest *ret)
{
	struct digest d = { .ld = { 0 } };
	int r;

	r = sha_init(&d.sha, l->tech == TECH_SNP ? "SHA384" : "SHA256");
	if (r < 0)
		return r;
	r = l->tech == TECH_SNP ? begin_firmware(&d, l, pool) :
				  sha_update(&d.sha, l->firmware.p, l->firmware.len);
	if (r < 0) {
		digest_done(&d);
		return r;
	}
	*ret = d;
	return 0;
}

int digest_firmware(struct digest *d)
{
	return d->firmware ? snp_firmware_end(d->firmware, d->ld) : 0;
}

void digest_done(struct digest *d)
{
	d->firmware = snp_firmware_free(d->firmware);
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

void launch_vmsa(const struct launch *l, size_t cpu, uint8_t ret[static VMSA_LEN])
{
	if (l->pages)
		memcpy(ret, l->pages + MIN(cpu, l->n_pages - 1) * VMSA_LEN, VMSA_LEN);
	else
		vmsa_page(&l->vmsa, cpu == 0 ? VMSA_EIP_BSP : l->ap_eip, ret);
}

/* Whether the @cpu-th CPU has the page of the one before. */
static bool is_like_before(const struct launch *l, size_t cpu)
{
	return cpu >= (l->pages ? l->n_pages : 2);
}

int digest_vcpu(struct digest *d, const struct launch *l, struct vcpus *v)
{
	int r = 0;

	if (!is_like_before(l, v->next)) {
		launch_vmsa(l, v->next, v->page);
		if (l->tech == TECH_SNP)
			r = sha_of(&d->sha, v->page, VMSA_LEN, v->contents);
	}
	if (r == 0)
		r = l->tech == TECH_SNP ? add_record(d, SNP_PAGE_VMSA, VMSA_GPA, v->contents) :
					  sha_update(&d->sha, v->page, VMSA_LEN);
	v->next++;
	return r;
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
	_cleanup_(pool_done) struct pool pool;
	struct vcpus vcpus = { 0 };
	int r;

	pool_init(&pool);
	r = digest_begin(l, &pool, &d);
	if (r == 0)
		r = digest_firmware(&d);
	if (r == 0)
		r = digest_pages(&d, l);
	while (r == 0 && l->tech != TECH_SEV && vcpus.next < l->n_vcpus)
		r = digest_vcpu(&d, l, &vcpus);
	return r < 0 ? r : digest_peek(&d, l, ret);
}
