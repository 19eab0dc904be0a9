/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/parse.h"
#include "cli/attest.h"

int attest_status(const struct verdict *v)
{
	static const int statuses[_VERDICT_MAX] = {
		[VERDICT_ACCEPTED] = 0, [VERDICT_NOT_AUTHENTIC] = 1, [VERDICT_MALFORMED] = 2, [VERDICT_UNDECIDED] = 3, [VERDICT_REFUSED] = 4,
	};

	return statuses[v->result];
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

	for (unsigned i = 0; i < v->n_claims; i++)
		json_object_object_add(o, v->claims[i].name, claim_to_json(&v->claims[i]));
	return o;
}

static const char *check_result_name(enum check_result result)
{
	static const char *const names[] = { [CHECK_PASSED] = "passed", [CHECK_FAILED] = "failed", [CHECK_SKIPPED] = "skipped" };

	return names[result];
}

static struct json_object *checks_to_json(const struct verdict *v)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < v->n_checks; i++) {
		const struct verdict_check *c = &v->checks[i];
		struct json_object *o = json_object_new_object();

		json_add(o, "name", c->name);
		json_add(o, "result", check_result_name(c->result));
		if (c->result == CHECK_FAILED) {
			json_add(o, "code", c->code);
			json_add(o, "expected", c->expected);
		}
		json_add(o, "found", c->found);
		json_object_array_add(list, o);
	}
	return list;
}

static void print_verdict_json(const struct attest_args *a, const struct verdict *v)
{
	struct json_object *o = json_object_new_object(), *trust = json_object_new_object();
	char at[TIME_LEN];

	json_add(o, "verdict", verdict_result_name(v->result));
	json_add(o, "code", v->code);
	json_object_object_add(o, "status", json_object_new_int(attest_status(v)));
	json_object_object_add(o, "authentic", json_object_new_boolean(v->authentic));
	json_object_object_add(o, "tcb_status", v->tcb_status ? json_object_new_string(tcb_status_name(v->tcb_status)) : NULL);
	json_add(o, "type", a->type->name);
	json_add(o, "at", format_time((uint64_t)v->now * 1000000, at, sizeof(at)));
	json_object_object_add(trust, "replaced", json_object_new_boolean(v->trust_replaced));
	json_add(trust, "source", v->trust);
	json_object_object_add(o, "trust", trust);
	json_object_object_add(o, "policy", a->policy_file ? json_object_new_string(a->policy_file) : NULL);
	json_object_object_add(o, "checks", checks_to_json(v));
	json_object_object_add(o, "claims", claims_to_json(v));
	json_object_object_add(o, "truncated", json_object_new_boolean(v->truncated));
	print_json(o);
}

/* ---- for people ---- */

static void print_line(const char *label, const char *text)
{
	if (text[0])
		printf("%10s: %s\n", label, text);
}

static void print_failure(const struct verdict *v)
{
	const struct verdict_check *c;

	if (v->first_failed < 0 || (unsigned)v->first_failed >= v->n_checks)
		return;
	c = &v->checks[v->first_failed];
	printf("%10s: %s (%s)\n", "Failed", c->name, c->code);
	print_line("Expected", c->expected);
	print_line("Found", c->found);
	print_line("To do", verdict_advice(c->code));
}

static void print_check(const struct verdict_check *c)
{
	static const char *const marks[] = { [CHECK_PASSED] = "ok", [CHECK_FAILED] = "FAILED", [CHECK_SKIPPED] = "-" };

	printf("  %-6s  %s%s%s%s%s\n", marks[c->result], c->name, c->found[0] ? ": " : "", c->found, c->expected[0] ? "; expected " : "",
	       c->expected);
}

static void print_claims(const struct verdict *v)
{
	int width = 0;

	for (unsigned i = 0; i < v->n_claims; i++)
		width = MAX(width, (int)strlen(v->claims[i].name));
	for (unsigned i = 0; i < v->n_claims; i++)
		printf("  %-*s  %s\n", width, v->claims[i].name, v->claims[i].value);
}

static void print_verdict_text(const struct attest_args *a, const struct verdict *v)
{
	static const char *const words[_VERDICT_MAX] = {
		[VERDICT_UNDECIDED] = "CANNOT BE DECIDED: something is missing or stale; do not rely on this evidence",
		[VERDICT_ACCEPTED] = "ACCEPTED: authentic, and as the policy wants it",
		[VERDICT_NOT_AUTHENTIC] = "NOT AUTHENTIC: do not trust this evidence",
		[VERDICT_MALFORMED] = "MALFORMED: this is no such evidence, or it was damaged",
		[VERDICT_REFUSED] = "REFUSED: authentic, but not as the policy wants it",
	};
	char at[TIME_LEN];

	puts(words[v->result]);
	print_failure(v);
	print_line("Evidence", a->type->what);
	print_line("As of", format_time((uint64_t)v->now * 1000000, at, sizeof(at)));
	print_line("TCB", tcb_status_name(v->tcb_status));
	printf("%10s: %s%s\n", "Roots", v->trust_replaced ? "WARNING, not the built-in ones: trust file " : "", v->trust);
	print_line("Policy", a->policy_file ? a->policy_file : "");
	puts("\nChecks, in the order in which they were made:");
	for (unsigned i = 0; i < v->n_checks; i++)
		print_check(&v->checks[i]);
	if (v->n_claims > 0)
		puts(v->authentic ? "\nWhat it says:" : "\nWhat it says, which nobody vouches for:");
	print_claims(v);
	if (v->truncated)
		puts("\nThere was more than is shown.");
}

void attest_print_verdict(const struct cli *cli, const struct attest_args *a, const struct verdict *v)
{
	if (cli->json)
		print_verdict_json(a, v);
	else
		print_verdict_text(a, v);
}

void attest_print_claims(const struct cli *cli, const struct verdict *v)
{
	struct json_object *o;

	if (!cli->json) {
		puts("What it says, unverified ('cococtl attest verify' judges):");
		print_claims(v);
		for (unsigned i = 0; i < v->n_checks; i++)
			print_check(&v->checks[i]);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "claims", claims_to_json(v));
	json_object_object_add(o, "checks", checks_to_json(v));
	json_object_object_add(o, "truncated", json_object_new_boolean(v->truncated));
	print_json(o);
}
