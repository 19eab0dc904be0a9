/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a measurement is another one.  A digest does not tell, so launches are tried that differ
 * by what people mistake: each is one more hash over a few pages, as the firmware's part is
 * kept.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "inject/launch/launch.h"
#include "sev/sev-policy.h"
#include "wire/ovmf-table.h"

#define VCPUS_TRIED 256		/* beside another mistake; else VCPUS_MAX */
#define FEATURES_TRIED 16	/* bits of SEV_FEATURES, each alone */
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

static void say_model(struct search *s, uint32_t signature)
{
	size_t n;
	const struct cpu *cpus = known_cpus(&n);

	for (size_t i = 0; i < n; i++)
		if (cpus[i].signature == signature) {
			if (cpus[i].real)
				say(s, "CPU signature 0x%x (as -cpu host has it on %s)", signature,
				    cpus[i].name);
			else
				say(s, "CPU model %s (signature 0x%x)", cpus[i].name, signature);
			return;
		}
	say(s, "CPU signature 0x%x", signature);
}

static void say_vcpus(struct search *s, const struct launch *l)
{
	const struct launch *given = &s->in->launch;
	const bool list = launch_input_is_list(s->in);

	say_table(s);
	if (l->tech == TECH_SEV && given->tech != TECH_SEV)
		say(s, "plain SEV, without the CPUs' state");
	if (l->tech == TECH_SEV)
		return;
	if (given->tech == TECH_SEV)
		say(s, "SEV-ES, with the CPUs' state");
	if (list || l->n_vcpus != given->n_vcpus)
		say(s, "%zu CPU%s", l->n_vcpus, l->n_vcpus == 1 ? "" : "s");
	if (l->vmsa.variant != given->vmsa.variant)
		say(s, "VMSA variant %s (%s)", l->vmsa.variant->name, l->vmsa.variant->when);
	if (l->pages)
		return;
	if (l->vmsa.features != (l->vmsa.variant == given->vmsa.variant ?
					 given->vmsa.features :
					 l->vmsa.variant->features))
		say(s, "guest features 0x%llx", (unsigned long long)l->vmsa.features);
	if (!l->vmsa.variant->own_rdx && (list || l->vmsa.signature != given->vmsa.signature))
		say_model(s, l->vmsa.signature);
}

/* ---- trying ---- */

/* The digest of all numbers of CPUs up to @max, each going on from the one before. */
static int try_counts(struct search *s, const struct digest *before, struct launch *l, size_t max)
{
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
	uint8_t digest[LAUNCH_DIGEST_MAX];
	struct vcpus vcpus = { 0 };
	int r;

	/* There is no page for a second CPU. */
	if (l->pages ? l->n_pages == 1 : l->ap_eip == 0)
		max = 1;
	r = digest_copy(before, &d);
	while (r == 0 && vcpus.next < max) {
		r = digest_vcpu(&d, l, &vcpus);
		if (r == 0)
			r = digest_peek(&d, l, digest);
		if (r == 0)
			r = expectation_match(s->e, digest);
		if (r > 0) {
			l->n_vcpus = vcpus.next;
			say_vcpus(s, l);
		}
	}
	return r;
}

/*
 * How wide the search is.  Two mistakes at once are tried, of the CPUs' state and their model
 * three; all that people mistake together would take minutes.
 */
struct width {
	bool variants, models;	/* beside the given one */
	bool bits;		/* single bits of SEV_FEATURES */
	size_t vcpus;
};

/* One variant's page with the models that @w says. */
static int try_models(struct search *s, const struct digest *before, struct launch *l,
		      const struct width *w)
{
	const struct launch_input *in = s->in;
	size_t n;
	const struct cpu *cpus = known_cpus(&n);
	int r = 0;

	if (l->vmsa.variant->own_rdx)
		return try_counts(s, before, l, w->vcpus);
	for (size_t i = 0; r == 0 && i < in->n_cpus; i++) {
		l->vmsa.signature = in->cpus[i].signature;
		r = try_counts(s, before, l, w->vcpus);
	}
	for (size_t i = 0; r == 0 && w->models && i < n; i++) {
		l->vmsa.signature = cpus[i].signature;
		r = try_counts(s, before, l, w->vcpus);
	}
	return r;
}

