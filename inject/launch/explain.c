/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a measurement is another one.  A digest does not tell, so launches are tried that differ
 * by what people mistake: each is one more hash over a few pages, as the firmware's part is
 * kept.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "inject/launch/launch.h"
#include "inject/sev/sev-policy.h"
#include "wire/ovmf-table.h"

#define VCPUS_TRIED 256
#define POLICIES_TRIED 64	/* all flags */
#define BUILDS_TRIED 256

int expectation_match(const struct expectation *e, const uint8_t digest[static LAUNCH_DIGEST_MAX])
{
	uint8_t measure[SEV_MEASURE_LEN];
	int r;

	if (!e->measurer)
		return CRYPTO_memcmp(digest, e->bytes, e->len) == 0;
	r = measurer_measure(e->measurer, &e->measured, digest, e->nonce, measure);
	return r < 0 ? r : CRYPTO_memcmp(measure, e->bytes, sizeof(measure)) == 0;
}

/* ---- what is tried ---- */

struct table_try {
	const char *what;
	bool none;
	struct kernel_hashes hashes;
};

struct search {
	const struct expectation *e;
	const struct launch_input *in;
	char *text;
	size_t size, used;
	const struct table_try *table;	/* the one that is tried; NULL: as given */
};

static void say(struct search *s, const char *format, ...) _printf_(2, 3);
static void say(struct search *s, const char *format, ...)
{
	va_list ap;
	int n;

	if (s->used > 0 && s->used + 2 < s->size)
		s->used += (size_t)snprintf(s->text + s->used, s->size - s->used, "; ");
	va_start(ap, format);
	n = vsnprintf(s->text + s->used, s->size - s->used, format, ap);
	va_end(ap);
	s->used = MIN(s->used + (size_t)MAX(n, 0), s->size - 1);
}

static void say_table(struct search *s)
{
	if (s->table)
		say(s, "%s", s->table->what);
}

static void say_vcpus(struct search *s, const struct launch *l)
{
	const struct launch *given = &s->in->launch;
	uint32_t signature;
	const char *name;

	say_table(s);
	if (l->tech == TECH_SEV && given->tech != TECH_SEV)
		say(s, "plain SEV, without the CPUs' state");
	if (l->tech == TECH_SEV)
		return;
	if (given->tech == TECH_SEV)
		say(s, "SEV-ES, with the CPUs' state");
	if (l->n_vcpus != given->n_vcpus)
		say(s, "%zu CPU%s", l->n_vcpus, l->n_vcpus == 1 ? "" : "s");
	if (l->pages)
		return;
	if (l->vmsa.variant != given->vmsa.variant)
		say(s, "VMSA variant %s (%s)", l->vmsa.variant->name, l->vmsa.variant->when);
	if (l->vmsa.features != given->vmsa.features &&
	    (l->vmsa.variant == given->vmsa.variant || l->vmsa.features != l->vmsa.variant->features))
		say(s, "guest features 0x%llx", (unsigned long long)l->vmsa.features);
	if (l->vmsa.signature == given->vmsa.signature)
		return;
	for (size_t i = 0; (name = cpu_type_name(i, &signature)); i++)
		if (signature == l->vmsa.signature) {
			say(s, "CPU model %s", name);
			return;
		}
	say(s, "CPU signature 0x%x", l->vmsa.signature);
}

/* The digest of all CPU counts, each going on from the one before. */
static int try_counts(struct search *s, const struct digest *before, struct launch *l)
{
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
	const size_t max = l->pages && l->n_pages == 1 ? 1 : l->pages || l->ap_eip ? MAX(s->in->launch.n_vcpus, (size_t)VCPUS_TRIED) : 1;
	uint8_t digest[LAUNCH_DIGEST_MAX];
	int r;

	r = digest_copy(before, &d);
	for (l->n_vcpus = 1; r == 0 && l->n_vcpus <= max; l->n_vcpus++) {
		r = digest_vcpu(&d, l, l->n_vcpus - 1);
		if (r == 0)
			r = digest_peek(&d, l, digest);
		if (r == 0)
			r = expectation_match(s->e, digest);
		if (r > 0) {
			say_vcpus(s, l);
			return 1;
		}
	}
	return r;
}

