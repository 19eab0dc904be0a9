/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/options-help.h"

#include <stdio.h>

#include "base/text.h"

#define COLUMNS 100

struct place place_of(const struct program *p, const struct verb *verb)
{
	static const struct option_row none[] = { { NULL } };
	const struct option_row *rows = verb ? verb->options : p->options;

	return (struct place){
		.program = p,
		.verb = verb,
		.rows = rows ? rows : none,
		.words = verb ? &verb->words : &p->words,
	};
}

const char *place_command(const struct place *at, char ret[static PLACE_MAX])
{
	const char *rest = at->verb ? at->verb->name : at->group ? at->group : "";

	snprintf(ret, PLACE_MAX, "%s%s%s", at->program->name, *rest ? " " : "", rest);
	return ret;
}

const char *place_name(const struct place *at)
{
	return at->verb ? at->verb->name : at->program->name;
}

bool place_has_version(const struct place *at)
{
	return !at->verb;
}

/* A word more of a line that is broken before it gets too long. */
static void print_word(const char *word, size_t indent, size_t *column)
{
	size_t len = strlen(word);

	if (*column + 1 + len > COLUMNS) {
		print("\n%*s", (int)indent, "");
		*column = indent;
	}
	print(" %s", word);
	*column += 1 + len;
}

static void print_usage(const struct place *at)
{
	char command[PLACE_MAX], word[2 * OPTION_NAME_MAX];
	size_t indent = (size_t)snprintf(word, sizeof(word), "Usage: %s",
					 place_command(at, command));
	size_t column = indent;

	print("%s", word);
	if (!at->verb && at->program->verbs) {
		print_word("[OPTION...]", indent, &column);
		print_word("VERB ...", indent, &column);
		print("\n");
		return;
	}
	for (const struct option_row *row = at->rows; row->name; row++)
		if (row->required) {
			snprintf(word, sizeof(word), "--%s=%s", row->name, row->value);
			print_word(word, indent, &column);
		}
	print_word("[OPTION...]", indent, &column);
	if (at->words->value) {
		snprintf(word, sizeof(word), at->words->required ? "%s" : "[%s]", at->words->value);
		print_word(word, indent, &column);
	}
	print("\n");
}

/* "-o, --output=FILE". */
#define LEFT_MAX (2 * OPTION_NAME_MAX)
static int left_of(const struct option_row *row, char ret[static LEFT_MAX])
{
	char letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	return snprintf(ret, LEFT_MAX, "%s--%s%s%s", letter, row->name, row->value ? "=" : "",
			row->value ? row->value : "");
}

static void print_options(const struct place *at)
{
	static const struct option_row help = { "help", NULL, "show this help", .letter = 'h' };
	static const struct option_row version = { "version", NULL, "show the version" };
	char left[LEFT_MAX];
	int width = left_of(place_has_version(at) ? &version : &help, left);

	for (const struct option_row *row = at->rows; row->name; row++)
		if (!row->hidden)
			width = MAX(width, left_of(row, left));
	width = MIN(width, 32);
	print("\nOptions:\n");
	for (const struct option_row *row = at->rows; row->name; row++)
		if (!row->hidden && left_of(row, left) > 0)
			print("  %-*s  %s\n", width, left, row->help);
	left_of(&help, left);
	print("  %-*s  %s\n", width, left, help.help);
	left_of(&version, left);
	if (place_has_version(at))
		print("  %-*s  %s\n", width, left, version.help);
}

const char *place_verb_in(const struct verb *verb, const char *group)
{
	const char *rest = group ? startswith(verb->name, group) : verb->name;

	if (!group)
		return rest;
	return rest && *rest == ' ' ? rest + 1 : NULL;
}

static void print_verbs(const struct place *at)
{
	int width = 0;

	print("\nVerbs:\n");
	for (const struct verb *const *v = at->program->verbs; *v; v++)
		width = MAX(width, (int)strlen((*v)->name));
	for (const struct verb *const *v = at->program->verbs; *v; v++)
		if (place_verb_in(*v, at->group))
			print("  %-*s  %s\n", width, (*v)->name, (*v)->help);
}

void place_print_help(const struct place *at)
{
	char command[PLACE_MAX];
	bool has_verbs = !at->verb && at->program->verbs;

	print_usage(at);
	if (at->verb)
		print("\n%s\n", at->verb->help);
	else if (!at->group)
		print("\n%s\n", at->program->help);
	if (has_verbs)
		print_verbs(at);
	print_options(at);
	if (at->verb && at->verb->print_more)
		at->verb->print_more();
	print("\n");
	if (has_verbs)
		print("'%s VERB --help' shows the options of a verb.  ",
		      place_command(at, command));
	print("The manual is %s.\n", at->program->manual);
}
