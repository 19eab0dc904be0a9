/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of crypttab(5) whose volumes get their keys from cocod. */
#include <stdio.h>

#include "doctor/crypttab-line.h"
#include "doctor/guest.h"

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
		/* How long the key is, only its owner knows. */
		if (crypttab_judge(&line, own_slot(&line), 0, &why) >= 0)
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
