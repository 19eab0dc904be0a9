/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "base/text.h"
#include "broker/core/seal.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/record-io.h"
#include "broker/serve/service.h"
#include "wire/kbs-uri.h"

/* How often a change is made anew because somebody else changed the same secret. */
#define TRIES_MAX 8

/* ---- a new value, or a new policy ---- */

static int read_old(struct service *s, const struct secret_change *c, struct secret_record *ret,
		    uint64_t *ret_revision, struct cause *why)
{
	int r;

	*ret_revision = 0;
	r = secret_get(s, c->path, ret, ret_revision, why);
	if (*ret_revision > 0 && !c->replace)
		return cause_set(why, -EEXIST, "there is a secret '%s' already", c->path);
	if (r == 0 && *ret_revision == 0 && !c->create)
		return cause_set(why, -ENOENT, "there is no secret '%s'", c->path);
	return r;
}

static int rules_of(const char *policy, size_t len, uint8_t ret[static 32], struct cause *why)
{
	return secret_policy_rules(policy, len, ret) < 0 ? cause_set_oom(why) : 0;
}

/* A value that stays is sealed anew, for it is bound to version and policy. */
static int open_old(struct service *s, const struct secret_record *old, struct secret **ret,
		    struct cause *why)
{
	uint8_t rules[32];
	int r;

	r = rules_of(old->policy, old->policy_len, rules, why);
	if (r < 0)
		return r;
	r = unseal(s->keys, old->path, old->version, rules, old->sealed, old->sealed_len, ret);
	if (r == -EKEYREJECTED || r == -EBADMSG)
		return cause_set(why, -EBADMSG,
				 "what the store has of '%s' is not what was sealed; give it a "
				 "value and a policy anew", old->path);
	return r < 0 ? cause_set(why, r, "'%s' cannot be unsealed", old->path) : 0;
}

static int build_new(struct service *s, const struct secret_change *c,
		     const struct secret_record *old, struct secret_record *ret,
		     uint8_t ret_rules[static 32], struct cause *why)
{
	_cleanup_(secret_freep) struct secret *kept = NULL;
	const char *policy = c->policy ? c->policy : old->policy;
	size_t len = c->policy ? c->policy_len : old->policy_len;
	int r;

	/*
	 * What stays must be what was sealed.  Who holds the store may have put an easier policy
	 * beside the old value, and the new one would be sealed with it.
	 */
	if (!c->value || !c->policy) {
		r = open_old(s, old, &kept, why);
		if (r < 0)
			return r;
	}
	if (old->version >= INT64_MAX)
		return cause_set(why, -EBADMSG,
				 "'%s' has the last version that there can be: remove it first",
				 c->path);
	r = rules_of(policy, len, ret_rules, why);
	if (r < 0)
		return r;
	*ret = (struct secret_record){ .version = old->version + 1, .changed = time(NULL) };
	(void) snprintf(ret->path, sizeof(ret->path), "%s", c->path);
	ret->policy = strndup(policy, len);
	ret->policy_len = len;
	if (!ret->policy)
		return cause_set_oom(why);
	r = seal(s->keys, c->path, ret->version, ret_rules, c->value ? c->value : kept,
		 &ret->sealed, &ret->sealed_len);
	return r < 0 ? cause_set(why, r, "'%s' cannot be sealed: %s", c->path,
				 r == -EMSGSIZE ? "a secret has at most 65536 bytes" :
						  strerror(-r)) :
		       0;
}

static int write_new(struct service *s, const struct secret_change *c, const char *key,
		     uint64_t revision, const struct secret_record *new,
		     const uint8_t rules[static 32], struct cause *why)
{
	_cleanup_(json_putp) struct json_object *line =
		line_new(revision > 0 ? "change" : "add", c->path, c->who);
	struct store_member m = { .n_compares = 1, .n_changes = 1 };
	_cleanup_(freep) char *text = NULL;
	int r;

	if (secret_record_format(new, &text) < 0 ||
	    line_number(line, "version", new->version) < 0 ||
	    line_text(line, "changed", c->value && c->policy ? "value and policy" :
				       c->value		      ? "value" :
								"policy") < 0 ||
	    line_hex(line, "rules", rules, 32) < 0)
		return cause_set_oom(why);
	m.compares[0] = (struct store_compare){ key, revision };
	m.changes[0] = (struct store_change){ key, text, strlen(text), 0 };
	r = writer_commit(s->writer, &m, line, WRITE_USEC, why);
	return r < 0 ? r : m.done ? 0 : -ESTALE;
}

