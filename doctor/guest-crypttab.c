/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of crypttab(5) whose volumes get their keys from cocod. */
#include <stdio.h>

#include "doctor/crypttab-line.h"
#include "doctor/guest.h"
#include "wire/cryptsetup-peer.h"

#define CRYPTTAB "/etc/crypttab"
#define OUR_KEYSCRIPT "/coco-agent/keyscript"
#define WANTS "/etc/systemd/system/sockets.target.wants/"

static bool has_our_keyscript(const struct crypttab_line *line)
{
	size_t len;
	const char *script = crypttab_line_option(line->options, "keyscript", &len);
	size_t n = strlen(OUR_KEYSCRIPT);

	return script && len >= n && memcmp(script + len - n, OUR_KEYSCRIPT, n) == 0;
}

/*
 * True if somebody means this volume to get its key from cocod: by our keyscript, by a socket of
 * ours in the third field, or by a socket for this volume that is enabled.
 */
static bool is_ours(struct exam *x, const struct crypttab_line *line)
{
	char unit[CRYPTTAB_UNIT_MAX], path[CRYPTTAB_UNIT_MAX + sizeof(WANTS)];

	if (has_our_keyscript(line) || startswith(line->key, "/run/cocod/") ||
	    startswith(line->key, "/run/cryptsetup-keys.d/"))
		return true;
	if (!streq(crypttab_key(line->volume, unit), "none"))
		return false;
	snprintf(path, sizeof(path), WANTS "%s", unit);
	return provider_look(x->p, path) == GOT_IT || provider_is_link(x->p, path);
}

/* True if crypttab can be read; otherwise @r has the result. */
static bool read_crypttab(struct exam *x, struct result *r, char **ret)
{
	enum got got = provider_text(x->p, CRYPTTAB, ret);

	if (got == GOT_IT)
		return true;
	if (got == GOT_ABSENT)
		result_set(r, OUTCOME_NA, "There is no crypttab");
	else
		result_unknown(r, CRYPTTAB, got);
	return false;
}

/* The number in key-slot=, with which a line cannot be wrong; -1 without. */
static int own_slot(const struct crypttab_line *line)
{
	size_t len;
	const char *value = crypttab_line_option(line->options, "key-slot", &len);

	return value && len > 0 && len < 4 ? atoi(value) : -1;
}

/* A socket's path has room for so much of a volume's name: /run/cryptsetup-keys.d/NAME.key. */
#define OWN_SOCKET_NAME_MAX (107 - sizeof("/run/cryptsetup-keys.d/.key") + 1)

/* Like crypttab_judge(), for the name, which counts only where sockets carry it. */
static int judge_name(const struct crypttab_line *line, struct cause *why)
{
	bool any = startswith(line->key, "/run/cocod/");
	size_t max = any ? VOLUME_NAME_MAX : OWN_SOCKET_NAME_MAX, len = strlen(line->volume);

	if (has_our_keyscript(line) || len <= max)
		return 0;
	return cause_set(why, -EINVAL,
			 "line %u of crypttab: the volume's name has %zu characters, and the "
			 "sockets have room for %zu",
			 line->number, len, max);
}

/* How long the key is, only its owner knows, so that keyfile-size= is not judged. */
static int judge_line(const struct crypttab_line *line, struct cause *why)
{
	int r = judge_name(line, why);

	return r < 0 ? r : crypttab_judge(line, own_slot(line), 0, why);
}

void guest_crypttab(struct exam *x, struct result *r)
{
	_cleanup_(freep) char *text = NULL;
	struct crypttab_line line = { 0 };
	unsigned n = 0, wrong = 0;
	struct cause why;
	char *p;

	if (!read_crypttab(x, r, &text))
		return;
	p = text;
	while (crypttab_next(&p, &line) > 0) {
		if (!is_ours(x, &line))
			continue;
		n++;
		if (judge_line(&line, &why) >= 0)
			continue;
		if (!wrong++)
			result_set(r, OUTCOME_FAIL, "Volume '%s' cannot be opened: %.700s",
				   line.volume, why.text);
		result_saw(r, CRYPTTAB, "%.250s", why.text);
	}
	if (!n)
		result_set(r, OUTCOME_NA, "No line of crypttab asks cocod for a key");
	else if (!wrong)
		result_set(r, OUTCOME_PASS, "%u volume%s from cocod", n,
			   n == 1 ? " gets its key" : "s get their keys");
	else
		result_fix(r, FIX_CONFIG,
			   "Change the line; 'cococtl luks enroll --write' writes one that works");
}

