/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_OVMF_METADATA_H
#define COCO_WIRE_OVMF_METADATA_H

#include "wire/bytes.h"

/*
 * What an OVMF image tells its loader about the guest's first pages: for SEV-SNP ("ASEV") and for
 * TDX ("TDVF").  An entry of the table at the image's end (wire/ovmf-table.h) has the distance of
 * each from the end.  Layouts: edk2, OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm and
 * IntelTdxMetadata.asm; Intel, "TDX Virtual Firmware Design Guide", 11.
 *
 *	"ASEV"	signature, length u32, version u32 = 1, count u32;
 *		then count times gpa u32, size u32, type u32
 *	"TDVF"	a GUID of 16 bytes in front; signature, length u32, version u32 = 1, count u32;
 *		then count times data offset u32, data size u32, gpa u64, memory size u64,
 *		type u32, attributes u32
 *
 * Both walkers check all sections before they give the first, so that a hostile image costs no
 * more than its own length and OVMF_PAGES_MAX pages.  No allocation, no I/O.
 */
#define OVMF_PAGE_LEN 4096
#define OVMF_PAGES_MAX (256 * 1024)	/* of all sections together: 1 GiB */

enum ovmf_sev_type {
	OVMF_SEV_MEMORY = 1,
	OVMF_SEV_SECRETS = 2,
	OVMF_SEV_CPUID = 3,
	OVMF_SEV_SVSM_CAA = 4,
	OVMF_SEV_KERNEL_HASHES = 0x10,
};

struct ovmf_sev_section {
	uint32_t gpa, size;	/* bytes, whole pages, below 4 GiB; size is not 0 */
	uint32_t type;		/* enum ovmf_sev_type, or an unknown type */
};

/*
 * Find the SEV sections of the whole image of @len bytes at @image.  @ret is a cursor over them,
 * borrowed, for ovmf_sev_next().
 *
 * Returns 0; -ENOENT without such sections; -EBADMSG when the table, the header or a section is
 * broken: outside the image, not whole pages, past 4 GiB; -EMSGSIZE for more than OVMF_PAGES_MAX
 * pages.
 */
int ovmf_sev_sections(const uint8_t *image, size_t len, struct bytes *ret);

/* The next section of @sections.  False at the end. */
bool ovmf_sev_next(struct bytes *sections, struct ovmf_sev_section *ret);

enum ovmf_tdx_type {
	OVMF_TDX_BFV,
	OVMF_TDX_CFV,
	OVMF_TDX_TD_HOB,
	OVMF_TDX_TEMP_MEM,	/* QEMU accepts no type after this one */
	OVMF_TDX_PERM_MEM,
	OVMF_TDX_PAYLOAD,
	OVMF_TDX_PAYLOAD_PARAM,
	/* this type and the next are for readers of the image, and are not memory */
	OVMF_TDX_TD_INFO,
	OVMF_TDX_TD_PARAMS,
	_OVMF_TDX_TYPE_MAX,
};

#define OVMF_TDX_EXTEND 1u	/* the page's content is measured */
#define OVMF_TDX_AUG 2u		/* the page does not exist at the start, and is not measured */

struct ovmf_tdx_section {
	struct bytes data;	/* the section's beginning, in the image; zeros follow */
	/* bytes, whole pages; data.len is at most size, unless the section is not memory */
	uint64_t gpa, size;
	uint32_t type;		/* enum ovmf_tdx_type, or an unknown type */
	uint32_t attributes;
};

/*
 * The same for TDX.  Also -EBADMSG for a section that is measured but does not exist at the
 * start, and for memory in a section of OVMF_TDX_TD_INFO or OVMF_TDX_TD_PARAMS.
 */
int ovmf_tdx_sections(const uint8_t *image, size_t len, struct bytes *ret);

/* The next section of @sections, which are @image's. */
bool ovmf_tdx_next(const uint8_t *image, struct bytes *sections, struct ovmf_tdx_section *ret);

#endif
