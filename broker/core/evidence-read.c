/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/evidence-read.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/parse.h"
#include "wire/snp-report.h"
#include "wire/tcg-log.h"

#define CERTS_MAX 16
#define CERT_MAX 32768		/* bytes in DER, as attest/evidence.h has it */
#define CRL_MAX (1024 * 1024)
#define PCRS 24
#define PCR_LEN 32
#define SIGNATURE_PART_LEN 72
#define TPM_MAX 4096		/* bytes of a TPMS_ATTEST, or of a signature */
#define HCL_MAX (64 * 1024)
#define INDEX_RTMR3 4		/* one more than the register's number */

/* ---- values ---- */

static int wrong(struct cause *why, const char *name, const char *what)
{
	return cause_set(why, -EBADMSG, "\"%s\" %s", name, what);
}

/* The member @name.  NULL is JSON's null. */
static int member(struct json_object *o, const char *name, struct json_object **ret,
		  struct cause *why)
{
	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, ret))
		return wrong(why, name, "is missing");
	return 0;
}

static int read_number(struct json_object *v, const char *name, uint64_t max, uint64_t *ret,
		       struct cause *why)
{
	uint64_t n;

	/* json-c says 0 of a negative number that is asked for as an unsigned one. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return wrong(why, name, "is not a whole number");
	n = json_object_get_uint64(v);
	if (n > max)
		return wrong(why, name, "is too large");
	*ret = n;
	return 0;
}

/* A list of numbers, one a byte, @max at most. */
static int read_list(struct json_object *v, const char *name, size_t max, uint8_t *ret,
		     size_t *ret_len, struct cause *why)
{
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return wrong(why, name, "is not a list of bytes");
	n = json_object_array_length(v);
	if (n > max)
		return cause_set(why, -EMSGSIZE, "\"%s\" has more than %zu bytes", name, max);
	for (size_t i = 0; i < n; i++) {
		uint64_t byte = 0;

		r = read_number(json_object_array_get_idx(v, i), name, UINT8_MAX, &byte, why);
		if (r < 0)
			return r;
		ret[i] = (uint8_t)byte;
	}
	*ret_len = n;
	return 0;
}

static int read_bytes(struct json_object *v, const char *name, uint8_t *ret, size_t len,
		      struct cause *why)
{
	size_t n;
	int r;

	r = read_list(v, name, len, ret, &n, why);
	if (r == -EMSGSIZE || (r >= 0 && n != len))
		return wrong(why, name, "has another length");
	return r;
}

static int read_text(struct json_object *o, const char *name, const char **ret, size_t *ret_len,
		     struct cause *why)
{
	struct json_object *v;
	int r;

	r = member(o, name, &v, why);
	if (r < 0)
		return r;
	if (!json_object_is_type(v, json_type_string))
		return wrong(why, name, "is not a text");
	*ret = json_object_get_string(v);
	*ret_len = (size_t)json_object_get_string_len(v);
	return strlen(*ret) == *ret_len ? 0 : wrong(why, name, "has a NUL");
}

static int add(struct bundle *b, enum bundle_kind kind, const void *data, size_t len,
	       const char *name, struct cause *why)
{
	int r = bundle_add(b, kind, data, len);

	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? cause_set(why, r, "\"%s\" is too long, or there twice", name) : 0;
}

/* ---- encodings, in their only form: without blanks, whole ---- */

/* Base64 with padding, of the alphabet of base64url if @url.  @ret is yours. */
static int decode_base64(const char *text, size_t len, bool url, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) char *copy = strdup(text);
	_cleanup_(freep) uint8_t *data = malloc(len / 4 * 3 + 3);
	_cleanup_(freep) char *again = NULL;
	ssize_t n;

