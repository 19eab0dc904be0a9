/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <json.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "inject/launch/digest.h"
#include "sev/measurement.h"
#include "inject/launch/mrtd.h"
#include "wire/ovmf-table.h"

#include <cmocka.h>

#include "tests/unit/machines.h"
#include "tests/unit/vectors.h"

/* ---- pieces ---- */

static void test_kernel_hashes(void **state)
{
	struct kernel_hashes h;
	uint8_t t[KERNEL_HASHES_LEN], *p = t;

	memset(h.cmdline, 0xc1, sizeof(h.cmdline));
	memset(h.initrd, 0x12, sizeof(h.initrd));
	memset(h.kernel, 0x3e, sizeof(h.kernel));
	kernel_hashes_table(&h, t);
	/* The GUIDs as they lie in memory, written independently of the code. */
	assert_memory_equal(p,
			    "\x06\xd6\x38\x94\x22\x4f\xc9\x4c\xb4\x79\xa7\x93\xd4\x11\xfd\x21\xa8"
			    "\x00",
			    18);
	assert_memory_equal(p + 18,
			    "\xd8\x2d\xd0\x97\x20\xbd\x94\x4c\xaa\x78\xe7\x71\x4d\x36\xab\x2a\x32"
			    "\x00\xc1\xc1",
			    20);
	assert_memory_equal(p + 68,
			    "\x31\xf7\xba\x44\x2f\x3a\xd7\x4b\x9a\xf1\x41\xe2\x91\x69\x78\x1d\x32"
			    "\x00\x12\x12",
			    20);
	assert_memory_equal(p + 118,
			    "\x37\x94\xe7\x4d\xd2\xab\x7f\x42\xb8\x35\xd5\xb1\x72\xd2\x04\x5b\x32"
			    "\x00\x3e\x3e",
			    20);
	assert_memory_equal(p + 166, "\x3e\x3e\0\0\0\0\0\0\0\0", 10);
}

static void test_vmsa_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t signature;
	} cpus[] = {
		{ "EPYC", 0x800f12 },	      { "EPYC-v4", 0x800f12 },
		{ "EPYC-IBPB", 0x800f12 },    { "EPYC-Rome", 0x830f10 },
		{ "EPYC-Milan", 0xa00f11 },   { "EPYC-Milan-v2", 0xa00f11 },
		{ "epyc", 0x800f12 },	      { "epyc-MILAN-V2", 0xa00f11 },
		{ "Epyc-Ibpb-v1", 0x800f12 }, { "EPYC-Genoa", 0xa10f10 },
		{ "EPYC-Turin", 0xb00f00 },
	};
	static const char *const none[] = {
		"",	   "epy",      "Milan",	      "EPYC-IBPB-",   "EPYC-", "EPYC-v",
		"EPYC-v0", "EPYC-v10", "EPYC-Milan-", "EPYC-Milanv2", "host"
	};
	const struct vmsa_variant *v;
	uint32_t signature;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		assert_int_equal(cpu_type_signature(cpus[i].name, &signature), 0);
		assert_int_equal(signature, cpus[i].signature);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(cpu_type_signature(none[i], &signature), -ENOENT);
	v = vmsa_variants(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(vmsa_variant_find(v[i].name, v[i].snp), &v[i]);
		assert_null(vmsa_variant_find(v[i].name, !v[i].snp));
	}
	assert_null(vmsa_variant_find("init3", false));
}

