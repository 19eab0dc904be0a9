/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/attest-judge.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/worker/binding.h"
#include "agent/collateral.h"
#include "attest/bundle-evidence.h"
#include "attest/gather/imds.h"
#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/gather/tpm.h"
#include "attest/trust.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

/* What evidence is judged by: a policy, and the roots that its chains must lead to. */
struct rules {
	const char *whose;	/* for people */
	/* trust_text: NULL for the built-in roots */
	const struct bundle_item *policy_text, *trust_text;
	struct policies policies;
	struct trust trust;
	uint8_t policy_sha256[32], trust_sha256[32];	/* zeros without the text */
};

/*
 * A measured initrd's rules come first: its policy is the one that the host could not change.
 * This system's own rules can only add to them.
 */
#define RULES_MAX 2

struct judgement {
	struct bundle bundle;
	struct rules rules[RULES_MAX];
	unsigned n_rules;
	const struct rules *by;	/* the rules of the current step; NULL when it is about no rules */
	struct newest newest;	/* what this VM's cache remembers */
	const struct attest_verifier *type;
	unsigned n_checks;
	bool rtmr0;
	struct attest_verdict *ret;
	/* what could not be fetched beside the evidence, and why; "" for nothing */
	struct cause missing;
};

static const char own_rules[] = "this system's policy";

/* Always returns a negative errno, for "return refuse(...)". */
_printf_(4, 5) static int refuse(struct judgement *j, enum attest_result result, const char *code,
				 const char *format, ...)
{
	size_t n = 0;
	va_list ap;

	j->ret->result = result;
	(void) snprintf(j->ret->code, sizeof(j->ret->code), "%s", code);
	/* Where this system's own rules are the only ones, they need no name. */
	if (j->by && (j->n_rules > 1 || j->by != &j->rules[0] || j->by->whose != own_rules))
		n = (size_t)snprintf(j->ret->reason, sizeof(j->ret->reason), "by %s, ",
				     j->by->whose);
	va_start(ap, format);
	(void) vsnprintf(j->ret->reason + n, sizeof(j->ret->reason) - n, format, ap);
	va_end(ap);
	return -EKEYREJECTED;
}

static int read_pack(struct judgement *j, int fd)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > BUNDLE_PACK_MAX)
		return refuse(j, ATTEST_MALFORMED, "PACK", "the evidence is too large, or no file");
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "out of memory");
	if (lseek(fd, 0, SEEK_SET) != 0 ||
	    (n = read_full(fd, data, (size_t)st.st_size)) != st.st_size)
		return refuse(j, ATTEST_MALFORMED, "PACK", "the evidence cannot be read");
	if (bundle_read_pack(&j->bundle, data, (size_t)n) < 0)
		return refuse(j, ATTEST_MALFORMED, "PACK", "the evidence is not a pack");
	return 0;
}

/* From here on the verdict is about these rules. */
static void judge_by(struct judgement *j, const struct rules *r)
{
	j->by = r;
	memcpy(j->ret->policy_sha256, r->policy_sha256, sizeof(j->ret->policy_sha256));
	memcpy(j->ret->trust_sha256, r->trust_sha256, sizeof(j->ret->trust_sha256));
	j->ret->trust_replaced = r->trust_text != NULL;
}

static int hash(const struct bundle_item *text, const EVP_MD *md, uint8_t *ret)
{
	return EVP_Digest(text->data, text->len, ret, NULL, md, NULL) == 1 ? 0 : -ENOMEM;
}

static bool same(const struct rules *a, const struct rules *b)
{
	return memcmp(a->policy_sha256, b->policy_sha256, sizeof(a->policy_sha256)) == 0 &&
	       memcmp(a->trust_sha256, b->trust_sha256, sizeof(a->trust_sha256)) == 0;
}

