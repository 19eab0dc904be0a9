/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/sev-rules.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "attest/policy-options.h"
#include "base/parse.h"
#include "sev/sev-policy.h"

#define FLAGS (~(uint32_t)SEV_POLICY_RESERVED & 0xffff)

/* ---- the section ---- */

static int take_digests(struct sev_rules *s, char *text)
{
	return policy_values_parse(text, SHA256_LEN, &s->digests);
}

static int take_covers(struct sev_rules *s, char *text)
{
	char error[POLICY_ERROR_LEN];
	struct policy_option o;
	union policy_value value;

	/* Here it must say something. */
	if (!*text || policy_option_read("covers", text, strlen(text), &o, &value, error) < 0)
		return -EINVAL;
	s->covers = value.bits;
	return 0;
}

static int take_policy_require(struct sev_rules *s, char *text)
{
	int r = sev_policy_parse(text, &s->policy_require);

	/* What firmware the policy asks for is no bit that is set or not: min_api= is for that. */
	return r < 0 || s->policy_require & ~FLAGS ? -EINVAL : 0;
}

static int take_min_api(struct sev_rules *s, char *text)
{
	return sev_api_parse(text, &s->min_api_major, &s->min_api_minor) < 0 ? -EINVAL : 0;
}

static int take_min_build(struct sev_rules *s, char *text)
{
	uint32_t n;

	if (parse_u32(text, &n) < 0 || n > UINT8_MAX)
		return -EINVAL;
	s->min_build = (uint8_t)n;
	return 0;
}

static int take_allow(struct sev_rules *s, char *text)
{
	s->allow_partial = streq(text, "partial-identity");
	return s->allow_partial ? 0 : -EINVAL;
}

static const struct {
	const char *name, *value;
	int (*take)(struct sev_rules *s, char *text);
} options[] = {
	{ "launch_digest", "HEX, 32 bytes, each perhaps with until=DATE, with commas",
	  take_digests },
	{ "covers", "'firmware', 'kernel', 'initrd', 'cmdline', with commas", take_covers },
	{ "policy_require", "'noks', 'es', 'nosend', 'domain', 'sev', with commas",
	  take_policy_require },
	{ "min_api", "MAJOR.MINOR", take_min_api },
	{ "min_build", "a number to 255", take_min_build },
	{ "allow", "'partial-identity'", take_allow },
};

int sev_rules_take(struct sev_rules *s, const struct ini_item *item, const char **ret_value)
{
	char text[INI_LINE_MAX + 1];

	memcpy(text, item->value, item->value_len);
	text[item->value_len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (ini_is(item->name, item->name_len, options[i].name)) {
			*ret_value = options[i].value;
			return options[i].take(s, text);
		}
	return -ENOENT;
}

void sev_rules_nearest(struct nearest *nearest)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		nearest_try(nearest, options[i].name);
}

bool sev_rules_are_whole(const struct sev_rules *s)
{
	return (s->covers & COVERS_ALL_THAT_RUNS) == COVERS_ALL_THAT_RUNS;
}

bool sev_rules_have_ended(const struct sev_rules *s, int64_t now)
{
	return s->digests.n > 0 && policy_values_have_ended(&s->digests, now);
}

/* ---- a launch ---- */

