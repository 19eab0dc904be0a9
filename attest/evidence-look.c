/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/evidence-look.h"

#include "base/blank.h"
#include "wire/snp-report.h"
#include "wire/tcg-log.h"
#include "wire/tdx-quote.h"

static bool has_at(struct bytes data, size_t offset, const void *want, size_t len)
{
	return data.len >= offset + len && memcmp(data.p + offset, want, len) == 0;
}

static bool is_snp_report(struct bytes data)
{
	struct snp_report r;

	return snp_report_open(data.p, data.len, &r) == 0 && r.version >= SNP_VERSION_MIN &&
	       r.version <= SNP_VERSION_LATER && r.signature_algo == 1 && r.policy & SNP_POLICY_ONE;
}

static bool is_snp_table(struct bytes data)
{
	struct snp_table table;

	if (snp_table_parse(data.p, data.len, &table) < 0)
		return false;
	for (unsigned i = 0; i < _SNP_TABLE_MAX; i++)
		if (table.piece[i].p)
			return true;
	return false;
}

/* A quote of version 3 is always an SGX enclave's; versions 4 and 5 name the TEE. */
static bool is_quote_of(struct bytes data, uint32_t tee)
{
	const struct tdx_quote_header *h = (const void *)data.p;
	unsigned version;

	if (data.len < sizeof(*h))
		return false;
	version = get_u16le(h->version);
	return version >= 3 && version <= 5 && get_u16le(h->key_type) >= 2 &&
	       get_u16le(h->key_type) <= 3 && get_u32le(h->tee_type) == tee &&
	       (version > 3 || tee == QUOTE_TEE_SGX);
}

static bool is_tdx_quote(struct bytes data)
{
	return is_quote_of(data, QUOTE_TEE_TDX);
}

static bool is_sgx_quote(struct bytes data)
{
	return is_quote_of(data, QUOTE_TEE_SGX);
}

static bool is_td_report(struct bytes data)
{
	return data.len == sizeof(struct td_report) && has_at(data, 0, "\x81\0\0", 3);
}

static bool is_hcl(struct bytes data)
{
	return has_at(data, 0, "HCLA", 4);
}

static bool is_tpm_quote(struct bytes data)
{
	return has_at(data, 0, "\xff\x54\x43\x47\x80\x18", 6);
}

static bool is_event_log(struct bytes data)
{
	return has_at(data, 32, "Spec ID Event03", 16);
}

/* The format before the crypto agile one: all its events look like the new format's first. */
static bool is_old_log(struct bytes data)
{
	return has_at(data, 4, "\3\0\0\0", 4) &&
	       (has_at(data, 32, "Spec ID Event00", 16) || has_at(data, 32, "Spec ID Event02", 16));
}

static bool is_pem(struct bytes data)
{
	return has_at(data, 0, "-----BEGIN ", 11);
}

/* A SEQUENCE that is as long as @data, with a length of two bytes, as certificates have. */
static bool is_der(struct bytes data)
{
	return has_at(data, 0, "\x30\x82", 2) && data.len >= 4 &&
	       (size_t)(data.p[2] << 8 | data.p[3]) == data.len - 4;
}

static bool is_json(struct bytes data)
{
	size_t i = 0;

	while (i < data.len && is_space(data.p[i]))
		i++;
	return i < data.len && data.p[i] == '{';
}

static bool is_bundle(struct bytes data)
{
	static const char format[] = "\"coco-evidence\"";
	size_t head = MIN(data.len, (size_t)256);

	return is_json(data) && memmem(data.p, head, format, sizeof(format) - 1);
}

static bool is_text(struct bytes data)
{
	for (size_t i = 0; i < data.len; i++)
		if ((data.p[i] < 0x20 || data.p[i] > 0x7e) && !is_space(data.p[i]))
			return false;
	return data.len > 0;
}

const char *evidence_look(struct bytes data)
{
	/* The special ones come before the general ones. */
	static const struct {
		bool (*is)(struct bytes data);
		const char *what;
	} looks[] = {
		{ is_hcl, "an HCL report" },
		{ is_tpm_quote, "a TPM's quote (TPMS_ATTEST)" },
		{ is_tdx_quote, "a TDX quote" },
		{ is_sgx_quote, "a quote of an SGX enclave" },
		{ is_snp_report, "an SNP report" },
		{ is_td_report, "a TDREPORT, which only its own machine can judge" },
		{ is_event_log, "an event log" },
		{ is_old_log, "an event log in the format before the crypto agile one" },
		{ is_snp_table, "a certificate table of SNP" },
		{ is_pem, "PEM" },
		{ is_der, "DER, as certificates and revocation lists are" },
		{ is_bundle, "a bundle of evidence, which --bundle takes" },
		{ is_json, "JSON" },
		{ is_text, "text" },
	};

	if (!data.p)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		if (looks[i].is(data))
			return looks[i].what;
	return NULL;
}

const char *evidence_found(struct verdict *v, struct bytes data, const char *found)
{
	const char *look = evidence_look(data);

	return look ? verdict_text(v, "%s; it begins like %s", found, look) : found;
}