static int read_rules(struct judgement *j, enum bundle_kind policy, enum bundle_kind trust,
		      const char *whose)
{
	struct rules *r = &j->rules[j->n_rules];
	char error[POLICY_ERROR_LEN];
	unsigned line = 0;
	int trusted;

	*r = (struct rules){ .whose = whose,
			     .policy_text = bundle_find(&j->bundle, policy, 0),
			     .trust_text = bundle_find(&j->bundle, trust, 0) };
	if (!r->policy_text)
		return 0;
	if (hash(r->policy_text, EVP_sha256(), r->policy_sha256) < 0 ||
	    (r->trust_text && hash(r->trust_text, EVP_sha256(), r->trust_sha256) < 0))
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "the policy cannot be hashed");
	if (j->n_rules > 0 && same(r, &j->rules[0]))
		return 0;
	judge_by(j, r);
	policies_init(&r->policies);
	if (policies_parse(&r->policies, r->policy_text->data, r->policy_text->len, error) < 0)
		return refuse(j, ATTEST_UNDECIDED, "POLICY", "attest.conf, %s", error);
	trust_init(&r->trust);
	trusted = r->trust_text ? trust_parse(r->trust_text->data, r->trust_text->len,
					      "attest.trust", &r->trust, &line) :
				  0;
	if (trusted == -EMSGSIZE)
		return refuse(j, ATTEST_UNDECIDED, "TRUST",
			      "attest.trust has more than %d keys, or is too long", TRUST_PINS_MAX);
	if (trusted < 0)
		return refuse(j, ATTEST_UNDECIDED, "TRUST",
			      "attest.trust is not a trust file (line %u)", line);
	j->n_rules++;
	return 0;
}

static int read_all_rules(struct judgement *j)
{
	if (read_rules(j, BUNDLE_KEPT_POLICY, BUNDLE_KEPT_TRUST, "the initrd's policy") < 0 ||
	    read_rules(j, BUNDLE_POLICY, BUNDLE_TRUST, own_rules) < 0)
		return -EKEYREJECTED;
	j->by = NULL;
	return j->n_rules > 0 ? 0 : refuse(j, ATTEST_UNDECIDED, "POLICY", "there is no policy");
}

static int read_newest(struct judgement *j)
{
	const struct bundle_item *newest = bundle_find(&j->bundle, BUNDLE_NEWEST, 0);
	char error[NEWEST_ERROR_LEN];

	if (!newest || newest_parse(newest->data, newest->len, &j->newest, error) == 0)
		return 0;
	return refuse(j, ATTEST_UNDECIDED, "NEWEST",
		      "the cache's memory of what it verified, " COLLATERAL_CACHE "/" NEWEST_FILE
		      ", cannot be read: %s; 'cococtl attest fetch "
		      "--forget-newest' begins a new one",
		      error);
}

/*
 * Without the answer of the service there is still a verdict: other certificates and quotes may
 * be in the pack.
 */
static int ask_imds(struct judgement *j, int imds)
{
	int r;

	r = imds_complete(imds, IMDS_ALL, &j->bundle, &j->missing);
	return r == -ENOMEM ? refuse(j, ATTEST_UNDECIDED, "MEMORY", "out of memory") : 0;
}

static int ask_tpm(struct judgement *j, const struct attest_sources *with,
		   const struct attest_question *q)
{
	struct cause why = { "" };
	int r;

	if (bundle_find(&j->bundle, BUNDLE_TYPE, 0))
		return 0;
	if (with->tpm < 0)
		return refuse(j, ATTEST_UNDECIDED, "NO-EVIDENCE", "there is no evidence");
	r = tpm_gather(with->tpm, TPM_PCRS_FIXED, q->nonce, sizeof(q->nonce), &j->bundle,
		       &why);
	return r < 0 ? refuse(j, ATTEST_UNDECIDED, "NO-EVIDENCE", "%s", why.text) :
		       ask_imds(j, with->imds);
}

/* Evidence of other types may be authentic, but it is not fresh, or is only a part. */
static int find_type(struct judgement *j)
{
	const char *type = bundle_text(&j->bundle, BUNDLE_TYPE);

	j->type = attest_verifier_find(type);
	(void) snprintf(j->ret->type, sizeof(j->ret->type), "%s", type);
	(void) snprintf(j->ret->provider, sizeof(j->ret->provider), "%s",
			bundle_text(&j->bundle, BUNDLE_PROVIDER));
	if (!j->type || !j->type->opens_gate)
		return refuse(j, ATTEST_UNDECIDED, "TYPE",
			      "evidence of type '%.16s' proves nothing here", type);
	return 0;
}

/*
 * cocod asks for its nonce in the policy.  A line of the policy about the same field could not
 * hold as well.
 */
