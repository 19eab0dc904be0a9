/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/tdx-tcb.h"

#include "base/hex.h"

/* True if @id is "TDX_" and @version as two hexadecimal digits, in either case. */
static bool id_is(struct bytes id, unsigned version)
{
	char want[] = { 't', 'd', 'x', '_', 0, 0 };

	if (id.len != sizeof(want))
		return false;
	hex_encode_byte((uint8_t)version, want + 4);
	for (size_t i = 0; i < sizeof(want); i++) {
		uint8_t c = id.p[i] >= 'A' && id.p[i] <= 'Z' ? (uint8_t)(id.p[i] | 0x20) : id.p[i];

		if (c != want[i])
			return false;
	}
	return true;
}

static const struct tdx_module *find_module(const struct tdx_tcb_info *info, unsigned version)
{
	for (unsigned i = 0; i < info->n_modules; i++)
		if (id_is(info->modules[i].id, version))
			return &info->modules[i];
	return NULL;
}

const struct tdx_module *tdx_tcb_module(const struct tdx_tcb_info *info,
					const uint8_t tee_tcb_svn[static 16])
{
	if (tee_tcb_svn[1] == 0)
		return info->has_module ? &info->module : NULL;
	return find_module(info, tee_tcb_svn[1]);
}

static bool masked_equal(const uint8_t *found, const uint8_t *mask, const uint8_t *want, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((found[i] & mask[i]) != want[i])
			return false;
	return true;
}

bool tdx_module_fits(const struct tdx_module *m, const struct td_body *body)
{
	/* An honest module sets no bit that the mask leaves out. */
	for (size_t i = 0; i < sizeof(body->seam_attributes); i++)
		if (body->seam_attributes[i] & ~m->attributes_mask[i])
			return false;
	return memcmp(m->mrsigner, body->mrsignerseam, sizeof(m->mrsigner)) == 0 &&
	       masked_equal(body->seam_attributes, m->attributes_mask, m->attributes,
			    sizeof(m->attributes));
}

bool tdx_qe_fits(const struct tdx_qe_identity *qe, const struct sgx_report *report)
{
	return masked_equal(report->miscselect, qe->miscselect_mask, qe->miscselect,
			    sizeof(qe->miscselect)) &&
	       masked_equal(report->attributes, qe->attributes_mask, qe->attributes,
			    sizeof(qe->attributes)) &&
	       memcmp(report->mrsigner, qe->mrsigner, sizeof(qe->mrsigner)) == 0 &&
	       get_u16le(report->isvprodid) == qe->isvprodid;
}

static const struct svn_level *find_svn_level(const struct svn_levels *levels, unsigned svn)
{
	for (unsigned i = 0; i < levels->n; i++)
		if (svn >= levels->level[i].isvsvn)
			return &levels->level[i];
	return NULL;
}

static bool all_reached(const uint8_t *have, const uint8_t *want, unsigned from)
{
	for (unsigned i = from; i < TCB_COMPONENTS; i++)
		if (have[i] < want[i])
			return false;
	return true;
}

/*
 * The first two bytes of TEE_TCB_SVN are the module's.  They are judged by the module's own
 * levels; only a module of version 0 is judged by the platform's.
 */
static const struct tcb_level *find_platform_level(const struct tdx_tcb_info *info,
						   const struct pck *pck,
						   const uint8_t *tee_tcb_svn)
{
	unsigned from = tee_tcb_svn[1] > 0 ? 2 : 0;

	for (unsigned i = 0; i < info->n_levels; i++) {
		const struct tcb_level *l = &info->levels[i];

		if (all_reached(pck->components, l->sgx, 0) && pck->pcesvn >= l->pcesvn &&
		    all_reached(tee_tcb_svn, l->tdx, from))
			return l;
	}
	return NULL;
}

/* The status of a platform that has @platform by itself while one of its parts has @part. */
static enum tcb_status converge(enum tcb_status platform, enum tcb_status part)
{
	if (platform == TCB_UNSUPPORTED || part == TCB_UNSUPPORTED)
		return TCB_UNSUPPORTED;
	if (platform == TCB_REVOKED || part == TCB_REVOKED)
		return TCB_REVOKED;
	if (part != TCB_OUT_OF_DATE)
		return platform;
	switch (platform) {
	case TCB_UP_TO_DATE:
	case TCB_SW_HARDENING_NEEDED:
	case TCB_TD_RELAUNCH_ADVISED:
		return TCB_OUT_OF_DATE;
	case TCB_CONFIGURATION_NEEDED:
	case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
	case TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED:
		return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	default:
		return platform;
	}
}

/*
 * True if the module that runs now (@svn2) is the newest.  It may have been updated under a
 * running TD, which an older module started.
 */
static bool module_is_newest_now(const struct tdx_tcb_info *info, const uint8_t *svn2)
{
	const struct tcb_level *newest = info->n_levels > 0 ? &info->levels[0] : NULL;
	const struct tdx_module *module;

	if (!newest || svn2[2] < newest->tdx[2])
		return false;
	if (svn2[1] == 0)
		return svn2[0] >= newest->tdx[0];
	module = find_module(info, svn2[1]);
	return module && module->levels.n > 0 && svn2[0] >= module->levels.level[0].isvsvn;
}

