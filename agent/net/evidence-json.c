/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/evidence-json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/base64.h"
#include "base/hex.h"
#include "wire/hcl.h"
#include "wire/jspan.h"
#include "wire/snp-report.h"
#include "wire/tcg-log.h"

#define KEY_INFO 0x48			/* in a report, with its reserved bits */
#define PCRS 24
#define PCR_LEN 32
#define SIGNATURE_PART_LEN 72		/* R and S in a report, little-endian */
#define USER_DATA_LEN 64
#define CERT_MAX 8192			/* bytes in DER */
#define LOG_END "\xff\xff\xff\xff\xff\xff\xff\xff"
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"
#define VCEK_NAME "SEV-VCEK"		/* in its subject */

/* ---- values; NULL is a lack of memory ---- */

/* Bytes as a list of numbers. */
static struct json_object *new_numbers(const uint8_t *data, size_t len)
{
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < len; i++)
		if (json_append(array, json_object_new_int(data[i])) < 0)
			return NULL;
	return TAKE_PTR(array);
}

static struct json_object *new_hex(const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = malloc(2 * len + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++)
		hex_encode_byte(data[i], text + 2 * i);
	text[2 * len] = '\0';
	return json_object_new_string(text);
}

static struct json_object *new_base64(const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = NULL;

	return base64_encode(data, len, &text) == 0 ? json_object_new_string(text) : NULL;
}

/* The alphabet of base64url, and padding all the same: so the readers of Azure's evidence want. */
static struct json_object *new_padded_base64url(const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = NULL;

	if (base64_encode(data, len, &text) < 0)
		return NULL;
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	return json_object_new_string(text);
}

/* ---- pieces ---- */

/* The first piece of @kind; NULL if there is none, which is -ENODATA, with the reason in @why. */
static const struct bundle_item *find(const struct bundle *b, enum bundle_kind kind,
				      struct cause *why)
{
	const struct bundle_item *item = bundle_find(b, kind, 0);

	if (item && item->len > 0)
		return item;
	(void) cause_set(why, -ENODATA, "the evidence has no %s", bundle_kind_name(kind));
	return NULL;
}

/* ---- snp ---- */

static struct json_object *new_tcb(const struct snp_report *r, uint64_t tcb)
{
	struct json_object *o = json_object_new_object();
	enum snp_product product = SNP_MILAN;
	struct snp_tcb t;
	int bad = 0;

	/* Version 2 does not name the CPU; no Turin ever had it. */
	(void) snp_product_by_cpuid(r->family, r->model, &product);
	t = snp_tcb_decode(product, tcb);
	if (snp_tcb_has(product, SNP_TCB_FMC))
		bad |= json_add_unsigned(o, "fmc", t.svn[SNP_TCB_FMC]);
	else
		bad |= json_add_null(o, "fmc");
	bad |= json_add_unsigned(o, "bootloader", t.svn[SNP_TCB_BOOTLOADER]);
	bad |= json_add_unsigned(o, "tee", t.svn[SNP_TCB_TEE]);
	bad |= json_add_unsigned(o, "snp", t.svn[SNP_TCB_SNP]);
	bad |= json_add_unsigned(o, "microcode", t.svn[SNP_TCB_MICROCODE]);
	return json_whole(o, bad);
}

/* @version: major << 16 | minor << 8 | build */
static struct json_object *new_version(uint32_t version)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_unsigned(o, "major", version >> 16 & 0xff);
	bad |= json_add_unsigned(o, "minor", version >> 8 & 0xff);
	bad |= json_add_unsigned(o, "build", version & 0xff);
	return json_whole(o, bad);
}

static struct json_object *new_signature(const struct snp_report *r)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add(o, "r", new_numbers(r->signature, SIGNATURE_PART_LEN));
	bad |= json_add(o, "s", new_numbers(r->signature + SIGNATURE_PART_LEN, SIGNATURE_PART_LEN));
	return json_whole(o, bad);
}

static int add_cpuid(struct json_object *o, const struct snp_report *r)
{
	int bad = 0;

	if (r->version < 3)
		return json_add_null(o, "cpuid_fam_id") | json_add_null(o, "cpuid_mod_id") |
		       json_add_null(o, "cpuid_step");
	bad |= json_add_unsigned(o, "cpuid_fam_id", r->family);
	bad |= json_add_unsigned(o, "cpuid_mod_id", r->model);
	bad |= json_add_unsigned(o, "cpuid_step", r->stepping);
	return bad;
}

