/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config.h"

#include <libeconf.h>
#include <libeconf_ext.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"

static const char *const require_names[] = {
	[REQUIRE_ATTESTED] = "attested",
	[REQUIRE_EVIDENCE] = "evidence",
	[REQUIRE_NONE] = "none",
};

const char *require_name(enum require r)
{
	return require_names[r];
}

/* The text of one option, and where it was found. */
struct value {
	struct config *config;
	struct secret_policy *policy;	/* in secrets.d */
	unsigned *seen;			/* bit per option of the section */
	const char *file;
	uint64_t line;
	const char *option;
	const char *text;
};

/* take() returns 0 or a negative errno.  @expected describes the valid values, for the error. */
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
	/* File names and values may contain any bytes. */
	make_printable(text);
	log_error("%s", text);
	if (c->n_errors++ > 0)
		return;
	snprintf(c->first_error, sizeof(c->first_error), "%.*s", (int)sizeof(c->first_error) - 1,
		 text);
	make_printable(c->first_error);	/* it may end in half a character */
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
	return secret_policy_set_consumers(v->policy, v->text);
}

static int take_wipe(struct value *v)
{
	return secret_wipe_parse(v->text, &v->policy->wipe);
}

static int take_trailing_nul(struct value *v)
{
	return trailing_nul_parse(v->text, &v->policy->trailing_nul);
}

static int take_volume_header(struct value *v)
{
	bool verify;
	int r = parse_bool(v->text, &verify);

	if (r == 0)
		v->policy->volume_header = verify ? VOLUME_HEADER_VERIFY : VOLUME_HEADER_IGNORE;
	return r;
}

static int take_allow_tokens(struct value *v)
{
	return secret_policy_set_allow_tokens(v->policy, v->text);
}

static const struct option secret_options[] = {
	[SECRET_GUID] = { "Guid", take_guid,
			  "a GUID such as 736869e5-84f0-4973-92ec-06879ce3da0b, not all zero" },
	[SECRET_NAME] = { "Name", take_name,
			  "up to 64 letters, digits, '.', '_', '-', beginning "
			  "with none of '.' and '-'" },
	[SECRET_CONSUMERS] = { "Consumers", take_consumers,
			       "a list of 'cryptsetup', 'cryptsetup:VOLUME' and 'get'" },
	[SECRET_WIPE] = { "Wipe", take_wipe,
			  "'confirmed', 'delivered', 'boot-complete' or 'manual'" },
	{ "TrailingNul", take_trailing_nul, "'auto', 'keep' or 'strip'" },
	{ "VerifyVolumeHeader", take_volume_header, "'yes' or 'no'" },
	{ "AllowTokens", take_allow_tokens,
	  "types of LUKS2 tokens that open nothing by themselves, such as 'clevis'; never "
	  "systemd-tpm2, systemd-fido2 or systemd-pkcs11" },
	{ NULL },
};

/* ---- one file ---- */

static void take_option(const struct option *options, struct value *v)
{
	for (unsigned i = 0; options[i].name; i++) {
		int r;

		if (!streq(options[i].name, v->option))
			continue;
		r = options[i].take(v);
		if (r == -E2BIG)
			config_error(v->config, v->file, v->line, "%s= is too long", v->option);
		else if (r < 0)
			config_error(v->config, v->file, v->line, "%s= takes %s, not '%s'",
				     v->option, options[i].expected, v->text);
		*v->seen |= 1u << i;
		return;
	}
	config_error(v->config, v->file, v->line, "Unknown option '%s'", v->option);
}

/*
 * base/ini.h has checked the text and knows the value.  libeconf's reading is used, and must be
 * the same.
 */
static void take_item(econf_file *kf, const struct ini_item *i, const char *section,
		      const struct option *options, struct value *v)
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
		config_error(v->config, v->file, v->line, "Option '%s' cannot be read: %s", name,
			     econf_errString(e));
		return;
	}
	v->text = ext->values && ext->values[0] ? ext->values[0] : "";
	if (!ini_is(i->value, i->value_len, v->text) ||
	    (ext->values && ext->values[0] && ext->values[1]))
		config_error(v->config, v->file, v->line,
			     "The value of %s= can be read in more than one way", name);
	else
		take_option(options, v);
	econf_freeExtValue(ext);
}

