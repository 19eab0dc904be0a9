/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/config.h"

#include <dirent.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"

/* The most important first. */
static const char *const config_dirs[] = { "/etc/cocod", "/run/cocod", "/usr/lib/cocod" };

static const char *const require_names[] = {
	[REQUIRE_ATTESTED] = "attested",
	[REQUIRE_EVIDENCE] = "evidence",
	[REQUIRE_NONE] = "none",
};

const char *require_name(enum require r)
{
	return require_names[r];
}

/* One option's text and where it stands. */
struct value {
	struct config *config;
	struct secret_policy *policy;	/* in secrets.d */
	unsigned *seen;			/* bit per option of the section */
	const char *file;
	uint64_t line;
	const char *option;
	const char *text;
};

/* What an option may be, for the error, and how it is taken: 0 or a negative errno. */
struct option {
	const char *name;
	int (*take)(struct value *v);
	const char *expected;
};

static void config_error(struct config *c, const char *file, uint64_t line, const char *format, ...)
	_printf_(4, 5);
static void config_error(struct config *c, const char *file, uint64_t line, const char *format, ...)
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
	log_error("%s", text);
	if (c->n_errors++ == 0)
		snprintf(c->first_error, sizeof(c->first_error), "%.*s",
			 (int)sizeof(c->first_error) - 1, text);
}

/* ---- [Cocod] ---- */

static int take_require(struct value *v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(require_names); i++)
		if (streq(v->text, require_names[i])) {
			v->config->require = (enum require)i;
			v->config->require_given = true;
			return 0;
		}
	return -EINVAL;
}

static int take_verify_header(struct value *v)
{
	return parse_bool(v->text, &v->config->verify_header);
}

static int take_bind_policy(struct value *v)
{
	return parse_bool(v->text, &v->config->bind_policy);
}

static int take_wait(struct value *v)
{
	return parse_usec(v->text, &v->config->wait_usec);
}

static int take_read(struct value *v)
{
	uint64_t usec;
	int r = parse_usec(v->text, &usec);

	if (r == 0 && usec == 0)
		r = -EINVAL;
	if (r == 0)
		v->config->read_usec = usec;
	return r;
}

static int take_secret_directory(struct value *v)
{
	if (v->text[0] != '/' || strlen(v->text) >= sizeof(v->config->secret_directory))
		return -EINVAL;
	strcpy(v->config->secret_directory, v->text);
	return 0;
}

static const struct option cocod_options[] = {
	{ "Require", take_require, "'attested', 'evidence' or 'none'" },
	{ "BindPolicy", take_bind_policy, "'yes' or 'no'" },
	{ "VerifyVolumeHeader", take_verify_header, "'yes' or 'no'" },
	{ "SourceTimeoutSec", take_wait, "a time such as '10s' or '500ms'" },
	{ "ReadTimeoutSec", take_read, "a time such as '10s' or '500ms', not zero" },
	{ "SecretDirectory", take_secret_directory, "an absolute path" },
	{ NULL },
};

/* ---- [Secret] ---- */

enum { SECRET_GUID, SECRET_NAME, SECRET_CONSUMERS, SECRET_WIPE };	/* rows of secret_options */

static int take_guid(struct value *v)
{
	int r = guid_parse(v->text, strlen(v->text), &v->policy->guid);

	return r == 0 && guid_is_zero(&v->policy->guid) ? -EINVAL : r;
}

static int take_name(struct value *v)
{
	if (!name_is_valid(v->text, MSG_NAME_LEN))
		return -EINVAL;
	strcpy(v->policy->name, v->text);
	return 0;
}

static int take_consumers(struct value *v)
{
	return policy_set_consumers(v->policy, v->text);
}

static int take_wipe(struct value *v)
{
	return secret_wipe_parse(v->text, &v->policy->wipe);
}

static int take_trailing_nul(struct value *v)
{
	return trailing_nul_parse(v->text, &v->policy->trailing_nul);
}

