/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of crypttab(5) whose volumes get their keys from cocod. */
#include <stdio.h>

#include "doctor/crypttab-line.h"
#include "doctor/guest-config.h"
#include "wire/cryptsetup-peer.h"

#define CRYPTTAB "/etc/crypttab"
#define OUR_KEYSCRIPT "/coco-agent/keyscript"
#define TOKEN_TYPE "coco"	/* as in cryptsetup/token-json.h */

static bool has_our_keyscript(const struct crypttab_line *line)
{
	size_t len;
	const char *script = crypttab_line_option(line->options, "keyscript", &len);
	size_t n = strlen(OUR_KEYSCRIPT);

	return script && len >= n && memcmp(script + len - n, OUR_KEYSCRIPT, n) == 0;
}

struct volumes {
	struct exam *x;
	const struct config *config;	/* NULL if it cannot be read */
	unsigned n, n_wrong, n_warn;
};

/* True if Consumers= of a secret names the volume. */
static bool is_named(const struct volumes *v, const char *volume)
{
	char consumer[256];

	if (snprintf(consumer, sizeof(consumer), CONSUMER_CRYPTSETUP ":%s", volume) >=
	    (int)sizeof(consumer))
		return false;
	for (size_t i = 0; v->config && i < v->config->n_policies; i++)
		if (secret_policy_allows(&v->config->policies[i], consumer) == 2)
			return true;
	return false;
}

static bool has_token(const struct volumes *v)
{
	for (size_t i = 0; v->config && i < v->config->n_policies; i++)
		if (secret_policy_allows(&v->config->policies[i], CONSUMER_TOKEN))
			return true;
	return false;
}

static bool names_no_key(const struct crypttab_line *line)
{
	return !line->key[0] || streq(line->key, "none") || streq(line->key, "-");
}

/*
 * True if somebody means this volume to get its key from cocod: by our keyscript, by a socket of
 * ours in the third field, by a socket for this volume that is enabled, or by Consumers=.
 */
static bool is_ours(const struct volumes *v, const struct crypttab_line *line)
{
	char unit[CRYPTTAB_UNIT_MAX];

	if (has_our_keyscript(line) || startswith(line->key, "/run/cocod/") ||
	    startswith(line->key, "/run/cryptsetup-keys.d/"))
		return true;
	return (streq(crypttab_key(line->volume, unit), "none") &&
		guest_unit_is_enabled(v->x, unit)) || is_named(v, line->volume);
}

/*
 * systemd-cryptsetup says which volume it is in the name of its socket, which has room for no
 * longer one; and cocod takes what volume_name_is_valid() takes.
 */
static int judge_name(const struct crypttab_line *line, struct cause *why)
{
	if (strlen(line->volume) > VOLUME_NAME_SURE)
		return cause_set(why, -EINVAL,
				 "line %u of crypttab: the volume's name has more than the %d "
				 "bytes for which systemd-cryptsetup has room when it asks",
				 line->number, VOLUME_NAME_SURE);
	if (!volume_name_is_valid(line->volume))
		return cause_set(why, -EINVAL,
				 "line %u of crypttab: cocod gives no key to a volume of this "
				 "name: it must be 1 to %d printable characters without blank, "
				 "slash, quote or backslash", line->number, MSG_NAME_LEN);
	return 0;
}

/* A volume that finds no socket is asked a passphrase for. */
static int judge_socket(const struct volumes *v, const struct crypttab_line *line,
			struct cause *why)
{
	char unit[CRYPTTAB_UNIT_MAX];

	if (!names_no_key(line) || has_our_keyscript(line) ||
	    !streq(crypttab_key(line->volume, unit), "none") || guest_unit_is_enabled(v->x, unit))
		return 0;
	return cause_set(why, -EINVAL,
			 "line %u of crypttab names no key, and %s, which would give it one, is "
			 "not enabled", line->number, unit);
}

/* True for a number of a PCR, or a word as "yes".  Source: crypttab(5). */
static bool is_measured(const struct crypttab_line *line)
{
	static const char *const no[] = { "no", "n", "false", "f", "off" };
	size_t len;
	const char *value = crypttab_line_option(line->options, "tpm2-measure-pcr", &len);

	for (size_t i = 0; value && i < ARRAY_SIZE(no); i++)
		if (strlen(no[i]) == len && strncmp(value, no[i], len) == 0)
			return false;
	return value;
}

