/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config-broker.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "agent/keeper/release.h"
#include "base/base64.h"
#include "base/cause.h"
#include "base/parse.h"
#include "base/text.h"
#include "crypto/openssl-late.h"
#include "wire/broker-url.h"
#include "wire/kbs-uri.h"

#define BROKER_CONF "broker.conf"
#define BLANKS " \t"
#define PIN_SCHEME "sha256//"
#define TIMEOUT_USEC (90ULL * 1000000)
#define TIMEOUT_MAX_USEC (3600ULL * 1000000)
#define PEM_PRIVATE_KEY "PRIVATE KEY-----"

/* ---- [Broker] ---- */

/* Returns false after logging that the address @u cannot be taken. */
static bool url_is_new(struct config_value *v, const struct broker_settings *b, const char *u)
{
	if (b->n_urls == BROKER_URLS_MAX) {
		config_error(v->errors, v->file, v->line, "Url= has more than %d addresses",
			     BROKER_URLS_MAX);
		return false;
	}
	for (unsigned i = 0; i < b->n_urls; i++)
		if (streq(b->urls[i], u)) {
			config_error(v->errors, v->file, v->line,
				     "Url= has the address '%s' twice", u);
			return false;
		}
	return true;
}

/* Addresses with blanks between them.  A later file's replace an earlier file's. */
static int take_url(struct config_value *v)
{
	struct broker_settings *b = v->target;
	size_t len;

	b->n_urls = 0;
	for (const char *w = v->text + strspn(v->text, BLANKS); *w;
	     w += len, w += strspn(w, BLANKS)) {
		char word[BROKER_URL_LEN] = "";
		struct broker_url u;
		int r;

		len = strcspn(w, BLANKS);
		if (len >= sizeof(word))
			return -E2BIG;
		memcpy(word, w, len);
		r = broker_url_parse(word, &u);
		if (r == -EPROTONOSUPPORT) {
			config_error(v->errors, v->file, v->line,
				     "Url= has '%s': nobody is authenticated over http://; "
				     "use https://",
				     word);
			return 0;
		}
		if (r < 0)
			return r == -EMSGSIZE ? -E2BIG : r;
		if (!url_is_new(v, b, u.text))
			return 0;
		memcpy(b->urls[b->n_urls++], u.text, sizeof(u.text));
	}
	return b->n_urls > 0 ? 0 : -EINVAL;
}

static int take_server_name(struct config_value *v)
{
	struct broker_settings *b = v->target;

	return broker_host_parse(v->text, b->server_name);
}

/*
 * Two ways to recognise the broker could disagree, and the weaker one would be what counts.
 * Returns false after logging that.
 */
static bool take_trust(struct config_value *v, enum broker_trust trust)
{
	static const char *const names[_BROKER_TRUST_MAX] = {
		[BROKER_TRUST_IDENTITY] = "Identity=",
		[BROKER_TRUST_PUBLIC_KEY] = "PublicKey=",
		[BROKER_TRUST_AUTHORITY] = "Authority=",
	};
	struct broker_settings *b = v->target;

	if (b->trust != BROKER_TRUST_NONE && b->trust != trust) {
		config_error(v->errors, v->file, v->line,
			     "There are both %s and %s: the broker is recognised by one of "
			     "Identity=, PublicKey= and Authority=",
			     names[b->trust], names[trust]);
		return false;
	}
	b->trust = trust;
	return true;
}

/* The file is read later: another drop-in may name another one. */
static int take_pem_path(struct config_value *v, enum broker_trust trust)
{
	struct broker_settings *b = v->target;

	if (v->text[0] != '/' || strlen(v->text) >= sizeof(b->pem_path))
		return -EINVAL;
	if (take_trust(v, trust))
		strcpy(b->pem_path, v->text);
	return 0;
}

static int take_identity(struct config_value *v)
{
	return take_pem_path(v, BROKER_TRUST_IDENTITY);
}

static int take_authority(struct config_value *v)
{
	return take_pem_path(v, BROKER_TRUST_AUTHORITY);
}

static int take_public_key(struct config_value *v)
{
	const char *base64 = startswith(v->text, PIN_SCHEME);
	struct broker_settings *b = v->target;
	uint8_t hash[32];

	if (!base64 || !base64_decode_32(base64, hash))
		return -EINVAL;
	if (take_trust(v, BROKER_TRUST_PUBLIC_KEY))
		strcpy(b->public_key, v->text);
	return 0;
}

