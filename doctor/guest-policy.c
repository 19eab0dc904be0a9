/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cocod is configured to accept. */
#include <stdio.h>

#include "attest/policy.h"
#include "attest/verify.h"
#include "base/ini.h"
#include "doctor/guest.h"

/* A file in an earlier place hides one of the same name in a later place. */
static const char *const places[] = { "/etc/cocod", "/run/cocod", "/usr/lib/cocod" };

/*
 * The file @name that counts, with its path in @ret_path.  An empty one, or a link to /dev/null,
 * hides the name: then the text is "".
 */
static enum got read_config(struct exam *x, const char *name, char ret_path[PROVIDER_LINE_MAX],
			    char **ret)
{
	char target[PROVIDER_LINE_MAX];
	enum got got;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(ret_path, PROVIDER_LINE_MAX, "%s/%.200s", places[i], name);
		if (provider_link(x->p, ret_path, target) == GOT_IT && streq(target, "null")) {
			*ret = strdup("");
			return *ret ? GOT_IT : GOT_UNREADABLE;
		}
		got = provider_text(x->p, ret_path, ret);
		if (got != GOT_ABSENT)
			return got;
	}
	return GOT_ABSENT;
}

static bool is_drop_in(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && streq(name + len - 5, ".conf");
}

/* Call @each with the name of each drop-in of @folder, such as "cocod.conf.d", in their order. */
static void each_drop_in(struct exam *x, const char *folder,
			 void (*each)(struct exam *x, const char *name, void *ctx), void *ctx)
{
	struct tree_names lists[ARRAY_SIZE(places)] = { 0 };
	size_t at[ARRAY_SIZE(places)] = { 0 };
	char path[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], folder);
		(void) provider_list(x->p, path, &lists[i]);
	}
	for (;;) {
		const char *next = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			if (at[i] < lists[i].n &&
			    (!next || strcmp(lists[i].names[at[i]], next) < 0))
				next = lists[i].names[at[i]];
		if (!next)
			break;
		if (is_drop_in(next)) {
			snprintf(path, sizeof(path), "%s/%.200s", folder, next);
			each(x, path, ctx);
		}
		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			at[i] += at[i] < lists[i].n && streq(lists[i].names[at[i]], next);
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		tree_names_done(&lists[i]);
}

/* ---- cocod.conf ---- */

struct requirement_found {
	char value[64], path[PROVIDER_LINE_MAX];	/* of the last Require=; "" */
	char problem[PROVIDER_LINE_MAX];		/* a file that cannot be read; "" */
};

static void read_requirement(const char *text, const char *path, struct requirement_found *f)
{
	struct ini_error error;
	struct ini_item item;
	struct ini ini;

	if (ini_check(text, strlen(text), &error) < 0) {
		snprintf(f->problem, sizeof(f->problem), "%.100s:%u: %.120s", path, error.line,
			 error.text);
		return;
	}
	ini_init(&ini, text, strlen(text));
	while (ini_next(&ini, &item) > 0) {
		if (!item.name || !ini_is(item.section, item.section_len, "Cocod") ||
		    !ini_is(item.name, item.name_len, "Require"))
			continue;
		snprintf(f->value, sizeof(f->value), "%.*s", (int)MIN(item.value_len, 63u),
			 item.value);
		snprintf(f->path, sizeof(f->path), "%s", path);
	}
}

static void look_at_file(struct exam *x, const char *name, void *ctx)
{
	_cleanup_(freep) char *text = NULL;
	struct requirement_found *f = ctx;
	char path[PROVIDER_LINE_MAX];
	enum got got = read_config(x, name, path, &text);

	if (got == GOT_IT)
		read_requirement(text, path, f);
	else if (got != GOT_ABSENT)
		snprintf(f->problem, sizeof(f->problem), "%.180s %s", path, got_words(got));
}

void guest_gate(struct exam *x, struct result *r)
{
	struct requirement_found f = { 0 };

	look_at_file(x, "cocod.conf", &f);
	each_drop_in(x, "cocod.conf.d", look_at_file, &f);
	if (f.problem[0]) {
		result_saw(r, "cocod.conf", "%s", f.problem);
		result_set(r, OUTCOME_UNKNOWN, "The configuration cannot be read: %s", f.problem);
		result_fix(r, FIX_CONFIG, "'cocod --check-config' names all that is wrong");
		return;
	}
	if (f.value[0])
		result_saw(r, f.path, "Require=%s", f.value);
	if (streq(f.value, "none")) {
		result_set(r, OUTCOME_FAIL,
			   "Require=none: secrets are released on any machine, whatever its "
			   "evidence "
			   "says");
		result_fix(r, FIX_CONFIG, "Remove Require=none from %s", f.path);
	} else if (streq(f.value, "evidence") && x->offers & FOR_SEV_ONLY) {
		result_set(r, OUTCOME_FAIL,
			   "Require=evidence, and a VM of SEV or SEV-ES has no evidence: nothing "
			   "is "
			   "ever released");
		result_fix(r, FIX_CONFIG, "Require=attested in %s", f.path);
	} else {
		result_set(r, OUTCOME_PASS, "Secrets are released only if %s holds",
			   f.value[0] ? f.value : "what is required by default");
	}
}

/* ---- attest.conf ---- */

