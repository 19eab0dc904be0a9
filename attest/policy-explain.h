/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_EXPLAIN_H
#define COCO_ATTEST_POLICY_EXPLAIN_H

#include "attest/policy-notes.h"

/* What an option of a policy file means. */
struct policy_line {
	unsigned line;		/* in the file */
	const char *section;	/* not ended: @section_len bytes */
	size_t section_len;
	char name[64];		/* the option's */
	const char *value;	/* not ended: @value_len bytes */
	size_t value_len;
	bool of_paravisor;	/* in this section it is about Azure's paravisor */
	bool permissive;	/* it excuses what is refused without it */
	const char *pins, *changes;	/* of struct policy_note */
	const char *open;	/* what stays open with this line, or "" */
	/* For options that are words: what each of them means. */
	const struct policy_word_note *words[8];
	unsigned n_words;
};

/*
 * Explain each option of a policy file, in its order, by @each, which returns 0 to go on.  The
 * text has passed policies_parse().
 * Returns 0 or what @each returned; -EBADMSG for a text that has not passed.
 */
int policy_explain(const void *text, size_t len,
		   int (*each)(void *userdata, const struct policy_line *l), void *userdata);

/* What one kind of evidence, of which a policy speaks, is accepted by. */
struct policy_summary {
	const struct policy_kind *kind;
	enum verdict_identity identity;		/* that is asked for */
	bool partial_is_enough;			/* allow=partial-identity */
	const char *foreign;	/* an option that refuses all evidence of this kind; or NULL */
	const char *ended;	/* an option of which every value has ended; or NULL */
	const char *firmware;	/* a remark on firmware that would do; or NULL */
};

/*
 * The summary of number @i, from 0, of the kinds that @ps speaks of and that open a gate.
 * Returns false past the last.
 */
bool policy_summarize(const struct policies *ps, unsigned i, int64_t now,
		      struct policy_summary *ret);

#endif
