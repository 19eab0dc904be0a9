/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/options.h"

#include <getopt.h>
#include <stdio.h>

#include "base/log.h"
#include "base/nearest.h"
#include "base/options-complete.h"
#include "base/options-help.h"
#include "base/text.h"

#define NAMES_MAX 96	/* of the options in one table */
#define ALSO_MAX 32	/* of those, the names that others have for them */

struct names {
	char also[ALSO_MAX][OPTION_NAME_MAX + 1];
	size_t n;
};

/* What getopt_long() returns for an option without a letter. */
enum {
	VAL_HELP = 'h',
	VAL_VERSION = 0x100,
	VAL_ROW,	/* + the place in the table */
};

/* ---- errors of getopt_long() ---- */

/* The first verb that has the option, or NULL. */
static const struct verb *verb_with(const struct program *p, const char *name)
{
	const struct option_row *row;

	for (size_t i = 0; p->verbs && p->verbs[i]; i++) {
		if (!p->verbs[i]->options)
			continue;
		row = option_find(p->verbs[i]->options, name);
		if (row && !row->hidden)
			return p->verbs[i];
	}
	return NULL;
}

static int unknown_option(const struct place *at, const char *name)
{
	char command[PLACE_MAX], text[NEAREST_TEXT_MAX];
	const struct verb *other;
	struct nearest nearest;

	/* One of the program's own, which stands before the verb. */
	if (at->verb && at->program->options && option_find(at->program->options, name)) {
		log_error("--%s stands before the verb: %s --%s ... %s; see '%s --help'", name,
			  at->program->name, name, at->verb->name, at->program->name);
		return -EINVAL;
	}
	other = at->verb ? NULL : verb_with(at->program, name);
	if (other) {
		log_error("--%s stands behind the verb, as in: %s %s --%s ...; see '%s --help'",
			  name, at->program->name, other->name, name, at->program->name);
		return -EINVAL;
	}
	nearest_init(&nearest, name, strlen(name));
	for (const struct option_row *row = at->rows; row->name; row++)
		if (!row->hidden)
			nearest_try(&nearest, row->name);
	nearest_try(&nearest, "help");
	if (place_has_version(at))
		nearest_try(&nearest, "version");
	log_error("'--%s' is not an option of %s%s%s '%s --help'", name, place_name(at),
		  nearest_text(&nearest, "--", text), nearest.name[0] ? " See" : "; see",
		  place_command(at, command));
	return -EINVAL;
}

/* The next of the words of @names, which have blanks between, into @ret; false at the end. */
static bool next_name(const char **names, char ret[static OPTION_NAME_MAX + 1])
{
	size_t len;

	if (!*names || !**names)
		return false;
	len = strcspn(*names, " ");
	assert(len > 0 && len <= OPTION_NAME_MAX);
	memcpy(ret, *names, len);
	ret[len] = '\0';
	*names += len + strspn(*names + len, " ");
	return true;
}

/* The names that begin with @name, into @ret, cut to @size.  Returns how many they are. */
static unsigned list_beginnings(const struct place *at, const char *name, char *ret, size_t size)
{
	const char *const others[] = { "help", place_has_version(at) ? "version" : NULL };
	char word[OPTION_NAME_MAX + 3] = "--";
	unsigned n = 0;

	for (const struct option_row *row = at->rows; row->name; row++) {
		const char *also = row->also;
		bool begins = startswith(row->name, name);

		(void) strcpy(word + 2, row->name);
		while (!begins && next_name(&also, word + 2))
			begins = startswith(word + 2, name);
		n += begins;
		if (begins)
			list_add_word(ret, size, word);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i] && startswith(others[i], name)) {
			(void) strcpy(word + 2, others[i]);
			list_add_word(ret, size, word);
			n++;
		}
	return n;
}

static int bad_long_option(const struct place *at, const char *arg)
{
	_cleanup_(freep) char *name = strndup(arg + 2, strcspn(arg + 2, "="));
	char list[256] = "";

	if (!name)
		return log_oom();
	if (!*name || list_beginnings(at, name, list, sizeof(list)) < 2)
		return unknown_option(at, name);
	log_error("'--%s' is ambiguous: it may be %s", name, list);
	return -EINVAL;
}

