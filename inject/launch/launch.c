/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/launch.h"

#include <stdio.h>

#include "base/parse.h"
#include "inject/input.h"
#include "inject/launch/read.h"
#include "sev/sev-policy.h"
#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

static const char *const order_names[] = {
	[MRTD_PAGE_BY_PAGE] = "page-by-page",
	[MRTD_TWO_PASS] = "two-pass",
};

const char *launch_order_name(unsigned i)
{
	return i < ARRAY_SIZE(order_names) ? order_names[i] : NULL;
}

int input_tech_policy(const struct args *a, enum tech *ret_tech, uint32_t *ret_policy,
		      struct cause *why)
{
	enum tech tech = a->tech.given ? (enum tech)a->tech.index : TECH_SEV;
	int r;

	if (!a->tech.given && sev_policy_parse(a->policy, ret_policy) == 0 &&
	    *ret_policy & SEV_POLICY_ES)
		tech = TECH_SEV_ES;
	r = input_policy(a, tech, ret_policy, why);
	if (r == 0)
		*ret_tech = tech;
	return r;
}

int input_version(const struct args *a, struct measured *ret, struct cause *why)
{
	ret->build = (uint8_t)a->build.value;
	ret->api_major = a->api.major;
	ret->api_minor = a->api.minor;
	return launch_check_version(ret, why);
}

int launch_check_version(const struct measured *m, struct cause *why)
{
	if (!measured_api_is_bound(m))
		return cause_set(why, -EKEYREJECTED,
				 "The API %u.%u is too old: before %d.%d a measurement did not "
				 "bind policy and version",
				 m->api_major, m->api_minor, MEASURE_API_MAJOR, MEASURE_API_MINOR);
	return 0;
}

/* ---- digests ---- */

static int bad_firmware(const struct args *a, int r, struct cause *why)
{
	const char *path = a->firmware;

	switch (r) {
	case -ENOENT:
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware '%s' has no metadata for such guests", path);
	case -ENXIO:
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware '%s' has no place for a kernel's hashes and would "
				 "not check it",
				 path);
	case -EMSGSIZE:
		return cause_set(why, -EMSGSIZE,
				 "The metadata of the firmware '%s' have more than 1 GiB", path);
	case -EBADMSG:
		return cause_set(why, -EBADMSG,
				 "The metadata of the firmware '%s' are broken, or it is not whole "
				 "pages",
				 path);
	default:
		return cause_set_io(why, r, "Failed to compute the digest: %m");
	}
}

/*
 * QEMU adds what it does not know as memory.  What another monitor does with it is not known
 * here.
 */
static int check_sev_sections(const struct args *a, const struct launch_input *in,
			      struct cause *why)
{
	const struct vmsa_variant *variant = in->launch.vmsa.variant;
	const struct bytes *image = &in->launch.firmware;
	struct ovmf_sev_section s;
	struct bytes rest;

	if (in->launch.tech != TECH_SNP || ovmf_sev_sections(image->p, image->len, &rest) < 0)
		return 0;
	while (ovmf_sev_next(&rest, &s)) {
		if ((s.type >= OVMF_SEV_MEMORY && s.type <= OVMF_SEV_SVSM_CAA) ||
		    s.type == OVMF_SEV_KERNEL_HASHES)
			continue;
		if (variant->not_qemu)
			return cause_set(why, -EBADMSG,
					 "The firmware '%s' has a section at 0x%x of the type %u, "
					 "and what %s does with it is not known here",
					 a->firmware, s.gpa, s.type, variant->when);
		log_warning("The firmware has a section at 0x%x of the type %u, which is not known "
			    "here; it counts as memory, as in QEMU",
			    s.gpa, s.type);
	}
	return 0;
}

static int save_first(void *data, const struct launch_item *item)
{
	memcpy(data, item->digest, LAUNCH_DIGEST_MAX);
	return 1;
}

static int compute_digest(struct launch_input *in)
{
	const struct launch *l = &in->launch;
	int r;

	r = digest_copy(&in->begun, &in->paged);
	if (r == 0)
		r = digest_pages(&in->paged, l);
	if (r == 0 && l->tech == TECH_SEV)
		return digest_peek(&in->paged, l, in->digest);
	return r < 0 ? r : MIN(launch_input_each(in, save_first, in->digest), 0);
}