static struct json_object *new_snp_report(const struct snp_report *r)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_unsigned(o, "version", r->version);
	bad |= json_add_unsigned(o, "guest_svn", r->guest_svn);
	bad |= json_add_unsigned(o, "policy", r->policy);
	bad |= json_add(o, "family_id", new_numbers(r->family_id, 16));
	bad |= json_add(o, "image_id", new_numbers(r->image_id, 16));
	bad |= json_add_unsigned(o, "vmpl", r->vmpl);
	bad |= json_add_unsigned(o, "sig_algo", r->signature_algo);
	bad |= json_add(o, "current_tcb", new_tcb(r, r->current_tcb));
	bad |= json_add_unsigned(o, "plat_info", r->platform_info);
	bad |= json_add_unsigned(o, "key_info", get_u32le(r->signed_part + KEY_INFO));
	bad |= json_add(o, "report_data", new_numbers(r->report_data, SNP_REPORT_DATA_LEN));
	bad |= json_add(o, "measurement", new_numbers(r->measurement, SNP_MEASUREMENT_LEN));
	bad |= json_add(o, "host_data", new_numbers(r->host_data, 32));
	bad |= json_add(o, "id_key_digest", new_numbers(r->id_key_digest, 48));
	bad |= json_add(o, "author_key_digest", new_numbers(r->author_key_digest, 48));
	bad |= json_add(o, "report_id", new_numbers(r->report_id, 32));
	bad |= json_add(o, "report_id_ma", new_numbers(r->report_id_ma, 32));
	bad |= json_add(o, "reported_tcb", new_tcb(r, r->reported_tcb));
	bad |= add_cpuid(o, r);
	bad |= json_add(o, "chip_id", new_numbers(r->chip_id, SNP_CHIP_ID_LEN));
	bad |= json_add(o, "committed_tcb", new_tcb(r, r->committed_tcb));
	bad |= json_add(o, "current", new_version(r->current_version));
	bad |= json_add(o, "committed", new_version(r->committed_version));
	bad |= json_add(o, "launch_tcb", new_tcb(r, r->launch_tcb));
	if (r->version >= 5) {
		bad |= json_add_unsigned(o, "launch_mit_vector", r->launch_mit_vector);
		bad |= json_add_unsigned(o, "current_mit_vector", r->current_mit_vector);
	}
	bad |= json_add(o, "signature", new_signature(r));
	return json_whole(o, bad);
}

static struct json_object *new_cert(const char *type, struct bytes cert)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_text(o, "cert_type", type);
	bad |= json_add(o, "data", new_numbers(cert.p, cert.len));
	return json_whole(o, bad);
}

/* Without certificates brokers have their own, or ask AMD. */
static int add_cert_chain(struct json_object *o, const struct bundle *b, struct cause *why)
{
	static const struct {
		enum snp_table_kind kind;
		const char *type;
	} rows[] = {
		{ SNP_TABLE_VCEK, "VCEK" },
		{ SNP_TABLE_VLEK, "VLEK" },
		{ SNP_TABLE_ASK, "ASK" },
		{ SNP_TABLE_ARK, "ARK" },
	};
	const struct bundle_item *item = bundle_find(b, BUNDLE_CERT_TABLE, 0);
	_cleanup_(json_putp) struct json_object *chain = NULL;
	struct snp_table t = { 0 };

	if (item && item->len > 0 && snp_table_parse(item->data, item->len, &t) < 0)
		return cause_set(why, -EBADMSG, "the report's certificate table is malformed");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!t.piece[rows[i].kind].p)
			continue;
		if (!chain)
			chain = json_object_new_array();
		if (json_append(chain, new_cert(rows[i].type, t.piece[rows[i].kind])) < 0)
			return cause_set_oom(why);
	}
	if ((chain ? json_add(o, "cert_chain", TAKE_PTR(chain)) :
		     json_add_null(o, "cert_chain")) < 0)
		return cause_set_oom(why);
	return 0;
}

static int fill_snp(struct json_object *o, const struct bundle *b, struct bytes digest _unused_,
		    struct cause *why)
{
	const struct bundle_item *report = find(b, BUNDLE_REPORT, why);
	struct snp_report r;

	if (!report)
		return -ENODATA;
	if (report->len < SNP_REPORT_LEN || snp_report_open(report->data, report->len, &r) < 0)
		return cause_set(why, -EBADMSG, "the SEV-SNP report has %zu bytes, and %d are one",
				 report->len, SNP_REPORT_LEN);
	if (json_add(o, "attestation_report", new_snp_report(&r)) < 0)
		return cause_set_oom(why);
	return add_cert_chain(o, b, why);
}

/* ---- tdx ---- */

/* The part of the log that has events: firmware leaves room behind them. */
static int log_len(const struct bundle_item *item, size_t *ret)
{
	struct tcg_event event;
	struct tcg_log log;
	int r;

	r = tcg_log_open(item->data, item->len, &log);
	while (r >= 0) {
		r = tcg_log_next(&log, &event);
		if (r == 0) {
			*ret = (size_t)(log.rest.p - item->data);
			return 0;
		}
	}
	return r;
}

