/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options from a file, for a VM that is started often.  A verb reads the section with its own name.
 * The options have the names and the values of the command line, so secrets are named by their
 * files.
 */
#include <fcntl.h>

#include "base/ini.h"
#include "base/io.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "inject/args.h"

#define CONFIG_MAX (256u * 1024)
#define OPTIONS_MAX 512		/* values from one file, each secret counted */
#define BLANKS " \t"

struct reader {
	const struct verb *const *verbs;
	const struct verb *verb;
	struct args *a;
	size_t n_owned;
	unsigned line;
	struct cause *why;
};

/* A copy of @len bytes of @text that lives as long as the args.  Returns 0, -E2BIG or -ENOMEM. */
static int own(struct reader *rd, const char *text, size_t len, const char **ret)
{
	char *copy;

	if (rd->n_owned >= OPTIONS_MAX)
		return cause_set(rd->why, -E2BIG, "%s:%u: more than %d values", rd->a->config,
				 rd->line, OPTIONS_MAX);
	copy = strndup(text, len);
	if (!copy)
		return cause_set_oom(rd->why);
	rd->a->owned[rd->n_owned++] = copy;
	*ret = copy;
	return 0;
}

/* option_take() logs what is wrong with a value.  The cause says where the value is. */
static int take(struct reader *rd, const struct option_row *row, const char *text, size_t len)
{
	const char *value = NULL;
	int r;

	r = own(rd, text, len, &value);
	if (r < 0)
		return r;
	r = option_take(row, value, rd->a);
	if (r == -ENOMEM)
		return cause_set_oom(rd->why);
	if (r < 0)
		return cause_set(rd->why, r, "%s:%u: that is the value of %s=", rd->a->config,
				 rd->line, row->name);
	return 0;
}

static int take_list(struct reader *rd, const struct option_row *row, const char *text)
{
	int r = 0;

	for (text += strspn(text, BLANKS); r == 0 && *text; text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);

		r = take(rd, row, text, len);
		text += len;
	}
	return r;
}

static int no_such_option(struct reader *rd, const char *key)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, key, strlen(key));
	for (const struct option_row *row = rd->verb->options; row->name; row++)
		if (!row->hidden && !streq(row->name, "config"))
			nearest_try(&nearest, row->name);
	return cause_set(rd->why, -EBADMSG, "%s:%u: '%s' is not an option of %s%s", rd->a->config,
			 rd->line, key, rd->verb->name, nearest_text(&nearest, "", text));
}

static int take_option(struct reader *rd, const char *key, const char *text)
{
	const struct option_row *row = option_find(rd->verb->options, key);
	const char *path = rd->a->config;
	bool on = true;

	if (!row || streq(key, "config"))
		return no_such_option(rd, key);
	if (row->type == OPTION_TYPE_FLAG && parse_bool(text, &on) < 0)
		return cause_set(rd->why, -EBADMSG, "%s:%u: %s= is yes or no", path, rd->line, key);
	if (!*text)
		return cause_set(rd->why, -EBADMSG, "%s:%u: %s= has no value", path, rd->line, key);
	/* The command line counts more. */
	if (option_given(row, rd->a) || !on)
		return 0;
	if (row->type == OPTION_TYPE_FLAG)
		return option_take(row, NULL, rd->a);
	if (row->type == OPTION_TYPE_LIST)
		return take_list(rd, row, text);
	return take(rd, row, text, strlen(text));
}

static int take_item(struct reader *rd, const struct ini_item *i)
{
	char key[INI_LINE_MAX + 1], text[INI_LINE_MAX + 1];

	memcpy(key, i->name, i->name_len);
	key[i->name_len] = '\0';
	memcpy(text, i->value, i->value_len);
	text[i->value_len] = '\0';
	rd->line = i->line;
	return take_option(rd, key, text);
}

/* A section of another verb may be there. */
static int check_section(struct reader *rd, const struct ini_item *i)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, i->section, i->section_len);
	for (size_t n = 0; rd->verbs[n]; n++) {
		if (ini_is(i->section, i->section_len, rd->verbs[n]->name))
			return 0;
		nearest_try(&nearest, rd->verbs[n]->name);
	}
	return cause_set(rd->why, -EBADMSG, "%s:%u: [%.*s] is not a verb of coco-inject%s",
			 rd->a->config, i->line, (int)MIN(i->section_len, 64u), i->section,
			 nearest_text(&nearest, "", text));
}

static int take_section(struct reader *rd, const char *text, size_t len)
{
	bool found = false;
	struct ini_item i;
	struct ini ini;
	int r = 0;

	ini_init(&ini, text, len);
	while (r == 0 && ini_next(&ini, &i)) {
		if (!ini_is(i.section, i.section_len, rd->verb->name)) {
			r = check_section(rd, &i);
			continue;
		}
		found = true;
		if (i.name)
			r = take_item(rd, &i);
	}
	if (r == 0 && !found)
		return cause_set(rd->why, -EBADMSG, "%s: there is no section [%s]", rd->a->config,
				 rd->verb->name);
	return r;
}

int args_read_config(const struct verb *const *verbs, const struct verb *verb, struct args *a,
		     struct cause *why)
{
	struct reader rd = { .verbs = verbs, .verb = verb, .a = a, .why = why };
	_cleanup_(freep) char *text = NULL;
	struct ini_error error;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, a->config, CONFIG_MAX, &text, &len);
	if (r < 0)
		return cause_set_io(why, r, "Failed to read the configuration '%s': %m", a->config);
	if (ini_check(text, len, &error) < 0)
		return cause_set(why, -EBADMSG, "%s:%u: %s", a->config, error.line, error.text);
	a->owned = calloc(OPTIONS_MAX + 1, sizeof(*a->owned));
	if (!a->owned)
		return cause_set_oom(why);
	return take_section(&rd, text, len);
}