	if (!copy || !data)
		return -ENOMEM;
	for (char *p = copy; url && *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p == '+' || *p == '/' ? '!' : *p;
	n = base64_decode(copy, data, len / 4 * 3 + 3);
	if (n < 0)
		return -EBADMSG;
	if (base64_encode(data, (size_t)n, &again) < 0)
		return -ENOMEM;
	if (!streq(again, copy))
		return -EBADMSG;
	*ret = TAKE_PTR(data);
	*ret_len = (size_t)n;
	return 0;
}

/* @ret is yours, and not empty. */
static int read_base64(struct json_object *o, const char *name, bool url, size_t max,
		       uint8_t **ret, size_t *ret_len, struct cause *why)
{
	_cleanup_(freep) uint8_t *data = NULL;
	const char *text;
	size_t len;
	int r;

	r = read_text(o, name, &text, &len, why);
	if (r < 0)
		return r;
	if (len > max / 3 * 4 + 4)
		return cause_set(why, -EMSGSIZE, "\"%s\" is too long", name);
	r = decode_base64(text, len, url, &data, &len);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	if (r < 0 || len == 0)
		return wrong(why, name, url ? "is not base64url" : "is not base64");
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

static int add_base64(struct bundle *b, enum bundle_kind kind, struct json_object *o,
		      const char *name, bool url, size_t max, struct cause *why)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	r = read_base64(o, name, url, max, &data, &len, why);
	return r < 0 ? r : add(b, kind, data, len, name, why);
}

static int add_hex(struct bundle *b, enum bundle_kind kind, struct json_object *o,
		   const char *name, struct cause *why)
{
	uint8_t data[TPM_MAX];
	const char *text;
	size_t len;
	int r;

	r = read_text(o, name, &text, &len, why);
	if (r < 0)
		return r;
	if (len > 2 * sizeof(data))
		return cause_set(why, -EMSGSIZE, "\"%s\" is too long", name);
	if (len == 0 || len % 2 != 0 || hex_decode(text, len / 2, data) < 0)
		return wrong(why, name, "is not hexadecimal");
	return add(b, kind, data, len / 2, name, why);
}

static int add_list(struct bundle *b, enum bundle_kind kind, struct json_object *o,
		    const char *name, size_t max, struct cause *why)
{
	_cleanup_(freep) uint8_t *data = malloc(max);
	struct json_object *v;
	size_t len;
	int r;

	if (!data)
		return cause_set_oom(why);
	r = member(o, name, &v, why);
	if (r >= 0)
		r = read_list(v, name, max, data, &len, why);
	if (r >= 0 && len == 0)
		r = wrong(why, name, "is empty");
	return r < 0 ? r : add(b, kind, data, len, name, why);
}

/* ---- snp ---- */

enum shape { SHAPE_U8, SHAPE_U32, SHAPE_U64, SHAPE_BYTES, SHAPE_TCB, SHAPE_VERSION };

struct field {
	const char *name;
	uint16_t offset, len;	/* in the report; the length of bytes */
	enum shape shape;
	bool optional;		/* may be missing or null, which is zero */
};

static const struct field fields[] = {
	{ "version", 0x000, 4, SHAPE_U32, false },
	{ "guest_svn", 0x004, 4, SHAPE_U32, false },
	{ "policy", 0x008, 8, SHAPE_U64, false },
	{ "family_id", 0x010, 16, SHAPE_BYTES, false },
	{ "image_id", 0x020, 16, SHAPE_BYTES, false },
	{ "vmpl", 0x030, 4, SHAPE_U32, false },
	{ "sig_algo", 0x034, 4, SHAPE_U32, false },
	/* Before any TCB version, whose layout is the product's. */
	{ "cpuid_fam_id", 0x188, 1, SHAPE_U8, true },
	{ "cpuid_mod_id", 0x189, 1, SHAPE_U8, true },
	{ "cpuid_step", 0x18a, 1, SHAPE_U8, true },
	{ "current_tcb", 0x038, 8, SHAPE_TCB, false },
	{ "plat_info", 0x040, 8, SHAPE_U64, false },
	{ "key_info", 0x048, 4, SHAPE_U32, false },
	{ "report_data", 0x050, 64, SHAPE_BYTES, false },
	{ "measurement", 0x090, 48, SHAPE_BYTES, false },
	{ "host_data", 0x0c0, 32, SHAPE_BYTES, false },
	{ "id_key_digest", 0x0e0, 48, SHAPE_BYTES, false },
	{ "author_key_digest", 0x110, 48, SHAPE_BYTES, false },
	{ "report_id", 0x140, 32, SHAPE_BYTES, false },
	{ "report_id_ma", 0x160, 32, SHAPE_BYTES, false },
	{ "reported_tcb", 0x180, 8, SHAPE_TCB, false },
	{ "chip_id", 0x1a0, 64, SHAPE_BYTES, false },
	{ "committed_tcb", 0x1e0, 8, SHAPE_TCB, false },
	{ "current", 0x1e8, 3, SHAPE_VERSION, false },
	{ "committed", 0x1ec, 3, SHAPE_VERSION, false },
	{ "launch_tcb", 0x1f0, 8, SHAPE_TCB, false },
	{ "launch_mit_vector", 0x1f8, 8, SHAPE_U64, true },
	{ "current_mit_vector", 0x200, 8, SHAPE_U64, true },
};

static void put_le(uint8_t *p, uint64_t n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(n >> 8 * i);
}

static int read_byte(struct json_object *o, const char *name, uint8_t *ret, struct cause *why)
{
	struct json_object *v;
	uint64_t n = 0;
	int r;

	r = member(o, name, &v, why);
	if (r >= 0)
		r = read_number(v, name, UINT8_MAX, &n, why);
	if (r >= 0)
		*ret = (uint8_t)n;
	return r;
}

/* What the bytes of a TCB version are called, by their place. */
static const char *const tcb_names[2][8] = {
	{ "bootloader", "tee", NULL, NULL, NULL, NULL, "snp", "microcode" },
	{ "fmc", "bootloader", "tee", "snp", NULL, NULL, NULL, "microcode" },	/* Turin */
};

static int put_tcb(uint8_t *report, const struct field *f, struct json_object *v,
		   struct cause *why)
{
	enum snp_product product = SNP_MILAN;
	struct json_object *fmc;
	const char *const *names;
	int r = 0;

