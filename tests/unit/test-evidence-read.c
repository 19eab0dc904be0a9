/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The forms of the field, there and back: what the guest's side writes of a bundle that was read is
 * what was sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>

#include "agent/net/evidence-json.h"
#include "base/base64.h"
#include "base/io.h"
#include "broker/core/evidence-read.h"
#include "tests/unit/vectors.h"
#include "wire/tcg-log.h"

static struct json_object *read_vector(const char *name)
{
	char path[PATH_MAX];
	struct json_object *o = json_object_from_file(vectors_path(path, name)), *inner = o;

	assert_non_null(o);
	if (json_object_object_get_ex(o, "attestation", &inner) &&
	    json_object_object_get_ex(inner, "tee-evidence", &inner) &&
	    json_object_object_get_ex(inner, "primary_evidence", &inner)) {
		json_object_get(inner);
		json_object_put(o);
		return inner;
	}
	return o;
}

static int read_any(struct json_object *o, enum broker_tee tee, struct bundle *ret)
{
	struct cause why = { "" };
	int r = evidence_read(o, tee, ret, &why);

	assert_true((r < 0) == (why.text[0] != '\0'));
	if (r < 0)
		assert_int_equal(ret->n_items, 0);
	return r;
}

/* What the guest's side makes of it again. */
static void comes_back(const char *name, enum broker_tee tee, const uint8_t *digest)
{
	struct json_object *o = read_vector(name), *again;
	struct bundle b = { .n_items = 0 };
	struct cause why = { "" };

	assert_int_equal(read_any(o, tee, &b), 0);
	if (evidence_json(&b, broker_tee_name(tee), digest, 48, &again, &why) < 0)
		fail_msg("%s: %s", name, why.text);
	if (!json_object_equal(o, again))
		fail_msg("%s: %s", name, json_object_to_json_string(again));
	json_object_put(again);
	json_object_put(o);
	bundle_done(&b);
}

static void test_there_and_back(void **state)
{
	static const uint8_t user_data[] = {
		0x98, 0x2f, 0x5c, 0x6e, 0x45, 0xdf, 0x0e, 0xd3, 0xf1, 0x0b, 0x6f, 0x60,
		0xb0, 0x2f, 0x0c, 0x83, 0x90, 0xe2, 0x81, 0x30, 0x0f, 0x38, 0x05, 0xe2,
		0x27, 0x9c, 0x16, 0x16, 0x8c, 0xd6, 0xae, 0x9a, 0xa3, 0x98, 0xf6, 0x47,
		0xca, 0xa2, 0x33, 0x87, 0x48, 0xcd, 0x0f, 0xd9, 0xf5, 0xf8, 0x19, 0xef,
	};
	static const uint8_t none[48] = { 1 };

	comes_back("coco/az-snp-vtpm/evidence-v2.json", BROKER_TEE_AZ_SNP, user_data);
	comes_back("coco/az-snp-vtpm/evidence-v1.json", BROKER_TEE_AZ_SNP, none);
	comes_back("coco/az-tdx-vtpm/evidence-v1.json", BROKER_TEE_AZ_TDX, none);
	comes_back("coco/tdx/evidence-quote4-nolog.json", BROKER_TEE_TDX, none);
}

/* The report, whose certificates go another way. */
static void test_snp(void **state)
{
	static const char *const names[] = { "ok", "initdata-ok", "tcb-low" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct json_object *o, *again, *report, *found;
		struct bundle b = { .n_items = 0 };
		struct cause why = { "" };

		(void) snprintf(path, sizeof(path), "coco/snp-testroot/%s.json", names[i]);
		o = read_vector(path);
		assert_int_equal(read_any(o, BROKER_TEE_SNP, &b), 0);
		assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "snp");
		assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->len, 1184);
		assert_non_null(bundle_find(&b, BUNDLE_CERT, 0));
		assert_int_equal(evidence_json(&b, "snp", (uint8_t[48]){ 0 }, 48, &again, &why), 0);
		assert_true(json_object_object_get_ex(o, "attestation_report", &report));
		assert_true(json_object_object_get_ex(again, "attestation_report", &found));
		if (!json_object_equal(report, found))
			fail_msg("%s: %s", path, json_object_to_json_string(found));
		json_object_put(again);
		json_object_put(o);
		bundle_done(&b);
	}
}

