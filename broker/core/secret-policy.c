/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/secret-policy.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "attest/policy.h"
#include "attest/verify.h"
#include "base/ini.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "crypto/cleanup.h"

#define SECTION "Release"

/* Nobody writes measurements by hand: the next command, for whoever has a guest to show. */
#define FROM_A_GUEST                                                                            \
	"; or have it made of a guest's evidence: there 'cococtl attest report --output=FILE', " \
	"here 'cococtl attest policy --from-bundle=FILE --release=once'"

/* ---- [Release] ---- */

struct word {
	const char *word;
	unsigned value;
};

static const struct word releases[] = { { "once", RELEASE_ONCE },
					{ "always", RELEASE_ALWAYS },
					{ "approve", RELEASE_APPROVE },
					{ NULL } };
static const struct word pers[] = { { "launch", PER_LAUNCH }, { "vm", PER_VM }, { NULL } };
static const struct word vm_fields[] = { { "host_data", VM_FIELD_HOST_DATA },
					 { "mrconfigid", VM_FIELD_MRCONFIGID },
					 { NULL } };

static int take_word(const struct word *words, const char *text, unsigned *ret)
{
	for (; words->word; words++)
		if (streq(words->word, text)) {
			*ret = words->value;
			return 0;
		}
	return -EINVAL;
}

/* "20/24h" */
static int take_launches(const char *text, struct secret_mode *m)
{
	const char *slash = strchr(text, '/');
	uint64_t usec;
	char count[16];
	uint32_t n;

	if (!slash || (size_t)(slash - text) >= sizeof(count))
		return -EINVAL;
	memcpy(count, text, (size_t)(slash - text));
	count[slash - text] = '\0';
	if (parse_u32(count, &n) < 0 || n == 0 || n > SECRET_LAUNCHES_MAX ||
	    parse_usec(slash + 1, &usec) < 0 || usec < 1000000)
		return -EINVAL;
	m->launches = n;
	m->launches_sec = usec / 1000000;
	return 0;
}

static int take_release(const char *text, struct secret_mode *m)
{
	unsigned word = 0;
	int r = take_word(releases, text, &word);

	m->release = word;
	return r;
}

static int take_per(const char *text, struct secret_mode *m)
{
	unsigned word = 0;
	int r = take_word(pers, text, &word);

	m->per = word;
	return r;
}

static int take_vm_field(const char *text, struct secret_mode *m)
{
	unsigned word = 0;
	int r = take_word(vm_fields, text, &word);

	m->vm_field = word;
	return r;
}

static int take_first_only(const char *text, struct secret_mode *m)
{
	return parse_bool(text, &m->first_only);
}

static const struct {
	const char *name;
	const char *value;
	int (*take)(const char *text, struct secret_mode *m);
} options[] = {
	{ "Release", "'once', 'always' or 'approve'", take_release },
	{ "Per", "'launch' or 'vm'", take_per },
	{ "VmField", "'host_data' or 'mrconfigid'", take_vm_field },
	{ "Launches", "a number and a time such as 20/24h", take_launches },
	{ "FirstOnly", "yes or no", take_first_only },
};

static int take_option(struct secret_mode *m, const struct ini_item *item, const char **ret_value)
{
	char text[INI_LINE_MAX + 1];

	memcpy(text, item->value, item->value_len);
	text[item->value_len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (ini_is(item->name, item->name_len, options[i].name)) {
			*ret_value = options[i].value;
			return options[i].take(text, m);
		}
	return -ENOENT;
}

/* ---- what somebody meant ---- */

static int no_such_option(const struct ini_item *item, bool sev, struct cause *why)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, item->name, item->name_len);
	for (size_t i = 0; !sev && i < ARRAY_SIZE(options); i++)
		nearest_try(&nearest, options[i].name);
	if (sev)
		sev_rules_nearest(&nearest);
	return cause_set(why, -EBADMSG, "line %u: there is no option '%.*s' in [%s]%s",
			 item->line, (int)MIN(item->name_len, 64u), item->name,
			 sev ? SEV_RULES_SECTION : SECTION, nearest_text(&nearest, "", text));
}