/* The firmware's log, what cocod measured after it, and the mark of the end. */
static int add_event_log(struct json_object *o, const struct bundle *b, struct cause *why)
{
	const struct bundle_item *item = bundle_find(b, BUNDLE_EVENT_LOG, 0);
	const struct bundle_item *more = bundle_find(b, BUNDLE_RUNTIME_LOG, 0);
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len, more_len = more ? more->len : 0;

	if (!item || item->len == 0)
		return json_add_null(o, "cc_eventlog") < 0 ? cause_set_oom(why) : 0;
	if (log_len(item, &len) < 0)
		return cause_set(why, -EBADMSG, "the event log is malformed");
	text = malloc(len + more_len + strlen(LOG_END));
	if (!text)
		return cause_set_oom(why);
	memcpy(text, item->data, len);
	if (more)
		memcpy(text + len, more->data, more->len);
	len += more_len;
	memcpy(text + len, LOG_END, strlen(LOG_END));
	if (json_add(o, "cc_eventlog", new_base64(text, len + strlen(LOG_END))) < 0)
		return cause_set_oom(why);
	return 0;
}

static int fill_tdx(struct json_object *o, const struct bundle *b, struct bytes digest _unused_,
		    struct cause *why)
{
	const struct bundle_item *quote = find(b, BUNDLE_QUOTE, why);
	int r;

	if (!quote)
		return -ENODATA;
	r = add_event_log(o, b, why);
	if (r < 0)
		return r;
	if (json_add(o, "quote", new_base64(quote->data, quote->len)) < 0)
		return cause_set_oom(why);
	return 0;
}

/* ---- Azure ---- */

/* The 24 PCRs, from a text {"0":"HEX",...}. */
static int add_pcrs(struct json_object *o, const struct bundle *b, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();
	const struct bundle_item *item = find(b, BUNDLE_TPM_PCRS, why);
	struct bytes text, pcrs, value;
	uint8_t pcr[PCR_LEN];
	char name[16];

	if (!item)
		return -ENODATA;
	text = (struct bytes){ item->data, item->len };
	if (jspan_check(text, &pcrs) < 0)
		return cause_set(why, -EBADMSG, "the list of PCRs is malformed");
	for (int i = 0; i < PCRS; i++) {
		(void) snprintf(name, sizeof(name), "%d", i);
		if (jspan_member(pcrs, name, &value) < 0 || jspan_hex(value, pcr, PCR_LEN) < 0)
			return cause_set(why, -ENODATA,
					 "the TPM quote is not over PCR %d, and brokers want all "
					 "%d",
					 i, PCRS);
		if (json_append(array, new_hex(pcr, PCR_LEN)) < 0)
			return cause_set_oom(why);
	}
	return json_add(o, "pcrs", TAKE_PTR(array)) < 0 ? cause_set_oom(why) : 0;
}

static int add_tpm_quote(struct json_object *o, const struct bundle *b, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *quote = json_object_new_object();
	const struct bundle_item *attest = find(b, BUNDLE_TPM_ATTEST, why), *signature;
	int r;

	signature = attest ? find(b, BUNDLE_TPM_SIGNATURE, why) : NULL;
	if (!signature)
		return -ENODATA;
	if (json_add(quote, "signature", new_hex(signature->data, signature->len)) < 0 ||
	    json_add(quote, "message", new_hex(attest->data, attest->len)) < 0)
		return cause_set_oom(why);
	r = add_pcrs(quote, b, why);
	if (r < 0)
		return r;
	return json_add(o, "tpm_quote", TAKE_PTR(quote)) < 0 ? cause_set_oom(why) : 0;
}

/* True if the paravisor's JSON has @digest, with zeros after it, as its user data. */
static bool has_user_data(const struct hcl_report *hcl, struct bytes digest)
{
	uint8_t data[USER_DATA_LEN], wanted[USER_DATA_LEN] = { 0 };
	struct bytes json, value;

	assert(digest.len <= sizeof(wanted));
	memcpy(wanted, digest.p, digest.len);
	return jspan_check(hcl->runtime_json, &json) == 0 &&
	       jspan_type(json) == JSPAN_OBJECT && jspan_member(json, "user-data", &value) == 0 &&
	       jspan_hex(value, data, sizeof(data)) == 0 &&
	       memcmp(data, wanted, sizeof(data)) == 0;
}

static int fill_azure(struct json_object *o, const struct bundle *b, uint32_t kind,
		      struct bytes digest, struct cause *why)
{
	const struct bundle_item *item = find(b, BUNDLE_HCL, why);
	const char *problem;
	struct hcl_report hcl;
	int r;