static void take_items(econf_file *kf, const char *text, size_t len, const char *section,
		       const struct option *options, struct value *v)
{
	struct ini_item i;
	struct ini ini;

	ini_init(&ini, text, len);
	while (ini_next(&ini, &i)) {
		if (ini_is(i.section, i.section_len, section)) {
			if (i.name)
				take_item(kf, &i, section, options, v);
		} else if (!i.name) {
			config_error(v->config, v->file, i.line, "Unknown section [%.*s]",
				     (int)i.section_len, i.section);
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

/* Read @f, which may have options in the section @section only. */
static void read_file(struct config_file *f, const char *section, const struct option *options,
		      struct value *v)
{
	struct ini_error error;
	econf_file *kf = NULL;
	econf_err e;

	v->file = f->path;
	if (ini_check(f->text, f->len, &error) < 0) {
		config_error(v->config, f->path, error.line, "%s", error.text);
		return;
	}
	f->len = ini_plain(f->text, f->len);
	e = parse(f->text, f->len, &kf);
	if (e != ECONF_SUCCESS) {
		config_error(v->config, f->path, 0, "It cannot be read: %s", econf_errString(e));
		return;
	}
	take_items(kf, f->text, f->len, section, options, v);
	econf_freeFile(kf);
}

static void read_cocod_conf(struct config *c, struct config_file *f)
{
	unsigned seen = 0;
	struct value v = { .config = c, .seen = &seen };

	read_file(f, "Cocod", cocod_options, &v);
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
			config_error(c, path, 0, "The name '%s' is another secret's already",
				     p->name);
	}
}

static void read_secret_conf(struct config *c, struct config_file *f)
{
	struct secret_policy p = { .consumers = CONSUMER_GET }, *more;
	struct guid other;
	unsigned seen = 0;
	struct value v = { .config = c, .policy = &p, .seen = &seen };
	const char *path = f->path;

	default_name(path, p.name);
	read_file(f, "Secret", secret_options, &v);
	if (!(seen & 1u << SECRET_GUID))
		config_error(c, path, 0, "Guid= is missing: it says which secret this is");
	if (!p.name[0])
		config_error(c, path, 0,
			     "The file's name cannot be the name of a secret: set Name=");
	/* A name that looks like a GUID would be taken for the secret with that GUID. */
	if (guid_parse(p.name, strlen(p.name), &other) == 0 && !guid_equal(&other, &p.guid))
		config_error(c, path, 0,
			     "The name '%s' is another secret's GUID: set Name=", p.name);
	if (!(seen & 1u << SECRET_WIPE))
		p.wipe = secret_policy_default_wipe(&p);
	check_unique(c, &p, path);

	more = reallocarray(c->policies, c->n_policies + 1, sizeof(*more));
	if (!more) {
		config_error(c, path, 0, "Out of memory");
		return;
	}
	c->policies = more;
	c->policies[c->n_policies++] = p;
}

/* ---- all files ---- */

/* Returns what config_file_read() returns; errors are logged. */
static int find_file(struct config *c, const char *root, const char *name, size_t max,
		     struct config_file *ret)
{
	int r = config_file_read(root, name, max, ret);

	if (r < 0)
		config_error(c, ret->path, 0, "%s", config_file_error(r));
	return r;
}

typedef void (*read_one_t)(struct config *c, struct config_file *f);

static void read_named(struct config *c, const char *root, const char *name, read_one_t read_one)
{
	struct config_file f;

	if (find_file(c, root, name, CONFIG_FILE_MAX, &f) > 0)
		read_one(c, &f);
	config_file_done(&f);
}

static void read_folder(struct config *c, const char *root, const char *dir, read_one_t read_one)
{
	char path[PATH_MAX];
	struct name_list l = { 0 };
	int r;

	r = config_folder_list(root, dir, &l, path);
	if (r < 0)
		config_error(c, path, 0, "%s", config_file_error(r));
	for (size_t i = 0; i < l.n; i++) {
		char name[PATH_MAX];

		snprintf(name, sizeof(name), "%s/%s", dir, l.names[i]);
		read_named(c, root, name, read_one);
	}
	name_list_done(&l);
}

/*
 * Whoever writes a policy wants evidence judged by it.  With Require= given, an unreadable policy
 * is no error here: the judge of evidence will report it.
 */
static void default_require(struct config *c, const char *root)
{
	struct config_file f;

	if (c->require_given)
		return;
	if (find_file(c, root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f) > 0)
		c->require = REQUIRE_EVIDENCE;
	config_file_done(&f);
}

int config_load(const char *root, struct config **ret)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->require = REQUIRE_ATTESTED;
	c->verify_header = true;
	c->wait_usec = 10 * 1000000;
	c->read_usec = 10 * 1000000;

	read_named(c, root, "cocod.conf", read_cocod_conf);
	read_folder(c, root, "cocod.conf.d", read_cocod_conf);
	default_require(c, root);
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
