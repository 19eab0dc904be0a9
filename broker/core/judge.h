/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_JUDGE_H
#define COCO_BROKER_CORE_JUDGE_H

#include "attest/bundle.h"
#include "attest/trust.h"
#include "base/cause.h"
#include "broker/core/challenge.h"
#include "broker/core/collateral.h"
#include "broker/core/launch.h"

/*
 * Judges evidence: first, when it comes, whether it is authentic and over this handshake; then, for
 * each secret that is asked for, whether it is as that secret's policy wants it.
 *
 * A judge has several verifiers (attest/verifier.h) and lends one to each thread that asks; when
 * all are lent, a thread waits for its turn.  Collateral comes from a folder in the form of
 * cococtl's cache ('cococtl attest fetch'), and is read anew by judge_reload().
 */
struct judge;

/*
 * @trust NULL: the built-in roots.  The @folders are those of collateral_new(): each may be NULL or
 * not exist.
 */
int judge_new(const struct trust *trust, const char *const folders[static _COLLATERAL_PLACE_MAX],
	      unsigned n_verifiers, struct judge **ret, struct cause *why);
struct judge *judge_free(struct judge *j);
DEFINE_CLEANUP(struct judge *, judge_free)

/* Read the collateral again.  Returns 0; an error with @why, and then the old one stays. */
int judge_reload(struct judge *j, struct cause *why);

const struct trust *judge_trust(const struct judge *j);

/*
 * What evidence showed of the collateral that it needs, @n.  @heard is called in the thread that
 * judges, before the judgement is returned, and must not wait.  To be set before there are such
 * threads.
 */
enum judge_news {
	/* collateral is missing or has expired; the evidence is signed, up to a root */
	JUDGE_LACKS,
	/* the certificate of its key is missing: nobody vouches for what it needs */
	JUDGE_LACKS_KEY,
	JUDGE_USED,	/* it was good, by the policy of a secret */
};
void judge_listen(struct judge *j,
		  void (*heard)(void *userdata, enum judge_news news, const struct needs *n),
		  void *userdata);

/* collateral_until() and collateral_walk() of the collateral as it is now. */
int64_t judge_collateral_until(struct judge *j, const struct needs *n);
int judge_collateral_walk(struct judge *j,
			  int (*each)(void *userdata, const struct collateral_file *f),
			  void *userdata);

enum judged_result {
	/* we lack something that may come: collateral that is missing or expired, memory */
	JUDGED_LATER,
	JUDGED_GOOD,		/* authentic and fresh; with a policy: and as it wants it */
	JUDGED_EVIDENCE,	/* malformed, not authentic, or not over this handshake */
	JUDGED_POLICY,		/* authentic, and the policy refuses it */
};

struct judged {
	enum judged_result result;
	char code[32];		/* of the verdict, "OK", "MEASUREMENT" */
	char reason[512];	/* for the owner, printable: which check, expected, found */
	struct launch launch;	/* of authentic evidence */
	/* for the audit log, in hexadecimal, "" if there is none */
	char chip[160], measurement[132];
	char type[16];		/* "snp", "tdx", "azure" */
	char identity[16];	/* "none", "partial", "whole" */
};

/*
 * Judge the evidence @b of @tee: it must be over @rd, which is 48 bytes and zeros (Azure: the
 * quote of the vTPM over these 48).  All of @b is the sender's.  @policy is the text of a secret's
 * policy for evidence (secret_policy_read()), or NULL to ask only whether it is authentic and
 * fresh.  With a policy an identity must hold, as in the gate of cocod; an event log is replayed
 * if there is one; the VMPL must be 0 unless the policy says otherwise.  @now is this machine's
 * time, which is not believed if it is in the past (attest_verify_by_clock()).
 *
 * Returns 0 with @ret; -ENOMEM, with result JUDGED_LATER.  @ret_verdict, if not NULL, gets the
 * whole verdict, which is yours.
 */
struct verdict;
int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict);

/*
 * The same for somebody who wants to know beforehand: would this evidence do, if it were over a
 * handshake?  Nothing is ever released for it.
 */
int judge_try(struct judge *j, enum broker_tee tee, const struct bundle *b, const char *policy,
	      int64_t now, struct judged *ret);

#endif