static void test_signatures(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint32_t signature;
	} cases[] = {
		{ "0xa00f11", 0, 0xa00f11 },
		{ "10489617", 0, 0xa00f11 },
		{ "25/1/1", 0, 0xa00f11 },
		{ "0x19/0xa0/2", 0, 0xaa0f02 },
		{ "26/17/0", 0, 0xb10f10 },
		{ "6/0x5e/3", 0, 0x506e3 },
		{ "15/0/0", 0, 0xf00 },
		{ "16/0/0", 0, 0x100f00 },
		{ "270/255/15", 0, 0xfff0fff },
		{ "271/0/0", -ERANGE, 0 },
		{ "0/256/0", -ERANGE, 0 },
		{ "0/0/16", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "25/1", -EINVAL, 0 },
		{ "25/1/1/", -EINVAL, 0 },
		{ "25/1/1/1", -EINVAL, 0 },
		{ "/1/1", -EINVAL, 0 },
		{ "25//1", -EINVAL, 0 },
		{ "25/1/", -EINVAL, 0 },
		{ " 25/1/1", -EINVAL, 0 },
		{ "25/1/-1", -EINVAL, 0 },
		{ "0x100000000", -ERANGE, 0 },
		{ "4294967296/0/0", -ERANGE, 0 },
		{ "0000000000000025/1/1", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t signature = 7;

		print_message("# %s\n", cases[i].text);
		assert_int_equal(cpu_signature_parse(cases[i].text, &signature), cases[i].r);
		assert_int_equal(signature, cases[i].r < 0 ? 7 : cases[i].signature);
	}
}

/*
 * No signature is there twice among QEMU's models, nor among the processors, because the search
 * names one.
 */
static void test_known_cpus(void **state)
{
	size_t n;
	const struct cpu *cpus = known_cpus(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			assert_false(cpus[i].real == cpus[k].real &&
				     cpus[i].signature == cpus[k].signature);
			assert_false(!cpus[i].real && cpus[k].real);
		}
}

static void test_counts(void **state)
{
	static const struct {
		const char *text;
		int r;
		size_t n, least, most;
	} cases[] = {
		{ "1", 0, 1, 1, 1 },
		{ "4096", 0, 1, 4096, 4096 },
		{ "1-4096", 0, 4096, 1, 4096 },
		{ "8,1-3", 0, 4, 1, 8 },
		{ "1-3,2-4,4", 0, 4, 1, 4 },
		{ "5-5", 0, 1, 5, 5 },
		{ "0x10-0x11", 0, 2, 16, 17 },
		{ "0", -ERANGE, 0, 0, 0 },
		{ "4097", -ERANGE, 0, 0, 0 },
		{ "0-4", -ERANGE, 0, 0, 0 },
		{ "1-4097", -ERANGE, 0, 0, 0 },
		{ "3-2", -EINVAL, 0, 0, 0 },
		{ "", -EINVAL, 0, 0, 0 },
		{ ",", -EINVAL, 0, 0, 0 },
		{ "1,", -EINVAL, 0, 0, 0 },
		{ ",1", -EINVAL, 0, 0, 0 },
		{ "1-", -EINVAL, 0, 0, 0 },
		{ "-1", -EINVAL, 0, 0, 0 },
		{ "1-2-3", -EINVAL, 0, 0, 0 },
		{ "1 2", -EINVAL, 0, 0, 0 },
		{ "1,,2", -EINVAL, 0, 0, 0 },
		{ "99999999999999999999", -EINVAL, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcpu_counts c = { .n = 77 };
		size_t n = 0;

		print_message("# %s\n", cases[i].text);
		assert_int_equal(vcpu_counts_parse(cases[i].text, &c), cases[i].r);
		if (cases[i].r < 0) {
			assert_int_equal(c.n, 77);
			continue;
		}
		assert_true(c.n == cases[i].n && c.least == cases[i].least &&
			    c.most == cases[i].most);
		for (size_t k = 0; k <= VCPUS_MAX; k++)
			n += vcpu_counts_has(&c, k);
		assert_int_equal(n, c.n);
		assert_true(vcpu_counts_has(&c, c.least) && vcpu_counts_has(&c, c.most));
	}
}

/* A variant changes every field that it should, and no other byte. */
static void test_vmsa_variants(void **state)
{
	struct vmsa legacy = { vmsa_variant_find("legacy", false), 0xa00f11, 0 }, v = legacy;
	uint8_t a[VMSA_LEN], b[VMSA_LEN];

	vmsa_page(&legacy, VMSA_EIP_BSP, a);
	assert_memory_equal(a + 0x10,
			    "\x00\xf0\x9b\x00\xff\xff\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00", 16);
	assert_memory_equal(a + 0x178, "\xf0\xff\0\0\0\0\0\0", 8);
	assert_memory_equal(a + 0x310, "\x11\x0f\xa0\0\0\0\0\0", 8);
	v.features = 0x20;
	vmsa_page(&v, VMSA_EIP_BSP, b);
	assert_int_equal(b[0x3b0], 0x20);
	b[0x3b0] = 0;
	assert_memory_equal(a, b, VMSA_LEN);
	v = (struct vmsa){ vmsa_variant_find("init2", false), 0xa00f11, 0 };
	vmsa_page(&v, VMSA_EIP_BSP, b);
	assert_memory_equal(b + 0x408, "\x80\x1f\0\0\0\0\0\0\x7f\x03", 10);
	memset(b + 0x408, 0, 10);
	assert_memory_equal(a, b, VMSA_LEN);
	vmsa_page(&legacy, 0x12345678, b);
	assert_memory_equal(b + 0x10,
			    "\x00\xf0\x9b\x00\xff\xff\x00\x00\x00\x00\x34\x12\x00\x00\x00\x00", 16);
	assert_memory_equal(b + 0x178, "\x78\x56\0\0\0\0\0\0", 8);
}

/* Hashing in steps gives the same as hashing at once, and a copy leaves the original unchanged. */
static void test_steps(void **state)
{
	static const uint8_t firmware[3 * 4096] = { 1 };
	struct kernel_hashes h = { { 1 }, { 2 }, { 3 } };
	struct launch l = { TECH_SEV_ES, { firmware, sizeof(firmware) },
			    NULL,	 &h,
			    3,		 { vmsa_variant_find("legacy", false), 1, 0 },
			    0x1000 };
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } }, copy = { .ld = { 0 } };
	uint8_t whole[LAUNCH_DIGEST_MAX], steps[LAUNCH_DIGEST_MAX], plain[LAUNCH_DIGEST_MAX];
	struct vcpus vcpus = { 0 };
	struct pool pool;

	assert_int_equal(launch_digest(&l, whole), 0);
	pool_init(&pool);
	assert_int_equal(digest_begin(&l, &pool, &d), 0);
	assert_int_equal(digest_firmware(&d), 0);
	pool_done(&pool);
	assert_int_equal(digest_copy(&d, &copy), 0);
	assert_int_equal(digest_pages(&d, &l), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(digest_peek(&d, &l, steps), 0);
		assert_memory_not_equal(whole, steps, SHA256_LEN);
		assert_int_equal(vcpus.next, i);
		assert_int_equal(digest_vcpu(&d, &l, &vcpus), 0);
	}
	assert_int_equal(digest_peek(&d, &l, steps), 0);
	assert_memory_equal(whole, steps, SHA256_LEN);
	l.tech = TECH_SEV;
	l.kernel = NULL;
	assert_int_equal(launch_digest(&l, plain), 0);
	assert_int_equal(digest_peek(&copy, &l, steps), 0);
	assert_memory_equal(plain, steps, SHA256_LEN);
}

