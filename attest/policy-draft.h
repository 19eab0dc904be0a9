/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_DRAFT_H
#define COCO_ATTEST_POLICY_DRAFT_H

#include "attest/policy-notes.h"

struct attest_verifier;

/* A policy that one piece of evidence satisfies, as a text for people to edit. */
struct policy_draft {
	const struct attest_verifier *type;
	const struct policy_kind *kind;	/* the evidence's */
	unsigned pins;			/* 1 << enum policy_pin: what is to be pinned */
	/* By the user's word the measurement covers these: "kernel,initrd,cmdline"; or NULL */
	const char *covers;
	const char *as_of;		/* when the evidence was judged, for the first comment */
	/*
	 * Lines that excuse something stand as if somebody had decided for them: a draft that
	 * only tells whether any policy would do.
	 */
	bool permissive;
};

/*
 * Write the draft for what @v found.  That is a verdict by the policy of policies_init(); what it
 * claims is written, and what it refused is excused in lines that are commented out, each with its
 * reason.  Only values that the parser of policies takes are written, so that no text of the
 * evidence's gets in.
 *
 * Returns how many lines are commented out, with the text in @ret, yours; -ENODATA if the evidence
 * has nothing that could be pinned; -ENOMEM.
 */
int policy_draft_write(const struct verdict *v, const struct policy_draft *d, char **ret);

/* The mask of PIN_... for "identity", "tcb", "all" or NULL, the default; 0 for other words. */
unsigned policy_draft_pins(const char *kind);

#endif