static int no_such_section(const struct ini_item *item, struct cause *why)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, item->section, item->section_len);
	nearest_try(&nearest, SECTION);
	nearest_try(&nearest, SEV_RULES_SECTION);
	policy_nearest_section(&nearest);
	return cause_set(why, -EBADMSG, "line %u: there is no section [%.*s]%s", item->line,
			 (int)MIN(item->section_len, 64u), item->section,
			 nearest_text(&nearest, "", text));
}

static int wrong_value(const struct ini_item *item, const char *expected, struct cause *why)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_quoted(&nearest, item->value, item->value_len, expected);
	return cause_set(why, -EBADMSG, "line %u: %.*s= takes %s, not '%.*s'%s", item->line,
			 (int)MIN(item->name_len, 64u), item->name, expected,
			 (int)MIN(item->value_len, 64u), item->value,
			 nearest_text(&nearest, "", text));
}

static int take_item(const struct ini_item *item, struct secret_mode *ret, struct cause *why)
{
	const bool sev = ini_is(item->section, item->section_len, SEV_RULES_SECTION);
	const char *value = NULL;
	int r;

	if (!sev && !ini_is(item->section, item->section_len, SECTION))
		return policy_has_section(item) ? 0 : no_such_section(item, why);
	ret->sev.given |= sev;
	if (!item->name)
		return 0;
	r = sev ? sev_rules_take(&ret->sev, item, &value) : take_option(ret, item, &value);
	if (r == -ENOENT)
		return no_such_option(item, sev, why);
	return r < 0 ? wrong_value(item, value, why) : 0;
}

static int read_mode(const char *text, size_t len, struct secret_mode *ret, struct cause *why)
{
	struct ini_item item;
	struct ini ini;
	int r = 0;

	ini_init(&ini, text, len);
	while (r == 0 && ini_next(&ini, &item) > 0)
		r = take_item(&item, ret, why);
	return r;
}

/* What of [Release] goes together.  A word that would count for nothing is a mistake. */
static int check_mode(const struct secret_mode *m, struct cause *why)
{
	if (m->release == 0)
		return cause_set(why, -EBADMSG,
				 "how often this secret may go out is not said: add "
				 "[" SECTION "] with Release=once, always or approve");
	if (m->release == RELEASE_ONCE && m->per == PER_NONE)
		return cause_set(why, -EBADMSG,
				 "Release=once needs Per=launch (again after each start of the "
				 "VM) or Per=vm");
	if (m->release != RELEASE_ONCE && m->per != PER_NONE)
		return cause_set(why, -EBADMSG, "Per= goes with Release=once only");
	if ((m->per == PER_VM) != (m->vm_field != VM_FIELD_NONE))
		return cause_set(why, -EBADMSG,
				 "Per=vm and VmField= need each other: what tells one VM from "
				 "another is host_data or mrconfigid");
	if (m->launches > 0 && m->per != PER_LAUNCH)
		return cause_set(why, -EBADMSG, "Launches= goes with Per=launch only");
	return 0;
}

/* Of a launch of SEV nothing is known but its measurement, and what that was made of. */
static int check_sev(const struct secret_mode *m, struct cause *why)
{
	const struct sev_rules *s = &m->sev;

	if (!s->given)
		return 0;
	if (s->digests.n == 0)
		return cause_set(why, -EBADMSG,
				 "[sev] names no launch_digest, so that anybody's VM would get the "
				 "secret: add launch_digest=");
	if (m->per == PER_VM || m->first_only)
		return cause_set(why, -EBADMSG,
				 "[sev] and %s do not go together: a launch of SEV does not show "
				 "it", m->per == PER_VM ? "Per=vm" : "FirstOnly=");
	if (sev_rules_are_whole(s))
		return 0;
	if (!s->allow_partial)
		return cause_set(why, -EBADMSG,
				 "[sev] names digests that may not cover kernel, initrd and "
				 "command line: add what covers= has to say, as 'coco-inject "
				 "measure --json' prints it");
	if (m->release != RELEASE_APPROVE)
		return cause_set(why, -EBADMSG,
				 "[sev] names digests that strangers may have as well: "
				 "allow=partial-identity needs Release=approve beside it");
	return 0;
}

