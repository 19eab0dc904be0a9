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

/* What is said about collateral. */
struct attest_fetch {
	const char *cache;		/* NULL: ATTEST_CACHE to fetch, none to verify */
	const char *kds, *pcs;		/* NULL: AMD's, Intel's */
	const char *ca, *product;	/* may be NULL */
	const char *update;		/* "early" or "standard"; NULL: not said */
	uint32_t evaluation;		/* 0: not said */
	bool offline, refresh, prune, forget;
	uint64_t timeout_usec;		/* 0: the default */
	const char *root, *tpm, *imds;	/* of a test, when this guest's own evidence is asked for */
};

/* Where cocod looks too (agent/collateral.h). */
#define ATTEST_CACHE "/var/cache/cocod"
/* What cocod trusts, the first that is there; as it finds its configuration (cocod.conf(5)). */
#define ATTEST_TRUST_PLACES "/etc/cocod", "/run/cocod", "/usr/lib/cocod"

/* What 'attest verify', 'attest show' and 'attest fetch' were told, with the files read. */
struct attest_args {
	const struct attest_verifier *type;	/* NULL: not said */
	struct evidence evidence;		/* into the blocks and the bundle below */
	struct policies policies;
	struct trust trust;
	int64_t now;
	bool now_given;
	struct newest newest;			/* of --cache */
	const char *policy_file;		/* NULL: none */
	char *blocks[_EVIDENCE_MAX + 2 * EVIDENCE_OWN_MAX];
	unsigned n_blocks;
	struct bundle bundle;			/* of --bundle */
	struct bundle cached;			/* out of --cache */
	struct attest_fetch fetch;
};

void attest_args_done(struct attest_args *a);

/*
 * Parse the options of a verb and read all files they name.  To verify, the type must be named.
 * Returns 0, or the exit status, having said what is wrong.
 */
int attest_args_parse(struct cli *cli, struct attest_args *a, enum attest_mode mode, int argc,
		      char **argv);

/*
 * Add to @ret what the cache @dir has for @e, whatever its date: whether it is good is the
 * verifier's to say.  What is of something else than its name says is left out, with a warning.
 * Returns 0 or -ENOMEM.
 */
int attest_cache_read(const char *dir, const struct evidence *e, struct bundle *ret);

/*
 * What the cache @dir remembers (attest/newest.h); nothing yet when it has no such file.
 * Returns 0; the errno of reading it, or that of newest_parse(), having said what is wrong.
 */
int attest_cache_newest(const char *dir, struct newest *ret);

/* "2026-01-31" (midnight) or RFC 3339, as seconds since 1970.  0 or -EINVAL. */
int attest_parse_date(const char *text, int64_t *ret);

/*
 * The exit status of a verdict: 0 accepted, authentic or consistent, 1 not authentic, 2 malformed, 3 undecided, 4
 * refused by policy.
 */
int attest_status(const struct verdict *v);

/* cococtl attest report, cococtl attest fetch */
int attest_report(struct cli *cli, int argc, char **argv);
int attest_fetch(struct cli *cli, int argc, char **argv);

/*
 * This guest's own evidence, of whoever can be asked; an Azure VM's with what its metadata
 * service has of @wants, at @imds (as of imds_open()).
 * Returns 0, or a negative errno with the cause in @why.
 */
int attest_gather_own(const struct attest_request *q, const char *imds, enum imds_wants wants,
		      struct bundle *ret, struct cause *why);

/* Say that there is no evidence, and what to do.  Returns the exit status. */
int attest_gather_failed(int error, const struct cause *why);

void attest_print_verdict(const struct cli *cli, const struct attest_args *a, struct verdict *v);
void attest_print_claims(const struct cli *cli, const struct verdict *v);

#endif
