/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config-unique.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 512

/* All kinds are in one tree: a text begins with its kind. */
struct mark {
	const char *text;
	char owner[MSG_NAME_LEN + 1];	/* the first secret that has it */
	char copy[];			/* of the text */
};

static int compare(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static struct mark *mark_new(const char *text, const char *owner)
{
	size_t n = strlen(text) + 1;
	struct mark *m = malloc(sizeof(*m) + n);

	if (!m)
		return NULL;
	memcpy(m->copy, text, n);
	m->text = m->copy;
	snprintf(m->owner, sizeof(m->owner), "%s", owner);
	return m;
}

/* What is checked: @p, of the file @v->file. */
struct check {
	struct config_unique *u;
	const struct config_value *v;
	const struct secret_policy *p;
};

/* The secret that has the text, or NULL. */
static const char *find(const struct check *c, const char *format, ...) _printf_(2, 3);
static const char *find(const struct check *c, const char *format, ...)
{
	char text[TEXT_MAX];
	const struct mark wanted = { .text = text }, *const *node;
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	node = tfind(&wanted, &c->u->tree, compare);
	return node ? (*node)->owner : NULL;
}

/* The same, and from now on this secret has it if no other does. */
static const char *take(const struct check *c, const char *format, ...) _printf_(2, 3);
static const char *take(const struct check *c, const char *format, ...)
{
	struct mark *m, **node = NULL;
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	m = mark_new(text, c->p->name);
	if (m)
		node = tsearch(m, &c->u->tree, compare);
	if (!node)
		config_error(c->v->errors, c->v->file, 0, "Out of memory");
	if (node && *node == m)
		return NULL;
	free(m);
	return node ? (*node)->owner : NULL;
}

static void check_identity(const struct check *c)
{
	const struct secret_policy *p = c->p;
	const char *by_path = NULL, *by_guid = NULL;
	char guid[GUID_TEXT_LEN + 1];

	if (p->path[0])
		by_path = take(c, "uri:%s", p->path);
	if (!guid_is_zero(&p->guid)) {
		guid_format(&p->guid, guid);
		by_guid = take(c, "guid:%s", guid);
	}
	if (by_path)
		config_error(c->v->errors, c->v->file, 0,
			     "Uri= is the same as that of the secret '%s'", by_path);
	/* A GUID may be made from the path. */
	if (by_guid && (!by_path || !streq(by_guid, by_path)))
		config_error(c->v->errors, c->v->file, 0,
			     "Guid= is the same as that of the secret '%s'", by_guid);
	if (take(c, "name:%s", p->name))
		config_error(c->v->errors, c->v->file, 0,
			     "The name '%s' is another secret's already", p->name);
}

static void check_key(const struct check *c)
{
	const struct place_rules *place = &c->p->place;
	const char *other;

	if (place->type == KEYRING_NONE || !secret_policy_allows(c->p, CONSUMER_KEYRING))
		return;
	other = take(c, "key:%u:%s:%s", (unsigned)place->key_owner,
		     place->type == KEYRING_LOGON ? "logon" : "user", place->description);
	if (other)
		config_error(c->v->errors, c->v->file, 0,
			     "It would be the same key as the secret '%s', '%s': set another "
			     "KeyringDescription=", other, place->description);
}

/* One path is one secret.  Two with the same Uri= are told of that already. */
static void check_path(const struct check *c)
{
	const char *path = secret_policy_rest_path(c->p), *other;

	if (!path)
		return;
	if (c->p->rest_path[0])
		other = find(c, "rest:%s", path);
	else
		other = find(c, "rest-path:%s", path);
	if (other)
		config_error(c->v->errors, c->v->file, 0,
			     "The path '%s' is that of the secret '%s' too: set another "
			     "RestPath=", path, other);
	(void) take(c, "rest:%s", path);
	if (c->p->rest_path[0])
		(void) take(c, "rest-path:%s", path);
}

/* ---- where the secrets of a volume come from ---- */

#define N_ORIGINS 4

static unsigned origins_of(const struct secret_policy *p)
{
	return (p->path[0] ? 2u : 0u) | (p->no_launch ? 0u : 1u);
}

/* @volume is "" for any. */
static void check_volume(const struct check *c, const char *volume)
{
	unsigned own = origins_of(c->p);

	(void) take(c, "volume:%u:%s", own, volume);
	for (unsigned i = 0; i < N_ORIGINS; i++) {
		const char *other = i == own ? NULL : find(c, "volume:%u:%s", i, volume);

		if (other)
			config_error(c->v->errors, c->v->file, 0,
				     "%s%s%s would get a launch secret or one from the broker, as "
				     "the secret '%s' is for it too: write Guid= and Uri= into one "
				     "file, the preferred one first",
				     volume[0] ? "The volume '" : "A volume", volume,
				     volume[0] ? "'" : "", other);
	}
}

/*
 * Secrets of different origins for one volume would stand in for one another: if one is missing,
 * or the host keeps it away, the other is given.  The owner may want that, and then writes one
 * file.
 */
static void check_volumes(const struct check *c)
{
	char volume[MSG_NAME_LEN + 1];

	for (unsigned i = 0; secret_policy_volume(c->p, i, volume); i++)
		check_volume(c, volume);
	if (secret_policy_allows(c->p, CONSUMER_CRYPTSETUP) == 2)
		check_volume(c, "");
}

void config_unique_check(struct config_unique *u, const struct config_value *v,
			 const struct secret_policy *p)
{
	const struct check c = { .u = u, .v = v, .p = p };

	check_key(&c);
	check_identity(&c);
	check_volumes(&c);
	check_path(&c);
}

void config_unique_done(struct config_unique *u)
{
	tdestroy(u->tree, free);
	u->tree = NULL;
}