/* ---- the rest, for evidence ---- */

/* A copy without what is not for evidence; errors name the right lines all the same. */
static char *without_sections(const char *text, size_t len)
{
	static const char *const names[] = { SECTION, SEV_RULES_SECTION, NULL };
	char *copy = strndup(text, len);

	if (copy)
		ini_blank_sections(copy, names);
	return copy;
}

static const struct policy_values *vm_values(const struct policy *p, enum vm_field field)
{
	return field == VM_FIELD_HOST_DATA ? &p->host_data : &p->mrconfigid;
}

static int check_identity(const struct policy *p, const struct policy_identity *identities,
			  const struct secret_mode *m, struct cause *why)
{
	enum verdict_identity identity = policy_identity_asked(p, identities);

	if (identity == IDENTITY_WHOLE)
		return 0;
	if (identity == IDENTITY_NONE)
		return cause_set(why, -EBADMSG,
				 "for evidence of %s it names no identity, so that anybody's VM "
				 "would get the secret: add %s" FROM_A_GUEST,
				 p->kind->name, p->kind->identity);
	if (!(p->allow & ALLOW_PARTIAL_IDENTITY))
		return cause_set(why, -EBADMSG,
				 "for evidence of %s it names an identity that may not cover "
				 "kernel, initrd and command line: add what covers= has to say, "
				 "as 'coco-inject measure --json' prints it, or %s",
				 p->kind->name, p->kind->identity);
	/* The same image runs for strangers too, and they are root there. */
	if (m->release != RELEASE_APPROVE && p->ak_n_sha256.n == 0)
		return cause_set(why, -EBADMSG,
				 "for evidence of %s it names an identity that strangers may have "
				 "as well: with allow=partial-identity, Release=approve or an "
				 "enrolled ak_n_sha256= must stand beside it",
				 p->kind->name);
	return 0;
}

static int check_kind(const struct policy *p, const struct policy_identity *identities,
		      const struct secret_mode *m, struct cause *why)
{
	const char *foreign = policy_foreign_option(p);

	if (foreign)
		return cause_set(why, -EBADMSG,
				 "evidence of %s cannot be judged by %s=: give that in a section "
				 "of its kind",
				 p->kind->name, foreign);
	/* The handshake is this field's value. */
	if (policy_asks(p, p->kind->nonce))
		return cause_set(why, -EBADMSG, "%s= is the broker's to ask: remove that line",
				 p->kind->nonce);
	if (m->per == PER_VM && vm_values(p, m->vm_field)->n != 1)
		return cause_set(why, -EBADMSG,
				 "Per=vm needs exactly one value of %s= for evidence of %s",
				 m->vm_field == VM_FIELD_HOST_DATA ? "host_data" : "mrconfigid",
				 p->kind->name);
	return check_identity(p, identities, m, why);
}

static bool is_spoken_of(const struct policy *p)
{
	return p->has_own && p->has_option;
}

static int check_kinds(const struct policies *ps, const struct secret_mode *m, struct cause *why)
{
	unsigned n = 0;
	int r;

	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		for (size_t k = 0; (*t)->opens_gate && k < ARRAY_SIZE((*t)->kinds) &&
				   (*t)->kinds[k]; k++) {
			const struct policy *p = policies_find(ps, (*t)->kinds[k]);

			if (!is_spoken_of(p))
				continue;
			r = check_kind(p, (*t)->identities, m, why);
			if (r < 0)
				return r;
			n++;
		}
	return n > 0 || m->sev.given ?
		       0 :
		       cause_set(why, -EBADMSG,
				 "it speaks of no kind of evidence: add [snp], [tdx], [azure] or "
				 "[sev] with an identity of what runs" FROM_A_GUEST);
}

