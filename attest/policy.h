/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_H
#define COCO_ATTEST_POLICY_H

#include "attest/verdict.h"

/*
 * What authentic evidence must look like.  Options have names, the same for `--set NAME=VALUE`
 * and as NAME=VALUE lines of a policy file; policy_option() lists them.  One that was not set
 * asks nothing, and the defaults are those of policies_init().
 *
 * The sender picks the kind of evidence, so silence must not be consent: what was set for a kind
 * and was not judged refuses the evidence (policy_conclude()), whoever forgot it.
 */

/* Any one of these values. */
#define POLICY_VALUE_MAX 64
#define POLICY_VALUES_MAX 16

struct policy_values {
	uint8_t n;	/* 0: not asked */
	uint8_t len[POLICY_VALUES_MAX];
	uint8_t b[POLICY_VALUES_MAX][POLICY_VALUE_MAX];
};

struct policy_number {
	bool set;
	uint64_t value;
};

#define POLICY_TCB_MAX 5
#define POLICY_TCB_RAW 8

/*
 * A floor for each component, in the order of the text: bootloader, TEE, SNP, microcode; with
 * five the first is Turin's FMC.  With POLICY_TCB_RAW it is the TCB_VERSION itself, its lowest
 * byte first, whose bytes the product gives a meaning: as evidence is shown that does not say of
 * which product it is.
 */
struct policy_tcb {
	unsigned n;	/* 0, 4, 5 or POLICY_TCB_RAW */
	uint8_t component[POLICY_TCB_RAW];
};

/* What an option is about. */
enum policy_subject {
	ABOUT_SNP = 1 << 0,
	ABOUT_TDX = 1 << 1,
	ABOUT_TPM = 1 << 2,
	ABOUT_HCL = 1 << 3,
	ABOUT_LOG = 1 << 4,
	ABOUT_REPORT = 1 << 5,	/* what the report of most TEEs has: report data, one launch measurement, a debug bit */
};

enum policy_allow {
	ALLOW_DEBUG = 1 << 0,
	ALLOW_MIGRATE = 1 << 1,
	ALLOW_MASKED = 1 << 2,		/* a VCEK's report that hides the chip */
	ALLOW_SERVICE_TD = 1 << 3,
	ALLOW_PARTIAL_IDENTITY = 1 << 4,	/* the gate opens though what is named does not cover all that runs */
};

enum policy_forbid {
	FORBID_VLEK = 1 << 0,
	FORBID_PROVISIONAL = 1 << 1,	/* firmware that can still be rolled back: committed < current */
};

enum policy_require {
	REQUIRE_SEPT_VE_DISABLE = 1 << 0,
	REQUIRE_CRL = 1 << 1,
};

/* What a launch measurement, or PCRs, were computed over: the author's word, as evidence cannot say. */
enum policy_covers {
	COVERS_FIRMWARE = 1 << 0,
	COVERS_KERNEL = 1 << 1,
	COVERS_INITRD = 1 << 2,
	COVERS_CMDLINE = 1 << 3,
	COVERS_ALL_THAT_RUNS = COVERS_KERNEL | COVERS_INITRD | COVERS_CMDLINE,
};

#define POLICY_PCRS 24

/* What is asked of one kind of evidence. */
struct policy {
	/* SNP */
	struct policy_values report_data, measurement, host_data, id_key_digest, author_key_digest,
		family_id, image_id, chip_id, report_id;
	struct policy_tcb min_tcb, min_launch_tcb;
	struct policy_number min_guest_svn, max_vmpl, min_abi, min_firmware;
	struct policy_number plat_require, plat_forbid, policy_require, policy_forbid, min_mit;
	/* TDX; report_data is for both */
	struct policy_values mrtd, mrseam, rtmr[4], mrconfigid, mrowner, mrownerconfig, mrservicetd;
	struct policy_number min_tcb_evaluation, min_qe_svn, min_pce_svn;
	struct policy_values min_tee_tcb_svn;	/* 16 bytes, each a floor */
	uint32_t accept;	/* 1 << enum tcb_status */
	/* vTPM */
	struct policy_values nonce, pcr[POLICY_PCRS], user_data, ak_n_sha256;
	struct policy_number require_pcrs;	/* a bit each */
	struct policy_number secure_boot, console, hcl_type;
	/* Event log */
	struct policy_number events, regs;	/* regs: a bit each for RTMR0 to 3 */

	uint32_t allow, forbid, require, covers;	/* enum policy_allow ... */

	uint64_t set[POLICY_SET_WORDS];	/* a bit for each option that was set */
	const struct policy_kind *kind;
	/* Of policy files: there was one; it set something for this kind; and has a section, or an option, of its own for it. */
	bool has_file, has_option, has_own;
};

/*
 * What a verifier's row takes for an identity: the names of options that must all have held,
 * the first NULL ends them; "pcr*" is any PCR that boot loaders extend (8, 9, 11).  One that is
 * not @whole covers what the policy's covers= says.
 */
struct policy_identity {
	const char *names[4];
	bool whole;
};

/*
 * A kind of evidence that has a policy of its own.  Which kind counts is known when it is known
 * what hardware signed.
 */