static int try_set(struct service *s, const struct secret_change *c, const char *key,
		   uint64_t *ret_version, struct cause *why)
{
	_cleanup_(secret_record_done) struct secret_record old = { .version = 0 },
						       new = { .version = 0 };
	uint64_t revision;
	uint8_t rules[32];
	int r;

	r = read_old(s, c, &old, &revision, why);
	if (r < 0)
		return r;
	if (revision == 0 && (!c->value || !c->policy))
		return cause_set(why, -EBADMSG,
				 "'%s' is new: it needs a value and a policy, for a secret that "
				 "says nothing of who may have it goes to nobody; 'cococtl attest "
				 "policy --from-bundle=FILE --release=once' makes one of a guest's "
				 "evidence",
				 c->path);
	r = build_new(s, c, &old, &new, rules, why);
	if (r < 0)
		return r;
	if (c->check || (c->unless_same && !c->value && new.policy_len == old.policy_len &&
			 memcmp(new.policy, old.policy, old.policy_len) == 0)) {
		*ret_version = old.version;
		return 0;
	}
	r = write_new(s, c, key, revision, &new, rules, why);
	if (r == 0)
		*ret_version = new.version;
	return r;
}

static int check_change(const struct secret_change *c, struct cause *why)
{
	_cleanup_(freep) char *evidence = NULL;
	struct secret_mode mode;
	int r;

	/* Only a plugin makes secrets of another form, and there is none. */
	if (!kbs_path_is_valid(c->path) || c->path[0] == '+')
		return cause_set(why, -EBADMSG,
				 "'%s' is not the path of a secret, REPOSITORY/TYPE/TAG", c->path);
	if (!c->policy)
		return 0;
	r = secret_policy_read(c->policy, c->policy_len, &mode, &evidence, why);
	return r < 0 ? r : secret_policy_check_until(&mode, evidence, time(NULL), why);
}

int service_secret_set(struct service *s, const struct secret_change *c, uint64_t *ret_version,
		       struct cause *why)
{
	char key[RECORD_KEY_LEN];
	int r;

	r = check_change(c, why);
	if (r < 0)
		return r;
	key_secret(c->path, key);
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		r = try_set(s, c, key, ret_version, why);
		if (r != -ESTALE)
			return r;
	}
	return cause_set(why, -EAGAIN, "others change '%s' at the same time: try again", c->path);
}

/* ---- away with it ---- */

/* The keys of a secret's claims, a page of them. */
struct key_list {
	unsigned n;
	char keys[STORE_MEMBERS_MAX][RECORD_KEY_LEN];
	uint64_t revisions[STORE_MEMBERS_MAX];
};

static int list_key(void *userdata, const char *key, const struct store_value *v)
{
	struct key_list *l = userdata;

	if (strlen(key) >= RECORD_KEY_LEN)
		return -EBADMSG;
	(void) snprintf(l->keys[l->n], RECORD_KEY_LEN, "%s", key);
	l->revisions[l->n++] = v->revision;
	return l->n == STORE_MEMBERS_MAX;
}

/* "coco/claim/HASH/" */
static int claims_prefix(const char *path, char ret[static RECORD_KEY_LEN], struct cause *why)
{
	static const uint8_t none[32];
	char *slash;

	if (key_claim(path, PER_VM, none, ret) < 0)
		return cause_set_oom(why);
	slash = strrchr(ret, '/');
	slash[1] = '\0';
	return 0;
}

/* How claims are deleted. */
struct deletion {
	struct service *s;
	const char *path, *who;
	const char *what;		/* for a line of the audit log each; NULL: none */
	/* only while there is no such key; NULL: in any case */
	const char *unless;
	struct cause *why;
};

/* Returns 1, or 0 if somebody else was faster. */
static int try_delete(const struct deletion *d, const char *key, uint64_t revision)
{
	_cleanup_(json_putp) struct json_object *line =
		d->what ? line_new(d->what, d->path, d->who) : NULL;
	struct store_member m = { .n_changes = 1, .changes = { { .key = key } } };
	const char *slash = strrchr(key, '/');
	int r;

	if (d->what && line_text(line, "launch", slash + 1) < 0)
		return cause_set_oom(d->why);
	m.compares[m.n_compares++] = (struct store_compare){ key, revision };
	if (d->unless)
		m.compares[m.n_compares++] = (struct store_compare){ d->unless, 0 };
	r = writer_commit(d->s->writer, &m, line, WRITE_USEC, d->why);
	return r < 0 ? r : m.done;
}

/*
 * Delete a key that had @revision, or 0 if that is to be read.  A claim that is counted up at the
 * same time goes too.  Returns 1, or 0 if it is not there.
 */
