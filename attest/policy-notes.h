/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_NOTES_H
#define COCO_ATTEST_POLICY_NOTES_H

#include "attest/policy.h"

/*
 * What the options of policies mean for people: what each of them pins, when the pinned value
 * changes, and where evidence has the value.  Each option of policy-options.c has a note here, and
 * each of its words; tests/unit/test-policy-notes.c sees to that.
 */

/* Why somebody pins an option.  A set of them is a mask of 1 << PIN_... */
enum policy_pin {
	PIN_NEVER,	/* for the one who asks: a nonce, or what is new at each start */
	PIN_IDENTITY,	/* what runs */
	PIN_TCB,	/* what it runs on: firmware, microcode, modules */
	PIN_ALL,	/* this machine, this shape of a VM, this paravisor */
};

struct policy_note {
	const char *option;	/* "pcrN" is for each PCR without a note of its own */
	/* Where the VM has a paravisor, reports of hardware are about that. */
	enum policy_pin pin, pin_hcl;
	const char *pins;	/* the second half of "This line pins ..." */
	const char *changes;	/* the second half of "It changes with ..." */
	const char *claim;	/* of a verdict, with the value; NULL: no draft has it */
	/*
	 * The value to write if the claim has bit @bit (of bytes, the lowest first), is "true", or,
	 * without a claim, if the check of this name passed; NULL: that of the claim.
	 */
	const char *value, *check;
	int bit;
	const char *only_if;	/* a claim that must be true, or the value has no meaning; NULL */
};

/* The note on option @name of policy_option_row(), where @pcr is the number of a PCR or -1. */
const struct policy_note *policy_note(const char *name, int pcr);

struct policy_word_note {
	const char *option, *word;
	const char *means;	/* a sentence without its full stop */
	bool is_permissive;	/* it excuses what is refused without it */
};

/* The note on a word of option @name, or NULL. */
const struct policy_word_note *policy_word_note(const char *name, const char *word);

#endif
