/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the sockets of cocod are enabled, by the links in systemd's folders, and by presets. */
#include <fnmatch.h>
#include <stdio.h>

#include "base/parse.h"
#include "doctor/guest.h"

#define UNIT "cocod.socket"
#define UNITS_MAX 16
#define ENABLE_BY_PRESET \
	"echo 'enable cocod*.socket' >/etc/systemd/system-preset/00-cocod.preset"

/* Where systemd looks for units, the most important first. */
static const char *const unit_folders[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

static enum got find_unit(struct exam *x, char ret[static PROVIDER_LINE_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_folders); i++) {
		enum got got;

		snprintf(ret, PROVIDER_LINE_MAX, "%s/" UNIT, unit_folders[i]);
		got = provider_look(x->p, ret);
		if (got != GOT_ABSENT)
			return got;
	}
	return GOT_ABSENT;
}

static bool is_masked(struct exam *x, const char *unit, char ret[static PROVIDER_LINE_MAX])
{
	char target[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < 2; i++) {	/* in /etc and /run */
		snprintf(ret, PROVIDER_LINE_MAX, "%s/%.128s", unit_folders[i], unit);
		if (provider_link(x->p, ret, target) == GOT_IT && streq(target, "null"))
			return true;
	}
	return false;
}

bool guest_unit_is_enabled(struct exam *x, const char *unit)
{
	char path[PROVIDER_LINE_MAX], target[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(unit_folders); i++) {
		snprintf(path, sizeof(path), "%s/sockets.target.wants/%.128s", unit_folders[i],
			 unit);
		/* A link may lead nowhere, as in an image whose /usr comes later. */
		if (provider_link(x->p, path, target) == GOT_IT ||
		    provider_look(x->p, path) == GOT_IT)
			return true;
	}
	return false;
}

/* ---- presets: systemd.preset(5) ---- */

struct preset {
	const char *unit;
	char line[256];
};

static bool is_about(void *ctx, const char *line)
{
	struct preset *p = ctx;
	char verb[16], pattern[200];

	if (sscanf(line, "%15s %199s", verb, pattern) != 2 ||
	    (!streq(verb, "enable") && !streq(verb, "disable")))
		return false;
	return fnmatch(pattern, p->unit, FNM_NOESCAPE) == 0;
}

static const char *const preset_folders[] = {
	"/etc/systemd/system-preset", "/run/systemd/system-preset",
	"/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset",
	"/lib/systemd/system-preset",
};

/* The next file of presets after @name in the order of names, and the first folder with it. */
static const char *next_preset(const struct tree_names *folders, const char *name, size_t *ret)
{
	const char *best = NULL;

	for (size_t f = 0; f < ARRAY_SIZE(preset_folders); f++)
		for (size_t i = 0; i < folders[f].n; i++) {
			const char *one = folders[f].names[i];

			if (strcmp(one, name) <= 0 || (best && strcmp(one, best) >= 0))
				continue;
			best = one;
			*ret = f;
		}
	return best;
}

/* True if presets disable @unit; the first line about it counts, and without one it is enabled. */
static bool preset_disables(struct exam *x, const char *unit, char ret[static PROVIDER_LINE_MAX])
{
	struct tree_names folders[ARRAY_SIZE(preset_folders)] = { { NULL, 0 } };
	struct preset p = { .unit = unit };
	char line[TREE_LINE_MAX] = "";
	const char *name = "";
	size_t f = 0;

	for (size_t i = 0; i < ARRAY_SIZE(preset_folders); i++)
		(void) provider_list(x->p, preset_folders[i], &folders[i]);
	while (!line[0] && (name = next_preset(folders, name, &f))) {
		if (snprintf(ret, PROVIDER_LINE_MAX, "%s/%s", preset_folders[f], name) <
		    PROVIDER_LINE_MAX)
			(void) provider_find(x->p, ret, is_about, &p, line);
	}
	for (size_t i = 0; i < ARRAY_SIZE(preset_folders); i++)
		tree_names_done(&folders[i]);
	return startswith(line, "disable") != NULL;
}

