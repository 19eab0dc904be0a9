/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether cocod was in the initramfs that this system was booted with.  An image is compressed and
 * large, and need not be the one that was booted; but cocod in an initramfs writes /run/cocod/gate
 * before it judges anything, and the system's cocod never does (cocod(8)).
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "doctor/guest.h"
#include "wire/crypttab.h"

#define GATE "/run/cocod/gate"
#define CRYPTTAB "/etc/crypttab"
#define HOOK "/usr/share/initramfs-tools/hooks/coco-agent"
#define KEYSCRIPT "/coco-agent/keyscript"

enum maker {
	NOBODY,			/* nothing asks for cocod in an initramfs */
	INITRAMFS_TOOLS,
	DRACUT,
};

static bool has_keyscript(const struct crypttab_line *line)
{
	char value[256];
	size_t n;

	if (crypttab_option(line->options, "keyscript", value, sizeof(value)) < 0)
		return false;
	n = strlen(value);
	return n >= strlen(KEYSCRIPT) && streq(value + n - strlen(KEYSCRIPT), KEYSCRIPT);
}

static enum got by_crypttab(struct exam *x, enum maker *ret, struct result *r)
{
	struct crypttab_line line = { .number = 0 };
	_cleanup_(freep) char *text = NULL;
	enum got got = provider_text(x->p, CRYPTTAB, &text);
	char *rest = text;

	while (got == GOT_IT && crypttab_next(&rest, &line))
		if (has_keyscript(&line)) {
			*ret = INITRAMFS_TOOLS;
			result_saw(r, CRYPTTAB, "line %u has our keyscript=", line.number);
			break;
		}
	return got == GOT_ABSENT ? GOT_IT : got;
}

static bool adds_module(void *ctx, const char *line)
{
	const char *s = line + strspn(line, " \t");

	(void) ctx;
	return (startswith(s, "add_dracutmodules") || startswith(s, "force_add_dracutmodules")) &&
	       strstr(s, "coco-agent");
}

static enum got by_dracut(struct exam *x, enum maker *ret, struct result *r)
{
	static const char *const folders[] = { "/etc/dracut.conf.d",
					       "/usr/lib/dracut/dracut.conf.d" };
	char path[PROVIDER_LINE_MAX], line[TREE_LINE_MAX];
	enum got got, worst = GOT_IT;

	for (size_t f = 0; f < ARRAY_SIZE(folders) && *ret == NOBODY; f++) {
		struct tree_names names = { NULL, 0 };

		got = provider_list(x->p, folders[f], &names);
		if (got != GOT_IT && got != GOT_ABSENT)
			worst = got;
		for (size_t i = 0; i < names.n && *ret == NOBODY; i++) {
			if (snprintf(path, sizeof(path), "%s/%s", folders[f], names.names[i]) >=
			    (int)sizeof(path) ||
			    provider_find(x->p, path, adds_module, NULL, line) != GOT_IT ||
			    !line[0])
				continue;
			result_saw(r, path, "%.200s", line);
			*ret = DRACUT;
		}
		tree_names_done(&names);
	}
	return worst;
}

static void not_there(struct exam *x, enum maker maker, struct result *r)
{
	char release[PROVIDER_LINE_MAX];
	bool known = provider_line(x->p, "/proc/sys/kernel/osrelease", release) == GOT_IT &&
		     name_is_valid(release, 128);

	result_saw(r, GATE, "it is not there");
	result_set(r, OUTCOME_WARN,
		   "cocod did not run in the initramfs that this system was booted with: it was "
		   "made before that was asked for, or cocod could not be started there");
	if (maker == DRACUT)
		result_fix(r, FIX_CONFIG, "dracut --force --kver %s; then reboot",
			   known ? release : "$(uname -r)");
	else
		result_fix(r, FIX_CONFIG, "update-initramfs -u -k %s; then reboot",
			   known ? release : "$(uname -r)");
	result_fix(r, FIX_NONE, "%s lists what is in it; there should be cocod",
		   maker == DRACUT ? "lsinitrd" : "lsinitramfs /boot/initrd.img-$(uname -r)");
}

/* Without the hook the next image has no cocod, whatever the one that was booted had. */
static bool lacks_hook(struct exam *x, struct result *r)
{
	enum got got = provider_look(x->p, HOOK);

	if (got != GOT_ABSENT)
		return false;
	result_saw(r, HOOK, "%s", got_words(got));
	result_set(r, OUTCOME_FAIL,
		   "A volume has our keyscript=, and the hook that puts cocod into the initramfs "
		   "is missing: nobody will give it a key");
	result_fix(r, FIX_PACKAGE, "Install coco-agent again, then 'update-initramfs -u'");
	return true;
}

static void was_there(const struct file_rights *rights, struct result *r)
{
	result_saw(r, GATE, "mode %o, user %u", rights->mode & 07777, rights->uid);
	if (S_ISREG(rights->mode) && (rights->mode & 07777) == 0600 && rights->uid == 0) {
		result_set(r, OUTCOME_PASS, "cocod ran in the initramfs");
		return;
	}
	result_set(r, OUTCOME_FAIL,
		   GATE " is not a file of root's alone with mode 0600: nothing is released until "
			"the next boot");
	result_fix(r, FIX_NONE, "Reboot, and find out who changed it");
}

void guest_initramfs(struct exam *x, struct result *r)
{
	enum maker maker = NOBODY;
	struct file_rights rights;
	enum got tab = by_crypttab(x, &maker, r);
	enum got dracut = maker == NOBODY ? by_dracut(x, &maker, r) : GOT_IT;
	enum got gate = provider_rights(x->p, GATE, &rights);

	if (maker == INITRAMFS_TOOLS && lacks_hook(x, r))
		return;
	if (gate == GOT_IT)
		was_there(&rights, r);
	else if (gate != GOT_ABSENT)
		result_unknown(r, GATE, gate);
	else if (maker != NOBODY)
		not_there(x, maker, r);
	else if (tab != GOT_IT || dracut != GOT_IT)
		result_unknown(r, tab != GOT_IT ? CRYPTTAB : "/etc/dracut.conf.d",
			       tab != GOT_IT ? tab : dracut);
	else
		result_set(r, OUTCOME_NA, "Nothing asks for cocod in the initramfs");
}
