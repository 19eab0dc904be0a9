/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_H
#define COCO_CLI_ATTEST_H

#include "attest/bundle.h"
#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/verify.h"
#include "cli/cococtl.h"

/* What 'attest verify' and 'attest show' were told, with the files read. */
struct attest_args {
	const struct attest_verifier *type;	/* NULL: not said */
	struct evidence evidence;		/* into the blocks and the bundle below */
	struct policy policy;
	struct trust trust;
	int64_t now;
	bool now_given;
	const char *policy_file;		/* NULL: none */
	char *blocks[_EVIDENCE_MAX + EVIDENCE_CERTS_MAX + EVIDENCE_CRLS_MAX];
	unsigned n_blocks;
	struct bundle bundle;			/* of --bundle */
};

void attest_args_done(struct attest_args *a);

/*
 * Parse the options of a verb and read all files they name.  @judging: those about judging are allowed, and the type must be named.
 * Returns 0, or the exit status, having said what is wrong.
 */
int attest_args_parse(struct cli *cli, struct attest_args *a, bool judging, int argc, char **argv);

/* "2026-01-31" (midnight) or RFC 3339, as seconds since 1970.  0 or -EINVAL. */
int attest_parse_date(const char *text, int64_t *ret);

/* The exit status of a verdict: 0 accepted, 1 not authentic, 2 malformed, 3 undecided, 4 refused by policy. */
int attest_status(const struct verdict *v);

/* cococtl attest report */
int attest_report(struct cli *cli, int argc, char **argv);

void attest_print_verdict(const struct cli *cli, const struct attest_args *a, const struct verdict *v);
void attest_print_claims(const struct cli *cli, const struct verdict *v);

#endif