/* Version 0 says the same as version 1, in lists. */
static void test_version_0(void **state)
{
	struct json_object *o = read_vector("coco/az-snp-vtpm/evidence-v0.json");
	struct bundle b = { .n_items = 0 };

	assert_int_equal(read_any(o, BROKER_TEE_AZ_SNP, &b), 0);
	assert_int_equal(bundle_find(&b, BUNDLE_HCL, 0)->len, 2600);
	assert_non_null(bundle_find(&b, BUNDLE_TPM_ATTEST, 0));
	assert_non_null(bundle_find(&b, BUNDLE_TPM_SIGNATURE, 0));
	assert_true(startswith(bundle_text(&b, BUNDLE_TPM_PCRS), "{\"0\":\"") != NULL);
	bundle_done(&b);
	json_object_put(o);
}

/* ---- what is refused: a member of good evidence is replaced, or removed (NULL) ---- */

struct change {
	const char *path[3];	/* of members */
	const char *value;	/* JSON, or NULL */
};

static void refuses(const char *vector, enum broker_tee tee, const struct change *changes,
		    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = read_vector(vector), *at = o;
		struct bundle b = { .n_items = 0 };
		unsigned last = 0;

		while (last + 1 < ARRAY_SIZE(changes[i].path) && changes[i].path[last + 1])
			assert_true(json_object_object_get_ex(at, changes[i].path[last++], &at));
		if (changes[i].value)
			assert_int_equal(json_object_object_add(
						 at, changes[i].path[last],
						 json_tokener_parse(changes[i].value)),
					 0);
		else
			json_object_object_del(at, changes[i].path[last]);
		if (read_any(o, tee, &b) >= 0)
			fail_msg("%s: %s = %s", vector, changes[i].path[last], changes[i].value);
		json_object_put(o);
	}
}

#define LIST_8(first) first ",1,1,1,1,1,1,1"
#define LIST_48 \
	"[" LIST_8("1") LIST_8(",1") LIST_8(",1") LIST_8(",1") LIST_8(",1") LIST_8(",1")
#define LIST_63 LIST_48 LIST_8(",1") ",1,1,1,1,1,1,1"
#define LIST_64 LIST_63 ",1"
#define LIST_72 LIST_64 LIST_8(",1")

static void test_snp_refused(void **state)
{
#define R "attestation_report"
	static const struct change changes[] = {
		{ { R }, NULL },
		{ { R }, "null" },
		{ { R }, "[]" },
		{ { R }, "{}" },
		{ { "cert_chain" }, NULL },
		{ { "cert_chain" }, "{}" },
		{ { "cert_chain" }, "[1]" },
		{ { "cert_chain" }, "[{\"cert_type\":\"VCEK\"}]" },
		{ { "cert_chain" }, "[{\"cert_type\":\"VCEK\",\"data\":[]}]" },
		{ { "cert_chain" }, "[{\"cert_type\":\"VCEK\",\"data\":[256]}]" },
		{ { "cert_chain" }, "[{\"cert_type\":\"VCEK\",\"data\":\"x\"}]" },
		{ { "cert_chain" }, "[{\"data\":[1]}]" },
		{ { R, "version" }, NULL },
		{ { R, "version" }, "\"3\"" },
		{ { R, "version" }, "3.0" },
		{ { R, "version" }, "-1" },
		{ { R, "version" }, "4294967296" },
		{ { R, "policy" }, "-1" },
		{ { R, "vmpl" }, "true" },
		{ { R, "measurement" }, "[1]" },
		{ { R, "measurement" }, "\"\"" },
		{ { R, "host_data" }, "null" },
		{ { R, "cpuid_fam_id" }, "256" },
		{ { R, "current_tcb" }, "1" },
		{ { R, "current_tcb" }, "{}" },
		{ { R, "current_tcb" }, "{\"fmc\":1,\"bootloader\":1,\"tee\":0,\"snp\":1,"
					"\"microcode\":1}" },
		{ { R, "current_tcb" }, "{\"fmc\":null,\"bootloader\":256,\"tee\":0,\"snp\":1,"
					"\"microcode\":1}" },
		{ { R, "current" }, "{\"major\":1,\"minor\":1}" },
		{ { R, "signature" }, "{}" },
		{ { R, "report_data" }, LIST_64 ",1]" },
		{ { R, "report_data" }, LIST_63 "]" },
		{ { R, "report_data" }, LIST_63 ",256]" },
		{ { R, "report_data" }, LIST_63 ",-1]" },
		{ { R, "report_data" }, LIST_63 ",1.0]" },
		{ { R, "report_data" }, LIST_63 ",null]" },
		{ { R, "report_data" }, LIST_63 ",\"1\"]" },
		{ { R, "report_data" }, LIST_63 ",18446744073709551616]" },
		{ { R, "measurement" }, LIST_48 ",1]" },
		{ { R, "chip_id" }, LIST_64 ",1]" },
		{ { R, "signature", "r" }, LIST_72 ",0]" },
		{ { R, "signature", "s" }, LIST_64 "]" },
		{ { R, "signature", "r" }, "[1]" },
		{ { R, "signature", "s" }, NULL },
	};

	refuses("coco/snp-testroot/ok.json", BROKER_TEE_SNP, changes, ARRAY_SIZE(changes));
}

