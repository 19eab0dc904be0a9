/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "agent/keeper/config-broker.h"
#include "agent/keeper/config-place.h"
#include "base/array.h"
#include "base/parse.h"
#include "base/text.h"
#include "crypto/openssl-late.h"
#include "wire/credential-peer.h"

/* With its NUL before the path. */
#define URI_GUID_LABEL "coco uri"

static const char *const require_names[] = {
	[REQUIRE_ATTESTED] = "attested",
	[REQUIRE_EVIDENCE] = "evidence",
	[REQUIRE_NONE] = "none",
};

const char *require_name(enum require r)
{
	return require_names[r];
}

/* ---- [Cocod] ---- */

static int take_require(struct config_value *v)
{
	struct config *c = v->target;

	for (unsigned i = 0; i < ARRAY_SIZE(require_names); i++)
		if (streq(v->text, require_names[i])) {
			c->require = (enum require)i;
			c->require_given = true;
			return 0;
		}
	return -EINVAL;
}

static int take_verify_header(struct config_value *v)
{
	struct config *c = v->target;

	return parse_bool(v->text, &c->verify_header);
}

static int take_bind_policy(struct config_value *v)
{
	struct config *c = v->target;

	return parse_bool(v->text, &c->bind_policy);
}

static int take_wait(struct config_value *v)
{
	struct config *c = v->target;

	return parse_usec(v->text, &c->wait_usec);
}

static int take_read(struct config_value *v)
{
	struct config *c = v->target;
	uint64_t usec;
	int r = parse_usec(v->text, &usec);

	if (r == 0 && usec == 0)
		r = -EINVAL;
	if (r == 0)
		c->read_usec = usec;
	return r;
}

static int take_secret_directory(struct config_value *v)
{
	struct config *c = v->target;

	if (v->text[0] != '/' || strlen(v->text) >= sizeof(c->secret_directory))
		return -EINVAL;
	strcpy(c->secret_directory, v->text);
	return 0;
}

static const struct config_option cocod_options[] = {
	{ "Require", take_require, "'attested', 'evidence' or 'none'" },
	{ "BindPolicy", take_bind_policy, "'yes' or 'no'" },
	{ "VerifyVolumeHeader", take_verify_header, "'yes' or 'no'" },
	{ "SourceTimeoutSec", take_wait, "a time such as '10s' or '500ms'" },
	{ "ReadTimeoutSec", take_read, "a time such as '10s' or '500ms', not zero" },
	{ "SecretDirectory", take_secret_directory, "an absolute path" },
	{ NULL },
};

/* ---- [Secret] ---- */

/* Rows of secret_options. */
enum {
	SECRET_GUID, SECRET_URI, SECRET_NAME, SECRET_CONSUMERS, SECRET_WIPE,
	SECRET_KEYRING_TYPE, SECRET_KEYRING_DESCRIPTION, SECRET_KEYRING_OWNER,
	SECRET_KEYRING_PERMISSIONS, SECRET_KEYRING_EXPIRY,
	SECRET_FILE_OWNER, SECRET_FILE_GROUP, SECRET_FILE_MODE,
};

#define SEEN_KEYRING (1u << SECRET_KEYRING_TYPE | 1u << SECRET_KEYRING_DESCRIPTION | \
		      1u << SECRET_KEYRING_OWNER | 1u << SECRET_KEYRING_PERMISSIONS | \
		      1u << SECRET_KEYRING_EXPIRY)
#define SEEN_FILE (1u << SECRET_FILE_OWNER | 1u << SECRET_FILE_GROUP | 1u << SECRET_FILE_MODE)
#define UID_EXPECTED "a number such as 1000, not a name"

static int take_guid(struct config_value *v)
{
	struct secret_policy *p = v->target;
	int r = guid_parse(v->text, strlen(v->text), &p->guid);

	return r == 0 && guid_is_zero(&p->guid) ? -EINVAL : r;
}

/* The order of the lines is the order of preference. */
static int take_uri(struct config_value *v)
{
	struct secret_policy *p = v->target;

	p->broker_first = !(v->seen & 1u << SECRET_GUID);
	return secret_policy_set_uri(p, v->text);
}