/* ---- the initramfs ---- */

enum wish {
	WISH_NONE,
	WISH_MAYBE,	/* a volume has our keyscript=, and is opened wherever it is needed */
	WISH_SURE,	/* one is opened in the initramfs */
	WISH_DRACUT,	/* dracut is to add cocod to the initrd */
};

static enum wish wish_of_crypttab(struct exam *x)
{
	_cleanup_(freep) char *text = NULL;
	struct crypttab_line line = { 0 };
	enum wish wish = WISH_NONE;
	size_t len;
	char *p;

	if (provider_text(x->p, CRYPTTAB, &text) != GOT_IT)
		return WISH_NONE;
	p = text;
	while (crypttab_next(&p, &line) > 0)
		if (has_our_keyscript(&line))
			wish = MAX(wish, crypttab_line_option(line.options, "initramfs", &len) ?
						 WISH_SURE : WISH_MAYBE);
	return wish;
}

static bool dracut_adds_us(struct exam *x)
{
	static const char folder[] = "/etc/dracut.conf.d";
	struct tree_names names = { 0 };
	char path[PROVIDER_LINE_MAX], line[TREE_LINE_MAX];
	bool adds = false;

	if (provider_list(x->p, folder, &names) != GOT_IT)
		return false;
	for (size_t i = 0; !adds && i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%.200s", folder, names.names[i]);
		adds = provider_find_line(x->p, path, "add_dracutmodules", line) == GOT_IT &&
		       strstr(line, "coco-agent");
	}
	tree_names_done(&names);
	return adds;
}

static void judge_hook(struct exam *x, enum wish wish, struct result *r)
{
	static const char hook[] = "/usr/share/initramfs-tools/hooks/coco-agent";
	const char *command = wish == WISH_DRACUT ? "dracut --force" : "update-initramfs -u";

	if (wish != WISH_DRACUT && provider_look(x->p, hook) == GOT_ABSENT) {
		result_saw(r, hook, "%s", got_words(GOT_ABSENT));
		result_set(r, OUTCOME_FAIL,
			   "A volume has our keyscript=, and the hook that puts cocod into the "
			   "initramfs is missing: nobody will give it a key");
		result_fix(r, FIX_PACKAGE, "Install coco-agent again, then '%s'", command);
	} else if (wish == WISH_MAYBE) {
		result_set(r, OUTCOME_UNKNOWN,
			   "cocod has not run in the initramfs: a volume has our keyscript=, but "
			   "nothing says that it was to be opened there");
	} else {
		result_set(r, OUTCOME_FAIL, "cocod has not run in the %s that was booted",
			   wish == WISH_DRACUT ? "initrd" : "initramfs");
		result_fix(r, FIX_CONFIG, "%s, see what it warns of, and boot again", command);
	}
}

/* cocod writes the file "gate" in an initramfs alone, before it judges anything. */
void guest_initramfs(struct exam *x, struct result *r)
{
	static const char gate[] = "/run/cocod/gate";
	enum wish wish = dracut_adds_us(x) ? WISH_DRACUT : wish_of_crypttab(x);
	enum got got = provider_look(x->p, gate);

	if (got == GOT_IT) {
		result_saw(r, gate, "%s", got_words(got));
		result_set(r, OUTCOME_PASS, "cocod has run in the initramfs");
	} else if (wish == WISH_NONE) {
		result_set(r, OUTCOME_NA, "Nothing asks for cocod in the initramfs");
	} else if (got != GOT_ABSENT) {
		result_unknown(r, gate, got);
	} else {
		result_saw(r, gate, "%s", got_words(got));
		judge_hook(x, wish, r);
	}
}
