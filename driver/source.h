/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COCO_DRIVER_SOURCE_H
#define COCO_DRIVER_SOURCE_H

#include <linux/types.h>

struct dentry;

/**
 * struct secret_source - one way in which firmware hands secrets to this machine
 * @name: for the log
 * @find: locate, check and map what the firmware left, and log it. Returns 0; -ENODEV when
 *	nothing was left; another error when something was left that must not be used, or when
 *	the search itself failed
 * @forget: undo @find
 * @publish: after @find, make the files below the folder "secrets". Returns their number,
 *	at least 1; or an error, and then no files exist. Once a file exists the module may not
 *	fail any more, because somebody may have the file open
 * @withdraw: undo @publish; with its argument true, also wipe the secrets that are left
 *
 * Each source is a file and a row in main.c.
 */
struct secret_source {
	const char *name;
	int (*find)(void);
	void (*forget)(void);
	int (*publish)(struct dentry *secrets);
	void (*withdraw)(bool wipe);
};

extern const struct secret_source efi_source;
extern const struct secret_source svkl_source;

#endif