/* The verifier of this VM's evidence, and the kind of policy that is for it; NULL for SEV. */
static const struct attest_verifier *verifier_of(struct exam *x, const char **ret_section)
{
	bool azure = guest_has_paravisor(x);
	bool snp = x->offers & FOR(REQUIRE_SNP);

	if (!snp && !(x->offers & FOR(REQUIRE_TDX)))
		return NULL;
	*ret_section = azure ? (snp ? "azure-snp" : "azure-tdx") : snp ? "snp" : "tdx";
	return attest_verifier_find(azure ? "azure" : snp ? "snp" : "tdx");
}

static const struct policy *policy_of(const struct policies *ps, const char *section)
{
	for (size_t i = 0; policy_kinds[i]; i++)
		for (size_t k = 0; k < ARRAY_SIZE(policy_kinds[i]->sections); k++)
			if (policy_kinds[i]->sections[k] &&
			    streq(policy_kinds[i]->sections[k], section))
				return policies_find(ps, policy_kinds[i]);
	return NULL;
}

static void judge_policy(const struct policy *p, const struct attest_verifier *v, struct result *r)
{
	const char *foreign = policy_foreign_option(p);
	enum verdict_identity identity = policy_identity_asked(p, v->identities);

	if (foreign) {
		result_set(r, OUTCOME_FAIL,
			   "The policy has '%s', which evidence of this VM cannot answer: all of "
			   "it is "
			   "refused", foreign);
		result_fix(r, FIX_CONFIG, "Remove it, or put it into the section of its own kind");
	} else if (identity == IDENTITY_NONE) {
		result_set(r, OUTCOME_FAIL,
			   "The policy names no identity: by itself it would accept any VM of this "
			   "kind, and so the gate stays closed");
		result_fix(r, FIX_CONFIG, "Name one of: %s", p->kind->identity);
	} else if (identity == IDENTITY_PARTIAL && !(p->allow & ALLOW_PARTIAL_IDENTITY)) {
		result_set(r, OUTCOME_FAIL,
			   "The identity in the policy does not cover the kernel, the initrd and "
			   "the "
			   "command line, and so the gate stays closed");
		result_fix(r, FIX_CONFIG, "Name one of: %s; or allow=partial-identity",
			   p->kind->identity);
	} else if (p->allow & ALLOW_DEBUG) {
		result_set(r, OUTCOME_WARN,
			   "The policy has allow=debug: a VM whose memory its host may read is "
			   "accepted");
		result_fix(r, FIX_CONFIG, "Remove it when you are done with debugging");
	} else {
		result_set(r, OUTCOME_PASS, "The policy names an identity");
	}
}

/* Not read, so that a record does not have it: only whether it is there counts. */
static void note_one(struct exam *x, const char *name, void *ctx)
{
	char path[PROVIDER_LINE_MAX], target[PROVIDER_LINE_MAX];
	bool *there = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%.200s", places[i], name);
		if (provider_link(x->p, path, target) == GOT_IT && streq(target, "null"))
			return;
		*there |= provider_look(x->p, path) != GOT_ABSENT;
	}
}

/* What comes from a broker, the broker judges. */
static void no_policy(struct exam *x, struct result *r)
{
	bool broker = false;

	note_one(x, "broker.conf", &broker);
	each_drop_in(x, "broker.conf.d", note_one, &broker);
	if (broker) {
		result_set(r, OUTCOME_NA,
			   "There is no policy for injected secrets; the broker in broker.conf "
			   "judges "
			   "this VM by its own");
		return;
	}
	result_saw(r, "/etc/cocod/attest.conf", "%s", got_words(GOT_ABSENT));
	result_saw(r, "/etc/cocod/broker.conf", "%s", got_words(GOT_ABSENT));
	result_set(r, OUTCOME_FAIL,
		   "There is no broker to ask, and no policy by which injected secrets would be "
		   "released");
	result_fix(r, FIX_CONFIG, "Name the broker in /etc/cocod/broker.conf; see broker.conf(5)");
	result_fix(r, FIX_CONFIG, "Or write /etc/cocod/attest.conf, beginning with an example; see "
		   "cocod.conf(5)");
}

static void parse_policy(const char *text, const char *path, const struct attest_verifier *v,
			 const char *section, struct result *r)
{
	_cleanup_(freep) struct policies *ps = calloc(1, sizeof(*ps));
	char error[POLICY_ERROR_LEN];
	const struct policy *p;

	if (!ps) {
		result_unknown(r, path, GOT_UNREADABLE);
		return;
	}
	policies_init(ps);
	if (policies_parse(ps, text, strlen(text), error) < 0) {
		result_saw(r, path, "%s", error);
		result_set(r, OUTCOME_FAIL, "The policy is wrong, and accepts nothing: %s", error);
		result_fix(r, FIX_CONFIG, "'cocod --check-config' names what is wrong");
		return;
	}
	p = policy_of(ps, section);
	if (p)
		judge_policy(p, v, r);
}

void guest_policy(struct exam *x, struct result *r)
{
	_cleanup_(freep) char *text = NULL;
	const char *section;
	const struct attest_verifier *v = verifier_of(x, &section);
	char path[PROVIDER_LINE_MAX];
	enum got got;

	if (!v) {
		result_set(r, OUTCOME_NA, "A VM of this kind has no evidence that a policy judges");
		return;
	}
	got = read_config(x, "attest.conf", path, &text);
	if (got == GOT_IT && !text[0])
		got = GOT_ABSENT;
	if (got == GOT_ABSENT)
		no_policy(x, r);
	else if (got != GOT_IT)
		result_unknown(r, path, got);
	else
		parse_policy(text, path, v, section, r);
}
