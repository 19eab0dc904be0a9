/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/evidence-json.h"
#include "base/base64.h"
#include "base/io.h"
#include "tests/unit/vectors.h"
#include "wire/hcl.h"
#include "wire/snp-report.h"

#define USER_DATA_LEN 64

static const uint8_t digest[48] = { 1, 2, 3, [47] = 48 };

/* Returns the result; the JSON in @ret has to be put. */
static int build(struct bundle *b, const char *tee, struct json_object **ret, struct cause *why)
{
	int r = evidence_json(b, tee, digest, sizeof(digest), ret, why);

	bundle_done(b);
	return r;
}

static struct json_object *good(struct bundle *b, const char *tee)
{
	struct cause why = { "" };
	struct json_object *o = NULL;

	if (build(b, tee, &o, &why) < 0)
		fail_msg("%s", why.text);
	return o;
}

static void assert_wrong(struct bundle *b, const char *tee, int error, const char *word)
{
	struct cause why = { "" };
	struct json_object *o = NULL;

	assert_int_equal(build(b, tee, &o, &why), error);
	assert_null(o);
	if (!strstr(why.text, word))
		fail_msg("'%s' does not say '%s'", why.text, word);
}

static void put(struct bundle *b, enum bundle_kind kind, const void *data, size_t len)
{
	assert_int_equal(bundle_add(b, kind, data, len), 0);
}

static void put_text(struct bundle *b, enum bundle_kind kind, const char *text)
{
	put(b, kind, text, strlen(text));
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, name, &value))
		fail_msg("there is no '%s'", name);
	return value;
}

static uint64_t number(struct json_object *o, const char *name)
{
	return json_object_get_uint64(member(o, name));
}

/* ---- snp ---- */

static void make_report(uint8_t r[static SNP_REPORT_LEN], uint8_t version, uint8_t family,
			uint8_t model)
{
	for (size_t i = 0; i < SNP_REPORT_LEN; i++)
		r[i] = (uint8_t)(i * 7 + 3);
	memcpy(r, (const uint8_t[]){ version, 0, 0, 0 }, 4);
	memcpy(r + 0x188, (const uint8_t[]){ family, model, 1 }, 3);
}