/*
 * Whether the header of header= has a token of ours.  A header on the volume's device is
 * GOT_ABSENT: no device is read.
 */
static enum got ask_header(const struct volumes *v, const struct crypttab_line *line, bool *ret)
{
	char path[PROVIDER_LINE_MAX];
	size_t len;
	const char *value = crypttab_line_option(line->options, "header", &len);

	if (!value || *value != '/' || len >= sizeof(path))
		return GOT_ABSENT;
	snprintf(path, sizeof(path), "%.*s", (int)len, value);
	return provider_luks_token(v->x->p, path, TOKEN_TYPE, ret);
}

static void unasked(struct volumes *v, const struct crypttab_line *line, struct result *r)
{
	result_saw(r, CRYPTTAB, "line %u has tpm2-measure-pcr=, and the header a token of cocod's",
		   line->number);
	if (!v->n_wrong++)
		result_set(r, OUTCOME_FAIL,
			   "Volume '%.100s' gets no key by its token: line %u of crypttab has "
			   "tpm2-measure-pcr=, with which systemd-cryptsetup asks no token",
			   line->volume, line->number);
}

static void perhaps_unasked(struct volumes *v, const struct crypttab_line *line, enum got got,
			    struct result *r)
{
	result_saw(r, CRYPTTAB, "line %u has tpm2-measure-pcr=", line->number);
	if (v->n_warn++ == 0 && !v->n_wrong)
		result_set(r, OUTCOME_WARN,
			   "Line %u of crypttab has tpm2-measure-pcr=, with which "
			   "systemd-cryptsetup asks no token, and a secret is for tokens; whether "
			   "this volume has one is not known, as its header %s",
			   line->number,
			   got == GOT_ABSENT ? "is on a device or is not there" : got_words(got));
}

/* Measuring the volume's key turns tokens off, and ours with them. */
static void judge_tokens(struct volumes *v, const struct crypttab_line *line, struct result *r)
{
	bool ours = false;
	enum got got;

	if (!names_no_key(line))
		return;
	got = ask_header(v, line, &ours);
	if (got != GOT_IT) {
		if (is_measured(line) && has_token(v))
			perhaps_unasked(v, line, got, r);
	} else if (ours && is_measured(line)) {
		unasked(v, line, r);
	} else if (ours && has_token(v)) {
		v->n++;
	}
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

static void judge_line(struct volumes *v, const struct crypttab_line *line, struct result *r)
{
	struct cause why;
	int bad;

	if (!is_ours(v, line)) {
		judge_tokens(v, line, r);
		return;
	}
	v->n++;
	bad = judge_name(line, &why);
	/* How long the key is, only its owner knows. */
	if (bad == 0)
		bad = crypttab_judge(line, own_slot(line), 0, &why);
	if (bad == 0)
		bad = judge_socket(v, line, &why);
	if (bad == 0)
		return;
	if (!v->n_wrong++)
		result_set(r, OUTCOME_FAIL, "Volume '%.100s' cannot be opened: %.700s",
			   line->volume, why.text);
	result_saw(r, CRYPTTAB, "%.250s", why.text);
}

static void conclude(const struct volumes *v, struct result *r)
{
	if (v->n_wrong) {
		result_fix(r, FIX_CONFIG,
			   "Change the line; 'cococtl luks enroll --write' writes one that works, "
			   "and enables the socket");
	} else if (v->n_warn) {
		result_fix(r, FIX_CONFIG,
			   "Remove tpm2-measure-pcr=, or give the volume its key by a socket: "
			   "'cococtl luks enroll --write'");
	} else if (!v->n) {
		result_set(r, OUTCOME_NA, "No line of crypttab asks cocod for a key");
	} else {
		result_set(r, OUTCOME_PASS, "%u volume%s from cocod", v->n,
			   v->n == 1 ? " gets its key" : "s get their keys");
	}
}

void guest_crypttab(struct exam *x, struct result *r)
{
	struct crypttab_line line = { .number = 0 };
	_cleanup_(freep) char *text = NULL;
	struct volumes v = { .x = x };
	struct guest_config g;
	char *p;

	if (!read_crypttab(x, r, &text))
		return;
	guest_config_load(x, &g);
	v.config = g.config;
	p = text;
	while (crypttab_next(&p, &line) > 0)
		judge_line(&v, &line, r);
	conclude(&v, r);
	guest_config_done(&g);
}
