/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERDICT_H
#define COCO_ATTEST_VERDICT_H

#include "base/macro.h"
#include "wire/bytes.h"

struct policy;

/* What a verifier found: checks that passed or failed, claims of the evidence, and the result. */

enum verdict_result {
	VERDICT_UNDECIDED, /* something is missing or stale; a fresh verdict is undecided, too */
	VERDICT_ACCEPTED, /* authentic, as the policy wants it, and the policy names an identity */
	VERDICT_NOT_AUTHENTIC,
	VERDICT_MALFORMED,
	VERDICT_REFUSED,	/* authentic, but not as the policy wants it */
	VERDICT_AUTHENTIC,	/* and as the policy wants it, but the policy names no identity */
	VERDICT_CONSISTENT, /* a part of evidence fits together, but no hardware vouches for it */
	_VERDICT_MAX,
};

enum check_result {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_SKIPPED,	/* not asked for, or its input was not given; "found" says which */
};

/*
 * Intel's names for the state of a platform.  TCB_STATUS_NONE: this kind of evidence has no such
 * status, or it was not evaluated.
 */
enum tcb_status {
	TCB_STATUS_NONE,
	TCB_UP_TO_DATE,
	TCB_SW_HARDENING_NEEDED,
	TCB_CONFIGURATION_NEEDED,
	TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	TCB_OUT_OF_DATE,
	TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	TCB_TD_RELAUNCH_ADVISED,
	TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	TCB_REVOKED,
	TCB_UNSUPPORTED,	/* no level matches */
	_TCB_STATUS_MAX,
};

/* How much of what runs the policy named, and the evidence proved. */
enum verdict_identity {
	IDENTITY_NONE,
	IDENTITY_PARTIAL,	/* perhaps not all that runs */
	IDENTITY_WHOLE,
};

enum claim_kind {
	CLAIM_TEXT,
	CLAIM_NUMBER,	/* decimal */
	CLAIM_BOOL,	/* "true", "false" */
	CLAIM_HEX,
};

struct verdict_check {
	const char *name;	/* for people: "report signature" */
	enum check_result result;
	const char *code;	/* of a failed check; "OK" or "SKIPPED" else */
	const char *expected;	/* "" if there is nothing to say */
	const char *found;
};

struct verdict_claim {
	const char *name;	/* "snp.measurement" */
	enum claim_kind kind;
	const char *value;
};

/* A part that is older than it must be for a TCB status that the policy accepts. */
struct verdict_lack {
	const char *what; /* "sgx[6]", "pcesvn", "tdx[2]", "module", "qe"; scripts rely on it */
	unsigned has, needs;
	const char *about;	/* the maker's words for it, for people, or "" */
};

#define VERDICT_LACKS_MAX 40

struct verdict_shortfall {
	bool is_known;			/* the status is not accepted, and the rest tells why */
	const char *status, *date;	/* of the newest level with an accepted status, or "" */
	bool module_alone;		/* a newer module would be enough */
	unsigned n;			/* 0 if no part is old: the level asks for something else */
	struct verdict_lack list[VERDICT_LACKS_MAX];
};

#define POLICY_SET_WORDS 2	/* of 64 options each */
#define POLICY_WORD_OPTIONS 4	/* options whose value is words */

#define VERDICT_CHECKS_MAX 160
#define VERDICT_CLAIMS_MAX 320
#define VERDICT_TEXT_MAX 65536

/*
 * What a verifier found.  A verdict must not be copied: its strings are literals or point into its
 * own @text.  Use the functions below to fill it.  The first check that fails decides result and
 * code; later ones are only listed.
 */