/* The bytes of the list @name are those at @at. */
static void assert_bytes(struct json_object *o, const char *name, const uint8_t *at, size_t len)
{
	struct json_object *list = member(o, name);

	assert_int_equal(json_object_array_length(list), len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(json_object_get_int(json_object_array_get_idx(list, i)), at[i]);
}

static void assert_tcb(struct json_object *o, const char *name, const uint8_t *at)
{
	struct json_object *tcb = member(o, name);

	assert_int_equal(json_object_object_length(tcb), 5);
	assert_null(member(tcb, "fmc"));
	assert_int_equal(number(tcb, "bootloader"), at[0]);
	assert_int_equal(number(tcb, "tee"), at[1]);
	assert_int_equal(number(tcb, "snp"), at[6]);
	assert_int_equal(number(tcb, "microcode"), at[7]);
}

static void assert_version(struct json_object *o, const char *name, const uint8_t *at)
{
	struct json_object *version = member(o, name);

	assert_int_equal(number(version, "build"), at[0]);
	assert_int_equal(number(version, "minor"), at[1]);
	assert_int_equal(number(version, "major"), at[2]);
}

static uint64_t le(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	while (len-- > 0)
		n = n << 8 | p[len];
	return n;
}

static struct json_object *report_of(const uint8_t r[static SNP_REPORT_LEN])
{
	struct bundle b = { 0 };
	struct json_object *evidence, *report;

	put_text(&b, BUNDLE_TYPE, "snp");
	put(&b, BUNDLE_REPORT, r, SNP_REPORT_LEN);
	evidence = good(&b, "snp");
	assert_int_equal(json_object_object_length(evidence), 2);
	assert_null(member(evidence, "cert_chain"));
	report = json_object_get(member(evidence, "attestation_report"));
	json_object_put(evidence);
	return report;
}

static void test_snp(void **state)
{
	uint8_t r[SNP_REPORT_LEN];
	struct json_object *o;

	make_report(r, 3, 0x19, 0x01);
	o = report_of(r);
	assert_int_equal(json_object_object_length(o), 27);
	assert_int_equal(number(o, "version"), 3);
	assert_int_equal(number(o, "guest_svn"), le(r + 4, 4));
	assert_true(number(o, "policy") == le(r + 8, 8));
	assert_bytes(o, "family_id", r + 0x10, 16);
	assert_bytes(o, "image_id", r + 0x20, 16);
	assert_int_equal(number(o, "vmpl"), le(r + 0x30, 4));
	assert_int_equal(number(o, "sig_algo"), le(r + 0x34, 4));
	assert_tcb(o, "current_tcb", r + 0x38);
	assert_true(number(o, "plat_info") == le(r + 0x40, 8));
	/* Its reserved bits are signed too. */
	assert_int_equal(number(o, "key_info"), le(r + 0x48, 4));
	assert_bytes(o, "report_data", r + 0x50, 64);
	assert_bytes(o, "measurement", r + 0x90, 48);
	assert_bytes(o, "host_data", r + 0xc0, 32);
	assert_bytes(o, "id_key_digest", r + 0xe0, 48);
	assert_bytes(o, "author_key_digest", r + 0x110, 48);
	assert_bytes(o, "report_id", r + 0x140, 32);
	assert_bytes(o, "report_id_ma", r + 0x160, 32);
	assert_tcb(o, "reported_tcb", r + 0x180);
	assert_int_equal(number(o, "cpuid_fam_id"), 0x19);
	assert_int_equal(number(o, "cpuid_mod_id"), 0x01);
	assert_int_equal(number(o, "cpuid_step"), 1);
	assert_bytes(o, "chip_id", r + 0x1a0, 64);
	assert_tcb(o, "committed_tcb", r + 0x1e0);
	assert_version(o, "current", r + 0x1e8);
	assert_version(o, "committed", r + 0x1ec);
	assert_tcb(o, "launch_tcb", r + 0x1f0);
	assert_bytes(member(o, "signature"), "r", r + 0x2a0, 72);
	assert_bytes(member(o, "signature"), "s", r + 0x2e8, 72);
	json_object_put(o);
}

static void test_snp_versions(void **state)
{
	uint8_t r[SNP_REPORT_LEN];
	struct json_object *o, *tcb;

	make_report(r, 2, 0x19, 0x01);
	o = report_of(r);
	assert_null(member(o, "cpuid_fam_id"));
	assert_null(member(o, "cpuid_mod_id"));
	assert_null(member(o, "cpuid_step"));
	json_object_put(o);

	make_report(r, 5, 0x1a, 0x02);
	o = report_of(r);
	assert_int_equal(json_object_object_length(o), 29);
	assert_true(number(o, "launch_mit_vector") == le(r + 0x1f8, 8));
	assert_true(number(o, "current_mit_vector") == le(r + 0x200, 8));
	tcb = member(o, "reported_tcb");
	assert_int_equal(number(tcb, "fmc"), r[0x180]);
	assert_int_equal(number(tcb, "bootloader"), r[0x181]);
	assert_int_equal(number(tcb, "tee"), r[0x182]);
	assert_int_equal(number(tcb, "snp"), r[0x183]);
	assert_int_equal(number(tcb, "microcode"), r[0x187]);
	json_object_put(o);
}

/* A table of two certificates, of 3 and 2 bytes. */
static const uint8_t table[] = {
	0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
	0xcd, 72, 0, 0, 0, 3, 0, 0, 0,
	0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
	0x82, 75, 0, 0, 0, 2, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	'a', 'b', 0xff, 'c', 'd',
};

static void test_snp_certs(void **state)
{
	struct json_object *evidence, *chain, *cert;
	uint8_t r[SNP_REPORT_LEN];
	struct bundle b = { 0 };

	make_report(r, 3, 0x19, 0x01);
	put_text(&b, BUNDLE_TYPE, "snp");
	put(&b, BUNDLE_REPORT, r, sizeof(r));
	put(&b, BUNDLE_CERT_TABLE, table, sizeof(table));
	evidence = good(&b, "snp");
	chain = member(evidence, "cert_chain");
	assert_int_equal(json_object_array_length(chain), 2);
	cert = json_object_array_get_idx(chain, 0);
	assert_string_equal(json_object_get_string(member(cert, "cert_type")), "VCEK");
	assert_bytes(cert, "data", (const uint8_t *)"ab\xff", 3);
	cert = json_object_array_get_idx(chain, 1);
	assert_string_equal(json_object_get_string(member(cert, "cert_type")), "ASK");
	assert_bytes(cert, "data", (const uint8_t *)"cd", 2);
	json_object_put(evidence);
}

static void test_snp_wrong(void **state)
{
	struct bundle b = { 0 };
	uint8_t r[SNP_REPORT_LEN];

	make_report(r, 3, 0x19, 0x01);
	put_text(&b, BUNDLE_TYPE, "snp");
	assert_wrong(&b, "snp", -ENODATA, "no report");
	put_text(&b, BUNDLE_TYPE, "snp");
	put(&b, BUNDLE_REPORT, r, sizeof(r) - 1);
	assert_wrong(&b, "snp", -EBADMSG, "1183");
	put_text(&b, BUNDLE_TYPE, "snp");
	put(&b, BUNDLE_REPORT, r, sizeof(r));
	put(&b, BUNDLE_CERT_TABLE, table, 71);
	assert_wrong(&b, "snp", -EBADMSG, "table");
}

/* ---- tdx ---- */

/* A log whose only algorithm is SHA-384, with one event, and room behind it. */
static size_t make_log(uint8_t ret[static 256], uint8_t room)
{
	static const uint8_t header[] = { 0, 0, 0, 0, 3, 0, 0, 0, [32 - 4] = 33, 0, 0, 0,
					  'S', 'p', 'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e',
					  'n', 't', '0', '3', 0, 0, 0, 0, 0, 0, 2, 0, 2,
					  1, 0, 0, 0, 0x0c, 0, 48, 0, 0 };
	static const uint8_t event[] = { 1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x0c, 0,
					 [14 + 48] = 4, 0, 0, 0, 'd', 'a', 't', 'a' };

	memset(ret, room, 256);
	memcpy(ret, header, sizeof(header));
	memcpy(ret + sizeof(header), event, sizeof(event));
	return sizeof(header) + sizeof(event);
}

static void assert_base64(struct json_object *o, const char *name, const uint8_t *data, size_t len)
{
	const char *text = json_object_get_string(member(o, name));
	uint8_t decoded[512];

	assert_int_equal(base64_decode(text, decoded, sizeof(decoded)), len);
	assert_memory_equal(decoded, data, len);
}

static void test_tdx(void **state)
{
	static const uint8_t rooms[] = { 0, 0xff };
	struct json_object *o;
	struct bundle b = { 0 };
	uint8_t log[256];
	size_t len;

	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "a quote\xff", 8);
	o = good(&b, "tdx");
	assert_int_equal(json_object_object_length(o), 2);
	assert_null(member(o, "cc_eventlog"));
	assert_base64(o, "quote", (const uint8_t *)"a quote\xff", 8);
	json_object_put(o);

	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		len = make_log(log, rooms[i]);
		put_text(&b, BUNDLE_TYPE, "tdx");
		put(&b, BUNDLE_QUOTE, "q", 1);
		put(&b, BUNDLE_EVENT_LOG, log, sizeof(log));
		o = good(&b, "tdx");
		memset(log + len, 0xff, 8);
		assert_base64(o, "cc_eventlog", log, len + 8);
		json_object_put(o);
	}

	/* What cocod measured continues the firmware's log, and is nothing without it. */
	len = make_log(log, 0);
	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "q", 1);
	put(&b, BUNDLE_EVENT_LOG, log, sizeof(log));
	put(&b, BUNDLE_RUNTIME_LOG, "measured", 8);
	o = good(&b, "tdx");
	memcpy(log + len, "measured", 8);
	memset(log + len + 8, 0xff, 8);
	assert_base64(o, "cc_eventlog", log, len + 16);
	json_object_put(o);
	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "q", 1);
	put(&b, BUNDLE_RUNTIME_LOG, "measured", 8);
	o = good(&b, "tdx");
	assert_null(member(o, "cc_eventlog"));
	json_object_put(o);
}

