/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

const char *const requirement_names[] = {
	[REQUIRE_SEV] = "sev", [REQUIRE_SEV_ES] = "sev-es", [REQUIRE_SNP] = "snp",
	[REQUIRE_TDX] = "tdx", [REQUIRE_ANY] = "any",	    [REQUIRE_NOTHING] = "none",
	[_REQUIREMENT_MAX] = NULL,
};

const char *const tech_names[_REQUIRE_TECHS] = {
	[REQUIRE_SEV] = "SEV",
	[REQUIRE_SEV_ES] = "SEV-ES",
	[REQUIRE_SNP] = "SEV-SNP",
	[REQUIRE_TDX] = "TDX",
};

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[_OUTCOME_MAX] = {
		[OUTCOME_PASS] = "pass", [OUTCOME_WARN] = "warn",	[OUTCOME_FAIL] = "fail",
		[OUTCOME_NA] = "na",	 [OUTCOME_UNKNOWN] = "unknown",
	};

	return names[outcome];
}

const char *fix_kind_name(enum fix_kind kind)
{
	static const char *const names[_FIX_MAX] = {
		[FIX_KERNEL_ARG] = "kernel-arg", [FIX_MODPROBE] = "modprobe",
		[FIX_SYSCTL] = "sysctl",	 [FIX_BIOS] = "bios",
		[FIX_LAUNCH_ARG] = "launch-arg", [FIX_PACKAGE] = "package",
		[FIX_KERNEL_CONFIG] = "kernel-config", [FIX_CONFIG] = "config",
		[FIX_NONE] = "none",
	};

	return names[kind];
}

const char *conclusion_name(int status)
{
	static const char *const names[] = {
		[DOCTOR_READY] = "ready",
		[DOCTOR_NOT_READY] = "not ready",
		[DOCTOR_WARNINGS] = "ready with warnings",
		[DOCTOR_CANNOT_TELL] = "cannot tell",
	};

	return names[status];
}

#define format_into(field, format)                                      \
	do {                                                            \
		va_list ap;                                             \
		va_start(ap, format);                                   \
		(void) vsnprintf((field), sizeof(field), (format), ap); \
		va_end(ap);                                             \
	} while (0)

void result_set(struct result *r, enum outcome outcome, const char *explain, ...)
{
	r->outcome = outcome;
	format_into(r->explain, explain);
}

void result_saw(struct result *r, const char *source, const char *value, ...)
{
	if (r->n_evidence == EVIDENCE_MAX)
		return;
	snprintf(r->evidence[r->n_evidence].source, sizeof(r->evidence->source), "%s", source);
	format_into(r->evidence[r->n_evidence].value, value);
	r->n_evidence++;
}

void result_fix(struct result *r, enum fix_kind kind, const char *text, ...)
{
	if (r->n_fixes == FIXES_MAX)
		return;
	r->fixes[r->n_fixes].kind = kind;
	format_into(r->fixes[r->n_fixes].text, text);
	r->n_fixes++;
}

void result_unknown(struct result *r, const char *source, enum got got)
{
	result_set(r, OUTCOME_UNKNOWN, "%s %s", source, got_words(got));
	if (got == GOT_DENIED)
		result_fix(r, FIX_NONE, "Run it as root");
	if (got == GOT_ABSENT && startswith(source, "msr "))
		result_fix(r, FIX_MODPROBE, "modprobe msr");
}

int exam_has_device(struct exam *x, struct result *r, const char *folder, const char *prefix)
{
	_cleanup_(tree_names_done) struct tree_names names = { 0 };
	enum got got = provider_list(x->p, folder, &names);

	if (got != GOT_IT && got != GOT_ABSENT) {
		result_unknown(r, folder, got);
		return -1;
	}
	for (size_t i = 0; i < names.n; i++)
		if (startswith(names.names[i], prefix)) {
			result_saw(r, folder, "%.200s", names.names[i]);
			return 1;
		}
	return 0;
}

bool exam_lacks_required(const struct exam *x)
{
	return x->given && x->required < _REQUIRE_TECHS && !(x->offers & FOR(x->required));
}

const char *offers_text(unsigned offers, char ret[static OFFERS_TEXT_MAX])
{
	ret[0] = '\0';
	for (unsigned i = 0; i < _REQUIRE_TECHS; i++)
		if (offers & FOR(i))
			list_add_word(ret, OFFERS_TEXT_MAX, requirement_names[i]);
	return ret;
}

/* ---- the whole ---- */

void exam_run(struct exam *x, const struct side *side, struct result *ret)
{
	machine_ask(x->p, &x->machine);
	platform_ask(x->p, &x->machine, &x->platform);
	side->look(x);
	for (size_t i = 0; i < side->n_checks; i++) {
		ret[i] = (struct result){ .outcome = OUTCOME_UNKNOWN };
		side->checks[i].run(x, &ret[i]);
	}
}

bool check_counts(const struct check *check, const struct conclusion *c)
{
	/* Without a technology, what matters for all of them. */
	if (!c->offered)
		return (check->needs & FOR_CONFIDENTIAL) == FOR_CONFIDENTIAL;
	return check->needs & FOR(c->judged);
}

/* How bad a result is, worst first; 0 when it is good or does not count. */
static int badness(const struct check *check, const struct result *r)
{
	switch (r->outcome) {
	case OUTCOME_FAIL:
		return 3;
	case OUTCOME_UNKNOWN:
		return check->decides ? 2 : 0;
	case OUTCOME_WARN:
		return 1;
	default:
		return 0;
	}
}

static void judge(const struct side *side, const struct result *results, struct conclusion *c)
{
	static const int statuses[] = { DOCTOR_READY, DOCTOR_WARNINGS, DOCTOR_CANNOT_TELL,
					DOCTOR_NOT_READY };
	int worst = 0;

	c->first = side->n_checks;
	for (size_t i = 0; i < side->n_checks; i++) {
		int bad = check_counts(&side->checks[i], c) ?
				  badness(&side->checks[i], &results[i]) : 0;

		if (bad > worst) {
			worst = bad;
			c->first = i;
		}
	}
	c->status = statuses[worst];
}

/* The best technology of @offers, beginning at @from; -1 if there is none. */
static int best_of(unsigned offers, int from)
{
	while (from >= 0 && !(offers & FOR(from)))
		from--;
	return from;
}

/*
 * The best that is offered.  With @any it is the best of those that work, if there is one.
 */
static void judge_offered(const struct exam *x, const struct side *side,
			  const struct result *results, bool any, struct conclusion *c)
{
	int tech = best_of(x->offers, _REQUIRE_TECHS - 1);

	c->offered = tech >= 0;
	c->judged = c->offered ? (enum requirement)tech : REQUIRE_ANY;
	judge(side, results, c);
	while (any && tech >= 0) {
		struct conclusion other = { .judged = (enum requirement)tech, .offered = true };

		judge(side, results, &other);
		if (other.status == DOCTOR_READY || other.status == DOCTOR_WARNINGS) {
			*c = other;
			return;
		}
		tech = best_of(x->offers, tech - 1);
	}
}

void exam_conclude(const struct exam *x, const struct side *side, const struct result *results,
		   struct conclusion *ret)
{
	struct conclusion c = { .judged = x->required, .offered = true };

	if (x->given && x->required != REQUIRE_ANY)
		judge(side, results, &c);
	else
		judge_offered(x, side, results, x->given, &c);
	for (size_t i = 0; i < side->n_checks; i++)
		c.n[results[i].outcome]++;
	*ret = c;
}