struct verdict {
	enum verdict_result result;
	/* "OK", or the code of the first failed check ("SIGNATURE"); scripts rely on it. */
	const char *code;
	int first_failed;		/* index into @checks, -1 if none failed */
	bool authentic; /* hardware vouches for it: all checks passed that no policy excuses */
	bool consistent;		/* for a part of evidence: it fits together */
	enum verdict_identity identity;
	enum tcb_status tcb_status;
	struct verdict_shortfall shortfall;
	bool trust_replaced; /* judged under a trust file instead of the built-in roots */
	const char *trust;		/* "built in", or the name of the trust file */
	int64_t now;			/* judged as of then, seconds since 1970 */
	struct verdict_check checks[VERDICT_CHECKS_MAX];
	unsigned n_checks;
	struct verdict_claim claims[VERDICT_CLAIMS_MAX];
	unsigned n_claims;
	bool truncated;			/* something did not fit and is not shown; never the code */
	bool no_memory;			/* a check failed that may only have lacked memory */
	/*
	 * For attest/policy-judge.c: the policy that judges, and a bit for each option that was
	 * judged, and for each that held.
	 */
	const struct policy *policy;
	uint64_t judged[POLICY_SET_WORDS], held[POLICY_SET_WORDS];
	uint32_t judged_words[POLICY_WORD_OPTIONS];
	size_t text_len;
	char text[VERDICT_TEXT_MAX];
};

/* NULL if memory is short. */
struct verdict *verdict_new(void);
struct verdict *verdict_free(struct verdict *v);
DEFINE_CLEANUP(struct verdict *, verdict_free)

/* Make @v as new. */
void verdict_reset(struct verdict *v);

/* A text that lives as long as the verdict; "..." if there is no room for more. */
const char *verdict_text(struct verdict *v, const char *format, ...) _printf_(2, 3);
const char *verdict_hex(struct verdict *v, const void *p, size_t len);

/*
 * Add a check.  @name and @code are literals; @expected and @found are copied, or NULL.
 *
 * OpenSSL says the same "no" to a wrong signature and to a lack of memory: verdict_fail() sets
 * @no_memory if errno is ENOMEM.  Whoever begins to verify sets errno to 0 first.
 *
 * verdict_fail() returns what its caller may return: -EBADMSG for VERDICT_MALFORMED, -EAGAIN
 * for VERDICT_UNDECIDED, -EKEYREJECTED for the others, and never 0.  verdict_check() passes and
 * returns 0 if @good, else it fails.  verdict_equal() compares in constant time.
 */
void verdict_pass(struct verdict *v, const char *name, const char *found);
void verdict_skip(struct verdict *v, const char *name, const char *why);
int verdict_fail(struct verdict *v, enum verdict_result result, const char *code, const char *name,
		 const char *expected, const char *found);
int verdict_check(struct verdict *v, bool good, enum verdict_result result, const char *code,
		  const char *name, const char *expected, const char *found);
int verdict_equal(struct verdict *v, enum verdict_result result, const char *code, const char *name,
		  struct bytes expected, struct bytes found);

/*
 * Conclude a verification.  If no check failed and at least one passed, the result is accepted
 * (@authentic is set and there is an identity), authentic (without an identity), or consistent
 * (only @consistent is set).  Else nothing changes.
 */
void verdict_conclude(struct verdict *v);

/*
 * Add a claim: what the evidence says, believed or not.  @name is a literal or from
 * verdict_text(); @value is copied.
 */
void verdict_claim_text(struct verdict *v, const char *name, const char *value);
void verdict_claim_number(struct verdict *v, const char *name, uint64_t value);
void verdict_claim_bool(struct verdict *v, const char *name, bool value);
void verdict_claim_hex(struct verdict *v, const char *name, const void *p, size_t len);
/* Seconds since 1970, as "2026-01-31T12:00:00Z". */
void verdict_claim_time(struct verdict *v, const char *name, int64_t t);
const char *verdict_time(struct verdict *v, int64_t t);

/* The value of the claim @name, or NULL. */
const char *verdict_find_claim(const struct verdict *v, const char *name);

/* The name of the check that fails when collateral is missing. */
#define VERDICT_COLLATERAL_COMPLETE "collateral is complete"

/*
 * True if @v is undecided for want of collateral: with other collateral, or later, the same
 * evidence may be decided.  False if the evidence itself is the reason, so that asking again is of
 * no use.
 */
bool verdict_lacks_collateral(const struct verdict *v);

const char *verdict_result_name(enum verdict_result result); /* "accepted", "not authentic", ... */
const char *tcb_status_name(enum tcb_status status);		/* "UpToDate", ...; "" for none */
int tcb_status_parse(const char *name, size_t len, enum tcb_status *ret);	/* 0 or -EINVAL */

/* What a person can do about @code; "" if there is nothing to say. */
const char *verdict_advice(const char *code);

#endif
