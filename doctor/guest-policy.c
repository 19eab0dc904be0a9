/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cocod is configured to accept. */
#include <stdio.h>

#include "attest/policy.h"
#include "attest/verify.h"
#include "base/ini.h"
#include "doctor/guest.h"

static const char *const folders[] = { "/usr/lib/cocod", "/etc/cocod" };

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

/* Returns false if there is no such file. */
static bool look_at_file(struct exam *x, const char *path, struct requirement_found *f)
{
	_cleanup_(freep) char *text = NULL;
	enum got got = provider_text(x->p, path, &text);

	if (got == GOT_IT)
		read_requirement(text, path, f);
	else if (got != GOT_ABSENT)
		snprintf(f->problem, sizeof(f->problem), "%.180s %s", path, got_words(got));
	return got != GOT_ABSENT;
}

static void look_at_drop_ins(struct exam *x, const char *folder, struct requirement_found *f)
{
	struct tree_names names = { 0 };
	char path[PROVIDER_LINE_MAX];

	snprintf(path, sizeof(path), "%s/cocod.conf.d", folder);
	if (provider_list(x->p, path, &names) != GOT_IT)
		return;
	for (size_t i = 0; i < names.n; i++) {
		size_t len = strlen(names.names[i]);

		if (len > 5 && streq(names.names[i] + len - 5, ".conf") &&
		    snprintf(path, sizeof(path), "%s/cocod.conf.d/%s", folder, names.names[i]) <
			    (int)sizeof(path))
			(void) look_at_file(x, path, f);
	}
	tree_names_done(&names);
}

/* The file in /etc replaces the vendor's; drop-ins come behind it. */
static void find_requirement(struct exam *x, struct requirement_found *f)
{
	if (!look_at_file(x, "/etc/cocod/cocod.conf", f))
		(void) look_at_file(x, "/usr/lib/cocod/cocod.conf", f);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		look_at_drop_ins(x, folders[i], f);
}

void guest_gate(struct exam *x, struct result *r)
{
	struct requirement_found f = { 0 };

	find_requirement(x, &f);
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

static void no_policy(struct result *r)
{
	result_saw(r, "/etc/cocod/attest.conf", "%s", got_words(GOT_ABSENT));
	result_set(r, OUTCOME_FAIL, "There is no policy: no evidence is accepted without one");
	result_fix(r, FIX_CONFIG,
		   "Begin with an example from the documentation's folder examples; cocod.conf(5)");
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
	char path[64];
	enum got got = GOT_ABSENT;

	if (!v) {
		result_set(r, OUTCOME_NA, "A VM of this kind has no evidence that a policy judges");
		return;
	}
	for (size_t i = ARRAY_SIZE(folders); got == GOT_ABSENT && i > 0; i--) {
		snprintf(path, sizeof(path), "%s/attest.conf", folders[i - 1]);
		got = provider_text(x->p, path, &text);
	}
	if (got == GOT_ABSENT)
		no_policy(r);
	else if (got != GOT_IT)
		result_unknown(r, path, got);
	else
		parse_policy(text, path, v, section, r);
}
