/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/attest-judge.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/bundle-evidence.h"
#include "attest/imds.h"
#include "attest/policy.h"
#include "attest/tpm.h"
#include "attest/trust.h"
#include "base/io.h"
#include "base/log.h"

struct judgement {
	struct bundle bundle;
	struct policy policy;
	struct trust trust;
	const struct attest_verifier *type;
	struct attest_verdict *ret;
	struct cause missing;	/* what could not be had beside the evidence, and why; "" for nothing */
};

/* Always negative, for "return refuse(...)". */
_printf_(4, 5) static int refuse(struct judgement *j, enum attest_result result, const char *code,
				 const char *format, ...)
{
	va_list ap;

	j->ret->result = result;
	(void) snprintf(j->ret->code, sizeof(j->ret->code), "%s", code);
	va_start(ap, format);
	(void) vsnprintf(j->ret->reason, sizeof(j->ret->reason), format, ap);
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
		return refuse(j, ATTEST_MALFORMED, "PACK", "the evidence is no pack");
	return 0;
}

static int read_policy(struct judgement *j)
{
	const struct bundle_item *policy = bundle_find(&j->bundle, BUNDLE_POLICY, 0), *trust = bundle_find(&j->bundle, BUNDLE_TRUST, 0);
	char error[POLICY_ERROR_LEN];

	if (!policy)
		return refuse(j, ATTEST_UNDECIDED, "POLICY", "there is no policy");
	if (EVP_Digest(policy->data, policy->len, j->ret->policy_sha256, NULL, EVP_sha256(),
		       NULL) != 1)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "the policy cannot be hashed");
	policy_init(&j->policy);
	if (policy_parse(&j->policy, policy->data, policy->len, error) < 0)
		return refuse(j, ATTEST_UNDECIDED, "POLICY", "attest.conf, %s", error);
	trust_init(&j->trust);
	if (trust && trust_parse(trust->data, trust->len, "attest.trust", &j->trust, NULL) < 0)
		return refuse(j, ATTEST_UNDECIDED, "TRUST", "attest.trust is no trust file");
	j->ret->trust_replaced = j->trust.replaced;
	return 0;
}

/*
 * Without what the service has, there is a verdict too: other certificates and quotes may be
 * there.
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
	r = tpm_gather(with->tpm, q->nonce, sizeof(q->nonce), &j->bundle, &why);
	return r < 0 ? refuse(j, ATTEST_UNDECIDED, "NO-EVIDENCE", "%s", why.text) : ask_imds(j, with->imds);
}

static void set_value(struct policy_values *v, const uint8_t *data, size_t len, size_t padded)
{
	*v = (struct policy_values){ .n = 1 };
	v->len[0] = (uint8_t)padded;
	memcpy(v->b[0], data, len);
}

/* Evidence of other types may be authentic, but is not fresh, or is not this hardware's. */
static const struct {
	const char *type;
	bool tpm;	/* the nonce is in the TPM's quote, not in the report */
} fresh_types[] = {
	{ "snp", false },
	{ "tdx", false },
	{ "azure", true },
};

/* What was asked for goes before what the policy's file says of it. */
static int set_nonce(struct judgement *j, const struct attest_question *q)
{
	const char *type = bundle_text(&j->bundle, BUNDLE_TYPE);

	for (size_t i = 0; i < ARRAY_SIZE(fresh_types); i++) {
		if (!streq(fresh_types[i].type, type))
			continue;
		if (fresh_types[i].tpm)
			set_value(&j->policy.nonce, q->nonce, sizeof(q->nonce), sizeof(q->nonce));
		else
			set_value(&j->policy.report_data, q->nonce, sizeof(q->nonce), REPORT_DATA_LEN);
		j->type = attest_verifier_find(type);
		break;
	}
	(void) snprintf(j->ret->type, sizeof(j->ret->type), "%s", type);
	(void) snprintf(j->ret->provider, sizeof(j->ret->provider), "%s",
			bundle_text(&j->bundle, BUNDLE_PROVIDER));
	if (!j->type)
		return refuse(j, ATTEST_UNDECIDED, "TYPE",
			      "evidence of type '%.16s' proves nothing here", type);
	return 0;
}

