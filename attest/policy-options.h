/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_OPTIONS_H
#define COCO_ATTEST_POLICY_OPTIONS_H

#include "attest/policy.h"

/* The options of policies: their names, their values, and their places in struct policy.  For attest/policy*.c. */

struct policy_word {
	const char *word;
	uint32_t bit;
	unsigned about;		/* enum policy_subject */
};

/* Options whose value is words, by their place in struct verdict's judged_words. */
enum word_option {
	WORDS_ALLOW,
	WORDS_FORBID,
	WORDS_REQUIRE,
	WORDS_COVERS,
};

enum value_kind {
	KIND_HEX,	/* exactly as many bytes */
	KIND_HEX_MAX,	/* one to as many */
	KIND_MASK,
	KIND_NUMBER,
	KIND_BOOL,
	KIND_INDEXES,
	KIND_VERSION,	/* as many numbers with dots between, a byte each */
	KIND_TCB,
	KIND_WORDS,
	KIND_STATUSES,
};

struct policy_option {
	const char *name;
	enum value_kind kind;
	size_t offset;
	size_t size;	/* of struct policy's member, to be replaced as a whole */
	unsigned n;	/* bytes, numbers, one past the highest index, or enum word_option */
	unsigned about;	/* enum policy_subject; of words each has its own */
	const struct policy_word *words;
	const char *value;
	int pcr;	/* its number, -1 for other options */
};

/*
 * The row of option @i; false past the last.  Of pcr0 to pcr23, which are made and not listed, the
 * name is "pcrN".
 */
bool policy_option_row(unsigned i, struct policy_option *ret);

/* The row of the option that is called @name.  Returns its index, or -ENOENT. */
int policy_option_find(const char *name, struct policy_option *ret);

/* The index of the option whose member of struct policy is at @offset, -ENOENT for something else. */
int policy_option_at(size_t offset);

/* Sets of options: a bit each. */
void policy_set_add(uint64_t set[static POLICY_SET_WORDS], unsigned i);
bool policy_set_has(const uint64_t set[static POLICY_SET_WORDS], unsigned i);

/* A value of any option: a value that is wrong in its middle must not be there by half. */
union policy_value {
	struct policy_values values;
	struct policy_number number;
	struct policy_tcb tcb;
	uint32_t bits;
};

/*
 * Option @name with the @len bytes of its value.  Returns its index, with its row and value;
 * -ENOENT or -EINVAL with @error, which has POLICY_ERROR_LEN bytes.
 */
int policy_option_read(const char *name, const char *value, size_t len, struct policy_option *ret_o,
		       union policy_value *ret, char *error);

/* Write a sentence to @error, which has POLICY_ERROR_LEN bytes; returns @r. */
int policy_complain(char *error, int r, const char *format, ...) _printf_(3, 4);

#endif
