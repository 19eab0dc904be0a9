/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_COLLATERAL_H
#define COCO_BROKER_CORE_COLLATERAL_H

#include "attest/bundle.h"
#include "attest/needs.h"
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

/* Where a file lies. */
enum collateral_place {
	COLLATERAL_FOLDER,	/* a person's */
	COLLATERAL_CACHE,	/* the broker's own, of what it fetched */
	_COLLATERAL_PLACE_MAX,
};

/*
 * Read both folders.  NULL, or one that does not exist, is empty.  Of a file that is in both, both
 * are candidates: the newest that verifies counts.
 * Returns 0; -EMSGSIZE for more files or bytes; -EBADMSG when the memory of what was verified
 * before (attest/newest.h) is malformed; -EIO when something cannot be read; -ENOMEM.  A file that
 * cannot be read is no file that is not there: it may be the list that revokes.
 */
int collateral_new(const char *const folders[static _COLLATERAL_PLACE_MAX], struct collateral **ret,
		   struct cause *why);
struct collateral *collateral_free(struct collateral *c);
DEFINE_CLEANUP(struct collateral *, collateral_free)

/* What was verified before; never NULL. */
const struct newest *collateral_newest(const struct collateral *c);

/*
 * Add to @ret what the evidence @sent needs, which needs_find_with() tells with @ctx.  @ret borrows
 * from @c.  @ret_needs is what that is, all zero if it cannot be told.  Returns 0, -EMSGSIZE or
 * -ENOMEM.  What is missing is not added, and the verdict says so.
 */
int collateral_find(const struct collateral *c, struct verifier *ctx,
		    const struct attest_verifier *type, const struct evidence *sent,
		    struct evidence *ret, struct needs *ret_needs);

/*
 * When the first of the files that are there for @n expires, by what they say of themselves; of
 * several for one need the latest counts.  0 if there is none.
 */
int64_t collateral_until(const struct collateral *c, const struct needs *n);

/* Walk over all files; @each returns 0 to go on.  Dates are seconds since 1970, 0 if not known. */
struct collateral_file {
	const char *name;
	enum collateral_place place;
	int64_t issued, until;
};
int collateral_walk(const struct collateral *c,
		    int (*each)(void *userdata, const struct collateral_file *f), void *userdata);

#endif
