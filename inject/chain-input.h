/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_CHAIN_INPUT_H
#define COCO_INJECT_CHAIN_INPUT_H

#include "inject/sev/chain.h"
#include "inject/verb.h"

/* Where certificates come from, and what people are told of them. */

/* Options of every verb that takes a chain. */
#define CHAIN_ARGS                                                                                 \
	(ARG(CEK) | ARG(ANCHOR) | ARG(OCA) | ARG(FETCH) | ARG(CHIP_ID) | ARG(PRODUCT) |            \
	 ARG(CACHE) | ARG(KDS) | ARG(KDS_CA) | ARG(TIMEOUT))

/* What is wrong, as chain_explain() and the JSON tell it. */
struct chain_verdict {
	enum status status;	/* 0, 1, 2 or 3; another one is no verdict */
	const char *code;	/* of the check; "format" and "conflict" of files; NULL when all is good */
	const char *cert;	/* "pdh", or NULL */
	const char *expected, *todo;
};

/*
 * Add the file @path, or the files of a folder that have the names which sev-tool gives them.
 * STATUS_MALFORMED, and @v says why, for what is none of the forms of chain_add() or
 * contradicts what was added before; STATUS_IO.
 */
enum status chain_input_path(const char *path, struct chain *c, struct chain_verdict *v);

/*
 * All that the command line says: its words, --cek, --anchor, --oca, then --fetch or --cache
 * for what is missing.  What cannot be fetched is said and stays missing.  As above;
 * STATUS_USAGE.
 */
enum status chain_input(const struct args *a, struct chain *c, struct chain_verdict *v);

/* Verify, and warn loudly when the root is not AMD's.  The verdict's status, or STATUS_IO. */
enum status chain_judge(const struct chain *c, struct chain_report *ret_report,
			struct chain_verdict *v);

/* Say what is wrong and what to do.  Returns the verdict's status. */
enum status chain_explain(const struct chain_verdict *v);

/* "good", "failed", "malformed", "undecided". */
const char *chain_verdict_word(enum status status);

#endif
