/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/x509/crl-set.h"

#include <openssl/x509v3.h>
#include <stdio.h>

void crl_set_done(struct crl_set *s)
{
	while (s->n > 0)
		X509_CRL_free(s->list[--s->n]);
	s->newest = NULL;
}

void crl_entry(X509_CRL *crl, const struct crl_issuer *by, struct newest_entry *ret)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int len = number ? ASN1_STRING_length(number) : 0;
	int64_t next;

	*ret = (struct newest_entry){ .issued = 0 };
	(void) snprintf(ret->what, sizeof(ret->what), "%s", by->what);
	memcpy(ret->root, by->root, sizeof(ret->root));
	if (len > 0 && len <= NEWEST_NUMBER_LEN && ASN1_STRING_type(number) == V_ASN1_INTEGER)
		memcpy(ret->number + NEWEST_NUMBER_LEN - len, ASN1_STRING_get0_data(number),
		       (size_t)len);
	ASN1_INTEGER_free(number);
	(void) x509_crl_validity(crl, &ret->issued, &next);
}

static void release_crl(void *p)
{
	X509_CRL_free(p);
}

static int key_of(struct bytes text, const struct crl_issuer *by, uint8_t ret[static MEMO_KEY_LEN])
{
	uint8_t spki[32];
	const struct bytes both[] = { text, { spki, sizeof(spki) } };
	int r = x509_spki_sha256(by->cert, spki);

	return r < 0 ? r : memo_key("crl", both, ARRAY_SIZE(both), ret);
}

/*
 * Read @text, a list of the issuer's.  Returns 0 with @ret; -EBADMSG or -EMSGSIZE if @text is not
 * a list; else what x509_crl_verify() gives.
 */
static int take(struct verifier *ctx, const struct crl_issuer *by, struct bytes text,
		X509_CRL **ret)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	uint8_t key[MEMO_KEY_LEN];
	X509_CRL *known;
	int r;

	r = key_of(text, by, key);
	if (r < 0)
		return r;
	known = verifier_recall(ctx, key, 0);
	if (known) {
		if (!X509_CRL_up_ref(known))
			return -ENOMEM;
		*ret = known;
		return 0;
	}
	r = x509_crl_parse(text, &crl);
	if (r < 0)
		return r;
	r = x509_crl_verify(crl, by->cert, by->sig);
	if (r < 0)
		return r;
	/* The signature stays good; crl_set_check() looks at the dates each time. */
	if (X509_CRL_up_ref(crl))
		verifier_remember(ctx, MEMO_AUTHORITIES, key,
				  &(struct memo){ crl, release_crl, INT64_MIN, INT64_MAX });
	*ret = TAKE_PTR(crl);
	return 0;
}

static const char *problem_text(int error)
{
	if (error == -ENOENT)
		return "it is of another issuer";
	return error == -EKEYREJECTED ? "its issuer did not sign it" :
					"it is not a complete revocation list";
}

/* No list is the issuer's: say why, for @text, the list that matters most. */
static int fail(const struct crl_issuer *by, struct bytes text, int error, struct verdict *v)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;

	if (error == -ENOENT && x509_crl_parse(text, &crl) == 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CRL_SIG", by->name,
				    verdict_text(v, "issued by %s",
						 x509_name_text(v,
								X509_get_subject_name(by->cert))),
				    x509_name_text(v, X509_CRL_get_issuer(crl)));
	if (error == -EKEYREJECTED)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CRL_SIG", by->name,
				    "a signature of its issuer", "another signature");
	if (error == -EOPNOTSUPP)
		return verdict_fail(v, VERDICT_MALFORMED, "CRL_FORMAT", by->name, "a complete list",
				    "critical extensions that are not known");
	return verdict_fail(v, VERDICT_MALFORMED, "CRL_FORMAT", by->name,
			    "one list in DER or PEM", "something else");
}

int crl_set_collect(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by,
		    const struct bytes *lists, const bool *sent, unsigned n, struct verdict *v)
{
	int error[CRL_SET_MAX], r;
	unsigned worst = n;

	assert(n <= CRL_SET_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct newest_entry e;

		r = error[i] = take(ctx, by, lists[i], &s->list[s->n]);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			/* Report the verifier's own first list, else the first list. */
			if (worst == n || (sent[worst] && !sent[i]))
				worst = i;
			continue;
		}
		crl_entry(s->list[s->n++], by, &e);
		verifier_saw(ctx, e.issued);
	}
	if (s->n == 0 && worst < n)
		return fail(by, lists[worst], error[worst], v);
	for (unsigned i = 0; i < n; i++)
		if (error[i] < 0)
			verdict_skip(v, by->name,
				     verdict_text(v, "not used, %s: %s",
						  sent[i] ? "sent with the evidence" :
							    "of this verifier's",
						  problem_text(error[i])));
	return 0;
}

bool crl_set_has(const struct crl_set *s, X509 *cert)
{
	for (unsigned i = 0; i < s->n; i++)
		if (x509_crl_has(s->list[i], cert))
			return true;
	return false;
}

static bool is_good(X509_CRL *crl, int64_t now)
{
	int64_t last, next;

	return x509_crl_validity(crl, &last, &next) == 0 && now >= last && now <= next;
}

/* A list that is good now is better than a newer one that is not. */
static bool is_better(X509_CRL *a, X509_CRL *b, const struct crl_issuer *by, int64_t now)
{
	struct newest_entry ea, eb;

	if (is_good(a, now) != is_good(b, now))
		return is_good(a, now);
	crl_entry(a, by, &ea);
	crl_entry(b, by, &eb);
	return newest_is_older(&eb, &ea);
}

int crl_set_check(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by, int64_t now,
		  struct verdict *v)
{
	struct newest_entry e;
	int64_t last, next;
	const char *found;

	s->newest = s->list[0];
	for (unsigned i = 1; i < s->n; i++)
		if (is_better(s->list[i], s->newest, by, now))
			s->newest = s->list[i];
	if (x509_crl_validity(s->newest, &last, &next) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CRL_FORMAT", by->name,
				    "thisUpdate and nextUpdate", "not both");
	found = verdict_text(v, "good from %s to %s", verdict_time(v, last), verdict_time(v, next));
	if (now < last || now > next)
		return verdict_fail(v, VERDICT_UNDECIDED, "CRL_STALE", by->name,
				    verdict_text(v, "good on %s", verdict_time(v, now)), found);
	crl_entry(s->newest, by, &e);
	s->next_update = next;
	verdict_pass(v, by->name, found);
	return verifier_check_newest(ctx, &e, by->name, v);
}

int crl_check_alone(struct verifier *ctx, const struct crl_issuer *by, struct bytes list,
		    int64_t now, struct verdict *v, struct newest_entry *ret)
{
	_cleanup_(crl_set_done) struct crl_set s = { .n = 0 };
	const bool sent = false;
	int r;

	r = crl_set_collect(&s, ctx, by, &list, &sent, 1, v);
	if (r == 0)
		r = crl_set_check(&s, ctx, by, now, v);
	if (r == 0)
		crl_entry(s.newest, by, ret);
	return r;
}