static int take_name(struct config_value *v)
{
	struct secret_policy *p = v->target;

	if (!name_is_valid(v->text, MSG_NAME_LEN))
		return -EINVAL;
	strcpy(p->name, v->text);
	return 0;
}

static int take_rest_path(struct config_value *v)
{
	return secret_policy_set_rest_path(v->target, v->text);
}

static int take_consumers(struct config_value *v)
{
	struct secret_policy *p = v->target;
	int r = secret_policy_set_consumers(p, v->text);

	if (r != -EEXIST)
		return r;
	config_error(v->errors, v->file, v->line, "Consumers= has a word twice: '%s'", v->text);
	return 0;
}

static int take_wipe(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return secret_wipe_parse(v->text, &p->wipe);
}

static int take_trailing_nul(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return trailing_nul_parse(v->text, &p->trailing_nul);
}

static int take_volume_header(struct config_value *v)
{
	struct secret_policy *p = v->target;
	bool verify;
	int r = parse_bool(v->text, &verify);

	if (r == 0)
		p->volume_header = verify ? VOLUME_HEADER_VERIFY : VOLUME_HEADER_IGNORE;
	return r;
}

static int take_allow_tokens(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return secret_policy_set_allow_tokens(p, v->text);
}

static int take_volume_pins(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return secret_policy_set_volume_pins(p, v->text);
}

static int take_allow_empty(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return parse_bool(v->text, &p->allow_empty);
}

static const struct config_option secret_options[] = {
	[SECRET_GUID] = { "Guid", take_guid,
			  "a GUID such as 736869e5-84f0-4973-92ec-06879ce3da0b, not all zero" },
	[SECRET_URI] = { "Uri", take_uri,
			 "the name of a secret at the broker, such as 'kbs:///default/luks/root', "
			 "without a host, or 'init-data'" },
	[SECRET_NAME] = { "Name", take_name,
			  "up to 64 letters, digits, '.', '_', '-', beginning "
			  "with none of '.' and '-'" },
	[SECRET_CONSUMERS] = { "Consumers", take_consumers,
			       "a list of 'cryptsetup:VOLUME', 'credential:UNIT', 'uid:N', "
			       "'gid:N', 'rest:N', 'token', 'keyring', 'file', 'get'" },
	[SECRET_WIPE] = { "Wipe", take_wipe,
			  "'confirmed', 'delivered', 'boot-complete' or 'manual'" },
	[SECRET_KEYRING_TYPE] = { "KeyringType", config_take_keyring_type,
				  "'user', 'logon' or 'cryptsetup'" },
	[SECRET_KEYRING_DESCRIPTION] = { "KeyringDescription", config_take_keyring_description,
					 "printable characters without a blank, such as "
					 "'app:name'" },
	[SECRET_KEYRING_OWNER] = { "KeyringOwner", config_take_keyring_owner, UID_EXPECTED },
	[SECRET_KEYRING_PERMISSIONS] = { "KeyringPermissions", config_take_keyring_permissions,
					 "a list of 'view', 'read' and 'search', each of them "
					 "once" },
	[SECRET_KEYRING_EXPIRY] = { "KeyringTimeoutSec", config_take_keyring_expiry,
				    "a time of whole seconds such as '90s' or '12h', not zero" },
	[SECRET_FILE_OWNER] = { "FileOwner", config_take_file_owner, UID_EXPECTED },
	[SECRET_FILE_GROUP] = { "FileGroup", config_take_file_group, UID_EXPECTED },
	[SECRET_FILE_MODE] = { "FileMode", config_take_file_mode,
			       "a mode such as 0400 or 0440: the owner reads, others do nothing, "
			       "nobody executes" },
	{ "TrailingNul", take_trailing_nul, "'auto', 'keep' or 'strip'" },
	{ "VerifyVolumeHeader", take_volume_header, "'yes' or 'no'" },
	{ "AllowEmpty", take_allow_empty, "'yes' or 'no'" },
	{ "RestPath", take_rest_path, "REPOSITORY/TYPE/TAG, such as 'default/db/password'" },
	{ "AllowTokens", take_allow_tokens,
	  "types of LUKS2 tokens that open nothing by themselves, such as 'clevis'; never "
	  "systemd-tpm2, systemd-fido2 or systemd-pkcs11" },
	{ "VolumePin", take_volume_pins,
	  "words 'uuid:UUID', 'digest:HEX' and 'header:HEX', each once and lower-case, as 'cococtl "
	  "luks check' prints them" },
	{ NULL },
};

