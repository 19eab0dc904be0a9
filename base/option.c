/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/option.h"

#include <stdio.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"

void option_list_done(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){ NULL };
}

int option_list_add(struct option_list *list, const char *item)
{
	const char **more = reallocarray(list->items, list->n + 1, sizeof(*more));

	if (!more)
		return log_oom();
	list->items = more;
	list->items[list->n++] = item;
	return 0;
}

bool option_given(const struct option_row *row, const struct args *args)
{
	const char *field = (const char *)args + row->offset;

	for (size_t i = 0; i < row->size; i++)
		if (field[i])
			return true;
	return false;
}

const struct option_row *option_find(const struct option_row *rows, const char *name)
{
	for (; rows->name; rows++)
		if (streq(rows->name, name))
			return rows;
	return NULL;
}

bool option_names_have(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = names; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && memcmp(p, name, len) == 0)
			return true;
	return false;
}

const struct option_row *option_first_given(const struct option_row *rows, const char *names,
					    const struct args *args)
{
	for (; rows->name; rows++)
		if (option_names_have(names, rows->name) && option_given(rows, args))
			return rows;
	return NULL;
}

unsigned option_list_missing(const struct option_row *rows, const char *names,
			     const struct args *args, char ret[static OPTION_LIST_TEXT_MAX])
{
	unsigned n = 0;

	ret[0] = '\0';
	for (; rows->name; rows++)
		if (option_names_have(names, rows->name) && !option_given(rows, args)) {
			char name[OPTION_NAME_MAX + 3];

			snprintf(name, sizeof(name), "--%s", rows->name);
			list_add_word(ret, OPTION_LIST_TEXT_MAX, name);
			n++;
		}
	return n;
}

/* " is not one of a, b, c", or what the row says. */
static int wrong_value(const struct option_row *row, const char *text)
{
	char list[256] = "";

	if (row->wrong) {
		log_error("--%s '%s' %s", row->name, text, row->wrong);
	} else if (row->type == OPTION_TYPE_NUMBER) {
		log_error("--%s '%s' is not a number from %llu to %llu", row->name, text,
			  (unsigned long long)row->min, (unsigned long long)row->max);
	} else {
		for (const char *const *w = row->words; *w; w++)
			list_add_word(list, sizeof(list), *w);
		log_error("--%s '%s' is not one of %s", row->name, text, list);
	}
	return -EINVAL;
}

static int take_number(const struct option_row *row, const char *text, struct option_number *ret)
{
	uint64_t n;

	if (parse_u64(text, &n) < 0 || n < row->min || n > row->max)
		return wrong_value(row, text);
	*ret = (struct option_number){ true, n };
	return 0;
}

static int take_choice(const struct option_row *row, const char *text, struct option_choice *ret)
{
	for (unsigned i = 0; row->words[i]; i++)
		if (streq(row->words[i], text)) {
			*ret = (struct option_choice){ true, i };
			return 0;
		}
	return wrong_value(row, text);
}

static int take_item(const struct option_row *row, const char *text, struct option_list *list)
{
	if (row->max == 0 || list->n < row->max)
		return option_list_add(list, text);
	log_error("--%s can be given %llu times at most", row->name, (unsigned long long)row->max);
	return -EINVAL;
}

static int take_parsed(const struct option_row *row, const char *text, void *field)
{
	int r = row->parse(text, field);

	if (r == -ENOMEM)
		return log_oom();
	return r < 0 ? wrong_value(row, text) : 0;
}

int option_take(const struct option_row *row, const char *text, struct args *args)
{
	void *field = (char *)args + row->offset;

	if (row->type != OPTION_TYPE_LIST && option_given(row, args)) {
		log_error("--%s is given twice", row->name);
		return -EINVAL;
	}
	if (row->value && !*text && !row->empty) {
		log_error("--%s is empty: it needs %s", row->name, row->value);
		return -EINVAL;
	}
	switch (row->type) {
	case OPTION_TYPE_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_TYPE_STRING:
	case OPTION_TYPE_PATH:
		*(const char **)field = text;
		return 0;
	case OPTION_TYPE_NUMBER:
		return take_number(row, text, field);
	case OPTION_TYPE_CHOICE:
		return take_choice(row, text, field);
	case OPTION_TYPE_LIST:
		return take_item(row, text, field);
	case OPTION_TYPE_PARSED:
		return take_parsed(row, text, field);
	}
	return -EINVAL;
}

int option_parse_usec(const char *text, void *ret)
{
	uint64_t usec;

	if (parse_usec(text, &usec) < 0 || usec == 0)
		return -EINVAL;
	*(uint64_t *)ret = usec;
	return 0;
}
