/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERDICT_H
#define COCO_ATTEST_VERDICT_H

#include "base/macro.h"
#include "wire/bytes.h"

struct policy;

/* What a verifier found: checks that passed or failed, claims of the evidence, and the result. */

enum verdict_result {
	VERDICT_UNDECIDED,	/* something is missing or stale; also what an untouched verdict says */
	VERDICT_ACCEPTED,	/* authentic, as the policy wants it, and the policy says what it is to be */
	VERDICT_NOT_AUTHENTIC,
	VERDICT_MALFORMED,
	VERDICT_REFUSED,	/* authentic, and not as the policy wants it */
	VERDICT_AUTHENTIC,	/* and as the policy wants it, which any such machine would be: it names no identity */
	VERDICT_CONSISTENT,	/* a part of evidence that fits together, and that no hardware vouches for */
	_VERDICT_MAX,
};

enum check_result {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_SKIPPED,	/* nobody asked for it, or its input was not given; "found" says which */
};

/*
 * Intel's names for the state of a platform.  TCB_STATUS_NONE: this kind of evidence has none,
 * or it was not reached.
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

/* Whether the policy said what runs, and it was so. */
enum verdict_identity {
	IDENTITY_NONE,
	IDENTITY_PARTIAL,	/* what it named does not cover, or not surely, all that runs */
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
	const char *code;	/* of a failed one */
	const char *expected;	/* "" when there is nothing to say */
	const char *found;
};

struct verdict_claim {
	const char *name;	/* "snp.measurement" */
	enum claim_kind kind;
	const char *value;
};

/* Something that is older than it has to be for a TCB status that the policy accepts. */
struct verdict_lack {
	const char *what;	/* "sgx[6]", "pcesvn", "tdx[2]", "module", "qe": a script may rely on it */
	unsigned has, needs;
	const char *about;	/* what the maker calls it, for people; "" */
};

#define VERDICT_LACKS_MAX 40

struct verdict_shortfall {
	bool is_known;			/* the status is not accepted, and this says what is between */
	const char *status, *date;	/* of the newest level with an accepted status; "" when there is none */
	bool module_alone;		/* a newer module is all that it needs */
	unsigned n;			/* none: nothing is older, the level itself asks for something else */
	struct verdict_lack list[VERDICT_LACKS_MAX];
};

#define POLICY_SET_WORDS 2	/* of 64 options each */
#define POLICY_WORD_OPTIONS 4	/* options whose value is words */

#define VERDICT_CHECKS_MAX 160
#define VERDICT_CLAIMS_MAX 320
#define VERDICT_TEXT_MAX 65536

/*
 * What a verifier found.  All its memory is in it: strings point into @text or are literals, so
 * it is not to be copied.  Use the functions below to fill it; the first check that fails
 * decides result and code, later ones are listed only.
 */
struct verdict {
	enum verdict_result result;
	const char *code;		/* "OK", or that of the first failed check: "SIGNATURE", "DEBUG" ...; a script may rely on it */
	int first_failed;		/* index into @checks, -1 for none */
	bool authentic;			/* the part that no policy can excuse is through: hardware vouches for it */
	bool consistent;		/* of a part of evidence: it fits together */
	enum verdict_identity identity;
	enum tcb_status tcb_status;
	struct verdict_shortfall shortfall;
	bool trust_replaced;		/* judged under a trust file instead of the built-in roots */
	const char *trust;		/* "built in", or the name of the trust file */
	int64_t now;			/* judged as of then, seconds since 1970 */
	struct verdict_check checks[VERDICT_CHECKS_MAX];
	unsigned n_checks;
	struct verdict_claim claims[VERDICT_CLAIMS_MAX];
	unsigned n_claims;
	bool truncated;			/* something did not fit and is not shown; never a failed check's code */
	/* For attest/policy-judge.c: by which it is judged, a bit for each option that was looked at, and for each that held. */
	const struct policy *policy;
	uint64_t judged[POLICY_SET_WORDS], held[POLICY_SET_WORDS];
	uint32_t judged_words[POLICY_WORD_OPTIONS];
	size_t text_len;
	char text[VERDICT_TEXT_MAX];
};

/* NULL when there is no memory. */
struct verdict *verdict_new(void);
struct verdict *verdict_free(struct verdict *v);
DEFINE_CLEANUP(struct verdict *, verdict_free)

/* As new; keeps the memory. */
void verdict_reset(struct verdict *v);

/* Text that lives as long as the verdict; "..." when there is no room for more. */
const char *verdict_text(struct verdict *v, const char *format, ...) _printf_(2, 3);
const char *verdict_hex(struct verdict *v, const void *p, size_t len);

/*
 * One check.  @name and @code are literals; @expected and @found are copied, NULL for nothing.
 *
 * verdict_fail() returns what its caller may return: -EBADMSG for VERDICT_MALFORMED, -EAGAIN
 * for VERDICT_UNDECIDED, -EKEYREJECTED for the others, and never 0.  verdict_check() passes and
 * returns 0 when @good, else fails.  verdict_equal() compares, in constant time.
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
 * The last of a verification, when at least one check passed and none failed: accepted if
 * @authentic is set and there is an identity, authentic without one, consistent if that is set
 * alone; else nothing changes.
 */
void verdict_conclude(struct verdict *v);

/*
 * A claim of the evidence: what it says, believed or not.  @name is a literal or from
 * verdict_text(), @value is copied.
 */
void verdict_claim_text(struct verdict *v, const char *name, const char *value);
void verdict_claim_number(struct verdict *v, const char *name, uint64_t value);
void verdict_claim_bool(struct verdict *v, const char *name, bool value);
void verdict_claim_hex(struct verdict *v, const char *name, const void *p, size_t len);
/* Seconds since 1970, as "2026-01-31T12:00:00Z". */
void verdict_claim_time(struct verdict *v, const char *name, int64_t t);
const char *verdict_time(struct verdict *v, int64_t t);

/* The claim's value, NULL when there is none of that name. */
const char *verdict_find_claim(const struct verdict *v, const char *name);

const char *verdict_result_name(enum verdict_result result);	/* "accepted", "not authentic", ... */
const char *tcb_status_name(enum tcb_status status);		/* "UpToDate", ...; "" for none */
int tcb_status_parse(const char *name, size_t len, enum tcb_status *ret);	/* 0 or -EINVAL */

/* What a person may do about @code; "" when there is nothing to say. */
const char *verdict_advice(const char *code);

#endif
