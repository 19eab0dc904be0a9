/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_SEV_RULES_H
#define COCO_BROKER_CORE_SEV_RULES_H

#include "attest/policy.h"
#include "base/cause.h"
#include "base/ini.h"
#include "base/nearest.h"
#include "base/secret.h"
#include "broker/core/judge.h"
#include "sev/measurement.h"

/*
 * Launches of SEV and SEV-ES have no report.  What stands for one is the launch measurement, which
 * only the security processor and whoever has the session's TIK can make.  The section [sev] of a
 * secret's policy says what such a launch must look like:
 *
 *	[sev]
 *	launch_digest=HEX,HEX until=DATE	(required: 32 bytes each)
 *	covers=firmware,kernel,initrd,cmdline	(what they were computed over)
 *	policy_require=es,noks			(in the guest's policy, beside nodbg)
 *	min_api=1.51
 *	min_build=10
 *	allow=partial-identity
 *
 * A guest whose policy has no nodbg gets nothing: its host reads its memory.
 */
#define SEV_RULES_SECTION "sev"

struct sev_rules {
	bool given;			/* there is such a section */
	struct policy_values digests;
	uint32_t covers;		/* enum policy_covers */
	uint32_t policy_require;	/* bits of the guest's policy */
	uint8_t min_api_major, min_api_minor, min_build;
	bool allow_partial;
};

/*
 * Take an option of the section.  Returns 0; -ENOENT for a name that there is not; -EINVAL for a
 * wrong value, with what it must be in @ret_value, a constant.
 */
int sev_rules_take(struct sev_rules *s, const struct ini_item *item, const char **ret_value);

/* Try the name of each option. */
void sev_rules_nearest(struct nearest *nearest);

/* True if the digests are said to be of all that runs. */
bool sev_rules_are_whole(const struct sev_rules *s);

/* True if every digest has ended by @now. */
bool sev_rules_have_ended(const struct sev_rules *s, int64_t now);

/* A launch, as who made its session describes it.  Nothing in it is secret. */
struct sev_launch {
	struct measured measured;
	uint8_t digest[SHA256_LEN];
	/* of LAUNCH_MEASURE: the measure, and the nonce that it was made with */
	uint8_t measure[SEV_MEASURE_LEN], nonce[SEV_NONCE_LEN];
};

/* "sev" or "sev-es", by the guest's policy. */
const char *sev_launch_tee(const struct sev_launch *l);

/*
 * Judge a launch, as judge_evidence() judges evidence: it is authentic if its measurement was made
 * with @tik over what it says of itself; then whether it is as @rules want it.  @rules NULL asks
 * only whether it is authentic.
 *
 * Which launch it is: SHA-256("coco sev launch 1" | SHA-256(TIK) | measure | nonce).
 * Returns 0 with @ret; -EINVAL for a TIK of another length; -ENOMEM, and -EIO of the library.
 */
int sev_launch_judge(const struct sev_launch *l, const struct secret *tik,
		     const struct sev_rules *rules, int64_t now, struct judged *ret);

#endif
