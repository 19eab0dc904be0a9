/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy.h"

#include <openssl/crypto.h>

#include "attest/policy-options.h"

void policies_init(struct policies *ps)
{
	memset(ps, 0, sizeof(*ps));
	for (unsigned i = 0; policy_kinds[i]; i++) {
		assert(i < POLICY_KINDS_MAX);
		ps->of[i].kind = policy_kinds[i];
		ps->of[i].max_vmpl = (struct policy_number){ true, 3 };
		ps->of[i].accept = 1u << TCB_UP_TO_DATE;
	}
}

const struct policy *policies_find(const struct policies *ps, const struct policy_kind *kind)
{
	for (unsigned i = 0; i < POLICY_KINDS_MAX; i++)
		if (ps->of[i].kind == kind)
			return &ps->of[i];
	/* There is no such kind, and another kind's policy would be wrong. */
	abort();
}

struct policy *policies_of(struct policies *ps, const struct policy_kind *kind)
{
	return (struct policy *)policies_find(ps, kind);
}

/* ---- what was judged ---- */

/* The index of the option that @member of v->policy belongs to; negative for other pointers. */
static int option_of(const struct verdict *v, const void *member)
{
	const uint8_t *from = (const uint8_t *)v->policy, *at = member;

	if (!from || at < from || at >= from + sizeof(*v->policy))
		return -ENOENT;
	return policy_option_at((size_t)(at - from));
}

void policy_judged(struct verdict *v, const void *member)
{
	int i = option_of(v, member);

	if (i >= 0)
		policy_set_add(v->judged, (unsigned)i);
}

bool policy_allows(struct verdict *v, const struct policy *p, enum policy_allow word)
{
	v->judged_words[WORDS_ALLOW] |= word;
	return p->allow & word;
}

bool policy_forbids(struct verdict *v, const struct policy *p, enum policy_forbid word)
{
	v->judged_words[WORDS_FORBID] |= word;
	return p->forbid & word;
}

bool policy_requires(struct verdict *v, const struct policy *p, enum policy_require word)
{
	v->judged_words[WORDS_REQUIRE] |= word;
	return p->require & word;
}

static void refuse_unjudged(struct verdict *v, const char *what)
{
	(void) verdict_fail(v, VERDICT_REFUSED, "POLICY",
			    "everything that the policy asks is judged",
			    verdict_text(v, "evidence that '%s' is about", what),
			    verdict_text(v, "%s says nothing about evidence of %s", what,
					 v->policy->kind->name));
}

static void check_option(struct verdict *v, unsigned i, const struct policy_option *o,
			 const char *name)
{
	uint32_t words;

	if (o->kind != KIND_WORDS) {
		if (!policy_set_has(v->judged, i))
			refuse_unjudged(v, name);
		return;
	}
	memcpy(&words, (const uint8_t *)v->policy + o->offset, sizeof(words));
	for (const struct policy_word *w = o->words; w->word; w++)
		if (words & w->bit & ~v->judged_words[o->n])
			refuse_unjudged(v, verdict_text(v, "%s=%s", name, w->word));
}

static void check_all_judged(struct verdict *v)
{
	const struct policy *p = v->policy;
	struct policy_option o;

	if (p->has_file && !(p->has_own && p->has_option))
		(void) verdict_fail(v, VERDICT_REFUSED, "POLICY",
				    "the policy speaks of this kind of evidence",
				    verdict_text(v, "a section or options for evidence of %s",
						 p->kind->name),
				    "neither");
	for (unsigned i = 0; policy_option_row(i, &o); i++)
		if (policy_set_has(p->set, i))
			check_option(v, i, &o,
				     o.pcr < 0 ? o.name : verdict_text(v, "pcr%d", o.pcr));
}

static bool is_foreign(const struct policy *p, const struct policy_option *o)
{
	unsigned subjects = p->kind->subjects;
	uint32_t words;

	if (o->kind != KIND_WORDS)
		return !(o->about & subjects);
	memcpy(&words, (const uint8_t *)p + o->offset, sizeof(words));
	for (const struct policy_word *w = o->words; w->word; w++)
		if ((words & w->bit) && !(w->about & subjects))
			return true;
	return false;
}

const char *policy_foreign_option(const struct policy *p)
{
	struct policy_option o;

	for (unsigned i = 0; policy_option_row(i, &o); i++)
		if (policy_set_has(p->set, i) && is_foreign(p, &o))
			return o.name;
	return NULL;
}

