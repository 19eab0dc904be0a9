/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COCO_DRIVER_EFI_TABLE_H
#define COCO_DRIVER_EFI_TABLE_H

#include <linux/types.h>

/**
 * efi_coco_descriptor() - where does the firmware say that its secret area's descriptor is?
 * @ret: physical address of the descriptor, { u64 base, u64 size }; unchecked
 * @ret_how: how it was found, for the log
 *
 * The configuration table has the descriptor as adf956ad-e98c-484c-ae11-b51c7d336447. Kernels
 * with CONFIG_EFI_COCO_SECRET keep that entry. On other kernels the table is found again, by means
 * that modules may use.
 *
 * Return: 0; -ENOENT when the table has no such entry; -ENODEV without EFI; -EBADMSG when the
 * table that this kernel was booted with was not found; -ENOMEM, or an error of reading
 * sysfs.
 */
int efi_coco_descriptor(phys_addr_t *ret, const char **ret_how);

#endif
