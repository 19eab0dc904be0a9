/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/attest.h"

int attest_status(const struct verdict *v)
{
	static const int statuses[_VERDICT_MAX] = {
		[VERDICT_ACCEPTED] = STATUS_GOOD,
		[VERDICT_AUTHENTIC] = STATUS_GOOD,
		[VERDICT_CONSISTENT] = STATUS_GOOD,
		[VERDICT_NOT_AUTHENTIC] = STATUS_NOT_AUTHENTIC,
		[VERDICT_MALFORMED] = STATUS_MALFORMED,
		[VERDICT_UNDECIDED] = STATUS_UNDECIDED,
		[VERDICT_REFUSED] = STATUS_REFUSED,
	};

	return statuses[v->result];
}

/*
 * Remarks on what the policy did not ask for.  Evidence from another machine, from last year, or of
 * other software is authentic all the same, so people have to know what was not checked.
 */
struct remarks {
	const char *list[8];
	unsigned n;
};

static void remark(struct remarks *r, bool due, const char *text)
{
	if (due && r->n < ARRAY_SIZE(r->list))
		r->list[r->n++] = text;
}

static void remark_identity(struct remarks *r, struct verdict *v)
{
	const struct policy *p = v->policy;
	const char *advice = p->kind->identity;

	remark(r, v->identity == IDENTITY_NONE,
	       verdict_text(v,
			    "The policy names no identity: any VM of this kind would pass, %s is "
			    "proven (%s)",
			    p->kind->proven, advice));
	remark(r, v->identity == IDENTITY_PARTIAL,
	       verdict_text(v,
			    "The policy does not say that what it names covers kernel, initrd and "
			    "command line: others may run there (%s); "
			    "cocod's gate stays closed by it, but for allow=partial-identity",
			    advice));
	remark(r, v->identity == IDENTITY_NONE && (p->host_data.n > 0 || p->mrconfigid.n > 0),
	       "HOST_DATA and MRCONFIGID are what the host says: any VM can have them, they are no "
	       "identity");
	remark(r, v->identity == IDENTITY_NONE && p->ak_n_sha256.n > 0,
	       "ak_n_sha256 is of one VM, whatever it boots: by itself it is no identity");
}

static struct remarks find_remarks(const struct attest_args *a, struct verdict *v)
{
	const struct policy_kind *kind = v->policy ? v->policy->kind : NULL;
	struct remarks r = { .n = 0 };
	const char *firmware;

	if (!kind)
		return r;
	if (a->type->is_part) {
		remark(&r, true,
		       "This is a part of evidence, and no hardware vouches for it: anybody can "
		       "make one that fits together");
		return r;
	}
	remark_identity(&r, v);
	remark(&r, !policy_asks(v->policy, "nonce") && !policy_asks(v->policy, kind->nonce),
	       kind->stale);
	firmware = kind->firmware_remark ? kind->firmware_remark(v->policy) : NULL;
	remark(&r, firmware != NULL, firmware);
	return r;
}

/* ---- JSON ---- */

static struct json_object *claim_to_json(const struct verdict_claim *c)
{
	uint64_t n;

	if (c->kind == CLAIM_BOOL)
		return json_object_new_boolean(streq(c->value, "true"));
	if (c->kind == CLAIM_NUMBER && parse_u64(c->value, &n) == 0 && n <= INT64_MAX)
		return json_object_new_int64((int64_t)n);
	return json_object_new_string(c->value);
}

static struct json_object *claims_to_json(const struct verdict *v)
{
	struct json_object *o = json_object_new_object();

	int r = 0;

	for (unsigned i = 0; i < v->n_claims; i++)
		r |= json_add(o, v->claims[i].name, claim_to_json(&v->claims[i]));
	return json_whole(o, r);
}

static const char *check_result_name(enum check_result result)
{
	static const char *const names[] = {
		[CHECK_PASSED] = "passed", [CHECK_FAILED] = "failed", [CHECK_SKIPPED] = "skipped"
	};

	return names[result];
}

