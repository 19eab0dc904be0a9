/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/tdx-status.h"

#include <stdio.h>

#include "wire/jspan.h"

/* ---- what it says ---- */

/* Add to @text the words of @array that it does not have yet, with blanks between. */
static void add_advisories(struct bytes array, char *text, size_t size)
{
	size_t n = strlen(text);
	struct bytes value, id;

	if (array.len == 0)
		return;
	while (jspan_next_element(&array, &value) > 0) {
		char word[40];

		if (jspan_text(value, &id) < 0 || id.len == 0 || id.len >= sizeof(word) - 2 ||
		    n + id.len + 2 > size)
			continue;
		(void) snprintf(word, sizeof(word), "%.*s", (int)id.len, (const char *)id.p);
		if (strstr(text, word))
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", word);
	}
}

void tdx_status_claims(struct verdict *v, const struct tdx_tcb *tcb,
		       const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		       int64_t expires)
{
	char advisories[1024] = "";

	verdict_claim_text(v, "tdx.tcb_status", tcb_status_name(tcb->status));
	if (tcb->platform) {
		verdict_claim_text(v, "tdx.platform_status",
				   tcb_status_name(tcb->platform->state.status));
		verdict_claim_time(v, "tdx.tcb_date", tcb->platform->state.date);
		add_advisories(tcb->platform->state.advisories, advisories, sizeof(advisories));
	}
	if (tcb->module) {
		verdict_claim_text(v, "tdx.module_status",
				   tcb_status_name(tcb->module->state.status));
		add_advisories(tcb->module->state.advisories, advisories, sizeof(advisories));
	}
	if (tcb->qe) {
		verdict_claim_text(v, "tdx.qe_status", tcb_status_name(tcb->qe->state.status));
		add_advisories(tcb->qe->state.advisories, advisories, sizeof(advisories));
	}
	verdict_claim_text(v, "tdx.advisories", verdict_text(v, "%s", advisories));
	verdict_claim_number(v, "tdx.tcb_evaluation",
			     MIN(info->evaluation, qe->evaluation));
	verdict_claim_time(v, "tdx.collateral_expires", expires);
}

/* ---- what is lacking ---- */

static const char *part_name(struct verdict *v, const struct tdx_lack *l)
{
	switch (l->part) {
	case TDX_PART_SGX:
		return verdict_text(v, "sgx[%u]", l->i);
	case TDX_PART_TDX:
		return verdict_text(v, "tdx[%u]", l->i);
	case TDX_PART_PCESVN:
		return "pcesvn";
	case TDX_PART_MODULE:
		return "module";
	case TDX_PART_QE:
		break;
	}
	return "qe";
}

static const char *part_words(struct verdict *v, const struct tcb_level *target,
			      const struct tdx_lack *l)
{
	struct bytes category, type;

	if (l->part == TDX_PART_MODULE)
		return verdict_text(v, "TDX module of version %u", l->i);
	if (l->part == TDX_PART_QE)
		return "quoting enclave";
	if (l->part == TDX_PART_PCESVN)
		return "provisioning certification enclave";
	tdx_component_words(target, l->part == TDX_PART_TDX, l->i, &category, &type);
	return verdict_text(v, "%.*s%s%.*s", (int)MIN(category.len, 64), (const char *)category.p,
			    category.len > 0 && type.len > 0 ? ": " : "", (int)MIN(type.len, 64),
			    (const char *)type.p);
}

void tdx_status_shortfall(struct verdict *v, const struct tdx_tcb_info *info,
			  const struct tdx_qe_identity *qe, const struct pck *pck,
			  const struct tdx_quote *q)
{
	struct verdict_shortfall *s = &v->shortfall;
	struct tdx_shortfall found;

	tdx_shortfall_find(info, qe, pck, q, v->policy->accept, &found);
	s->is_known = true;
	s->module_alone = found.module_alone;
	if (!found.target)
		return;
	s->status = tcb_status_name(found.target->state.status);
	s->date = verdict_time(v, found.target->state.date);
	for (s->n = 0; s->n < found.n; s->n++) {
		const struct tdx_lack *l = &found.lacks[s->n];

		s->list[s->n] = (struct verdict_lack){ part_name(v, l), l->has, l->needs,
						       part_words(v, found.target, l) };
	}
}

_Static_assert(TDX_LACKS_MAX <= VERDICT_LACKS_MAX, "there is room for all");

/* "OutOfDate; below the level of 2024-11-13T00:00:00Z: sgx[0] 2 of 3, pcesvn 5 of 13" */
static const char *status_found(struct verdict *v, enum tcb_status status)
{
	const struct verdict_shortfall *s = &v->shortfall;
	char text[400];
	size_t n = 0;

	if (!s->is_known || s->n == 0)
		return tcb_status_name(status);
	for (unsigned i = 0; i < s->n && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %u of %u", i ? ", " : "",
				      s->list[i].what, s->list[i].has, s->list[i].needs);
	return verdict_text(v, "%s; below the level of %s: %s%s", tcb_status_name(status), s->date,
			    text, n < sizeof(text) ? "" : "...");
}

/* ---- policy ---- */

void tdx_status_check(struct verdict *v, const struct policy *p, enum tcb_status status)
{
	char accepted[400] = "";
	size_t n = 0;

	policy_judged(v, &p->accept);
	for (unsigned i = TCB_STATUS_NONE + 1; i < _TCB_STATUS_MAX; i++)
		if (p->accept & 1u << i && n < sizeof(accepted))
			n += (size_t)snprintf(accepted + n, sizeof(accepted) - n, "%s%s",
					      n ? ", " : "", tcb_status_name(i));
	(void) verdict_check(v, (p->accept & 1u << status) != 0, VERDICT_REFUSED,
			     verdict_text(v, "TCB_%s", tcb_status_name(status)),
			     "firmware is as current as the policy wants",
			     verdict_text(v, "%s", accepted), status_found(v, status));
}
