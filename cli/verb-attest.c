/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/options-complete.h"
#include "base/options-help.h"
#include "base/text.h"
#include "cli/attest.h"

static int run_verify(struct args *args)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	int r;

	r = attest_args_read(args, ATTEST_MODE_VERIFY, &a);
	if (r != 0)
		return r;
	if (!v || attest_args_judge(&a, v) < 0) {
		(void) log_oom();
		return STATUS_UNDECIDED;
	}
	r = attest_print_verdict(args, &a, v);
	return r != STATUS_GOOD ? r : attest_status(v);
}

/* True if @t can decode one of the pieces in @e. */
static bool can_show(const struct attest_verifier *t, const struct evidence *e)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (e->piece[i].p && ((t->needs | t->takes) & EVIDENCE_BIT(i)))
			return true;
	return e->n_certs > 0 && t->takes_certs;
}

static int run_show(struct args *args)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	int (*shown)(const struct evidence *e, struct verdict *v) = NULL;
	int r;

	r = attest_args_read(args, ATTEST_MODE_SHOW, &a);
	if (r != 0)
		return r;
	errno = 0;
	for (const struct attest_verifier *const *t = attest_verifiers; v && *t; t++)
		if ((!a.type || a.type == *t) && (*t)->show != shown && can_show(*t, &a.evidence)) {
			shown = (*t)->show;
			r = shown(&a.evidence, v);
			if (r < 0)
				break;
		}
	if (!v || r < 0 || v->no_memory) {
		(void) log_oom();
		return STATUS_UNDECIDED;
	}
	if (!shown) {
		log_error("There is nothing to show: name evidence with --report and the like, see "
			  "'cococtl attest show --help'");
		return STATUS_USAGE;
	}
	if (v->n_claims == 0 && v->n_checks == 0) {
		log_error("'show' decodes nothing of this: it knows reports, their certificate "
			  "tables and VEKs, quotes, TCB info, QE identities, HCL reports and event "
			  "logs");
		return STATUS_MALFORMED;
	}
	r = attest_print_claims(args, v);
	return r != STATUS_GOOD || v->first_failed < 0 ? r : attest_status(v);
}

#define TYPE_WIDTH 9

static void print_pieces(const struct attest_verifier *t)
{
	char text[64 * (_EVIDENCE_MAX + 2)] = "";
	size_t n = 0;

	for (unsigned i = 0; i < _EVIDENCE_MAX; i++) {
		const char *name = evidence_piece_name(i);

		if (t->needs & EVIDENCE_BIT(i))
			n += (size_t)snprintf(text + n, 64, "%s--%s=FILE", n ? " " : "", name);
		if (t->takes & EVIDENCE_BIT(i))
			n += (size_t)snprintf(text + n, 64, "%s[--%s=FILE]", n ? " " : "", name);
	}
	if (t->takes_certs)
		n += (size_t)snprintf(text + n, 64, " [--cert=FILE]...");
	if (t->takes_crls)
		(void) snprintf(text + n, 64, " [--crl=FILE]...");
	help_text(text, 4 + TYPE_WIDTH);
}

void attest_print_types(void)
{
	puts("\nTypes, and the evidence of each:");
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++) {
		help_row((*t)->name, TYPE_WIDTH, (*t)->what);
		print_pieces(*t);
	}
}

void attest_print_types_and_policy(void)
{
	const char *name, *value;

	attest_print_types();
	puts("\nPolicy options, for --set and --policy:");
	for (unsigned i = 0; (name = policy_option(i, &value)); i++)
		help_row(name, 18, value);
}

void attest_offer_types(const struct offers *o)
{
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		offer_word(o, (*t)->name, (*t)->what);
}

static void offer_settings(const struct offers *o)
{
	const char *name, *value;
	char text[64];

	for (unsigned i = 0; (name = policy_option(i, &value)); i++) {
		snprintf(text, sizeof(text), "%s=", name);
		offer_word(o, text, value);
	}
}

#define EVIDENCE_HINT "evidence is named by --report and the like"

static const struct option_row verify_options[] = {
	ROWS_EVIDENCE,
	{ "crl", "FILE", "a revocation list; may be given again",
	  OPTION_LIST(attest.crls, EVIDENCE_OWN_MAX) },
	{ "at", "DATE", "judge as of then: 2026-01-31, or 2026-01-31T12:00:00Z",
	  OPTION_PARSED(attest.at, attest_parse_date,
			"is not a date such as 2026-01-31 or 2026-01-31T12:00:00Z") },
	{ "trust", "FILE", "root keys instead of the built-in ones", OPTION_PATH(attest.trust) },
	{ "nonce", "HEX", "as --set nonce=HEX", OPTION_STRING(attest.nonce) },
	{ "report-data", "HEX", "as --set report_data=HEX", OPTION_STRING(attest.report_data) },
	{ "policy", "FILE", "policy options, one NAME=VALUE a line", OPTION_PATH(attest.policy) },
	{ "set", "NAME=VALUE", "a policy option; may be given again",
	  OPTION_LIST(attest.settings, 64), .offer = offer_settings },
	{ "cache", "DIR", "use what 'fetch' has put there", OPTION_PATH(attest.cache) },
	ROW_COLOUR,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_attest_verify = {
	.name = "attest verify",
	.help = "Judge evidence: is it authentic, and as a policy wants it?",
	.example = "--bundle=vm1.bundle --policy=attest.conf --cache=/var/cache/cocod",
	.options = verify_options,
	.words = { .help = EVIDENCE_HINT },
	.print_more = attest_print_types_and_policy,
	.run = run_verify,
};

static const struct option_row show_options[] = { ROWS_EVIDENCE, ROW_JSON, { NULL } };

const struct verb verb_attest_show = {
	.name = "attest show",
	.help = "Decode evidence, without judging it",
	.example = "--bundle=vm1.bundle",
	.options = show_options,
	.words = { .help = EVIDENCE_HINT },
	.print_more = attest_print_types,
	.run = run_show,
};
