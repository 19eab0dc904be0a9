/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/policy.h"

#include "base/parse.h"
#include "base/text.h"
#include "wire/cdh.h"
#include "wire/credential-peer.h"
#include "wire/kbs-uri.h"
#include "wire/luks.h"
#include "wire/secret-table.h"

#define BLANKS " \t"

static const char *const trailing_nul_names[_TRAILING_NUL_MAX] = {
	[TRAILING_NUL_AUTO] = "auto",
	[TRAILING_NUL_KEEP] = "keep",
	[TRAILING_NUL_STRIP] = "strip",
};

int secret_wipe_parse(const char *text, enum secret_wipe *ret)
{
	for (unsigned i = 0; i < _SECRET_WIPE_MAX; i++)
		if (streq(secret_wipe_name(i), text)) {
			*ret = (enum secret_wipe)i;
			return 0;
		}
	return -EINVAL;
}

int trailing_nul_parse(const char *text, enum trailing_nul *ret)
{
	for (unsigned i = 0; i < _TRAILING_NUL_MAX; i++)
		if (streq(trailing_nul_names[i], text)) {
			*ret = (enum trailing_nul)i;
			return 0;
		}
	return -EINVAL;
}

bool volume_name_is_valid(const char *name)
{
	size_t n = 0;

	for (const char *p = name; *p; p++, n++)
		if (*p <= ' ' || *p > '~' || strchr("/\\\"'", *p))
			return false;
	return n > 0 && n <= MSG_NAME_LEN && !streq(name, ".") && !streq(name, "..");
}

void secret_policy_default(const struct guid *guid, struct secret_policy *ret)
{
	bool luks = guid_equal(guid, &secret_luks_guid);

	*ret = (struct secret_policy){ .guid = *guid };
	if (luks)
		strcpy(ret->name, "luks");
	else
		guid_format(guid, ret->name);
	strcpy(ret->consumers, luks ? CONSUMER_CRYPTSETUP " " CONSUMER_GET : CONSUMER_GET);
	ret->wipe = secret_policy_default_wipe(ret);
}

int secret_policy_set_uri(struct secret_policy *p, const char *text)
{
	struct kbs_uri uri = { .path = SECRET_PATH_INIT_DATA };
	bool init_data = streq(text, SECRET_PATH_INIT_DATA);
	int r;

	r = init_data ? 0 : kbs_uri_parse(text, &uri);
	if (r < 0)
		return r == -EMSGSIZE ? -E2BIG : r;
	/* broker.conf alone says where the broker is. */
	if (uri.host[0])
		return -EINVAL;
	memcpy(p->path, uri.path, sizeof(p->path));
	p->init_data = init_data;
	return 0;
}

int secret_policy_set_rest_path(struct secret_policy *p, const char *text)
{
	if (!cdh_path_is_valid(text))
		return -EINVAL;
	strcpy(p->rest_path, text);
	return 0;
}

const char *secret_policy_rest_path(const struct secret_policy *p)
{
	if (p->rest_path[0])
		return p->rest_path;
	return !p->init_data && cdh_path_is_valid(p->path) ? p->path : NULL;
}

int secret_policy_origin(const struct secret_policy *p, unsigned n, enum secret_origin *ret)
{
	enum secret_origin list[2];
	unsigned len = 0;

	if (p->path[0] && p->broker_first)
		list[len++] = ORIGIN_BROKER;
	if (!p->no_launch)
		list[len++] = ORIGIN_LAUNCH;
	if (p->path[0] && !p->broker_first)
		list[len++] = ORIGIN_BROKER;
	if (n >= len)
		return 0;
	*ret = list[n];
	return 1;
}

bool secret_policy_same_origins(const struct secret_policy *a, const struct secret_policy *b)
{
	return !a->path[0] == !b->path[0] && a->no_launch == b->no_launch;
}

/* Returns the start of the next word of a list, and its length in @ret_len; NULL at the end. */
static const char *next_word(const char *p, size_t *ret_len)
{
	p += strspn(p, BLANKS);
	*ret_len = strcspn(p, BLANKS);
	return *ret_len ? p : NULL;
}

/* A number as it is written in one way only.  Root has what "get" lets it have. */
static bool is_id(const char *text)
{
	uint32_t id;

	return text[0] >= '1' && text[0] <= '9' && parse_u32(text, &id) == 0 && id != UINT32_MAX;
}

