// SPDX-License-Identifier: GPL-2.0-only
/*
 * For a test: what the shared parsers say when they run in the kernel. Each has a file
 * /proc/coco-PARSER: write bytes, then read the verdict.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "tests/vm/verdicts/verdicts.h"

#define ROOM 65536

static const char *const parsers[] = { "secret-table", "ovmf-table", "svkl" };
static DEFINE_MUTEX(lock);
static char *text;
static int text_len;

static ssize_t verdicts_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	u8 *data;
	int r;

	if (*pos || len > 1 << 20)
		return -EINVAL;
	/* Exactly as large as needed, for the kernel's checks of its heap. */
	data = kvmalloc(len, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	r = -EFAULT;
	if (!copy_from_user(data, from, len)) {
		mutex_lock(&lock);
		r = verdicts(pde_data(file_inode(file)), data, len, text, ROOM);
		text_len = max(r, 0);
		mutex_unlock(&lock);
	}
	kvfree(data);
	return r < 0 ? r : len;
}

static ssize_t verdicts_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	ssize_t n;

	mutex_lock(&lock);
	n = simple_read_from_buffer(to, len, pos, text, text_len);
	mutex_unlock(&lock);
	return n;
}

static const struct proc_ops verdicts_ops = {
	.proc_read = verdicts_read,
	.proc_write = verdicts_write,
};

static void verdicts_exit(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
		char name[32];

		snprintf(name, sizeof(name), "coco-%s", parsers[i]);
		remove_proc_subtree(name, NULL);
	}
	vfree(text);
}

static int __init verdicts_init(void)
{
	text = vmalloc(ROOM);
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
		char name[32];

		snprintf(name, sizeof(name), "coco-%s", parsers[i]);
		if (!proc_create_data(name, 0600, NULL, &verdicts_ops, (void *)parsers[i])) {
			verdicts_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

module_init(verdicts_init);
module_exit(verdicts_exit);

MODULE_DESCRIPTION("Verdicts of coco-agent's shared parsers, for a test");
MODULE_LICENSE("GPL");