static int bind_policy(struct judgement *j, const struct attest_question *q)
{
	const struct bundle_item *policy = bundle_find(&j->bundle, BUNDLE_POLICY, 0);
	uint8_t sha384[48];

	if (!(q->flags & ATTEST_BIND_POLICY))
		return 0;
	if (EVP_Digest(policy->data, policy->len, sha384, NULL, EVP_sha384(), NULL) != 1)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "the policy cannot be hashed");
	if (streq(j->type->name, "azure"))
		return refuse(j, ATTEST_UNDECIDED, "BIND",
			      "BindPolicy=yes: nothing in Azure's evidence can name a policy");
	set_value(&j->policy.host_data, j->ret->policy_sha256, 32, 32);
	set_value(&j->policy.mrconfigid, sha384, 48, 48);
	return 0;
}

static const enum attest_result results[_VERDICT_MAX] = {
	[VERDICT_UNDECIDED] = ATTEST_UNDECIDED,
	[VERDICT_ACCEPTED] = ATTEST_ACCEPTED,
	[VERDICT_NOT_AUTHENTIC] = ATTEST_NOT_AUTHENTIC,
	[VERDICT_MALFORMED] = ATTEST_MALFORMED,
	[VERDICT_REFUSED] = ATTEST_REFUSED,
};

/*
 * Whether what could not be had may be the reason: there was nothing in its place, or something
 * for another firmware level.
 */
static bool is_about_missing(const struct judgement *j, const struct verdict *v)
{
	return j->missing.text[0] && (v->result == VERDICT_UNDECIDED || streq(v->code, "TCB_MISMATCH"));
}

static void take_verdict(struct judgement *j, const struct verdict *v)
{
	const struct verdict_check *c = v->first_failed >= 0 ? &v->checks[v->first_failed] : NULL;

	if (c && is_about_missing(j, v))
		(void) refuse(j, results[v->result], v->code, "%s: expected %.40s; %.190s", c->name,
			      c->expected[0] ? c->expected : "it to hold", j->missing.text);
	else if (v->result == VERDICT_ACCEPTED)
		(void) refuse(j, ATTEST_ACCEPTED, "OK", "%u checks of %s evidence", v->n_checks,
			      j->type->name);
	else if (c)
		(void) refuse(j, results[v->result], v->code, "%s: expected %.80s, found %.80s",
			      c->name, c->expected[0] ? c->expected : "it to hold",
			      c->found[0] ? c->found : "otherwise");
	else
		(void) refuse(j, results[v->result], v->code, "nothing was decided");
}

static int verify(struct judgement *j)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	struct evidence e = { 0 };
	int64_t now = (int64_t)time(NULL);

	/* Certificates that have expired were good under a clock that stands still. */
	if (now < ATTEST_CLOCK_FLOOR)
		return refuse(j, ATTEST_UNDECIDED, "CLOCK", "this machine's clock is not set");
	bundle_evidence(&j->bundle, j->type, &e);
	if (!v || verifier_new(&j->trust, &ctx) < 0 ||
	    attest_verify(ctx, j->type, &e, &j->policy, now, v) < 0)
		return refuse(j, ATTEST_UNDECIDED, "MEMORY", "out of memory");
	take_verdict(j, v);
	return 0;
}

static void judge(struct judgement *j, int pack, const struct attest_sources *with,
		  const struct attest_question *q)
{
	if (read_pack(j, pack) < 0 || read_policy(j) < 0 || ask_tpm(j, with, q) < 0 ||
	    set_nonce(j, q) < 0 || bind_policy(j, q) < 0)
		return;
	(void) verify(j);
}

void attest_judge(int pack, const struct attest_sources *with, const struct attest_question *q,
		  struct attest_verdict *ret)
{
	struct judgement *j = calloc(1, sizeof(*j));

	*ret = (struct attest_verdict){ .result = ATTEST_UNDECIDED, .code = "MEMORY", .reason = "out of memory" };
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
