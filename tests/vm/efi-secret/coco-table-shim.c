// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test double: what a kernel with CONFIG_EFI_COCO_SECRET does at boot, and no more. It finds
 * the secret area's descriptor in the EFI configuration table, says so in efi.coco_secret, and
 * registers the platform device that the kernel's own efi_secret binds to. Distributions with
 * that option on are Ubuntu, Fedora and RHEL; Debian, whose kernels the tests boot, has it off.
 *
 * The table is found by driver/efi-table.c, as a module can find it. The kernel has it from the
 * firmware, before modules can run: nothing that the shim serves tells whether it was found well,
 * so the tests compare its line in the log with what the host sees in the guest's RAM.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/efi.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "driver/efi-table.h"

static struct platform_device *device;
static unsigned long before;

static int __init shim_init(void)
{
	phys_addr_t descriptor;
	const char *how;
	int r;

	r = efi_coco_descriptor(&descriptor, &how);
	if (r < 0) {
		pr_err("cannot find the descriptor of the secret area: %d\n", r);
		return r;
	}
	before = efi.coco_secret;
	efi.coco_secret = descriptor;
	device = platform_device_register_simple("efi_secret", 0, NULL, 0);
	if (IS_ERR(device)) {
		efi.coco_secret = before;
		return PTR_ERR(device);
	}
	pr_info("the descriptor is at %pa, by %s\n", &descriptor, how);
	return 0;
}

static void __exit shim_exit(void)
{
	platform_device_unregister(device);
	efi.coco_secret = before;
}

module_init(shim_init);
module_exit(shim_exit);

MODULE_DESCRIPTION("Does what CONFIG_EFI_COCO_SECRET does at boot, for a test");
MODULE_LICENSE("GPL");
