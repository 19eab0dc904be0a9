/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_COLLATERAL_H
#define COCO_BROKER_CORE_COLLATERAL_H

#include "attest/bundle.h"
#include "attest/newest.h"
#include "attest/verify.h"
#include "base/cause.h"

/*
 * A folder of collateral in memory, in the form of cococtl's cache ('cococtl attest fetch').  Files
 * that were fetched for a processor are looked up by their names, so there may be those of many.
 * All other files that are named as collateral, "cert-ask.der", are used for all evidence.  Nothing
 * is believed because it is there: the verifier verifies each piece.
 */
#define COLLATERAL_FILES_MAX 16384
#define COLLATERAL_BYTES_MAX (256 * 1024 * 1024)
#define COLLATERAL_COMMON_MAX 32	/* files that are used for all evidence */

struct collateral;

/*
 * Read the folder.  NULL, or one that does not exist, is empty.
 * Returns 0; -EMSGSIZE for more files or bytes; -EBADMSG when its memory of what was verified
 * before (attest/newest.h) is malformed; -EIO when something cannot be read; -ENOMEM.  A file that
 * cannot be read is no file that is not there: it may be the list that revokes.
 */
int collateral_new(const char *folder, struct collateral **ret, struct cause *why);
struct collateral *collateral_free(struct collateral *c);
DEFINE_CLEANUP(struct collateral *, collateral_free)

/* What was verified before; never NULL. */
const struct newest *collateral_newest(const struct collateral *c);

/*
 * Add to @ret what the evidence @sent needs.  @ret borrows from @c.  Returns 0, -EMSGSIZE or
 * -ENOMEM.  What is missing is not added, and the verdict says so.
 */
int collateral_find(const struct collateral *c, const struct attest_verifier *type,
		    const struct evidence *sent, struct evidence *ret);

#endif
