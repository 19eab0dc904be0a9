/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/launch.h"

#include <stdio.h>

#include "base/parse.h"
#include "inject/input.h"
#include "inject/launch/read.h"
#include "inject/sev/sev-policy.h"
#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

static const char *const tech_names[_TECH_MAX] = {
	[TECH_SEV] = "sev",
	[TECH_SEV_ES] = "sev-es",
	[TECH_SNP] = "snp",
	[TECH_TDX] = "tdx",
};

static const char *const order_names[] = {
	[MRTD_PAGE_BY_PAGE] = "page-by-page",
	[MRTD_TWO_PASS] = "two-pass",
};

int tech_parse(const char *name, enum tech *ret)
{
	for (unsigned i = 0; i < _TECH_MAX; i++)
		if (streq(tech_names[i], name)) {
			*ret = (enum tech)i;
			return 0;
		}
	return -EINVAL;
}

enum status input_tech_policy(const struct args *a, enum tech *ret_tech, uint32_t *ret_policy)
{
	const char *name = a->value[ARG_TECH];
	enum tech tech = TECH_SEV;
	enum status status;
	struct cause why;

	if (name && (tech_parse(name, &tech) < 0 || (tech != TECH_SEV && tech != TECH_SEV_ES)))
		return give_up(STATUS_USAGE,
			       "--tech '%s' takes no launch secrets; sev and sev-es do", name);
	if (!name && sev_policy_parse(a->value[ARG_POLICY], ret_policy) == 0 &&
	    *ret_policy & SEV_POLICY_ES)
		tech = TECH_SEV_ES;
	status = give_up_if(input_policy(a, tech, ret_policy, &why), &why);
	if (status == STATUS_GOOD)
		*ret_tech = tech;
	return status;
}

enum status input_version(const struct args *a, struct measured *ret)
{
	uint64_t build = 0;
	enum status status;
	struct cause why;

	status = give_up_if(input_number(a, ARG_BUILD, UINT8_MAX, &build, &why), &why);
	if (status != STATUS_GOOD)
		return status;
	ret->build = (uint8_t)build;
	if (sev_api_parse(a->value[ARG_API], &ret->api_major, &ret->api_minor) < 0)
		return give_up(STATUS_USAGE, "--api '%s' is not MAJOR.MINOR, such as 1.55",
			       a->value[ARG_API]);
	return launch_check_version(ret);
}

enum status launch_check_version(const struct measured *m)
{
	if (!measured_api_is_bound(m))
		return give_up(STATUS_CHECK,
			       "The API %u.%u is too old: before %d.%d a measurement did not bind policy and version",
			       m->api_major, m->api_minor, MEASURE_API_MAJOR, MEASURE_API_MINOR);
	return STATUS_GOOD;
}

/* ---- digests ---- */

static enum status bad_firmware(const struct args *a, int r)
{
	const char *path = a->value[ARG_FIRMWARE];

	switch (r) {
	case -ENOENT:
		return give_up(STATUS_CHECK, "The firmware '%s' has no metadata for such guests", path);
	case -ENXIO:
		return give_up(STATUS_CHECK,
			       "The firmware '%s' has no place for a kernel's hashes and would not check it",
			       path);
	case -EMSGSIZE:
		return give_up(STATUS_MALFORMED,
			       "The metadata of the firmware '%s' have more than 1 GiB", path);
	case -EBADMSG:
		return give_up(STATUS_MALFORMED,
			       "The metadata of the firmware '%s' are broken, or it is not whole pages",
			       path);
	default:
		log_error_errno(r, "Failed to compute the digest: %m");
		return STATUS_IO;
	}
}

/*
 * QEMU adds what it does not know as memory.  What another monitor does with it is not known
 * here.
 */
static enum status check_sev_sections(const struct args *a, const struct launch_input *in)
{
	const struct vmsa_variant *variant = in->launch.vmsa.variant;
	const struct bytes *image = &in->launch.firmware;
	struct ovmf_sev_section s;
	struct bytes rest;