struct policy_kind {
	const char *name;		/* "Azure with TDX", for people */
	const char *sections[2];	/* of a policy file, the widest first: "azure", "azure-tdx" */
	unsigned subjects;		/* enum policy_subject: options about others cannot be judged */
	const char *identity;		/* which options name one, for people */
	const char *proven;		/* what is proven without one, for people */
	/* The option that a verifier asks its own nonce by, which is then @nonce_len bytes with zeros behind; NULL: it proves no freshness. */
	const char *nonce;
	size_t nonce_len;
	const char *stale;		/* for people, when no nonce was asked for */
	/* The option about a field that the host chooses at the launch, so that it can name a policy; NULL for none. */
	const char *host_option;
	const struct evp_md_st *(*host_md)(void);
	/* What @p does not ask of the firmware, for people; NULL for nothing. */
	const char *(*firmware_remark)(const struct policy *p);
};

/* For rows of the kinds whose report is over a nonce by itself. */
#define HARDWARE_IS_PROVEN "whatever runs there; only the hardware"
#define REPORT_MAY_BE_STALE \
	"Freshness was not asked for: this may be old evidence that is shown again (--nonce, --report-data)"

/* All there are, in the order of struct policies; the last is NULL. */
extern const struct policy_kind *const policy_kinds[];
#define POLICY_KINDS_MAX 8

/* For each kind its policy. */
struct policies {
	struct policy of[POLICY_KINDS_MAX];
};

void policies_init(struct policies *ps);

/* The policy for @kind, which is a row of policy_kinds. */
struct policy *policies_of(struct policies *ps, const struct policy_kind *kind);
const struct policy *policies_find(const struct policies *ps, const struct policy_kind *kind);

#define POLICY_ERROR_LEN 160

/*
 * "NAME=VALUE", for all kinds.  What was set before under that name is replaced.  0; -ENOENT for
 * an unknown name, -EINVAL for what is no value of it; then @error says why, and @ps is as
 * before.
 */
int policies_set(struct policies *ps, const char *assignment, char error[static POLICY_ERROR_LEN]);

/*
 * What a program asks by itself: option @name, of bytes, is @data and zeros up to @padded bytes.
 * It is judged as what a policy says, and says nothing of its author.  0; -EEXIST when the policy
 * has a value there, which would be asked and not judged.
 */
int policy_ask(struct policy *p, const char *name, const void *data, size_t len, size_t padded);

/*
 * The text of a policy file, by the rules of base/ini.h.  Options in [Policy] are for all kinds;
 * those in the sections of policy_kinds for these.  A name may stand
 * once only for a kind.  0; -EBADMSG with @error, which names the line; -EMSGSIZE for more than
 * POLICY_FILE_MAX bytes; -ENOMEM.  @ps is as before then.
 */
#define POLICY_FILE_MAX 65536
int policies_parse(struct policies *ps, const void *text, size_t len,
		   char error[static POLICY_ERROR_LEN]);

/* The name of option @i and what its value is, for people; NULL past the last. */
const char *policy_option(unsigned i, const char **ret_value);

/*
 * Who looks at an option says so, by the member of the policy that the verdict is made by (v->policy):
 * the checks below do it themselves.  Words of allow, forbid and require are asked for one by
 * one.  A pointer to something else is passed over.
 */
void policy_judged(struct verdict *v, const void *member);
bool policy_allows(struct verdict *v, const struct policy *p, enum policy_allow word);
bool policy_forbids(struct verdict *v, const struct policy *p, enum policy_forbid word);
bool policy_requires(struct verdict *v, const struct policy *p, enum policy_require word);

/* True when option @name was set; NULL is none. */
bool policy_asks(const struct policy *p, const char *name);

/* True when @name was asked for, matched, and is no value that nothing was measured into. */
bool policy_held(const struct verdict *v, const char *name);

/* The last of authentic or consistent evidence: what was set and not judged, and what was identified. */
void policy_conclude(struct verdict *v, const struct policy_identity *identities);

/* The identity of evidence of which everything holds that @p asks: none, when none is asked for. */
enum verdict_identity policy_identity_asked(const struct policy *p, const struct policy_identity *identities);

/*
 * An option that is set and about other kinds of evidence, so that nothing can judge it: all
 * evidence is refused by its name.  NULL for none.
 */
const char *policy_foreign_option(const struct policy *p);

/*
 * Checks of the kinds that policies have; each becomes a check of @v, refused under @code when
 * it does not hold, skipped when nothing is asked.  They return nothing: all of a policy's
 * complaints are worth reading.
 */
void policy_check_values(struct verdict *v, const struct policy_values *want, const char *code,
			 const char *name, const void *found, size_t len);
/* The nonce, followed by zeros, is all of @found: report data that was made of a nonce. */
void policy_check_nonce(struct verdict *v, const struct policy *p, const uint8_t found[static 64]);
void policy_check_min(struct verdict *v, const struct policy_number *min, const char *code,
		      const char *name, uint64_t found);
void policy_check_masks(struct verdict *v, const struct policy_number *require,
			const struct policy_number *forbid, const char *code, const char *name,
			uint64_t found);

#endif
