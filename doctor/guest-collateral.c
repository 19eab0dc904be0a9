/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Until when the collateral is good by which cocod judges this VM's evidence. */
#include <stdio.h>

#include "attest/tdx/tdx-collateral.h"
#include "attest/x509/x509.h"
#include "base/clock.h"
#include "doctor/guest.h"

#define SOON_DAYS 7
#define DAY 86400

/* Where cocod looks: agent/collateral.h. */
static const char *const folders[] = { "/etc/cocod/collateral", "/var/cache/cocod" };

static bool crl_until(struct bytes data, int64_t *ret)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	int64_t from;

	return x509_crl_parse(data, &crl) >= 0 && x509_crl_validity(crl, &from, ret) >= 0;
}

static bool tcb_info_until(struct bytes data, int64_t *ret)
{
	_cleanup_(freep) struct tdx_tcb_info *info = malloc(sizeof(*info));
	const char *problem;

	if (!info || tdx_tcb_info_read(data, info, &problem) < 0)
		return false;
	*ret = info->next_update;
	return true;
}

static bool qe_identity_until(struct bytes data, int64_t *ret)
{
	_cleanup_(freep) struct tdx_qe_identity *qe = malloc(sizeof(*qe));
	const char *problem;

	if (!qe || tdx_qe_identity_read(data, qe, &problem) < 0)
		return false;
	*ret = qe->next_update;
	return true;
}

/* What expires, by the beginning of a file's name, which '-' or '.' ends. */
static const struct {
	const char *name;
	bool (*until)(struct bytes data, int64_t *ret);
} kinds[] = {
	{ "crl", crl_until },	    { "root-crl", crl_until },
	{ "pck-crl", crl_until },   { "tcb-info", tcb_info_until },
	{ "qe-identity", qe_identity_until },
};

#define N_KINDS 5

/* For each kind, of all that could be read, the one that is good longest. */
struct dates {
	unsigned n[N_KINDS], unread;
	int64_t until[N_KINDS];
};

static size_t kind_of(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		const char *rest = startswith(name, kinds[i].name);

		if (rest && (*rest == '-' || *rest == '.'))
			return i;
	}
	return N_KINDS;
}

static void look_at_file(struct exam *x, const char *path, size_t kind, struct result *r,
			 struct dates *d)
{
	_cleanup_(freep) uint8_t *data = malloc(PROVIDER_TEXT_MAX);
	int64_t until;
	size_t len;

	if (!data || provider_bytes(x->p, path, data, PROVIDER_TEXT_MAX, &len) != GOT_IT ||
	    len == PROVIDER_TEXT_MAX || !kinds[kind].until((struct bytes){ data, len }, &until)) {
		result_saw(r, path, "cannot be read");
		d->unread++;
		return;
	}
	d->until[kind] = d->n[kind]++ ? MAX(d->until[kind], until) : until;
}

static void look_in(struct exam *x, const char *folder, struct result *r, struct dates *d)
{
	struct tree_names names = { 0 };
	char path[PROVIDER_LINE_MAX];

	enum got got = provider_list(x->p, folder, &names);

	if (got != GOT_IT) {
		d->unread += got != GOT_ABSENT;
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		size_t kind = kind_of(names.names[i]);

		if (kind < N_KINDS && snprintf(path, sizeof(path), "%s/%s", folder,
					       names.names[i]) < (int)sizeof(path))
			look_at_file(x, path, kind, r, d);
	}
	tree_names_done(&names);
}

/* The kind that expires first, or N_KINDS without any. */
static size_t first_to_expire(const struct dates *d)
{
	size_t first = N_KINDS;

	for (size_t i = 0; i < N_KINDS; i++)
		if (d->n[i] && (first == N_KINDS || d->until[i] < d->until[first]))
			first = i;
	return first;
}

static void judge_dates(struct result *r, const struct dates *d, int64_t now)
{
	size_t first = first_to_expire(d);
	char text[TIME_TEXT_MAX] = "?";

	if (first == N_KINDS) {
		result_set(r, d->unread ? OUTCOME_UNKNOWN : OUTCOME_NA, "%s",
			   d->unread ? "What there is of collateral cannot be read" :
				       "There is no collateral that can expire");
		return;
	}
	(void) time_format(d->until[first], text);
	result_saw(r, kinds[first].name, "good until %s", text);
	if (d->until[first] < now)
		result_set(r, OUTCOME_FAIL,
			   "The collateral has expired (%s, at %s): no evidence is "
			   "accepted", kinds[first].name, text);
	else if (d->until[first] < now + SOON_DAYS * DAY)
		result_set(r, OUTCOME_WARN, "The collateral expires within %d days (%s, at %s)",
			   SOON_DAYS, kinds[first].name, text);
	else
		result_set(r, OUTCOME_PASS, "The collateral is good until %s", text);
	if (r->outcome != OUTCOME_PASS)
		result_fix(r, FIX_CONFIG, "cococtl attest fetch");
}

void guest_collateral(struct exam *x, struct result *r)
{
	struct dates d = { 0 };
	int64_t now;
	enum got got;

	if (!(x->offers & (FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX)))) {
		result_set(r, OUTCOME_NA,
			   "A VM of this kind has no evidence that needs collateral");
		return;
	}
	got = provider_now(x->p, &now);
	if (got != GOT_IT) {
		result_unknown(r, "the time of the record", got);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		look_in(x, folders[i], r, &d);
	judge_dates(r, &d, now);
}
