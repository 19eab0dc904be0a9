/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_SECRET_POLICY_H
#define COCO_BROKER_CORE_SECRET_POLICY_H

#include "base/cause.h"
#include "base/macro.h"
#include "broker/core/sev-rules.h"

/*
 * The policy of a secret: the sections of attest.conf (cocod.conf(5)) say what evidence must look
 * like, [sev] what a launch of SEV or SEV-ES must be (sev-rules.h), and [Release] says how often:
 *
 *	[Release]
 *	Release=once|always|approve	(required)
 *	Per=launch|vm			(for once; required there)
 *	Launches=20/24h			(at most so many launches; not set: any number)
 *	VmField=host_data|mrconfigid	(for Per=vm; the policy must pin it to one value)
 *	FirstOnly=yes			(refused if a register says that a secret was
 *						released before)
 *
 *	[snp]
 *	measurement=...
 */
enum release_mode { RELEASE_ONCE = 1, RELEASE_ALWAYS, RELEASE_APPROVE };
enum release_per { PER_NONE, PER_LAUNCH, PER_VM };
enum vm_field { VM_FIELD_NONE, VM_FIELD_HOST_DATA, VM_FIELD_MRCONFIGID };

struct secret_mode {
	enum release_mode release;
	enum release_per per;
	enum vm_field vm_field;
	unsigned launches;		/* 0: any number */
	uint64_t launches_sec;		/* in this time */
	bool first_only;
	struct sev_rules sev;		/* not given: no launch of SEV gets it */
};

#define SECRET_POLICY_MAX 65536
#define SECRET_LAUNCHES_MAX 1024	/* of Launches= */

/*
 * Read the text of a policy.  @ret_evidence is the rest without [Release] and [sev], for
 * judge_evidence(): a C string with the same lines, yours.
 *
 * Refused with a sentence that says what to add:
 *  - no Release=, or words of [Release] that do not go together
 *  - no kind of evidence is spoken of; one is, and has no identity
 *  - an identity of which covers= does not say that kernel, initrd and command line are in it,
 *    unless allow=partial-identity and an enrolled ak_n_sha256 or Release=approve stand beside it
 *  - a value for the nonce, which is the broker's to ask
 *  - Per=vm, and a kind of evidence whose field is not pinned to exactly one value
 *  - [sev] without a digest, or with Per=vm or FirstOnly=, of which a launch of SEV shows nothing;
 *    with digests that are not said to cover kernel, initrd and command line, unless
 *    allow=partial-identity and Release=approve
 *
 * Returns 0; -EBADMSG; -EMSGSIZE; -ENOMEM.
 */
int secret_policy_read(const char *text, size_t len, struct secret_mode *ret_mode,
		       char **ret_evidence, struct cause *why);

/*
 * Check that evidence can still be as @m and @evidence, of secret_policy_read(), want it.  Returns
 * 0; -EBADMSG when all values of an option have ended (until=) by @now; -ENOMEM.
 */
int secret_policy_check_until(const struct secret_mode *m, const char *evidence, int64_t now,
			      struct cause *why);

/* SHA-256("coco rules 1" | SHA-256(text)): the rules of seal.h.  Returns 0 or -ENOMEM. */
int secret_policy_rules(const char *text, size_t len, uint8_t ret[static 32]);

/* What has a claim of its own under a mode that is not RELEASE_ALWAYS. */
enum release_per secret_mode_per(const struct secret_mode *m);

/* "once per launch, at most 20 in 24h", for people, into @ret. */
void secret_mode_format(const struct secret_mode *m, char *ret, size_t size);

#endif