/* @c is what getopt_long() returned, '?' or ':'; @val is of the option, or 0. */
static int bad_option(const struct place *at, char **argv, int c, int val)
{
	const struct option_row *row = NULL;
	char command[PLACE_MAX];

	if (val >= VAL_ROW)
		row = &at->rows[val - VAL_ROW];
	for (size_t i = 0; !row && val && at->rows[i].name; i++)
		if (at->rows[i].letter == val)
			row = &at->rows[i];
	if (c == ':' && row)
		log_error("--%s needs a value: --%s=%s; see '%s --help'", row->name, row->name,
			  row->value, place_command(at, command));
	else if (row)
		log_error("--%s takes no value", row->name);
	else if ((val == VAL_HELP || val == VAL_VERSION) && startswith(argv[optind - 1], "--"))
		log_error("--%s takes no value", val == VAL_HELP ? "help" : "version");
	else if (val)
		log_error("'-%c' is not an option of %s; see '%s --help'", val, place_name(at),
			  place_command(at, command));
	else
		return bad_long_option(at, argv[optind - 1]);
	return -EINVAL;
}

/* ---- reading ---- */

/* The names of row @i, its own and those of others, behind the @n names that are there. */
static size_t fill_names(const struct place *at, size_t i, struct option ret[static NAMES_MAX],
			 size_t n, struct names *names)
{
	const struct option_row *row = &at->rows[i];
	const char *also = row->also;
	int has_value = row->value ? required_argument : no_argument;

	assert(i < NAMES_MAX && strlen(row->name) <= OPTION_NAME_MAX);
	ret[n++] = (struct option){ row->name, has_value, NULL, VAL_ROW + (int)i };
	while (next_name(&also, names->also[names->n])) {
		assert(n < NAMES_MAX - 3 && names->n < ALSO_MAX - 1);
		ret[n++] = (struct option){ names->also[names->n++], has_value, NULL,
					    VAL_ROW + (int)i };
	}
	assert(n < NAMES_MAX - 3);
	return n;
}

/* The table as getopt_long() wants it. */
static void fill_getopt(const struct place *at, struct option ret[static NAMES_MAX],
			char ret_letters[static NAMES_MAX], struct names *names)
{
	size_t n = 0, k = 0;

	/* The plus ends the options at the first word, which is the verb. */
	if (!at->verb && at->program->verbs)
		ret_letters[k++] = '+';
	/* The colon tells a value that is missing from an option that is unknown. */
	ret_letters[k++] = ':';
	ret_letters[k++] = VAL_HELP;
	names->n = 0;
	for (size_t i = 0; at->rows[i].name; i++) {
		const struct option_row *row = &at->rows[i];

		assert(k < NAMES_MAX - 3);
		assert((row->type == OPTION_TYPE_FLAG) == !row->value);
		if (row->letter)
			ret_letters[k++] = row->letter;
		if (row->letter && row->value)
			ret_letters[k++] = ':';
		n = fill_names(at, i, ret, n, names);
	}
	ret_letters[k] = '\0';
	if (place_has_version(at))
		ret[n++] = (struct option){ "version", no_argument, NULL, VAL_VERSION };
	ret[n++] = (struct option){ "help", no_argument, NULL, VAL_HELP };
	ret[n] = (struct option){ NULL };
}

/* The row for what getopt_long() returned: its place, or a letter. */
static const struct option_row *row_of(const struct place *at, int c)
{
	const struct option_row *row = at->rows;

	if (c >= VAL_ROW)
		return &at->rows[c - VAL_ROW];
	while (row->name && row->letter != c)
		row++;
	return row;
}

/* Returns 1, with the words behind the options at argv[optind]; 0 after --help; an error. */
static int read_options(const struct place *at, int argc, char **argv, struct args *args)
{
	struct option options[NAMES_MAX];
	char letters[NAMES_MAX];
	struct names names;
	int c, r = 0;

	fill_getopt(at, options, letters, &names);
	opterr = 0;
	optind = 0;
	while (r == 0 && (c = getopt_long(argc, argv, letters, options, NULL)) >= 0) {
		if (c == '?' || c == ':')
			return bad_option(at, argv, c, optopt);
		if (c == VAL_HELP) {
			place_print_help(at);
			return 0;
		}
		if (c == VAL_VERSION) {
			print("%s %s\n", at->program->name, PACKAGE_VERSION);
			return 0;
		}
		r = option_take(row_of(at, c), optarg, args);
	}
	return r < 0 ? r : 1;
}