static void test_tdx_wrong(void **state)
{
	struct bundle b = { 0 };
	uint8_t log[256];

	put_text(&b, BUNDLE_TYPE, "tdx");
	assert_wrong(&b, "tdx", -ENODATA, "no quote");
	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "", 0);
	assert_wrong(&b, "tdx", -ENODATA, "no quote");
	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "q", 1);
	put(&b, BUNDLE_EVENT_LOG, log, make_log(log, 0) - 1);
	assert_wrong(&b, "tdx", -EBADMSG, "event log");
}

/* ---- Azure ---- */

#define VCEK "-----BEGIN CERTIFICATE-----\nU0VWLVZD\nRUv/\n-----END CERTIFICATE-----\n"
#define CHAIN "-----BEGIN CERTIFICATE-----\nU0VWLU1pbGFu\n-----END CERTIFICATE-----\n"

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* The report of a paravisor that has @user_data. */
static void put_hcl(struct bundle *b, uint32_t kind, const uint8_t *user_data, size_t len)
{
	uint8_t hcl[0x4d4 + 256] = "HCLA";
	char json[256] = "{\"keys\":[]}", *p;
	size_t n;

	if (user_data) {
		p = json + snprintf(json, sizeof(json), "{\"keys\":[],\"user-data\":\"");
		for (size_t i = 0; i < USER_DATA_LEN; i++)
			p += sprintf(p, "%02X", i < len ? user_data[i] : 0);
		strcpy(p, "\"}");
	}
	n = strlen(json);
	put32(hcl + 4, 2);
	put32(hcl + 8, (uint32_t)(0x4d4 + n));
	put32(hcl + 12, 2);
	put32(hcl + 0x4c0, (uint32_t)(20 + n));
	put32(hcl + 0x4c4, 1);
	put32(hcl + 0x4c8, kind);
	put32(hcl + 0x4cc, HCL_SHA256);
	put32(hcl + 0x4d0, (uint32_t)n);
	memcpy(hcl + 0x4d4, json, n);
	put(b, BUNDLE_HCL, hcl, 0x4d4 + n);
}

