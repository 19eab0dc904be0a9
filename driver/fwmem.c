// SPDX-License-Identifier: GPL-2.0-only
#include <linux/efi.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "driver/fwmem.h"

static bool overlaps(phys_addr_t first, phys_addr_t last, u64 other_first, u64 other_last)
{
	return first <= other_last && other_first <= last;
}

/*
 * The ranges with secrets that are mapped now. Without this list one table could name a part of
 * what another table names, and wiping the one would destroy the other. Only the module's init
 * and exit come here, and they never run at the same time.
 */
struct mapping {
	struct list_head list;
	phys_addr_t base;
	u64 len;
	void *p;
};

static LIST_HEAD(mappings);

static bool is_secret(phys_addr_t base, u64 len)
{
	const struct mapping *m;

	list_for_each_entry(m, &mappings, list)
		if (overlaps(base, base + (len - 1), m->base, m->base + (m->len - 1)))
			return true;
	return false;
}

/* Below this address lie the interrupt vectors, the BIOS and its data, and video memory. */
#define LEGACY_END 0x100000ull

/*
 * From here to 4 GiB every PC has interrupt controllers, timers, the TPM and the firmware's
 * flash, whatever its memory map says.
 */
#define DEVICES_BASE 0xfec00000ull
#define DEVICES_LAST 0xffffffffull

static int count_bytes(struct resource *res, void *arg)
{
	*(u64 *)arg += resource_size(res);
	return 0;
}

/* Is the whole page of this kind, according to the firmware's memory map? */
static bool page_is(phys_addr_t page, unsigned long desc)
{
	u64 n = 0;

	walk_iomem_res_desc(desc, IORESOURCE_MEM, page, page + PAGE_SIZE - 1, &n, count_bytes);
	return n == PAGE_SIZE;
}

static bool page_is_reserved(phys_addr_t page, enum fwmem_use use)
{
	if (page_is(page, IORES_DESC_RESERVED))
		return true;
	if (use == FWMEM_RUNTIME)
		return false;
	return page_is(page, IORES_DESC_ACPI_NV_STORAGE) ||
	       (use == FWMEM_DESCRIPTOR && page_is(page, IORES_DESC_ACPI_TABLES));
}

/*
 * Stops the walk at a resource of another kind than the memory map's: a driver has claimed it for
 * a device.
 */
static int is_claimed(struct resource *res, void *arg)
{
	return res->desc != IORES_DESC_RESERVED && res->desc != IORES_DESC_ACPI_NV_STORAGE &&
	       res->desc != IORES_DESC_ACPI_TABLES;
}

/*
 * Code and data that the firmware still uses, and memory-mapped flash with its variables. Without
 * the map (efi=noruntime) nobody calls the runtime services, so their memory is like any other
 * reserved memory.
 */
static bool is_efi_runtime(phys_addr_t first, phys_addr_t last)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_MEMMAP))
		return false;
	for_each_efi_memory_desc(md) {
		u64 len = md->num_pages << EFI_PAGE_SHIFT;

		if ((md->attribute & EFI_MEMORY_RUNTIME) && len &&
		    overlaps(first, last, md->phys_addr, md->phys_addr + (len - 1)))
			return true;
	}
	return false;
}

static int check_address(phys_addr_t base, u64 len, enum fwmem_use use, phys_addr_t *ret_last)
{
	phys_addr_t last;

	if (!base || !len || check_add_overflow((u64)base, len - 1, &last))
		return -ERANGE;
	/*
	 * ioremap() checks an address with all its bits, but maps it without the bits that are
	 * not address bits. So with the encryption bit set, RAM would pass.
	 */
	if ((base | last) & ~__PHYSICAL_MASK)
		return -EOVERFLOW;
	if (last >> boot_cpu_data.x86_phys_bits)
		return -ERANGE;
	if (use == FWMEM_IMAGE) {
		if (base != FWMEM_IMAGE_PAGE || len != FWMEM_IMAGE_LEN)
			return -ERANGE;
	} else if ((base < LEGACY_END && use != FWMEM_RUNTIME) ||
		   overlaps(base, last, DEVICES_BASE, DEVICES_LAST)) {
		return -ERANGE;
	}
	*ret_last = last;
	return 0;
}

int fwmem_check(phys_addr_t base, u64 len, enum fwmem_use use)
{
	phys_addr_t first, last;
	int r;

	r = check_address(base, len, use, &last);
	if (r < 0)
		return r;
	/* Whole pages are mapped. */
	first = base & PAGE_MASK;
	last |= ~PAGE_MASK;
	if (region_intersects(first, last - first + 1, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT)
		return -ESTALE;
	if (use == FWMEM_IMAGE)
		return 0;
	/*
	 * An address that is not RAM may be a device, or nothing at all. Access to either as
	 * private memory ends a guest of SEV-ES, SNP or TDX.
	 */
	for (phys_addr_t page = first; page < last; page += PAGE_SIZE)
		if (!page_is_reserved(page, use))
			return -ENXIO;
	if (walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_MEM | IORESOURCE_BUSY, first, last,
				NULL, is_claimed) == 1)
		return -ENXIO;
	if (use != FWMEM_RUNTIME && is_efi_runtime(first, last))
		return -EACCES;
	return 0;
}

const char *fwmem_why(int error)
{
	switch (error) {
	case -EOVERFLOW:
		return "has an address with unusable bits, such as the encryption bit";
	case -ESTALE:
		return "is in memory that the kernel has taken over";
	case -ENXIO:
		return "is not wholly in memory that the firmware has reserved";
	case -EACCES:
		return "is in memory of the firmware's runtime services";
	case -EBUSY:
		return "overlaps other secrets";
	default:
		return "cannot be where the table says";
	}
}

void *fwmem_map(phys_addr_t base, u64 len, enum fwmem_use use)
{
	void __iomem *p;
	int r;

	r = fwmem_check(base, len, use);
	if (r < 0)
		return ERR_PTR(r);
	/*
	 * memremap() of older kernels would map reserved memory as shared, that is, without the
	 * encryption bit, and read ciphertext. This mapping is cached and private. It is memory,
	 * so the __iomem means nothing.
	 */
	p = ioremap_encrypted(base, len);
	return p ? (void __force *)p : ERR_PTR(-ENOMEM);
}

void fwmem_unmap(void *p)
{
	iounmap((void __iomem __force *)p);
}

void *fwmem_map_secret(phys_addr_t base, u64 len)
{
	struct mapping *m;
	void *p;
	int r;

	r = fwmem_check(base, len, FWMEM_SECRET);
	if (r < 0)
		return ERR_PTR(r);
	if (is_secret(base, len))
		return ERR_PTR(-EBUSY);
	m = kmalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return ERR_PTR(-ENOMEM);
	p = fwmem_map(base, len, FWMEM_SECRET);
	if (IS_ERR(p)) {
		kfree(m);
		return p;
	}
	*m = (struct mapping){ .base = base, .len = len, .p = p };
	list_add(&m->list, &mappings);
	return p;
}

void fwmem_unmap_secret(void *p)
{
	struct mapping *m, *next;

	list_for_each_entry_safe(m, next, &mappings, list) {
		if (m->p != p)
			continue;
		list_del(&m->list);
		kfree(m);
	}
	fwmem_unmap(p);
}

int fwmem_copy(phys_addr_t base, size_t len, enum fwmem_use use, void *to)
{
	void *from = fwmem_map(base, len, use);

	if (IS_ERR(from))
		return PTR_ERR(from);
	memcpy(to, from, len);
	fwmem_unmap(from);
	return 0;
}
