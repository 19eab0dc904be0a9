/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/mrtd.h"

#include "wire/ovmf-metadata.h"

#define RECORD_LEN 128
#define CHUNK_LEN 256

static uint8_t *put_record(uint8_t *p, const char *what, uint64_t gpa)
{
	memset(p, 0, RECORD_LEN);
	memcpy(p, what, strlen(what));
	put_u32le(p + 16, (uint32_t)gpa);
	put_u32le(p + 20, (uint32_t)(gpa >> 32));
	return p + RECORD_LEN;
}

/* What is told of the page at @offset of @s: that it is added, what is in it, or both. */
static int add_page(struct sha *sha, const struct ovmf_tdx_section *s, uint64_t offset, bool add,
		    bool extend)
{
	uint8_t records[RECORD_LEN + OVMF_PAGE_LEN / CHUNK_LEN * (RECORD_LEN + CHUNK_LEN)],
		*p = records;
	const uint64_t gpa = s->gpa + offset;

	if (add)
		p = put_record(p, "MEM.PAGE.ADD", gpa);
	for (size_t i = 0; extend && i < OVMF_PAGE_LEN; i += CHUNK_LEN) {
		size_t have = offset + i < s->data.len ?
				      MIN(s->data.len - (size_t)offset - i, (size_t)CHUNK_LEN) :
				      0;

		p = put_record(p, "MR.EXTEND", gpa + i);
		memset(p, 0, CHUNK_LEN);
		if (have > 0)
			memcpy(p, s->data.p + offset + i, have);
		p += CHUNK_LEN;
	}
	return sha_update(sha, records, (size_t)(p - records));
}

static int add_pages(struct sha *sha, const struct ovmf_tdx_section *s, bool add, bool extend)
{
	int r = 0;

	for (uint64_t offset = 0; r == 0 && offset < s->size; offset += OVMF_PAGE_LEN)
		r = add_page(sha, s, offset, add, extend);
	return r;
}

static int add_section(struct sha *sha, const struct ovmf_tdx_section *s, enum mrtd_order order)
{
	const bool extend = s->attributes & OVMF_TDX_EXTEND;
	int r;

	if (s->attributes & OVMF_TDX_AUG)
		return 0;
	if (order == MRTD_PAGE_BY_PAGE || !extend)
		return add_pages(sha, s, /* add= */ true, extend);
	r = add_pages(sha, s, /* add= */ true, /* extend= */ false);
	return r < 0 ? r : add_pages(sha, s, /* add= */ false, /* extend= */ true);
}

int mrtd(const struct bytes *firmware, enum mrtd_order order, uint8_t ret[static SHA384_LEN])
{
	_cleanup_(sha_done) struct sha sha = { NULL };
	struct ovmf_tdx_section s;
	struct bytes sections;
	int r;

	r = ovmf_tdx_sections(firmware->p, firmware->len, &sections);
	if (r == 0)
		r = sha_init(&sha, "SHA384");
	while (r == 0 && ovmf_tdx_next(firmware->p, &sections, &s))
		r = add_section(&sha, &s, order);
	return r < 0 ? r : sha_final(&sha, ret);
}