static struct json_object *checks_to_json(const struct verdict *v)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < v->n_checks; i++) {
		const struct verdict_check *c = &v->checks[i];
		struct json_object *o = json_object_new_object();

		r |= json_add_text(o, "name", c->name);
		r |= json_add_text(o, "result", check_result_name(c->result));
		if (c->result == CHECK_FAILED) {
			r |= json_add_text(o, "code", c->code);
			r |= json_add_text(o, "expected", c->expected);
		}
		r |= json_add_text(o, "found", c->found);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static struct json_object *remarks_to_json(const struct attest_args *a, struct verdict *v)
{
	struct json_object *list = json_object_new_array();
	struct remarks remarks = find_remarks(a, v);
	int r = 0;

	for (unsigned i = 0; i < remarks.n; i++)
		r |= json_append_text(list, remarks.list[i]);
	return json_whole(list, r);
}

static struct json_object *lacks_to_json(const struct verdict_shortfall *s)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < s->n; i++) {
		struct json_object *lack = json_object_new_object();

		r |= json_add_text(lack, "component", s->list[i].what);
		r |= json_add_number(lack, "has", s->list[i].has);
		r |= json_add_number(lack, "needs", s->list[i].needs);
		r |= json_add_text(lack, "about", s->list[i].about);
		r |= json_append(list, lack);
	}
	return json_whole(list, r);
}

static int add_shortfall(struct json_object *doc, const struct verdict_shortfall *s)
{
	struct json_object *o, *level;
	int r = 0;

	if (!s->is_known)
		return json_add_null(doc, "shortfall");
	o = json_object_new_object();
	if (s->status[0]) {
		level = json_object_new_object();
		r |= json_add_text(level, "tcb_status", s->status);
		r |= json_add_text(level, "date", s->date);
		r |= json_add(o, "level", level);
	} else {
		r |= json_add_null(o, "level");
	}
	r |= json_add_bool(o, "module_alone", s->module_alone);
	r |= json_add(o, "components", lacks_to_json(s));
	return r | json_add(doc, "shortfall", o);
}

static int print_verdict_json(const struct attest_args *a, struct verdict *v)
{
	struct json_object *o = json_document("attest-verify"), *trust = json_object_new_object();
	enum verdict_identity identity = attest_status(v) == 0 ? v->identity : IDENTITY_NONE;
	char time[TIME_TEXT_MAX];
	int r = 0;

	r |= json_add_text(o, "result", verdict_result_name(v->result));
	r |= json_add_text(o, "code", v->code);
	r |= json_add_number(o, "exit_status", attest_status(v));
	r |= json_add_bool(o, "authentic", v->authentic);
	/* Evidence that was refused proves no identity. */
	r |= json_add_bool(o, "identity", identity == IDENTITY_WHOLE);
	r |= json_add_bool(o, "partial_identity", identity == IDENTITY_PARTIAL);
	r |= json_add_text_or_null(o, "tcb_status",
				   v->tcb_status ? tcb_status_name(v->tcb_status) : NULL);
	r |= add_shortfall(o, &v->shortfall);
	r |= json_add_text(o, "type", a->type->name);
	r |= json_add_text(o, "time", format_time((uint64_t)v->now * 1000000, time));
	r |= json_add_bool(trust, "replaced", v->trust_replaced);
	r |= json_add_text(trust, "source", v->trust);
	r |= json_add(o, "trust", trust);
	r |= json_add_text_or_null(o, "policy", a->o->policy);
	r |= json_add(o, "remarks", remarks_to_json(a, v));
	r |= json_add(o, "checks", checks_to_json(v));
	r |= json_add(o, "claims", claims_to_json(v));
	r |= json_add_bool(o, "truncated", v->truncated);
	return print_json(json_whole(o, r));
}

/* ---- for people ---- */