	(void) snp_product_by_cpuid(report[0x188], report[0x189], &product);
	names = tcb_names[product == SNP_TURIN];
	if (product != SNP_TURIN && json_object_is_type(v, json_type_object) &&
	    json_object_object_get_ex(v, "fmc", &fmc) && fmc)
		return wrong(why, f->name, "has \"fmc\", which this processor has not");
	for (unsigned i = 0; r >= 0 && i < 8; i++)
		if (names[i])
			r = read_byte(v, names[i], report + f->offset + i, why);
	return r;
}

static int put_version(uint8_t *report, const struct field *f, struct json_object *v,
		       struct cause *why)
{
	static const char *const names[] = { "build", "minor", "major" };
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(names); i++)
		r = read_byte(v, names[i], report + f->offset + i, why);
	return r;
}

static int put_field(uint8_t *report, const struct field *f, struct json_object *v,
		     struct cause *why)
{
	uint64_t n = 0;
	int r;

	switch (f->shape) {
	case SHAPE_BYTES:
		return read_bytes(v, f->name, report + f->offset, f->len, why);
	case SHAPE_TCB:
		return put_tcb(report, f, v, why);
	case SHAPE_VERSION:
		return put_version(report, f, v, why);
	case SHAPE_U8:
	case SHAPE_U32:
	case SHAPE_U64:
		break;
	}
	r = read_number(v, f->name, f->len == 8 ? UINT64_MAX : (1ull << 8 * f->len) - 1, &n, why);
	if (r >= 0)
		put_le(report + f->offset, n, f->len);
	return r;
}

static int put_signature(uint8_t *report, struct json_object *o, struct cause *why)
{
	static const char *const names[] = { "r", "s" };
	struct json_object *signature, *v;
	int r;

	r = member(o, "signature", &signature, why);
	for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(names); i++) {
		r = member(signature, names[i], &v, why);
		if (r >= 0)
			r = read_bytes(v, names[i],
				       report + SNP_SIGNED_LEN + i * SIGNATURE_PART_LEN,
				       SIGNATURE_PART_LEN, why);
	}
	return r;
}

static int read_report(struct json_object *o, uint8_t ret[static SNP_REPORT_LEN],
		       struct cause *why)
{
	int r = 0;

	memset(ret, 0, SNP_REPORT_LEN);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		struct json_object *v = NULL;

		if (f->optional && json_object_is_type(o, json_type_object) &&
		    (!json_object_object_get_ex(o, f->name, &v) || !v))
			continue;
		r = member(o, f->name, &v, why);
		if (r >= 0)
			r = put_field(ret, f, v, why);
	}
	return r < 0 ? r : put_signature(ret, o, why);
}

/* What @type of a certificate is to us; 0: nothing. */
static enum bundle_kind kind_of_cert(struct json_object *type)
{
	static const char *const certs[] = { "ARK", "ASK", "VCEK", "VLEK" };
	const char *text = json_value_text(type);

	for (size_t i = 0; text && i < ARRAY_SIZE(certs); i++)
		if (streq(text, certs[i]))
			return BUNDLE_CERT;
	return text && streq(text, "CRL") ? BUNDLE_CRL : (enum bundle_kind)0;
}

static int add_cert(struct bundle *b, struct json_object *entry, struct cause *why)
{
	struct json_object *type;
	enum bundle_kind kind;
	int r;

	r = member(entry, "cert_type", &type, why);
	if (r < 0)
		return r;
	kind = kind_of_cert(type);
	return kind == 0 ? 0 :
			   add_list(b, kind, entry, "data",
				    kind == BUNDLE_CRL ? CRL_MAX : CERT_MAX, why);
}