static void test_snp_refuses(void **state)
{
	static const uint8_t firmware[2 * 4096] = { 1 };
	struct launch l = { TECH_SNP,
			    { firmware, sizeof(firmware) },
			    .n_vcpus = 1,
			    .vmsa = { vmsa_variant_find("snp", true), 1, 1 } };
	uint8_t ld[LAUNCH_DIGEST_MAX];

	assert_int_equal(launch_digest(&l, ld), -ENOENT);
	l.firmware.len = 4097;
	assert_int_equal(launch_digest(&l, ld), -EBADMSG);
	l.firmware.len = 0;
	assert_int_equal(launch_digest(&l, ld), -EBADMSG);
	assert_int_equal(mrtd(&l.firmware, MRTD_PAGE_BY_PAGE, ld), -ENOENT);
}

static void test_measurer(void **state)
{
	_cleanup_(secret_freep) struct secret *tik = NULL, *short_tik = NULL;
	_cleanup_(measurer_freep) struct measurer *m = NULL;
	struct measured what = { 1, 55, 24, 3 };
	uint8_t digest[SHA256_LEN] = { 7 }, nonce[SEV_NONCE_LEN] = { 9 }, a[SEV_MEASURE_LEN],
		b[SEV_MEASURE_LEN];
	uint8_t *const inputs[] = { &what.api_major, &what.api_minor,
				    &what.build,     (uint8_t *)&what.policy + 3,
				    digest + 31,     nonce + 15 };

	assert_int_equal(secret_new(SEV_KEY_LEN, &tik), 0);
	assert_int_equal(secret_new(SEV_KEY_LEN - 1, &short_tik), 0);
	assert_int_equal(measurer_new(short_tik, &m), -EINVAL);
	assert_int_equal(measurer_new(tik, &m), 0);
	assert_int_equal(measurer_measure(m, &what, digest, nonce, a), 0);
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		*inputs[i] ^= 1;
		assert_int_equal(measurer_measure(m, &what, digest, nonce, b), 0);
		assert_memory_not_equal(a, b, SEV_MEASURE_LEN);
		*inputs[i] ^= 1;
	}
	assert_int_equal(measurer_measure(m, &what, digest, nonce, b), 0);
	assert_memory_equal(a, b, SEV_MEASURE_LEN);

	assert_true(measured_api_is_bound(&(struct measured){ 0, 17 }));
	assert_true(measured_api_is_bound(&(struct measured){ 1, 0 }));
	assert_false(measured_api_is_bound(&(struct measured){ 0, 16 }));
}

