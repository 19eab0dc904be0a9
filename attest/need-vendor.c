/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/need-vendor.h"

#include <stdio.h>

#include "base/clock.h"

struct need *need_add(struct needs *n, const struct need_kind *kind, const char *key)
{
	struct need *need = &n->list[n->n++];

	*need = (struct need){ .kind = kind };
	(void) snprintf(need->name, sizeof(need->name), "%s%s%s", kind->prefix, key, kind->suffix);
	if (kind->header)
		(void) snprintf(need->chain, sizeof(need->chain), "%s%s%s", kind->chain_prefix, key,
				kind->chain_suffix);
	return need;
}

int needs_problem(char problem[static NEEDS_PROBLEM_LEN], int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(problem, NEEDS_PROBLEM_LEN, format, ap);
	va_end(ap);
	return error;
}

void needs_note(struct needs *n, const void *notes, size_t len)
{
	assert(len <= sizeof(n->notes));
	memcpy(n->notes, notes, len);
}

void needs_noted(const struct needs *n, void *ret, size_t len)
{
	assert(len <= sizeof(n->notes));
	memcpy(ret, n->notes, len);
}

int need_reject(struct need_finding *f, int error, const char *problem)
{
	f->problem = problem;
	return error;
}

static const char *format_date(int64_t t, char buf[static TIME_TEXT_MAX])
{
	return time_format(t, buf) ? buf : "?";
}

/* The dates say whether a mirror is behind, or a clock is wrong. */
static int reject_dates(struct need_finding *f, int64_t from, int64_t to, int64_t now)
{
	char begin[TIME_TEXT_MAX], end[TIME_TEXT_MAX], at[TIME_TEXT_MAX];

	(void) snprintf(f->text, sizeof(f->text),
			"it is not valid now: it is good from %s to %s, and now is %s",
			format_date(from, begin), format_date(to, end), format_date(now, at));
	return need_reject(f, -EKEYEXPIRED, f->text);
}

int need_check_validity(X509 *cert, int64_t now, struct need_finding *f)
{
	int r = now ? x509_valid_at(cert, now) : 0;
	int64_t from, to;

	if (r == -EKEYEXPIRED && x509_validity(cert, &from, &to) == 0)
		return reject_dates(f, from, to, now);
	if (r < 0)
		return need_reject(f, r, "it is not valid now");
	if (x509_validity(cert, &from, &to) == 0)
		f->until = MIN(f->until, to);
	return 0;
}

int need_check_two(struct bytes pem, const char *const names[static 2], int64_t now,
		     struct need_finding *f)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };
	int r;

	r = x509_parse(pem, &l);
	if (r < 0)
		return need_reject(f, r == -EMSGSIZE ? -EBADMSG : r,
				   "it is not certificates in PEM");
	if (l.n != 2)
		return need_reject(f, -EBADMSG, "it has not two certificates");
	for (unsigned i = 0; i < l.n; i++) {
		if (!x509_has_cn(X509_get_subject_name(l.cert[i]), names[i]))
			return need_reject(f, -EKEYREJECTED,
				      "its certificates are not those that were wanted");
		r = need_check_validity(l.cert[i], now, f);
		if (r < 0)
			return r;
	}
	return 0;
}

int need_check_list(struct bytes data, const char *issuer, int64_t now, struct need_finding *f)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	int64_t from, to;
	int r;

	r = x509_crl_parse(data, &crl);
	if (r < 0)
		return need_reject(f, r == -EMSGSIZE ? -EBADMSG : r, "it is not a revocation list");
	if (!x509_has_cn(X509_CRL_get_issuer(crl), issuer))
		return need_reject(f, -EKEYREJECTED, "it is the revocation list of somebody else");
	r = x509_crl_validity(crl, &from, &to);
	if (r < 0)
		return need_reject(f, r, "it does not say until when it is good");
	if (now && (to <= now || from > now))
		return reject_dates(f, from, to, now);
	f->until = MIN(f->until, to);
	return 0;
}

int need_check_period(int64_t issue, int64_t next_update, int64_t now, struct need_finding *f)
{
	if (now && (now < issue || now > next_update))
		return reject_dates(f, issue, next_update, now);
	f->until = MIN(f->until, next_update);
	return 0;
}

int need_check_evaluation(const struct needs *n, uint32_t found, struct need_finding *f)
{
	if (n->evaluation == 0 || found == n->evaluation)
		return 0;
	(void) snprintf(f->text, sizeof(f->text), "its tcbEvaluationDataNumber is %u, not %u",
			found, n->evaluation);
	return need_reject(f, -EKEYREJECTED, f->text);
}

void need_explain(const struct verdict *v, const char *what, char ret[static NEEDS_PROBLEM_LEN])
{
	const struct verdict_check *c = v->first_failed < 0 ? NULL : &v->checks[v->first_failed];

	if (c)
		(void) snprintf(ret, NEEDS_PROBLEM_LEN, "%s: %s: expected %.80s, found %.80s", what,
			       c->name, c->expected[0] ? c->expected : "it to hold",
			       c->found[0] ? c->found : "otherwise");
	else
		(void) snprintf(ret, NEEDS_PROBLEM_LEN, "%s", what);
}