static const struct option secret_options[] = {
	[SECRET_GUID] = { "Guid", take_guid, "a GUID such as 736869e5-84f0-4973-92ec-06879ce3da0b, not all zero" },
	[SECRET_NAME] = { "Name", take_name, "up to 64 letters, digits, '.', '_', '-', beginning with none of '.' and '-'" },
	[SECRET_CONSUMERS] = { "Consumers", take_consumers, "a list of 'cryptsetup', 'cryptsetup:VOLUME' and 'get'" },
	[SECRET_WIPE] = { "Wipe", take_wipe, "'confirmed', 'delivered', 'boot-complete' or 'manual'" },
	{ "TrailingNul", take_trailing_nul, "'auto', 'keep' or 'strip'" },
	{ NULL },
};

/* ---- one file ---- */

static void take_option(const struct option *options, struct value *v)
{
	for (unsigned i = 0; options[i].name; i++) {
		if (!streq(options[i].name, v->option))
			continue;
		if (options[i].take(v) < 0)
			config_error(v->config, v->file, v->line, "%s= takes %s, not '%s'",
				     v->option, options[i].expected, v->text);
		*v->seen |= 1u << i;
		return;
	}
	config_error(v->config, v->file, v->line, "Unknown option '%s'", v->option);
}

static void take_key(econf_file *kf, const char *group, const char *key,
		     const struct option *options, struct value *v)
{
	econf_ext_value *ext = NULL;

	if (econf_getExtValue(kf, group, key, &ext) != ECONF_SUCCESS || !ext) {
		config_error(v->config, v->file, 0, "Option '%s' cannot be read", key);
		return;
	}
	v->line = ext->line_number;
	v->option = key;
	v->text = ext->values && ext->values[0] ? ext->values[0] : "";
	/* A line without "=" continues the value before it; none of ours has two lines. */
	if (ext->values && ext->values[0] && ext->values[1])
		config_error(v->config, v->file, v->line, "A line here is no 'Option=value'");
	else
		take_option(options, v);
	econf_freeExtValue(ext);
}

static void take_group(econf_file *kf, const char *group, const struct option *options,
		       struct value *v)
{
	char **keys = NULL;
	size_t n = 0;

	if (econf_getKeys(kf, group, &n, &keys) != ECONF_SUCCESS)
		return;
	for (size_t i = 0; i < n; i++)
		take_key(kf, group, keys[i], options, v);
	econf_freeArray(keys);
}

/* Read @v->file, all of whose options stand in the section @section. */
static void read_file(const char *section, const struct option *options, struct value *v)
{
	econf_file *kf = NULL;
	char **groups = NULL;
	size_t n = 0;
	econf_err e;

	e = econf_readFile(&kf, v->file, "=", "#");
	if (e != ECONF_SUCCESS) {
		uint64_t line = 0;
		char *file = NULL;

		econf_errLocation(&file, &line);
		config_error(v->config, v->file, line, "%s", econf_errString(e));
		free(file);
		return;
	}
	if (econf_getKeys(kf, NULL, &n, &groups) == ECONF_SUCCESS) {
		if (n > 0)
			config_error(v->config, v->file, 0,
				     "Option '%s' stands before the section [%s]", groups[0],
				     section);
		econf_freeArray(groups);
	}
	groups = NULL;
	if (econf_getGroups(kf, &n, &groups) == ECONF_SUCCESS) {
		bool done = false;

		for (size_t i = 0; i < n; i++) {
			if (!streq(groups[i], section))
				config_error(v->config, v->file, 0, "Unknown section [%s]", groups[i]);
			else if (!done)
				take_group(kf, section, options, v);
			done = done || streq(groups[i], section);
		}
		econf_freeArray(groups);
	}
	econf_freeFile(kf);
}

static void read_cocod_conf(struct config *c, const char *path)
{
	unsigned seen = 0;
	struct value v = { .config = c, .seen = &seen, .file = path };

	read_file("Cocod", cocod_options, &v);
}

/* "/etc/cocod/secrets.d/data.conf" -> "data" */
static void default_name(const char *path, char ret[static MSG_NAME_LEN + 1])
{
	const char *base = strrchr(path, '/') + 1;
	size_t n = strlen(base) - strlen(".conf");
	char name[NAME_MAX + 1];

	memcpy(name, base, n);
	name[n] = '\0';
	if (name_is_valid(name, MSG_NAME_LEN))
		strcpy(ret, name);
}

static void check_unique(struct config *c, const struct secret_policy *p, const char *path)
{
	for (size_t i = 0; i < c->n_policies; i++) {
		if (guid_equal(&c->policies[i].guid, &p->guid))
			config_error(c, path, 0, "Guid= is the same as that of the secret '%s'",
				     c->policies[i].name);
		if (streq(c->policies[i].name, p->name))
			config_error(c, path, 0, "The name '%s' is another secret's already", p->name);
	}
}

