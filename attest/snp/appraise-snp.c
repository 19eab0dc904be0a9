/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/appraise-snp.h"

#include <openssl/evp.h>

#define VMPL_HOST UINT32_MAX

void snp_evidence_done(struct snp_evidence *s)
{
	snp_chain_done(&s->chain);
}

static void forbid_bit(struct verdict *v, bool found, bool allowed, const char *code,
		       const char *name, const char *what)
{
	if (found && allowed)
		verdict_skip(v, name, "it is not, and the policy allows that");
	else
		(void) verdict_check(v, !found, VERDICT_REFUSED, code, name, "it to be so",
				     found ? what : NULL);
}

static void policy_vmpl(const struct snp_report *r, const struct policy *p, struct verdict *v)
{
	static const char name[] = "privilege level (VMPL)";

	policy_judged(v, &p->max_vmpl);
	if (r->vmpl == VMPL_HOST)
		(void) verdict_fail(v, VERDICT_REFUSED, "VMPL", name,
				    "a report that the guest asked for",
				    "a report that the host asked for");
	else if (!p->max_vmpl.set)
		verdict_skip(v, name, "not asked for");
	else
		(void) verdict_check(v, r->vmpl <= p->max_vmpl.value, VERDICT_REFUSED, "VMPL", name,
				     verdict_text(v, "at most %llu",
						  (unsigned long long)p->max_vmpl.value),
				     verdict_text(v, "%u", r->vmpl));
}

static void policy_order(const struct snp_evidence *s, const struct policy *p, struct verdict *v)
{
	const struct snp_report *r = &s->report;
	enum snp_product product = s->chain.extensions.product;
	struct snp_tcb reported = snp_tcb_decode(product, r->reported_tcb);
	struct snp_tcb committed = snp_tcb_decode(product, r->committed_tcb);
	struct snp_tcb current = snp_tcb_decode(product, r->current_tcb);
	bool provisional = !snp_tcb_le(&current, &committed) ||
			   r->current_version > r->committed_version;
	bool forbidden = policy_forbids(v, p, FORBID_PROVISIONAL);
	const char *found;

	found = verdict_text(v, "%s, %s, %s", snp_tcb_text(v, product, &reported),
			     snp_tcb_text(v, product, &committed),
			     snp_tcb_text(v, product, &current));
	(void) verdict_check(v,
			     snp_tcb_le(&reported, &committed) && snp_tcb_le(&committed, &current),
			     VERDICT_REFUSED, "TCB_ORDER", "reported TCB <= committed <= current",
			     "each component in that order", found);
	if (provisional && !forbidden)
		verdict_skip(v, "firmware is committed",
			     "it is not: the host can go back to an older one "
			     "(forbid=provisional refuses this)");
	else
		(void) verdict_check(v, !provisional, VERDICT_REFUSED, "PROVISIONAL",
				     "firmware is committed", "current as committed",
				     provisional ? "current above committed: the host can go back" :
						   NULL);
}

/*
 * Read a floor that is a whole number.  A byte where @product has no component means that the
 * floor was written for another product.
 */
static int raw_floor(enum snp_product product, const struct policy_tcb *floor, struct snp_tcb *ret)
{
	uint64_t tcb = get_u64le(floor->component);

	for (unsigned i = 0; i < POLICY_TCB_RAW; i++)
		if (floor->component[i] && !(snp_tcb_bytes(product) & 1u << i))
			return -EINVAL;
	*ret = snp_tcb_decode(product, tcb);
	return 0;
}

/*
 * @floor must have four components, or five if the product has an FMC.  A floor that was written
 * for a product with another number does not fit.
 */
static int read_floor(enum snp_product product, const struct policy_tcb *floor, struct snp_tcb *ret)
{
	unsigned skip = snp_tcb_has(product, SNP_TCB_FMC) ? 0 : 1;

	if (floor->n == POLICY_TCB_RAW)
		return raw_floor(product, floor, ret);
	if (floor->n != _SNP_TCB_MAX - skip)
		return -EINVAL;
	*ret = (struct snp_tcb){ { 0 } };
	memcpy(ret->svn + skip, floor->component, floor->n);
	return 0;
}

static void policy_floor(struct verdict *v, enum snp_product product,
			 const struct policy_tcb *floor, const char *code, const char *name,
			 uint64_t tcb)
{
	struct snp_tcb found = snp_tcb_decode(product, tcb), min;
	const char *text = snp_tcb_text(v, product, &found);

	policy_judged(v, floor);
	if (floor->n == 0) {
		verdict_skip(v, name, verdict_text(v, "not asked for; it is %s", text));
		return;
	}
	if (read_floor(product, floor, &min) < 0) {
		(void) verdict_fail(v, VERDICT_REFUSED, code, name,
				    verdict_text(v, "a floor of %u components, as %s has them",
						 snp_tcb_has(product, SNP_TCB_FMC) ? 5u : 4u,
						 snp_product_name(product)),
				    floor->n == POLICY_TCB_RAW ?
					    "a floor with bytes that mean nothing there" :
					    verdict_text(v, "a floor of %u", floor->n));
		return;
	}
	(void) verdict_check(v, snp_tcb_le(&min, &found), VERDICT_REFUSED, code, name,
			     verdict_text(v, "at least %s in each component",
					  snp_tcb_text(v, product, &min)),
			     text);
}

