/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_OPTIONS_H
#define COCO_ATTEST_POLICY_OPTIONS_H

#include "attest/policy.h"

/*
 * The options of policies: their names, their values, and their places in struct policy.  For
 * attest/policy*.c only.
 */

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
	KIND_HEX,	/* exactly @n bytes */
	KIND_HEX_MAX,	/* 1 to @n bytes */
	KIND_MASK,
	KIND_NUMBER,
	KIND_BOOL,
	KIND_INDEXES,
	KIND_VERSION,	/* @n numbers of a byte each, with dots between them */
	KIND_TCB,
	KIND_WORDS,
	KIND_STATUSES,
};

struct policy_option {
	const char *name;
	enum value_kind kind;
	size_t offset;
	size_t size;	/* of the member of struct policy, which is replaced as a whole */
	unsigned n;	/* bytes, numbers, the highest index plus 1, or enum word_option */
	unsigned about;	/* enum policy_subject; words have their own */
	const struct policy_word *words;
	const char *value;
	int pcr;	/* the number of a PCR, -1 for other options */
};

/*
 * True if the option is about a report of hardware alone.  Where the VM has a paravisor, that is
 * about the paravisor.
 */
static inline bool policy_option_is_of_hardware(const struct policy_option *o)
{
	return (o->about & (ABOUT_SNP | ABOUT_TDX)) && !(o->about & (ABOUT_TPM | ABOUT_HCL));
}

/* The row of option @i; false past the last.  The name of pcr0 to pcr23 is "pcrN" there. */
bool policy_option_row(unsigned i, struct policy_option *ret);

/* The row of the option @name.  Returns the option's index, or -ENOENT. */
int policy_option_find(const char *name, struct policy_option *ret);

/* The index of the option whose member of struct policy is at @offset, or -ENOENT. */
int policy_option_at(size_t offset);

/* Sets of options: a bit for each. */
void policy_set_add(uint64_t set[static POLICY_SET_WORDS], unsigned i);
bool policy_set_has(const uint64_t set[static POLICY_SET_WORDS], unsigned i);

/* Room for a value of any option.  It is read here first, so that a wrong value changes nothing. */
union policy_value {
	struct policy_values values;
	struct policy_number number;
	struct policy_tcb tcb;
	uint32_t bits;
};

/*
 * Read option @name with a value of @len bytes.  Returns the option's index, with its row and its
 * value; -ENOENT or -EINVAL with @error, which has POLICY_ERROR_LEN bytes.
 */
int policy_option_read(const char *name, const char *value, size_t len, struct policy_option *ret_o,
		       union policy_value *ret, char *error);

/*
 * Read a list as an option of @len bytes has it, "HEX,HEX until=DATE"; @text is cut up.
 * Returns 0 or -EINVAL.
 */
int policy_values_parse(char *text, unsigned len, struct policy_values *ret);

/* Write a sentence to @error, which has POLICY_ERROR_LEN bytes; returns @r. */
int policy_complain(char *error, int r, const char *format, ...) _printf_(3, 4);

#endif