static void read_secret_conf(struct config *c, const char *path)
{
	struct secret_policy p = { .consumers = CONSUMER_GET }, *more;
	unsigned seen = 0;
	struct value v = { .config = c, .policy = &p, .seen = &seen, .file = path };

	default_name(path, p.name);
	read_file("Secret", secret_options, &v);
	if (!(seen & 1u << SECRET_GUID))
		config_error(c, path, 0, "Guid= is missing: it says which secret this is");
	if (!p.name[0])
		config_error(c, path, 0, "The file's name is no name for a secret: set Name=");
	if (!(seen & 1u << SECRET_WIPE))
		p.wipe = policy_default_wipe(&p);
	check_unique(c, &p, path);

	more = reallocarray(c->policies, c->n_policies + 1, sizeof(*more));
	if (!more) {
		config_error(c, path, 0, "Out of memory");
		return;
	}
	c->policies = more;
	c->policies[c->n_policies++] = p;
}

/* ---- which files ---- */

int config_find(const char *root, const char *name, char *ret, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++) {
		struct stat st;

		snprintf(ret, size, "%s%s/%s", root, config_dirs[i], name);
		if (stat(ret, &st) == 0)
			return S_ISREG(st.st_mode) && st.st_size > 0;
	}
	return 0;
}

static int is_conf(const struct dirent *de)
{
	size_t n = strlen(de->d_name);

	return de->d_name[0] != '.' && n > strlen(".conf") &&
	       streq(de->d_name + n - strlen(".conf"), ".conf");
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct name_list {
	char **names;
	size_t n;
};

static void name_list_add(struct name_list *l, const char *name)
{
	char **more;

	for (size_t i = 0; i < l->n; i++)
		if (streq(l->names[i], name))
			return;
	more = reallocarray(l->names, l->n + 1, sizeof(*more));
	if (!more)
		return;
	l->names = more;
	l->names[l->n] = strdup(name);
	if (l->names[l->n])
		l->n++;
}

/* All names of *.conf in the folder @dir of any place, each once, sorted. */
static struct name_list list_names(const char *root, const char *dir)
{
	struct name_list l = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++) {
		struct dirent **found = NULL;
		char path[PATH_MAX];
		int n;

		snprintf(path, sizeof(path), "%s%s/%s", root, config_dirs[i], dir);
		n = scandir(path, &found, is_conf, NULL);
		for (int j = 0; j < n; j++) {
			name_list_add(&l, found[j]->d_name);
			free(found[j]);
		}
		free(found);
	}
	if (l.n > 0)
		qsort(l.names, l.n, sizeof(*l.names), compare_names);
	return l;
}

static void read_folder(struct config *c, const char *root, const char *dir,
			void (*read_one)(struct config *c, const char *path))
{
	struct name_list l = list_names(root, dir);

	for (size_t i = 0; i < l.n; i++) {
		char name[PATH_MAX], path[PATH_MAX];

		snprintf(name, sizeof(name), "%s/%s", dir, l.names[i]);
		if (config_find(root, name, path, sizeof(path)) > 0)
			read_one(c, path);
		free(l.names[i]);
	}
	free(l.names);
}

int config_load(const char *root, struct config **ret)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];

	if (!c)
		return -ENOMEM;
	c->require = REQUIRE_ATTESTED;
	c->verify_header = true;
	c->wait_usec = 10 * 1000000;
	c->read_usec = 10 * 1000000;

	if (config_find(root, "cocod.conf", path, sizeof(path)) > 0)
		read_cocod_conf(c, path);
	read_folder(c, root, "cocod.conf.d", read_cocod_conf);
	/* Who writes a policy wants evidence judged by it. */
	if (!c->require_given && config_find(root, ATTEST_POLICY_FILE, path, sizeof(path)) > 0)
		c->require = REQUIRE_EVIDENCE;
	read_folder(c, root, "secrets.d", read_secret_conf);
	*ret = TAKE_PTR(c);
	return 0;
}

struct config *config_free(struct config *c)
{
	if (c)
		free(c->policies);
	free(c);
	return NULL;
}