/* The kernel's number for users whom it cannot name, in a user namespace of whoever asks. */
#define OVERFLOW_ID "65534"

static bool is_rest_id(const char *text)
{
	return streq(text, "0") || (is_id(text) && !streq(text, OVERFLOW_ID));
}

static bool consumer_is_valid(const char *word)
{
	const char *rest = startswith(word, CONSUMER_REST ":");
	const char *user = startswith(word, CONSUMER_USER ":"),
		   *group = startswith(word, CONSUMER_GROUP ":");
	const char *volume = startswith(word, CONSUMER_CRYPTSETUP ":"),
		   *unit = startswith(word, CONSUMER_CREDENTIAL ":");
	bool template;

	return (user && is_id(user)) || (group && is_id(group)) || streq(word, CONSUMER_GET) ||
	       (rest && is_rest_id(rest)) || streq(word, CONSUMER_TOKEN) ||
	       streq(word, CONSUMER_KEYRING) || streq(word, CONSUMER_FILE) ||
	       streq(word, CONSUMER_CRYPTSETUP) || (volume && volume_name_is_valid(volume)) ||
	       (unit && strlen(unit) < CREDENTIAL_NAMES_MAX && unit_name_is_valid(unit, &template));
}

/*
 * Copy the words of @text, each of which must be @valid, into @ret, with one blank between them.
 * @size is at most MSG_CONSUMERS_LEN bytes.
 */
static int set_words(const char *text, bool (*valid)(const char *word), char *ret, size_t size)
{
	char list[MSG_CONSUMERS_LEN] = "";
	size_t used = 0, len;

	assert(size <= sizeof(list));
	for (const char *w = text; (w = next_word(w, &len)); w += len) {
		char word[MSG_CONSUMERS_LEN];

		if (used + len + 2 > size)
			return -E2BIG;
		memcpy(word, w, len);
		word[len] = '\0';
		if (!valid(word))
			return -EINVAL;
		if (used)
			list[used++] = ' ';
		memcpy(list + used, word, len);
		used += len;
	}
	if (!used)
		return -EINVAL;
	memcpy(ret, list, size);
	return 0;
}

/* True if a word is in @list twice: one of the two was meant to be something else. */
static bool has_twice(const char *list)
{
	size_t len, other_len;

	for (const char *w = list; (w = next_word(w, &len)); w += len)
		for (const char *o = w + len; (o = next_word(o, &other_len)); o += other_len)
			if (len == other_len && memcmp(w, o, len) == 0)
				return true;
	return false;
}

/* The same, and -EEXIST for a word that is there twice. */
static int set_words_once(const char *text, bool (*valid)(const char *word), char *ret, size_t size)
{
	char list[MSG_CONSUMERS_LEN];
	int r;

	assert(size <= sizeof(list));
	r = set_words(text, valid, list, size);
	if (r < 0)
		return r;
	if (has_twice(list))
		return -EEXIST;
	memcpy(ret, list, size);
	return 0;
}

int secret_policy_set_consumers(struct secret_policy *p, const char *text)
{
	return set_words_once(text, consumer_is_valid, p->consumers, sizeof(p->consumers));
}

static bool token_is_valid(const char *type)
{
	return name_is_valid(type, LUKS_TOKEN_TYPE_MAX) && !luks_token_opens(type);
}

int secret_policy_set_allow_tokens(struct secret_policy *p, const char *text)
{
	return set_words(text, token_is_valid, p->allow_tokens, sizeof(p->allow_tokens));
}

#define DIGITS "0123456789abcdef"

static bool is_hex(const char *text)
{
	return strspn(text, DIGITS) == strlen(text);
}

static bool is_uuid(const char *text)
{
	struct guid unused;

	return guid_parse(text, strlen(text), &unused) == 0 &&
	       strspn(text, DIGITS "-") == strlen(text);
}

static bool pin_is_valid(const char *word)
{
	const char *uuid = startswith(word, "uuid:"), *digest = startswith(word, "digest:"),
		   *header = startswith(word, "header:");
	size_t len;

	if (uuid)
		return is_uuid(uuid);
	if (header)
		return is_hex(header) && strlen(header) == 64;
	len = digest ? strlen(digest) : 0;
	/* What LUKS1 and LUKS2 have, 20 to 64 bytes. */
	return len >= 40 && len <= 128 && len % 2 == 0 && is_hex(digest);
}