/* ---- identity ---- */

/*
 * True if nothing was measured into a register: it has zeros, or ones after a reset.  Every machine
 * has that value, so it is not an identity.
 */
static bool is_everybodys(const uint8_t *p, size_t len)
{
	bool zeros = true, ones = true;

	for (size_t n = 0; n < len; n++) {
		zeros = zeros && p[n] == 0;
		ones = ones && p[n] == 0xff;
	}
	return zeros || ones;
}

/* The PCRs into which boot loaders measure what they start. */
static const char *const loader_pcrs[] = { "pcr8", "pcr9", "pcr11" };

static bool is_among(const uint64_t set[static POLICY_SET_WORDS], const char *name)
{
	struct policy_option o;
	int i;

	if (streq(name, "pcr*")) {
		for (size_t n = 0; n < ARRAY_SIZE(loader_pcrs); n++)
			if (is_among(set, loader_pcrs[n]))
				return true;
		return false;
	}
	i = policy_option_find(name, &o);
	assert(i >= 0);
	return policy_set_has(set, (unsigned)i);
}

static bool are_among(const uint64_t set[static POLICY_SET_WORDS], const struct policy_identity *id)
{
	for (size_t i = 0; id->names[i]; i++)
		if (!is_among(set, id->names[i]))
			return false;
	return true;
}

bool policy_asks(const struct policy *p, const char *name)
{
	return name && is_among(p->set, name);
}

bool policy_held(const struct verdict *v, const char *name)
{
	return is_among(v->held, name);
}

static enum verdict_identity identity_of(const struct policy *p,
					 const uint64_t set[static POLICY_SET_WORDS],
					 const struct policy_identity *identities)
{
	bool covered = (p->covers & COVERS_ALL_THAT_RUNS) == COVERS_ALL_THAT_RUNS;
	enum verdict_identity best = IDENTITY_NONE;

	for (const struct policy_identity *id = identities; id && id->names[0]; id++)
		if (are_among(set, id))
			best = MAX(best, id->whole || covered ? IDENTITY_WHOLE : IDENTITY_PARTIAL);
	return best;
}

static const struct policy_values *values_of(const struct policy *p, const struct policy_option *o)
{
	return (const struct policy_values *)((const uint8_t *)p + o->offset);
}

/* True if all values of an option are zeros or ones, which every machine may have. */
static bool names_nobody(const struct policy *p, const struct policy_option *o)
{
	const struct policy_values *values = values_of(p, o);

	if (o->kind != KIND_HEX && o->kind != KIND_HEX_MAX)
		return false;
	for (unsigned n = 0; n < values->n; n++)
		if (!is_everybodys(values->b[n], values->len[n]))
			return false;
	return true;
}

bool policy_values_have_ended(const struct policy_values *values, int64_t now)
{
	for (unsigned n = 0; n < values->n; n++)
		if (values->until[n] == 0 || now < values->until[n])
			return false;
	return true;
}

const char *policy_ended_option(const struct policy *p, int64_t now)
{
	struct policy_option o;

	for (unsigned i = 0; policy_option_row(i, &o); i++)
		if ((o.kind == KIND_HEX || o.kind == KIND_HEX_MAX) && policy_set_has(p->set, i) &&
		    policy_values_have_ended(values_of(p, &o), now))
			return o.name;
	return NULL;
}

enum verdict_identity policy_identity_asked(const struct policy *p,
					    const struct policy_identity *identities)
{
	uint64_t named[POLICY_SET_WORDS] = { 0 };
	struct policy_option o;

	for (unsigned i = 0; policy_option_row(i, &o); i++)
		if (policy_set_has(p->set, i) && !names_nobody(p, &o))
			policy_set_add(named, i);
	return identity_of(p, named, identities);
}

static void identify(struct verdict *v, const struct policy_identity *identities)
{
	const struct policy *p = v->policy;

	if (!identities)
		return;
	(void) policy_allows(v, p, ALLOW_PARTIAL_IDENTITY);
	for (const struct policy_identity *id = identities; id->names[0]; id++)
		/* covers= has a meaning only together with a measurement. */
		if (!id->whole && are_among(p->set, id))
			v->judged_words[WORDS_COVERS] = p->covers;
	v->identity = MAX(v->identity, identity_of(p, v->held, identities));
}

void policy_conclude(struct verdict *v, const struct policy_identity *identities)
{
	identify(v, identities);
	check_all_judged(v);
}

