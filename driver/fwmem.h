/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COCO_DRIVER_FWMEM_H
#define COCO_DRIVER_FWMEM_H

#include <linux/types.h>

/*
 * Memory that belongs to the firmware. All addresses here come from tables that the host may have
 * written and, in L2 (efi-table.c), from files that root may have replaced. So every range is
 * checked before it is accessed, page by page.
 */

/**
 * enum fwmem_use - what a range is for, which decides where it may lie
 * @FWMEM_SECRET: to be served and wiped: memory that the firmware's map calls Reserved or ACPI
 *	NVS, above the first MiB and below or above the devices under 4 GiB, and not in a region of
 *	EFI's runtime services
 * @FWMEM_DESCRIPTOR: a table of the firmware: the same, and ACPI tables too
 * @FWMEM_RUNTIME: EFI's own tables: memory that the firmware's map calls Reserved, like all
 *	memory of EFI's runtime services
 * @FWMEM_IMAGE: the last page of the firmware's image, below 4 GiB, which is in no map
 */
enum fwmem_use {
	FWMEM_SECRET,
	FWMEM_DESCRIPTOR,
	FWMEM_RUNTIME,
	FWMEM_IMAGE,
};

/* The firmware's last page, which ends at 4 GiB with the reset vector. */
#define FWMEM_IMAGE_PAGE 0xfffff000u
#define FWMEM_IMAGE_LEN 4096u

/**
 * fwmem_check() - may this range be read as the firmware's private memory?
 * @base: physical address
 * @len: bytes
 * @use: what for
 *
 * Return: 0; -ERANGE when the range is empty, wraps or lies where no memory of that use can;
 * -EOVERFLOW when its address has bits that are not address bits, like the encryption bit;
 * -ESTALE when any part of it is System RAM, which the kernel itself uses: the firmware's data
 * there is gone, or somebody put it there; -EACCES when any part of it belongs to EFI's
 * runtime services; -ENXIO when any page of it is not reserved by the firmware's map, or a driver
 * has taken it for a device.
 */
int fwmem_check(phys_addr_t base, u64 len, enum fwmem_use use);

/**
 * fwmem_why() - what fwmem_check() and fwmem_map_secret() found wrong, in words
 * @error: their error
 *
 * Return: a text to follow "SVKL key 1 ".
 */
const char *fwmem_why(int error);

/**
 * fwmem_map() - map a range of the firmware's memory, private
 * @base: physical address
 * @len: bytes
 * @use: what for
 *
 * Return: an address for fwmem_unmap(); or an error pointer: an error of fwmem_check(), or
 * -ENOMEM.
 */
void *fwmem_map(phys_addr_t base, u64 len, enum fwmem_use use);

/**
 * fwmem_unmap() - undo fwmem_map()
 * @p: its result
 */
void fwmem_unmap(void *p);

/**
 * fwmem_map_secret() - map a range that will be served, and wiped
 * @base: physical address
 * @len: bytes
 *
 * Return: an address for fwmem_unmap_secret(); or an error pointer: -EBUSY when the range shares a
 * byte with another range of this kind, or an error of fwmem_map().
 */
void *fwmem_map_secret(phys_addr_t base, u64 len);

/**
 * fwmem_unmap_secret() - undo fwmem_map_secret()
 * @p: its result
 */
void fwmem_unmap_secret(void *p);

/**
 * fwmem_copy() - copy a range of the firmware's memory
 * @base: physical address
 * @len: bytes
 * @use: what for
 * @to: where to
 *
 * Where the original may be shared or may change, a copy is parsed. Secrets are never copied.
 *
 * Return: 0, or an error like fwmem_map().
 */
int fwmem_copy(phys_addr_t base, size_t len, enum fwmem_use use, void *to);

#endif