static void test_tdx_refused(void **state)
{
	static const struct change changes[] = {
		{ { "quote" }, NULL },
		{ { "quote" }, "null" },
		{ { "quote" }, "\"\"" },
		{ { "quote" }, "\"AA\"" },
		{ { "quote" }, "\"AB==\"" },
		{ { "quote" }, "\"AA ==\"" },
		{ { "quote" }, "\"AA==\\n\"" },
		{ { "quote" }, "\"A-_=\"" },
		{ { "quote" }, "\"AA==\\u0000\"" },
		{ { "quote" }, "[1]" },
		{ { "cc_eventlog" }, NULL },
		{ { "cc_eventlog" }, "1" },
		{ { "cc_eventlog" }, "\"\"" },
		{ { "cc_eventlog" }, "\"!\"" },
	};

	refuses("coco/tdx/evidence-quote4-nolog.json", BROKER_TEE_TDX, changes,
		ARRAY_SIZE(changes));
}

/* An event of RTMR3 with a digest of zeros and the text "x". */
static size_t put_event(uint8_t *p)
{
	static const uint8_t head[] = { 4, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0x0c, 0 };

	memset(p, 0, 67);
	memcpy(p, head, sizeof(head));
	p[62] = 1;
	memcpy(p + 66, "x", 1);
	return 67;
}

static struct json_object *make_tdx(const uint8_t *log, size_t len)
{
	struct json_object *o = json_object_new_object();
	char *text;

	assert_int_equal(base64_encode(log, len, &text), 0);
	assert_int_equal(json_object_object_add(o, "cc_eventlog", json_object_new_string(text)), 0);
	assert_int_equal(json_object_object_add(o, "quote", json_object_new_string("AAAA")), 0);
	free(text);
	return o;
}

/* Read a log, write it again, and return how long the two parts are. */
static void split_log(const uint8_t *log, size_t len, bool comes_back, size_t ret[2])
{
	struct json_object *o = make_tdx(log, len), *again;
	const struct bundle_item *event_log, *runtime;
	struct bundle b = { .n_items = 0 };
	struct cause why = { "" };

	assert_int_equal(read_any(o, BROKER_TEE_TDX, &b), 0);
	event_log = bundle_find(&b, BUNDLE_EVENT_LOG, 0);
	runtime = bundle_find(&b, BUNDLE_RUNTIME_LOG, 0);
	assert_non_null(event_log);
	ret[0] = event_log->len;
	ret[1] = runtime ? runtime->len : 0;
	assert_memory_equal(event_log->data, log, ret[0]);
	if (runtime)
		assert_memory_equal(runtime->data, log + ret[0], ret[1]);
	if (comes_back) {
		assert_int_equal(evidence_json(&b, "tdx", (uint8_t[48]){ 0 }, 48, &again, &why), 0);
		assert_true(json_object_equal(o, again));
		json_object_put(again);
	}
	bundle_done(&b);
	json_object_put(o);
}

