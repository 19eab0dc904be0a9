/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/next.h"

#include "inject/plan/flags.h"
#include "inject/plan/quote.h"
#include "sev/sev-policy.h"

/* " --NAME VALUE", or nothing for NULL. */
static void option(FILE *f, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(f, " --%s ", name);
	quote_shell(f, value);
}

static void put_launch(FILE *f, const struct plan *p)
{
	const struct plan_want *w = p->want;

	option(f, "firmware", w->firmware);
	if (w->tech == TECH_TDX)
		return;
	option(f, "kernel", w->kernel);
	option(f, "initrd", w->initrd);
	option(f, "cmdline", w->cmdline);
	if (w->tech == TECH_SEV)
		return;
	fprintf(f, " --vcpus %llu", (unsigned long long)p->vcpus);
	if (!streq(p->cpu, "host"))
		option(f, "vcpu-type", p->cpu);
	else if (p->cpu_known)
		fprintf(f, " --vcpu-sig 0x%x", p->signature);
	else
		fputs(" --vcpu-sig SIG", f);
}

static char *session(const struct plan *p, const char *policy)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return NULL;
	fputs("coco-inject session --pdh PLATFORM.cert", s.f);
	option(s.f, "policy", policy);
	option(s.f, "name", p->want->name);
	if (p->want->allow_debug)
		fputs(" --allow-debug", s.f);
	return plan_stream_close(&s);
}

static char *inject(const struct plan *p, const char *policy)
{
	const struct plan_want *w = p->want;
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return NULL;
	if (w->format == PLAN_LIBVIRT)
		fprintf(s.f, "coco-inject inject --libvirt %s", w->name);
	else
		fprintf(s.f, "coco-inject inject --qmp %s.qmp", w->name);
	fprintf(s.f, " --tek %s_tek.bin --tik %s_tik.bin", w->name, w->name);
	option(s.f, "policy", policy);
	put_launch(s.f, p);
	fprintf(s.f, "%s --secret luks:PASSPHRASE.bin", w->page_size ? " --huge-pages" : "");
	return plan_stream_close(&s);
}

static char *measure(const struct plan *p)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return NULL;
	fprintf(s.f, "coco-inject measure --tech %s", p->want->tech == TECH_TDX ? "tdx" : "snp");
	put_launch(s.f, p);
	return plan_stream_close(&s);
}

int plan_next(const struct plan *p, char **ret_before, char **ret_after)
{
	char words[SEV_POLICY_TEXT_MAX];

	*ret_before = *ret_after = NULL;
	if (p->want->tech == PLAN_TECH_NONE)
		return 0;
	if (!plan_takes_secrets(p)) {
		*ret_before = measure(p);
		return *ret_before ? 0 : -ENOMEM;
	}
	(void) sev_policy_print((uint32_t)p->want->policy, words);
	*ret_before = session(p, words);
	*ret_after = inject(p, words);
	if (*ret_before && *ret_after)
		return 0;
	free(*ret_before);
	free(*ret_after);
	*ret_before = *ret_after = NULL;
	return -ENOMEM;
}
