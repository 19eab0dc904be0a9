// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * Secrets as files: <securityfs>/secrets/<source>/<name>, mode 0440. Reading copies from the
 * firmware's memory to the reader and nowhere else. Removing a file zeroes its secret in that
 * memory, and then no open file can read it any more.
 *
 * A file's i_private is its secret, or NULL once the secret is wiped. Both are protected by the
 * inode's lock.
 *
 * Somebody may hold a removed file without having it open, and open it later. So the inodes stay
 * until the module goes, and only then lose this module's operations.
 *
 * These operations name no owner. If they did, the VFS would warn, with a stack trace, about
 * anybody who opens a file while its owner is going. So the open operation takes the reference
 * itself, and fails silently when that is too late. A task that was preempted in there, or
 * between reading i_fop or i_op and calling it, holds no reference but still needs this module's
 * memory. secret_dirs_settle() waits for such tasks.
 *
 * A file's size is 0, like in the kernel's efi_secret: everybody may look at the size, and the
 * length of a passphrase is not for everybody.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cacheflush.h>

#include "driver/files.h"

/*
 * The number of attempts to see how often securityfs pins a dentry. Somebody who looks at the
 * dentry at the same time can spoil an attempt.
 */
#define PIN_PROBES 8

struct secret_file {
	struct list_head list;
	struct secret_dir *dir;
	struct dentry *dentry;	/* NULL once the file is removed */
	struct inode *inode;	/* we hold a reference */
	struct secret_span span;
};

static int secret_open(struct inode *inode, struct file *file)
{
	return try_module_get(THIS_MODULE) ? 0 : -ENXIO;
}

static int secret_release(struct inode *inode, struct file *file)
{
	module_put(THIS_MODULE);
	return 0;
}

static ssize_t secret_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct inode *inode = file_inode(file);
	const struct secret_file *f;
	ssize_t r = -ENXIO;

	inode_lock_shared(inode);
	f = inode->i_private;
	if (f)
		r = simple_read_from_buffer(to, len, pos, f->span.data, f->span.len);
	inode_unlock_shared(inode);
	return r;
}

static const struct file_operations secret_fops = {
	.open = secret_open,
	.release = secret_release,
	.read = secret_read,
	.llseek = generic_file_llseek,
};

static void zero_and_flush(u8 *p, size_t len)
{
	if (!len)
		return;
	memzero_explicit(p, len);
	/*
	 * Flush the cache into memory. Otherwise a host could find the old ciphertext there and
	 * put it back.
	 */
	clflush_cache_range(p, len);
}

/*
 * The mark goes last: a crash in between leaves an entry of zeros, never a secret that no reader
 * knows of.
 */
static void secret_wipe(const struct secret_span *span)
{
	zero_and_flush(span->data, span->len);
	zero_and_flush(span->mark, span->mark_len);
}

/* After this no read finds the secret. Call under the inode's lock. */
static void secret_detach(struct inode *inode)
{
	inode->i_private = NULL;
}

/*
 * The VFS holds the folder's lock and the file's, and its own reference to @dentry. Neither lock
 * may be dropped here: two removals would take them in different order. So securityfs_remove()
 * cannot be used.
 */
static int secret_unlink(struct inode *parent, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	struct secret_file *f = inode->i_private;
	int pins, r;

	secret_wipe(&f->span);
	secret_detach(inode);
	f->dentry = NULL;
	pins = f->dir->pins;
	r = simple_unlink(parent, dentry);	/* drops one of securityfs's references */
	while (--pins > 0)
		dput(dentry);
	return r;
}

static const struct inode_operations secret_dir_ops = {
	.lookup = simple_lookup,
	.unlink = secret_unlink,
};

void securityfs_drop(struct dentry *dentry)
{
	if (!dentry)
		return;
	dget(dentry);
	securityfs_remove(dentry);
	d_drop(dentry);
	dput(dentry);
}

/*
 * Kernels before the middle of 2025 take two references to each new dentry of securityfs, later
 * kernels take one, and stable kernels do either. So the version does not tell, but a new dentry
 * does. Somebody who walks by also holds a reference for a moment, so one look may see too many,
 * but never too few. Only root may enter @parent.
 */
