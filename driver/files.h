/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COCO_DRIVER_FILES_H
#define COCO_DRIVER_FILES_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct secret_dir - a folder of securityfs with secrets, where removing a file wipes the secret
 * @dentry: the folder
 * @plain_ops: the operations from securityfs; put back before the module goes
 * @gone_fops: operations of files that nobody may open any more
 * @pins: references that this kernel's securityfs keeps on each file
 * @files: of struct secret_file
 *
 * The members are files.c's own.
 */
struct secret_dir {
	struct dentry *dentry;
	const struct inode_operations *plain_ops;
	const struct file_operations *gone_fops;
	int pins;
	struct list_head files;
};

/**
 * struct secret_span - a secret in the firmware's memory, borrowed by its file
 * @data: the bytes that are read, and wiped
 * @len: their number, may be 0
 * @mark: bytes that tell the next reader that the secret exists; zeroed last. NULL without a mark
 * @mark_len: their number
 */
struct secret_span {
	u8 *data;
	size_t len;
	u8 *mark;
	size_t mark_len;
};

/**
 * secret_dir_create() - make a folder for secrets, closed for now
 * @dir: to fill in
 * @name: of the folder
 * @parent: the folder it is in
 *
 * Until secret_dir_open() only root may enter it, and nobody can remove a file.
 *
 * Return: 0, or an error of securityfs; -EOPNOTSUPP when securityfs keeps its files in a way that
 * this module does not know.
 */
int secret_dir_create(struct secret_dir *dir, const char *name, struct dentry *parent);

/**
 * secret_dir_add() - add a secret
 * @dir: the folder
 * @name: of its file
 * @span: the secret; its memory must stay mapped until secret_dir_remove()
 *
 * Return: 0; -EEXIST when there is a file of that name; -ENOMEM.
 */
int secret_dir_add(struct secret_dir *dir, const char *name, const struct secret_span *span);

/**
 * secret_dir_open() - all files exist: let people in
 * @dir: the folder
 */
void secret_dir_open(struct secret_dir *dir);

/**
 * secret_dir_remove() - take the folder and its files away
 * @dir: the folder, from secret_dir_create()
 * @wipe: also wipe the secrets that are left
 */
void secret_dir_remove(struct secret_dir *dir, bool wipe);

/**
 * secret_dirs_settle() - wait until nobody can use this module's operations any more
 *
 * After the last secret_dir_remove(), before the module's memory goes.
 */
void secret_dirs_settle(void);

/**
 * securityfs_drop() - securityfs_remove(), and the name is certainly free
 * @dentry: what securityfs_create_*() gave, or NULL
 *
 * securityfs_remove() leaves a folder in place while somebody stands in it or looks at it, and
 * everybody may stand in our folders. Then the folder above could not go, and the module could not
 * be loaded again before the next boot.
 */
void securityfs_drop(struct dentry *dentry);

#endif