/* The options that there may be for this technology. */
static int check_measured(const struct args *a, struct launch_input *in, struct cause *why)
{
	const char *seed = a->firmware_digest;

	if (in->launch.tech == TECH_SEV &&
	    (a->vmsas.n > 0 || a->vcpus || a->vcpu_sigs.n > 0 || a->vcpu_types.n > 0 ||
	     a->variant || a->guest_features.given))
		return cause_set(why, -EINVAL,
				 "Plain SEV does not measure the CPUs; leave their options away, "
				 "or is it sev-es?");
	if (seed && in->launch.tech != TECH_SNP)
		return cause_set(why, -EINVAL, "--firmware-digest is for snp");
	if (seed && parse_hex(seed, in->firmware_digest, SHA384_LEN) < 0)
		return cause_set(why, -EINVAL, "--firmware-digest is not %d bytes in hexadecimal",
				 SHA384_LEN);
	if (seed)
		in->launch.firmware_digest = in->firmware_digest;
	return 0;
}

/* SNP; the others' firmware is hashed while it is read. */
static int begin_digest(struct launch_input *in, struct reading *reading)
{
	if (in->launch.tech != TECH_SNP)
		return 0;
	return digest_begin(&in->launch, &reading->pool, &in->begun);
}

static int end_firmware(const struct args *a, struct launch_input *in, struct cause *why)
{
	int r;

	if (in->launch.tech != TECH_SNP)
		return 0;
	r = digest_firmware(&in->begun);
	if (r == -ESTALE)
		return cause_set(why, -EIO, "The firmware '%s' was changed while it was read",
				 a->firmware);
	if (r < 0)
		return cause_set_io(why, r, "Failed to hash the firmware '%s': %m", a->firmware);
	memcpy(in->firmware_digest, in->begun.ld, SHA384_LEN);
	return 0;
}

static int read_measured(const struct args *a, struct launch_input *in, struct reading *reading,
			 struct cause *why)
{
	int r, begun;

	r = check_measured(a, in, why);
	if (r < 0)
		return r;
	/* Beside the kernel and the initrd; what is wrong with it is told after them. */
	begun = begin_digest(in, reading);
	r = read_kernel(a, in, reading, why);
	if (r == 0 && in->launch.tech != TECH_SEV)
		r = read_cpus(a, in, why);
	if (r == 0)
		r = check_sev_sections(a, in, why);
	if (r < 0)
		return r;
	if (begun < 0)
		return bad_firmware(a, begun, why);
	r = end_firmware(a, in, why);
	if (r < 0)
		return r;
	r = compute_digest(in);
	return r < 0 ? bad_firmware(a, r, why) : 0;
}

/* QEMU takes four types.  MRTD says nothing of those that no loader is known to take. */
static int check_tdx_sections(const struct args *a, const struct launch_input *in,
			      struct cause *why)
{
	static const char *const names[_OVMF_TDX_TYPE_MAX] = {
		[OVMF_TDX_PERM_MEM] = "PERM_MEM", [OVMF_TDX_PAYLOAD] = "PAYLOAD",
		[OVMF_TDX_PAYLOAD_PARAM] = "PAYLOAD_PARAM", [OVMF_TDX_TD_INFO] = "TD_INFO",
		[OVMF_TDX_TD_PARAMS] = "TD_PARAMS",
	};
	const struct bytes *image = &in->launch.firmware;
	struct ovmf_tdx_section s;
	struct bytes rest;

	if (ovmf_tdx_sections(image->p, image->len, &rest) < 0)
		return 0;
	while (ovmf_tdx_next(image->p, &rest, &s)) {
		if (s.type >= _OVMF_TDX_TYPE_MAX)
			return cause_set(why, -EBADMSG,
					 "The firmware '%s' has a section at 0x%llx of the type "
					 "%u, which no loader of TDX guests knows",
					 a->firmware, (unsigned long long)s.gpa, s.type);
		if (names[s.type])
			log_warning("The firmware has a section %s at 0x%llx: QEMU refuses such an "
				    "image, and this is the digest of loaders that take it",
				    names[s.type], (unsigned long long)s.gpa);
	}
	return 0;
}

static int read_tdx(const struct args *a, struct launch_input *in, struct cause *why)
{
	static const struct option_row rows[] = { ROW_FIRMWARE_DIGEST, ROWS_LAUNCH, { NULL } };
	const char *variant = a->variant;
	int r;

	for (const struct option_row *row = rows; row->name; row++)
		if (option_given(row, a) && !streq(row->name, "variant"))
			return cause_set(why, -EINVAL,
					 "--%s is not part of MRTD, which is the firmware's alone",
					 row->name);
	in->order = MRTD_PAGE_BY_PAGE;
	if (variant && streq(variant, order_names[MRTD_TWO_PASS]))
		in->order = MRTD_TWO_PASS;
	if (variant && !streq(variant, order_names[in->order]))
		return cause_set(why, -EINVAL, "--variant '%s' is neither %s nor %s", variant,
				 order_names[MRTD_PAGE_BY_PAGE], order_names[MRTD_TWO_PASS]);
	r = check_tdx_sections(a, in, why);
	if (r < 0)
		return r;
	r = mrtd(&in->launch.firmware, in->order, in->digest);
	return r < 0 ? bad_firmware(a, r, why) : 0;
}

