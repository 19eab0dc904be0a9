/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/place-rules.h"

#include <stdio.h>

#include "base/parse.h"

#define BLANKS " \t"
#define USEC_PER_SEC 1000000ULL
#define MODE_ALLOWED 0660u
#define MODE_READ 0400u

static const struct {
	const char *name;
	uint32_t right;
} rights[] = {
	{ "view", KEY_RIGHT_VIEW },
	{ "read", KEY_RIGHT_READ },
	{ "search", KEY_RIGHT_SEARCH },
};

static const char *const type_names[] = {
	[KEYRING_USER] = "user",
	[KEYRING_LOGON] = "logon",
	[KEYRING_CRYPTSETUP] = "cryptsetup",
};

int place_set_type(struct place_rules *p, const char *text)
{
	for (unsigned i = KEYRING_USER; i < ARRAY_SIZE(type_names); i++)
		if (streq(type_names[i], text)) {
			p->type = (enum keyring_type)i;
			return 0;
		}
	return -EINVAL;
}

int place_set_description(struct place_rules *p, const char *text)
{
	if (!text[0])
		return -EINVAL;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return -EINVAL;
	if (strlen(text) >= sizeof(p->description))
		return -E2BIG;
	strcpy(p->description, text);
	return 0;
}

static uint32_t find_right(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		if (strlen(rights[i].name) == len && memcmp(rights[i].name, word, len) == 0)
			return rights[i].right;
	return 0;
}

int place_set_rights(struct place_rules *p, const char *text)
{
	uint32_t given = 0, one;
	size_t len;

	for (const char *w = text + strspn(text, BLANKS); *w; w += len, w += strspn(w, BLANKS)) {
		len = strcspn(w, BLANKS);
		one = find_right(w, len);
		if (!one || given & one)
			return -EINVAL;
		given |= one;
	}
	if (!given)
		return -EINVAL;
	p->key_rights = given << KEY_RIGHTS_POSSESSOR |
			(given | KEY_RIGHT_WRITE | KEY_RIGHT_LINK) << KEY_RIGHTS_OWNER;
	return 0;
}

int place_set_expiry(struct place_rules *p, const char *text)
{
	uint64_t usec;

	if (parse_usec(text, &usec) < 0 || usec < USEC_PER_SEC || usec % USEC_PER_SEC ||
	    usec / USEC_PER_SEC > UINT32_MAX)
		return -EINVAL;
	p->expires_sec = (uint32_t)(usec / USEC_PER_SEC);
	return 0;
}

int place_set_mode(struct place_rules *p, const char *text)
{
	uint32_t mode = 0;
	size_t len = strspn(text, "01234567");

	if (len < 3 || len > 4 || text[len])
		return -EINVAL;
	for (const char *c = text; *c; c++)
		mode = mode * 8 + (uint32_t)(*c - '0');
	if (mode & ~MODE_ALLOWED || !(mode & MODE_READ))
		return -EINVAL;
	p->file_mode = mode;
	return 0;
}

int place_set_id(uint32_t *ret, const char *text)
{
	uint32_t id;

	if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1]) ||
	    parse_u32(text, &id) < 0 || id == UINT32_MAX)
		return -EINVAL;
	*ret = id;
	return 0;
}

const char *place_key_wrong(const struct place_rules *p)
{
	const char *colon = strchr(p->description, ':');

	if (p->type == KEYRING_NONE)
		return "needs KeyringType=, 'user', 'logon' or 'cryptsetup'";
	if (!p->key_rights)
		return "needs KeyringPermissions=: who has the key may do nothing with it";
	if (p->type == KEYRING_LOGON && p->key_rights & KEY_RIGHT_READ << KEY_RIGHTS_POSSESSOR)
		return "with KeyringType=logon cannot have 'read' in KeyringPermissions=: only "
		       "the kernel reads such a key";
	if (p->type == KEYRING_LOGON && (!colon || colon == p->description))
		return "with KeyringType=logon needs a KeyringDescription= with a prefix, such as "
		       "'app:name'";
	if (p->type == KEYRING_CRYPTSETUP && p->key_owner != 0)
		return "with KeyringType=cryptsetup is for root: leave KeyringOwner= out";
	return NULL;
}

const char *place_file_wrong(const struct place_rules *p)
{
	return p->file_mode ? NULL : "needs FileMode=, such as 0400";
}

void place_consumer(const struct place_rules *p, enum place_kind kind, const char *name,
		    char ret[static 128])
{
	if (kind == PLACE_KEYRING)
		snprintf(ret, 128, "%s:%u", place_kind_name(kind), p->key_owner);
	else
		snprintf(ret, 128, "%s:%.*s", place_kind_name(kind), MSG_NAME_LEN, name);
}

bool place_consumer_parse(const char *consumer, enum place_kind *ret, const char **ret_rest)
{
	for (unsigned i = 0; i < _PLACE_KIND_MAX; i++) {
		const char *rest = startswith(consumer, place_kind_name(i));

		if (!rest || rest[0] != ':')
			continue;
		*ret = (enum place_kind)i;
		*ret_rest = rest + 1;
		return true;
	}
	return false;
}

void place_order_fill(const struct place_rules *p, enum place_kind kind, const char *name,
		      size_t len, struct place_order *ret)
{
	bool key = kind == PLACE_KEYRING;

	*ret = (struct place_order){
		.owner = key ? p->key_owner : p->file_owner,
		.group = key ? 0 : p->file_group,
		.rights = key ? p->key_rights : p->file_mode,
		.logon = key && p->type == KEYRING_LOGON,
		.expires_sec = key ? p->expires_sec : 0,
		.len = (uint32_t)len,
	};
	snprintf(ret->name, sizeof(ret->name), "%s", key ? p->description : name);
}

int place_order_remove(const char *consumer, uint32_t id, struct place_order *ret)
{
	struct place_order o = { .old = id };
	enum place_kind kind;
	const char *rest;

	if (!place_consumer_parse(consumer, &kind, &rest) || strlen(rest) >= sizeof(o.name))
		return -EINVAL;
	strcpy(o.name, rest);
	if (kind == PLACE_KEYRING && place_set_id(&o.owner, rest) < 0)
		return -EINVAL;
	*ret = o;
	return 0;
}
