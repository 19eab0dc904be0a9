/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_CHAIN_INPUT_H
#define COCO_INJECT_CHAIN_INPUT_H

#include "inject/sev/chain.h"
#include "inject/verb.h"

/* Where certificates come from, and what people are told of them. */

/* What is wrong, as chain_explain() and the JSON tell it. */
struct chain_verdict {
	enum chain_state state; /* GOOD, UNDECIDED, FAILED or MALFORMED */
	const char *code; /* of the check; "format" and "conflict" of files; NULL when good */
	const char *cert;	/* "pdh", or NULL */
	const char *expected, *todo;
};

/*
 * Add the file @path, or the files of a folder that have the names which sev-tool gives them.
 *
 * Returns 0; -EBADMSG, and @v tells it too, for what is none of the forms of chain_add() or
 * contradicts what was added before; -EIO or -ENOMEM.  Errors have their cause in @why.
 */
int chain_input_path(const char *path, struct chain *c, struct chain_verdict *v, struct cause *why);

/*
 * All that the command line says: its words, --cek, --anchor, --oca, then --fetch or --cache for
 * what is missing.
 *
 * Returns 0, and then @why says what could not be fetched and so stays missing, or is empty;
 * -EINVAL for an option that is wrong or missing; an error of chain_input_path().
 */
int chain_input(const struct args *a, struct chain *c, struct chain_verdict *v, struct cause *why);

/* Verify.  Returns 0, whatever the verdict @ret is; -EIO or -ENOMEM, with the cause in @why. */
int chain_judge(const struct chain *c, struct chain_report *ret_report, struct chain_verdict *ret,
		struct cause *why);

/* What people must be warned of, loudly: the root is not AMD's.  NULL for nothing. */
const char *chain_warning(const struct chain *c);

/*
 * What is wrong and what to do, into @why.  Returns 0 for a good verdict alone; -EKEYREJECTED,
 * -EBADMSG or -ENODATA for one that is failed, malformed or undecided.
 */
int chain_explain(const struct chain_verdict *v, struct cause *why);

/* "good", "failed", "malformed", "undecided". */
const char *chain_verdict_word(const struct chain_verdict *v);

#endif
