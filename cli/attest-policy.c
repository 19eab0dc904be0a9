/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cococtl attest policy: a policy that evidence satisfies, and what a policy says. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "attest/policy-draft.h"
#include "attest/policy-explain.h"
#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/attest.h"

/* ---- --from-bundle ---- */

static const char *const kind_words[] = { "identity", "tcb", "all", NULL };
static const char *const release_words[] = { "once", "always", "approve", NULL };

static const struct policy_kind *kind_of(const struct attest_args *a)
{
	return a->type->find_kind ? a->type->find_kind(&a->evidence) : a->type->kinds[0];
}

/* Judge the evidence by @text alone.  Returns 0; or, having told, why there is no verdict. */
static int judge_by(struct attest_args *a, const char *text, struct verdict *v)
{
	char error[POLICY_ERROR_LEN];
	int r;

	policies_init(&a->policies);
	r = policies_parse(&a->policies, text, strlen(text), error);
	if (r < 0) {
		log_error("The policy that was made cannot be read: %s", error);
		return r;
	}
	verdict_reset(v);
	return attest_args_judge(a, v);
}

static void log_failure(const struct verdict *v, const char *what)
{
	const struct verdict_check *c = &v->checks[MAX(v->first_failed, 0)];

	if (v->first_failed < 0 || (unsigned)v->first_failed >= v->n_checks) {
		log_error("%s", what);
		return;
	}
	log_error("%s: %s (%s); expected %s, found %s", what, c->name, c->code,
		  c->expected[0] ? c->expected : "it", c->found[0] ? c->found : "otherwise");
	if (verdict_advice(c->code)[0])
		log_error("%s", verdict_advice(c->code));
}

/* Would it do if a person decided for every line that is withheld?  0, or the exit status. */
static int check_hope(struct attest_args *a, const struct verdict *v, struct policy_draft d,
		      struct verdict *scratch)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	d.permissive = true;
	r = policy_draft_write(v, &d, &text);
	if (r == -ENODATA) {
		log_error("The evidence has nothing that could be pinned");
		return STATUS_MALFORMED;
	}
	if (r < 0 || judge_by(a, text, scratch) < 0)
		return STATUS_UNDECIDED;
	if (attest_status(scratch) == STATUS_GOOD)
		return 0;
	log_failure(scratch, "No policy is written: none could accept this evidence");
	return attest_status(scratch);
}

/* A secret has to go out somehow, and a broker is told how often. */
static void print_release(const char *release)
{
	if (!release)
		return;
	print("\n# For 'coco-broker secret add --policy' alone: how often the secret goes out.\n"
	      "[Release]\nRelease=%s\n",
	      release);
	if (streq(release, "once"))
		print("Per=launch\n");
}