static void print_line(const char *label, const char *text)
{
	if (text[0])
		print("%10s%c %s\n", label, label[0] ? ':' : ' ', text);
}

static void print_failure(const struct verdict *v)
{
	const struct verdict_check *c;

	if (v->first_failed < 0 || (unsigned)v->first_failed >= v->n_checks)
		return;
	c = &v->checks[v->first_failed];
	print("%10s: %s (%s)\n", "Failed", c->name, c->code);
	print_line("Expected", c->expected);
	print_line("Found", c->found);
	print_line("To do", verdict_advice(c->code));
}

/* What the platform's owner would have to update. */
static void print_shortfall(const struct verdict_shortfall *s)
{
	if (!s->is_known)
		return;
	if (!s->status[0]) {
		print_line("Lacking", "no level that Intel has published for this platform has a "
				      "status that the policy accepts");
		return;
	}
	if (s->n == 0)
		print_line("Lacking", "nothing is below that level; the levels that it is at ask "
				      "for something else, as the status says");
	for (unsigned i = 0; i < s->n; i++)
		print("%10s%c %s has %u, needs %u%s%s%s\n", i == 0 ? "Lacking" : "",
		      i == 0 ? ':' : ' ', s->list[i].what, s->list[i].has, s->list[i].needs,
		      s->list[i].about[0] ? " (" : "", s->list[i].about,
		      s->list[i].about[0] ? ")" : "");
	print("%10s: that of %s, %s, the newest that the policy accepts\n", "Level", s->date,
	      s->status);
	if (s->module_alone)
		print_line("", "a TD that is started under such a module is accepted; nothing else "
			       "is lacking");
}

static void print_check(const struct verdict_check *c)
{
	static const char *const marks[] = {
		[CHECK_PASSED] = "ok", [CHECK_FAILED] = "FAILED", [CHECK_SKIPPED] = "-"
	};
	static const enum text_colour colours[] = {
		[CHECK_PASSED] = TEXT_GREEN, [CHECK_FAILED] = TEXT_RED, [CHECK_SKIPPED] = TEXT_FAINT
	};

	(void) print("  ");
	print_coloured(colours[c->result], marks[c->result]);
	print("%*s%s%s%s%s%s\n", 8 - (int)strlen(marks[c->result]), "", c->name,
	      c->found[0] ? ": " : "", c->found,
	      c->expected[0] ? "; expected " : "", c->expected);
}

static bool not_asked_for(const struct verdict_check *c)
{
	return c->result == CHECK_SKIPPED && streq(c->found, "not asked for");
}

/* Most options of a policy are not set; they do not get a line each. */
static void print_not_asked_for(const struct verdict *v)
{
	static const char first[] = "  -       not asked for:";
	size_t column = 0;

	for (unsigned i = 0; i < v->n_checks; i++) {
		size_t len = strlen(v->checks[i].name) + 2;

		if (!not_asked_for(&v->checks[i]))
			continue;
		if (column == 0)
			column = (size_t)print("%s", first);
		else if (column + len > 100)
			column = (size_t)print(",\n         ") - 2;
		else
			column += (size_t)print(",");
		column += (size_t)print(" %s", v->checks[i].name);
	}
	if (column > 0)
		puts("");
}

static void print_checks(const struct verdict *v)
{
	for (unsigned i = 0; i < v->n_checks; i++)
		if (!not_asked_for(&v->checks[i]))
			print_check(&v->checks[i]);
	print_not_asked_for(v);
}

static void print_remarks(const struct attest_args *a, struct verdict *v)
{
	struct remarks r = find_remarks(a, v);

	for (unsigned i = 0; i < r.n; i++)
		print_line(i == 0 ? "Mind" : "", r.list[i]);
}