static void put_quote(struct bundle *b, int n_pcrs)
{
	char text[4096] = "{", *p = text + 1;

	for (int i = 0; i < n_pcrs; i++)
		p += sprintf(p, "%s\"%d\":\"%02x%062x\"", i ? "," : "", i, i, 0xabc);
	strcpy(p, "}");
	put_text(b, BUNDLE_TYPE, "azure");
	put(b, BUNDLE_TPM_ATTEST, "\xff" "TCG", 4);
	put(b, BUNDLE_TPM_SIGNATURE, "\x01\xfe", 2);
	put_text(b, BUNDLE_TPM_PCRS, text);
}

static struct json_object *azure_snp(const uint8_t *user_data, size_t len)
{
	struct bundle b = { 0 };

	put_quote(&b, 24);
	put_hcl(&b, HCL_SNP, user_data, len);
	put_text(&b, BUNDLE_CERT, CHAIN);
	put_text(&b, BUNDLE_CERT, VCEK);
	return good(&b, "az-snp-vtpm");
}

static void test_azure_snp(void **state)
{
	struct json_object *o = azure_snp(digest, sizeof(digest)), *quote, *pcrs;

	assert_int_equal(json_object_object_length(o), 4);
	assert_int_equal(number(o, "version"), 2);
	/* "SEV-VCEK\xff" */
	assert_string_equal(json_object_get_string(member(o, "vcek")), "U0VWLVZDRUv_");
	assert_true(strncmp(json_object_get_string(member(o, "hcl_report")), "SENMQQIAAA", 10) ==
		    0);
	quote = member(o, "tpm_quote");
	assert_int_equal(json_object_object_length(quote), 3);
	assert_string_equal(json_object_get_string(member(quote, "message")), "ff544347");
	assert_string_equal(json_object_get_string(member(quote, "signature")), "01fe");
	pcrs = member(quote, "pcrs");
	assert_int_equal(json_object_array_length(pcrs), 24);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(pcrs, 23)),
			    "1700000000000000000000000000000000000000000000000000000000000abc");
	json_object_put(o);
}

/* What brokers would compare with the digest, and find another, is not offered to them. */
static void test_azure_version(void **state)
{
	uint8_t other[USER_DATA_LEN] = { 0 };
	struct json_object *o;

	memcpy(other, digest, sizeof(digest));
	other[63] = 1;
	o = azure_snp(other, sizeof(other));
	assert_int_equal(number(o, "version"), 1);
	json_object_put(o);
	o = azure_snp(NULL, 0);
	assert_int_equal(number(o, "version"), 1);
	json_object_put(o);
}

