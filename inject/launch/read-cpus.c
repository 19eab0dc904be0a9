/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command line says of the guest's CPUs. */
#include <stdio.h>

#include "base/io.h"
#include "base/text.h"
#include "inject/input.h"
#include "inject/launch/read.h"
#include "wire/ovmf-table.h"

/* The pages in @path, behind those that are there. */
static int add_pages(struct launch_input *in, const char *path, struct cause *why)
{
	_cleanup_(closep) int fd = input_open(path);
	_cleanup_(freep) char *pages = NULL;
	const size_t have = in->launch.n_pages * VMSA_LEN;
	uint8_t *all;
	size_t len = 0;
	int r;

	r = fd < 0 ? fd : read_file_fd(fd, VCPUS_MAX * VMSA_LEN - have, &pages, &len);
	if (r < 0 && r != -EFBIG)
		return failed_to_read(r, "VMSA", path, why);
	if (r == -EFBIG || len == 0 || len % VMSA_LEN != 0)
		return cause_set(why, -EBADMSG,
				 "The VMSA '%s' is not one page of %d bytes, nor several", path,
				 VMSA_LEN);
	all = realloc(in->pages, have + len);
	if (!all)
		return cause_set_oom(why);
	memcpy(all + have, pages, len);
	in->launch.pages = in->pages = all;
	in->launch.n_pages += len / VMSA_LEN;
	return 0;
}

static int read_pages(const struct args *a, struct launch_input *in, struct cause *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->vmsas.n; i++)
		r = add_pages(in, a->vmsas.items[i], why);
	return r;
}

static int list_variants(const char *name, bool snp, struct cause *why)
{
	char list[256] = "";
	size_t n;
	const struct vmsa_variant *v = vmsa_variants(&n);

	for (size_t i = 0; i < n; i++)
		if (v[i].snp == snp)
			list_add_word(list, sizeof(list), v[i].name);
	return cause_set(why, -EINVAL, "--variant '%s' is not one of %s", name, list);
}

static int bad_signature(const char *text, struct cause *why)
{
	return cause_set(why, -EINVAL,
			 "--vcpu-sig '%s' is neither a number of 32 bits, such as 0xa00f11, nor "
			 "FAMILY/MODEL/STEPPING, such as 25/1/1",
			 text);
}

static int read_models(const struct args *a, struct launch_input *in, struct cause *why)
{
	const bool by_name = a->vcpu_types.n > 0;
	const struct option_list *list = by_name ? &a->vcpu_types : &a->vcpu_sigs;

	in->cpus = calloc(list->n, sizeof(*in->cpus));
	if (!in->cpus)
		return cause_set_oom(why);
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->items[i];
		uint32_t *signature = &in->cpus[i].signature;

		if (by_name && cpu_type_signature(text, signature) < 0)
			return cause_set(why, -EINVAL,
					 "--vcpu-type '%s' is not a CPU model of QEMU that is "
					 "known here, such as EPYC-Milan; give --vcpu-sig",
					 text);
		if (!by_name && cpu_signature_parse(text, signature) < 0)
			return bad_signature(text, why);
		in->cpus[i].name = text;
		in->cpus[i].real = !by_name;
	}
	in->n_cpus = list->n;
	in->launch.vmsa.signature = in->cpus[0].signature;
	return 0;
}

static int read_vmsa(const struct args *a, struct launch_input *in, struct cause *why)
{
	const bool snp = in->launch.tech == TECH_SNP;
	const bool type = a->vcpu_types.n > 0, signature = a->vcpu_sigs.n > 0;
	const char *variant = a->variant;
	struct vmsa *vmsa = &in->launch.vmsa;

	vmsa->variant = vmsa_variant_find(variant ? variant : snp ? "snp" : "legacy", snp);
	if (!vmsa->variant)
		return list_variants(variant, snp, why);
	vmsa->features = vmsa->variant->features;
	if (in->launch.pages) {
		if (type || signature || a->guest_features.given || (variant && !snp))
			return cause_set(why, -EINVAL,
					 "With --vmsa the pages say what the CPUs are; leave "
					 "--vcpu-sig, --vcpu-type, --guest-features%s away",
					 snp ? "" : " and --variant");
		return 0;
	}
	if (a->guest_features.given)
		vmsa->features = a->guest_features.value;
	if (type && signature)
		return cause_set(why, -EINVAL,
				 "The CPU is given twice: take one of --vcpu-sig and --vcpu-type");
	/* Taken and not counted it would name a CPU that the digest does not bind. */
	if ((type || signature) && vmsa->variant->own_rdx)
		return cause_set(why, -EINVAL,
				 "With --variant %s the CPU's model is not measured: leave --%s "
				 "away",
				 vmsa->variant->name, type ? "vcpu-type" : "vcpu-sig");
	if (!type && !signature && !vmsa->variant->own_rdx)
		return cause_set(why, -EINVAL,
				 "The CPUs' state is measured: --vcpu-type, --vcpu-sig or --vmsa "
				 "is needed");
	return type || signature ? read_models(a, in, why) : 0;
}

static int read_counts(const struct args *a, struct launch_input *in, struct cause *why)
{
	const char *text = a->vcpus;

	if (!text) {
		vcpu_counts_set(&in->counts, MAX(in->launch.n_pages, (size_t)1));
		return 0;
	}
	if (vcpu_counts_parse(text, &in->counts) < 0)
		return cause_set(why, -EINVAL,
				 "--vcpus '%s' is not a number from 1 to %d, nor several such as "
				 "1-8,16",
				 text, VCPUS_MAX);
	return 0;
}

int read_cpus(const struct args *a, struct launch_input *in, struct cause *why)
{
	struct launch *l = &in->launch;
	int r;

	r = read_pages(a, in, why);
	if (r == 0)
		r = read_counts(a, in, why);
	if (r == 0)
		r = read_vmsa(a, in, why);
	if (r < 0)
		return r;
	if (in->counts.least < l->n_pages)
		return cause_set(why, -EINVAL, "There are more VMSA pages than CPUs");
	if (l->pages && in->counts.most > 1 && l->n_pages == 1)
		return cause_set(why, -EINVAL,
				 "The first CPU's page is not that of the others: give a second "
				 "--vmsa for them");
	l->n_vcpus = in->counts.least;
	r = ovmf_es_reset(l->firmware.p, l->firmware.len, &l->ap_eip);
	if (r == -ENOENT && in->counts.most > 1 && !l->pages)
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware '%s' does not say where the second CPU begins, so "
				 "it has no support for such guests",
				 a->firmware);
	if (r < 0 && r != -ENOENT)
		return cause_set(why, -EBADMSG,
				 "The table at the end of the firmware '%s' is broken",
				 a->firmware);
	return 0;
}
