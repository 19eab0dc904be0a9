// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test double: all it does is to have taken <securityfs>/secrets, and to leave it empty.
 *
 * It stands in for a driver that nobody knows yet. The kernel's own efi_secret is not among what
 * it stands for: the tests build and load that one itself (tests/vm/efi-secret). But efi_secret
 * never has the folder without its own folder in it, short of running out of memory there.
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
