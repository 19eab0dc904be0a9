/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "broker/store/audit.h"

struct page {
	uint64_t before;	/* batches */
	const char *instance;
	unsigned n;
	char keys[STORE_MEMBERS_MAX][AUDIT_KEY_LEN];
};

static int see_line(void *userdata, const char *key, const struct store_value *v)
{
	struct page *p = userdata;
	uint64_t number;
	unsigned index;

	if (audit_key_read(key, p->instance, &number, &index) < 0 || number >= p->before)
		return 1;
	strcpy(p->keys[p->n++], key);
	return 0;
}

static int delete_page(struct store *s, const struct page *p, struct cause *why)
{
	_cleanup_(freep) struct store_member *m = calloc(STORE_MEMBERS_MAX, sizeof(*m));

	if (!m)
		return cause_set_oom(why);
	for (unsigned i = 0; i < p->n; i++)
		m[i] = (struct store_member){ .n_changes = 1,
					      .changes = { { .key = p->keys[i] } } };
	return store_commit(s, NULL, m, p->n, why);
}

static int delete_lines(struct store *s, const char *instance, uint64_t before, struct cause *why)
{
	_cleanup_(freep) struct page *p = malloc(sizeof(*p));
	char prefix[AUDIT_KEY_LEN];
	int r;

	if (!p)
		return cause_set_oom(why);
	p->instance = instance;
	p->before = before;
	audit_key_instance(instance, prefix);
	do {
		p->n = 0;
		r = store_walk(s, prefix, NULL, STORE_MEMBERS_MAX, see_line, p, why);
		if (r >= 0 && p->n > 0)
			r = delete_page(s, p, why);
	} while (r >= 0 && p->n > 0);
	return r < 0 ? r : 0;
}

/* ---- whether it may be ---- */

struct first_problem {
	char text[512];
};

static void see_problem(void *userdata, const char *instance, const char *text)
{
	struct first_problem *f = userdata;

	if (!f->text[0])
		(void) snprintf(f->text, sizeof(f->text), "%s", text);
}

static int check_chain(struct store *s, const struct checkpoint *c,
		       const struct checkpoint_keys *keys, struct audit_end *end, struct cause *why)
{
	struct first_problem first = { 0 };
	struct audit_check check = {
		.instance = c->instance, .keys = keys, .problem = see_problem, .userdata = &first
	};
	int r;

	r = audit_verify(s, &check, why);
	if (r > 0)
		return cause_set(why, -EKEYREJECTED,
				 "The audit log of '%s' is not whole, so nothing is deleted: %s",
				 c->instance, first.text);
	if (r == 0)
		r = audit_find_end(s, c->instance, end, why);
	if (r == 0)
		r = audit_passes(s, c->instance, end, c->batch, c->head, why);
	if (r == 0)
		return cause_set(why, -EKEYREJECTED,
				 "The checkpoint is not one of the chain of '%s'", c->instance);
	return r < 0 ? r : 0;
}

/* The chain may begin later already, but never earlier again. */
static int check_old(const struct store_value *old, const struct checkpoint *c,
		     const struct checkpoint_keys *keys, struct cause *why)
{
	struct checkpoint before;

	if (!old->data)
		return 0;
	if (checkpoint_read((struct bytes){ old->data, old->len }, keys, &before) < 0 ||
	    before.batch > c->batch)
		return cause_set(why, -EKEYREJECTED, "The chain of '%s' begins later already",
				 c->instance);
	return 0;
}

static int put_beginning(struct store *s, const char *store_key, struct bytes text,
			 uint64_t revision, struct cause *why)
{
	struct store_member m = {
		.n_compares = 1, .compares = { { store_key, revision } },
		.n_changes = 1, .changes = { { store_key, text.p, text.len, 0 } },
	};
	int r = store_commit(s, NULL, &m, 1, why);

	if (r == 0 && !m.done)
		return cause_set(why, -EAGAIN, "Somebody else trims the chain");
	return r;
}

int audit_trim(struct store *s, struct bytes text, const struct checkpoint_keys *keys,
	       struct cause *why)
{
	struct store_value old = { 0 };
	char store_key[AUDIT_KEY_LEN];
	struct audit_end end;
	struct checkpoint c;
	uint64_t revision;
	int r;

	r = checkpoint_read(text, keys, &c);
	if (r < 0)
		return cause_set(why, r, r == -EKEYREJECTED ? "Another key signed the checkpoint" :
							      "The checkpoint is malformed, "
							      "or a note of a broker's log, "
							      "which is no beginning");
	r = check_chain(s, &c, keys, &end, why);
	if (r < 0)
		return r;
	checkpoint_key(c.instance, store_key);
	r = store_get(s, store_key, &old, why);
	revision = old.revision;
	if (r == 0)
		r = check_old(&old, &c, keys, why);
	store_value_done(&old);
	/* It is there before the first line is gone. */
	if (r == 0)
		r = put_beginning(s, store_key, text, revision, why);
	if (r < 0)
		return r;
	return delete_lines(s, c.instance, MIN(c.batch, end.number - 1), why);
}
