/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options from a file, for a VM that is started again and again.  A verb reads the section of
 * its own name; an option there is called as on the command line.  Secrets are named by their
 * files, as there.
 */
#include <fcntl.h>

#include "base/ini.h"
#include "base/io.h"
#include "base/parse.h"
#include "inject/verb.h"

#define CONFIG_MAX (256u * 1024)
#define OPTIONS_MAX 512		/* values from one file, each secret counted */
#define BLANKS " \t"

struct reader {
	const struct verb *verb;
	const char *path;
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
		return cause_set(rd->why, -E2BIG, "%s:%u: more than %d values", rd->path, rd->line,
				 OPTIONS_MAX);
	copy = strndup(text, len);
	if (!copy)
		return cause_set_oom(rd->why);
	rd->a->owned[rd->n_owned++] = copy;
	*ret = copy;
	return 0;
}

static int add_list(struct reader *rd, const char *text, const char ***list, size_t *n)
{
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);
		const char **more = reallocarray(*list, *n + 1, sizeof(**list));
		int r;

		if (!more)
			return cause_set_oom(rd->why);
		*list = more;
		r = own(rd, text, len, &more[*n]);
		if (r < 0)
			return r;
		(*n)++;
		text += len;
	}
	return 0;
}

static int take_option(struct reader *rd, const char *key, const char *text)
{
	bool flag, on;
	enum arg i = args_find(rd->verb, key, &flag);
	int r = 0;

	if (i == _ARG_MAX || i == ARG_CONFIG)
		return cause_set(rd->why, -EBADMSG, "%s:%u: '%s' is no option of %s", rd->path,
				 rd->line, key, rd->verb->name);
	if (flag && parse_bool(text, &on) < 0)
		return cause_set(rd->why, -EBADMSG, "%s:%u: %s= is yes or no", rd->path, rd->line,
				 key);
	if (!*text)
		return cause_set(rd->why, -EBADMSG, "%s:%u: %s= has no value", rd->path, rd->line,
				 key);
	/* The command line counts more. */
	if (rd->a->value[i] || (flag && !on))
		return 0;
	if (i == ARG_SECRET)
		r = add_list(rd, text, &rd->a->secrets, &rd->a->n_secrets);
	else if (i == ARG_VMSA)
		r = add_list(rd, text, &rd->a->vmsas, &rd->a->n_vmsas);
	else if (i == ARG_VCPU_TYPE || i == ARG_VCPU_SIG)
		r = add_list(rd, text, &rd->a->cpus, &rd->a->n_cpus);
	if (r == 0 && flag)
		rd->a->value[i] = "";
	else if (r == 0)
		r = own(rd, text, strlen(text), &rd->a->value[i]);
	return r;
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

static int take_section(struct reader *rd, const char *text, size_t len)
{
	bool found = false;
	struct ini_item i;
	struct ini ini;
	int r = 0;

	ini_init(&ini, text, len);
	while (r == 0 && ini_next(&ini, &i)) {
		if (!ini_is(i.section, i.section_len, rd->verb->name))
			continue;
		found = true;
		if (i.name)
			r = take_item(rd, &i);
	}
	if (!found)
		return cause_set(rd->why, -EBADMSG, "%s: there is no section [%s]", rd->path,
				 rd->verb->name);
	return r;
}

int args_read_config(const struct verb *verb, const char *path, struct args *a, struct cause *why)
{
	struct reader rd = { .verb = verb, .path = path, .a = a, .why = why };
	_cleanup_(freep) char *text = NULL;
	struct ini_error error;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, CONFIG_MAX, &text, &len);
	if (r < 0)
		return cause_set_io(why, r, "Failed to read the configuration '%s': %m", path);
	if (ini_check(text, len, &error) < 0)
		return cause_set(why, -EBADMSG, "%s:%u: %s", path, error.line, error.text);
	a->owned = calloc(OPTIONS_MAX + 1, sizeof(*a->owned));
	if (!a->owned)
		return cause_set_oom(why);
	return take_section(&rd, text, len);
}
