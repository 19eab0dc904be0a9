/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/ovmf-metadata.h"

#include "base/macro.h"
#include "wire/ovmf-table.h"

#define HEADER_LEN 16
#define METADATA_VERSION 1
#define SEV_SECTION_LEN 12
#define TDX_SECTION_LEN 32

static const struct guid sev_offset_guid =
	GUID_INIT_TEXT(0xdc886566, 0x984a, 0x4798, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc);
static const struct guid tdx_offset_guid =
	GUID_INIT_TEXT(0xe47a6535, 0x984a, 0x4798, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2);
/* This GUID stands in front of the TDX header. */
static const struct guid tdx_metadata_guid =
	GUID_INIT_TEXT(0xe9eaf9f3, 0x168e, 0x44d5, 0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae);

/* Find the part of the image that begins where the table's entry @guid says. */
static int find_header(const uint8_t *image, size_t len, const struct guid *guid, struct bytes *ret)
{
	const size_t tail = len < OVMF_TABLE_TAIL_LEN ? len : OVMF_TABLE_TAIL_LEN;
	struct bytes entry;
	uint32_t distance;
	int r;

	r = ovmf_table_find(image + len - tail, tail, guid, &entry);
	if (r < 0)
		return r;
	if (entry.len != 4)
		return -EBADMSG;
	distance = get_u32le(entry.p);
	if (distance == 0)
		return -ENOENT;
	if (distance > len)
		return -EBADMSG;
	*ret = (struct bytes){ image + len - distance, distance };
	return 0;
}

/* Check the header at @b and take all its sections, of @section_len bytes each. */
static int take_sections(struct bytes *b, const char *signature, size_t section_len,
			 struct bytes *ret)
{
	uint32_t total, version, count;

	if (b->len < HEADER_LEN || memcmp(b->p, signature, 4) != 0)
		return -EBADMSG;
	total = get_u32le(b->p + 4);
	version = get_u32le(b->p + 8);
	count = get_u32le(b->p + 12);
	b->p += HEADER_LEN;
	b->len -= HEADER_LEN;
	if (version != METADATA_VERSION || count > b->len / section_len)
		return -EBADMSG;
	/* The length counts the header. */
	if (total > b->len + HEADER_LEN || total < HEADER_LEN + count * section_len)
		return -EBADMSG;
	return bytes_take(b, count * section_len, ret);
}

/* Check for whole pages, and no more than we will ever hash. */
static int check_pages(uint64_t gpa, uint64_t size, uint64_t *pages)
{
	if (gpa % OVMF_PAGE_LEN != 0 || size == 0 || size % OVMF_PAGE_LEN != 0)
		return -EBADMSG;
	if (size / OVMF_PAGE_LEN > OVMF_PAGES_MAX - *pages)
		return -EMSGSIZE;
	*pages += size / OVMF_PAGE_LEN;
	return 0;
}

/* ---- SEV-SNP ---- */

bool ovmf_sev_next(struct bytes *sections, struct ovmf_sev_section *ret)
{
	struct bytes s;

	if (bytes_take(sections, SEV_SECTION_LEN, &s) < 0)
		return false;
	ret->gpa = get_u32le(s.p);
	ret->size = get_u32le(s.p + 4);
	ret->type = get_u32le(s.p + 8);
	return true;
}

int ovmf_sev_sections(const uint8_t *image, size_t len, struct bytes *ret)
{
	struct bytes header, sections, rest;
	struct ovmf_sev_section s;
	uint64_t pages = 0;
	int r;

	r = find_header(image, len, &sev_offset_guid, &header);
	if (r == 0)
		r = take_sections(&header, "ASEV", SEV_SECTION_LEN, &sections);
	if (r < 0)
		return r;
	for (rest = sections; ovmf_sev_next(&rest, &s);) {
		r = check_pages(s.gpa, s.size, &pages);
		if (r < 0)
			return r;
		if (s.size - 1 > 0xffffffffu - s.gpa)
			return -EBADMSG;
	}
	*ret = sections;
	return 0;
}

/* ---- TDX ---- */

bool ovmf_tdx_next(const uint8_t *image, struct bytes *sections, struct ovmf_tdx_section *ret)
{
	struct bytes s;

	if (bytes_take(sections, TDX_SECTION_LEN, &s) < 0)
		return false;
	ret->data = (struct bytes){ image + get_u32le(s.p), get_u32le(s.p + 4) };
	ret->gpa = get_u64le(s.p + 8);
	ret->size = get_u64le(s.p + 16);
	ret->type = get_u32le(s.p + 24);
	ret->attributes = get_u32le(s.p + 28);
	return true;
}

static bool tdx_is_no_memory(uint32_t type)
{
	return type == OVMF_TDX_TD_INFO || type == OVMF_TDX_TD_PARAMS;
}

static int check_tdx_section(size_t image_len, const uint8_t *p, uint64_t *pages)
{
	uint32_t data_offset = get_u32le(p), data_len = get_u32le(p + 4),
		 attributes = get_u32le(p + 28);
	uint64_t gpa = get_u64le(p + 8), size = get_u64le(p + 16), none = 0;
	const bool no_memory = tdx_is_no_memory(get_u32le(p + 24));

	if (data_len > image_len || data_offset > image_len - data_len)
		return -EBADMSG;
	if (no_memory ? size > 0 : data_len > size)
		return -EBADMSG;
	if (attributes & OVMF_TDX_AUG) {
		if (attributes & OVMF_TDX_EXTEND)
			return -EBADMSG;
		/* This section is not walked, so it may have any size, if it is memory at all. */
		return gpa % OVMF_PAGE_LEN || size % OVMF_PAGE_LEN ||
				       (size > 0 && size - 1 > UINT64_MAX - gpa) ?
			       -EBADMSG :
			       0;
	}
	if (size > 0 && size - 1 > UINT64_MAX - gpa)
		return -EBADMSG;
	/* A section that a build does not use is empty. */
	return size == 0 ? check_pages(gpa, OVMF_PAGE_LEN, &none) : check_pages(gpa, size, pages);
}

int ovmf_tdx_sections(const uint8_t *image, size_t len, struct bytes *ret)
{
	struct bytes header, sections;
	struct guid guid;
	uint64_t pages = 0;
	int r;

	r = find_header(image, len, &tdx_offset_guid, &header);
	if (r < 0)
		return r;
	if ((size_t)(header.p - image) < GUID_LEN)
		return -EBADMSG;
	guid = guid_at(header.p - GUID_LEN);
	if (!guid_equal(&guid, &tdx_metadata_guid))
		return -EBADMSG;
	r = take_sections(&header, "TDVF", TDX_SECTION_LEN, &sections);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sections.len; i += TDX_SECTION_LEN) {
		r = check_tdx_section(len, sections.p + i, &pages);
		if (r < 0)
			return r;
	}
	*ret = sections;
	return 0;
}
