/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_LAUNCH_H
#define COCO_INJECT_LAUNCH_LAUNCH_H

#include "inject/launch/digest.h"
#include "inject/launch/measurement.h"
#include "inject/launch/mrtd.h"
#include "inject/verb.h"

/*
 * The launch that the command line describes, with its files read, and its digest.  For
 * "measure", and for all who expect a measurement that they compute themselves.
 */
#define FIRMWARE_MAX (64u * 1024 * 1024)	/* bytes; QEMU takes 8 MiB at most unless told otherwise */
#define CMDLINE_MAX (64u * 1024)		/* bytes; x86 kernels take 2048 */

struct launch_input {
	struct launch launch;		/* what it points to is below */
	const char *tech_name;
	enum mrtd_order order;		/* TDX */

	uint8_t *firmware, *pages;	/* of the image SEV and SEV-ES keep the end only, OVMF_TABLE_TAIL_LEN bytes */
	char *cmdline;			/* as it is hashed, but for the NUL */
	size_t cmdline_len;		/* without the NUL */
	struct kernel_hashes hashes;
	bool kernel_is_checked;		/* the firmware starts no other kernel, initrd or command line than those hashed */
	uint8_t firmware_digest[SHA384_LEN];	/* SNP: given or computed */
	struct digest begun;		/* the firmware is in it; empty when --launch-digest was given */

	bool digest_given;		/* --launch-digest: nothing above is known */
	uint8_t digest[LAUNCH_DIGEST_MAX];
	size_t digest_len;
};

/* The options that launch_input_read() looks at. */
#define ARGS_LAUNCH                                                                                \
	(ARG(FIRMWARE) | ARG(FIRMWARE_DIGEST) | ARG(KERNEL) | ARG(INITRD) | ARG(CMDLINE) |         \
	 ARG(CMDLINE_FILE) | ARG(VCPUS) | ARG(VCPU_SIG) | ARG(VCPU_TYPE) | ARG(VMSA) |             \
	 ARG(VARIANT) | ARG(GUEST_FEATURES) | ARG(LAUNCH_DIGEST) | ARG(UNCHECKED_KERNEL))

/* "sev", "sev-es", "snp", "tdx".  Returns 0 or -EINVAL. */
int tech_parse(const char *name, enum tech *ret);

/*
 * Read the files, and compute the digest.  @ret is yours, for launch_input_done(), and not to
 * be moved.
 *
 * Returns STATUS_GOOD, or says why not: STATUS_USAGE for options that are no numbers or names,
 * are missing or do not go together; STATUS_MALFORMED for a firmware or VMSA file that is none;
 * STATUS_CHECK for a firmware that cannot start such a guest safely; STATUS_IO.
 */
enum status launch_input_read(const struct args *a, enum tech tech, struct launch_input *ret);
void launch_input_done(struct launch_input *in);

/*
 * An option that is a number of at most @max.  Returns STATUS_GOOD, also when it is not given
 * and @ret stays; STATUS_USAGE.
 */
enum status input_number(const struct args *a, enum arg arg, uint64_t max, uint64_t *ret);

/* What is expected: a measurement, or a digest. */
struct expectation {
	struct measurer *measurer;		/* NULL: @bytes are a digest */
	struct measured measured;
	uint8_t nonce[SEV_NONCE_LEN];
	uint8_t bytes[LAUNCH_DIGEST_MAX];	/* the measurement without its nonce, or the digest */
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
 * Whether @blob, a measurement with its nonce, is that of @in with @what and @tik, and explain
 * why not.
 * Returns STATUS_GOOD; STATUS_CHECK for another one; STATUS_IO.
 */
enum status launch_check_measurement(const struct launch_input *in, const struct secret *tik,
				     const struct measured *what,
				     const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN]);

/* STATUS_CHECK for an API whose measurement binds nothing. */
enum status launch_check_version(const struct measured *m);

/*
 * The policy of --policy, and the technology that --tech or the policy says.  STATUS_USAGE for
 * none, or one that has no measurement.
 */
enum status input_tech_policy(const struct args *a, enum tech *ret_tech, uint32_t *ret_policy);

/*
 * --api and --build, which must be given.  STATUS_USAGE for none; an error of
 * launch_check_version().
 */
enum status input_version(const struct args *a, struct measured *ret);

#endif
