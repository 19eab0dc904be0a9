/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERIFY_H
#define COCO_ATTEST_VERIFY_H

#include "base/macro.h"
#include "wire/bytes.h"

struct newest;
struct newest_entry;
struct policies;
struct policy;
struct policy_identity;
struct trust;

/*
 * Verifying evidence: bytes in, a verdict out.  Nothing here opens a file, asks the network or
 * looks at the clock: what a verdict rests on is what the caller handed over, so that it can be
 * had again anywhere.
 */

/* ---- the evidence ---- */

/* One piece each; evidence_piece_name() is its option of cococtl as well. */
enum evidence_piece {
	EVIDENCE_REPORT,	/* SNP attestation report, or TDREPORT */
	EVIDENCE_CERT_TABLE,	/* certificate table of an SNP extended report */
	EVIDENCE_QUOTE,		/* TDX quote */
	EVIDENCE_TCB_INFO,	/* Intel's signed JSON, as it came */
	EVIDENCE_QE_IDENTITY,
	EVIDENCE_TCB_CHAIN,	/* PEM: signing certificate, root */
	EVIDENCE_QE_CHAIN,
	EVIDENCE_ROOT_CRL,
	EVIDENCE_PCK_CRL,
	EVIDENCE_HCL,		/* Azure's HCL report */
	EVIDENCE_ATTEST,	/* TPMS_ATTEST */
	EVIDENCE_SIG,		/* its signature */
	EVIDENCE_PCRS,		/* the claimed PCR values, JSON */
	EVIDENCE_AK,		/* public key of the TPM's attestation key */
	EVIDENCE_TD_QUOTE,	/* TDX quote that belongs to an HCL report */
	EVIDENCE_EVENT_LOG,
	_EVIDENCE_MAX,
};

/* How much the verifier has itself, and on top of it how much of a sender's is looked at. */
#define EVIDENCE_OWN_MAX 64
#define EVIDENCE_SENT_MAX 16
#define EVIDENCE_CERTS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_CRLS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_MORE_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)

/*
 * A piece that was not given has a NULL pointer; an empty one has a pointer and no length, and
 * is malformed as a rule.
 *
 * Of collateral there can be several candidates: the first in @piece, the others in @more.  The
 * newest that verifies counts.  Who they are from matters when they do not: what the verifier
 * has itself is wrong when it is wrong, what a sender sent is then passed over.
 */
struct evidence {
	struct bytes piece[_EVIDENCE_MAX];
	unsigned sent;				/* EVIDENCE_BIT()s of the pieces that a sender sent */
	struct {
		enum evidence_piece piece;
		bool sent;
		struct bytes data;
	} more[EVIDENCE_MORE_MAX];
	unsigned n_more;
	struct bytes cert[EVIDENCE_CERTS_MAX];	/* certificates, PEM or DER, in any order */
	bool cert_sent[EVIDENCE_CERTS_MAX];
	unsigned n_certs;
	struct bytes crl[EVIDENCE_CRLS_MAX];	/* PEM or DER */
	bool crl_sent[EVIDENCE_CRLS_MAX];
	unsigned n_crls;
	unsigned n_left_out;			/* of a sender's, more than are looked at */
};

/*
 * Add one.  What is there already, byte for byte, is not added again, but becomes the
 * verifier's own when it is.  A second piece that is no collateral is left out: the first
 * counts.  Of a sender's more than EVIDENCE_SENT_MAX of a sort are left out, and counted.
 * Returns 0, or -EMSGSIZE for more than EVIDENCE_OWN_MAX of the verifier's own.
 */
int evidence_add(struct evidence *e, enum evidence_piece piece, struct bytes data, bool sent);
int evidence_add_cert(struct evidence *e, struct bytes data, bool sent);
int evidence_add_crl(struct evidence *e, struct bytes data, bool sent);

/*
 * The @nth (from 0) candidate for a piece.  Returns true with @ret, and @ret_sent if it is not
 * NULL.
 */
bool evidence_candidate(const struct evidence *e, enum evidence_piece piece, unsigned nth,
			struct bytes *ret, bool *ret_sent);

#define EVIDENCE_BIT(piece) (1u << (piece))

/* "report", "cert-table", "tcb-info" ... */
const char *evidence_piece_name(enum evidence_piece piece);

/* More bytes than any honest one has, so that callers know how much to read. */
size_t evidence_piece_max(enum evidence_piece piece);
#define EVIDENCE_CERT_LEN_MAX 32768
#define EVIDENCE_CRL_LEN_MAX 1048576

/* ---- the verdict ---- */

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
	bool trust_replaced;		/* judged under a trust file instead of the built-in roots */
	const char *trust;		/* "built in", or the name of the trust file */
	int64_t now;			/* judged as of then, seconds since 1970 */
	struct verdict_check checks[VERDICT_CHECKS_MAX];
	unsigned n_checks;
	struct verdict_claim claims[VERDICT_CLAIMS_MAX];
	unsigned n_claims;
	bool truncated;			/* something did not fit and is not shown; never a failed check's code */
	/* For attest/policy.c: by which it is judged, a bit for each option that was looked at, and for each that held. */
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