static int set_nonce(struct judgement *j, const struct attest_question *q, struct rules *r)
{
	judge_by(j, r);
	for (size_t k = 0; k < ARRAY_SIZE(j->type->kinds) && j->type->kinds[k]; k++) {
		const struct policy_kind *kind = j->type->kinds[k];

		if (!kind->nonce)
			return refuse(j, ATTEST_UNDECIDED, "NONCE",
				      "evidence of %s proves no freshness", kind->name);
		if (policy_ask(policies_of(&r->policies, kind), kind->nonce, q->nonce,
			       sizeof(q->nonce), kind->nonce_len) < 0)
			return refuse(j, ATTEST_REFUSED, "POLICY",
				      "attest.conf sets %s=, which is cocod's "
				      "to ask: remove that line",
				      kind->nonce);
	}
	return 0;
}

/*
 * The host chooses these fields, so they are no identity.  But once the host has chosen, another
 * policy needs other evidence.  After an initrd, the initrd's policy is the one that is bound:
 * whoever starts the VM knows that policy.
 */
static int bind_to(struct judgement *j, const struct policy_kind *kind)
{
	struct rules *r = &j->rules[0];
	size_t len = (size_t)EVP_MD_get_size(kind->host_md());
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (binding_digest(&(struct bytes){ r->policy_text->data, r->policy_text->len },
			   r->trust_text ?
				   &(struct bytes){ r->trust_text->data, r->trust_text->len } :
				   NULL,
			   kind->host_md(), digest) < 0)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "the policy cannot be hashed");
	if (policy_ask(policies_of(&r->policies, kind), kind->host_option, digest, len, len) < 0)
		return refuse(j, ATTEST_UNDECIDED, "BIND",
			      "attest.conf sets %s=, which BindPolicy=yes "
			      "wants for the policy's digest",
			      kind->host_option);
	return 0;
}

static int bind_policy(struct judgement *j, const struct attest_question *q)
{
	struct rules *r = &j->rules[0];

	if (!(q->flags & ATTEST_BIND_POLICY))
		return 0;
	judge_by(j, r);
	for (size_t k = 0; k < ARRAY_SIZE(j->type->kinds) && j->type->kinds[k]; k++)
		if (j->type->kinds[k]->host_option)
			return bind_to(j, j->type->kinds[k]);
	return refuse(j, ATTEST_UNDECIDED, "BIND",
		      "BindPolicy=yes: nothing in evidence of type '%s' can name a policy",
		      j->type->name);
}

/* Only accept() may say "accepted", after all rules have accepted. */
static const enum attest_result results[_VERDICT_MAX] = {
	[VERDICT_UNDECIDED] = ATTEST_UNDECIDED,
	[VERDICT_NOT_AUTHENTIC] = ATTEST_NOT_AUTHENTIC,
	[VERDICT_MALFORMED] = ATTEST_MALFORMED,
	[VERDICT_REFUSED] = ATTEST_REFUSED,
	/* Without a policy any machine of that kind would pass. */
	[VERDICT_AUTHENTIC] = ATTEST_REFUSED,
	[VERDICT_CONSISTENT] = ATTEST_NOT_AUTHENTIC,
};

/*
 * True if what could not be fetched may be the reason for the refusal: it was missing, or
 * a piece for another firmware level was in its place.
 */
static bool is_about_missing(const struct judgement *j, const struct verdict *v)
{
	return j->missing.text[0] &&
	       (v->result == VERDICT_UNDECIDED || streq(v->code, "TCB_MISMATCH"));
}

/*
 * True if the rules name what runs, so that only the owner's VMs pass.  Each set of rules has to:
 * an identity in the initrd's policy does not excuse another policy that would let anybody in.
 */
static bool is_identified(struct judgement *j, const struct verdict *v)
{
	if (policy_is_identified(v))
		return true;
	if (v->identity == IDENTITY_PARTIAL)
		(void) refuse(j, ATTEST_REFUSED, "IDENTITY",
			      "what attest.conf names may not cover kernel, initrd and cmdline: "
			      "add %s (or allow=partial-identity)",
			      v->policy->kind->identity);
	else
		(void) refuse(j, ATTEST_REFUSED, "IDENTITY",
			      "attest.conf names no identity of what runs%s: "
			      "any VM would pass; add %s",
			      v->policy->host_data.n > 0 ?
				      ", for HOST_DATA is the host's to choose" :
			      v->policy->mrconfigid.n > 0 ?
				      ", for MRCONFIGID is the host's to choose" :
				      "",
			      v->policy->kind->identity);
	return false;
}