/* What software measured goes on where the firmware's log ends, and comes back as one. */
static void test_tdx_log(void **state)
{
	static const char *const logs[] = { "CCEL_data", "CCEL_data_gcp", "CCEL_data_grub",
					    "CCEL_data_ovmf" };
	uint8_t *log = malloc(BUNDLE_ITEM_MAX);
	char path[PATH_MAX], name[64], *data;
	struct tcg_event event;
	struct tcg_log l;
	size_t end, len, parts[2];

	assert_non_null(log);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		(void) snprintf(name, sizeof(name), "coco/ccel/%s", logs[i]);
		assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, name),
					      BUNDLE_ITEM_MAX, &data, &len),
				 0);
		assert_int_equal(tcg_log_open((uint8_t *)data, len, &l), 0);
		while (tcg_log_next(&l, &event) > 0)
			;
		end = (size_t)(l.rest.p - (uint8_t *)data);
		memcpy(log, data, len);
		free(data);
		split_log(log, len, false, parts);
		assert_true(parts[0] == len && parts[1] == 0);
		memset(log + end, 0xff, 8);
		split_log(log, end + 8, true, parts);
		assert_true(parts[0] == end + 8 && parts[1] == 0);
		len = put_event(log + end);
		len += put_event(log + end + len);
		memset(log + end + len, 0xff, 8);
		split_log(log, end + len + 8, true, parts);
		assert_true(parts[0] == end && parts[1] == len);
		/* An event of the firmware behind it. */
		log[end + 67] = 1;
		split_log(log, end + len + 8, true, parts);
		assert_true(parts[0] == end + len + 8 && parts[1] == 0);
		/* It is cut: the judge says so. */
		split_log(log, end + len - 1, false, parts);
		assert_true(parts[0] == end + len - 1 && parts[1] == 0);
	}
	free(log);
}

static void test_azure_refused(void **state)
{
#define Q "tpm_quote"
	static const struct change changes[] = {
		{ { "version" }, "0" },
		{ { "version" }, "3" },
		{ { "version" }, "\"2\"" },
		{ { "version" }, NULL },	/* then it is of version 0 */
		{ { Q }, NULL },
		{ { Q, "message" }, "\"0\"" },
		{ { Q, "message" }, "\"\"" },
		{ { Q, "message" }, "\"zz\"" },
		{ { Q, "signature" }, "[1]" },
		{ { Q, "pcrs" }, "[]" },
		{ { Q, "pcrs" }, "{}" },
		{ { Q, "pcrs" }, NULL },
		{ { "hcl_report" }, "\"A+A=\"" },
		{ { "hcl_report" }, "\"\"" },
		{ { "vcek" }, NULL },
		{ { "vcek" }, "\"****\"" },
	};

	refuses("coco/az-snp-vtpm/evidence-v2.json", BROKER_TEE_AZ_SNP, changes,
		ARRAY_SIZE(changes));
}

/* Evidence of one kind is none of another, and what nobody reads is not evidence. */
static void test_kinds(void **state)
{
	static const char *const vectors[_BROKER_TEE_MAX] = {
		[BROKER_TEE_SNP] = "coco/snp-testroot/ok.json",
		[BROKER_TEE_TDX] = "coco/tdx/evidence-quote4-nolog.json",
		[BROKER_TEE_AZ_SNP] = "coco/az-snp-vtpm/evidence-v2.json",
		[BROKER_TEE_AZ_TDX] = "coco/az-tdx-vtpm/evidence-v1.json",
	};

	for (unsigned i = BROKER_TEE_SNP; i < _BROKER_TEE_MAX; i++)
		for (unsigned k = BROKER_TEE_NONE; k <= _BROKER_TEE_MAX; k++) {
			struct json_object *o = read_vector(vectors[i]);
			struct bundle b = { .n_items = 0 };

			assert_int_equal(read_any(o, k, &b) == 0, i == k);
			bundle_done(&b);
			json_object_put(o);
		}
	assert_int_equal(read_any(NULL, BROKER_TEE_SNP, &(struct bundle){ .n_items = 0 }),
			 -EBADMSG);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_snp),
		cmocka_unit_test(test_version_0),      cmocka_unit_test(test_snp_refused),
		cmocka_unit_test(test_tdx_refused),    cmocka_unit_test(test_tdx_log),
		cmocka_unit_test(test_azure_refused),
		cmocka_unit_test(test_kinds),
	};

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		vectors_or_skip(&tests[i], "coco/snp-testroot/ok.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