	if (in->launch.tech != TECH_SNP || ovmf_sev_sections(image->p, image->len, &rest) < 0)
		return STATUS_GOOD;
	while (ovmf_sev_next(&rest, &s)) {
		if ((s.type >= OVMF_SEV_MEMORY && s.type <= OVMF_SEV_SVSM_CAA) ||
		    s.type == OVMF_SEV_KERNEL_HASHES)
			continue;
		if (variant->not_qemu)
			return give_up(STATUS_MALFORMED,
				       "The firmware '%s' has a section at 0x%x of the type %u, and what %s does with it is not known here",
				       a->value[ARG_FIRMWARE], s.gpa, s.type, variant->when);
		log_warning("The firmware has a section at 0x%x of the type %u, which is not known here; it counts as memory, as in QEMU",
			    s.gpa, s.type);
	}
	return STATUS_GOOD;
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

	if (l->tech == TECH_SNP) {
		r = digest_begin(l, &in->begun);
		if (r < 0)
			return r;
		memcpy(in->firmware_digest, in->begun.ld, SHA384_LEN);
	}
	r = digest_copy(&in->begun, &in->paged);
	if (r == 0)
		r = digest_pages(&in->paged, l);
	if (r == 0 && l->tech == TECH_SEV)
		return digest_peek(&in->paged, l, in->digest);
	return r < 0 ? r : MIN(launch_input_each(in, save_first, in->digest), 0);
}

static enum status read_measured(const struct args *a, struct launch_input *in)
{
	const char *seed = a->value[ARG_FIRMWARE_DIGEST];
	enum status status;
	struct cause why;
	int r;

	if (in->launch.tech == TECH_SEV &&
	    (a->n_vmsas > 0 || a->value[ARG_VCPUS] || a->value[ARG_VCPU_SIG] ||
	     a->value[ARG_VCPU_TYPE] || a->value[ARG_VARIANT] || a->value[ARG_GUEST_FEATURES]))
		return give_up(STATUS_USAGE,
			       "Plain SEV does not measure the CPUs; leave their options away, or is it sev-es?");
	if (seed && in->launch.tech != TECH_SNP)
		return give_up(STATUS_USAGE, "--firmware-digest is for snp");
	if (seed && parse_hex(seed, in->firmware_digest, SHA384_LEN) < 0)
		return give_up(STATUS_USAGE, "--firmware-digest is not %d bytes in hexadecimal",
			       SHA384_LEN);
	if (seed)
		in->launch.firmware_digest = in->firmware_digest;
	status = give_up_if(read_kernel(a, in, &why), &why);
	if (status == STATUS_GOOD && in->launch.tech != TECH_SEV)
		status = give_up_if(read_cpus(a, in, &why), &why);
	if (status == STATUS_GOOD)
		status = check_sev_sections(a, in);
	if (status != STATUS_GOOD)
		return status;
	r = compute_digest(in);
	return r < 0 ? bad_firmware(a, r) : STATUS_GOOD;
}

/* QEMU takes four types.  MRTD says nothing of those that no loader is known to take. */
static enum status check_tdx_sections(const struct args *a, const struct launch_input *in)
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
		return STATUS_GOOD;
	while (ovmf_tdx_next(image->p, &rest, &s)) {
		if (s.type >= _OVMF_TDX_TYPE_MAX)
			return give_up(STATUS_MALFORMED,
				       "The firmware '%s' has a section at 0x%llx of the type %u, which no loader of TDX guests knows",
				       a->value[ARG_FIRMWARE], (unsigned long long)s.gpa, s.type);
		if (names[s.type])
			log_warning("The firmware has a section %s at 0x%llx: QEMU refuses such an image, and this is the digest of loaders that take it",
				    names[s.type], (unsigned long long)s.gpa);
	}
	return STATUS_GOOD;
}

static enum status read_tdx(const struct args *a, struct launch_input *in)
{
	const char *variant = a->value[ARG_VARIANT];
	enum status status;
	int r;

