/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options from a file, for a VM that is started again and again.  A verb reads the section of
 * its own name; an option there is called as on the command line.  Secrets are named by their
 * files, as there.
 */
#include <fcntl.h>

#include <libeconf.h>
#include <libeconf_ext.h>

#include "base/io.h"
#include "base/parse.h"
#include "inject/verb.h"

#define CONFIG_MAX (256u * 1024)
#define OPTIONS_MAX 512		/* values from one file, each secret counted */
#define BLANKS " \t"

/*
 * Of two lines for one option libeconf gives the first, and a secret would be left out without
 * a word.
 */
static bool is_given_again(const char *text, uint64_t line, const char *key)
{
	for (uint64_t n = 1; text; n++) {
		const char *p = text + strspn(text, BLANKS), *rest = startswith(p, key);

		if (n > line && *p == '[')
			return false;
		if (n > line && rest && rest[strspn(rest, BLANKS)] == '=')
			return true;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

struct reader {
	const struct verb *verb;
	const char *path;
	const char *text;	/* of the whole file */
	struct args *a;
	size_t n_owned;
};

/* A copy of @len bytes of @text that lives as long as the args; NULL when there are too many. */
static const char *own(struct reader *rd, const char *text, size_t len)
{
	char *copy;

	if (rd->n_owned >= OPTIONS_MAX)
		return NULL;
	copy = strndup(text, len);
	if (copy)
		rd->a->owned[rd->n_owned++] = copy;
	return copy;
}

static int add_list(struct reader *rd, const char *text, const char ***list, size_t *n)
{
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);
		const char **more = reallocarray(*list, *n + 1, sizeof(**list));

		if (more)
			*list = more;
		if (!more || !((*list)[*n] = own(rd, text, len))) {
			log_oom();
			return STATUS_IO;
		}
		(*n)++;
		text += len;
	}
	return STATUS_GOOD;
}

static int take_option(struct reader *rd, const char *key, uint64_t line, const char *text)
{
	bool flag, on;
	enum arg i = args_find(rd->verb, key, &flag);
	int r = STATUS_GOOD;

	if (i == _ARG_MAX || i == ARG_CONFIG)
		return give_up(STATUS_MALFORMED, "%s:%llu: '%s' is no option of %s", rd->path,
			       (unsigned long long)line, key, rd->verb->name);
	if (is_given_again(rd->text, line, key))
		return give_up(STATUS_MALFORMED,
			       "%s:%llu: '%s' is given again below; several values stand in one line",
			       rd->path, (unsigned long long)line, key);
	if (flag && parse_bool(text, &on) < 0)
		return give_up(STATUS_MALFORMED, "%s:%llu: %s= is yes or no", rd->path,
			       (unsigned long long)line, key);
	if (!*text)
		return give_up(STATUS_MALFORMED, "%s:%llu: %s= has no value", rd->path,
			       (unsigned long long)line, key);
	if (rd->a->value[i] || (flag && !on))
		return STATUS_GOOD;
	if (i == ARG_SECRET)
		r = add_list(rd, text, &rd->a->secrets, &rd->a->n_secrets);
	else if (i == ARG_VMSA)
		r = add_list(rd, text, &rd->a->vmsas, &rd->a->n_vmsas);
	rd->a->value[i] = flag ? "" : own(rd, text, strlen(text));
	return r == STATUS_GOOD && !rd->a->value[i] ? (log_oom(), STATUS_IO) : r;
}

static int take_key(struct reader *rd, econf_file *kf, const char *key)
{
	econf_ext_value *ext = NULL;
	int r;

	if (econf_getExtValue(kf, rd->verb->name, key, &ext) != ECONF_SUCCESS || !ext)
		return give_up(STATUS_MALFORMED, "%s: '%s' cannot be read", rd->path, key);
	/* A line without "=" continues the value before it; none of ours has two lines. */
	if (ext->values && ext->values[0] && ext->values[1])
		r = give_up(STATUS_MALFORMED, "%s:%llu: a line here is no 'option=value'", rd->path,
			    (unsigned long long)ext->line_number);
	else
		r = take_option(rd, key, ext->line_number, ext->values && ext->values[0] ? ext->values[0] : "");
	econf_freeExtValue(ext);
	return r;
}

static int take_section(struct reader *rd, econf_file *kf)
{
	char **keys = NULL;
	int r = STATUS_GOOD;
	size_t n = 0;

	if (econf_getKeys(kf, NULL, &n, &keys) == ECONF_SUCCESS) {
		if (n > 0)
			r = give_up(STATUS_MALFORMED,
				    "%s: '%s' stands before any section; [%s] is needed", rd->path,
				    keys[0], rd->verb->name);
		econf_freeArray(keys);
	}
	keys = NULL;
	if (r != STATUS_GOOD)
		return r;
	if (econf_getKeys(kf, rd->verb->name, &n, &keys) != ECONF_SUCCESS)
		return give_up(STATUS_MALFORMED, "%s: there is no section [%s]", rd->path,
			       rd->verb->name);
	for (size_t i = 0; r == STATUS_GOOD && i < n; i++)
		r = take_key(rd, kf, keys[i]);
	econf_freeArray(keys);
	return r;
}

int args_read_config(const struct verb *verb, const char *path, struct args *a)
{
	_cleanup_(freep) char *text = NULL;
	struct reader rd = { verb, path, NULL, a, 0 };
	econf_file *kf = NULL;
	econf_err e;
	int r;

	r = read_file_at(AT_FDCWD, path, CONFIG_MAX, &text, NULL);
	if (r < 0) {
		log_error_errno(r, "Failed to read the configuration '%s': %m", path);
		return STATUS_IO;
	}
	rd.text = text;
	a->owned = calloc(OPTIONS_MAX + 1, sizeof(*a->owned));
	if (!a->owned) {
		log_oom();
		return STATUS_IO;
	}
	e = econf_readFile(&kf, path, "=", "#");
	if (e != ECONF_SUCCESS) {
		uint64_t line = 0;
		char *file = NULL;

		econf_errLocation(&file, &line);
		free(file);
		return give_up(STATUS_MALFORMED, "%s:%llu: %s", path, (unsigned long long)line,
			       econf_errString(e));
	}
	r = take_section(&rd, kf);
	econf_freeFile(kf);
	return r;
}