static int no_such_word(const struct place *at, const char *word)
{
	const char *help = at->words->help;
	char command[PLACE_MAX];

	if (at->words->value)
		log_error("'%s' is too much: %s takes %s; see '%s --help'", word, place_name(at),
			  at->words->value, place_command(at, command));
	else
		log_error("'%s' is not an option of %s%s%s; see '%s --help'", word, place_name(at),
			  help ? ": " : ", and it takes nothing else", help ? help : "",
			  place_command(at, command));
	return -EINVAL;
}

static int take_words(const struct place *at, int argc, char **argv, struct args *args)
{
	struct option_list *list = (struct option_list *)((char *)args + at->words->offset);
	uint64_t max = at->words->max;
	int r = 0;

	for (int i = optind; r == 0 && i < argc; i++) {
		if (!at->words->value || (max > 0 && list->n >= max))
			return no_such_word(at, argv[i]);
		r = option_list_add(list, argv[i]);
	}
	return r;
}

/* ---- the verb ---- */

static int unknown_verb(const struct place *at, const char *word)
{
	char command[PLACE_MAX], text[NEAREST_TEXT_MAX], name[OPTION_NAME_MAX + 1];
	struct nearest nearest;

	nearest_init(&nearest, word, strlen(word));
	nearest_try(&nearest, "help");
	for (const struct verb *const *v = at->program->verbs; *v; v++) {
		const char *rest = place_verb_in(*v, at->group);

		if (!rest)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, " "), rest);
		nearest_try(&nearest, name);
	}
	place_command(at, command);
	log_error("'%s' is not a verb of %s%s%s '%s --help'", word, command,
		  nearest_text(&nearest, "", text), nearest.name[0] ? " See" : "; see", command);
	return -EINVAL;
}

static int missing_verb(const struct place *at)
{
	char command[PLACE_MAX], list[256] = "";

	place_command(at, command);
	if (!at->group) {
		log_error("A verb is missing; see '%s --help'", command);
		return -EINVAL;
	}
	for (const struct verb *const *v = at->program->verbs; *v; v++) {
		const char *name = place_verb_in(*v, at->group);

		if (name)
			list_add_word(list, sizeof(list), name);
	}
	log_error("'%s' needs another word, one of %s; see '%s --help'", at->group, list, command);
	return -EINVAL;
}

/* "help", and the verb or the group that help is wanted for behind it. */
static int answer_help(struct place *at, int argc, char **argv)
{
	for (int i = 1; i < argc && !at->verb; i++) {
		at->verb = place_find_verb(at, argv[i]);
		if (!at->verb && !at->group && place_is_group(at->program, argv[i]))
			at->group = argv[i];
		else if (!at->verb)
			return unknown_verb(at, argv[i]);
	}
	if (at->verb)
		*at = place_of(at->program, at->verb);
	place_print_help(at);
	return 0;
}

/*
 * The options before the verb, and the verb.  @argc and @argv move on to where the verb's last
 * word is.  Returns as read_options().
 */
static int read_verb(struct place *at, int *argc, char ***argv, struct args *args)
{
	int r;

	while (!at->verb) {
		const char *word;

		r = read_options(at, *argc, *argv, args);
		if (r <= 0)
			return r;
		if (optind >= *argc)
			return missing_verb(at);
		*argc -= optind;
		*argv += optind;
		word = (*argv)[0];
		at->verb = place_find_verb(at, word);
		if (!at->verb && !at->group && place_is_group(at->program, word)) {
			at->group = word;
		} else if (!at->verb && streq(word, "help")) {
			return answer_help(at, *argc, *argv);
		} else if (!at->verb) {
			return unknown_verb(at, word);
		}
	}
	*at = place_of(at->program, at->verb);
	return 1;
}

int command_read(const struct program *p, int argc, char **argv, struct args *args,
		 const struct verb **ret)
{
	struct place at = place_of(p, NULL);
	int r = 1;

	if (argc > 2 && streq(argv[1], COMPLETE_OPTION)) {
		complete_words(p, (const char *const *)argv + 2, (size_t)argc - 2);
		return 0;
	}
	if (p->verbs)
		r = read_verb(&at, &argc, &argv, args);
	if (r > 0)
		r = read_options(&at, argc, argv, args);
	if (r <= 0)
		return r;
	r = take_words(&at, argc, argv, args);
	if (r < 0)
		return r;
	*ret = at.verb;
	return 1;
}

