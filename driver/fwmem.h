/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COCO_DRIVER_FWMEM_H
#define COCO_DRIVER_FWMEM_H

#include <linux/types.h>

/*
 * Memory that belongs to the firmware. All addresses here come from tables that the host may have
 * written, and in L2 (efi-table.c) from files that root may have replaced: so every range is
 * checked before it is touched.
 */

/**
 * fwmem_check() - may this range be read as the firmware's private memory?
 * @base: physical address
 * @len: bytes
 *
 * Return: 0; -ERANGE when the range is empty, wraps or is beyond what the CPU can address;
 * -ESTALE when any part of it is System RAM, which is the kernel's own to use: what the firmware
 * left there is gone, or somebody put it there.
 */
int fwmem_check(phys_addr_t base, u64 len);

/**
 * fwmem_map() - map a range of the firmware's memory, private
 * @base: physical address
 * @len: bytes
 *
 * Return: an address for fwmem_unmap(), or what fwmem_check() says, or -ENOMEM, as an error
 * pointer.
 */
void *fwmem_map(phys_addr_t base, u64 len);

/**
 * fwmem_unmap() - undo fwmem_map()
 * @p: what that gave
 */
void fwmem_unmap(void *p);

/**
 * fwmem_map_secret() - map a range that is to be served, and wiped
 * @base: physical address
 * @len: bytes
 *
 * Return: an address for fwmem_unmap_secret(); or as an error pointer -EBUSY when it shares a byte
 * with another range of this kind, or what fwmem_map() says.
 */
void *fwmem_map_secret(phys_addr_t base, u64 len);

/**
 * fwmem_unmap_secret() - undo fwmem_map_secret()
 * @p: what that gave
 */
void fwmem_unmap_secret(void *p);

/**
 * fwmem_copy() - copy a range of the firmware's memory
 * @base: physical address
 * @len: bytes
 * @to: where to
 *
 * What is parsed is a copy where the original may be shared or still change. Secrets are never
 * copied.
 *
 * Return: 0, or an error like fwmem_map().
 */
int fwmem_copy(phys_addr_t base, size_t len, void *to);

#endif
