/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_COLLATERAL_H
#define COCO_AGENT_COLLATERAL_H

#include "agent/config-file.h"
#include "attest/gather/provider.h"

/*
 * Add to @ret what evidence is judged by, read below the root @folder: the policy attest.conf, the
 * trust file attest.trust, the collateral in /etc/cocod/collateral and /var/cache/cocod, and the
 * memory there of what was verified before (attest/newest.h).  The bytes are taken as they are;
 * nothing here looks into them.  Only 'cococtl attest fetch' writes that memory: a process that
 * judges hostile evidence cannot.
 *
 * The beginning of a file's name says what the file holds: "cert", "crl", "tcb-info",
 * "qe-identity", "tcb-chain", "qe-chain", "root-crl" or "pck-crl", as in "cert-vcek.der".  Files
 * with other names are left alone.  All files are candidates, and the newest that verifies
 * counts.  No file is trusted because it is there.
 *
 * Returns 0; -ENODATA without a policy when @need_policy; -EMSGSIZE for more than
 * COLLATERAL_FILES_MAX files in a folder, or more than a pack holds; the errno of a folder or
 * file that cannot be read, or of a link that leads nowhere.  On an error @why names the cause
 * and the file.
 */
#define COLLATERAL_FILES_MAX 32
#define COLLATERAL_CACHE "/var/cache/cocod"
int collateral_add(const char *folder, bool need_policy, struct bundle *ret, struct cause *why);

/*
 * Walk over the files in the two folders alone, in the order in which they are looked at.
 *
 * @each gets @r 1 and a file @f, borrowed, whose name says that it is of @kind.  Or @r is an
 * error of config_file_read_path(), or of reading a folder (then @kind is 0), or -EMSGSIZE for a
 * folder of more than COLLATERAL_FILES_MAX files; then only @f's path is good.  The walk ends
 * when @each returns anything but 0.
 *
 * Returns what @each returned last, 0 when there are no files.
 */
typedef int (*collateral_each_t)(void *userdata, int r, enum bundle_kind kind,
				 const struct config_file *f);
int collateral_each(const struct config_root *root, collateral_each_t each, void *userdata);

#endif