/* True if systemd applies presets when this system starts: its first boot, machine-id(5). */
static bool boots_first(struct exam *x)
{
	char id[PROVIDER_LINE_MAX];
	enum got got = provider_line(x->p, "/etc/machine-id", id);

	return got == GOT_IT && (!id[0] || streq(id, "uninitialized"));
}

/* ---- the check ---- */

struct units {
	unsigned n, n_missing;
	char names[UNITS_MAX][128];
	char missing[512];
	bool needed_missing;		/* one without which no secret is given away */
};

static void add(struct units *u, const char *name)
{
	for (unsigned i = 0; i < u->n; i++)
		if (streq(u->names[i], name))
			return;
	if (u->n < UNITS_MAX && name_is_valid(name, sizeof(u->names[0]) - 1))
		strcpy(u->names[u->n++], name);
}

/* cocod asks its workers about every volume and all evidence. */
static const char *const needed[] = { UNIT, "cocod-worker-luks.socket",
				      "cocod-worker-evidence.socket" };

/* What its unit file has in Also= is enabled together with it, and is needed as it is. */
static void find_units(struct exam *x, const char *path, struct units *u)
{
	char line[TREE_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		add(u, needed[i]);
	if (provider_find_line(x->p, path, "Also=", line) != GOT_IT)
		return;
	for (char *save = NULL, *w = strtok_r(line, "= \t", &save); w;
	     w = strtok_r(NULL, "= \t", &save))
		if (!streq(w, "Also"))
			add(u, w);
}

static void ask(struct exam *x, struct units *u, struct result *r)
{
	for (unsigned i = 0; i < u->n; i++) {
		size_t n = strlen(u->missing);

		if (guest_unit_is_enabled(x, u->names[i]))
			continue;
		result_saw(r, "sockets.target.wants", "%s is not there", u->names[i]);
		snprintf(u->missing + n, sizeof(u->missing) - n, "%s%s", n ? " " : "", u->names[i]);
		u->needed_missing |= i < ARRAY_SIZE(needed);
		u->n_missing++;
	}
}

static void not_enabled(struct exam *x, const struct units *u, struct result *r)
{
	char preset[PROVIDER_LINE_MAX];
	bool disabled = preset_disables(x, UNIT, preset);

	result_set(r, u->needed_missing ? OUTCOME_FAIL : OUTCOME_WARN,
		   "%s not enabled%s%s: %s", u->n_missing == 1 ? "A socket is" : "Sockets are",
		   disabled ? ", and are disabled by the preset " : "", disabled ? preset : "",
		   u->needed_missing ? "nobody gets a secret" :
				       "what they are for does not work");
	result_fix(r, FIX_CONFIG, "systemctl enable --now %s", u->missing);
	if (disabled)
		result_fix(r, FIX_CONFIG,
			   ENABLE_BY_PRESET);
}

void guest_units(struct exam *x, struct result *r)
{
	char path[PROVIDER_LINE_MAX], other[PROVIDER_LINE_MAX];
	struct units u = { .n = 0 };
	enum got got = find_unit(x, path);

	if (is_masked(x, UNIT, other)) {
		result_saw(r, other, "a link to /dev/null");
		result_set(r, OUTCOME_FAIL, UNIT " is masked: nobody can ask cocod for a secret");
		result_fix(r, FIX_CONFIG, "systemctl unmask " UNIT);
		return;
	}
	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_FAIL, UNIT " is not installed");
		result_fix(r, FIX_PACKAGE, "Install coco-agent");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, path, got);
		return;
	}
	find_units(x, path, &u);
	ask(x, &u, r);
	if (u.n_missing) {
		not_enabled(x, &u, r);
	} else if (boots_first(x) && preset_disables(x, UNIT, other)) {
		result_saw(r, other, "it disables " UNIT);
		result_set(r, OUTCOME_WARN,
			   "The sockets are enabled, but the first boot of this image applies "
			   "presets, which disable " UNIT);
		result_fix(r, FIX_CONFIG,
			   ENABLE_BY_PRESET);
	} else {
		result_set(r, OUTCOME_PASS, "All %u sockets are enabled", u.n);
	}
}