static void print_lines(const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		print("%.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static int log_withheld(int n)
{
	if (n == 0)
		return STATUS_GOOD;
	log_warning("%d thing%s in it %s left to a person: search for 'REFUSED', 'NO SECRET' and "
		    "'NO IDENTITY'",
		    n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
	return STATUS_REFUSED;
}

/* The draft itself must hold too, unless a line that is withheld keeps it from that. */
static int check_draft(struct attest_args *a, const char *text, int n_withheld,
		       struct verdict *scratch)
{
	if (n_withheld > 0)
		return 0;
	if (judge_by(a, text, scratch) < 0)
		return STATUS_UNDECIDED;
	if (attest_status(scratch) != STATUS_GOOD)
		log_failure(scratch, "No policy is written: the evidence does not satisfy what was "
				     "made of it");
	return attest_status(scratch);
}

static int check_authentic(const struct verdict *v, bool unverified)
{
	if (v->authentic)
		return 0;
	if (unverified && v->result == VERDICT_UNDECIDED) {
		log_warning("This evidence was not verified: what is pinned is what somebody sent");
		return 0;
	}
	log_failure(v, "No policy is written: what is not authentic pins what somebody sent");
	if (v->result == VERDICT_UNDECIDED)
		log_error("'cococtl attest fetch --bundle' gets what is missing into a cache for "
			  "--cache; --unverified goes without");
	return attest_status(v) != STATUS_GOOD ? attest_status(v) : STATUS_NOT_AUTHENTIC;
}

static int write_draft(struct attest_args *a, const struct verdict *v, const char *release,
		       const struct policy_draft *d, struct verdict *scratch)
{
	_cleanup_(freep) char *text = NULL;
	int n, r = 0;

	if (v->authentic)
		r = check_hope(a, v, *d, scratch);
	if (r != 0)
		return r;
	n = policy_draft_write(v, d, &text);
	if (n < 0) {
		log_error("The evidence has nothing that could be pinned");
		return n == -ENODATA ? STATUS_MALFORMED : STATUS_UNDECIDED;
	}
	if (v->authentic)
		r = check_draft(a, text, n, scratch);
	if (r != 0)
		return r;
	print_lines(text);
	print_release(release);
	return log_withheld(n);
}

static int from_bundle(const struct args *args)
{
	const struct args_attest *o = &args->attest;
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	_cleanup_(verdict_freep) struct verdict *v = verdict_new(), *scratch = verdict_new();
	char at[TIME_TEXT_MAX];
	struct policy_draft d = { .covers = o->covers };
	int r;

	r = attest_args_read(args, ATTEST_MODE_VERIFY, &a);
	if (r != 0)
		return r;
	if (!v || !scratch || attest_args_judge(&a, v) < 0) {
		(void) log_oom();
		return STATUS_UNDECIDED;
	}
	r = check_authentic(v, o->unverified);
	if (r != 0)
		return r;
	d.type = a.type;
	d.kind = kind_of(&a);
	d.pins = policy_draft_pins(o->pin.given ? kind_words[o->pin.index] : NULL);
	d.as_of = format_time((uint64_t)v->now * 1000000, at);
	return write_draft(&a, v, o->release.given ? release_words[o->release.index] : NULL, &d,
			   scratch);
}

/* ---- --explain ---- */

static int print_line(void *userdata, const struct policy_line *l)
{
	print("line %u: [%.*s] %s=%.*s\n", l->line, (int)l->section_len, l->section, l->name,
	      (int)MIN(l->value_len, (size_t)32), l->value);
	if (l->n_words == 0)
		print("    pins %s%s\n    changes with %s\n",
		      l->of_paravisor ? "for Azure's paravisor, " : "", l->pins, l->changes);
	for (unsigned i = 0; i < l->n_words; i++)
		print("    %s: %s\n", l->words[i]->word, l->words[i]->means);
	if (l->open[0])
		print("    open: %s\n", l->open);
	if (l->permissive)
		print("    MIND: this accepts what is refused without it\n");
	return 0;
}

/* Returns true if secrets would go to what this accepts, and it is known what that is. */
static bool print_summary(const struct policy_summary *s)
{
	static const char *const identities[] = {
		[IDENTITY_NONE] = "names no identity: ANYBODY'S VM passes",
		[IDENTITY_PARTIAL] = "names a part of what runs; strangers may run the rest",
		[IDENTITY_WHOLE] = "names what runs",
	};

	print("Evidence of %s: %s\n", s->kind->name, identities[s->identity]);
	if (s->identity != IDENTITY_WHOLE)
		print("    an identity is %s\n", s->kind->identity);
	if (s->identity == IDENTITY_PARTIAL && s->partial_is_enough)
		print("    MIND: allow=partial-identity opens the gate all the same\n");
	if (s->foreign)
		print("    MIND: nothing is accepted: %s= is about other evidence\n", s->foreign);
	if (s->ended)
		print("    MIND: nothing is accepted: every value of %s= has ended\n", s->ended);
	if (s->firmware)
		print("    MIND: %s\n", s->firmware);
	return s->identity == IDENTITY_WHOLE;
}

/* ---- the same in JSON ---- */

static int line_to_json(void *userdata, const struct policy_line *l)
{
	struct json_object *o = json_object_new_object(), *words = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < l->n_words; i++) {
		struct json_object *word = json_object_new_object();

		r |= json_add_text(word, "word", l->words[i]->word);
		r |= json_add_text(word, "means", l->words[i]->means);
		r |= json_append(words, word);
	}
	r |= json_add_number(o, "line", l->line);
	r |= json_add(o, "section", json_object_new_string_len(l->section, (int)l->section_len));
	r |= json_add_text(o, "name", l->name);
	r |= json_add(o, "value", json_object_new_string_len(l->value, (int)l->value_len));
	r |= json_add_bool(o, "paravisor", l->of_paravisor);
	r |= json_add_text_or_null(o, "pins", l->n_words ? NULL : l->pins);
	r |= json_add_text_or_null(o, "changes_with", l->n_words ? NULL : l->changes);
	r |= json_add_text_or_null(o, "open", l->open);
	r |= json_add_bool(o, "permissive", l->permissive);
	r |= json_add(o, "words", words);
	return json_append(userdata, json_whole(o, r));
}

static struct json_object *summary_to_json(const struct policy_summary *s)
{
	static const char *const identities[] = {
		[IDENTITY_NONE] = "none",
		[IDENTITY_PARTIAL] = "partial",
		[IDENTITY_WHOLE] = "whole",
	};
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= json_add_text(o, "kind", s->kind->sections[1] ?: s->kind->sections[0]);
	r |= json_add_text(o, "identity", identities[s->identity]);
	r |= json_add_bool(o, "partial_is_enough", s->partial_is_enough);
	r |= json_add_text_or_null(o, "about_other_evidence", s->foreign);
	r |= json_add_text_or_null(o, "ended", s->ended);
	r |= json_add_text_or_null(o, "firmware", s->firmware);
	return json_whole(o, r);
}

static int explain_json(const char *path, const char *text, size_t len, const struct policies *ps)
{
	struct json_object *o = json_document("attest-policy"), *lines = json_object_new_array(),
			   *kinds = json_object_new_array();
	struct policy_summary s;
	bool good = true;
	unsigned n = 0;
	int r;

	r = policy_explain(text, len, line_to_json, lines);
	r |= json_add_text(o, "policy", path);
	for (; policy_summarize(ps, n, (int64_t)time(NULL), &s); n++) {
		r |= json_append(kinds, summary_to_json(&s));
		good = good && s.identity == IDENTITY_WHOLE;
	}
	good = good && n > 0;
	r |= json_add_text(o, "result", good ? "good" : "refused");
	r |= json_add(o, "lines", lines);
	r |= json_add(o, "kinds", kinds);
	if (print_json(json_whole(o, r)) != STATUS_GOOD)
		return STATUS_UNDECIDED;
	return good ? STATUS_GOOD : STATUS_REFUSED;
}

/* ---- both ---- */

/* Sections of a broker's policy, which is not for evidence alone. */
static int blank_broker(char *text, size_t len, bool quiet, char error[static POLICY_ERROR_LEN])
{
	static const char *const names[] = { "Release", "sev", NULL };
	struct ini_error problem;
	struct ini_item item;
	struct ini ini;

	if (ini_check(text, len, &problem) < 0) {
		(void) snprintf(error, POLICY_ERROR_LEN, "line %u: %.130s", problem.line,
				problem.text);
		return -EBADMSG;
	}
	ini_init(&ini, text, len);
	while (ini_next(&ini, &item) > 0)
		for (size_t i = 0; !quiet && !item.name && names[i]; i++)
			if (ini_is(item.section, item.section_len, names[i]))
				print("line %u: [%s] is for coco-broker(8)\n", item.line,
				      names[i]);
	ini_blank_sections(text, names);
	return 0;
}

static int explain(const char *path, bool json)
{
	_cleanup_(freep) struct policies *ps = malloc(sizeof(*ps));
	_cleanup_(freep) char *text = NULL;
	char error[POLICY_ERROR_LEN];
	struct policy_summary s;
	bool good = true;
	unsigned n = 0;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, POLICY_FILE_MAX, &text, &len);
	if (r < 0 || !ps) {
		log_error_errno(r < 0 ? r : -ENOMEM, "Failed to read policy file '%s': %m", path);
		return STATUS_USAGE;
	}
	policies_init(ps);
	if (blank_broker(text, len, json, error) < 0 || policies_parse(ps, text, len, error) < 0) {
		log_error("Policy file '%s', %s", path, error);
		return STATUS_USAGE;
	}
	if (json)
		return explain_json(path, text, len, ps);
	if (policy_explain(text, len, print_line, NULL) < 0)
		return STATUS_UNDECIDED;
	for (; policy_summarize(ps, n, (int64_t)time(NULL), &s); n++)
		good = print_summary(&s) && good;
	if (n == 0)
		print("It speaks of no kind of evidence: nothing is accepted by it.\n");
	return good && n > 0 ? STATUS_GOOD : STATUS_REFUSED;
}

/* ---- the verb ---- */

static int run(struct args *args)
{
	if (args->attest.explain)
		return explain(args->attest.explain, args->json);
	return from_bundle(args);
}

/* Only what evidence cannot say. */
static int parse_covers(const char *text, void *ret)
{
	char setting[128], error[POLICY_ERROR_LEN];
	struct policies *ps = malloc(sizeof(*ps));
	int r = -ENOMEM;

	if (ps && snprintf(setting, sizeof(setting), "covers=%s", text) < (int)sizeof(setting)) {
		policies_init(ps);
		r = policies_set(ps, setting, error);
	}
	free(ps);
	if (r < 0)
		return -EINVAL;
	*(const char **)ret = text;
	return 0;
}

#define FROM "from-bundle"

static const struct option_row options[] = {
	{ FROM, "FILE", "write a policy that this evidence satisfies", OPTION_PATH(attest.bundle),
	  .excludes = "explain" },
	{ "kind", "WORD", "pin only 'identity' or 'tcb', or 'all' and not just these",
	  OPTION_CHOICE(attest.pin, kind_words), .needs = FROM },
	{ "covers", "LIST", "the measurement is over these: kernel,initrd,cmdline",
	  OPTION_PARSED(attest.covers, parse_covers,
			"is not of firmware, kernel, initrd, cmdline, with commas"),
	  .needs = FROM },
	{ "release", "WORD", "for a broker: 'once', 'always', 'approve'",
	  OPTION_CHOICE(attest.release, release_words), .needs = FROM },
	{ "unverified", NULL, "also if certificates or collateral are missing",
	  OPTION_FLAG(attest.unverified), .needs = FROM },
	{ "at", "DATE", "judge as of then: 2026-01-31, or 2026-01-31T12:00:00Z",
	  OPTION_PARSED(attest.at, attest_parse_date,
			"is not a date such as 2026-01-31 or 2026-01-31T12:00:00Z"),
	  .needs = FROM },
	{ "trust", "FILE", "root keys instead of the built-in ones", OPTION_PATH(attest.trust),
	  .needs = FROM },
	{ "cache", "DIR", "use what 'fetch' has put there", OPTION_PATH(attest.cache),
	  .needs = FROM },
	{ "explain", "FILE", "explain each line of this policy", OPTION_PATH(attest.explain) },
	{ "json", NULL, "print JSON", OPTION_FLAG(json), .needs = "explain" },
	{ NULL },
};

const struct verb verb_attest_policy = {
	.name = "attest policy",
	.help = "Make a policy that evidence satisfies, or explain one",
	.example = "--from-bundle=vm1.bundle --cache=/var/cache/cocod",
	.options = options,
	.one_of = FROM " explain",
	.one_of_because = "it makes a policy, or explains one",
	.words = { .help = "evidence is named by --" FROM },
	.run = run,
};