/* ---- known answers: $COCO_VECTORS/sev ---- */

static const char *text_of(struct json_object *c, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(c, key, &v) ? json_object_get_string(v) : NULL;
}

static uint64_t number_of(struct json_object *c, const char *key, uint64_t fallback)
{
	const char *text = text_of(c, key);
	uint64_t n = fallback;

	if (text)
		assert_int_equal(parse_u64(text, &n), 0);
	return n;
}

static struct json_object *cases_of(const char *name)
{
	char path[PATH_MAX];
	struct json_object *cases = json_object_from_file(vectors_path(path, name));

	assert_non_null(cases);
	return cases;
}

static void load(const char *dir, const char *name, char **ret, size_t *ret_len)
{
	char path[2 * PATH_MAX], base[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", vectors_path(base, dir), name);
	assert_int_equal(read_file_at(AT_FDCWD, path, 16 << 20, ret, ret_len), 0);
}

static void hash_file(struct sha *sha, const char *dir, const char *name, uint8_t *ret)
{
	_cleanup_(freep) char *data = NULL;
	size_t len = 0;

	if (name && !streq(name, "empty"))
		load(dir, name, &data, &len);
	assert_int_equal(sha_of(sha, data ? data : "", len, ret), 0);
}

struct files {
	char *firmware, *pages;
	struct kernel_hashes hashes;
	uint8_t seed[SHA384_LEN];
};

static void files_done(struct files *f)
{
	free(f->firmware);
	free(f->pages);
}

static void launch_of(struct json_object *c, const char *dir, enum tech tech, struct launch *l,
		      struct files *f)
{
	_cleanup_(sha_done) struct sha sha = { NULL };
	const char *variant = text_of(c, tech == TECH_SNP ? "vmm" : "vmsa"),
		   *cmdline = text_of(c, "cmdline");
	struct json_object *pages;
	size_t len;

	assert_int_equal(sha_init(&sha, "SHA256"), 0);
	*l = (struct launch){ .tech = tech, .n_vcpus = number_of(c, "vcpus", 1) };
	load(dir, text_of(c, "fw"), &f->firmware, &len);
	l->firmware = (struct bytes){ (const uint8_t *)f->firmware, len };
	if (text_of(c, "kernel")) {
		hash_file(&sha, dir, text_of(c, "kernel"), f->hashes.kernel);
		hash_file(&sha, dir, text_of(c, "initrd"), f->hashes.initrd);
		assert_int_equal(sha_of(&sha, cmdline ? cmdline : "",
					(cmdline ? strlen(cmdline) : 0) + 1, f->hashes.cmdline),
				 0);
		l->kernel = &f->hashes;
	}
	if (variant && streq(variant, "QEMU"))
		variant = "snp";
	else if (variant && streq(variant, "ec2"))
		variant = "snp-ec2";
	else if (variant && streq(variant, "gce"))
		variant = "snp-gce";
	l->vmsa.variant = vmsa_variant_find(variant	     ? variant :
					    tech == TECH_SNP ? "snp" :
							       "legacy",
					    tech == TECH_SNP);
	assert_non_null(l->vmsa.variant);
	l->vmsa.features = number_of(c, "guest_features", l->vmsa.variant->features);
	l->vmsa.signature = (uint32_t)number_of(c, tech == TECH_SNP ? "vcpu_sig" : "cpu_sig", 0);
	if (l->vmsa.signature == 0)
		l->vmsa.signature = (uint32_t)number_of(c, "vcpu_sig", 0);
	assert_int_equal(ovmf_es_reset(l->firmware.p, len, &l->ap_eip), 0);

	if (json_object_object_get_ex(c, "vmsa_files", &pages)) {
		l->n_pages = json_object_array_length(pages);
		f->pages = calloc(l->n_pages, VMSA_LEN);
		for (size_t i = 0; i < l->n_pages; i++) {
			_cleanup_(freep) char *page = NULL;

			load(dir, json_object_get_string(json_object_array_get_idx(pages, i)),
			     &page, &len);
			assert_int_equal(len, VMSA_LEN);
			memcpy(f->pages + i * VMSA_LEN, page, VMSA_LEN);
		}
		l->pages = (const uint8_t *)f->pages;
	}
}

/* Without memory there is no text. */
static void hex_of(struct json_object *c, const char *key, uint8_t *ret, size_t len)
{
	const char *text = text_of(c, key);

	assert_non_null(text);
	assert_int_equal(parse_hex(text, ret, len), 0);
}

static void check_digest(struct json_object *c, const char *key, const uint8_t *got, size_t len)
{
	uint8_t want[LAUNCH_DIGEST_MAX];

	hex_of(c, key, want, len);
	assert_memory_equal(got, want, len);
}

static void check_measure_case(struct json_object *c)
{
	_cleanup_(secret_freep) struct secret *tik = NULL;
	_cleanup_(measurer_freep) struct measurer *m = NULL;
	_cleanup_(files_done) struct files f = { NULL };
	_cleanup_(freep) char *text = NULL;
	uint8_t digest[LAUNCH_DIGEST_MAX], blob[SEV_MEASURE_LEN + SEV_NONCE_LEN];
	struct measured what = { (uint8_t)number_of(c, "api_major", 0),
				 (uint8_t)number_of(c, "api_minor", 0),
				 (uint8_t)number_of(c, "build_id", 0),
				 (uint32_t)number_of(c, "policy", 0) };
	struct launch l;

	print_message("# %s\n", text_of(c, "name"));
	if (text_of(c, "fw")) {
		launch_of(c, "sev/measure", text_of(c, "vcpus") ? TECH_SEV_ES : TECH_SEV, &l, &f);
		assert_int_equal(launch_digest(&l, digest), 0);
		if (text_of(c, "digest"))
			check_digest(c, "digest", digest, SHA256_LEN);
	} else
		hex_of(c, "digest", digest, SHA256_LEN);

	assert_int_equal(secret_new(SEV_KEY_LEN, &tik), 0);
	hex_of(c, "tik", secret_bytes(tik), SEV_KEY_LEN);
	hex_of(c, "mnonce", blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	assert_int_equal(measurer_new(tik, &m), 0);
	assert_int_equal(measurer_measure(m, &what, digest, blob + SEV_MEASURE_LEN, blob), 0);
	assert_int_equal(base64_encode(blob, sizeof(blob), &text), 0);
	assert_string_equal(text, text_of(c, "blob"));
}

static void check_snp_case(struct json_object *c)
{
	_cleanup_(files_done) struct files f = { NULL };
	const char *mode = text_of(c, "mode"), *error = text_of(c, "error");
	uint8_t digest[LAUNCH_DIGEST_MAX], seeded[LAUNCH_DIGEST_MAX];
	struct launch l;

	print_message("# %s\n", text_of(c, "name"));
	launch_of(c, "sev/snp",
		  !mode		     ? TECH_SNP :
		  streq(mode, "sev") ? TECH_SEV :
				       TECH_SEV_ES,
		  &l, &f);
	if (text_of(c, "ovmf_hash")) {
		_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
		struct pool pool;

		pool_init(&pool);
		assert_int_equal(digest_begin(&l, &pool, &d), 0);
		assert_int_equal(digest_firmware(&d), 0);
		pool_done(&pool);
		check_digest(c, "ovmf_hash", d.ld, SHA384_LEN);
		/* Used in place of the firmware's pages, it gives the same. */
		assert_int_equal(launch_digest(&l, digest), 0);
		l.firmware_digest = d.ld;
		assert_int_equal(launch_digest(&l, seeded), 0);
		assert_memory_equal(digest, seeded, SHA384_LEN);
		return;
	}
	assert_int_equal(launch_digest(&l, digest), error ? -ENXIO : 0);
	if (!error)
		check_digest(c, mode ? "digest" : "ld", digest, launch_digest_len(&l));
}

static void check_vmsa_case(struct json_object *c)
{
	_cleanup_(freep) char *want = NULL;
	struct json_object *fpu;
	struct vmsa v = { .signature = (uint32_t)number_of(c, "sig", 0),
			  .features = number_of(c, "sev_features", 0) };
	uint8_t page[VMSA_LEN];
	size_t len;

	print_message("# %s\n", text_of(c, "file"));
	assert_true(json_object_object_get_ex(c, "fpu", &fpu));
	v.variant = vmsa_variant_find(!json_object_get_boolean(fpu) ? "legacy" :
				      v.features & 1		    ? "snp" :
								      "init2",
				      v.features & 1);
	vmsa_page(&v, (uint32_t)number_of(c, "eip", 0), page);
	load("sev/vmsa", text_of(c, "file"), &want, &len);
	assert_int_equal(len, VMSA_LEN);
	assert_memory_equal(page, want, VMSA_LEN);
}

static void check_tdx_case(struct json_object *c)
{
	_cleanup_(freep) char *data = NULL;
	const char *file = text_of(c, "fw");
	struct bytes firmware;
	uint8_t got[SHA384_LEN];
	size_t len;

	print_message("# %s\n", file ? file : text_of(c, "package"));
	if (file)
		load("sev/tdx", file, &data, &len);
	else {
		_cleanup_(sha_done) struct sha sha = { NULL };
		uint8_t want[SHA256_LEN], hash[SHA256_LEN];
		char path[PATH_MAX];

		/* From a distribution's package: the installed file, if it is that version. */
		snprintf(path, sizeof(path), "/%s", text_of(c, "path_in_package"));
		if (read_file_at(AT_FDCWD, path, 16 << 20, &data, &len) < 0)
			return;
		assert_int_equal(sha_init(&sha, "SHA256"), 0);
		assert_int_equal(sha_of(&sha, data, len, hash), 0);
		hex_of(c, "sha256", want, sizeof(want));
		if (memcmp(hash, want, sizeof(want)) != 0)
			return;
	}
	firmware = (struct bytes){ (const uint8_t *)data, len };
	assert_int_equal(mrtd(&firmware, MRTD_PAGE_BY_PAGE, got), 0);
	check_digest(c, "mrtd", got, SHA384_LEN);
	assert_int_equal(mrtd(&firmware, MRTD_TWO_PASS, got), 0);
	check_digest(c, "mrtd_two_pass", got, SHA384_LEN);
}

static void test_vectors(void **state)
{
	static const struct {
		const char *file;
		size_t least;
		void (*check)(struct json_object *c);
	} sets[] = {
		{ "sev/vmsa/v-cases.json", 18, check_vmsa_case },
		{ "sev/measure/cases.json", 18, check_measure_case },
		{ "sev/snp/p-cases.json", 20, check_snp_case },
		{ "sev/tdx/t-cases.json", 3, check_tdx_case },
	};

	for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
		struct json_object *cases = cases_of(sets[k].file);

		assert_true(json_object_array_length(cases) >= sets[k].least);
		for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
			machine = &machines[m];
			for (size_t i = 0; i < json_object_array_length(cases); i++)
				sets[k].check(json_object_array_get_idx(cases, i));
		}
		json_object_put(cases);
	}
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_hashes), cmocka_unit_test(test_vmsa_names),
		cmocka_unit_test(test_signatures),    cmocka_unit_test(test_known_cpus),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_vmsa_variants), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_snp_refuses),
		cmocka_unit_test(test_measurer),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/measure/cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
