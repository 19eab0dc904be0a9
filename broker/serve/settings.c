/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/settings.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/io.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "ipc/admin-client.h"
#include "net/http.h"

/* How an option is read, and what its field is. */
enum setting_kind {
	SETTING_TEXT,	/* char *, not empty */
	SETTING_NAME,	/* the same, of letters, digits, '-' and '.' */
	SETTING_PATH,	/* char *, absolute */
	SETTING_LIST,	/* char *[], words with blanks between */
	SETTING_NUMBER,	/* unsigned, at least 1 */
	SETTING_USEC,	/* uint64_t */
	SETTING_URL,	/* char *, for http_check_base() */
};

struct setting {
	const char *section, *name;
	enum setting_kind kind;
	size_t offset;
	const char *expected;	/* for people */
};

#define FIELD(member) offsetof(struct broker_settings, member)
#define A_PATH "a path that begins with '/'"
#define A_NUMBER "a number from 1 to 1000000"
#define A_URL "https://HOST[:PORT][/PATH] (http:// is for 127.0.0.1 only)"
#define AN_ADDRESS "an address such as [::]:8443"

static const struct setting settings[] = {
	{ "Broker", "Name", SETTING_LIST, FIELD(names), "the name or address of this machine" },
	{ "Broker", "Instance", SETTING_NAME, FIELD(instance),
	  "1 to 63 letters, digits, '-' and '.'" },
	{ "Broker", "MasterKey", SETTING_PATH, FIELD(master_key), A_PATH },
	{ "Broker", "Identity", SETTING_PATH, FIELD(identity), A_PATH },
	{ "Broker", "Certificate", SETTING_PATH, FIELD(certificate), A_PATH },
	{ "Broker", "Trust", SETTING_PATH, FIELD(trust), A_PATH },
	{ "Broker", "Collateral", SETTING_PATH, FIELD(collateral), A_PATH },
	{ "Collateral", "Refresh", SETTING_USEC, FIELD(refresh_usec), "a time such as 6h" },
	{ "Collateral", "Cache", SETTING_PATH, FIELD(cache), A_PATH },
	{ "Collateral", "Kds", SETTING_URL, FIELD(kds), A_URL },
	{ "Collateral", "Pcs", SETTING_URL, FIELD(pcs), A_URL },
	{ "Collateral", "Authority", SETTING_PATH, FIELD(fetch_authority), A_PATH },
	{ "Collateral", "TimeoutSec", SETTING_USEC, FIELD(fetch_timeout_usec),
	  "a time such as 30s" },
	{ "Audit", "CheckpointSec", SETTING_USEC, FIELD(checkpoint_usec), "a time such as 1h" },
	{ "Store", "Address", SETTING_TEXT, FIELD(store_address),
	  "sqlite:FILE or etcd:https://HOST:PORT,..." },
	{ "Store", "Authority", SETTING_PATH, FIELD(store_authority), A_PATH },
	{ "Store", "Certificate", SETTING_PATH, FIELD(store_certificate), A_PATH },
	{ "Store", "Key", SETTING_PATH, FIELD(store_key), A_PATH },
	{ "Store", "User", SETTING_TEXT, FIELD(store_user), "a name" },
	{ "Store", "PasswordFile", SETTING_PATH, FIELD(store_password_file), A_PATH },
	{ "Store", "Prefix", SETTING_TEXT, FIELD(store_prefix), "a text" },
	{ "Store", "TimeoutSec", SETTING_USEC, FIELD(store_timeout_usec), "a time such as 2s" },
	{ "Listen", "Tls", SETTING_LIST, FIELD(tls), AN_ADDRESS },
	{ "Listen", "Unix", SETTING_LIST, FIELD(unix_paths), A_PATH },
	{ "Listen", "Plain", SETTING_LIST, FIELD(plain), AN_ADDRESS },
	{ "Listen", "Admin", SETTING_PATH, FIELD(admin), A_PATH },
	{ "Limits", "Rate", SETTING_NUMBER, FIELD(rate), A_NUMBER },
	{ "Limits", "Burst", SETTING_NUMBER, FIELD(burst), A_NUMBER },
	{ "Limits", "RateAll", SETTING_NUMBER, FIELD(rate_all), A_NUMBER },
	{ "Limits", "BurstAll", SETTING_NUMBER, FIELD(burst_all), A_NUMBER },
	{ "Limits", "Connections", SETTING_NUMBER, FIELD(connections), A_NUMBER },
	{ "Limits", "Threads", SETTING_NUMBER, FIELD(threads), A_NUMBER },
	{ "Limits", "Relay", SETTING_LIST, FIELD(relays), "the address of a relay" },
	{ "Admin", "Users", SETTING_TEXT, FIELD(admin_users), "names with blanks between" },
	{ "Admin", "TokenKey", SETTING_PATH, FIELD(token_key), A_PATH },
};

_Static_assert(ARRAY_SIZE(settings) <= 64, "each option has a bit");

