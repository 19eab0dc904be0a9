/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the kernel wipes memory that changes hands: init_on_free, init_on_alloc. */
#include <stdio.h>

#include "doctor/guest.h"

struct wiping {
	const char *option, *config;
	const char *said;	/* what the kernel's log has if it is on */
	const char *otherwise;	/* what happens without */
};

/* As the kernel reads a bool of its command line: 1, 0, or -1. */
static int kernel_bool(const char *value)
{
	if (strchr("yYtT1", value[0]) && value[0])
		return 1;
	if (strchr("nNfF0", value[0]) && value[0])
		return 0;
	if ((value[0] == 'o' || value[0] == 'O') && value[1])
		return value[1] == 'n' || value[1] == 'N' ? 1 :
		       value[1] == 'f' || value[1] == 'F' ? 0 : -1;
	return -1;
}

/* What the kernel said when it started: that is what it does.  -1 if the log has forgotten. */
static int by_log(struct exam *x, const struct wiping *w, struct result *r)
{
	char line[TREE_LINE_MAX];

	if (provider_kmsg(x->p, "mem auto-init:", NULL, line) != GOT_IT ||
	    !startswith(line, "mem auto-init:"))
		return -1;
	result_saw(r, "kmsg", "%.200s", line);
	return strstr(line, w->said) != NULL;
}

static int by_command_line(struct exam *x, const struct wiping *w, struct result *r)
{
	char value[PROVIDER_LINE_MAX];

	if (provider_cmdline(x->p, w->option, value) != GOT_IT)
		return -1;
	result_saw(r, "/proc/cmdline", "%s=%.200s", w->option, value);
	return kernel_bool(value);
}

static int by_config(struct exam *x, const struct wiping *w, struct result *r)
{
	char value[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX];

	if (provider_config(x->p, w->config, value, source) != GOT_IT)
		return -1;
	result_saw(r, source, "%s=%.100s", w->config, value);
	return streq(value, "y");
}

static void judge(struct exam *x, const struct wiping *w, struct result *r)
{
	int on = by_log(x, w, r);

	if (on < 0)
		on = by_command_line(x, w, r);
	if (on < 0)
		on = by_config(x, w, r);
	if (on < 0) {
		result_set(r, OUTCOME_UNKNOWN,
			   "Neither the kernel's log nor its command line nor its configuration "
			   "says whether %s is on", w->option);
		result_fix(r, FIX_KERNEL_ARG, "%s=1", w->option);
	} else if (on) {
		result_set(r, OUTCOME_PASS, "%s is on", w->option);
	} else {
		result_set(r, OUTCOME_WARN, "%s is off: %s", w->option, w->otherwise);
		result_fix(r, FIX_KERNEL_ARG, "%s=1", w->option);
	}
}

void guest_init_on_free(struct exam *x, struct result *r)
{
	static const struct wiping w = {
		"init_on_free", "CONFIG_INIT_ON_FREE_DEFAULT_ON", "heap free:on",
		"what a program leaves in its memory when it ends stays there until somebody "
		"else writes to it; cocod wipes its own, others may not",
	};

	judge(x, &w, r);
}

void guest_init_on_alloc(struct exam *x, struct result *r)
{
	static const struct wiping w = {
		"init_on_alloc", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON", "heap alloc:on",
		"a mistake in the kernel can show what somebody else left in memory",
	};

	judge(x, &w, r);
}