static void policy_values_of_report(const struct snp_report *r, const struct policy *p,
				    struct verdict *v)
{
	const struct {
		const struct policy_values *want;
		const char *code, *name;
		const uint8_t *found;
		size_t len;
	} list[] = {
		{ &p->report_data, "REPORT_DATA", "report data", r->report_data, 64 },
		{ &p->measurement, "MEASUREMENT", "launch measurement", r->measurement, 48 },
		{ &p->host_data, "HOST_DATA", "host data", r->host_data, 32 },
		{ &p->id_key_digest, "ID_KEY_DIGEST", "digest of the ID key", r->id_key_digest,
		  48 },
		{ &p->author_key_digest, "AUTHOR_KEY_DIGEST", "digest of the author key",
		  r->author_key_digest, 48 },
		{ &p->family_id, "FAMILY_ID", "family ID", r->family_id, 16 },
		{ &p->image_id, "IMAGE_ID", "image ID", r->image_id, 16 },
		{ &p->report_id, "REPORT_ID", "report ID", r->report_id, 32 },
		{ &p->chip_id, "CHIP_ID", "chip ID is on the list", r->chip_id, 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		policy_check_values(v, list[i].want, list[i].code, list[i].name, list[i].found,
				    list[i].len);
	/* The author key's digest has a meaning only if an author key was used. */
	if (p->author_key_digest.n > 0 && !r->author_key_en)
		(void) verdict_fail(v, VERDICT_REFUSED, "AUTHOR_KEY_DIGEST",
				    "digest of the author key", "an author key",
				    "no author key was used");
}

static void policy_aliases(const struct snp_report *r, struct verdict *v)
{
	static const char name[] = "memory was checked for aliases (CVE-2024-21944)";

	if (r->version >= 3 && (r->platform_info & SNP_PLATFORM_ALIAS_CHECK_COMPLETE))
		verdict_pass(v, name, NULL);
	else
		verdict_skip(v, name, "the report does not say so (plat_require=20 refuses this)");
}

/*
 * A migration agent can give a guest any measurement and policy (MSG_IMPORT_REQ of the SNP ABI).
 * Only REPORT_ID_MA shows it: it has the agent's REPORT_ID, or all ones if no agent was bound.
 * No option excuses this, since then nothing else in the report need be true.
 */
static void check_not_imported(const struct snp_report *r, struct verdict *v)
{
	uint8_t ones[32];

	memset(ones, 0xff, sizeof(ones));
	(void) verdict_check(v, memcmp(r->report_id_ma, ones, sizeof(ones)) == 0, VERDICT_REFUSED,
			     "IMPORTED",
			     "guest was measured here, not imported by a migration agent",
			     "REPORT_ID_MA of ones: no migration agent",
			     verdict_hex(v, r->report_id_ma, sizeof(ones)));
}

void snp_apply_policy(const struct snp_evidence *s, const struct policy *p, struct verdict *v)
{
	const struct snp_report *r = &s->report;
	enum snp_product product = s->chain.extensions.product;

	check_not_imported(r, v);
	forbid_bit(v, r->policy & SNP_POLICY_DEBUG, policy_allows(v, p, ALLOW_DEBUG), "DEBUG",
		   "debugging is off", "the host may read and write this guest");
	forbid_bit(v, r->policy & SNP_POLICY_MIGRATE_MA, policy_allows(v, p, ALLOW_MIGRATE),
		   "MIGRATE_MA", "migration is off",
		   "a migration agent may take this guest elsewhere");
	forbid_bit(v, s->chain.kind == SNP_KEY_VCEK && r->mask_chip_key,
		   policy_allows(v, p, ALLOW_MASKED), "CHIP_MASKED", "the chip is named",
		   "the host hides it: the report cannot be bound to a chip");
	forbid_bit(v, s->chain.kind == SNP_KEY_VLEK, !policy_forbids(v, p, FORBID_VLEK), "KEYTYPE",
		   "signed by the chip's own key (VCEK)", "signed by a provider's key (VLEK)");
	policy_vmpl(r, p, v);
	policy_order(s, p, v);
	policy_floor(v, product, &p->min_tcb, "TCB_FLOOR", "reported TCB", r->reported_tcb);
	policy_floor(v, product, &p->min_launch_tcb, "LAUNCH_TCB", "TCB at launch", r->launch_tcb);
	policy_check_min_version(v, &p->min_firmware, "FIRMWARE", "committed firmware version",
				 r->committed_version, /* parts= */ 3);
	policy_check_min_version(v, &p->min_abi, "ABI", "minimum ABI of the guest policy",
				 r->policy & 0xffff, /* parts= */ 2);
	policy_check_min(v, &p->min_guest_svn, "GUEST_SVN", "guest SVN", r->guest_svn);
	policy_values_of_report(r, p, v);
	policy_check_masks(v, &p->plat_require, &p->plat_forbid, "PLATFORM_INFO", "platform info",
			   r->platform_info);
	policy_check_masks(v, &p->policy_require, &p->policy_forbid, "GUEST_POLICY", "guest policy",
			   r->policy);
	policy_check_masks(v, &p->min_mit, &(struct policy_number){ 0 }, "MITIGATIONS",
			   "mitigation vector", r->current_mit_vector);
	policy_aliases(r, v);
}

const char *snp_firmware_remark(const struct policy *p)
{
	if (p->min_tcb.n > 0)
		return NULL;
	return "No firmware level was asked for: firmware with known holes would do "
	       "(--set min_tcb=...)";
}

const struct policy_kind policy_snp = {
	.name = "SEV-SNP",
	.sections = { "snp" },
	.subjects = ABOUT_SNP,
	.identity = "measurement= with covers=kernel,initrd,cmdline, id_key_digest= or "
		    "author_key_digest=",
	.proven = HARDWARE_IS_PROVEN,
	.nonce = "report_data",
	.nonce_len = 64,
	.stale = REPORT_MAY_BE_STALE,
	.host_option = "host_data",
	.host_md = EVP_sha256,
	.firmware_remark = snp_firmware_remark,
};