#ifdef HAVE_D_MAKE_PERSISTENT
static int securityfs_pins(struct dentry *parent)
{
	/* in 2026 and later; d_make_persistent() takes it, simple_unlink() gives it back */
	return 1;
}
#else
static int securityfs_pins(struct dentry *parent)
{
	int pins = INT_MAX;

	for (int i = 0; i < PIN_PROBES; i++) {
		struct dentry *probe = securityfs_create_dir(".probe", parent);

		if (IS_ERR(probe))
			return PTR_ERR(probe);
		pins = min_t(int, pins, d_count(probe));
		securityfs_drop(probe);
	}
	pr_debug("securityfs holds %d references to a file\n", pins);
	return pins == 1 || pins == 2 ? pins : -EOPNOTSUPP;
}
#endif

static void secret_dir_chmod(const struct secret_dir *dir, umode_t mode)
{
	struct inode *inode = d_inode(dir->dentry);

	inode_lock(inode);
	inode->i_mode = S_IFDIR | mode;
	inode_unlock(inode);
}

static void secret_dir_set_ops(const struct secret_dir *dir, const struct inode_operations *ops)
{
	struct inode *inode = d_inode(dir->dentry);

	inode_lock(inode);
	inode->i_op = ops;
	inode_unlock(inode);
}

/*
 * Find the operations of an inode that is new and unused: opening it fails with ENXIO. They
 * belong to the kernel, not to this module.
 */
static const struct file_operations *new_inode_fops(struct super_block *sb)
{
	const struct file_operations *fops;
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	fops = inode->i_fop;
	iput(inode);
	return fops;
}

int secret_dir_create(struct secret_dir *dir, const char *name, struct dentry *parent)
{
	int r;

	INIT_LIST_HEAD(&dir->files);
	dir->dentry = securityfs_create_dir(name, parent);
	if (IS_ERR(dir->dentry))
		return PTR_ERR(dir->dentry);
	secret_dir_chmod(dir, 0700);

	r = securityfs_pins(dir->dentry);
	if (r < 0)
		goto remove;
	dir->pins = r;

	dir->gone_fops = new_inode_fops(dir->dentry->d_sb);
	if (!dir->gone_fops) {
		r = -ENOMEM;
		goto remove;
	}
	dir->plain_ops = d_inode(dir->dentry)->i_op;
	return 0;

remove:
	securityfs_drop(dir->dentry);
	return r;
}

int secret_dir_add(struct secret_dir *dir, const char *name, const struct secret_span *span)
{
	struct secret_file *f;
	struct inode *inode;

	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->dir = dir;
	f->span = *span;

	/* Nothing can be removed before secret_dir_open(), so the new dentry stays. */
	f->dentry = securityfs_create_file(name, 0440, dir->dentry, f, &secret_fops);
	if (IS_ERR(f->dentry)) {
		int r = PTR_ERR(f->dentry);

		kfree(f);
		return r;
	}
	inode = d_inode(f->dentry);
	ihold(inode);
	f->inode = inode;
	list_add_tail(&f->list, &dir->files);
	return 0;
}

void secret_dir_open(struct secret_dir *dir)
{
	secret_dir_set_ops(dir, &secret_dir_ops);
	secret_dir_chmod(dir, 0755);
}

void secret_dir_remove(struct secret_dir *dir, bool wipe)
{
	struct secret_file *f, *next;

	/*
	 * After this no removal is under way, and none can begin: the existing files stay until
	 * they are removed here.
	 */
	secret_dir_set_ops(dir, dir->plain_ops);

	list_for_each_entry_safe(f, next, &dir->files, list) {
		struct inode *inode = f->inode;

		inode_lock(inode);
		if (f->dentry && wipe)
			secret_wipe(&f->span);
		secret_detach(inode);
		inode->i_fop = dir->gone_fops;
		inode_unlock(inode);
		securityfs_drop(f->dentry);
		iput(inode);
		list_del(&f->list);
		kfree(f);
	}
	securityfs_drop(dir->dentry);
}

void secret_dirs_settle(void)
{
	/*
	 * A task does not sleep between reading the operations and using them, nor in this
	 * module, unless it has locked the folder or holds a reference to the module; nor after
	 * giving the reference back. So a task is done with this module once it has slept, or has
	 * run in user space. If a kernel preempts and cannot wait for that, this module is never
	 * unloaded: main.c.
	 */
	synchronize_rcu_tasks();
}
