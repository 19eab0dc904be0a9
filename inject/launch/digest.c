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
static int add_record(struct digest *d, enum page_type type, uint64_t gpa,
		      const uint8_t contents[static SHA384_LEN])
{
	uint8_t info[PAGE_INFO_LEN] = { 0 };

	memcpy(info, d->ld, SHA384_LEN);
	memcpy(info + SHA384_LEN, contents, SHA384_LEN);
	put_u16le(info + 0x60, PAGE_INFO_LEN);
	info[0x62] = (uint8_t)type;
	put_u32le(info + 0x68, (uint32_t)gpa);
	put_u32le(info + 0x6c, (uint32_t)(gpa >> 32));
	return sha_of(&d->sha, info, sizeof(info), d->ld);
}

static int add_page(struct digest *d, uint64_t gpa, const uint8_t *page)
{
	uint8_t contents[SHA384_LEN];
	int r;

	r = sha_of(&d->sha, page, OVMF_PAGE_LEN, contents);
	return r < 0 ? r : add_record(d, PAGE_NORMAL, gpa, contents);
}

/* Pages of which only the place is measured.  QEMU hands over a section whole, of any type. */
static int add_empty_pages(struct digest *d, enum page_type type, const struct ovmf_sev_section *s)
{
	static const uint8_t contents[SHA384_LEN];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->size; i += OVMF_PAGE_LEN)
		r = add_record(d, type, (uint64_t)s->gpa + i, contents);
	return r;
}

/*
 * Pages of the firmware.  The hash of their contents needs nothing of the pages before, so that
 * several stretches are hashed at once, each of which takes longer than to hand it out.
 */
#define STRETCH_PAGES 64

struct stretch {
	struct pool_job job;
	const struct sha *sha;
	const uint8_t *pages;
	size_t n;
	uint8_t contents[STRETCH_PAGES][SHA384_LEN];
};

static int hash_stretch(void *data)
{
	struct stretch *s = data;
	_cleanup_(sha_done) struct sha sha = { NULL };
	int r;

	r = sha_copy(s->sha, &sha);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = sha_of(&sha, s->pages + i * OVMF_PAGE_LEN, OVMF_PAGE_LEN, s->contents[i]);
	return r;
}

static int add_stretch(struct digest *d, const struct stretch *s, uint64_t gpa)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = add_record(d, PAGE_NORMAL, gpa + i * OVMF_PAGE_LEN, s->contents[i]);
	return r;
}

/* The chain goes on while later stretches are hashed. */
static int add_pages(struct digest *d, const struct bytes *image, struct pool *pool)
{
	const size_t n_pages = image->len / OVMF_PAGE_LEN;
	const size_t n = (n_pages + STRETCH_PAGES - 1) / STRETCH_PAGES;
	_cleanup_(freep) struct stretch *stretches = calloc(n, sizeof(*stretches));
	_cleanup_(sha_done) struct sha begun = { NULL };
	uint64_t gpa = (UINT64_C(1) << 32) - image->len;
	int r;

	if (!stretches)
		return -ENOMEM;
	/* Which nobody goes on with while others copy it. */
	r = sha_copy(&d->sha, &begun);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct stretch *s = &stretches[i];

		s->job = (struct pool_job){ .run = hash_stretch, .data = s };
		s->sha = &begun;
		s->pages = image->p + i * STRETCH_PAGES * OVMF_PAGE_LEN;
		s->n = MIN(n_pages - i * STRETCH_PAGES, (size_t)STRETCH_PAGES);
		pool_add(pool, &s->job);
	}
	/* All of them, even after an error: they are on @pool. */
	for (size_t i = 0; i < n; i++) {
		int hashed = pool_wait(pool, &stretches[i].job);

		if (r == 0)
			r = hashed;
		if (r == 0)
			r = add_stretch(d, &stretches[i], gpa);
		gpa += STRETCH_PAGES * OVMF_PAGE_LEN;
	}
	return r;
}

static int add_firmware(struct digest *d, const struct launch *l, struct pool *pool)
{
	const struct bytes *fw = &l->firmware;

	if (fw->len == 0 || fw->len % OVMF_PAGE_LEN != 0 || fw->len > UINT32_MAX)
		return -EBADMSG;
	if (l->firmware_digest) {
		memcpy(d->ld, l->firmware_digest, SHA384_LEN);
		return 0;
	}
	return add_pages(d, fw, pool);
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
		return add_empty_pages(d, PAGE_ZERO, s);
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
			return add_empty_pages(d, PAGE_UNMEASURED, s);
		return add_empty_pages(d, PAGE_ZERO, s);
	case OVMF_SEV_SECRETS:
		return add_empty_pages(d, PAGE_SECRETS, s);
	case OVMF_SEV_CPUID:
		return add_empty_pages(d, PAGE_CPUID, s);
	case OVMF_SEV_KERNEL_HASHES:
		return add_kernel_hashes(d, l, s);
	default:
		/* OVMF_SEV_SVSM_CAA, and types that are unknown to QEMU as well. */
		return add_empty_pages(d, PAGE_ZERO, s);
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
	r = l->tech == TECH_SNP ? add_firmware(&d, l, pool) :
				  sha_update(&d.sha, l->firmware.p, l->firmware.len);
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
		r = l->tech == TECH_SNP ? add_record(d, PAGE_VMSA, VMSA_GPA, v->contents) :
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
		r = digest_pages(&d, l);
	while (r == 0 && l->tech != TECH_SEV && vcpus.next < l->n_vcpus)
		r = digest_vcpu(&d, l, &vcpus);
	return r < 0 ? r : digest_peek(&d, l, ret);
}
