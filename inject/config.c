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
};

/* A copy of @len bytes of @text that lives as long as the args; NULL with the error said. */
static const char *own(struct reader *rd, const char *text, size_t len)
{
	char *copy;

	if (rd->n_owned >= OPTIONS_MAX) {
		log_error("%s:%u: more than %d values", rd->path, rd->line, OPTIONS_MAX);
		return NULL;
	}
	copy = strndup(text, len);
	if (copy)
		rd->a->owned[rd->n_owned++] = copy;
	else
		log_oom();
	return copy;
}

static int add_list(struct reader *rd, const char *text, const char ***list, size_t *n)
{
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);
		const char **more = reallocarray(*list, *n + 1, sizeof(**list));

		if (!more) {
			log_oom();
			return STATUS_IO;
		}
		*list = more;
		(*list)[*n] = own(rd, text, len);
		if (!(*list)[*n])
			return STATUS_IO;
		(*n)++;
		text += len;
	}
	return STATUS_GOOD;
}

static int take_option(struct reader *rd, const char *key, const char *text)
{
	bool flag, on;
	enum arg i = args_find(rd->verb, key, &flag);
	int r = STATUS_GOOD;

	if (i == _ARG_MAX || i == ARG_CONFIG)
		return give_up(STATUS_MALFORMED, "%s:%u: '%s' is no option of %s", rd->path,
			       rd->line, key, rd->verb->name);
	if (flag && parse_bool(text, &on) < 0)
		return give_up(STATUS_MALFORMED, "%s:%u: %s= is yes or no", rd->path, rd->line, key);
	if (!*text)
		return give_up(STATUS_MALFORMED, "%s:%u: %s= has no value", rd->path, rd->line, key);
	/* The command line counts more. */
	if (rd->a->value[i] || (flag && !on))
		return STATUS_GOOD;
	if (i == ARG_SECRET)
		r = add_list(rd, text, &rd->a->secrets, &rd->a->n_secrets);
	else if (i == ARG_VMSA)
		r = add_list(rd, text, &rd->a->vmsas, &rd->a->n_vmsas);
	else if (i == ARG_VCPU_TYPE || i == ARG_VCPU_SIG)
		r = add_list(rd, text, &rd->a->cpus, &rd->a->n_cpus);
	if (r == STATUS_GOOD) {
		rd->a->value[i] = flag ? "" : own(rd, text, strlen(text));
		r = rd->a->value[i] ? STATUS_GOOD : STATUS_IO;
	}
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
	int r = STATUS_GOOD;
	struct ini_item i;
	struct ini ini;

	ini_init(&ini, text, len);
	while (r == STATUS_GOOD && ini_next(&ini, &i)) {
		if (!ini_is(i.section, i.section_len, rd->verb->name))
			continue;
		found = true;
		if (i.name)
			r = take_item(rd, &i);
	}
	if (!found)
		return give_up(STATUS_MALFORMED, "%s: there is no section [%s]", rd->path,
			       rd->verb->name);
	return r;
}

int args_read_config(const struct verb *verb, const char *path, struct args *a)
{
	struct reader rd = { .verb = verb, .path = path, .a = a };
	_cleanup_(freep) char *text = NULL;
	struct ini_error error;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, CONFIG_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read the configuration '%s': %m", path);
		return STATUS_IO;
	}
	if (ini_check(text, len, &error) < 0)
		return give_up(STATUS_MALFORMED, "%s:%u: %s", path, error.line, error.text);
	a->owned = calloc(OPTIONS_MAX + 1, sizeof(*a->owned));
	if (!a->owned) {
		log_oom();
		return STATUS_IO;
	}
	return take_section(&rd, text, len);
}