static int add_chain(struct bundle *b, struct json_object *o, struct cause *why)
{
	struct json_object *chain;
	int r;

	r = member(o, "cert_chain", &chain, why);
	if (r < 0 || !chain)
		return r;
	if (!json_object_is_type(chain, json_type_array))
		return wrong(why, "cert_chain", "is neither null nor a list");
	if (json_object_array_length(chain) > CERTS_MAX)
		return cause_set(why, -EMSGSIZE, "\"cert_chain\" has more than %d entries",
				 CERTS_MAX);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(chain); i++)
		r = add_cert(b, json_object_array_get_idx(chain, i), why);
	return r;
}

static int read_snp(struct json_object *o, struct bundle *b, struct cause *why)
{
	uint8_t report[SNP_REPORT_LEN];
	struct json_object *v;
	int r;

	r = member(o, "attestation_report", &v, why);
	if (r >= 0)
		r = read_report(v, report, why);
	if (r >= 0)
		r = add(b, BUNDLE_REPORT, report, sizeof(report), "attestation_report", why);
	return r < 0 ? r : add_chain(b, o, why);
}

/* ---- tdx ---- */

/*
 * Where the firmware's log ends and where the whole log does: behind the firmware's events are
 * those that software measured into RTMR3 as it ran.  Both are @len if the log is malformed: the
 * judge says so.
 */
static void find_ends(const uint8_t *data, size_t len, size_t *ret_firmware, size_t *ret_end)
{
	struct tcg_event event;
	struct tcg_log log;
	size_t firmware;
	int r;

	*ret_firmware = *ret_end = len;
	if (tcg_log_open(data, len, &log) < 0)
		return;
	firmware = (size_t)(log.rest.p - data);
	while ((r = tcg_log_next(&log, &event)) > 0)
		if (event.index != INDEX_RTMR3)
			firmware = (size_t)(log.rest.p - data);
	if (r < 0)
		return;
	*ret_firmware = firmware;
	*ret_end = (size_t)(log.rest.p - data);
}

static int add_log(struct bundle *b, struct json_object *o, struct cause *why)
{
	static const char name[] = "cc_eventlog";
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len, firmware, end;
	int r;

	r = read_base64(o, name, /* url= */ false, BUNDLE_ITEM_MAX, &data, &len, why);
	if (r < 0)
		return r;
	find_ends(data, len, &firmware, &end);
	if (firmware == end)
		return add(b, BUNDLE_EVENT_LOG, data, len, name, why);
	r = add(b, BUNDLE_EVENT_LOG, data, firmware, name, why);
	return r < 0 ? r :
		       add(b, BUNDLE_RUNTIME_LOG, data + firmware, end - firmware, name, why);
}

static int read_tdx(struct json_object *o, struct bundle *b, struct cause *why)
{
	struct json_object *log;
	int r;

	r = add_base64(b, BUNDLE_QUOTE, o, "quote", /* url= */ false, BUNDLE_ITEM_MAX, why);
	if (r >= 0)
		r = member(o, "cc_eventlog", &log, why);
	if (r < 0 || !log)
		return r;
	return add_log(b, o, why);
}

/* ---- Azure ---- */

static int pcr_of(struct json_object *v, bool as_list, uint8_t ret[static PCR_LEN],
		  struct cause *why)
{
	const char *text;

	if (as_list)
		return read_bytes(v, "pcrs", ret, PCR_LEN, why);
	text = json_value_text(v);
	return !text || parse_hex(text, ret, PCR_LEN) < 0 ?
		       wrong(why, "pcrs", "has something else than PCRs of SHA-256") :
		       0;
}

/* The 24 PCRs, as the text of wire/bundle.h. */
static int add_pcrs(struct bundle *b, struct json_object *quote, bool as_list, struct cause *why)
{
	char text[PCRS * (2 * PCR_LEN + 8) + 4] = "{", hex[2 * PCR_LEN + 1];
	uint8_t pcr[PCR_LEN];
	struct json_object *v;
	size_t n = 1;
	int r;

	r = member(quote, "pcrs", &v, why);
	if (r < 0)
		return r;
	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != PCRS)
		return wrong(why, "pcrs", "is not a list of 24");
	for (unsigned i = 0; i < PCRS; i++) {
		r = pcr_of(json_object_array_get_idx(v, i), as_list, pcr, why);
		if (r < 0)
			return r;
		format_hex(pcr, sizeof(pcr), hex);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"%u\":\"%s\"",
				      i ? "," : "", i, hex);
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, "}");
	return add(b, BUNDLE_TPM_PCRS, text, n, "pcrs", why);
}