	for (enum arg i = 0; i < _ARG_MAX; i++)
		if (a->value[i] && (ARGS_LAUNCH & ~(ARG(FIRMWARE) | ARG(VARIANT))) >> i & 1)
			return give_up(STATUS_USAGE,
				       "--%s is not part of MRTD, which is the firmware's alone",
				       arg_name(i));
	in->order = variant && streq(variant, order_names[MRTD_TWO_PASS]) ? MRTD_TWO_PASS : MRTD_PAGE_BY_PAGE;
	if (variant && !streq(variant, order_names[in->order]))
		return give_up(STATUS_USAGE, "--variant '%s' is neither %s nor %s", variant,
			       order_names[MRTD_PAGE_BY_PAGE], order_names[MRTD_TWO_PASS]);
	status = check_tdx_sections(a, in);
	if (status != STATUS_GOOD)
		return status;
	r = mrtd(&in->launch.firmware, in->order, in->digest);
	return r < 0 ? bad_firmware(a, r) : STATUS_GOOD;
}

static enum status read_given(const struct args *a, struct launch_input *in)
{
	const char *text = a->value[ARG_LAUNCH_DIGEST];

	for (enum arg i = 0; i < _ARG_MAX; i++)
		if (a->value[i] && (ARGS_LAUNCH & ~(ARG(LAUNCH_DIGEST) | ARG(FIRMWARE))) >> i & 1)
			return give_up(STATUS_USAGE,
				       "--launch-digest is of the whole launch; leave --%s away",
				       arg_name(i));
	if (parse_hex(text, in->digest, in->digest_len) < 0)
		return give_up(STATUS_USAGE, "--launch-digest is not %zu bytes in hexadecimal",
			       in->digest_len);
	in->digest_given = true;
	return STATUS_GOOD;
}

enum status launch_input_read(const struct args *a, enum tech tech, bool list,
			      struct launch_input *ret)
{
	enum status status;
	struct cause why;

	*ret = (struct launch_input){ .launch = { .tech = tech }, .tech_name = tech_names[tech] };
	ret->digest_len = tech == TECH_SNP || tech == TECH_TDX ? SHA384_LEN : SHA256_LEN;
	if (a->value[ARG_LAUNCH_DIGEST])
		return read_given(a, ret);
	status = give_up_if(read_firmware(a, ret, &why), &why);
	if (status != STATUS_GOOD)
		return status;
	status = tech == TECH_TDX ? read_tdx(a, ret) : read_measured(a, ret);
	if (status == STATUS_GOOD && !list && launch_input_is_list(ret))
		return give_up(STATUS_USAGE, "A guest has one number of CPUs of one model; only measure takes several");
	return status;
}

/* The launches with the CPU that is in @l. */
static int each_count(const struct launch_input *in, const struct launch *l, struct launch_item *item,
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

enum status launch_check_measurement(const struct launch_input *in, const struct secret *tik,
				     const struct measured *what,
				     const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	struct expectation e = { .measured = *what, .len = SEV_MEASURE_LEN };
	char explanation[EXPLANATION_MAX];
	int r;

	memcpy(e.bytes, blob, SEV_MEASURE_LEN);
	memcpy(e.nonce, blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	r = measurer_new(tik, &e.measurer);
	if (r == 0)
		r = expectation_match(&e, in->digest);
	if (r > 0) {
		measurer_free(e.measurer);
		log_info("The launch measurement is the expected one");
		return STATUS_GOOD;
	}
	if (r == 0) {
		log_error("The launch measurement is not the expected one; do not trust this guest");
		r = expectation_explain(&e, in, explanation, sizeof(explanation));
		if (r > 0)
			log_notice("It would be with: %s", explanation);
		else if (r == 0)
			log_notice("%s", expectation_unknown(&e, in, explanation, sizeof(explanation)));
	}
	measurer_free(e.measurer);
	return r < 0 ? give_up(STATUS_IO, "OpenSSL has failed to compute the measurement") : STATUS_CHECK;
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