/* Returns 0 with @ret, for free(). */
static int parse_evidence(const char *text, struct policies **ret, struct cause *why)
{
	_cleanup_(freep) struct policies *ps = malloc(sizeof(*ps));
	char error[POLICY_ERROR_LEN];
	int r;

	if (!ps)
		return cause_set_oom(why);
	policies_init(ps);
	r = policies_parse(ps, text, strlen(text), error);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	if (r < 0)
		return cause_set(why, -EBADMSG, "%s", error);
	*ret = TAKE_PTR(ps);
	return 0;
}

static int check_evidence(const char *text, const struct secret_mode *m, struct cause *why)
{
	_cleanup_(freep) struct policies *ps = NULL;
	int r = parse_evidence(text, &ps, why);

	return r < 0 ? r : check_kinds(ps, m, why);
}

int secret_policy_check_until(const struct secret_mode *m, const char *evidence, int64_t now,
			      struct cause *why)
{
	_cleanup_(freep) struct policies *ps = NULL;
	int r = parse_evidence(evidence, &ps, why);

	if (r < 0)
		return r;
	if (sev_rules_have_ended(&m->sev, now))
		return cause_set(why, -EBADMSG,
				 "for launches of SEV every value of launch_digest= has ended: add "
				 "one that is good now");
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		for (size_t k = 0; k < ARRAY_SIZE((*t)->kinds) && (*t)->kinds[k]; k++) {
			const struct policy *p = policies_find(ps, (*t)->kinds[k]);
			const char *ended = policy_ended_option(p, now);

			if (is_spoken_of(p) && ended)
				return cause_set(why, -EBADMSG,
						 "for evidence of %s every value of %s= has ended: "
						 "add one that is good now",
						 p->kind->name, ended);
		}
	return 0;
}

int secret_policy_read(const char *text, size_t len, struct secret_mode *ret_mode,
		       char **ret_evidence, struct cause *why)
{
	_cleanup_(freep) char *evidence = NULL;
	struct secret_mode m = { 0 };
	struct ini_error error;
	int r;

	if (len > SECRET_POLICY_MAX)
		return cause_set(why, -EMSGSIZE, "a policy has at most %d bytes",
				 SECRET_POLICY_MAX);
	if (ini_check(text, len, &error) < 0)
		return cause_set(why, -EBADMSG, "line %u: %s", error.line, error.text);
	r = read_mode(text, len, &m, why);
	if (r < 0)
		return r;
	r = check_mode(&m, why);
	if (r == 0)
		r = check_sev(&m, why);
	if (r < 0)
		return r;
	evidence = without_sections(text, len);
	if (!evidence)
		return cause_set_oom(why);
	r = check_evidence(evidence, &m, why);
	if (r < 0)
		return r;
	*ret_mode = m;
	*ret_evidence = TAKE_PTR(evidence);
	return 0;
}

int secret_policy_rules(const char *text, size_t len, uint8_t ret[static 32])
{
	static const char label[] = "coco rules 1";
	uint8_t input[sizeof(label) + 32];

	memcpy(input, label, sizeof(label));
	if (EVP_Digest(text, len, input + sizeof(label), NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_Digest(input, sizeof(input), ret, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return 0;
}

/* What somebody approves is a launch. */
enum release_per secret_mode_per(const struct secret_mode *m)
{
	return m->per == PER_NONE ? PER_LAUNCH : m->per;
}

void secret_mode_format(const struct secret_mode *m, char *ret, size_t size)
{
	const char *how = m->release == RELEASE_ALWAYS	? "always" :
			  m->release == RELEASE_APPROVE ? "when it is approved" :
			  m->per == PER_VM		? "once for each VM" :
							  "once for each launch";
	char launches[64] = "";

	if (m->launches > 0)
		(void) snprintf(launches, sizeof(launches), ", at most %u in %llu s", m->launches,
				(unsigned long long)m->launches_sec);
	(void) snprintf(ret, size, "%s%s%s", how, launches,
			m->first_only ? ", to the first who asks after a start" : "");
}
