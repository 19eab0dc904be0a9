/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_H
#define COCO_ATTEST_POLICY_H

#include "attest/verdict.h"

struct ini_item;
struct nearest;

/*
 * The appraisal policy: what authentic evidence must look like.  Options have the same names in
 * `--set NAME=VALUE` and in the NAME=VALUE lines of a policy file; policy_option() lists them.  An
 * option that was not set asks nothing, except for the defaults of policies_init().
 *
 * The sender chooses the kind of evidence, so silence must not be consent.  If an option was set
 * for a kind but was not judged, policy_conclude() refuses the evidence.
 */

/*
 * The evidence must have one of these values.  A value may have an end, "HEX until=DATE": from then
 * on nothing matches it, but it is still a value that was asked for.
 */
#define POLICY_VALUE_MAX 64
#define POLICY_VALUES_MAX 16

struct policy_values {
	uint8_t n;	/* 0: not asked for */
	uint8_t len[POLICY_VALUES_MAX];
	uint8_t b[POLICY_VALUES_MAX][POLICY_VALUE_MAX];
	int64_t until[POLICY_VALUES_MAX];	/* seconds since 1970; 0: no end */
};

struct policy_number {
	bool set;
	uint64_t value;
};

#define POLICY_TCB_MAX 5
#define POLICY_TCB_RAW 8

/*
 * A floor for each component, in the order of the text: bootloader, TEE, SNP, microcode.  With
 * five components the first is Turin's FMC.  With POLICY_TCB_RAW it is the TCB_VERSION itself, its
 * lowest byte first; the product decides what its bytes mean.  TCB versions are shown in that form
 * if the evidence does not name its product.
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
	ABOUT_REPORT = 1 << 5,	/* what most reports have: report data, measurement, debug bit */
};

enum policy_allow {
	ALLOW_DEBUG = 1 << 0,
	ALLOW_MIGRATE = 1 << 1,
	ALLOW_MASKED = 1 << 2,		/* a VCEK's report that hides the chip */
	ALLOW_SERVICE_TD = 1 << 3,
	ALLOW_PARTIAL_IDENTITY = 1 << 4,	/* the gate opens for an identity that is partial */
};

enum policy_forbid {
	FORBID_VLEK = 1 << 0,
	FORBID_PROVISIONAL =
		1 << 1, /* firmware that can still be rolled back: committed < current */
};

enum policy_require {
	REQUIRE_SEPT_VE_DISABLE = 1 << 0,
	REQUIRE_CRL = 1 << 1,
};

/*
 * What a launch measurement, or PCRs, were computed over.  The author of the policy says so, as
 * evidence cannot.
 */
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
	struct policy_values min_tee_tcb_svn;	/* 16 bytes, each of them a floor */
	uint32_t accept;	/* 1 << enum tcb_status */
	/* vTPM */
	struct policy_values nonce, pcr[POLICY_PCRS], user_data, ak_n_sha256;
	struct policy_number require_pcrs;	/* bit n for PCR n */
	struct policy_number secure_boot, console, hcl_type;
	/* Event log */
	struct policy_number events, regs;	/* regs: bit n for RTMR n */

	uint32_t allow, forbid, require, covers;	/* enum policy_allow ... */

	uint64_t set[POLICY_SET_WORDS];	/* a bit for each option that was set */
	const struct policy_kind *kind;
	bool has_file;		/* there was a policy file */
	bool has_option;	/* something was set for this kind */
	bool has_own;		/* there is a section or an option for just this kind */
};

/*
 * What a verifier takes for an identity: the names of options that must all have held, ended by
 * NULL.  "pcr*" is any PCR that boot loaders extend (8, 9, 11).  An identity that is not @whole
 * covers what the policy's covers= says.
 */
struct policy_identity {
	const char *names[4];
	bool whole;
};

/*
 * A kind of evidence that has a policy of its own.  Which kind it is depends on the hardware that
 * signed the evidence.
 */
struct policy_kind {
	const char *name;		/* "Azure with TDX", for people */
	const char *sections[2]; /* of a policy file, the wider first: "azure", "azure-tdx" */
	unsigned subjects; /* enum policy_subject: options about others cannot be judged */
	const char *identity;		/* which options name an identity, for people */
	const char *proven;		/* what is proven without an identity, for people */
	/*
	 * The option with which cocod asks for its own nonce, padded with zeros to @nonce_len
	 * bytes.  NULL if this kind cannot prove that it is fresh.
	 */
	const char *nonce;
	size_t nonce_len;
	const char *stale;		/* what to say if no nonce was asked for */
	/*
	 * The option about a field that the host chooses at launch, and that can name a policy; or
	 * NULL.
	 */
	const char *host_option;
	const struct evp_md_st *(*host_md)(void);
	/* A remark for people if @p asks too little of the firmware, else NULL. */
	const char *(*firmware_remark)(const struct policy *p);
};

/* For kinds whose report itself has the nonce. */
#define HARDWARE_IS_PROVEN "whatever runs there; only the hardware"
#define REPORT_MAY_BE_STALE                                                              \
	"Freshness was not asked for: this may be old evidence that is shown again "      \
	"(--nonce, --report-data)"

