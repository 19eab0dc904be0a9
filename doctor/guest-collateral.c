/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the collateral expires that evidence is judged by.  Who signed it cocod-worker looks at. */
#include <stdio.h>

#include "agent/collateral.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/x509/x509.h"
#include "base/clock.h"
#include "doctor/guest-config.h"

#define SOON_DAYS 14
#define DAY (24 * 3600)
#define TIMER "cocod-collateral.timer"
#define TIMER_SERVICE "cocod-collateral.service"
#define FINDINGS_MAX 256
#define KEY_MAX 96

/* One certificate, list or document.  Of those with one key the one that is good longest counts. */
struct finding {
	char key[KEY_MAX];
	char path[PROVIDER_LINE_MAX];
	int64_t until;
};

struct collateral {
	struct exam *x;
	struct finding *list;
	size_t n;
	bool oom, too_many;
	int error;			/* of a file or folder that could not be had; 0 */
	char error_path[PROVIDER_LINE_MAX];
	char bad_path[PROVIDER_LINE_MAX];	/* the first that is malformed; "" */
};

static void add(struct collateral *c, const char *path, int64_t until, const char *kind,
		const char *name)
{
	char key[KEY_MAX];
	struct finding *more;

	snprintf(key, sizeof(key), "%s %.80s", kind, name);
	for (size_t i = 0; i < c->n; i++)
		if (streq(c->list[i].key, key)) {
			if (until > c->list[i].until) {
				c->list[i].until = until;
				snprintf(c->list[i].path, sizeof(c->list[i].path), "%.250s", path);
			}
			return;
		}
	if (c->n == FINDINGS_MAX) {
		c->too_many = true;
		return;
	}
	more = reallocarray(c->list, c->n + 1, sizeof(*more));
	if (!more) {
		c->oom = true;
		return;
	}
	c->list = more;
	c->list[c->n].until = until;
	memcpy(c->list[c->n].key, key, sizeof(key));
	snprintf(c->list[c->n++].path, sizeof(more->path), "%.250s", path);
}

/* A name for people; any other by a number, so that two are not taken for one. */
static void name_of(const X509_NAME *name, char ret[static X509_CN_MAX + 1])
{
	if (x509_common_name(name, ret) < 0)
		snprintf(ret, X509_CN_MAX + 1, "%08lx", X509_NAME_hash_ex(name, NULL, NULL, NULL));
}

/* Each returns 0, or a negative errno if the file is malformed. */

static int take_certs(struct collateral *c, const char *path, struct bytes data)
{
	_cleanup_(x509_list_done) struct x509_list certs = { .n = 0 };
	int r = x509_parse(data, &certs);

	if (r == 0 && certs.n == 0)
		return -EBADMSG;
	for (unsigned i = 0; r == 0 && i < certs.n; i++) {
		const X509_NAME *subject = X509_get_subject_name(certs.cert[i]);
		char cn[X509_CN_MAX + 1];
		int64_t from, until;

		name_of(subject, cn);
		r = x509_validity(certs.cert[i], &from, &until);
		if (r == 0)
			add(c, path, until, "certificate", cn);
	}
	return r;
}

static int take_crl(struct collateral *c, const char *path, struct bytes data)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	char cn[X509_CN_MAX + 1];
	int64_t from, until;
	int r = x509_crl_parse(data, &crl);

	if (r == 0)
		r = x509_crl_validity(crl, &from, &until);
	if (r < 0)
		return r;
	name_of(X509_CRL_get_issuer(crl), cn);
	add(c, path, until, "revocation list of", cn);
	return 0;
}

static int take_tcb_info(struct collateral *c, const char *path, struct bytes data)
{
	_cleanup_(freep) struct tdx_tcb_info *t = malloc(sizeof(*t));
	const char *problem;
	char fmspc[16];
	int r = t ? tdx_tcb_info_read(data, t, &problem) : -ENOMEM;

	if (r < 0)
		return r;
	snprintf(fmspc, sizeof(fmspc), "%02x%02x%02x%02x%02x%02x", t->fmspc[0], t->fmspc[1],
		 t->fmspc[2], t->fmspc[3], t->fmspc[4], t->fmspc[5]);
	add(c, path, t->next_update, "TCB info of", fmspc);
	return 0;
}

static int take_qe_identity(struct collateral *c, const char *path, struct bytes data)
{
	_cleanup_(freep) struct tdx_qe_identity *q = malloc(sizeof(*q));
	const char *problem;
	int r = q ? tdx_qe_identity_read(data, q, &problem) : -ENOMEM;

	if (r == 0)
		add(c, path, q->next_update, "QE", "identity");
	return r;
}