/* What may be in a CPU's page. */
static int try_pages(struct search *s, const struct digest *before, struct launch *l)
{
	const struct launch given = *l;
	const uint64_t own = given.vmsa.variant->features;
	/*
	 * Those that can be chosen at all are chosen in newer kernels, which fill in the FPU;
	 * "legacy+debugswap" has its own name.
	 */
	const uint64_t features[] = { given.vmsa.features, own, given.vmsa.variant->fpu ? own ^ VMSA_DEBUG_SWAP : own };
	uint32_t signature = given.vmsa.signature;
	int r = 0;

	if (l->pages)
		return try_counts(s, before, l);
	for (size_t f = 0; f < ARRAY_SIZE(features); f++) {
		if (f > 0 && features[f] == features[0])
			continue;
		l->vmsa.features = features[f];
		for (size_t i = 0; r == 0; i++) {
			/* The given one first, unless there is none. */
			if (i > 0 && !cpu_type_name(i - 1, &signature))
				break;
			if (i == 0 ? signature == 0 && !l->vmsa.variant->edx :
				     signature == given.vmsa.signature)
				continue;
			l->vmsa.signature = signature;
			r = try_counts(s, before, l);
			if (l->vmsa.variant->edx)
				break;
		}
		signature = given.vmsa.signature;
		if (r != 0)
			return r;
	}
	return 0;
}

static int begin_pages(const struct search *s, const struct launch *l, struct digest *ret)
{
	int r;

	r = digest_copy(&s->in->begun, ret);
	return r < 0 ? r : digest_pages(ret, l);
}

/* No CPU's page at all, and then all that there may be. */
static int try_variants(struct search *s, struct launch *l)
{
	const struct launch given = *l;
	size_t n;
	const struct vmsa_variant *variants = vmsa_variants(&n);
	int r = 0;

	if (given.tech != TECH_SNP) {
		_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
		uint8_t digest[LAUNCH_DIGEST_MAX];

		l->tech = TECH_SEV;
		r = begin_pages(s, l, &d);
		if (r == 0)
			r = digest_peek(&d, l, digest);
		if (r == 0)
			r = expectation_match(s->e, digest);
		if (r > 0)
			say_vcpus(s, l);
		if (r != 0)
			return r;
		l->tech = TECH_SEV_ES;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_(digest_done) struct digest d = { .ld = { 0 } };

		/*
		 * With pages from files nothing but the order of things around them is the
		 * variant's.
		 */
		if (variants[i].snp != (given.tech == TECH_SNP) ||
		    (given.pages && given.vmsa.variant && &variants[i] != given.vmsa.variant))
			continue;
		*l = given;
		l->tech = given.tech == TECH_SNP ? TECH_SNP : TECH_SEV_ES;
		l->vmsa.variant = &variants[i];
		l->vmsa.features = &variants[i] == given.vmsa.variant ? given.vmsa.features : variants[i].features;
		r = begin_pages(s, l, &d);
		if (r == 0)
			r = try_pages(s, &d, l);
	}
	return r;
}

/* ---- the table ---- */

static int hash_text(struct sha *sha, const char *text, size_t len, const char *end, size_t end_len,
		     uint8_t *ret)
{
	int r;

	r = sha_begin(sha);
	if (r == 0)
		r = sha_update(sha, text, len);
	if (r == 0)
		r = sha_update(sha, end, end_len);
	return r < 0 ? r : sha_final(sha, ret);
}

#define TABLE_TRIES 8

/* Other tables than the given one.  Returns their number. */
static int make_tables(const struct launch_input *in, struct table_try ret[static TABLE_TRIES])
{
	_cleanup_(sha_done) struct sha sha = { NULL };
	const char *cmdline = in->cmdline;
	size_t len = in->cmdline_len, trimmed = len, n = 0;
	uint8_t nothing[KERNEL_HASH_LEN], nul[KERNEL_HASH_LEN], end_nul[KERNEL_HASH_LEN],
		no_nul[KERNEL_HASH_LEN], newline[KERNEL_HASH_LEN];

	while (trimmed > 0 && (cmdline[trimmed - 1] == '\n' || cmdline[trimmed - 1] == ' '))
		trimmed--;
	if (sha_init(&sha, "SHA256") < 0 || hash_text(&sha, "", 0, "", 0, nothing) < 0 ||
	    hash_text(&sha, "", 0, "", 1, nul) < 0 ||
	    hash_text(&sha, cmdline, len, "", 0, no_nul) < 0 ||
	    hash_text(&sha, cmdline, trimmed, "\n", 2, newline) < 0 ||
	    hash_text(&sha, cmdline, trimmed, "", 1, end_nul) < 0)
		return -EIO;
	for (size_t i = 0; i < TABLE_TRIES; i++)
		ret[i] = (struct table_try){ .hashes = in->hashes };
	ret[n] = (struct table_try){ "no kernel hashes (is it kernel-hashes=on, or kernelHashes='yes'?)", .none = true };
	ret[++n].what = "no initrd";
	memcpy(ret[n].hashes.initrd, nothing, sizeof(nothing));
	ret[++n].what = "no command line";
	memcpy(ret[n].hashes.cmdline, nul, sizeof(nul));
	ret[++n].what = "neither command line nor initrd";
	memcpy(ret[n].hashes.cmdline, nul, sizeof(nul));
	memcpy(ret[n].hashes.initrd, nothing, sizeof(nothing));
	ret[++n].what = "a newline at the end of the command line";
	memcpy(ret[n].hashes.cmdline, newline, sizeof(newline));
	ret[++n].what = "no blanks or newlines at the end of the command line";
	memcpy(ret[n].hashes.cmdline, end_nul, sizeof(end_nul));
	ret[++n].what = "a command line that is hashed without its NUL";
	memcpy(ret[n].hashes.cmdline, no_nul, sizeof(no_nul));
	ret[++n].what = "kernel and initrd exchanged";
	memcpy(ret[n].hashes.kernel, in->hashes.initrd, KERNEL_HASH_LEN);
	memcpy(ret[n].hashes.initrd, in->hashes.kernel, KERNEL_HASH_LEN);
	return (int)n + 1;
}

