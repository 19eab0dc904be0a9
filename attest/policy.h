/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_POLICY_H
#define COCO_ATTEST_POLICY_H

#include "attest/verify.h"

/*
 * What authentic evidence must look like.  Options have names, the same for `--set NAME=VALUE`
 * and as NAME=VALUE lines of a policy file; policy_help() lists them.  One that was not set
 * asks nothing, and the defaults are those of policy_init().
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

/*
 * A floor for each component, in the order of the text: bootloader, TEE, SNP, microcode; with
 * five the first is Turin's FMC.
 */
struct policy_tcb {
	unsigned n;	/* 0, 4 or 5 */
	uint8_t component[POLICY_TCB_MAX];
};

/*
 * What an option is about.  One that says nothing about the evidence at hand must not be taken
 * for one that holds.
 */
enum policy_subject {
	ABOUT_SNP = 1 << 0,
	ABOUT_TDX = 1 << 1,
	ABOUT_TPM = 1 << 2,
	ABOUT_HCL = 1 << 3,
	ABOUT_LOG = 1 << 4,
};

enum policy_allow {
	ALLOW_DEBUG = 1 << 0,
	ALLOW_MIGRATE = 1 << 1,
	ALLOW_MASKED = 1 << 2,		/* a VCEK's report that hides the chip */
	ALLOW_SERVICE_TD = 1 << 3,
};

enum policy_forbid {
	FORBID_VLEK = 1 << 0,
	FORBID_PROVISIONAL = 1 << 1,	/* firmware that can still be rolled back: committed < current */
};

enum policy_require {
	REQUIRE_SEPT_VE_DISABLE = 1 << 0,
	REQUIRE_CRL = 1 << 1,
};

#define POLICY_PCRS 24

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

	uint32_t allow, forbid, require;	/* enum policy_allow ... */
};

void policy_init(struct policy *p);

#define POLICY_ERROR_LEN 160

/*
 * "NAME=VALUE".  What was set before under that name is replaced.  0; -ENOENT for an unknown
 * name, -EINVAL for what is no value of it; then @error says why, and @p is as before.
 */
int policy_set(struct policy *p, const char *assignment, char error[static POLICY_ERROR_LEN]);

/*
 * Whether the option and each word of it is about one of @subjects (enum policy_subject).
 * @assignment is one that policy_set() took.
 */
bool policy_is_about(const char *assignment, unsigned subjects);

/*
 * The text of a policy file: lines NAME=VALUE, blank ones, comments with '#' or ';', and the
 * section header [Policy].  A name may stand once only.  0; -EBADMSG with @error, which names
 * the line; -EMSGSIZE for more than POLICY_FILE_MAX bytes.  @p is as before then.
 */
#define POLICY_FILE_MAX 65536
int policy_parse(struct policy *p, const void *text, size_t len,
		 char error[static POLICY_ERROR_LEN]);

/* The name of option @i and what its value is, for people; NULL past the last. */
const char *policy_option(unsigned i, const char **ret_value);

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
