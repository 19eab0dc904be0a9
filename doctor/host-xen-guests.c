/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Xen itself has for guests, and who may look into their memory. */
#include <stdio.h>

#include "doctor/host.h"
#include "doctor/xl-text.h"

#define BUILT_LEN 16

/* xl is not run to ask it: a doctor runs no programs.  A record can have its answers. */
#define ASK                                                                                      \
	"for c in 'xl info' 'xenhypfs cat /buildinfo/config'; do echo \"\\$ $c\"; $c; done "     \
	">DIR/.probe/xl in dom0, for --root DIR"

static bool in_dom0(struct exam *x, struct result *r)
{
	char can[PROVIDER_LINE_MAX];

	if (provider_line(x->p, "/proc/xen/capabilities", can) == GOT_IT &&
	    strstr(can, "control_d"))
		return true;
	result_set(r, OUTCOME_NA, "This is not dom0 of Xen");
	return false;
}

static bool ask(struct exam *x, struct result *r, const char **ret)
{
	if (!in_dom0(x, r))
		return false;
	if (provider_said(x->p, "xl", ret) == GOT_IT)
		return true;
	result_set(r, OUTCOME_UNKNOWN, "Xen was not asked: no program is run for that");
	result_fix(r, FIX_NONE, ASK);
	return false;
}

static void not_said(struct result *r, const char *what)
{
	result_set(r, OUTCOME_UNKNOWN, "%s is not in what xl and xenhypfs printed", what);
	result_fix(r, FIX_NONE, ASK);
}

/* The value of the last "sched=" in Xen's command line, "" if there is none. */
static void wanted_scheduler(const char *text, char *ret, size_t size)
{
	char line[1024];

	ret[0] = '\0';
	if (xl_info(text, "xen_commandline", line, sizeof(line)) != PROBE_SAYS)
		return;
	for (char *s = line, *word; (word = strsep(&s, " \t"));)
		if (startswith(word, "sched="))
			snprintf(ret, size, "%s", word + strlen("sched="));
}

void host_xen_scheduler(struct exam *x, struct result *r)
{
	char has[64], wanted[64], built[BUILT_LEN];
	const char *text;

	if (!ask(x, r, &text))
		return;
	if (xl_info(text, "xen_scheduler", has, sizeof(has)) != PROBE_SAYS || !has[0]) {
		not_said(r, "The scheduler");
		return;
	}
	result_saw(r, "xl info", "xen_scheduler: %s", has);
	wanted_scheduler(text, wanted, sizeof(wanted));
	if (!wanted[0] || streq(wanted, has)) {
		result_set(r, OUTCOME_PASS, "Xen's scheduler is %s%s", has,
			   streq(has, "credit2") ? ": it takes cpus_soft= and cap= of a guest" :
						   "");
		return;
	}
	result_saw(r, "xl info", "xen_commandline: sched=%s", wanted);
	result_set(r, OUTCOME_WARN,
		   "Xen was started with sched=%s and has the scheduler %s: it does not say when "
		   "it lacks one",
		   wanted, has);
	if (streq(wanted, "null") &&
	    xl_build(text, "CONFIG_SCHED_NULL", built, sizeof(built)) == PROBE_SAYS &&
	    streq(built, "n")) {
		result_saw(r, "xenhypfs /buildinfo/config", "CONFIG_SCHED_NULL=n");
		result_fix(r, FIX_KERNEL_CONFIG, "A Xen with CONFIG_SCHED_NULL");
	}
	result_fix(r, FIX_KERNEL_ARG, "Remove sched=%s of Xen's command line, or name another",
		   wanted);
}

/* How Xen was built; false with @r set when it does not say. */
static bool ask_built(struct exam *x, struct result *r, const char *option,
		      char ret[static BUILT_LEN])
{
	const char *text;

	if (!ask(x, r, &text))
		return false;
	if (xl_build(text, option, ret, BUILT_LEN) != PROBE_SAYS) {
		not_said(r, "Xen's configuration");
		return false;
	}
	result_saw(r, "xenhypfs /buildinfo/config", "%s=%s", option, ret);
	return true;
}

void host_xen_introspection(struct exam *x, struct result *r)
{
	char built[BUILT_LEN];

	if (!ask_built(x, r, "CONFIG_MEM_ACCESS", built))
		return;
	if (streq(built, "n")) {
		result_set(r, OUTCOME_PASS, "Xen has no interface to look into a guest's memory");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "A domain with the right to it can look into a guest's memory, and at what it "
		   "does: a guest of Xen has no secret from it");
	result_fix(r, FIX_LAUNCH_ARG, "altp2m=\"disabled\" in the guest's configuration");
}

void host_xen_pvh(struct exam *x, struct result *r)
{
	char built[BUILT_LEN];

	if (!ask_built(x, r, "CONFIG_HVM", built))
		return;
	if (!streq(built, "n")) {
		result_set(r, OUTCOME_PASS,
			   "Xen starts guests of type PVH, which trust the least of it");
		return;
	}
	result_set(r, OUTCOME_WARN, "Xen starts guests of type PV alone");
	result_fix(r, FIX_KERNEL_CONFIG, "A Xen with CONFIG_HVM");
}