static int try_launches(struct search *s)
{
	struct table_try tables[TABLE_TRIES];
	struct launch given = s->in->launch;
	int r, n = 0;

	/* Plain SEV had no need of it. */
	if (given.tech == TECH_SEV)
		(void) ovmf_es_reset(given.firmware.p, given.firmware.len, &given.ap_eip);
	if (s->in->launch.kernel)
		n = make_tables(s->in, tables);
	for (int i = -1; i < n; i++) {
		struct launch l = given;

		s->table = i < 0 ? NULL : &tables[i];
		if (i >= 0)
			l.kernel = tables[i].none ? NULL : &tables[i].hashes;
		r = try_variants(s, &l);
		if (r != 0)
			return r;
	}
	return n < 0 ? n : 0;
}

/* ---- what is beside the digest ---- */

static int try_policies(struct search *s, const uint8_t *digest)
{
	struct expectation e = *s->e;
	const uint32_t given = e.measured.policy;
	const uint32_t others[] = { 0, given & 0x3f, __builtin_bswap32(given) };
	char text[SEV_POLICY_TEXT_MAX];
	int r;

	for (uint32_t i = 0; i < POLICIES_TRIED + ARRAY_SIZE(others); i++) {
		e.measured.policy = i < POLICIES_TRIED ? (given & ~(POLICIES_TRIED - 1u)) | i : others[i - POLICIES_TRIED];
		r = expectation_match(&e, digest);
		if (r > 0)
			say(s, "policy 0x%x (%s)", e.measured.policy,
			    sev_policy_print(e.measured.policy, text));
		if (r != 0)
			return r;
	}
	return 0;
}

static int try_versions(struct search *s, const uint8_t *digest)
{
	struct expectation e = *s->e;
	int r;

	for (unsigned i = 0; i < BUILDS_TRIED; i++) {
		e.measured.build = (uint8_t)i;
		r = expectation_match(&e, digest);
		if (r > 0)
			say(s, "build %u", i);
		if (r != 0)
			return r;
	}
	e = *s->e;
	for (unsigned major = 0; major < 3; major++)
		for (unsigned minor = 0; minor < 256; minor++) {
			e.measured.api_major = (uint8_t)major;
			e.measured.api_minor = (uint8_t)minor;
			r = expectation_match(&e, digest);
			if (r > 0)
				say(s, "API %u.%u", major, minor);
			if (r != 0)
				return r;
		}
	return 0;
}

static int try_orders(struct search *s)
{
	const enum mrtd_order other = s->in->order == MRTD_TWO_PASS ? MRTD_PAGE_BY_PAGE :
								      MRTD_TWO_PASS;
	uint8_t digest[LAUNCH_DIGEST_MAX];
	int r;

	r = mrtd(&s->in->launch.firmware, other, digest);
	if (r == 0)
		r = expectation_match(s->e, digest);
	if (r > 0)
		say(s, other == MRTD_TWO_PASS ?
			       "--variant two-pass (a QEMU tree from before TDX was merged)" :
			       "--variant page-by-page");
	return r;
}

int expectation_explain(const struct expectation *e, const struct launch_input *in, char *ret,
			size_t size)
{
	struct search s = { .e = e, .in = in, .text = ret, .size = size };
	int r = 0;

	ret[0] = '\0';
	if (in->launch.tech == TECH_TDX)
		return in->digest_given ? 0 : try_orders(&s);
	if (!in->digest_given)
		r = try_launches(&s);
	if (r == 0 && e->measurer)
		r = try_policies(&s, in->digest);
	if (r == 0 && e->measurer)
		r = try_versions(&s, in->digest);
	return r;
}
