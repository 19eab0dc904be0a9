/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command line says of the guest's CPUs. */
#include <stdio.h>

#include "base/io.h"
#include "inject/input.h"
#include "inject/launch/read.h"
#include "wire/ovmf-table.h"

/* The pages in @path, behind those that are there. */
static enum status add_pages(struct launch_input *in, const char *path)
{
	_cleanup_(closep) int fd = input_open(path);
	_cleanup_(freep) char *pages = NULL;
	const size_t have = in->launch.n_pages * VMSA_LEN;
	uint8_t *all;
	size_t len = 0;
	int r;

	r = fd < 0 ? fd : read_file_fd(fd, VCPUS_MAX * VMSA_LEN - have, &pages, &len);
	if (r < 0 && r != -EFBIG)
		return failed_to_read(r, "VMSA", path);
	if (r == -EFBIG || len == 0 || len % VMSA_LEN != 0)
		return give_up(STATUS_MALFORMED, "The VMSA '%s' is not one page of %d bytes, nor several",
			       path, VMSA_LEN);
	all = realloc(in->pages, have + len);
	if (!all) {
		log_oom();
		return STATUS_IO;
	}
	memcpy(all + have, pages, len);
	in->launch.pages = in->pages = all;
	in->launch.n_pages += len / VMSA_LEN;
	return STATUS_GOOD;
}

static enum status read_pages(const struct args *a, struct launch_input *in)
{
	enum status status = STATUS_GOOD;

	for (size_t i = 0; status == STATUS_GOOD && i < a->n_vmsas; i++)
		status = add_pages(in, a->vmsas[i]);
	return status;
}

static enum status list_variants(const char *name, bool snp)
{
	char list[256] = "";
	size_t n, used = 0;
	const struct vmsa_variant *v = vmsa_variants(&n);

	for (size_t i = 0; i < n; i++)
		if (v[i].snp == snp)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", v[i].name);
	return give_up(STATUS_USAGE, "--variant '%s' is none of %s", name, list);
}


static enum status bad_signature(const char *text)
{
	return give_up(STATUS_USAGE,
		       "--vcpu-sig '%s' is neither a number of 32 bits, such as 0xa00f11, nor FAMILY/MODEL/STEPPING, such as 25/1/1",
		       text);
}

static enum status read_models(const struct args *a, struct launch_input *in)
{
	const bool by_name = a->value[ARG_VCPU_TYPE];

	in->cpus = calloc(a->n_cpus, sizeof(*in->cpus));
	if (!in->cpus) {
		log_oom();
		return STATUS_IO;
	}
	for (size_t i = 0; i < a->n_cpus; i++) {
		const char *text = a->cpus[i];
		uint32_t *signature = &in->cpus[i].signature;

		if (by_name && cpu_type_signature(text, signature) < 0)
			return give_up(STATUS_USAGE,
				       "--vcpu-type '%s' is no CPU model of QEMU's that is known here, such as EPYC-Milan; give --vcpu-sig",
				       text);
		if (!by_name && cpu_signature_parse(text, signature) < 0)
			return bad_signature(text);
		in->cpus[i].name = text;
		in->cpus[i].real = !by_name;
	}
	in->n_cpus = a->n_cpus;
	in->launch.vmsa.signature = in->cpus[0].signature;
	return STATUS_GOOD;
}

static enum status read_vmsa(const struct args *a, struct launch_input *in)
{
	const bool snp = in->launch.tech == TECH_SNP;
	const char *variant = a->value[ARG_VARIANT], *type = a->value[ARG_VCPU_TYPE], *signature = a->value[ARG_VCPU_SIG];
	struct vmsa *vmsa = &in->launch.vmsa;
	enum status status;
	struct cause why;

	vmsa->variant = vmsa_variant_find(variant ? variant : snp ? "snp" : "legacy", snp);
	if (!vmsa->variant)
		return list_variants(variant, snp);
	vmsa->features = vmsa->variant->features;
	if (in->launch.pages) {
		if (type || signature || a->value[ARG_GUEST_FEATURES] || (variant && !snp))
			return give_up(STATUS_USAGE,
				       "With --vmsa the pages say what the CPUs are; leave --vcpu-sig, --vcpu-type, --guest-features%s away",
				       snp ? "" : " and --variant");
		return STATUS_GOOD;
	}
	status = give_up_if(input_number(a, ARG_GUEST_FEATURES, UINT64_MAX, &vmsa->features, &why),
			    &why);
	if (status != STATUS_GOOD)
		return status;
	if (type && signature)
		return give_up(STATUS_USAGE,
			       "The CPU is given twice: take one of --vcpu-sig and --vcpu-type");
	/* Taken and not counted it would name a CPU that the digest does not bind. */
	if ((type || signature) && vmsa->variant->own_rdx)
		return give_up(STATUS_USAGE,
			       "With --variant %s the CPU's model is not measured: leave --%s away",
			       vmsa->variant->name, type ? "vcpu-type" : "vcpu-sig");
	if (!type && !signature && !vmsa->variant->own_rdx)
		return give_up(STATUS_USAGE,
			       "The CPUs' state is measured: --vcpu-type, --vcpu-sig or --vmsa is needed");
	return type || signature ? read_models(a, in) : STATUS_GOOD;
}

static enum status read_counts(const struct args *a, struct launch_input *in)
{
	const char *text = a->value[ARG_VCPUS];

	if (!text) {
		vcpu_counts_set(&in->counts, MAX(in->launch.n_pages, (size_t)1));
		return STATUS_GOOD;
	}
	if (vcpu_counts_parse(text, &in->counts) < 0)
		return give_up(STATUS_USAGE,
			       "--vcpus '%s' is no number from 1 to %d, nor several such as 1-8,16", text,
			       VCPUS_MAX);
	return STATUS_GOOD;
}

enum status read_cpus(const struct args *a, struct launch_input *in)
{
	struct launch *l = &in->launch;
	enum status status;
	int r;

	status = read_pages(a, in);
	if (status == STATUS_GOOD)
		status = read_counts(a, in);
	if (status == STATUS_GOOD)
		status = read_vmsa(a, in);
	if (status != STATUS_GOOD)
		return status;
	if (in->counts.least < l->n_pages)
		return give_up(STATUS_USAGE, "There are more VMSA pages than CPUs");
	if (l->pages && in->counts.most > 1 && l->n_pages == 1)
		return give_up(STATUS_USAGE,
			       "The first CPU's page is not that of the others: give a second --vmsa for them");
	l->n_vcpus = in->counts.least;
	r = ovmf_es_reset(l->firmware.p, l->firmware.len, &l->ap_eip);
	if (r == -ENOENT && in->counts.most > 1 && !l->pages)
		return give_up(STATUS_CHECK,
			       "The firmware '%s' does not say where the second CPU begins, so it has no support for such guests",
			       a->value[ARG_FIRMWARE]);
	if (r < 0 && r != -ENOENT)
		return give_up(STATUS_MALFORMED,
			       "The table at the end of the firmware '%s' is broken",
			       a->value[ARG_FIRMWARE]);
	return STATUS_GOOD;
}