static int take_kind(struct collateral *c, enum bundle_kind kind, const char *path,
		     struct bytes data)
{
	switch (kind) {
	case BUNDLE_CERT:
	case BUNDLE_TCB_CHAIN:
	case BUNDLE_QE_CHAIN:
		return take_certs(c, path, data);
	case BUNDLE_CRL:
	case BUNDLE_ROOT_CRL:
	case BUNDLE_PCK_CRL:
		return take_crl(c, path, data);
	case BUNDLE_TCB_INFO:
		return take_tcb_info(c, path, data);
	case BUNDLE_QE_IDENTITY:
		return take_qe_identity(c, path, data);
	default:
		return 0;
	}
}

static int on_file(void *userdata, int r, enum bundle_kind kind, const struct config_file *f)
{
	struct collateral *c = userdata;
	struct bytes data = { (const uint8_t *)f->text, f->len };

	if (r < 0) {
		if (!c->error)
			snprintf(c->error_path, sizeof(c->error_path), "%.250s", f->path);
		c->error = c->error ?: r;
		return 0;
	}
	r = take_kind(c, kind, f->path, data);
	c->oom |= r == -ENOMEM;
	if (r < 0 && !c->bad_path[0])
		snprintf(c->bad_path, sizeof(c->bad_path), "%.250s", f->path);
	return 0;
}

/* ---- the verdict ---- */

static const struct finding *first_to_expire(const struct collateral *c)
{
	const struct finding *first = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (!first || c->list[i].until < first->until)
			first = &c->list[i];
	return first;
}

/* Is it refreshed by itself, and why was it not? */
static void fix_by_timer(struct exam *x, struct result *r)
{
	if (provider_is_link(x->p, "/etc/systemd/system/timers.target.wants/" TIMER))
		result_fix(r, FIX_CONFIG, "journalctl -u " TIMER_SERVICE
			   " says why " TIMER " has not refreshed it");
	else
		result_fix(r, FIX_CONFIG,
			   "systemctl enable --now " TIMER " has it refreshed in time");
}

static void judge_date(struct exam *x, const struct finding *f, int64_t now, struct result *r)
{
	char until[TIME_TEXT_MAX];

	if (!time_format(f->until, until))
		snprintf(until, sizeof(until), "a time that cannot be said");
	result_saw(r, f->path, "%s, good until %s", f->key, until);
	if (f->until < now)
		result_set(r, OUTCOME_FAIL,
			   "The collateral has expired: '%s' (%s), on %s; evidence that needs it "
			   "is refused", f->path, f->key, until);
	else if (f->until - now < SOON_DAYS * DAY)
		result_set(r, OUTCOME_WARN,
			   "The collateral expires within %d days: '%s' (%s), on %s", SOON_DAYS,
			   f->path, f->key, until);
	else
		result_set(r, OUTCOME_PASS,
			   "The collateral is good until %s, by this machine's clock, which the "
			   "host sets", until);
	if (r->outcome == OUTCOME_PASS)
		return;
	result_fix(r, FIX_CONFIG,
		   "cococtl attest fetch --refresh, if it is right that it is that day: "
		   "the clock is the host's word");
	fix_by_timer(x, r);
}

static void judge(const struct collateral *c, struct result *r)
{
	const struct finding *first = first_to_expire(c);
	enum got got;
	int64_t now;

	if (c->oom) {
		result_set(r, OUTCOME_UNKNOWN, "Out of memory");
	} else if (c->error == -EACCES) {
		result_unknown(r, c->error_path, GOT_DENIED);
	} else if (c->error) {
		result_set(r, OUTCOME_FAIL, "Collateral cannot be read, and then no evidence is "
			   "accepted: '%s': %s", c->error_path,
			   c->error == -EMSGSIZE ? "there are too many files" :
						   config_file_error(c->error));
		result_fix(r, FIX_CONFIG, "Mend what 'cocod --check-config' says");
	} else if (c->bad_path[0]) {
		result_set(r, OUTCOME_WARN, "Collateral is malformed: '%s'", c->bad_path);
		result_fix(r, FIX_CONFIG, "Remove it; cococtl attest fetch --refresh");
	} else if (!first) {
		result_set(r, OUTCOME_NA, "There is no collateral here");
	} else if ((got = provider_now(c->x->p, &now)) != GOT_IT) {
		result_unknown(r, "The clock", got);
	} else if (c->too_many) {
		result_set(r, OUTCOME_UNKNOWN, "There is more collateral than is looked at here");
		result_fix(r, FIX_NONE, "cocod --check-config looks at all of it");
	} else {
		judge_date(c->x, first, now, r);
	}
}

void guest_collateral(struct exam *x, struct result *r)
{
	if (x->offers & (FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX)))
		guest_collateral_outlook(x, r);
	else
		result_set(r, OUTCOME_NA,
			   "A VM of this kind has no evidence that needs collateral");
}

void guest_collateral_outlook(struct exam *x, struct result *r)
{
	struct collateral c = { .x = x };
	struct guest_config g;

	guest_config_root(x, &g);
	(void) collateral_each(&g.root, on_file, &c);
	judge(&c, r);
	free(c.list);
	guest_config_done(&g);
}