/* ---- the files ---- */

static void read_cocod_conf(void *target, struct config_file *f)
{
	struct config *c = target;
	struct config_value v = { .errors = &c->errors, .target = c };

	config_read_options(f, "Cocod", cocod_options, &v);
}

int secret_uri_guid(const char *path, struct guid *ret, struct cause *why)
{
	char text[sizeof(URI_GUID_LABEL) + BROKER_PATH_LEN] = URI_GUID_LABEL;
	uint8_t digest[32];
	size_t len = strlen(path);
	int r = openssl_load(why);

	assert(len < BROKER_PATH_LEN);
	if (r < 0)
		return r;
	memcpy(text + sizeof(URI_GUID_LABEL), path, len);
	if (EVP_Digest(text, sizeof(URI_GUID_LABEL) + len, digest, NULL, EVP_sha256(), NULL) != 1)
		return cause_set_oom(why);
	memcpy(ret->b, digest, sizeof(ret->b));
	/* RFC 9562: version 8, in the highest bits of a number that is little-endian here */
	ret->b[7] = (uint8_t)((ret->b[7] & 0x0f) | 0x80);
	ret->b[8] = (uint8_t)((ret->b[8] & 0x3f) | 0x80);
	return 0;
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

/* What a secret of the broker needs in broker.conf. */
static void check_broker(struct config *c, const struct secret_policy *p, const char *path)
{
	const struct broker_settings *b = &c->broker;

	if (!p->path[0])
		return;
	if (!b->present)
		config_error(&c->errors, path, 0,
			     "Uri= names a secret at a broker, and there is no broker.conf that "
			     "says where the broker is");
	else if (p->init_data && !b->init_data[0])
		config_error(&c->errors, path, 0,
			     "Uri=init-data needs InitData= in broker.conf, which says where the "
			     "init data is");
	else if (p->init_data && !b->uri_prefix[0])
		config_error(&c->errors, path, 0,
			     "Uri=init-data needs UriPrefix= in broker.conf: the host writes the "
			     "init data, and could name any secret");
}

/* A unit whose name is too long together with the secret's cannot even ask. */
static void check_units(struct config *c, const struct secret_policy *p, const char *path)
{
	char unit[MSG_CONSUMERS_LEN];

	for (unsigned i = 0; secret_policy_consumer(p, CONSUMER_CREDENTIAL, i, unit); i++)
		if (strlen(unit) + strlen(p->name) > CREDENTIAL_NAMES_MAX)
			config_error(&c->errors, path, 0,
				     "The names '%s' and '%s' are together longer than the %d "
				     "bytes that systemd can ask with: set a shorter Name=",
				     unit, p->name, CREDENTIAL_NAMES_MAX);
}

/* A pin that nobody looks at would be believed in. */
static void check_pins(struct config *c, const struct secret_policy *p, const char *path)
{
	if (!p->volume_pins[0])
		return;
	if (p->volume_header == VOLUME_HEADER_IGNORE)
		config_error(&c->errors, path, 0,
			     "VolumePin= and VerifyVolumeHeader=no do not go together: nobody "
			     "looks at the header");
	if (!secret_policy_has_volume(p))
		config_error(&c->errors, path, 0,
			     "VolumePin= is for no volume: Consumers= has neither 'cryptsetup' nor "
			     "'token'");
}

/* Whoever may ask by a path must have one. */
static void check_rest(struct config *c, const struct secret_policy *p, const char *path)
{
	char user[MSG_CONSUMERS_LEN];
	bool wanted = secret_policy_consumer(p, CONSUMER_REST, 0, user) > 0;

	if (wanted && !secret_policy_rest_path(p))
		config_error(&c->errors, path, 0,
			     "Consumers= has 'rest:%s', and the secret has no path by which it "
			     "could be asked for: set RestPath=",
			     user);
	if (!wanted && p->rest_path[0])
		config_error(&c->errors, path, 0,
			     "RestPath= is for nobody: Consumers= has no 'rest:NUMBER'");
}

static int add_policy(struct config *c, const struct secret_policy *p)
{
	struct secret_policy *more = array_room(c->policies, c->n_policies, sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->policies = more;
	c->policies[c->n_policies++] = *p;
	return 0;
}

static void read_secret_conf(void *target, struct config_file *f)
{
	struct config *c = target;
	struct secret_policy p = { .consumers = CONSUMER_GET };
	struct guid other;
	struct cause why;
	struct config_value v = { .errors = &c->errors, .target = &p };
	const char *path = f->path;

	default_name(path, p.name);
	config_read_options(f, "Secret", secret_options, &v);
	if (!(v.seen & (1u << SECRET_GUID | 1u << SECRET_URI)))
		config_error(&c->errors, path, 0,
			     "Guid= and Uri= are missing: they say which secret this is");
	p.no_launch = !(v.seen & 1u << SECRET_GUID);
	if (p.no_launch && p.path[0] && secret_uri_guid(p.path, &p.guid, &why) < 0)
		config_error(&c->errors, path, 0, "%s", why.text);
	if (!p.name[0])
		config_error(&c->errors, path, 0,
			     "The file's name cannot be the name of a secret: set Name=");
	/* A name that looks like a GUID would be taken for the secret with that GUID. */
	if (guid_parse(p.name, strlen(p.name), &other) == 0 && !guid_equal(&other, &p.guid))
		config_error(&c->errors, path, 0,
			     "The name '%s' is another secret's GUID: set Name=", p.name);
	p.consumers_given = v.seen & 1u << SECRET_CONSUMERS;
	if (!(v.seen & 1u << SECRET_WIPE))
		p.wipe = secret_policy_default_wipe(&p);
	config_check_places(&v, &p, v.seen & SEEN_KEYRING, v.seen & SEEN_FILE);
	config_unique_check(&c->unique, &v, &p);
	check_broker(c, &p, path);
	check_units(c, &p, path);
	check_rest(c, &p, path);
	check_pins(c, &p, path);

	if (add_policy(c, &p) < 0)
		config_error(&c->errors, path, 0, "Out of memory");
}

/*
 * Whoever writes a policy wants evidence judged by it.  With Require= given, an unreadable policy
 * is no error here: the judge of evidence will report it.
 */
static void default_require(struct config *c, const struct config_root *root)
{
	struct config_file f;

	if (c->require_given)
		return;
	if (config_find_file(&c->errors, root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f) > 0)
		c->require = REQUIRE_EVIDENCE;
	config_file_done(&f);
}

int config_load(const char *root, struct config **ret)
{
	return config_load_from(CONFIG_ROOT(root), NULL, NULL, ret);
}

int config_load_from(const struct config_root *root,
		     void (*each)(void *userdata, const char *text), void *userdata,
		     struct config **ret)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	struct config_root places = *root;

	if (!c)
		return -ENOMEM;
	config_root_look(&places);
	root = &places;
	c->errors.each = each;
	c->errors.userdata = userdata;
	c->require = REQUIRE_ATTESTED;
	c->verify_header = true;
	c->wait_usec = 10 * 1000000;
	c->read_usec = 10 * 1000000;

	config_read_named(&c->errors, root, "cocod.conf", read_cocod_conf, c);
	config_read_folder(&c->errors, root, "cocod.conf.d", read_cocod_conf, c);
	default_require(c, root);
	broker_settings_read(root, &c->errors, &c->broker);
	config_read_folder(&c->errors, root, "secrets.d", read_secret_conf, c);
	config_unique_done(&c->unique);
	c->errors.each = NULL;
	*ret = TAKE_PTR(c);
	return 0;
}

struct config *config_free(struct config *c)
{
	if (c) {
		broker_settings_done(&c->broker);
		free(c->policies);
	}
	free(c);
	return NULL;
}
