// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * coco_secret: the secrets that a confidential VM's owner injected at launch, as files. Removing
 * a file wipes its secret.
 */
#include <linux/crash_dump.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/security.h>

#include "driver/files.h"
#include "driver/source.h"

/* All sources, in one place. Every source that has secrets is served. */
static const struct secret_source *const sources[] = {
	&efi_source,
	&svkl_source,
};

static bool wipe_on_unload;
module_param(wipe_on_unload, bool, 0444);
MODULE_PARM_DESC(wipe_on_unload, "Wipe what is left when the module is unloaded");

static bool in_use[ARRAY_SIZE(sources)];
static struct dentry *secrets;

/* Choose the error that says more: most sources have nothing on most machines. */
static int worse(int a, int b)
{
	return a == -ENODEV ? b : a;
}

static int find_all(void)
{
	int n = 0, error = -ENODEV;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		int r = sources[i]->find();

		pr_debug("source %s: %d\n", sources[i]->name, r);
		in_use[i] = r == 0;
		if (r < 0)
			error = worse(error, r);
		else
			n++;
	}
	return n ? n : error;
}

static int publish_all(void)
{
	int n = 0, error = -ENODEV;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		int r;

		if (!in_use[i])
			continue;
		r = sources[i]->publish(secrets);
		if (r < 0) {
			sources[i]->forget();
			in_use[i] = false;
			error = worse(error, r);
		} else {
			n += r;
		}
	}
	return n ? n : error;
}

static void forget_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (in_use[i])
			sources[i]->forget();
}

/*
 * A kernel that preempts its own code may be unable to wait for preempted tasks (files.c). Then
 * this module stays as long as the kernel runs.
 */
#define MAY_UNLOAD (!IS_ENABLED(CONFIG_PREEMPTION) || IS_ENABLED(CONFIG_TASKS_RCU))

static int __init coco_secret_init(void)
{
	int r;

	if (is_kdump_kernel()) {
		/*
		 * The memory is the crashed kernel's, whose tables no longer say what lies where.
		 */
		pr_info("no secrets: this kernel is there to dump another one\n");
		return -ENODEV;
	}
	r = find_all();
	if (r < 0)
		return r;

	secrets = securityfs_create_dir("secrets", NULL);
	if (IS_ERR(secrets)) {
		r = PTR_ERR(secrets);
		if (r == -EEXIST) {
			pr_notice("securityfs has a folder \"secrets\" already, the kernel's efi_secret's perhaps: leaving the secrets to it\n");
			r = -ENODEV;	/* nothing is wrong, and there is nothing to do */
		} else {
			pr_err("cannot make the folder \"secrets\" in securityfs: %d\n", r);
		}
		forget_all();
		return r;
	}

	r = publish_all();
	if (r < 0) {
		securityfs_drop(secrets);
		return r;
	}
	if (!MAY_UNLOAD)
		__module_get(THIS_MODULE);
	return 0;
}

static void __exit coco_secret_exit(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!in_use[i])
			continue;
		sources[i]->withdraw(wipe_on_unload);
		sources[i]->forget();
	}
	securityfs_drop(secrets);
	secret_dirs_settle();
	pr_info("unloaded: what was left is %s\n",
		wipe_on_unload ? "wiped" : "still in the firmware's memory");
}

module_init(coco_secret_init);
module_exit(coco_secret_exit);

MODULE_SOFTDEP("pre: efi_secret");	/* the kernel's own driver goes first, where it exists */
MODULE_DESCRIPTION("A confidential VM's launch secrets as files in securityfs");
MODULE_AUTHOR("The coco-agent project");
MODULE_VERSION("0.2.0");
MODULE_LICENSE("GPL");