static void print_claims(const struct verdict *v)
{
	int width = 0;

	for (unsigned i = 0; i < v->n_claims; i++)
		width = MAX(width, (int)strlen(v->claims[i].name));
	for (unsigned i = 0; i < v->n_claims; i++)
		print("  %-*s  %s\n", width, v->claims[i].name, v->claims[i].value);
}

/* The sentence on a verdict, with what is before its colon in colour. */
static void print_word(enum verdict_result result, const char *sentence)
{
	bool good = result == VERDICT_ACCEPTED || result == VERDICT_AUTHENTIC;
	size_t len = strcspn(sentence, ":");
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)len, sentence);
	print_coloured(good				  ? TEXT_GREEN :
		       result == VERDICT_CONSISTENT ||
				       result == VERDICT_UNDECIDED ? TEXT_YELLOW :
								     TEXT_RED,
		       word);
	print("%s\n", sentence + strlen(word));
}

static void print_verdict_text(const struct attest_args *a, struct verdict *v)
{
	static const char *const words[_VERDICT_MAX] = {
		[VERDICT_UNDECIDED] = "CANNOT BE DECIDED: something is missing or stale; do not "
				      "rely on this evidence",
		[VERDICT_ACCEPTED] = "ACCEPTED: authentic, and what the policy says it is to be",
		[VERDICT_AUTHENTIC] = "AUTHENTIC: hardware vouches for it; what runs there was not "
				      "asked",
		[VERDICT_CONSISTENT] = "CONSISTENT: it fits together; no hardware vouches for it",
		[VERDICT_NOT_AUTHENTIC] = "NOT AUTHENTIC: do not trust this evidence",
		[VERDICT_MALFORMED] = "MALFORMED: this is no such evidence, or it was damaged",
		[VERDICT_REFUSED] = "REFUSED: authentic, but not as the policy wants it",
	};
	char at[TIME_TEXT_MAX];

	print_word(v->result, v->result == VERDICT_REFUSED && a->type->is_part ?
				      "REFUSED: not as the policy wants it" :
				      words[v->result]);
	print_failure(v);
	print_line("Evidence", a->type->what);
	print_line("As of", format_time((uint64_t)v->now * 1000000, at));
	print_line("TCB", tcb_status_name(v->tcb_status));
	print_shortfall(&v->shortfall);
	print("%10s: %s%s\n", "Roots",
	       v->trust_replaced ? "WARNING, not the built-in ones: trust file " : "", v->trust);
	print_line("Policy", a->o->policy ? a->o->policy : "");
	if (attest_status(v) == 0)
		print_remarks(a, v);
	puts("\nChecks, in the order in which they were made:");
	print_checks(v);
	if (v->n_claims > 0)
		print("\nWhat it says%s:\n", v->authentic ? "" : ", which nobody vouches for");
	print_claims(v);
	if (v->truncated)
		puts("\nThere was more than is shown.");
}

/* Whatever the verdict is, who asked for it as JSON has not got it: print_json() failed. */
static int printed(int status)
{
	return status == STATUS_GOOD ? STATUS_GOOD : STATUS_UNDECIDED;
}

int attest_print_verdict(const struct args *args, const struct attest_args *a, struct verdict *v)
{
	if (args->json)
		return printed(print_verdict_json(a, v));
	print_verdict_text(a, v);
	return STATUS_GOOD;
}

static int print_claims_json(const struct verdict *v)
{
	struct json_object *o = json_document("attest-show");
	int r = 0;

	r |= json_add(o, "claims", claims_to_json(v));
	r |= json_add(o, "checks", checks_to_json(v));
	r |= json_add_bool(o, "truncated", v->truncated);
	return print_json(json_whole(o, r));
}

int attest_print_claims(const struct args *args, const struct verdict *v)
{
	if (args->json)
		return printed(print_claims_json(v));
	puts("What it says, unverified ('cococtl attest verify' judges):");
	print_claims(v);
	for (unsigned i = 0; i < v->n_checks; i++)
		print_check(&v->checks[i]);
	return STATUS_GOOD;
}
