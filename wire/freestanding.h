/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_FREESTANDING_H
#define COCO_WIRE_FREESTANDING_H

/*
 * What files that are shared by kernel and programs may use: fixed-size integers, bool, and the
 * errno numbers from the kernel's own header, which user space has too.  No library calls, not
 * even memcpy().
 */
#ifdef __KERNEL__
#include <linux/types.h>
/*
 * The kernel has functions of the same names for its own GUID type.  Include its header first,
 * then rename ours.
 */
#include <linux/uuid.h>
#define guid_equal wire_guid_equal
#define guid_parse wire_guid_parse
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif
#include <linux/errno.h>

#endif
