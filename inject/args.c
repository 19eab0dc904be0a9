/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/args.h"

#include "base/log.h"
#include "base/parse.h"
#include "inject/plan/plan.h"
#include "sev/policy-words.h"

const char *const args_products[] = { "naples", "rome", "milan", "genoa", "turin", NULL };

const char *const args_techs[] = {
	[TECH_SEV] = "sev",
	[TECH_SEV_ES] = "sev-es",
	[TECH_SNP] = "snp",
	[TECH_TDX] = "tdx",
	NULL,
};

const char *const args_secret_techs[] = {
	[TECH_SEV] = "sev",
	[TECH_SEV_ES] = "sev-es",
	NULL,
};

const char *const args_plan_techs[] = {
	[TECH_SEV] = "sev",
	[TECH_SEV_ES] = "sev-es",
	[TECH_SNP] = "snp",
	[TECH_TDX] = "tdx",
	[PLAN_TECH_NONE] = "none",
	NULL,
};

const char *const args_formats[] = {
	[PLAN_QEMU] = "qemu",
	[PLAN_LIBVIRT] = "libvirt",
	[PLAN_XL] = "xl",
	NULL,
};

const char *const args_page_sizes[] = {
	[HOST_PAGE_2M] = "2M",
	[HOST_PAGE_1G] = "1G",
	NULL,
};

int args_parse_size(const char *text, void *ret)
{
	struct option_number size = { .given = true };

	if (plan_parse_size(text, &size.value) < 0)
		return -EINVAL;
	*(struct option_number *)ret = size;
	return 0;
}

int args_parse_api(const char *text, void *ret)
{
	struct args_api api = { .given = true };

	if (sev_api_parse(text, &api.major, &api.minor) < 0)
		return -EINVAL;
	*(struct args_api *)ret = api;
	return 0;
}

int args_parse_id(const char *text, void *ret)
{
	struct args_id id = { .given = true };

	if (parse_hex(text, id.bytes, sizeof(id.bytes)) < 0)
		return -EINVAL;
	*(struct args_id *)ret = id;
	return 0;
}

int args_check_stdin(const struct args *a)
{
	const char *const files[] = { a->tek,	 a->tik,	  a->firmware, a->kernel,
				      a->initrd, a->cmdline_file, a->id_key,   a->author_key };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		n += files[i] && streq(files[i], "-");
	for (size_t i = 0; i < a->vmsas.n; i++)
		n += streq(a->vmsas.items[i], "-");
	for (size_t i = 0; i < a->secrets.n; i++) {
		const char *colon = strchr(a->secrets.items[i], ':');

		n += colon && streq(colon + 1, "-");
	}
	if (n <= 1)
		return 0;
	log_error("Standard input is given twice: one '-' is all that can be read from it");
	return -EINVAL;
}

void args_done(struct args *a)
{
	option_list_done(&a->words);
	option_list_done(&a->secrets);
	option_list_done(&a->vcpu_types);
	option_list_done(&a->vcpu_sigs);
	option_list_done(&a->vmsas);
	for (char **p = a->owned; p && *p; p++)
		free(*p);
	free(a->owned);
	*a = (struct args){ 0 };
}
