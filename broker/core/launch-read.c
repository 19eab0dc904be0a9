/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/launch-read.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "attest/azure/azure-runtime.h"
#include "base/hex.h"
#include "crypto/cleanup.h"
#include "wire/hcl.h"
#include "wire/snp-report.h"
#include "wire/tcg-log.h"
#include "wire/tdx-quote.h"
#include "wire/tpm-quote.h"

#define RTMR_LEN 48
#define INDEX_RTMR3 4		/* one more than the register's number */
#define TAG 0x4141454cu		/* of a text that software measured */
#define LAUNCH "coco-agent launch "
#define RELEASED "coco-agent released "
#define AZURE_LABEL "az 1"

static int unknown(struct launch *l, const char *why)
{
	l->known = false;
	(void) snprintf(l->why_not, sizeof(l->why_not), "%s", why);
	return 0;
}

static struct bytes item(const struct bundle *b, enum bundle_kind kind)
{
	const struct bundle_item *i = bundle_find(b, kind, 0);

	return i ? (struct bytes){ i->data, i->len } : (struct bytes){ NULL, 0 };
}

/* ---- SNP ---- */

static const uint8_t ones[32] = { [0 ... 31] = 0xff };

static int read_snp(const struct bundle *b, struct launch *ret)
{
	struct bytes data = item(b, BUNDLE_REPORT);
	struct snp_report r;

	if (!data.p || snp_report_open(data.p, data.len, &r) < 0)
		return unknown(ret, "there is no report");
	ret->has_host_data = true;
	memcpy(ret->host_data, r.host_data, sizeof(ret->host_data));
	/* Whoever imported the guest may have chosen all that the report says of its launch. */
	if (memcmp(r.report_id_ma, ones, sizeof(ones)) != 0)
		return unknown(ret, "the guest was imported, or has a migration agent");
	ret->known = true;
	memcpy(ret->id, r.report_id, sizeof(ret->id));
	return 0;
}

/* ---- TDX ---- */

struct replay {
	uint8_t rtmr[RTMR_LEN];
	unsigned n, n_launches;
	/* unclear: an event's text is not what was measured, so that it may have been anything */
	bool first_is_launch, released, unclear;
	uint8_t id[32];
};

static int extend(uint8_t rtmr[static RTMR_LEN], const uint8_t digest[static RTMR_LEN])
{
	uint8_t both[2 * RTMR_LEN];

	memcpy(both, rtmr, RTMR_LEN);
	memcpy(both + RTMR_LEN, digest, RTMR_LEN);
	return EVP_Digest(both, sizeof(both), rtmr, NULL, EVP_sha384(), NULL) == 1 ? 0 : -ENOMEM;
}

/*
 * Find the text that software measured.  Only what hashes to the digest was measured; the rest of
 * a log, an event's type too, is whatever its sender wrote.  Returns 1; 0 if it is not known what
 * was measured; -ENOMEM.
 */
static int measured_text(const struct tcg_event *e, const uint8_t digest[static RTMR_LEN],
			 struct bytes *ret)
{
	uint8_t found[RTMR_LEN];

	*ret = (struct bytes){ NULL, 0 };
	if (EVP_Digest(e->data.p, e->data.len, found, NULL, EVP_sha384(), NULL) != 1)
		return -ENOMEM;
	if (memcmp(found, digest, sizeof(found)) != 0)
		return 0;
	if (e->data.len >= 8 && get_u32le(e->data.p) == TAG &&
	    get_u32le(e->data.p + 4) == e->data.len - 8)
		*ret = (struct bytes){ e->data.p + 8, e->data.len - 8 };
	return 1;
}

