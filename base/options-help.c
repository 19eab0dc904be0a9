/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/options-help.h"

#include <stdio.h>

#include "base/text.h"

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

/* A line that is broken between words before it gets too long. */
struct line {
	size_t indent;		/* of the lines after the first */
	size_t column;
	bool has_word;
	const char *broken;	/* what stands at the end of a line that goes on */
};

static void print_word(struct line *l, const char *word, size_t len)
{
	if (l->has_word && l->column + 1 + len + strlen(l->broken) > HELP_COLUMNS) {
		print("%s\n%*s", l->broken, (int)l->indent, "");
		l->column = l->indent;
		l->has_word = false;
	}
	print("%s%.*s", l->has_word ? " " : "", (int)len, word);
	l->column += l->has_word + len;
	l->has_word = true;
}

/* The words of @text, which have one blank between them; two are kept. */
static void print_words(struct line *l, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		print_word(l, text, len);
		text += len;
		text += *text == ' ';
	}
}

void help_text(const char *text, unsigned indent)
{
	struct line l = { .indent = indent, .column = indent, .broken = "" };

	print("%*s", (int)indent, "");
	print_words(&l, text);
	print("\n");
}

void help_row(const char *left, unsigned width, const char *text)
{
	size_t len = strlen(left);
	struct line l = { .indent = 4 + width, .column = 4 + width, .broken = "" };

	print("  %s", left);
	if (len > width)
		print("\n%*s", (int)l.indent, "");
	else
		print("%*s", (int)(width - len) + 2, "");
	print_words(&l, text);
	print("\n");
}

static void print_usage(const struct place *at)
{
	char command[PLACE_MAX], word[2 * OPTION_NAME_MAX];
	size_t indent = (size_t)snprintf(word, sizeof(word), "Usage: %s ",
					 place_command(at, command));
	struct line l = { .indent = indent, .column = indent, .broken = "" };

	print("%s", word);
	if (!at->verb && at->program->verbs) {
		print_words(&l, "[OPTION...] VERB ...");
		print("\n");
		return;
	}
	for (const struct option_row *row = at->rows; row->name; row++)
		if (row->required) {
			snprintf(word, sizeof(word), "--%s=%s", row->name, row->value);
			print_words(&l, word);
		}
	print_words(&l, "[OPTION...]");
	if (at->words->value) {
		snprintf(word, sizeof(word), at->words->required ? "%s" : "[%s]", at->words->value);
		print_words(&l, word);
	}
	print("\n");
}

/* "-o, --output=FILE". */
#define LEFT_MAX (2 * OPTION_NAME_MAX)
#define LEFT_WIDTH 26	/* what is longer has a line of its own */
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
	width = MIN(width, LEFT_WIDTH);
	print("\nOptions:\n");
	for (const struct option_row *row = at->rows; row->name; row++)
		if (!row->hidden && left_of(row, left) > 0)
			help_row(left, (unsigned)width, row->help);
	left_of(&help, left);
	help_row(left, (unsigned)width, help.help);
	left_of(&version, left);
	if (place_has_version(at))
		help_row(left, (unsigned)width, version.help);
}

const char *place_verb_in(const struct verb *verb, const char *group)
{
	const char *rest = group ? startswith(verb->name, group) : verb->name;

	if (!group)
		return rest;
	return rest && *rest == ' ' ? rest + 1 : NULL;
}

bool place_is_group(const struct program *p, const char *word)
{
	for (const struct verb *const *v = p->verbs; *v; v++)
		if (place_verb_in(*v, word))
			return true;
	return false;
}

const struct verb *place_find_verb(const struct place *at, const char *word)
{
	for (const struct verb *const *v = at->program->verbs; *v; v++) {
		const char *name = place_verb_in(*v, at->group);

		if (name && streq(name, word))
			return *v;
	}
	return NULL;
}

static void print_verbs(const struct place *at)
{
	unsigned width = 0;

	print("\nVerbs:\n");
	for (const struct verb *const *v = at->program->verbs; *v; v++)
		if (place_verb_in(*v, at->group))
			width = MAX(width, (unsigned)strlen((*v)->name));
	for (const struct verb *const *v = at->program->verbs; *v; v++)
		if (place_verb_in(*v, at->group))
			help_row((*v)->name, width, (*v)->help);
}

/* A verb's help is a line of a list, and here a sentence. */
static void print_sentence(const char *help)
{
	_cleanup_(freep) char *sentence = NULL;
	size_t len = strlen(help);
	bool ends = len > 0 && strchr(".?", help[len - 1]);

	print("\n");
	if (asprintf(&sentence, "%s%s", help, ends ? "" : ".") < 0)
		sentence = NULL;
	help_text(sentence ?: help, 0);
}

/* That of the verb, or of the first verb that there is to choose from. */
static void print_example(const struct place *at)
{
	struct line l = { .indent = 6, .column = 2, .has_word = true, .broken = " \\" };
	const struct verb *verb = at->verb;
	char command[PLACE_MAX];
	const char *example;

	for (const struct verb *const *v = at->program->verbs; !verb && v && *v; v++)
		if (place_verb_in(*v, at->group))
			verb = *v;
	example = verb ? verb->example : at->program->example;
	if (!example)
		return;
	print("\nExample:\n  ");
	snprintf(command, sizeof(command), "%s%s%s", at->program->name, verb ? " " : "",
		 verb ? verb->name : "");
	print("%s", command);
	l.column += strlen(command);
	print_words(&l, example);
	print("\n");
}

void place_print_help(const struct place *at)
{
	_cleanup_(freep) char *end = NULL;
	char command[PLACE_MAX];
	bool has_verbs = !at->verb && at->program->verbs;
	int r;

	print_usage(at);
	if (at->verb)
		print_sentence(at->verb->help);
	else if (!at->group)
		print_sentence(at->program->help);
	if (has_verbs)
		print_verbs(at);
	print_options(at);
	print_example(at);
	if (at->verb && at->verb->print_more)
		at->verb->print_more();
	r = has_verbs ? asprintf(&end, "'%s VERB --help' shows the options of a verb. "
				 "The manual is %s.", place_command(at, command),
				 at->program->manual) :
			asprintf(&end, "The manual is %s.", at->program->manual);
	if (r < 0)
		end = NULL;
	print("\n");
	help_text(end ?: at->program->manual, 0);
}
