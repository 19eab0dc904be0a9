/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/attest-gather.h"

#include <stdio.h>

#include "attest/gather/imds.h"
#include "attest/gather/tpm.h"
#include "base/text.h"
#include "wire/hcl.h"

static int put_user_data(int tpm, const struct attest_gather *q, struct bundle *b,
			 struct cause *why)
{
	int r = tpm_put_user_data(tpm, q->report_data, why);

	/* Older paravisors do not know user data.  The broker decides what that means. */
	if (r == -ETIMEDOUT)
		r = bundle_add_text(b, BUNDLE_NOTE, "%s", why->text);
	return r;
}

/* The words of the protocol for the TEE below the paravisor. */
static int find_tee(const struct bundle *b, char ret[static 16], struct cause *why)
{
	const struct bundle_item *item = bundle_find(b, BUNDLE_HCL, 0);
	struct hcl_report hcl;
	const char *problem = "there is none";
	int r;

	r = item ? hcl_parse(item->data, item->len, &hcl, &problem) : -EBADMSG;
	if (r < 0)
		return cause_set(why, r, "the vTPM's HCL report is malformed: %s", problem);
	if (hcl.kind != HCL_SNP && hcl.kind != HCL_TDX)
		return cause_set(why, -EOPNOTSUPP,
				 "the vTPM's HCL report is neither of SEV-SNP nor of TDX (%u)",
				 hcl.kind);
	(void) snprintf(ret, 16, "%s", hcl.kind == HCL_SNP ? "az-snp-vtpm" : "az-tdx-vtpm");
	return 0;
}

static int gather(const struct attest_sources *with, const struct attest_gather *q,
		  struct bundle *b, char ret_tee[static 16], struct cause *why)
{
	int r;

	if (with->tpm < 0)
		return cause_set(why, -ENODEV, "there is no TPM");
	r = q->len > 0 ? put_user_data(with->tpm, q, b, why) : 0;
	/* The report is read again after this, and has the user data then. */
	if (r >= 0)
		r = tpm_gather(with->tpm, TPM_PCRS_ALL, q->report_data, q->len, b, why);
	if (r >= 0)
		r = find_tee(b, ret_tee, why);
	if (r >= 0 && q->len > 0)
		r = imds_complete(with->imds, IMDS_ALL, b, why);
	return r;
}

void attest_gather_azure(const struct attest_sources *with, const struct attest_gather *q, int pack,
			 struct attest_gathered *ret)
{
	struct cause why = { "" };
	struct bundle b = { 0 };
	char tee[16] = "";
	int r;

	*ret = (struct attest_gathered){ .error = 0 };
	r = gather(with, q, &b, tee, &why);
	if (r >= 0) {
		r = bundle_write_pack(&b, pack);
		if (r < 0)
			(void) cause_set(&why, r, "the evidence cannot be packed: %s",
					 strerror(-r));
	}
	bundle_done(&b);
	if (r >= 0) {
		memcpy(ret->tee, tee, sizeof(ret->tee));
		return;
	}
	ret->error = r;
	(void) snprintf(ret->reason, sizeof(ret->reason), "%s",
			why.text[0] ? why.text : strerror(-r));
	make_printable(ret->reason);
}