/* Report why one set of rules refuses the evidence. */
static void take_verdict(struct judgement *j, const struct verdict *v)
{
	const struct verdict_check *c = v->first_failed >= 0 ? &v->checks[v->first_failed] : NULL;
	if (c && is_about_missing(j, v))
		(void) refuse(j, results[v->result], v->code, "%s: expected %.40s; %.190s", c->name,
			      c->expected[0] ? c->expected : "it to hold", j->missing.text);
	else if (c)
		(void) refuse(j, results[v->result], v->code, "%s: expected %.80s, found %.80s",
			      c->name, c->expected[0] ? c->expected : "it to hold",
			      c->found[0] ? c->found : "otherwise");
	else
		(void) refuse(j, results[v->result], v->code, "nothing was decided");
}

static int verify(struct judgement *j, const struct rules *r)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	struct evidence e = { 0 };

	if (bundle_evidence(&j->bundle, j->type, &e) < 0)
		return refuse(j, ATTEST_UNDECIDED, "COLLATERAL",
			      "there are more than %d certificates, revocation "
			      "lists or pieces of collateral",
			      EVIDENCE_OWN_MAX);
	judge_by(j, r);
	if (!v || verifier_new(&r->trust, &ctx) < 0)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "out of memory");
	verifier_set_newest(ctx, &j->newest);
	/* The clock is the host's to set. */
	if (attest_verify_by_clock(ctx, j->type, &e, &r->policies, (int64_t)time(NULL), v) < 0)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "out of memory");
	j->n_checks += v->n_checks;
	if (v->result != VERDICT_ACCEPTED && v->result != VERDICT_AUTHENTIC) {
		take_verdict(j, v);
		return -EKEYREJECTED;
	}
	if (!is_identified(j, v))
		return -EKEYREJECTED;
	/* The policy of an unmeasured root cannot vouch for ACPI tables. */
	j->rtmr0 = j->rtmr0 || (r == &j->rules[0] && policy_held(v, "rtmr0"));
	return 0;
}

/* All rules have accepted.  The verdict names the first, which the host could not change. */
static void accept(struct judgement *j)
{
	bool initrd = j->rules[0].whose != own_rules;

	j->ret->rtmr0 = j->rtmr0;
	judge_by(j, &j->rules[0]);
	j->by = NULL;
	(void) refuse(j, ATTEST_ACCEPTED, "OK", "%u checks of %s evidence%s%s", j->n_checks,
		      j->type->name, initrd ? ", by the initrd's policy" : "",
		      j->n_rules > 1 ? " and by this system's" : "");
}

static void judge(struct judgement *j, int pack, const struct attest_sources *with,
		  const struct attest_question *q)
{
	if (read_pack(j, pack) < 0 || read_all_rules(j) < 0 || read_newest(j) < 0 ||
	    ask_tpm(j, with, q) < 0 || find_type(j) < 0 || bind_policy(j, q) < 0)
		return;
	for (unsigned i = 0; i < j->n_rules; i++)
		if (set_nonce(j, q, &j->rules[i]) < 0)
			return;
	for (unsigned i = 0; i < j->n_rules; i++)
		if (verify(j, &j->rules[i]) < 0)
			return;
	accept(j);
}

void attest_judge(int pack, const struct attest_sources *with, const struct attest_question *q,
		  struct attest_verdict *ret)
{
	struct judgement *j = calloc(1, sizeof(*j));

	*ret = (struct attest_verdict){ .result = ATTEST_UNDECIDED,
					.code = "MEMORY",
					.reason = "out of memory" };
	memcpy(ret->nonce, q->nonce, sizeof(ret->nonce));
	if (!j)
		return;
	j->ret = ret;
	judge(j, pack, with, q);
	make_printable(ret->type);
	make_printable(ret->provider);
	make_printable(ret->code);
	make_printable(ret->reason);
	bundle_done(&j->bundle);
	free(j);
}