bool policy_is_identified(const struct verdict *v)
{
	return v->identity == IDENTITY_WHOLE ||
	       (v->identity == IDENTITY_PARTIAL && (v->policy->allow & ALLOW_PARTIAL_IDENTITY));
}

/* ---- checks ---- */

static void note_held(struct verdict *v, const void *member, const uint8_t *found, size_t len)
{
	int i = option_of(v, member);

	if (i >= 0 && !is_everybodys(found, len))
		policy_set_add(v->held, (unsigned)i);
}

/* True if @found is value @i, and the value has not ended. */
static bool is_value(const struct verdict *v, const struct policy_values *want, unsigned i,
		     const void *found, size_t len, int64_t *ret_ended)
{
	if (want->len[i] != len || CRYPTO_memcmp(want->b[i], found, len) != 0)
		return false;
	if (want->until[i] == 0 || v->now < want->until[i])
		return true;
	*ret_ended = want->until[i];
	return false;
}

static const char *expected_values(struct verdict *v, const struct policy_values *want,
				   int64_t ended)
{
	const char *first = verdict_hex(v, want->b[0], want->len[0]);

	if (ended)
		return verdict_text(v, "a value that is still accepted: this one was until %s",
				    verdict_time(v, ended));
	return want->n > 1 ? verdict_text(v, "%s or one of %u more", first, want->n - 1u) : first;
}

void policy_check_values(struct verdict *v, const struct policy_values *want, const char *code,
			 const char *name, const void *found, size_t len)
{
	bool good = false;
	int64_t ended = 0;

	policy_judged(v, want);
	if (want->n == 0) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	for (unsigned i = 0; i < want->n; i++)
		good |= is_value(v, want, i, found, len, &ended);
	if (good)
		note_held(v, want, found, len);
	(void) verdict_check(v, good, VERDICT_REFUSED, code, name,
			     good ? NULL : expected_values(v, want, ended),
			     verdict_hex(v, found, len));
}

void policy_check_nonce(struct verdict *v, const struct policy *p, const uint8_t found[static 64])
{
	struct policy_values padded = p->nonce;

	policy_judged(v, &p->nonce);
	/* The bytes past a value's length are zero. */
	for (unsigned i = 0; i < padded.n; i++)
		padded.len[i] = 64;
	policy_check_values(v, &padded, "NONCE", "report data is the nonce", found, 64);
}

static const char *number_text(struct verdict *v, const char *before, uint64_t n, unsigned parts)
{
	char text[8 * sizeof("255.")];
	size_t len = 0;

	assert(parts <= 8);
	if (parts == 0)
		return verdict_text(v, "%s%llu", before, (unsigned long long)n);
	while (parts-- > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u%s",
					(unsigned)(n >> (8 * parts) & 0xff), parts ? "." : "");
	return verdict_text(v, "%s%s", before, text);
}

void policy_check_min_version(struct verdict *v, const struct policy_number *min, const char *code,
			      const char *name, uint64_t found, unsigned parts)
{
	policy_judged(v, min);
	if (!min->set) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	(void) verdict_check(v, found >= min->value, VERDICT_REFUSED, code, name,
			     number_text(v, "at least ", min->value, parts),
			     number_text(v, "", found, parts));
}

void policy_check_min(struct verdict *v, const struct policy_number *min, const char *code,
		      const char *name, uint64_t found)
{
	policy_check_min_version(v, min, code, name, found, /* parts= */ 0);
}

void policy_check_masks(struct verdict *v, const struct policy_number *require,
			const struct policy_number *forbid, const char *code, const char *name,
			uint64_t found)
{
	uint64_t missing = require->set ? require->value & ~found : 0,
		 extra = forbid->set ? forbid->value & found : 0;
	const char *what;

	policy_judged(v, require);
	policy_judged(v, forbid);
	if (!require->set && !forbid->set) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	what = verdict_text(v, "%#llx", (unsigned long long)found);
	if (missing)
		(void) verdict_fail(v, VERDICT_REFUSED, code, name,
				    verdict_text(v, "bits %#llx set",
						 (unsigned long long)require->value),
				    what);
	if (extra)
		(void) verdict_fail(v, VERDICT_REFUSED, code, name,
				    verdict_text(v, "bits %#llx clear",
						 (unsigned long long)forbid->value),
				    what);
	if (!missing && !extra)
		verdict_pass(v, name, what);
}
