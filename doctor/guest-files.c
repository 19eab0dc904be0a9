/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose the files are by which secrets are released, and files with keys that others may read. */
#include <stdio.h>
#include <sys/stat.h>

#include "doctor/guest.h"

#define PLACES { "/etc/cocod", "/run/cocod", "/usr/lib/cocod" }
#define KEYS "/etc/cryptsetup-keys.d"
#define OTHERS_WRITE 0022u
#define OTHERS_READ 0044u

struct files {
	unsigned n, n_open, n_shown;
	enum got unread;		/* GOT_IT: all could be looked at */
	char unread_path[PROVIDER_LINE_MAX];
	char open[PROVIDER_LINE_MAX];	/* the first that others may change */
	char shown[PROVIDER_LINE_MAX];	/* the first key that others may read */
};

static void look_at(struct exam *x, const char *path, bool is_key, struct files *f,
		    struct result *r)
{
	struct file_rights rights;
	enum got got = provider_rights(x->p, path, &rights);
	bool changed, read;

	if (got == GOT_ABSENT)
		return;
	if (got != GOT_IT) {
		if (f->unread == GOT_IT)
			snprintf(f->unread_path, sizeof(f->unread_path), "%s", path);
		f->unread = got;
		return;
	}
	f->n++;
	/* All links have mode 0777. */
	changed = rights.uid != 0 || (!S_ISLNK(rights.mode) && rights.mode & OTHERS_WRITE);
	read = is_key && S_ISREG(rights.mode) && rights.mode & OTHERS_READ;
	if (changed || read)
		result_saw(r, path, "mode %o, user %u", rights.mode & 07777, rights.uid);
	if (changed && f->n_open++ == 0)
		snprintf(f->open, sizeof(f->open), "%s", path);
	if (read && f->n_shown++ == 0)
		snprintf(f->shown, sizeof(f->shown), "%s", path);
}

static void look_into(struct exam *x, const char *folder, bool is_key, struct files *f,
		      struct result *r)
{
	struct tree_names names = { NULL, 0 };
	char path[PROVIDER_LINE_MAX];
	enum got got = provider_list(x->p, folder, &names);

	if (got != GOT_IT && got != GOT_ABSENT) {
		if (f->unread == GOT_IT)
			snprintf(f->unread_path, sizeof(f->unread_path), "%s", folder);
		f->unread = got;
	}
	if (got == GOT_IT)
		look_at(x, folder, false, f, r);
	for (size_t i = 0; got == GOT_IT && i < names.n; i++)
		if (snprintf(path, sizeof(path), "%s/%s", folder, names.names[i]) <
		    (int)sizeof(path))
			look_at(x, path, is_key, f, r);
	tree_names_done(&names);
}

static void look_everywhere(struct exam *x, struct files *f, struct result *r)
{
	static const char *const places[] = PLACES;
	static const char *const files[] = { "cocod.conf", "broker.conf", "attest.conf",
					     "attest.trust" };
	static const char *const folders[] = { "cocod.conf.d", "broker.conf.d", "secrets.d" };
	char path[PROVIDER_LINE_MAX];

	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		look_at(x, places[p], false, f, r);
		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			snprintf(path, sizeof(path), "%s/%s", places[p], files[i]);
			look_at(x, path, false, f, r);
		}
		for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
			snprintf(path, sizeof(path), "%s/%s", places[p], folders[i]);
			look_into(x, path, false, f, r);
		}
	}
	look_into(x, "/etc/cocod/collateral", false, f, r);
	look_at(x, "/etc/crypttab", false, f, r);
	look_into(x, KEYS, true, f, r);
}

void guest_files(struct exam *x, struct result *r)
{
	struct files f = { .unread = GOT_IT };

	look_everywhere(x, &f, r);
	if (f.n_open) {
		result_set(r, OUTCOME_FAIL,
			   "Others than root may change '%s'%s: they decide who gets which secret",
			   f.open, f.n_open > 1 ? " and more" : "");
		result_fix(r, FIX_CONFIG, "chown -h root: '%s' && chmod go-w '%s'", f.open, f.open);
	} else if (f.n_shown) {
		result_set(r, OUTCOME_FAIL, "Others than root may read the key '%s'%s", f.shown,
			   f.n_shown > 1 ? " and more" : "");
		result_fix(r, FIX_CONFIG, "chmod go= '%s'; and take another key: this one was "
			   "shown", f.shown);
	} else if (f.unread != GOT_IT) {
		result_unknown(r, f.unread_path, f.unread);
	} else if (f.n == 0) {
		result_set(r, OUTCOME_NA, "There is no configuration of cocod's here");
	} else {
		result_set(r, OUTCOME_PASS, "Root alone may change the %u files and folders", f.n);
	}
}
