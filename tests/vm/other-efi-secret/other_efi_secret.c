// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test double: all it does is to have taken <securityfs>/secrets, as the kernel's own
 * efi_secret would.
 *
 * efi_secret itself cannot be had from Debian: it needs a kernel with CONFIG_EFI_COCO_SECRET, which
 * finds the area at boot, and Debian has the option off in 6.1, 6.12 and 7.3.  This one has none
 * of its files, and so shows nothing about their sizes, its locks or its unloading.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/security.h>

static struct dentry *secrets;

static int __init other_init(void)
{
	secrets = securityfs_create_dir("secrets", NULL);
	return PTR_ERR_OR_ZERO(secrets);
}

static void __exit other_exit(void)
{
	securityfs_remove(secrets);
}

module_init(other_init);
module_exit(other_exit);

MODULE_DESCRIPTION("Takes securityfs' secrets folder, for a test");
MODULE_LICENSE("GPL");