/* Check a prefix as the beginning of a name: with one or two words more it must be one. */
static int take_uri_prefix(struct config_value *v)
{
	static const char *const rests[] = { "x", "x/x" };
	struct broker_settings *b = v->target;
	char uri[BROKER_URL_LEN + 16];
	size_t len = strlen(v->text);
	struct kbs_uri name;

	if (len > BROKER_URL_LEN)
		return -E2BIG;
	if (len == 0 || v->text[len - 1] != '/' || strchr(v->text, '?'))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
		snprintf(uri, sizeof(uri), "%s%s", v->text, rests[i]);
		if (kbs_uri_parse(uri, &name) < 0 || name.host[0])
			continue;
		name.path[strlen(name.path) - strlen(rests[i])] = '\0';
		memcpy(b->uri_prefix, name.path, sizeof(b->uri_prefix));
		return 0;
	}
	return -EINVAL;
}

static int take_init_data(struct config_value *v)
{
	struct broker_settings *b = v->target;

	if (strlen(v->text) >= sizeof(b->init_data))
		return -E2BIG;
	if (v->text[0] != '/' && !streq(v->text, "smbios") && !streq(v->text, "none"))
		return -EINVAL;
	strcpy(b->init_data, streq(v->text, "none") ? "" : v->text);
	return 0;
}

static int take_timeout(struct config_value *v)
{
	struct broker_settings *b = v->target;
	uint64_t usec;
	int r = parse_usec(v->text, &usec);

	if (r == 0 && (usec == 0 || usec > TIMEOUT_MAX_USEC))
		r = -EINVAL;
	if (r == 0)
		b->timeout_usec = usec;
	return r;
}

static int take_curve(struct config_value *v)
{
	static const char *const names[_BROKER_CURVE_MAX] = {
		[BROKER_P256] = "P-256",
		[BROKER_P521] = "P-521",
	};
	struct broker_settings *b = v->target;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(v->text, names[i])) {
			b->curve = (enum broker_curve)i;
			return 0;
		}
	return -EINVAL;
}

static int take_proxy(struct config_value *v)
{
	struct broker_settings *b = v->target;
	struct broker_url u = { .text = "" };
	int r;

	r = streq(v->text, "none") ? 0 : broker_proxy_parse(v->text, &u);
	if (r == 0)
		memcpy(b->proxy, u.text, sizeof(b->proxy));
	return r;
}

static int take_measure_release(struct config_value *v)
{
	struct broker_settings *b = v->target;

	return parse_bool(v->text, &b->measure_release);
}

static const struct config_option broker_options[] = {
	{ "Url", take_url,
	  "addresses such as 'https://kbs.example:8443' and 'vsock://2:8743', with blanks between "
	  "them" },
	{ "ServerName", take_server_name, "a host's name without a port" },
	{ "Identity", take_identity, "an absolute path" },
	{ "PublicKey", take_public_key, "'sha256//' and the base64 of 32 bytes" },
	{ "Authority", take_authority, "an absolute path" },
	{ "UriPrefix", take_uri_prefix,
	  "the beginning of a name that ends with a slash, such as 'kbs:///default/vm7/'" },
	{ "InitData", take_init_data, "'none', 'smbios' or an absolute path" },
	{ "TimeoutSec", take_timeout, "a time such as '90s', not zero, and at most one hour" },
	{ "Curve", take_curve, "'P-256' or 'P-521'" },
	{ "Proxy", take_proxy, "'none', or an address with a port such as 'http://proxy:3128'" },
	{ "MeasureRelease", take_measure_release, "'yes' or 'no'" },
	{ NULL },
};

/* ---- the files ---- */

struct reading {
	struct config_errors *errors;
	struct broker_settings *settings;
	char path[PATH_MAX];		/* the last file: errors about all of them name it */
};

static void read_broker_conf(void *target, struct config_file *f)
{
	struct reading *r = target;
	struct config_value v = { .errors = r->errors, .target = r->settings };

	if (!r->settings->present) {
		r->settings->present = true;
		r->settings->timeout_usec = TIMEOUT_USEC;
	}
	memcpy(r->path, f->path, sizeof(r->path));
	config_read_options(f, "Broker", broker_options, &v);
}

static int check_identity(const struct config_file *f, struct cause *why)
{
	struct broker_identity i = { 0 };
	int r = broker_identity_parse(f->text, f->len, &i, why);

	broker_identity_done(&i);
	return r;
}