	if (!item)
		return -ENODATA;
	r = hcl_parse(item->data, item->len, &hcl, &problem);
	if (r < 0)
		return cause_set(why, -EBADMSG, "the paravisor's report: %s", problem);
	if (hcl.kind != kind)
		return cause_set(why, -EOPNOTSUPP,
				 "the paravisor's report is of kind %" PRIu32
				 ", and not of kind %" PRIu32,
				 hcl.kind, kind);
	if (json_add_unsigned(o, "version", has_user_data(&hcl, digest) ? 2 : 1) < 0)
		return cause_set_oom(why);
	r = add_tpm_quote(o, b, why);
	if (r < 0)
		return r;
	return json_add(o, "hcl_report", new_padded_base64url(item->data, item->len)) < 0 ?
		       cause_set_oom(why) :
		       0;
}

/* The first certificate of @item in DER.  Returns its length; 0 if it has none; -ENOMEM. */
static ssize_t first_cert(const struct bundle_item *item, uint8_t ret[static CERT_MAX])
{
	const char *begin, *end;
	_cleanup_(freep) char *base64 = NULL;
	ssize_t n;

	/* A NUL follows the data. */
	begin = strstr((const char *)item->data, PEM_BEGIN);
	if (!begin) {
		if (item->len > CERT_MAX)
			return 0;
		memcpy(ret, item->data, item->len);
		return (ssize_t)item->len;
	}
	begin += strlen(PEM_BEGIN);
	end = strstr(begin, PEM_END);
	if (!end)
		return 0;
	base64 = strndup(begin, (size_t)(end - begin));
	if (!base64)
		return -ENOMEM;
	n = base64_decode(base64, ret, CERT_MAX);
	return n < 0 ? 0 : n;
}

/* The processor's certificate, which the metadata service gave, is known by its subject. */
static int add_vcek(struct json_object *o, const struct bundle *b, struct cause *why)
{
	const struct bundle_item *item;
	uint8_t der[CERT_MAX];

	for (size_t i = 0; (item = bundle_find(b, BUNDLE_CERT, i)); i++) {
		ssize_t n = first_cert(item, der);

		if (n < 0)
			return cause_set_oom(why);
		if (!memmem(der, (size_t)n, VCEK_NAME, strlen(VCEK_NAME)))
			continue;
		if (json_add(o, "vcek", new_padded_base64url(der, (size_t)n)) < 0)
			return cause_set_oom(why);
		return 0;
	}
	return cause_set(why, -ENODATA,
			 "the processor's certificate is missing, which Azure's metadata service "
			 "gives");
}

static int fill_azure_snp(struct json_object *o, const struct bundle *b, struct bytes digest,
			  struct cause *why)
{
	int r = fill_azure(o, b, HCL_SNP, digest, why);

	return r < 0 ? r : add_vcek(o, b, why);
}

static int fill_azure_tdx(struct json_object *o, const struct bundle *b, struct bytes digest,
			  struct cause *why)
{
	const struct bundle_item *quote;
	int r;

	r = fill_azure(o, b, HCL_TDX, digest, why);
	if (r < 0)
		return r;
	quote = find(b, BUNDLE_QUOTE, why);
	if (!quote)
		return -ENODATA;
	return json_add(o, "td_quote", new_padded_base64url(quote->data, quote->len)) < 0 ?
		       cause_set_oom(why) :
		       0;
}

/* ---- all ---- */

static const struct {
	const char *tee, *type;
	int (*fill)(struct json_object *o, const struct bundle *b, struct bytes digest,
		    struct cause *why);
} kinds[] = {
	{ "snp", "snp", fill_snp },
	{ "tdx", "tdx", fill_tdx },
	{ "az-snp-vtpm", "azure", fill_azure_snp },
	{ "az-tdx-vtpm", "azure", fill_azure_tdx },
};

int evidence_json(const struct bundle *b, const char *tee, const uint8_t *digest,
		  size_t digest_len, struct json_object **ret, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!streq(tee, kinds[i].tee))
			continue;
		if (!streq(bundle_text(b, BUNDLE_TYPE), kinds[i].type))
			return cause_set(why, -EOPNOTSUPP, "the evidence is not of the type '%s'",
					 kinds[i].type);
		o = json_object_new_object();
		if (!o)
			return cause_set_oom(why);
		r = kinds[i].fill(o, b, (struct bytes){ digest, digest_len }, why);
		if (r < 0)
			return r;
		*ret = TAKE_PTR(o);
		return 0;
	}
	return cause_set(why, -EOPNOTSUPP, "no broker knows evidence of '%.15s'", tee);
}
