/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_COLLATERAL_H
#define COCO_AGENT_COLLATERAL_H

#include "agent/config-file.h"
#include "attest/gather/provider.h"

/*
 * What evidence is judged by, read below @root as it is, and looked into by nobody here: the
 * policy attest.conf, the trust file attest.trust, and what lies in /etc/cocod/collateral and
 * /var/cache/cocod, and there the memory of what was verified before (attest/newest.h).  Only
 * 'cococtl attest fetch' writes that memory: what judges hostile evidence cannot.
 *
 * A file there is taken for what its name begins with: "cert", "crl", "tcb-info",
 * "qe-identity", "tcb-chain", "qe-chain", "root-crl" or "pck-crl", as in "cert-vcek.der";
 * others are left alone.  All are candidates, and the newest that verifies counts.  None of it
 * is trusted because it is there.
 *
 * Returns 0; -ENODATA without a policy when @need_policy; -EMSGSIZE for more than COLLATERAL_FILES_MAX files in a
 * folder, or more than a pack holds; the errno of what cannot be read, a folder, a file or a
 * link that leads nowhere; always with the cause in @why, which names it.
 */
#define COLLATERAL_FILES_MAX 32
#define COLLATERAL_CACHE "/var/cache/cocod"
int collateral_add(const char *root, bool need_policy, struct bundle *ret, struct cause *why);

/*
 * The files in the two folders alone, one by one, in the order in which they are looked at.
 * @each gets @r 1 and a file @f, borrowed, which was taken for @kind; or an error of
 * config_file_read_path(), or of reading a folder (@kind 0), or -EMSGSIZE for a folder of more
 * than COLLATERAL_FILES_MAX, and then only @f's path is good.  Anything but 0 from @each ends it.
 * Returns what @each returned last, 0 when there is nothing.
 */
typedef int (*collateral_each_t)(void *userdata, int r, enum bundle_kind kind,
				 const struct config_file *f);
int collateral_each(const char *root, collateral_each_t each, void *userdata);

#endif