static int delete_key(const struct deletion *d, const char *key, uint64_t revision)
{
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		int r;

		if (revision == 0) {
			r = store_revision(d->s->store, key, &revision, d->why);
			if (r < 0 || revision == 0)
				return r;
		}
		r = try_delete(d, key, revision);
		if (r != 0)
			return r;
		revision = 0;
	}
	return cause_set(d->why, -EAGAIN,
			 "others use '%s' at the same time, and some of its claims are left: try "
			 "again",
			 d->path);
}

/* Delete all claims.  @ret_n counts them. */
static int delete_claims(const struct deletion *d, unsigned *ret_n)
{
	char prefix[RECORD_KEY_LEN], after[RECORD_KEY_LEN] = "";
	_cleanup_(freep) struct key_list *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return cause_set_oom(d->why);
	r = claims_prefix(d->path, prefix, d->why);
	if (r < 0)
		return r;
	do {
		l->n = 0;
		r = store_walk(d->s->store, prefix, after[0] ? after : NULL, STORE_MEMBERS_MAX,
			       list_key, l, d->why);
		if (r == -EBADMSG)
			return cause_set(d->why, r, "a key in the store is too long");
		for (unsigned i = 0; i < l->n && r >= 0; i++) {
			r = delete_key(d, l->keys[i], l->revisions[i]);
			*ret_n += r > 0;
		}
		if (r < 0)
			return r;
		if (l->n > 0)
			memcpy(after, l->keys[l->n - 1], sizeof(after));
	} while (l->n == STORE_MEMBERS_MAX);
	return 0;
}

static int delete_launches(const struct deletion *d)
{
	struct deletion quiet = *d;
	char key[RECORD_KEY_LEN];

	quiet.what = NULL;
	if (key_launches(d->path, key) < 0)
		return cause_set_oom(d->why);
	return MIN(delete_key(&quiet, key, 0), 0);
}

/*
 * The secret goes first, with the line.  If the rest fails, its claims stay, which keeps a new
 * secret of that name from those who had the old one, and nobody else.  If there is such a new one
 * meanwhile, claims may be its own, and stay.
 */
int service_secret_remove(struct service *s, const char *path, const char *who, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *line = line_new("remove", path, who);
	struct store_member m = { .n_compares = 1, .n_changes = 1 };
	char key[RECORD_KEY_LEN];
	const struct deletion d = { .s = s, .path = path, .unless = key, .why = why };
	unsigned n = 0;
	int r;

	if (!line)
		return cause_set_oom(why);
	if (!kbs_path_is_valid(path))
		return cause_set(why, -ENOENT, "there is no secret '%s'", path);
	key_secret(path, key);
	for (unsigned i = 0; i < TRIES_MAX && !m.done; i++) {
		_cleanup_(store_value_done) struct store_value v = { .data = NULL };

		r = store_get(s->store, key, &v, why);
		if (r < 0)
			return r;
		if (v.revision == 0)
			return cause_set(why, -ENOENT, "there is no secret '%s'", path);
		m.compares[0] = (struct store_compare){ key, v.revision };
		m.changes[0] = (struct store_change){ key, NULL, 0, 0 };
		r = writer_commit(s->writer, &m, line, WRITE_USEC, why);
		if (r < 0)
			return r;
	}
	if (!m.done)
		return cause_set(why, -EAGAIN, "others change '%s' at the same time: try again",
				 path);
	r = delete_claims(&d, &n);
	return r < 0 ? r : delete_launches(&d);
}

/* ---- again ---- */

static int rearm_one(const struct deletion *d, const uint8_t launch[static 32], unsigned *ret_n)
{
	char key[RECORD_KEY_LEN];
	int r;

	if (key_claim(d->path, PER_LAUNCH, launch, key) < 0)
		return cause_set_oom(d->why);
	r = delete_key(d, key, 0);
	if (r == 0)
		return cause_set(d->why, -ENOENT, "this launch has no claim on '%s'", d->path);
	*ret_n = r > 0;
	return MIN(r, 0);
}

int service_secret_rearm(struct service *s, const char *path, const uint8_t *launch,
			 const char *who, unsigned *ret_n, struct cause *why)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	const struct deletion d = { .s = s, .path = path, .who = who, .what = "rearm",
				    .why = why };
	char key[RECORD_KEY_LEN];
	int r;

	*ret_n = 0;
	if (!kbs_path_is_valid(path))
		return cause_set(why, -ENOENT, "there is no secret '%s'", path);
	key_secret(path, key);
	r = store_get(s->store, key, &v, why);
	if (r < 0)
		return r;
	if (v.revision == 0)
		return cause_set(why, -ENOENT, "there is no secret '%s'", path);
	if (launch)
		return rearm_one(&d, launch, ret_n);
	r = delete_claims(&d, ret_n);
	return r < 0 ? r : delete_launches(&d);
}
