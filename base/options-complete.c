/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/options-complete.h"

#include <stdio.h>

#include "base/options-help.h"
#include "base/text.h"

/* Where the last word stands. */
struct walk {
	struct place at;
	const struct option_row *pending;	/* the last word is its value */
	bool only_words;			/* "--" was there */
	size_t n;				/* words before it that are no options */
};

void offer_word(const struct offers *o, const char *word, const char *help)
{
	if (!startswith(word, o->text))
		return;
	print("%.*s%s", (int)o->before_len, o->before, word);
	if (help) {
		print_tab();
		print("%s", help);
	}
	print("\n");
}

void offer_files(const struct offers *o)
{
	print(":files %.*s\n", (int)o->before_len, o->before);
}

/* ---- reading what is there ---- */

/* The row that @name of @len bytes names, by a beginning of its own, or NULL. */
static const struct option_row *row_named(const struct place *at, const char *name, size_t len)
{
	const struct option_row *found = NULL;
	char whole[OPTION_NAME_MAX + 1];

	if (len == 0 || len > OPTION_NAME_MAX)
		return NULL;
	memcpy(whole, name, len);
	whole[len] = '\0';
	for (const struct option_row *row = at->rows; row->name; row++)
		if (streq(row->name, whole) || option_names_have(row->also, whole))
			return row;
	for (const struct option_row *row = at->rows; row->name; row++)
		if (startswith(row->name, whole)) {
			if (found)
				return NULL;
			found = row;
		}
	return found;
}

const char *offers_given(const struct offers *o, const char *name)
{
	const struct place at = place_of(o->program, NULL);

	/* The last word is what is being written. */
	for (size_t i = 0; i + 1 < o->n_words && startswith(o->words[i], "--"); i++) {
		const char *word = o->words[i] + 2;
		size_t len = strcspn(word, "=");
		const struct option_row *row = row_named(&at, word, len);
		const char *value = word[len] ? word + len + 1 : NULL;

		if (!value && row && row->value)
			value = ++i + 1 < o->n_words ? o->words[i] : NULL;
		if (value && row && streq(row->name, name))
			return value;
	}
	return NULL;
}

static void walk_option(struct walk *w, const char *word)
{
	const struct option_row *row = w->at.rows;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		row = row_named(&w->at, word + 2, len);
		w->pending = row && row->value && !word[2 + len] ? row : NULL;
		return;
	}
	/* Only the last of some letters can wait for its value. */
	while (row->name && (!row->letter || row->letter != word[strlen(word) - 1]))
		row++;
	w->pending = row->name && row->value && strlen(word) == 2 ? row : NULL;
}

static void walk_word(struct walk *w, const char *word)
{
	const struct program *p = w->at.program;

	if (w->at.verb || !p->verbs) {
		w->n++;
		return;
	}
	w->at.verb = place_find_verb(&w->at, word);
	if (w->at.verb)
		w->at = place_of(p, w->at.verb);
	else if (!w->at.group && place_is_group(p, word))
		w->at.group = word;
}

static void walk_words(struct walk *w, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (w->pending)
			w->pending = NULL;
		else if (!w->only_words && streq(words[i], "--"))
			w->only_words = w->at.verb || !w->at.program->verbs;
		else if (!w->only_words && words[i][0] == '-' && words[i][1])
			walk_option(w, words[i]);
		else
			walk_word(w, words[i]);
	}
}

/* ---- the offers ---- */

/* The @n-th of the words that @value is made of, or the last; not ended. */
static const char *nth(const char *value, size_t n)
{
	while (n-- > 0 && strchr(value, ' '))
		value = strchr(value, ' ') + 1;
	return value;
}

/* @value is what --help calls it. */
static void offer_value(struct offers *o, const struct option_row *row, const char *value)
{
	static const char *const files[] = { "FILE", "DEVICE", "PEM", "HEADER" };

	o->value = value;
	for (const char *const *word = row->words; word && *word; word++)
		offer_word(o, *word, NULL);
	if (row->offer) {
		row->offer(o);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (startswith(value, files[i])) {
			offer_files(o);
			return;
		}
	if (row->type != OPTION_TYPE_PATH)
		return;
	if (streq(value, "DIR"))
		print(":folders %.*s\n", (int)o->before_len, o->before);
	else
		offer_files(o);
}

static void offer_options(const struct offers *o, const struct place *at)
{
	char name[OPTION_NAME_MAX + 3];

	for (const struct option_row *row = at->rows; row->name; row++) {
		snprintf(name, sizeof(name), "--%s", row->name);
		if (!row->hidden)
			offer_word(o, name, row->help);
	}
	offer_word(o, "--help", "show this help");
	if (place_has_version(at))
		offer_word(o, "--version", "show the version");
}

static void offer_verbs(const struct offers *o, const struct place *at)
{
	char name[OPTION_NAME_MAX + 1];

	for (const struct verb *const *v = at->program->verbs; *v; v++) {
		const char *rest = place_verb_in(*v, at->group);
		bool new = true;

		if (!rest)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, " "), rest);
		/* The group of several verbs is offered once. */
		for (const struct verb *const *u = at->program->verbs; u < v && new; u++)
			new = !rest[strlen(name)] || !place_verb_in(*u, name);
		if (new)
			offer_word(o, name, rest[strlen(name)] ? NULL : (*v)->help);
	}
}

void complete_words(const struct program *p, const char *const *words, size_t n)
{
	struct walk w = { .at = place_of(p, NULL) };
	const char *last = words[n - 1];
	struct offers o = { p, words, n, last, 0, last, NULL };
	size_t name_len = strcspn(last, "=");

	walk_words(&w, words, n - 1);
	if (w.pending) {
		offer_value(&o, w.pending, w.pending->value);
	} else if (!w.only_words && startswith(last, "--") && last[name_len]) {
		const struct option_row *row = row_named(&w.at, last + 2, name_len - 2);

		o.before_len = name_len + 1;
		o.text = last + name_len + 1;
		if (row && row->value)
			offer_value(&o, row, row->value);
	} else if (!w.only_words && last[0] == '-') {
		offer_options(&o, &w.at);
	} else if (!w.at.verb && p->verbs) {
		offer_verbs(&o, &w.at);
	} else if (w.at.words->value) {
		offer_value(&o, w.at.words, nth(w.at.words->value, w.n));
	} else if (!w.only_words) {
		offer_options(&o, &w.at);
	}
}
