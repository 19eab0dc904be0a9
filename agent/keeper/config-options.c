/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config-options.h"

#include <libeconf.h>
#include <libeconf_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/text.h"

void config_error(struct config_errors *e, const char *file, uint64_t line, const char *format,
		  ...)
{
	char text[512];
	va_list ap;
	int n;

	n = line ? snprintf(text, sizeof(text), "%s:%llu: ", file, (unsigned long long)line) :
		   snprintf(text, sizeof(text), "%s: ", file);
	if (n > 0 && (size_t)n < sizeof(text)) {
		va_start(ap, format);
		(void) vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
		va_end(ap);
	}
	/* File names and values may contain any bytes. */
	make_printable(text);
	if (e->each)
		e->each(e->userdata, text);
	else
		log_error("%s", text);
	if (e->n++ > 0)
		return;
	snprintf(e->first, sizeof(e->first), "%.*s", (int)sizeof(e->first) - 1, text);
	make_printable(e->first);	/* it may end in half a character */
}

/* ---- one file ---- */

static void unknown_option(const struct config_option *options, struct config_value *v)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, v->option, strlen(v->option));
	for (unsigned i = 0; options[i].name; i++)
		nearest_try(&nearest, options[i].name);
	config_error(v->errors, v->file, v->line, "Unknown option '%s'%s", v->option,
		     nearest_text(&nearest, "", text));
}

static void wrong_value(const struct config_option *o, struct config_value *v)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_quoted(&nearest, v->text, strlen(v->text), o->expected);
	config_error(v->errors, v->file, v->line, "%s= takes %s, not '%s'%s", v->option,
		     o->expected, v->text, nearest_text(&nearest, "", text));
}

static void take_option(const struct config_option *options, struct config_value *v)
{
	for (unsigned i = 0; options[i].name; i++) {
		int r;

		if (!streq(options[i].name, v->option))
			continue;
		r = options[i].take(v);
		if (r == -E2BIG)
			config_error(v->errors, v->file, v->line, "%s= is too long", v->option);
		else if (r < 0)
			wrong_value(&options[i], v);
		v->seen |= 1u << i;
		return;
	}
	unknown_option(options, v);
}

/*
 * base/ini.h has checked the text and knows the value.  libeconf's reading is used, and must be
 * the same.
 */
static void take_item(econf_file *kf, const struct ini_item *i, const char *section,
		      const struct config_option *options, struct config_value *v)
{
	char name[INI_LINE_MAX + 1];
	econf_ext_value *ext = NULL;
	econf_err e;

	memcpy(name, i->name, i->name_len);
	name[i->name_len] = '\0';
	v->line = i->line;
	v->option = name;
	e = econf_getExtValue(kf, section, name, &ext);
	if (e != ECONF_SUCCESS || !ext) {
		config_error(v->errors, v->file, v->line, "Option '%s' cannot be read: %s", name,
			     econf_errString(e));
		return;
	}
	v->text = ext->values && ext->values[0] ? ext->values[0] : "";
	if (!ini_is(i->value, i->value_len, v->text) ||
	    (ext->values && ext->values[0] && ext->values[1]))
		config_error(v->errors, v->file, v->line,
			     "The value of %s= can be read in more than one way", name);
	else
		take_option(options, v);
	econf_freeExtValue(ext);
}

static void unknown_section(const struct ini_item *i, const char *section, struct config_value *v)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, i->section, i->section_len);
	nearest_try(&nearest, section);
	config_error(v->errors, v->file, i->line, "Unknown section [%.*s]%s",
		     (int)i->section_len, i->section, nearest_text(&nearest, "", text));
}

static void take_items(econf_file *kf, const char *text, size_t len, const char *section,
		       const struct config_option *options, struct config_value *v)
{
	struct ini_item i;
	struct ini ini;

	ini_init(&ini, text, len);
	while (ini_next(&ini, &i)) {
		if (ini_is(i.section, i.section_len, section)) {
			if (i.name)
				take_item(kf, &i, section, options, v);
		} else if (!i.name) {
			unknown_section(&i, section, v);
		}
	}
}

/*
 * libeconf reads files only.  It gets the bytes that were checked, even if the file has changed
 * since.
 */
static econf_err parse(const char *text, size_t len, econf_file **ret)
{
	_cleanup_(closep) int fd = memfd_create("config", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write_full(fd, text, len) < 0)
		return ECONF_NOMEM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return econf_readFile(ret, path, "=", INI_NO_COMMENT);
}

void config_read_options(struct config_file *f, const char *section,
			 const struct config_option *options, struct config_value *v)
{
	struct ini_error error;
	econf_file *kf = NULL;
	econf_err e;

	v->file = f->path;
	if (ini_check(f->text, f->len, &error) < 0) {
		config_error(v->errors, f->path, error.line, "%s", error.text);
		return;
	}
	f->len = ini_plain(f->text, f->len);
	e = parse(f->text, f->len, &kf);
	if (e != ECONF_SUCCESS) {
		config_error(v->errors, f->path, 0, "It cannot be read: %s", econf_errString(e));
		return;
	}
	take_items(kf, f->text, f->len, section, options, v);
	econf_freeFile(kf);
}

/* ---- all files ---- */

int config_find_file(struct config_errors *e, const struct config_root *root, const char *name,
		     size_t max, struct config_file *ret)
{
	int r = config_file_read(root, name, max, ret);

	if (r < 0)
		config_error(e, ret->path, 0, "%s", config_file_error(r));
	return r;
}

void config_read_named(struct config_errors *e, const struct config_root *root, const char *name,
		       config_read_one_t read_one, void *target)
{
	struct config_file f;

	if (config_find_file(e, root, name, CONFIG_FILE_MAX, &f) > 0)
		read_one(target, &f);
	config_file_done(&f);
}

void config_read_folder(struct config_errors *e, const struct config_root *root, const char *name,
			config_read_one_t read_one, void *target)
{
	char path[PATH_MAX];
	struct name_list l = { 0 };
	int r;

	r = config_folder_list(root, name, &l, path);
	if (r < 0)
		config_error(e, path, 0, "%s", config_file_error(r));
	for (size_t i = 0; i < l.n; i++) {
		char file[PATH_MAX];

		snprintf(file, sizeof(file), "%s/%s", name, l.names[i]);
		config_read_named(e, root, file, read_one, target);
	}
	name_list_done(&l);
}