int secret_policy_set_volume_pins(struct secret_policy *p, const char *text)
{
	return set_words_once(text, pin_is_valid, p->volume_pins, sizeof(p->volume_pins));
}

/* True if the list has a consumer of that kind, with or without more after a colon. */
static bool has_kind(const struct secret_policy *p, const char *kind)
{
	size_t len, n = strlen(kind);

	for (const char *w = p->consumers; (w = next_word(w, &len)); w += len)
		if (len >= n && memcmp(w, kind, n) == 0 && (len == n || w[n] == ':'))
			return true;
	return false;
}

enum secret_wipe secret_policy_default_wipe(const struct secret_policy *p)
{
	if (has_kind(p, CONSUMER_CREDENTIAL) || has_kind(p, CONSUMER_TOKEN) ||
	    has_kind(p, CONSUMER_KEYRING) || has_kind(p, CONSUMER_FILE) ||
	    has_kind(p, CONSUMER_REST))
		return WIPE_MANUAL;
	return has_kind(p, CONSUMER_CRYPTSETUP) ? WIPE_CONFIRMED : WIPE_DELIVERED;
}

/* True if the template of a unit in the list, of @len bytes at @word, stands for @unit. */
static bool stands_for(const char *word, size_t len, const char *unit)
{
	static const char prefix[] = CONSUMER_CREDENTIAL ":";
	char pattern[MSG_CONSUMERS_LEN];

	if (!startswith(word, prefix))
		return false;
	len -= sizeof(prefix) - 1;
	memcpy(pattern, word + sizeof(prefix) - 1, len);
	pattern[len] = '\0';
	return unit_name_is_for(unit, pattern);
}

bool secret_policy_has_volume(const struct secret_policy *p)
{
	return has_kind(p, CONSUMER_CRYPTSETUP) || has_kind(p, CONSUMER_TOKEN);
}

int secret_policy_allows(const struct secret_policy *p, const char *consumer)
{
	const char *unit = startswith(consumer, CONSUMER_CREDENTIAL ":");
	bool volume = startswith(consumer, CONSUMER_CRYPTSETUP ":") != NULL, any = false;
	size_t len;

	for (const char *w = p->consumers; (w = next_word(w, &len)); w += len) {
		if (len == strlen(consumer) && strncmp(w, consumer, len) == 0)
			return 2;
		if (volume && len == strlen(CONSUMER_CRYPTSETUP) &&
		    startswith(w, CONSUMER_CRYPTSETUP))
			any = true;
		if (unit && stands_for(w, len, unit))
			any = true;
	}
	return any;
}

int secret_policy_consumer(const struct secret_policy *p, const char *kind, unsigned n,
			   char ret[static MSG_CONSUMERS_LEN])
{
	size_t len, kind_len = strlen(kind);

	for (const char *w = p->consumers; (w = next_word(w, &len)); w += len) {
		if (len <= kind_len || memcmp(w, kind, kind_len) != 0 || w[kind_len] != ':' ||
		    n-- > 0)
			continue;
		len -= kind_len + 1;
		memcpy(ret, w + kind_len + 1, len);
		ret[len] = '\0';
		return 1;
	}
	return 0;
}

int secret_policy_volume(const struct secret_policy *p, unsigned n,
			 char ret[static MSG_NAME_LEN + 1])
{
	char volume[MSG_CONSUMERS_LEN];

	if (!secret_policy_consumer(p, CONSUMER_CRYPTSETUP, n, volume))
		return 0;
	assert(strlen(volume) <= MSG_NAME_LEN);
	strcpy(ret, volume);
	return 1;
}

/* UTF-8 that a person can have typed: no control characters but tabs. */
static bool is_text(const uint8_t *s, size_t len)
{
	uint32_t c;

	for (size_t n; len > 0; s += n, len -= n) {
		n = utf8_next((const char *)s, len, &c);
		if (n == 0 || (c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

size_t secret_policy_passphrase_len(const struct secret_policy *p, const struct secret *s)
{
	size_t len = secret_len(s);
	const uint8_t *b = secret_data(s);

	if (p->trailing_nul == TRAILING_NUL_KEEP || len == 0 || b[len - 1] != 0)
		return len;
	/*
	 * A random key of 32 bytes that ends in zero looks like a text with a NUL once in 10^13
	 * cases; other such keys stay whole.
	 */
	if (p->trailing_nul == TRAILING_NUL_AUTO && (len == 1 || !is_text(b, len - 1)))
		return len;
	return len - 1;
}
