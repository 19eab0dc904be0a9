/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan for a Xen guest, which nothing protects, as xl.cfg. */
#include "inject/plan/flags.h"
#include "inject/plan/quote.h"

static int add_text(struct plan_flags *flags, const char *name, const char *why, const char *text)
{
	struct plan_stream s;

	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	quote_xl(s.f, text);
	return plan_flag_take(flags, name, why, plan_stream_close(&s));
}

int plan_write_xl(const struct plan *p, struct plan_flags *flags)
{
	const struct plan_want *w = p->want;
	int r;

	r = add_text(flags, "name",
		     "this guest gets no launch secret and has no evidence: Xen starts no "
		     "confidential guests, as far as is known",
		     w->name);
	if (r == 0)
		r = add_text(flags, "type",
			     "no device model in dom0: the least that can be attacked", "pvh");
	if (r == 0)
		r = add_text(flags, "kernel", "measured by nobody", w->kernel);
	if (r == 0 && w->initrd)
		r = add_text(flags, "ramdisk", "as the kernel", w->initrd);
	if (r == 0 && w->cmdline)
		r = add_text(flags, "cmdline", "as the kernel", w->cmdline);
	if (r == 0)
		r = plan_flag_add(flags, "memory", "in MiB, as asked for", "%llu",
				  (unsigned long long)(w->memory >> 20));
	if (r == 0)
		r = plan_flag_add(flags, "vcpus", "as asked for", "%llu",
				  (unsigned long long)p->vcpus);
	if (r == 0)
		r = add_text(flags, "altp2m", "no second view of its memory for introspection",
			     "disabled");
	return r;
}
