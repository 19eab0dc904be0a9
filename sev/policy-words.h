/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SEV_POLICY_WORDS_H
#define COCO_SEV_POLICY_WORDS_H

#include "base/macro.h"

/*
 * A guest's policy as people write it: names of bits and a least version, with commas between,
 * such as "nodbg,noks,api=1.51".
 */
struct policy_words {
	const char *version;		/* the name of the version: "api" */
	unsigned major_shift, minor_shift;	/* where its two bytes stand */
	const struct policy_bit {
		const char *name;
		uint64_t bit;
	} *bits;			/* in the order of printing; ends with a name of NULL */
};

/*
 * Read @text.  "none" is 0.
 * Returns 0; -EINVAL for a name that is unknown or given twice, or an empty one; -ERANGE for a
 * byte of the version over 255.
 */
int policy_words_parse(const struct policy_words *w, const char *text, uint64_t *ret);

/*
 * The bits of @policy that have a name, and the version unless it is 0.0, as
 * policy_words_parse() takes them; "none" when there is nothing to say.  @size is enough for
 * all names.
 */
void policy_words_print(const struct policy_words *w, uint64_t policy, char *ret, size_t size);

/* MAJOR.MINOR, each 0 to 255.  Returns 0; -EINVAL for what is not that; -ERANGE over 255. */
int sev_api_parse(const char *text, uint8_t *ret_major, uint8_t *ret_minor);

#endif
