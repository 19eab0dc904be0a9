/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cocod's units and sockets. */
#include <stdio.h>
#include <sys/stat.h>

#include "doctor/guest.h"

static const char *const unit_folders[] = {
	"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
	"/usr/local/lib/systemd/system",
};

/* True if a file @name, with @below before it, is in a folder of units; a link counts. */
static bool in_units(struct exam *x, const char *below, const char *name)
{
	char path[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(unit_folders); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", unit_folders[i], below, name);
		if (provider_look(x->p, path) == GOT_IT || provider_is_link(x->p, path))
			return true;
	}
	return false;
}

void guest_units(struct exam *x, struct result *r)
{
	/* What cocod.socket enables too. */
	static const char *const sockets[] = { "cocod.socket", "cocod-worker-luks.socket",
					       "cocod-worker-evidence.socket" };
	unsigned missing = 0;

	if (!in_units(x, "", "cocod.socket")) {
		result_set(r, OUTCOME_FAIL, "cocod's units are not installed");
		result_fix(r, FIX_PACKAGE, "Install coco-agent");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		if (in_units(x, "sockets.target.wants/", sockets[i]))
			continue;
		missing++;
		result_saw(r, sockets[i], "not enabled");
	}
	if (!missing) {
		result_set(r, OUTCOME_PASS, "cocod's sockets are enabled");
		return;
	}
	result_set(r, OUTCOME_FAIL,
		   "cocod's sockets are not all enabled: nobody answers there at boot");
	result_fix(r, FIX_CONFIG, "systemctl enable --now cocod.socket");
}

/* ---- sockets ---- */

/* True if a process listens at, or is bound to, @path, as /proc/net/unix says. */
static bool is_bound(struct exam *x, const char *path)
{
	char needle[PROVIDER_LINE_MAX + 2], line[TREE_LINE_MAX];
	const char *found;

	snprintf(needle, sizeof(needle), " %s", path);
	if (provider_find_text(x->p, "/proc/net/unix", needle, line) != GOT_IT || !line[0])
		return false;
	found = strstr(line, needle);
	return found && streq(found, needle);
}

struct nodes {
	unsigned n, stale;
};

static void look_in(struct exam *x, struct result *r, const char *folder, struct nodes *nodes)
{
	struct tree_names names = { 0 };
	char path[PROVIDER_LINE_MAX];

	if (provider_list(x->p, folder, &names) != GOT_IT)
		return;
	for (size_t i = 0; i < names.n; i++) {
		mode_t mode;

		if (snprintf(path, sizeof(path), "%s/%s", folder, names.names[i]) >=
			    (int)sizeof(path) ||
		    provider_mode(x->p, path, &mode) != GOT_IT || !S_ISSOCK(mode))
			continue;
		nodes->n++;
		if (is_bound(x, path))
			continue;
		nodes->stale++;
		result_saw(r, path, "nobody is bound to it");
	}
	tree_names_done(&names);
}

void guest_sockets(struct exam *x, struct result *r)
{
	struct nodes nodes = { 0 };
	char line[TREE_LINE_MAX];
	enum got got = provider_find_line(x->p, "/proc/net/unix", "Num", line);

	if (got != GOT_IT) {
		result_unknown(r, "/proc/net/unix", got);
		return;
	}
	look_in(x, r, "/run/cocod", &nodes);
	look_in(x, r, "/run/cryptsetup-keys.d", &nodes);
	if (!nodes.n) {
		result_set(r, OUTCOME_NA, "There are no sockets of cocod's");
	} else if (!nodes.stale) {
		result_set(r, OUTCOME_PASS, "Somebody listens at each of %u sockets", nodes.n);
	} else {
		result_set(r, OUTCOME_FAIL,
			   "%u of %u sockets %s left by somebody who is gone: whoever asks there "
			   "is "
			   "refused at once",
			   nodes.stale, nodes.n, nodes.stale == 1 ? "was" : "were");
		result_fix(r, FIX_CONFIG,
			   "systemctl restart cocod.socket cocod-cryptsetup.socket "
			   "'cocod-cryptsetup@*.socket'");
	}
}
