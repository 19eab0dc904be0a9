// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test double: all it does is to have taken <securityfs>/secrets, as the kernel's own
 * efi_secret would.
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
