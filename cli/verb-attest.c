/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/attest.h"

/* The date of --at is the user's word: then neither a clock nor a memory has a say. */
static int judge(const struct attest_args *a, struct verifier *ctx, struct verdict *v)
{
	if (a->now_given)
		return attest_verify(ctx, a->type, &a->evidence, &a->policies, a->now, v);
	verifier_set_newest(ctx, &a->newest);
	return attest_verify_by_clock(ctx, a->type, &a->evidence, &a->policies, a->now, v);
}

static int verb_verify(struct cli *cli, int argc, char **argv)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	int r;

	r = attest_args_parse(cli, &a, ATTEST_MODE_VERIFY, argc, argv);
	if (r != 0)
		return r;
	if (!v || verifier_new(&a.trust, &ctx) < 0 || judge(&a, ctx, v) < 0) {
		(void) log_oom();
		return 3;	/* nothing was decided */
	}
	attest_print_verdict(cli, &a, v);
	return attest_status(v);
}

/* Whether @t has something to say about some of the pieces. */
static bool can_show(const struct attest_verifier *t, const struct evidence *e)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (e->piece[i].p && ((t->needs | t->takes) & EVIDENCE_BIT(i)))
			return true;
	return e->n_certs > 0 && t->takes_certs;
}

static int verb_show(struct cli *cli, int argc, char **argv)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	int (*shown)(const struct evidence *e, struct verdict *v) = NULL;
	int r;

	r = attest_args_parse(cli, &a, ATTEST_MODE_SHOW, argc, argv);
	if (r != 0)
		return r;
	for (const struct attest_verifier *const *t = attest_verifiers; v && *t; t++)
		if ((!a.type || a.type == *t) && (*t)->show != shown && can_show(*t, &a.evidence)) {
			shown = (*t)->show;
			r = shown(&a.evidence, v);
			if (r < 0)
				break;
		}
	if (!v || r < 0) {
		(void) log_oom();
		return 3;
	}
	if (!shown) {
		log_error("There is nothing to show: name evidence with --report and the like, see 'cococtl attest --help'");
		return STATUS_USAGE;
	}
	if (v->n_claims == 0 && v->n_checks == 0) {
		log_error("'show' decodes nothing of this: it knows reports, their certificate tables and VEKs, quotes, TCB info, QE identities, HCL reports and event logs");
		return 2;
	}
	attest_print_claims(cli, v);
	return v->first_failed < 0 ? STATUS_GOOD : attest_status(v);
}

static void print_pieces(const struct attest_verifier *t)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++) {
		if (t->needs & EVIDENCE_BIT(i))
			print(" --%s=FILE", evidence_piece_name(i));
		if (t->takes & EVIDENCE_BIT(i))
			print(" [--%s=FILE]", evidence_piece_name(i));
	}
	print("%s%s\n", t->takes_certs ? " [--cert=FILE]..." : "", t->takes_crls ? " [--crl=FILE]..." : "");
}

static void print_help(void)
{
	const char *name, *value;

	puts("cococtl attest report [--nonce=HEX] [--output=FILE] [--vmpl=N] [--service=svsm] [--service-guid=GUID] [--tpm=PATH]\n"
	     "                      [--user-data=HEX]\n"
	     "cococtl attest verify --type=TYPE EVIDENCE... [OPTIONS...]\n"
	     "cococtl attest verify --bundle=FILE [EVIDENCE...] [OPTIONS...]\n"
	     "cococtl attest fetch [--bundle=FILE | EVIDENCE...] [--cache=DIR] [--offline] [--refresh] [--prune]\n"
	     "                     [--forget-newest] [--trust=FILE] [--kds=URL] [--pcs=URL] [--ca=FILE]\n"
	     "                     [--product=NAME] [--tcb-update=early|standard | --tcb-evaluation=N] [--timeout=TIME]\n"
	     "cococtl attest show [--type=TYPE] EVIDENCE... [--json]\n\n"
	     "Types, and the evidence of each:");
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++) {
		print("  %-10s %s\n            ", (*t)->name, (*t)->what);
		print_pieces(*t);
	}
	puts("\nOptions:\n"
	     "  --at=DATE            Judge as of then: 2026-01-31, or 2026-01-31T12:00:00Z\n"
	     "  --trust=FILE         Root keys instead of the built-in ones\n"
	     "  --nonce=HEX          As --set nonce=HEX\n"
	     "  --report-data=HEX    As --set report_data=HEX\n"
	     "  --policy=FILE        Policy options, one NAME=VALUE a line\n"
	     "  --set NAME=VALUE     A policy option\n"
	     "  --cache=DIR          Use what 'fetch' has put there; 'fetch' itself: instead of " ATTEST_CACHE "\n"
	     "  --json               Print JSON\n\n"
	     "Policy options:");
	for (unsigned i = 0; (name = policy_option(i, &value)); i++)
		print("  %-18s %s\n", name, value);
	puts("\nSee cococtl(1).");
}

static const struct verb attest_verbs[] = {
	{ "report", "[--nonce=HEX] [--output=FILE]", "Ask this guest for its evidence", attest_report, .print_help = print_help },
	{ "verify", "--type=TYPE ...", "Judge evidence: is it authentic, and as a policy wants it?", verb_verify, .print_help = print_help },
	{ "fetch", "[EVIDENCE...]", "Get the certificates and collateral that evidence is judged by", attest_fetch, .print_help = print_help },
	{ "show", "...", "Decode evidence, without judging it", verb_show, .print_help = print_help },
	{ NULL },
};

int verb_attest(struct cli *cli, int argc, char **argv)
{
	/* The general help says nothing of types and options, which are many. */
	if (argc > 1 && (streq(argv[1], "--help") || streq(argv[1], "-h"))) {
		print_help();
		return STATUS_GOOD;
	}
	return dispatch(cli, attest_verbs, "cococtl attest", argc, argv);
}