/* What may be in a CPU's page of the variant in @l. */
static int try_pages(struct search *s, const struct digest *before, struct launch *l,
		     const struct width *w)
{
	const struct vmsa *given = &s->in->launch.vmsa;
	const uint64_t usual = l->vmsa.variant->features;
	int r = 0;

	if (l->pages)
		return try_counts(s, before, l, w->vcpus);
	/* Those of --guest-features, which may hold for another variant too. */
	if (given->variant && given->features != given->variant->features) {
		l->vmsa.features = given->features;
		r = try_models(s, before, l, w);
	}
	if (r == 0) {
		l->vmsa.features = usual;
		r = try_models(s, before, l, w);
	}
	for (unsigned bit = 0; r == 0 && w->bits && bit < FEATURES_TRIED; bit++) {
		l->vmsa.features = given->features ^ UINT64_C(1) << bit;
		r = try_models(s, before, l, w);
	}
	return r;
}

/* What is in front of the CPUs' pages differs between monitors, and is hashed once for each. */
#define LAYOUTS 4
struct base {
	struct digest layouts[LAYOUTS];
	bool begun[LAYOUTS];
};

static void base_done(struct base *b)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (b->begun[i])
			digest_done(&b->layouts[i]);
}

static int base_of(const struct search *s, struct base *b, const struct launch *l,
		   const struct digest **ret)
{
	const struct vmsa_variant *v = l->vmsa.variant;
	const size_t i = v ? v->cpuid_last + 2 * v->memory_unmeasured : 0;
	int r = 0;

	if (!b->begun[i]) {
		r = digest_copy(&s->in->begun, &b->layouts[i]);
		b->begun[i] = r == 0;
		if (r == 0)
			r = digest_pages(&b->layouts[i], l);
	}
	*ret = &b->layouts[i];
	return r;
}

/* No CPU's page at all. */
static int try_plain(struct search *s, struct base *b, struct launch *l)
{
	const struct digest *before;
	uint8_t digest[LAUNCH_DIGEST_MAX];
	int r;

	l->tech = TECH_SEV;
	r = base_of(s, b, l, &before);
	if (r == 0)
		r = digest_peek(before, l, digest);
	if (r == 0)
		r = expectation_match(s->e, digest);
	if (r > 0)
		say_vcpus(s, l);
	l->tech = TECH_SEV_ES;
	return r;
}

static int try_variant(struct search *s, struct base *b, const struct launch *given,
		       const struct vmsa_variant *variant, const struct width *w)
{
	const struct digest *before;
	struct launch l = *given;
	int r;

	l.tech = variant->snp ? TECH_SNP : TECH_SEV_ES;
	l.vmsa.variant = variant;
	r = base_of(s, b, &l, &before);
	return r < 0 ? r : try_pages(s, before, &l, w);
}

