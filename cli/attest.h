/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_H
#define COCO_CLI_ATTEST_H

#include "attest/gather/imds.h"
#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/verify.h"
#include "cli/cococtl.h"

enum attest_mode {
	ATTEST_MODE_SHOW,
	ATTEST_MODE_VERIFY,
	ATTEST_MODE_FETCH,
};

/* The cache that cocod uses (agent/collateral.h). */
#define ATTEST_CACHE "/var/cache/cocod"
/* Where cocod looks for attest.trust.  The first file counts (cocod.conf(5)). */
#define ATTEST_TRUST_PLACES "/etc/cocod", "/run/cocod", "/usr/lib/cocod"

/* The files that 'attest verify', 'attest show' and 'attest fetch' were given. */
struct attest_args {
	const struct attest_verifier *type;	/* NULL: not said */
	struct evidence evidence;		/* into the blocks and the bundle below */
	struct policies policies;
	struct trust trust;
	int64_t now;				/* to verify */
	struct newest newest;			/* of --cache */
	char *blocks[_EVIDENCE_MAX + 2 * EVIDENCE_OWN_MAX];
	unsigned n_blocks;
	struct bundle bundle;			/* of --bundle */
	struct bundle cached;			/* out of --cache */
	const struct args_attest *o;		/* what the command line said */
	struct verifier *verifier;		/* attest_args_judge() makes it */
};

void attest_args_done(struct attest_args *a);

/*
 * Read all files that @args names.  To verify without a type, it is guessed by what there is.
 * Returns 0, or the exit status, having said what is wrong.  @args must live as long as @a.
 */
int attest_args_read(const struct args *args, enum attest_mode mode, struct attest_args *a);

/*
 * Judge what was read.  With --at, neither the clock nor the cache's memory counts.  Returns 0 with
 * the verdict in @v, which has texts of @a's; or -ENOMEM.
 */
int attest_args_judge(struct attest_args *a, struct verdict *v);

/*
 * Add to @ret the files of the cache @dir that @e needs, whatever their dates: the verifier decides
 * if they are good.  A file whose content does not match its name is left out with a warning.
 * Returns 0 or -ENOMEM.
 */
int attest_cache_read(const char *dir, const struct evidence *e, struct bundle *ret);

/*
 * Read what the cache @dir remembers (attest/newest.h).  Without that file it remembers nothing.
 * Returns 0, or an error of reading or of newest_parse(), after it was logged.
 */
int attest_cache_newest(const char *dir, struct newest *ret);

/*
 * "2026-01-31" (midnight) or RFC 3339, as a struct args_date, for a row of the options.
 * Returns 0 or -EINVAL.
 */
int attest_parse_date(const char *text, void *ret);

/* Types of evidence, and policy options, for --help. */
void attest_print_types(void);
void attest_print_types_and_policy(void);

/* For the completion of --type. */
void attest_offer_types(const struct offers *o);

/* The options that name evidence: all pieces of all types, and what they are in. */
#define ROW_PIECE(name, piece, help) { name, "FILE", help, OPTION_PATH(attest.pieces[piece]) }
#define ROWS_EVIDENCE                                                                             \
	{ "type", "TYPE", "what the evidence is", OPTION_STRING(attest.type),                     \
	  .offer = attest_offer_types },                                                          \
	{ "bundle", "FILE", "all of it in one file", OPTION_PATH(attest.bundle) },                \
	ROW_PIECE("report", EVIDENCE_REPORT, "an SNP report, or a TDREPORT"),                     \
	ROW_PIECE("cert-table", EVIDENCE_CERT_TABLE, "the certificate table of an SNP report"),   \
	ROW_PIECE("quote", EVIDENCE_QUOTE, "a TDX quote"),                                        \
	ROW_PIECE("tcb-info", EVIDENCE_TCB_INFO, "Intel's TCB info"),                             \
	ROW_PIECE("qe-identity", EVIDENCE_QE_IDENTITY, "Intel's QE identity"),                    \
	ROW_PIECE("tcb-chain", EVIDENCE_TCB_CHAIN, "who signed the TCB info"),                    \
	ROW_PIECE("qe-chain", EVIDENCE_QE_CHAIN, "who signed the QE identity"),                   \
	ROW_PIECE("root-crl", EVIDENCE_ROOT_CRL, "the revocation list of Intel's root"),          \
	ROW_PIECE("pck-crl", EVIDENCE_PCK_CRL, "the revocation list of the quote's CA"),          \
	ROW_PIECE("hcl", EVIDENCE_HCL, "Azure's HCL report"),                                     \
	ROW_PIECE("attest", EVIDENCE_ATTEST, "the TPM's quote"),                                  \
	ROW_PIECE("sig", EVIDENCE_SIG, "the quote's signature"),                                  \
	ROW_PIECE("pcrs", EVIDENCE_PCRS, "the PCR values that are claimed"),                      \
	ROW_PIECE("ak", EVIDENCE_AK, "the public key of the TPM's attestation key"),              \
	ROW_PIECE("td-quote", EVIDENCE_TD_QUOTE, "the TDX quote of an HCL report"),               \
	ROW_PIECE("event-log", EVIDENCE_EVENT_LOG, "the log of what was measured at boot"),       \
	ROW_PIECE("runtime-log", EVIDENCE_RUNTIME_LOG, "the log of what was measured later"),     \
	{ "cert", "FILE", "a certificate; may be given again",                                    \
	  OPTION_LIST(attest.certs, EVIDENCE_OWN_MAX) }

/* The exit status for a verdict, see cli/status.h. */
int attest_status(const struct verdict *v);

/*
 * Get this guest's own evidence from the first provider that is present.  On Azure, add what the
 * metadata service at @imds (as for imds_open()) has of @wants.
 * Returns 0, or a negative errno with the cause in @why.
 */
int attest_gather_own(const struct attest_request *q, const char *imds, enum imds_wants wants,
		      struct bundle *ret, struct cause *why);

/* Log that there is no evidence, and what to do.  Returns the exit status. */
int attest_gather_failed(int error, const struct cause *why);

/* These return STATUS_GOOD; STATUS_UNDECIDED without memory for it, which is logged. */
int attest_print_verdict(const struct args *args, const struct attest_args *a, struct verdict *v);
int attest_print_claims(const struct args *args, const struct verdict *v);

#endif