/* ---- the verifier ---- */

/*
 * What lasts from one verification to the next: the trust set, and what was verified under it,
 * so that a chain of certificates or collateral that comes again is not verified again.  One
 * thread at a time may use it.
 */
struct verifier;

/* @trust is copied, NULL means the built-in roots.  Returns 0 or -ENOMEM. */
int verifier_new(const struct trust *trust, struct verifier **ret);
struct verifier *verifier_free(struct verifier *ctx);
DEFINE_CLEANUP(struct verifier *, verifier_free)
const struct trust *verifier_trust(const struct verifier *ctx);

/*
 * Have what is older than @n remembers refused.  @n stays the caller's and must live as long as
 * @ctx; NULL for no memory.  To be called before anything is verified.
 */
void verifier_set_newest(struct verifier *ctx, const struct newest *n);

/*
 * For verifiers: a signature over a date of issue was verified.  It is a lower bound of the
 * time, whatever the clock says.
 */
void verifier_saw(struct verifier *ctx, int64_t issued);

/* The latest of them for the evidence at hand; INT64_MIN for none. */
int64_t verifier_latest(const struct verifier *ctx);

/* Check as @name that @e is not older than what is remembered: 0, or verdict_fail() with code OLDER. */
int verifier_check_newest(struct verifier *ctx, const struct newest_entry *e, const char *name,
			  struct verdict *v);

#define MEMO_KEY_LEN 32
#define MEMO_MAX 64

/*
 * The key of something of @kind ("snp-cert", a name that no other sort of object has) that was
 * made of @n pieces of bytes: SHA-256 over the kind and each piece with its length.  Returns 0
 * or -ENOMEM.
 */
int memo_key(const char *kind, const struct bytes *pieces, size_t n,
	     uint8_t ret[static MEMO_KEY_LEN]);

/*
 * The memo: objects under a memo_key() of all that they were made of, good from @not_before to
 * @not_after only.  verifier_recall() gives a borrowed object, good until the next
 * verifier_remember(), or NULL.  verifier_remember() takes @object, and frees it with @release;
 * the oldest goes when MEMO_MAX are there.  Remember only what was verified to the pinned root.
 */
void *verifier_recall(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], int64_t now);
void verifier_remember(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], void *object,
		       void (*release)(void *object), int64_t not_before, int64_t not_after);

/*
 * One kind of evidence.  To add one: a file verify-NAME.c that ends in its row, and the row in
 * verifiers.c.
 *
 * verify() judges @e as of @now (seconds since 1970) by @p into @v, which is fresh, and sets its
 * @authentic, or @consistent for a part.  The caller has seen to it that all @needs are there and
 * nothing outside @needs and @takes is, and concludes.  show() decodes into claims what
 * it can, without judging; what cannot be decoded becomes a failed check.  Both return 0 with
 * @v filled, whatever it says; -ENOMEM when there is no verdict.
 */
struct attest_verifier {
	const char *name;	/* of --type */
	const char *what;	/* for --help */
	unsigned needs;		/* EVIDENCE_BIT()s */
	unsigned takes;
	bool takes_certs, takes_crls;
	bool is_part;		/* no hardware vouches for it: never authentic, and no kind that a sender may name */
	const struct policy_identity *identities;	/* the last has no names; NULL for none */
	int kind;		/* enum policy_kind: whose policy counts */
	int (*find_kind)(const struct evidence *e);	/* when the evidence says which hardware's; NULL: @kind */
	int (*verify)(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		      int64_t now, struct verdict *v);
	int (*show)(const struct evidence *e, struct verdict *v);
};

/* All there are; the last is NULL. */
extern const struct attest_verifier *const attest_verifiers[];

/* By its name, NULL when there is none. */
const struct attest_verifier *attest_verifier_find(const char *name);

/*
 * Verify with @type by the policy that @ps has for that kind of evidence: looks after the pieces,
 * resets @v, notes trust and time in it, calls verify(), refuses what the policy asks and verify()
 * did not look at, and concludes.
 * Returns 0 with a verdict (a missing piece is undecided, code "MISSING"), or -ENOMEM: then @v
 * says undecided.
 */
int attest_verify(struct verifier *ctx, const struct attest_verifier *type,
		  const struct evidence *e, const struct policies *ps, int64_t now, struct verdict *v);

/*
 * The same as of a clock that somebody else may set, as a host sets its guest's.  It is not
 * believed when it says less than ATTEST_CLOCK_FLOOR, than the newest date of issue that @ctx
 * remembers under a root that it trusts, or than one that is verified on the way: then evidence is
 * judged as of the latest of them, and a skipped check "clock" says so.
 */
int attest_verify_by_clock(struct verifier *ctx, const struct attest_verifier *type,
			   const struct evidence *e, const struct policies *ps, int64_t clock,
			   struct verdict *v);

/* What a clock that says @clock is good for, as above; @n may be NULL. */
int64_t attest_clock(int64_t clock, const struct newest *n, const struct trust *trust);

/* The date of this source, or of the package that was built from it: it is later. */
#define ATTEST_CLOCK_FLOOR COCO_SOURCE_DATE

#endif