static enum tcb_status relaunch_status(enum tcb_status platform)
{
	switch (platform) {
	case TCB_UP_TO_DATE:
	case TCB_SW_HARDENING_NEEDED:
		return TCB_TD_RELAUNCH_ADVISED;
	case TCB_CONFIGURATION_NEEDED:
	case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
		return TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
	default:
		return TCB_STATUS_NONE;
	}
}

void tdx_tcb_evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		      const struct pck *pck, const struct tdx_quote *q, struct tdx_tcb *ret)
{
	const struct tdx_module *module = tdx_tcb_module(info, q->body->tee_tcb_svn);
	bool has_version = q->body->tee_tcb_svn[1] > 0;
	enum tcb_status status, relaunch;

	*ret = (struct tdx_tcb){
		.status = TCB_UNSUPPORTED,
		.platform = find_platform_level(info, pck, q->body->tee_tcb_svn),
		.module = has_version && module ?
				  find_svn_level(&module->levels, q->body->tee_tcb_svn[0]) :
				  NULL,
		.qe = find_svn_level(&qe->levels, get_u16le(q->qe_report->isvsvn)),
	};
	if (!ret->platform || (has_version && !ret->module) || !ret->qe)
		return;

	status = ret->platform->state.status;
	relaunch = relaunch_status(status);
	if (ret->module)
		status = converge(status, ret->module->state.status);
	if (q->body15 && ret->module && ret->module->state.status == TCB_OUT_OF_DATE &&
	    ret->qe->state.status == TCB_UP_TO_DATE && relaunch != TCB_STATUS_NONE &&
	    module_is_newest_now(info, q->body15->tee_tcb_svn2))
		status = relaunch;
	ret->status = converge(status, ret->qe->state.status);
}

/* ---- what is lacking ---- */

static bool is_accepted(uint32_t accept, enum tcb_status status)
{
	return accept & 1u << status;
}

static void lack(struct tdx_shortfall *s, enum tdx_part part, unsigned i, unsigned has,
		 unsigned needs)
{
	assert(s->n < TDX_LACKS_MAX);
	if (has < needs)
		s->lacks[s->n++] = (struct tdx_lack){ part, i, has, needs };
}

/* The newest level of a part with which a platform at @platform is accepted. */
static const struct svn_level *find_target(const struct svn_levels *levels,
					   enum tcb_status platform, uint32_t accept)
{
	for (unsigned i = 0; i < levels->n; i++)
		if (is_accepted(accept, converge(platform, levels->level[i].state.status)))
			return &levels->level[i];
	return NULL;
}

static void find_lacks(const struct pck *pck, const struct tdx_quote *q,
		       const struct tdx_module *module, const struct svn_levels *qe,
		       uint32_t accept, struct tdx_shortfall *s)
{
	const uint8_t *svn = q->body->tee_tcb_svn;
	const struct tcb_level *target = s->target;
	const struct svn_level *part;

	for (unsigned i = 0; i < TCB_COMPONENTS; i++)
		lack(s, TDX_PART_SGX, i, pck->components[i], target->sgx[i]);
	lack(s, TDX_PART_PCESVN, 0, pck->pcesvn, target->pcesvn);
	for (unsigned i = svn[1] > 0 ? 2 : 0; i < TCB_COMPONENTS; i++)
		lack(s, TDX_PART_TDX, i, svn[i], target->tdx[i]);
	part = svn[1] > 0 ? find_target(&module->levels, target->state.status, accept) : NULL;
	if (part)
		lack(s, TDX_PART_MODULE, svn[1], svn[0], part->isvsvn);
	part = find_target(qe, target->state.status, accept);
	if (part)
		lack(s, TDX_PART_QE, 0, get_u16le(q->qe_report->isvsvn), part->isvsvn);
}

/* True if the platform would be accepted had the TD been started by a module of @svn. */
static bool would_do(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		     const struct pck *pck, const struct tdx_quote *q, unsigned svn,
		     uint32_t accept)
{
	struct td_body body = *q->body;
	struct tdx_quote other = *q;
	struct tdx_tcb tcb;

	if (svn > UINT8_MAX)
		return false;
	body.tee_tcb_svn[0] = (uint8_t)svn;
	other.body = &body;
	tdx_tcb_evaluate(info, qe, pck, &other, &tcb);
	return is_accepted(accept, tcb.status);
}

void tdx_shortfall_find(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
			const struct pck *pck, const struct tdx_quote *q, uint32_t accept,
			struct tdx_shortfall *ret)
{
	const struct tdx_module *module = tdx_tcb_module(info, q->body->tee_tcb_svn);

	*ret = (struct tdx_shortfall){ .n = 0 };
	for (unsigned i = 0; i < info->n_levels && !ret->target; i++)
		if (is_accepted(accept, info->levels[i].state.status))
			ret->target = &info->levels[i];
	if (!ret->target || !module)
		return;
	find_lacks(pck, q, module, &qe->levels, accept, ret);
	ret->module_alone = ret->n == 1 && ret->lacks[0].part == TDX_PART_MODULE &&
			    would_do(info, qe, pck, q, ret->lacks[0].needs, accept);
}