/* libcurl skips what it cannot read, and the owner would not know which authorities count. */
static int check_authority(const struct config_file *f, struct cause *why)
{
	BIO *in = BIO_new_mem_buf(f->text, (int)f->len);
	unsigned long error = 0;
	unsigned n = 0;
	X509 *x;

	if (!in)
		return cause_set_oom(why);
	ERR_clear_error();
	for (; (x = PEM_read_bio_X509(in, NULL, NULL, NULL)); n++)
		X509_free(x);
	error = ERR_peek_last_error();
	ERR_clear_error();
	(void) BIO_free(in);
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return cause_set(why, -EBADMSG, "its certificate number %u cannot be read", n + 1);
	return n > 0 ? 0 : cause_set(why, -ENODATA, "it has no certificate");
}

/* A private key has no place in a file that goes to the process with the network. */
static int check_pem(const struct config_file *f, enum broker_trust trust, struct cause *why)
{
	if (strlen(f->text) != f->len)
		return cause_set(why, -EBADMSG, "it is not a text");
	if (strstr(f->text, PEM_PRIVATE_KEY))
		return cause_set(why, -EBADMSG,
				 "it has a private key; only certificates belong here");
	if (openssl_load(why) < 0)
		return -ELIBACC;
	return trust == BROKER_TRUST_IDENTITY ? check_identity(f, why) : check_authority(f, why);
}

static void read_pem(const struct config_root *root, struct reading *reading)
{
	struct broker_settings *b = reading->settings;
	struct config_file f = { .text = NULL };
	char path[PATH_MAX];
	struct cause why;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s%s", root->path, b->pem_path) >= sizeof(path)) {
		config_error(reading->errors, b->pem_path, 0, "%s",
			     config_file_error(-ENAMETOOLONG));
		return;
	}
	r = config_file_read_path(root, path, BROKER_PEM_MAX, &f);
	if (r < 0)
		cause_set(&why, r, "%s", config_file_error(r));
	else if (r == 0)
		r = cause_set(&why, -ENOENT,
			      "it does not exist or is empty, and nothing else recognises the "
			      "broker");
	else
		r = check_pem(&f, b->trust, &why);
	if (r < 0) {
		config_error(reading->errors, path, 0, "%s", why.text);
	} else {
		b->pem = TAKE_PTR(f.text);
		b->pem_len = f.len;
	}
	config_file_done(&f);
}

/* What must be there, whatever the file has. */
static void check_complete(struct reading *reading)
{
	const struct broker_settings *b = reading->settings;

	if (b->trust == BROKER_TRUST_NONE)
		config_error(reading->errors, reading->path, 0,
			     "Identity=, PublicKey= and Authority= are all missing: a broker "
			     "that nobody authenticates is refused");
	if (b->n_urls == 0 && !b->init_data[0])
		config_error(reading->errors, reading->path, 0,
			     "Url= is missing: it says where the broker is");
	/* Or the host would say what the broker's name is, and the authority knows many names. */
	if (b->trust == BROKER_TRUST_AUTHORITY && !b->server_name[0] && b->n_urls == 0)
		config_error(reading->errors, reading->path, 0,
			     "ServerName= is missing: with Authority= the broker is recognised by "
			     "its name, and without Url= the init data would choose it");
	for (unsigned i = 0; i < b->n_urls; i++)
		if (b->trust == BROKER_TRUST_AUTHORITY && !b->server_name[0] &&
		    startswith(b->urls[i], "vsock:"))
			config_error(reading->errors, reading->path, 0,
				     "ServerName= is missing: with Authority= the broker is "
				     "recognised by its name, and '%s' has none",
				     b->urls[i]);
}

void broker_settings_read(const struct config_root *root, struct config_errors *errors,
			  struct broker_settings *ret)
{
	struct reading reading = { .errors = errors, .settings = ret };

	*ret = (struct broker_settings){ 0 };
	config_read_named(errors, root, BROKER_CONF, read_broker_conf, &reading);
	config_read_folder(errors, root, BROKER_CONF ".d", read_broker_conf, &reading);
	if (!ret->present)
		return;
	check_complete(&reading);
	if (ret->pem_path[0])
		read_pem(root, &reading);
}

void broker_settings_done(struct broker_settings *b)
{
	free(b->pem);
	*b = (struct broker_settings){ 0 };
}