/* ---- what goes together ---- */

/* Add "--qmp or --libvirt" to the list, when none of them is given.  True if it did. */
static bool add_one_of(const struct place *at, const struct args *args, char *list, size_t size)
{
	const char *names = at->verb ? at->verb->one_of : NULL;
	char name[OPTION_NAME_MAX + 1], word[128] = "";
	size_t len = 0;

	if (!names || option_first_given(at->rows, names, args))
		return false;
	while (next_name(&names, name) && len < sizeof(word))
		len += (size_t)snprintf(word + len, sizeof(word) - len, "%s--%s",
					len ? " or " : "", name);
	list_add_word(list, size, word);
	return true;
}

/* What must be there and is not, all of it: "--tek=FILE, --tik=FILE, PATH...". */
static int check_required(const struct place *at, const struct args *args)
{
	char list[OPTION_LIST_TEXT_MAX] = "", word[2 * OPTION_NAME_MAX], command[PLACE_MAX];
	const char *because = NULL;

	for (const struct option_row *row = at->rows; row->name; row++)
		if (row->required && !option_given(row, args)) {
			snprintf(word, sizeof(word), "--%s=%s", row->name, row->value);
			list_add_word(list, sizeof(list), word);
		}
	if (add_one_of(at, args, list, sizeof(list)))
		because = at->verb->one_of_because;
	if (at->words->required && !option_given(at->words, args))
		list_add_word(list, sizeof(list), at->words->value);
	if (!list[0])
		return 0;
	log_error("%s needs %s%s%s; see '%s --help'", place_name(at), list, because ? ": " : "",
		  because ?: "", place_command(at, command));
	return -EINVAL;
}

static int check_row(const struct place *at, const struct option_row *row, const struct args *args)
{
	const char *colon = row->because ? ": " : "", *because = row->because ? row->because : "";
	char missing[OPTION_LIST_TEXT_MAX];
	const struct option_row *other;

	if (!option_given(row, args))
		return 0;
	if (option_list_missing(at->rows, row->needs, args, missing) > 0) {
		log_error("--%s needs %s%s%s", row->name, missing, colon, because);
		return -EINVAL;
	}
	other = option_first_given(at->rows, row->excludes, args);
	if (!other)
		return 0;
	log_error("--%s and --%s exclude each other%s%s", row->name, other->name, colon, because);
	return -EINVAL;
}

/* An option of some verbs that stands before this one, which would do nothing with it. */
static int check_before_verb(const struct place *at, const struct args *args)
{
	char command[PLACE_MAX];

	for (const struct option_row *row = at->program->options; at->verb && row && row->name;
	     row++)
		if (option_given(row, args) && !option_find(at->rows, row->name) &&
		    verb_with(at->program, row->name)) {
			log_error("%s has no --%s; see '%s --help'", place_name(at), row->name,
				  place_command(at, command));
			return -EINVAL;
		}
	return 0;
}

int command_check(const struct program *p, const struct verb *verb, const struct args *args)
{
	const struct place at = place_of(p, verb);
	int r;

	r = check_before_verb(&at, args);
	if (r == 0)
		r = check_required(&at, args);
	for (const struct option_row *row = at.rows; r == 0 && row->name; row++)
		r = check_row(&at, row, args);
	return r;
}

void command_set_colours(const struct verb *verb, const struct args *args)
{
	const struct option_row *row = verb ? option_find(verb->options, "color") : NULL;
	const struct option_choice *when;

	if (!row)
		return;
	when = (const void *)((const char *)args + row->offset);
	text_set_colours((enum text_colours)when->index);
}

int command_run(const struct program *p, int argc, char **argv, struct args *args)
{
	const struct verb *verb;
	int status, r;

	r = command_read(p, argc, argv, args, &verb);
	if (r < 0 || (r > 0 && command_check(p, verb, args) < 0))
		return COMMAND_USAGE;
	if (r > 0)
		command_set_colours(verb, args);
	status = r > 0 ? verb->run(args) : 0;
	if (fflush(stdout) != 0 && status == 0) {
		log_error("Failed to write the output: %s", strerror(errno));
		return COMMAND_FAILED;
	}
	return status;
}