static bool begins(struct bytes text, const char *with)
{
	return text.len >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

static void take_text(struct replay *r, struct bytes text)
{
	if (begins(text, RELEASED))
		r->released = true;
	if (!begins(text, LAUNCH))
		return;
	r->n_launches++;
	/* An id that cannot be read counts as a launch too, and there may be only one. */
	if (r->n == 0 && text.len == strlen(LAUNCH) + 2 * sizeof(r->id) &&
	    hex_decode(text.p + strlen(LAUNCH), sizeof(r->id), r->id) == 0)
		r->first_is_launch = true;
}

static int take_event(struct replay *r, const struct tcg_log *log, const struct tcg_event *e)
{
	const uint8_t *digest = tcg_event_digest(log, e, TCG_ALG_SHA384);
	struct bytes text;
	int known;

	if (e->index != INDEX_RTMR3 || e->type == TCG_EV_NO_ACTION)
		return 0;
	if (!digest)
		return -EBADMSG;
	known = measured_text(e, digest, &text);
	if (known < 0 || extend(r->rtmr, digest) < 0)
		return -ENOMEM;
	if (known == 0)
		r->unclear = true;
	take_text(r, text);
	r->n++;
	return 0;
}

static int replay_events(struct tcg_log *log, struct replay *ret)
{
	struct tcg_event event;
	int r;

	while ((r = tcg_log_next(log, &event)) > 0) {
		r = take_event(ret, log, &event);
		if (r < 0)
			return r;
	}
	return r;
}

/* The firmware's log, and what was measured after it, which may be in the same log. */
static int replay(const struct bundle *b, struct replay *ret)
{
	struct bytes data = item(b, BUNDLE_EVENT_LOG), more = item(b, BUNDLE_RUNTIME_LOG);
	struct tcg_log log;
	int r;

	r = tcg_log_open(data.p, data.len, &log);
	if (r == 0)
		r = replay_events(&log, ret);
	if (r == 0)
		r = tcg_log_continue(&log, more.p, more.len);
	return r == 0 ? replay_events(&log, ret) : r;
}

/* Returns 1 with what was measured into RTMR3; 0 when that is not known; -ENOMEM. */
static int read_rtmr3(const struct bundle *b, const uint8_t rtmr[static RTMR_LEN],
		      struct launch *l, struct replay *ret)
{
	int r;

	if (!bundle_find(b, BUNDLE_EVENT_LOG, 0))
		return unknown(l, "there is no event log: MeasureRelease=yes in broker.conf of "
				  "the guest measures its launch");
	r = replay(b, ret);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return unknown(l, "the event log is malformed");
	if (memcmp(ret->rtmr, rtmr, RTMR_LEN) != 0)
		return unknown(l, "the event log does not lead to RTMR3");
	if (ret->unclear)
		return unknown(l, "the event log does not show what was measured into RTMR3");
	return 1;
}

static int read_tdx(const struct bundle *b, struct launch *ret)
{
	struct bytes quote = item(b, BUNDLE_QUOTE);
	struct replay replayed = { .n = 0 };
	const char *problem;
	struct tdx_quote q;
	int r;

	/* Who was given a secret may leave out the log that says so. */
	ret->released_before = true;
	if (!quote.p || tdx_quote_parse(quote.p, quote.len, &q, &problem) < 0)
		return unknown(ret, "there is no quote");
	ret->has_mrconfigid = true;
	memcpy(ret->mrconfigid, q.body->mrconfigid, sizeof(ret->mrconfigid));
	ret->released_before =
		!bytes_all_zero(&(struct bytes){ q.body->rtmr[3], sizeof(q.body->rtmr[3]) });
	r = read_rtmr3(b, q.body->rtmr[3], ret, &replayed);
	if (r <= 0)
		return r;
	ret->released_before = replayed.released;
	if (!replayed.first_is_launch || replayed.n_launches != 1)
		return unknown(ret, "the first event of RTMR3 is not the only one of a launch: "
				    "MeasureRelease=yes in the guest's broker.conf");
	ret->known = true;
	memcpy(ret->id, replayed.id, sizeof(ret->id));
	return 0;
}

/* ---- Azure ---- */

static int hash_azure(const struct launch *l, const uint8_t report_id[static 32],
		      uint8_t ret[static 32])
{
	const uint8_t count[4] = { (uint8_t)(l->reset_count >> 24), (uint8_t)(l->reset_count >> 16),
				   (uint8_t)(l->reset_count >> 8), (uint8_t)l->reset_count };
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	return c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
			       EVP_DigestUpdate(c, AZURE_LABEL, sizeof(AZURE_LABEL)) == 1 &&
			       EVP_DigestUpdate(c, l->ak_sha256, sizeof(l->ak_sha256)) == 1 &&
			       EVP_DigestUpdate(c, count, sizeof(count)) == 1 &&
			       EVP_DigestUpdate(c, report_id, 32) == 1 &&
			       EVP_DigestFinal_ex(c, ret, NULL) == 1 ?
		       0 :
		       -ENOMEM;
}

/* The REPORT_ID of the SNP report inside; zeros with TDX. */
static int inner_id(const struct hcl_report *hcl, uint8_t ret[static 32], struct launch *l)
{
	struct snp_report r;

	memset(ret, 0, 32);
	if (hcl->kind != HCL_SNP)
		return 1;
	if (snp_report_open(hcl->hw_report.p, hcl->hw_report.len, &r) < 0)
		return unknown(l, "there is no report inside that of the paravisor");
	if (memcmp(r.report_id_ma, ones, sizeof(ones)) != 0)
		return unknown(l, "the guest was imported, or has a migration agent");
	memcpy(ret, r.report_id, 32);
	return 1;
}

static int read_azure(const struct bundle *b, struct launch *ret)
{
	struct bytes data = item(b, BUNDLE_HCL), attest = item(b, BUNDLE_TPM_ATTEST);
	struct azure_runtime runtime;
	uint8_t report_id[32];
	const char *problem;
	struct hcl_report hcl;
	struct tpm_quote q;
	int r;

	if (!data.p || hcl_parse(data.p, data.len, &hcl, &problem) < 0 ||
	    azure_runtime_read(hcl.runtime_json, &runtime, &problem) < 0)
		return unknown(ret, "the paravisor's report cannot be read");
	if (!attest.p || tpm_quote_parse(attest.p, attest.len, &q, &problem) < 0)
		return unknown(ret, "the quote of the vTPM cannot be read");
	r = inner_id(&hcl, report_id, ret);
	if (r <= 0)
		return r;
	if (EVP_Digest(runtime.ak_n, runtime.ak_n_len, ret->ak_sha256, NULL, EVP_sha256(), NULL) !=
	    1)
		return -ENOMEM;
	ret->has_vtpm = true;
	ret->reset_count = q.n_resets;
	if (hash_azure(ret, report_id, ret->id) < 0)
		return -ENOMEM;
	ret->known = true;
	return 0;
}

/* ---- all ---- */

int launch_read(enum broker_tee tee, const struct bundle *b, struct launch *ret)
{
	*ret = (struct launch){ .known = false };
	switch (tee) {
	case BROKER_TEE_SNP:
		return read_snp(b, ret);
	case BROKER_TEE_TDX:
		return read_tdx(b, ret);
	case BROKER_TEE_AZ_SNP:
	case BROKER_TEE_AZ_TDX:
		return read_azure(b, ret);
	default:
		return unknown(ret, "this kind of evidence has no launch");
	}
}