/* The given one first, if there is one: it is the likeliest. */
static int try_variants(struct search *s, struct base *b, const struct launch *given,
			const struct width *w)
{
	const bool snp = given->tech == TECH_SNP;
	const struct vmsa_variant *own = given->vmsa.variant, *variants;
	int r = 0;
	size_t n;

	variants = vmsa_variants(&n);
	if (own)
		r = try_variant(s, b, given, own, w);
	for (size_t i = 0; r == 0 && (w->variants || !own) && i < n; i++) {
		const struct vmsa_variant *v = &variants[i];

		if (v->snp != snp || v == own)
			continue;
		/*
		 * With pages from files nothing but the order of things around them is the
		 * variant's.
		 */
		if (given->pages && own && v->cpuid_last == own->cpuid_last &&
		    v->memory_unmeasured == own->memory_unmeasured)
			continue;
		r = try_variant(s, b, given, v, w);
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
	ret[n].what = "no kernel hashes (is it kernel-hashes=on, or kernelHashes='yes'?)";
	ret[n].none = true;
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

static int try_widths(struct search *s, struct base *b, const struct launch *given,
		      const struct width *widths, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = try_variants(s, b, given, &widths[i]);
	return r;
}

/* One table, or none.  The given one is the most likely to be right, and tried the widest. */
static int try_table(struct search *s, const struct launch *l)
{
	const size_t some = MAX(s->in->counts.most, (size_t)VCPUS_TRIED);
	/* A CPU more is two short hashes for SNP, and a whole page for SEV-ES. */
	const size_t many = l->tech == TECH_SNP ? VCPUS_MAX : some;
	const struct width narrow[] = {
		{ .vcpus = many },
		{ .variants = true, .vcpus = some },
		{ .models = true, .vcpus = some },
	};
	const struct width wide[] = {
		{ .vcpus = VCPUS_MAX },
		{ .variants = true, .models = true, .vcpus = some },
		{ .bits = true, .vcpus = some },
		{ .variants = true, .vcpus = many },
		{ .models = true, .vcpus = many },
	};
	_cleanup_(base_done) struct base b = { .begun = { false } };
	struct launch given = *l;
	int r = 0;

	if (given.tech != TECH_SNP) {
		r = try_plain(s, &b, &given);
		given.tech = l->tech;
	}
	if (r != 0)
		return r;
	return s->table ? try_widths(s, &b, &given, narrow, ARRAY_SIZE(narrow)) :
			  try_widths(s, &b, &given, wide, ARRAY_SIZE(wide));
}

static int try_launches(struct search *s)
{
	struct table_try tables[TABLE_TRIES];
	struct launch given = s->in->launch;
	int r = 0, n = 0;

	/* Plain SEV had no need of it. */
	if (given.tech == TECH_SEV)
		(void) ovmf_es_reset(given.firmware.p, given.firmware.len, &given.ap_eip);
	if (s->in->launch.kernel)
		n = make_tables(s->in, tables);
	for (int i = -1; r == 0 && i < n; i++) {
		struct launch l = given;

		s->table = i < 0 ? NULL : &tables[i];
		if (i >= 0)
			l.kernel = tables[i].none ? NULL : &tables[i].hashes;
		r = try_table(s, &l);
	}
	return n < 0 ? n : r;
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
		e.measured.policy = i < POLICIES_TRIED ? (given & ~(POLICIES_TRIED - 1u)) | i :
							 others[i - POLICIES_TRIED];
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

const char *expectation_unknown(const struct expectation *e, const struct launch_input *in,
				char *ret, size_t size)
{
	const bool is_tdx = in->launch.tech == TECH_TDX, of_files = !in->digest_given && !is_tdx;
	const struct {
		bool possible;
		const char *what;
	} causes[] = {
		{ in->digest_given, "anything that was launched" },
		{ !in->digest_given, "the firmware" },
		{ of_files && in->launch.kernel, "the kernel, its initrd or command line" },
		{ of_files && !in->launch.kernel,
		  "a kernel that the host loads and that was not given" },
		{ of_files, "the CPUs and their state" },
		{ e->measurer, "the policy, the nonce, the TIK" },
	};
	size_t used;

	used = (size_t)snprintf(ret, size,
				"Nothing near it is, and a digest does not tell what differs.  "
				"Compare:");
	for (size_t i = 0, n = 0; i < ARRAY_SIZE(causes) && used < size; i++)
		if (causes[i].possible)
			used += (size_t)snprintf(ret + used, size - used, "%s %s", n++ ? ";" : "",
						 causes[i].what);
	return ret;
}