static int read_given(const struct args *a, struct launch_input *in, struct cause *why)
{
	if (parse_hex(a->launch_digest, in->digest, in->digest_len) < 0)
		return cause_set(why, -EINVAL, "--launch-digest is not %zu bytes in hexadecimal",
				 in->digest_len);
	in->digest_given = true;
	return 0;
}

static int read_files(const struct args *a, struct launch_input *in, struct cause *why)
{
	_cleanup_(reading_done) struct reading reading;
	int r;

	r = reading_begin(a, &reading, why);
	if (r == 0)
		r = read_firmware(a, in, &reading, why);
	return r < 0 ? r : read_measured(a, in, &reading, why);
}

int launch_input_read(const struct args *a, enum tech tech, bool list, struct launch_input *ret,
		      struct cause *why)
{
	int r;

	*ret = (struct launch_input){ .launch = { .tech = tech }, .tech_name = args_techs[tech] };
	ret->digest_len = tech == TECH_SNP || tech == TECH_TDX ? SHA384_LEN : SHA256_LEN;
	if (a->launch_digest)
		return read_given(a, ret, why);
	if (tech == TECH_TDX) {
		r = read_firmware(a, ret, NULL, why);
		return r < 0 ? r : read_tdx(a, ret, why);
	}
	r = read_files(a, ret, why);
	if (r == 0 && !list && launch_input_is_list(ret))
		return cause_set(why, -EINVAL,
				 "A guest has one number of CPUs of one model; only measure takes "
				 "several");
	return r;
}

/* The launches with the CPU that is in @l. */
static int each_count(const struct launch_input *in, const struct launch *l,
		      struct launch_item *item,
		      int (*each)(void *data, const struct launch_item *item), void *data)
{
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
	struct vcpus vcpus = { 0 };
	int r;

	r = digest_copy(&in->paged, &d);
	while (r == 0 && vcpus.next < in->counts.most) {
		r = digest_vcpu(&d, l, &vcpus);
		if (r < 0 || !vcpu_counts_has(&in->counts, vcpus.next))
			continue;
		item->n_vcpus = vcpus.next;
		r = digest_peek(&d, l, item->digest);
		if (r == 0)
			r = each(data, item);
	}
	return r;
}

int launch_input_each(const struct launch_input *in,
		      int (*each)(void *data, const struct launch_item *item), void *data)
{
	struct launch_item item = { .n_vcpus = 0 };
	struct launch l = in->launch;
	size_t i = 0;
	int r;

	if (in->counts.n == 0) {
		memcpy(item.digest, in->digest, sizeof(item.digest));
		return each(data, &item);
	}
	do {
		if (in->n_cpus > 0) {
			item.cpu = &in->cpus[i];
			l.vmsa.signature = in->cpus[i].signature;
		}
		r = each_count(in, &l, &item, each, data);
	} while (r == 0 && ++i < in->n_cpus);
	return r;
}

int launch_check_measurement(const struct launch_input *in, const struct secret *tik,
			     const struct measured *what,
			     const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN],
			     char ret_hint[static LAUNCH_HINT_MAX], struct cause *why)
{
	_cleanup_(measurer_freep) struct measurer *measurer = NULL;
	struct expectation e = { .measured = *what, .len = SEV_MEASURE_LEN };
	char text[EXPLANATION_MAX];
	int r;

	ret_hint[0] = '\0';
	memcpy(e.bytes, blob, SEV_MEASURE_LEN);
	memcpy(e.nonce, blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	r = measurer_new(tik, &measurer);
	e.measurer = measurer;
	if (r == 0)
		r = expectation_match(&e, in->digest);
	if (r < 0)
		return cause_set(why, -EIO, "OpenSSL has failed to compute the measurement");
	if (r > 0)
		return 0;
	r = expectation_explain(&e, in, text, sizeof(text));
	if (r > 0)
		snprintf(ret_hint, LAUNCH_HINT_MAX, "It would be with: %s", text);
	else if (r == 0)
		(void) expectation_unknown(&e, in, ret_hint, LAUNCH_HINT_MAX);
	return cause_set(why, -EKEYREJECTED,
			 "The launch measurement is not the expected one; do not trust this guest");
}

void launch_input_done(struct launch_input *in)
{
	free(in->firmware);
	free(in->pages);
	free(in->cmdline);
	free(in->cpus);
	digest_done(&in->begun);
	digest_done(&in->paged);
}