static void *field_of(struct broker_settings *s, const struct setting *row)
{
	return (uint8_t *)s + row->offset;
}

/* ---- one value ---- */

/* The instance is a part of keys in the store. */
static bool is_instance(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < 64 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       len;
}

static int add_to_list(char **list, const char *word, size_t len)
{
	for (unsigned i = 0; i < SETTINGS_LIST_MAX; i++) {
		if (list[i])
			continue;
		list[i] = strndup(word, len);
		return list[i] ? 0 : -ENOMEM;
	}
	return -E2BIG;
}

static int take_list(const char *text, char **list)
{
	int r = -EINVAL;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " \t");

		r = add_to_list(list, p, len);
		if (r < 0)
			return r;
		p += len;
		p += strspn(p, " \t");
	}
	return r;
}

static int take_text(const struct setting *row, const char *text, char **field)
{
	if (text[0] == '\0' || (row->kind == SETTING_PATH && text[0] != '/') ||
	    (row->kind == SETTING_NAME && !is_instance(text)) ||
	    (row->kind == SETTING_URL && http_check_base(text) < 0))
		return -EINVAL;
	*field = strdup(text);
	return *field ? 0 : -ENOMEM;
}

static int take_usec(const char *text, uint64_t *field)
{
	uint64_t usec;

	if (parse_usec(text, &usec) < 0 || usec == 0)
		return -EINVAL;
	*field = usec;
	return 0;
}

static int take_number(const char *text, unsigned *field)
{
	uint32_t n;

	if (parse_u32(text, &n) < 0 || n == 0 || n > 1000000)
		return -EINVAL;
	*field = n;
	return 0;
}

static int take_value(const struct setting *row, void *field, const struct ini_item *item)
{
	char text[INI_LINE_MAX + 1];

	memcpy(text, item->value, item->value_len);
	text[item->value_len] = '\0';
	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_PATH:
	case SETTING_URL:
		return take_text(row, text, field);
	case SETTING_LIST:
		return take_list(text, field);
	case SETTING_NUMBER:
		return take_number(text, field);
	case SETTING_USEC:
		return take_usec(text, field);
	}
	return -EINVAL;
}

/* ---- the file ---- */

static const struct setting *find_row(const struct ini_item *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (ini_is(item->section, item->section_len, settings[i].section) &&
		    (!item->name || ini_is(item->name, item->name_len, settings[i].name)))
			return &settings[i];
	return NULL;
}

/* There is the section, and not the option. */
static int no_such_option(const struct ini_item *item, const char *path, struct cause *why)
{
	char text[NEAREST_TEXT_MAX];
	const char *section = "";
	struct nearest nearest;

	nearest_init(&nearest, item->name, item->name_len);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (ini_is(item->section, item->section_len, settings[i].section)) {
			section = settings[i].section;
			nearest_try(&nearest, settings[i].name);
		}
	return cause_set(why, -EBADMSG, "%s:%u: there is no option %.*s= in [%s]%s", path,
			 item->line, (int)MIN(item->name_len, 64u), item->name, section,
			 nearest_text(&nearest, "", text));
}

static int no_such_section(const struct ini_item *item, const char *path, struct cause *why)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, item->section, item->section_len);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		nearest_try(&nearest, settings[i].section);
	return cause_set(why, -EBADMSG, "%s:%u: there is no section [%.*s]%s", path, item->line,
			 (int)MIN(item->section_len, 64u), item->section,
			 nearest_text(&nearest, "", text));
}

static int read_item(struct broker_settings *s, const struct ini_item *item, const char *path,
		     struct cause *why)
{
	const struct setting *row = find_row(item);
	int r;

	if (!row && !item->name)
		return no_such_section(item, path, why);
	if (!row)
		return no_such_option(item, path, why);
	if (!item->name)
		return 0;
	r = take_value(row, field_of(s, row), item);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	if (r == -E2BIG)
		return cause_set(why, -EBADMSG, "%s:%u: %s= takes %d words at most", path,
				 item->line, row->name, SETTINGS_LIST_MAX);
	if (r < 0)
		return cause_set(why, -EBADMSG, "%s:%u: %s= takes %s, not '%.*s'", path,
				 item->line, row->name, row->expected,
				 (int)MIN(item->value_len, 64u), item->value);
	return 0;
}

static int read_text(struct broker_settings *s, const char *text, size_t len, const char *path,
		     struct cause *why)
{
	struct ini_error error;
	struct ini_item item;
	struct ini ini;
	int r;

