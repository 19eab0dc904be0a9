/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_LAUNCH_H
#define COCO_INJECT_LAUNCH_LAUNCH_H

#include "inject/launch/launch-input.h"
#include "sev/measurement.h"
#include "inject/verb.h"

/*
 * The launch that the command line describes, with its files read, and its digest.  For
 * "measure", and for all who expect a measurement that they compute themselves.
 */

/*
 * Read the files, and compute the digest.  @ret is yours, for launch_input_done(), and not to
 * be moved.  With @list it may be several launches that differ in their CPUs, else only one.
 *
 * Returns 0; -EINVAL for options that are no numbers or names, are missing or do not go together;
 * -EBADMSG for a firmware or VMSA file that is none, -EMSGSIZE for one that is too large;
 * -EOPNOTSUPP for a firmware that cannot start such a guest safely; -ENOMEM; -EIO for what cannot
 * be read or hashed.  Then @why has the cause, and @ret is yours all the same.
 */
int launch_input_read(const struct args *a, enum tech tech, bool list, struct launch_input *ret,
		      struct cause *why);
void launch_input_done(struct launch_input *in);

/* The @i-th name of an order in which pages of TDX are measured, or NULL past the last. */
const char *launch_order_name(unsigned i);

/* One launch of a list. */
struct launch_item {
	const struct cpu *cpu;		/* NULL when the input has none */
	size_t n_vcpus;			/* 0 when CPUs are not measured, or not known */
	uint8_t digest[LAUNCH_DIGEST_MAX];
};

/*
 * Call @each for all launches of @in, CPU by CPU and then by how many there are, without hashing
 * anything twice.  Returns 0; what @each returned, when that is not 0, which ends it; -EIO.
 */
int launch_input_each(const struct launch_input *in,
		      int (*each)(void *data, const struct launch_item *item), void *data);

/* What is expected: a measurement, or a digest. */
struct expectation {
	struct measurer *measurer;		/* NULL: @bytes are a digest */
	struct measured measured;
	uint8_t nonce[SEV_NONCE_LEN];
	uint8_t bytes[LAUNCH_DIGEST_MAX]; /* the measurement without nonce, or the digest */
	size_t len;
};

/* Whether a launch with @digest is the expected one, in constant time.  Returns 1, 0, or -EIO. */
int expectation_match(const struct expectation *e, const uint8_t digest[static LAUNCH_DIGEST_MAX]);

/*
 * After a mismatch: try launches that are like @in but for the mistakes that people make, and
 * write down for people what would have matched.  It weakens nothing: whether one matches is
 * for the TIK's owner alone to see.
 *
 * Returns 1 and the text, cut to @size; 0 when none matches; -EIO.
 */
int expectation_explain(const struct expectation *e, const struct launch_input *in, char *ret,
			size_t size);

#define EXPLANATION_MAX 512	/* enough for all that it says */

/*
 * A sentence for when nothing matches.  A digest does not tell what differs, so it names no cause
 * but all that the digest was made of.  Returns @ret, cut to @size.
 */
const char *expectation_unknown(const struct expectation *e, const struct launch_input *in,
				char *ret, size_t size);

#define LAUNCH_HINT_MAX (EXPLANATION_MAX + 32)

/*
 * That @blob, a measurement with its nonce, is that of @in with @what and @tik.
 *
 * Returns 0; -EKEYREJECTED for another one, and then @ret_hint is a sentence about what it would
 * be the measurement of, or "" when OpenSSL failed in looking for that; -EIO.  Errors have their
 * cause in @why.
 */
int launch_check_measurement(const struct launch_input *in, const struct secret *tik,
			     const struct measured *what,
			     const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN],
			     char ret_hint[static LAUNCH_HINT_MAX], struct cause *why);

/* Returns 0; -EKEYREJECTED, with the cause, for an API whose measurement binds nothing. */
int launch_check_version(const struct measured *m, struct cause *why);

/*
 * The policy of --policy, and the technology that --tech or the policy says.  Returns 0; -EINVAL,
 * with the cause, for a policy that is none, or a technology that takes no launch secrets.
 */
int input_tech_policy(const struct args *a, enum tech *ret_tech, uint32_t *ret_policy,
		      struct cause *why);

/*
 * --api and --build, which must be given.  Returns 0; -EINVAL for what is no version; an error of
 * launch_check_version().  Errors have their cause in @why.
 */
int input_version(const struct args *a, struct measured *ret, struct cause *why);

#endif
