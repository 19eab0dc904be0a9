/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_CONFIG_FILE_H
#define COCO_AGENT_CONFIG_FILE_H

#include <limits.h>

#include "base/macro.h"

/*
 * Which files of a configuration count, and their text.  There are three places, /usr/lib/cocod,
 * /run/cocod and /etc/cocod.  A file in a later place hides a file of the same name in an earlier
 * place.  An empty file, or a link to /dev/null, hides the name for good.
 *
 * A file counts as missing only when that is certain.  Whatever cannot be looked at is an error:
 * its content may be what closes the gate.
 */

#define CONFIG_FILE_MAX 65536	/* bytes of cocod.conf, and of each drop-in and secrets.d file */

/* The policy for this machine's own evidence, and its trust set; found like the other files. */
#define ATTEST_POLICY_FILE "attest.conf"
#define ATTEST_POLICY_MAX 65536
#define ATTEST_TRUST_FILE "attest.trust"
#define ATTEST_TRUST_MAX 262144

struct name_list;

/*
 * Where the configuration is.  "" is the machine's own root, "/x" the folder in whose /etc/cocod
 * and so on it is.
 *
 * If @ops is not NULL, files are not opened, but asked for by it, for 'cococtl doctor', which looks
 * at a record of a machine as it does at a machine.  @read and @list do for an absolute path what
 * config_file_read_path() and name_list_add_folder() say; @read returns 1 with a text of NULL for
 * /dev/null.
 */
struct config_root {
	const char *path;
	const struct config_root_ops *ops;
	void *userdata;
	unsigned absent;	/* a bit for each place that is known to be missing */
};

struct config_root_ops {
	int (*read)(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len);
	int (*list)(void *userdata, const char *path, bool (*wanted)(const char *name),
		    struct name_list *ret);
};

#define CONFIG_ROOT(folder) (&(const struct config_root){ .path = (folder) })

/*
 * Find out which places do not exist, so that whoever reads many files looks for none of them
 * there.  What comes into being later is not seen.
 */
void config_root_look(struct config_root *root);

struct config_file {
	char path[PATH_MAX];	/* with the root; written for errors too */
	char *text;		/* with a NUL after its @len bytes */
	size_t len;
};

void config_file_done(struct config_file *f);

/*
 * Read the file @path of at most @max bytes, once and through one descriptor.  The path of @root is
 * the part of @path that must exist.
 *
 * Returns 1 with a text.  Returns 0 when the file does not exist, is empty or is /dev/null; then
 * @ret->text is NULL.  Errors: -EACCES; -ENOLINK for a link that leads nowhere; -EISDIR for a
 * folder, -ENXIO for anything else that is not a regular file; -EFBIG; -ENOENT when @root does
 * not exist; -ENAMETOOLONG, -ENOMEM, and other errors of open(2) and read(2).
 * config_file_error() has words for all of them.
 */
int config_file_read_path(const struct config_root *root, const char *path, size_t max,
			  struct config_file *ret);

/*
 * The same for the file @name, such as "cocod.conf" or "secrets.d/data.conf", from the place that
 * counts.
 */
int config_file_read(const struct config_root *root, const char *name, size_t max,
		     struct config_file *ret);

/* What a negative return of these functions means and what to do, for people. */
const char *config_file_error(int r);

/* Names of files. */
struct name_list {
	char **names;
	size_t n;
};

void name_list_done(struct name_list *l);

/* Add a copy of @name, which may be there already.  Returns 0 or -ENOMEM. */
int name_list_add(struct name_list *l, const char *name);

/* Sort by strcmp(), and keep each name once. */
void name_list_sort(struct name_list *l);

/* True if @name is in @l, which is sorted. */
bool name_list_has(const struct name_list *l, const char *name);

/*
 * Add those names in the folder @path that @wanted accepts, and sort all by strcmp(), each once.
 * Names that begin with a dot are left out.  Returns 0, also when the folder does not exist; errors
 * as above, and -ENOTDIR.  After an error @l has some of the names, in any order.
 */
int name_list_add_folder(struct name_list *l, const struct config_root *root, const char *path,
			 bool (*wanted)(const char *name));

/*
 * All names of *.conf files in the folder @name, such as "secrets.d", in all places.  On errors
 * @ret_path is the folder that could not be read.
 */
int config_folder_list(const struct config_root *root, const char *name, struct name_list *ret,
		       char ret_path[static PATH_MAX]);

/* The same for all other files in these folders, which nobody reads. */
int config_folder_list_unread(const struct config_root *root, const char *name,
			      struct name_list *ret, char ret_path[static PATH_MAX]);

#endif