static int find_launch(const struct sev_launch *l, const struct secret *tik, struct launch *ret)
{
	static const char label[] = "coco sev launch 1";
	uint8_t text[sizeof(label) + SHA256_LEN + SEV_MEASURE_LEN + SEV_NONCE_LEN], *p = text;

	memcpy(p, label, sizeof(label));
	p += sizeof(label);
	if (EVP_Digest(secret_data(tik), secret_len(tik), p, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	p += SHA256_LEN;
	memcpy(p, l->measure, SEV_MEASURE_LEN);
	memcpy(p + SEV_MEASURE_LEN, l->nonce, SEV_NONCE_LEN);
	if (EVP_Digest(text, sizeof(text), ret->id, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	ret->known = true;
	return 0;
}

/* Returns 1 if the launch is what it says, 0 if not. */
static int is_authentic(const struct sev_launch *l, const struct secret *tik)
{
	_cleanup_(measurer_freep) struct measurer *m = NULL;
	uint8_t measure[SEV_MEASURE_LEN];
	int r;

	r = measurer_new(tik, &m);
	if (r == 0)
		r = measurer_measure(m, &l->measured, l->digest, l->nonce, measure);
	if (r < 0)
		return r;
	return CRYPTO_memcmp(measure, l->measure, sizeof(measure)) == 0;
}

static int answer(struct judged *j, enum judged_result result, const char *code,
		  const char *reason)
{
	j->result = result;
	(void) snprintf(j->code, sizeof(j->code), "%s", code);
	(void) snprintf(j->reason, sizeof(j->reason), "%s", reason);
	return 0;
}

static bool is_listed(const struct sev_launch *l, const struct sev_rules *rules, int64_t now,
		      bool *ret_ended)
{
	bool found = false;

	for (unsigned i = 0; i < rules->digests.n; i++) {
		int64_t until = rules->digests.until[i];

		if (memcmp(rules->digests.b[i], l->digest, SHA256_LEN) != 0)
			continue;
		found |= until == 0 || now < until;
		*ret_ended = true;
	}
	return found;
}

static bool is_too_old(const struct measured *m, const struct sev_rules *rules)
{
	const unsigned has = (unsigned)m->api_major << 8 | m->api_minor,
		       needed = (unsigned)rules->min_api_major << 8 | rules->min_api_minor;

	return has < needed || m->build < rules->min_build;
}

static int judge_rules(const struct sev_launch *l, const struct sev_rules *rules, int64_t now,
		       struct judged *ret)
{
	const struct measured *m = &l->measured;
	uint32_t missing = rules->policy_require & ~m->policy;
	char reason[sizeof(ret->reason)], words[SEV_POLICY_TEXT_MAX];
	bool ended = false;

	if (!rules->given)
		return answer(ret, JUDGED_POLICY, "POLICY",
			      "the secret's policy has no section [" SEV_RULES_SECTION
			      "]: it says nothing about launches of SEV and SEV-ES");
	if (!(m->policy & SEV_POLICY_NODBG))
		return answer(ret, JUDGED_POLICY, "DEBUG",
			      "the guest's policy lets the host read its memory: it has no nodbg");
	if (!is_listed(l, rules, now, &ended)) {
		(void) snprintf(reason, sizeof(reason), "the launch digest %s is %s",
				ret->measurement,
				ended ? "accepted no longer: it was until a date that is past" :
					"none of launch_digest=");
		return answer(ret, JUDGED_POLICY, "MEASUREMENT", reason);
	}
	if (missing) {
		(void) snprintf(reason, sizeof(reason), "the guest's policy lacks %s",
				sev_policy_print(missing, words));
		return answer(ret, JUDGED_POLICY, "GUEST-POLICY", reason);
	}
	if (is_too_old(m, rules)) {
		(void) snprintf(reason, sizeof(reason),
				"the platform has the API %u.%u and the build %u; at least %u.%u "
				"and %u are asked for",
				m->api_major, m->api_minor, m->build, rules->min_api_major,
				rules->min_api_minor, rules->min_build);
		return answer(ret, JUDGED_POLICY, "FIRMWARE", reason);
	}
	(void) snprintf(ret->identity, sizeof(ret->identity), "%s",
			sev_rules_are_whole(rules) ? "whole" : "partial");
	return answer(ret, JUDGED_GOOD, "OK", "");
}

const char *sev_launch_tee(const struct sev_launch *l)
{
	return l->measured.policy & SEV_POLICY_ES ? "sev-es" : "sev";
}

int sev_launch_judge(const struct sev_launch *l, const struct secret *tik,
		     const struct sev_rules *rules, int64_t now, struct judged *ret)
{
	int r;

	*ret = (struct judged){ .result = JUDGED_LATER, .identity = "none" };
	(void) snprintf(ret->type, sizeof(ret->type), "%s", sev_launch_tee(l));
	format_hex(l->digest, sizeof(l->digest), ret->measurement);
	/* Before that API the measurement does not bind the policy. */
	if (!measured_api_is_bound(&l->measured))
		return answer(ret, JUDGED_EVIDENCE, "API",
			      "the firmware's API is older than 0.17: its measurement does not "
			      "prove the guest's policy");
	r = is_authentic(l, tik);
	if (r < 0)
		return r;
	if (r == 0)
		return answer(ret, JUDGED_EVIDENCE, "MEASUREMENT",
			      "the measurement is not of this launch digest, policy, firmware and "
			      "session");
	r = find_launch(l, tik, &ret->launch);
	if (r < 0)
		return r;
	return rules ? judge_rules(l, rules, now, ret) : answer(ret, JUDGED_GOOD, "OK", "");
}