	if (ini_check(text, len, &error) < 0)
		return cause_set(why, -EBADMSG, "%s:%u: %s", path, error.line, error.text);
	ini_init(&ini, text, len);
	while (ini_next(&ini, &item) > 0) {
		r = read_item(s, &item, path, why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- defaults ---- */

static int set_default(char **field, const char *text)
{
	if (!*field)
		*field = strdup(text);
	return *field ? 0 : -ENOMEM;
}

/* A key is a credential of the unit, or lies beside the file. */
static int default_key(char **field, const char *path, const char *credential, const char *name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *slash = strrchr(path, '/');
	char at[PATH_MAX];

	if (*field)
		return 0;
	if (folder && (size_t)snprintf(at, sizeof(at), "%s/%s", folder, credential) < sizeof(at) &&
	    access(at, F_OK) == 0)
		return set_default(field, at);
	if ((size_t)snprintf(at, sizeof(at), "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path,
			     name) >= sizeof(at))
		return -ENAMETOOLONG;
	return set_default(field, at);
}

/* The host's name, for the audit chain and for people. */
static int default_instance(char **field)
{
	char name[64] = "";

	if (*field)
		return 0;
	if (gethostname(name, sizeof(name) - 1) < 0 || !is_instance(name))
		return -ENODATA;
	return set_default(field, name);
}

static int set_defaults(struct broker_settings *s, const char *path, struct cause *why)
{
	int r;

	if (s->checkpoint_usec == 0)
		s->checkpoint_usec = CHECKPOINT_USEC_DEFAULT;
	r = default_instance(&s->instance);
	if (r == -ENODATA)
		return cause_set(why, -EBADMSG,
				 "%s: this machine has no usable name: set Instance= in [Broker]",
				 path);
	if (r < 0 || set_default(&s->store_address, STORE_ADDRESS_DEFAULT) < 0 ||
	    set_default(&s->collateral, COLLATERAL_DEFAULT) < 0 ||
	    (s->refresh_usec && set_default(&s->cache, CACHE_DEFAULT) < 0) ||
	    set_default(&s->admin, ADMIN_SOCKET_DEFAULT) < 0)
		return cause_set_oom(why);
	if (default_key(&s->master_key, path, "master", "master.key") < 0 ||
	    default_key(&s->identity, path, "identity", "identity.key") < 0 ||
	    default_key(&s->certificate, path, "certificate", "identity.pem") < 0)
		return cause_set(why, -ENOMEM, "%s: the path of a key is too long", path);
	return 0;
}

/* ---- what does not go together ---- */

static int check_together(const struct broker_settings *s, const char *path, struct cause *why)
{
	if (!s->store_user != !s->store_password_file)
		return cause_set(why, -EBADMSG,
				 "%s: User= and PasswordFile= of [Store] need each other", path);
	if (!s->store_certificate != !s->store_key)
		return cause_set(why, -EBADMSG,
				 "%s: Certificate= and Key= of [Store] need each other", path);
	if (!s->refresh_usec && (s->cache || s->kds || s->pcs || s->fetch_authority ||
				 s->fetch_timeout_usec))
		return cause_set(why, -EBADMSG,
				 "%s: nothing is fetched without Refresh= in [Collateral], which "
				 "its other options need", path);
	if (s->cache && streq(s->cache, s->collateral ?: COLLATERAL_DEFAULT))
		return cause_set(why, -EBADMSG,
				 "%s: Cache= of [Collateral] is the broker's alone: it cannot be "
				 "the folder of Collateral=", path);
	if (s->names[0] == NULL)
		return cause_set(why, -EBADMSG,
				 "%s: Name= is missing in [Broker]: guests must find that name in "
				 "the TLS certificate", path);
	for (unsigned i = 0; s->unix_paths[i]; i++)
		if (s->unix_paths[i][0] != '/')
			return cause_set(why, -EBADMSG,
					 "%s: Unix= takes paths that begin with '/', not '%.64s'",
					 path, s->unix_paths[i]);
	return 0;
}

int broker_settings_read(const char *path, struct broker_settings *ret, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	int r;

	r = read_file_at(AT_FDCWD, path, SETTINGS_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		return cause_set(why, r, "%s does not exist: 'coco-broker init' makes it", path);
	if (r == -EFBIG)
		return cause_set(why, -EMSGSIZE, "%s has more than %d bytes", path,
				 SETTINGS_FILE_MAX);
	if (r < 0)
		return cause_set_io(why, r, "%s cannot be read: %s", path, strerror(-r));
	r = read_text(ret, text, len, path, why);
	if (r < 0)
		return r;
	r = check_together(ret, path, why);
	return r < 0 ? r : set_defaults(ret, path, why);
}

void broker_settings_done(struct broker_settings *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *row = &settings[i];
		char **field = field_of(s, row);

		if (row->kind == SETTING_NUMBER || row->kind == SETTING_USEC)
			continue;
		for (unsigned k = 0; k < (row->kind == SETTING_LIST ? SETTINGS_LIST_MAX : 1); k++)
			free(field[k]);
	}
	memset(s, 0, sizeof(*s));
}

int broker_settings_store(const struct broker_settings *s, struct store **ret, struct cause *why)
{
	const struct store_options how = {
		.authority = s->store_authority,
		.certificate = s->store_certificate,
		.key = s->store_key,
		.user = s->store_user,
		.password_file = s->store_password_file,
		.prefix = s->store_prefix,
		.timeout_usec = s->store_timeout_usec,
	};

	return store_open(s->store_address, &how, ret, why);
}
