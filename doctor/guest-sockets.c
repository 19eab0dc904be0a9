/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes of sockets where nobody listens: whoever connects there is refused, and does not go on. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "doctor/guest.h"

#define UNIX_SOCKETS "/proc/net/unix"
#define LISTENS 0x10000u		/* __SO_ACCEPTCON, in the column Flags */

/* A line "ADDRESS: REFS PROTOCOL FLAGS TYPE STATE INODE PATH"; the path is all that is left. */
static bool line_listens(const char *line, const char *path, bool prefix)
{
	unsigned flags;
	int n = 0;

	if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &n) != 1 || n == 0 ||
	    !(flags & LISTENS))
		return false;
	return prefix ? startswith(line + n, path) != NULL : streq(line + n, path);
}

static bool listens_there(void *ctx, const char *line)
{
	return line_listens(line, ctx, false);
}

static bool listens_below(void *ctx, const char *line)
{
	return line_listens(line, ctx, true);
}

struct nodes {
	unsigned n, n_stale;
	enum got unread;		/* why something could not be looked at; GOT_IT */
	char unread_path[PROVIDER_LINE_MAX];
	char stale[PROVIDER_LINE_MAX];	/* the first */
};

static void could_not(struct nodes *n, const char *path, enum got got)
{
	if (n->unread != GOT_IT || got == GOT_IT)
		return;
	n->unread = got;
	snprintf(n->unread_path, sizeof(n->unread_path), "%s", path);
}

static void look_at(struct exam *x, const char *path, struct nodes *n, struct result *r)
{
	mode_t mode;
	char line[TREE_LINE_MAX];
	enum got got = provider_mode(x->p, path, &mode);

	if (got == GOT_ABSENT)
		return;		/* it was removed just now */
	if (got != GOT_IT) {
		could_not(n, path, got);
		return;
	}
	if (!S_ISSOCK(mode))
		return;
	n->n++;
	got = provider_find(x->p, UNIX_SOCKETS, listens_there, (void *)(uintptr_t)path, line);
	could_not(n, UNIX_SOCKETS, got);
	if (got != GOT_IT || line[0])
		return;
	result_saw(r, path, "a socket where nobody listens");
	if (n->n_stale++ == 0)
		snprintf(n->stale, sizeof(n->stale), "%s", path);
}

static void look_into(struct exam *x, const char *folder, struct nodes *n, struct result *r)
{
	struct tree_names names = { NULL, 0 };
	char path[PROVIDER_LINE_MAX];
	enum got got = provider_list(x->p, folder, &names);

	if (got != GOT_IT && got != GOT_ABSENT)
		could_not(n, folder, got);
	for (size_t i = 0; got == GOT_IT && i < names.n; i++)
		if (snprintf(path, sizeof(path), "%s/%s", folder, names.names[i]) <
		    (int)sizeof(path))
			look_at(x, path, n, r);
	tree_names_done(&names);
}

/* The unit whose ListenStream= or ListenSequentialPacket= is @path; false if none of ours is. */
static bool unit_of(const char *path, char ret[static PROVIDER_LINE_MAX])
{
	const char *name = startswith(path, "/run/cryptsetup-keys.d/");
	size_t n;

	if (name && (n = strlen(name)) > strlen(".key") &&
	    streq(name + n - strlen(".key"), ".key") && name_is_valid(name, 128)) {
		snprintf(ret, PROVIDER_LINE_MAX, "cocod-cryptsetup@%.*s.socket",
			 (int)(n - strlen(".key")), name);
		return true;
	}
	name = startswith(path, "/run/cocod/");
	n = name ? strlen(name) : 0;
	if (n <= strlen(".sock") || !streq(name + n - strlen(".sock"), ".sock") ||
	    !name_is_valid(name, 64))
		return false;
	n -= strlen(".sock");
	if (n == strlen("cocod") && startswith(name, "cocod"))
		snprintf(ret, PROVIDER_LINE_MAX, "cocod.socket");
	else
		snprintf(ret, PROVIDER_LINE_MAX, "cocod-%.*s%s.socket", (int)n, name,
			 n == strlen("rest") && startswith(name, "rest") ? "-keeper" : "");
	return true;
}

static void stale(const struct nodes *n, struct result *r)
{
	char unit[PROVIDER_LINE_MAX];

	result_set(r, OUTCOME_FAIL,
		   "Nobody listens at the socket '%s'%s: whoever connects is refused, and "
		   "systemd-cryptsetup then fails without asking for a passphrase",
		   n->stale, n->n_stale > 1 ? " and at others" : "");
	if (unit_of(n->stale, unit))
		result_fix(r, FIX_CONFIG, "rm -f %s && systemctl restart %s", n->stale, unit);
	else
		result_fix(r, FIX_CONFIG, "Remove it, and restart the unit that it belongs to");
}

void guest_sockets(struct exam *x, struct result *r)
{
	static const char systemd[] = "/run/systemd/";
	struct nodes n = { .unread = GOT_IT };
	char line[TREE_LINE_MAX];

	look_into(x, "/run/cocod", &n, r);
	look_into(x, "/run/cryptsetup-keys.d", &n, r);
	if (n.n == 0 && n.unread == GOT_IT) {
		result_set(r, OUTCOME_NA, "There is no socket of cocod's here");
		return;
	}
	/* Each network namespace has a list of its own; that of systemd has systemd's sockets. */
	if (provider_find(x->p, UNIX_SOCKETS, listens_below, (void *)(uintptr_t)systemd, line) ==
	    GOT_IT && !line[0]) {
		result_set(r, OUTCOME_UNKNOWN,
			   "%s has none of systemd's sockets: this is another network namespace",
			   UNIX_SOCKETS);
		result_fix(r, FIX_NONE, "nsenter --net=/proc/1/ns/net cococtl doctor");
	} else if (n.n_stale) {
		stale(&n, r);
	} else if (n.unread != GOT_IT) {
		result_unknown(r, n.unread_path, n.unread);
	} else {
		result_set(r, OUTCOME_PASS, "Somebody listens at each of the %u socket%s", n.n,
			   n.n == 1 ? "" : "s");
	}
}