void host_xen_pvcalls(struct exam *x, struct result *r)
{
	int found;

	if (!in_dom0(x, r))
		return;
	found = exam_has_device(x, r, "/sys/bus/xen-backend/devices", "pvcalls-");
	if (found == 0)
		result_set(r, OUTCOME_PASS, "No guest has its sockets here");
	if (found <= 0)
		return;
	result_set(r, OUTCOME_WARN,
		   "A guest's sockets are this domain's (PV Calls): what it sends without TLS is "
		   "read here");
	result_fix(r, FIX_LAUNCH_ARG, "No pvcalls= in the guest's configuration");
}

/* ---- the configurations of guests ---- */

/* True if the line sets @name: it begins with the name, and "=" behind blanks. */
static bool sets(const char *line, const char *name)
{
	line += strspn(line, " \t");
	line = startswith(line, name);
	return line && line[strspn(line, " \t")] == '=';
}

static bool is_config(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(".cfg") && streq(name + len - strlen(".cfg"), ".cfg");
}

/* Behind "NAME =" and an opening quote; NULL for a line that sets something else. */
static const char *value_of(const char *line, const char *name)
{
	if (!sets(line, name))
		return NULL;
	line = strchr(line, '=') + 1;
	return line + strspn(line, " \t\"'");
}

/* What is out of use in a line of the configuration @path; returns whether anything is. */
static bool is_old(struct result *r, const char *path, const char *line)
{
	static const struct {
		const char *name, *now;
	} old[] = {
		{ "builder", "type=\"hvm\", \"pvh\" or \"pv\" in the place of builder=" },
		{ "pvh", "type=\"pvh\" in the place of pvh=" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(old); i++)
		if (sets(line, old[i].name)) {
			result_saw(r, path, "%s=", old[i].name);
			result_fix(r, FIX_CONFIG, "%s", old[i].now);
			return true;
		}
	return false;
}

static bool has_old_lines(struct result *r, const char *path, char *text)
{
	bool ret = false;

	for (char *line; (line = strsep(&text, "\n"));)
		ret = is_old(r, path, line) || ret;
	return ret;
}

/* True if the guest's devices are emulated by a process that may do all that dom0 may. */
static bool has_free_model(struct result *r, const char *path, char *text)
{
	bool hvm = false, restricted = false;

	for (char *line; (line = strsep(&text, "\n"));) {
		const char *type = value_of(line, "type") ?: value_of(line, "builder");
		const char *set = value_of(line, "dm_restrict");

		if (type)
			hvm = startswith(type, "hvm");
		if (set)
			restricted = *set == '1';
	}
	if (hvm && !restricted)
		result_saw(r, path, "type=\"hvm\" without dm_restrict=1");
	return hvm && !restricted;
}

/*
 * Call @look with each guest's configuration.  Returns how many there are, of which it was true for
 * *@ret_n; or -1 with @r set, when this is not dom0, or there are none to look at.
 */
static int look_at_configs(struct exam *x, struct result *r,
			   bool (*look)(struct result *r, const char *path, char *text),
			   unsigned *ret_n)
{
	_cleanup_(tree_names_done) struct tree_names names = { 0 };
	enum got got;
	int n = 0;

	*ret_n = 0;
	if (!in_dom0(x, r))
		return -1;
	got = provider_list(x->p, "/etc/xen", &names);
	if (got != GOT_IT && got != GOT_ABSENT) {
		result_unknown(r, "/etc/xen", got);
		return -1;
	}
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(freep) char *text = NULL;
		char path[512];

		if (!is_config(names.names[i]))
			continue;
		n++;
		snprintf(path, sizeof(path), "/etc/xen/%.255s", names.names[i]);
		if (provider_text(x->p, path, &text) == GOT_IT)
			*ret_n += look(r, path, text);
	}
	if (n)
		return n;
	result_set(r, OUTCOME_NA, "There are no guests' configurations in /etc/xen");
	return -1;
}

void host_xen_config(struct exam *x, struct result *r)
{
	unsigned n_old;

	if (look_at_configs(x, r, has_old_lines, &n_old) < 0)
		return;
	if (n_old)
		result_set(r, OUTCOME_WARN,
			   "A guest's configuration says its type in words that xl no longer "
			   "knows");
	else
		result_set(r, OUTCOME_PASS, "Guests' configurations say their types by type=");
}

/* What dm_restrict needs of Xen, the hypercall DMOP, nothing shows: xl says so at the start. */
void host_xen_dm(struct exam *x, struct result *r)
{
	unsigned n_free;

	if (look_at_configs(x, r, has_free_model, &n_free) < 0)
		return;
	if (!n_free) {
		result_set(r, OUTCOME_PASS, "No guest's devices are emulated with the rights of "
					    "this domain");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "The devices of %u guest%s of type HVM are emulated with all rights of this "
		   "domain", n_free, n_free == 1 ? "" : "s");
	result_fix(r, FIX_CONFIG,
		   "dm_restrict=1 and, in device_model_user=, a user for each guest alone (Xen "
		   "calls it a technology preview); or type=\"pvh\", which has no device model");
}

void host_xen_parameters(struct exam *x, struct result *r)
{
	char built[BUILT_LEN];

	if (!ask_built(x, r, "CONFIG_HYPFS", built))
		return;
	result_set(r, OUTCOME_PASS,
		   "Xen takes some parameters while it runs: 'xl set-parameters loglvl=info'%s",
		   streq(built, "n") ? "" : "; 'xenhypfs ls /params' lists them");
}