/* Versions 1 and 2, which differ in what the paravisor's report has as user data. */
static int read_quote(struct json_object *o, struct bundle *b, struct cause *why)
{
	struct json_object *quote;
	int r;

	r = member(o, "tpm_quote", &quote, why);
	if (r >= 0)
		r = add_hex(b, BUNDLE_TPM_ATTEST, quote, "message", why);
	if (r >= 0)
		r = add_hex(b, BUNDLE_TPM_SIGNATURE, quote, "signature", why);
	if (r >= 0)
		r = add_pcrs(b, quote, /* as_list= */ false, why);
	if (r >= 0)
		r = add_base64(b, BUNDLE_HCL, o, "hcl_report", /* url= */ true, HCL_MAX, why);
	return r;
}

static int read_azure(struct json_object *o, bool tdx, struct bundle *b, struct cause *why)
{
	int r;

	r = read_quote(o, b, why);
	if (r < 0)
		return r;
	if (tdx)
		return add_base64(b, BUNDLE_QUOTE, o, "td_quote", /* url= */ true,
				  BUNDLE_ITEM_MAX, why);
	return add_base64(b, BUNDLE_CERT, o, "vcek", /* url= */ true, CERT_MAX, why);
}

/* Version 0 has no number, and lists of bytes for everything but the certificate in PEM. */
static int read_azure_0(struct json_object *o, bool tdx, struct bundle *b, struct cause *why)
{
	struct json_object *quote;
	const char *text;
	size_t len;
	int r;

	r = member(o, "quote", &quote, why);
	if (r >= 0)
		r = add_list(b, BUNDLE_TPM_ATTEST, quote, "message", TPM_MAX, why);
	if (r >= 0)
		r = add_list(b, BUNDLE_TPM_SIGNATURE, quote, "signature", TPM_MAX, why);
	if (r >= 0)
		r = add_pcrs(b, quote, /* as_list= */ true, why);
	if (r >= 0)
		r = add_list(b, BUNDLE_HCL, o, tdx ? "hcl_report" : "report", HCL_MAX, why);
	if (r < 0)
		return r;
	if (tdx)
		return add_list(b, BUNDLE_QUOTE, o, "td_quote", BUNDLE_ITEM_MAX, why);
	r = read_text(o, "vcek", &text, &len, why);
	return r < 0 ? r : add(b, BUNDLE_CERT, text, len, "vcek", why);
}

static int read_any_azure(struct json_object *o, bool tdx, struct bundle *b, struct cause *why)
{
	struct json_object *v;
	uint64_t version = 0;
	int r;

	if (!json_object_object_get_ex(o, "version", &v))
		return read_azure_0(o, tdx, b, why);
	r = read_number(v, "version", UINT64_MAX, &version, why);
	if (r < 0)
		return r;
	if (version != 1 && version != 2)
		return cause_set(why, -EOPNOTSUPP, "\"version\" is not 1 or 2");
	return read_azure(o, tdx, b, why);
}

static int read_azure_snp(struct json_object *o, struct bundle *b, struct cause *why)
{
	return read_any_azure(o, /* tdx= */ false, b, why);
}

static int read_azure_tdx(struct json_object *o, struct bundle *b, struct cause *why)
{
	return read_any_azure(o, /* tdx= */ true, b, why);
}

/* ---- all ---- */

static const struct {
	const char *type;	/* of attest/verify.h */
	int (*read)(struct json_object *o, struct bundle *b, struct cause *why);
} kinds[_BROKER_TEE_MAX] = {
	[BROKER_TEE_SNP] = { "snp", read_snp },
	[BROKER_TEE_TDX] = { "tdx", read_tdx },
	[BROKER_TEE_AZ_SNP] = { "azure", read_azure_snp },
	[BROKER_TEE_AZ_TDX] = { "azure", read_azure_tdx },
};

int evidence_read(struct json_object *evidence, enum broker_tee tee, struct bundle *ret,
		  struct cause *why)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	int r;

	if (tee >= _BROKER_TEE_MAX || !kinds[tee].read)
		return cause_set(why, -EOPNOTSUPP, "nobody here reads this kind of evidence");
	if (!json_object_is_type(evidence, json_type_object))
		return cause_set(why, -EBADMSG, "the evidence is not an object");
	r = add(&b, BUNDLE_TYPE, kinds[tee].type, strlen(kinds[tee].type), "type", why);
	if (r >= 0)
		r = kinds[tee].read(evidence, &b, why);
	if (r < 0)
		return r;
	*ret = b;
	b.n_items = 0;
	return 0;
}
