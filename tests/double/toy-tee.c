/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/double/toy-tee.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "attest/need-vendor.h"
#include "attest/policy.h"
#include "base/io.h"

static const char hardware_key[] = "what only the hardware has";

static int make_mac(const struct toy_report *report, uint8_t ret[static TOY_MAC_LEN])
{
	return HMAC(EVP_sha256(), hardware_key, sizeof(hardware_key), (const uint8_t *)report,
		    offsetof(struct toy_report, mac), ret, NULL) ? 0 : -ENOMEM;
}

/* ---- the attester's side ---- */

static int probe(const struct attest_request *q, struct cause *why)
{
	return provider_probe_device(q, TOY_DEVICE, why);
}

static int report(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	_cleanup_(closep) int fd = provider_open_device(q, TOY_DEVICE, why);
	struct toy_report report;
	int r;

	if (fd < 0)
		return fd;
	memcpy(report.report_data, q->nonce, sizeof(report.report_data));
	if (read_full(fd, report.measurement, sizeof(report.measurement)) !=
	    sizeof(report.measurement))
		return cause_set(why, -EBADMSG, "it has no measurement");
	r = make_mac(&report, report.mac);
	if (r == 0)
		r = bundle_add_text(ret, BUNDLE_TYPE, "toy");
	if (r == 0)
		r = bundle_add_text(ret, BUNDLE_PROVIDER, "toy");
	return r == 0 ? bundle_add(ret, BUNDLE_REPORT, &report, sizeof(report)) : r;
}

const struct attest_provider toy_provider = { .name = "toy", .probe = probe, .report = report };

/* ---- the verifier's side ---- */

static const struct policy_kind policy_toy = {
	.name = "the toy",
	.sections = { "toy" },
	.subjects = ABOUT_REPORT,
	.identity = "measurement= with covers=kernel,initrd,cmdline",
	.proven = HARDWARE_IS_PROVEN,
	.nonce = "report_data",
	.nonce_len = REPORT_DATA_LEN,
	.stale = REPORT_MAY_BE_STALE,
};

static int read_report(const struct evidence *e, struct verdict *v, struct toy_report *ret)
{
	struct bytes bytes = e->piece[EVIDENCE_REPORT];

	if (bytes.len != sizeof(*ret))
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "report can be read",
				    "a toy's report", verdict_text(v, "%zu bytes", bytes.len));
	memcpy(ret, bytes.p, sizeof(*ret));
	verdict_claim_hex(v, "toy.measurement", ret->measurement, sizeof(ret->measurement));
	return 0;
}

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	uint8_t mac[TOY_MAC_LEN];
	struct toy_report r;

	if (read_report(e, v, &r) < 0)
		return 0;
	if (make_mac(&r, mac) < 0)
		return -ENOMEM;
	if (verdict_check(v, CRYPTO_memcmp(mac, r.mac, sizeof(mac)) == 0, VERDICT_NOT_AUTHENTIC,
			  "SIGNATURE", "the hardware made it", "its own code", "another") < 0)
		return 0;
	v->authentic = true;
	policy_check_values(v, &p->report_data, "REPORT_DATA", "report data", r.report_data,
			    sizeof(r.report_data));
	policy_check_values(v, &p->measurement, "MEASUREMENT", "measurement", r.measurement,
			    sizeof(r.measurement));
	policy_check_nonce(v, p, r.report_data);
	return 0;
}

static int show(const struct evidence *e, struct verdict *v)
{
	struct toy_report r;

	(void) read_report(e, v, &r);
	return 0;
}

static const struct policy_identity identities[] = { { { "measurement" }, false }, { { NULL } } };

/* ---- the vendor's service: one list, which says the name of the vendor ---- */

static int check_list(const struct needs *n, struct bytes data, int64_t now, struct need_finding *f)
{
	return data.len >= strlen(TOY_LIST) && memcmp(data.p, TOY_LIST, strlen(TOY_LIST)) == 0 ? 0 :
		       need_reject(f, -EBADMSG, "it is not the toy's list");
}

static const struct need_kind kind_list = {
	.what = "toy list",
	.prefix = "toy-list-",
	.suffix = ".txt",
	.kind = BUNDLE_CRL,
	.server = NEED_KDS,
	.max = 64,
	.check = check_list,
};

static int begin_toy(struct need_judge *j, const struct evidence *e,
		    char problem[static NEEDS_PROBLEM_LEN])
{
	return 0;
}

static void end_toy(struct need_judge *j)
{
}

/* Behind the text comes the mark that only the vendor can write. */
static int verify_list(struct need_judge *j, const struct need *need, struct bytes data,
		       struct bytes chain, struct newest_entry *ret)
{
	size_t n = strlen(TOY_LIST);

	return verdict_check(j->v, data.len == n + 1 && data.p[n] == '!', VERDICT_REFUSED,
			     "SIGNATURE", "toy-list", "an exclamation mark", NULL);
}

const struct need_vendor need_toy = {
	.kinds = (const struct need_kind *const[]){ &kind_list, NULL },
	.begin = begin_toy,
	.end = end_toy,
	.verify = verify_list,
};

static int find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		      struct needs *ret, char *problem)
{
	if (!e->piece[EVIDENCE_REPORT].p)
		return -ENOMSG;
	ret->vendor = &need_toy;
	(void) snprintf(need_add(ret, &kind_list, "1")->path, sizeof(ret->list[0].path),
			"/toy/list");
	return 0;
}

const struct attest_verifier toy_verifier = {
	.name = "toy",
	.what = "report of a TEE that does not exist",
	.needs = EVIDENCE_BIT(EVIDENCE_REPORT),
	.opens_gate = true,
	.identities = identities,
	.kinds = { &policy_toy },
	.verify = verify,
	.show = show,
	.find_needs = find_needs,
};

/* ---- the rows ---- */

const struct attest_provider *const attest_kernel_providers[] = { &toy_provider, NULL };
const struct attest_verifier *const attest_verifiers[] = { &toy_verifier, NULL };
const struct policy_kind *const policy_kinds[] = { &policy_toy, NULL };
const struct need_vendor *const need_vendors[] = { &need_toy, NULL };