/* All kinds, in the order of struct policies, ended by NULL. */
extern const struct policy_kind *const policy_kinds[];
#define POLICY_KINDS_MAX 8

/* A policy for each kind. */
struct policies {
	struct policy of[POLICY_KINDS_MAX];
};

void policies_init(struct policies *ps);

/* The policy for @kind, which is a row of policy_kinds. */
struct policy *policies_of(struct policies *ps, const struct policy_kind *kind);
const struct policy *policies_find(const struct policies *ps, const struct policy_kind *kind);

#define POLICY_ERROR_LEN 160

/*
 * Set an option for all kinds by "NAME=VALUE".  A value that was set before is replaced.
 * Returns 0; -ENOENT if the name is unknown; -EINVAL if the value is wrong.  On failure @error
 * says why, and @ps is as before.
 */
int policies_set(struct policies *ps, const char *assignment, char error[static POLICY_ERROR_LEN]);

/*
 * Set an option on behalf of a program: @name, an option of bytes, is @data, padded with zeros to
 * @padded bytes.  It is judged like the rest of the policy, but does not count as written for
 * this kind of evidence.
 * Returns 0; -EEXIST if the policy has a value for the option already.
 */
int policy_ask(struct policy *p, const char *name, const void *data, size_t len, size_t padded);

/*
 * Read the text of a policy file, by the rules of base/ini.h.  Options in [Policy] are for all
 * kinds; options in the sections of policy_kinds are for these kinds.  A kind may have each option
 * only once.
 * Returns 0; -EBADMSG with @error, which names the line; -EMSGSIZE for more than POLICY_FILE_MAX
 * bytes; -ENOMEM.  On failure @ps is as before.
 */
#define POLICY_FILE_MAX 65536
int policies_parse(struct policies *ps, const void *text, size_t len,
		   char error[static POLICY_ERROR_LEN]);

/* The same without a copy of half a megabyte, for whoever drops @ps when it fails. */
int policies_parse_new(struct policies *ps, const void *text, size_t len,
		       char error[static POLICY_ERROR_LEN]);

/* True if the section of @item is one of a policy file. */
bool policy_has_section(const struct ini_item *item);

/* Try the name of each such section. */
void policy_nearest_section(struct nearest *nearest);

/* The name of option @i, and what its value must be, for people; NULL past the last option. */
const char *policy_option(unsigned i, const char **ret_value);

/*
 * Note that an option was judged.  @member points to its member in v->policy; other pointers are
 * passed over.  The checks below call this themselves.  The words of allow, forbid and require
 * are asked for one by one, which notes them as judged.
 */
void policy_judged(struct verdict *v, const void *member);
bool policy_allows(struct verdict *v, const struct policy *p, enum policy_allow word);
bool policy_forbids(struct verdict *v, const struct policy *p, enum policy_forbid word);
bool policy_requires(struct verdict *v, const struct policy *p, enum policy_require word);

/*
 * The name of an option of which every value has ended by @now, so that no evidence can match it;
 * NULL if there is none.  That of a PCR is "pcrN".
 */
const char *policy_ended_option(const struct policy *p, int64_t now);

/* True if no value is left at @now: all have ended, or there is none. */
bool policy_values_have_ended(const struct policy_values *values, int64_t now);

/* True if option @name was set; false if @name is NULL. */
bool policy_asks(const struct policy *p, const char *name);

/*
 * True if option @name was asked for and matched, with a value into which something was measured:
 * neither all zeros nor all ones.
 */
bool policy_held(const struct verdict *v, const char *name);

/*
 * Conclude the policy of authentic or consistent evidence: refuse it if an option was set but not
 * judged, and find whether an identity held.
 */
void policy_conclude(struct verdict *v, const struct policy_identity *identities);

/*
 * True if an identity held that is enough for secrets: a whole one, or a partial one if the policy
 * allows that.  Without one anybody's VM would pass.
 */
bool policy_is_identified(const struct verdict *v);

/* The identity that evidence has if everything holds that @p asks for. */
enum verdict_identity policy_identity_asked(const struct policy *p,
					    const struct policy_identity *identities);

/*
 * The name of an option that is set, but is about other kinds of evidence; or NULL.  Nothing can
 * judge such an option, so all evidence of this kind is refused.
 */
const char *policy_foreign_option(const struct policy *p);

/*
 * The checks of a policy's options.  Each adds a check to @v: refused with @code if it does not
 * hold, skipped if the policy asks nothing.  They return nothing, so that a person gets to read
 * all that is wrong.
 */
void policy_check_values(struct verdict *v, const struct policy_values *want, const char *code,
			 const char *name, const void *found, size_t len);
/* Check that @found, which is report data, is the nonce, padded with zeros. */
void policy_check_nonce(struct verdict *v, const struct policy *p, const uint8_t found[static 64]);
void policy_check_min(struct verdict *v, const struct policy_number *min, const char *code,
		      const char *name, uint64_t found);
/* The same for a version of @parts bytes, the first of which is the highest: "1.55.29". */
void policy_check_min_version(struct verdict *v, const struct policy_number *min, const char *code,
			      const char *name, uint64_t found, unsigned parts);
void policy_check_masks(struct verdict *v, const struct policy_number *require,
			const struct policy_number *forbid, const char *code, const char *name,
			uint64_t found);

#endif
