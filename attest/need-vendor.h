/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEED_VENDOR_H
#define COCO_ATTEST_NEED_VENDOR_H

#include "attest/evidence.h"
#include "attest/need.h"
#include "attest/verifier.h"
#include "attest/x509/x509.h"

struct newest_entry;

/*
 * For those who add a vendor of hardware: the kinds of files that its service gives, and how each
 * is checked and verified.  attest/needs.c and attest/need-verify.c know vendors by these rows
 * only.
 */

/*
 * A kind of file.  Its name in the cache is @prefix, what tells it from others of its kind, and
 * @suffix; that of the chain which comes as a header likewise.
 */
struct need_kind {
	const char *what;			/* for people */
	const char *prefix, *suffix;
	enum bundle_kind kind;
	enum need_server server;
	size_t max;				/* bytes */
	const char *header;	/* that brings the chain; NULL: no chain, and the rest unused */
	const char *chain_prefix, *chain_suffix;
	enum bundle_kind chain;
	bool is_evaluated;	/* there is one for each TCB evaluation data number */
	bool is_device;		/* the certificate of the device itself, which tells its product */
	int (*check)(const struct needs *n, struct bytes data, int64_t now, struct need_finding *f);
};

/* What verifying files rests on: one for each struct need_verifier. */
struct need_judge {
	const struct needs *needs;
	struct verifier *ctx;
	struct verdict *v;
	int64_t now;
	void *state;			/* the vendor's */
};

struct need_vendor {
	const struct need_kind *const *kinds;	/* the last is NULL */
	/* The chain of a header; NULL when no kind has one. */
	int (*check_chain)(struct bytes pem, int64_t now, struct need_finding *f);
	/*
	 * begin() makes @state of the evidence @e, and end() frees it.  When the evidence has a
	 * problem for which every file is refused, begin() writes @problem, which is empty before,
	 * and returns 0.  Returns 0 or -ENOMEM.
	 */
	int (*begin)(struct need_judge *j, const struct evidence *e,
		    char problem[static NEEDS_PROBLEM_LEN]);
	void (*end)(struct need_judge *j);
	/*
	 * Verify the file @data of @need and its @chain up to a trusted root.  Returns 0 with what
	 * is to be remembered in @ret, which is empty before; what verdict_fail() gave; -ENOMEM.
	 */
	int (*verify)(struct need_judge *j, const struct need *need, struct bytes data,
		      struct bytes chain, struct newest_entry *ret);
	/*
	 * The name of the sort of machine that @n is of, and needs from such a name, as
	 * needs_machine() and needs_of_machine() have them.  find() returns -ENOMSG for a name that
	 * is none of the vendor's.  Both may be NULL.
	 */
	void (*machine)(const struct needs *n, char ret[static NEEDS_MACHINE_LEN]);
	int (*find)(const char *machine, struct needs *ret);
	/*
	 * The file of @n that is asked for first when there is no evidence: in the header
	 * @ret_header of the answer comes a chain, which begin() then takes as the certificate of
	 * its evidence.  NULL if there need be none.
	 */
	const struct need *(*find_ca)(const struct needs *n, const char **ret_header);
};

/* ---- to say what is needed ---- */

/* Append a file of @kind; @key tells it from others of its kind.  The caller sets the path. */
struct need *need_add(struct needs *n, const struct need_kind *kind, const char *key);

/* Write @problem and return @error. */
_printf_(3, 4) int needs_problem(char problem[static NEEDS_PROBLEM_LEN], int error,
				 const char *format, ...);

/*
 * What a vendor notes for its check() and verify(): its own struct of @len bytes, NEEDS_NOTES_LEN
 * at most, in and out.
 */
void needs_note(struct needs *n, const void *notes, size_t len);
void needs_noted(const struct needs *n, void *ret, size_t len);

/* ---- to check a file ---- */

/*
 * Each returns 0 after lowering @f->until to when the file expires, or an error of need_check()
 * with the problem in @f.
 */
int need_reject(struct need_finding *f, int error, const char *problem);
int need_check_validity(X509 *cert, int64_t now, struct need_finding *f);
/* @pem is two certificates, of these names in this order. */
int need_check_two(struct bytes pem, const char *const names[static 2], int64_t now,
		   struct need_finding *f);
/* A revocation list of the issuer with that common name. */
int need_check_list(struct bytes data, const char *issuer, int64_t now, struct need_finding *f);
/* Good from @issue to @next_update, both included. */
int need_check_period(int64_t issue, int64_t next_update, int64_t now, struct need_finding *f);
/* The TCB evaluation data number that was asked for. */
int need_check_evaluation(const struct needs *n, uint32_t found, struct need_finding *f);

/* ---- to verify one ---- */

/* @what, and the check of @v that failed first, as @ret. */
void need_explain(const struct verdict *v, const char *what, char ret[static NEEDS_PROBLEM_LEN]);

/* All there are; the last is NULL. */
extern const struct need_vendor *const need_vendors[];

#endif