static void test_azure_tdx(void **state)
{
	struct bundle b = { 0 };
	struct json_object *o;

	put_quote(&b, 24);
	put_hcl(&b, HCL_TDX, digest, sizeof(digest));
	put(&b, BUNDLE_QUOTE, "\xff\xfe\xfd\x01", 4);
	o = good(&b, "az-tdx-vtpm");
	assert_int_equal(json_object_object_length(o), 4);
	assert_string_equal(json_object_get_string(member(o, "td_quote")), "__79AQ==");
	json_object_put(o);
}

static void test_azure_wrong(void **state)
{
	struct bundle b = { 0 };

	put_quote(&b, 23);
	put_hcl(&b, HCL_SNP, NULL, 0);
	put_text(&b, BUNDLE_CERT, VCEK);
	assert_wrong(&b, "az-snp-vtpm", -ENODATA, "PCR 23");
	put_quote(&b, 24);
	assert_wrong(&b, "az-snp-vtpm", -ENODATA, "hcl");
	put_quote(&b, 24);
	put_hcl(&b, HCL_TDX, NULL, 0);
	put_text(&b, BUNDLE_CERT, VCEK);
	assert_wrong(&b, "az-snp-vtpm", -EOPNOTSUPP, "kind 4");
	put_quote(&b, 24);
	put_hcl(&b, HCL_SNP, NULL, 0);
	put_text(&b, BUNDLE_CERT, CHAIN);
	assert_wrong(&b, "az-snp-vtpm", -ENODATA, "certificate");
	put_quote(&b, 24);
	put_hcl(&b, HCL_TDX, NULL, 0);
	assert_wrong(&b, "az-tdx-vtpm", -ENODATA, "quote");
	put_quote(&b, 24);
	put(&b, BUNDLE_HCL, "HCLB", 4);
	assert_wrong(&b, "az-tdx-vtpm", -EBADMSG, "paravisor");
}

static void test_kind(void **state)
{
	struct bundle b = { 0 };

	put_text(&b, BUNDLE_TYPE, "tdx");
	put(&b, BUNDLE_QUOTE, "q", 1);
	assert_wrong(&b, "snp", -EOPNOTSUPP, "'snp'");
	put_text(&b, BUNDLE_TYPE, "snp");
	assert_wrong(&b, "sample", -EOPNOTSUPP, "'sample'");
	assert_wrong(&b, "tdx", -EOPNOTSUPP, "'tdx'");
}

/* ---- known answers: $COCO_VECTORS/coco ---- */

static void read_vector(const char *name, char **ret, size_t *ret_len)
{
	char path[PATH_MAX];

	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, name), 65536, ret, ret_len),
			 0);
}

/* A Genoa's report, as others write it. */
static void test_vectors(void **state)
{
	struct json_object *theirs, *ours;
	struct bundle b = { 0 };
	char path[PATH_MAX], *report;
	size_t len;

	read_vector("coco/snp/evidence-genoa.report.bin", &report, &len);
	put_text(&b, BUNDLE_TYPE, "snp");
	put(&b, BUNDLE_REPORT, report, len);
	free(report);
	ours = good(&b, "snp");
	theirs = json_object_from_file(vectors_path(path, "coco/snp/evidence-genoa.json"));
	assert_non_null(theirs);
	assert_true(json_object_equal(member(ours, "attestation_report"),
				      member(theirs, "attestation_report")));
	json_object_put(ours);
	json_object_put(theirs);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snp),	    cmocka_unit_test(test_snp_versions),
		cmocka_unit_test(test_snp_certs),   cmocka_unit_test(test_snp_wrong),
		cmocka_unit_test(test_tdx),	    cmocka_unit_test(test_tdx_wrong),
		cmocka_unit_test(test_azure_snp),   cmocka_unit_test(test_azure_version),
		cmocka_unit_test(test_azure_tdx),   cmocka_unit_test(test_azure_wrong),
		cmocka_unit_test(test_kind),	    cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "coco/snp/evidence-genoa.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
