/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/policy-memo.h"

#include <pthread.h>

struct entry {
	uint8_t rules[32];	/* of its text */
	struct secret_mode mode;
	char *evidence;		/* NULL: the entry is free */
};

struct policy_memo {
	pthread_mutex_t lock;	/* for all below */
	unsigned oldest;	/* is replaced next */
	struct entry entries[POLICY_MEMO_MAX];
};

int policy_memo_new(struct policy_memo **ret)
{
	struct policy_memo *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	(void) pthread_mutex_init(&m->lock, NULL);
	*ret = m;
	return 0;
}

struct policy_memo *policy_memo_free(struct policy_memo *m)
{
	if (!m)
		return NULL;
	for (unsigned i = 0; i < POLICY_MEMO_MAX; i++)
		free(m->entries[i].evidence);
	(void) pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

/* Returns 1; 0 if it is not there; -ENOMEM. */
static int recall(struct policy_memo *m, const uint8_t rules[static 32],
		  struct secret_mode *ret_mode, char **ret_evidence)
{
	int r = 0;

	(void) pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < POLICY_MEMO_MAX && r == 0; i++) {
		const struct entry *e = &m->entries[i];

		if (!e->evidence || memcmp(e->rules, rules, sizeof(e->rules)) != 0)
			continue;
		*ret_evidence = strdup(e->evidence);
		*ret_mode = e->mode;
		r = *ret_evidence ? 1 : -ENOMEM;
	}
	(void) pthread_mutex_unlock(&m->lock);
	return r;
}

/* Two threads may remember the same: that takes a place, and harms nobody. */
static void remember(struct policy_memo *m, const uint8_t rules[static 32],
		     const struct secret_mode *mode, const char *evidence)
{
	char *copy = strdup(evidence);
	struct entry *e;

	if (!copy)
		return;
	(void) pthread_mutex_lock(&m->lock);
	e = &m->entries[m->oldest];
	m->oldest = (m->oldest + 1) % POLICY_MEMO_MAX;
	free(e->evidence);
	memcpy(e->rules, rules, sizeof(e->rules));
	e->mode = *mode;
	e->evidence = copy;
	(void) pthread_mutex_unlock(&m->lock);
}

int policy_memo_read(struct policy_memo *m, const char *text, size_t len,
		     struct secret_mode *ret_mode, char **ret_evidence,
		     uint8_t ret_rules[static 32], struct cause *why)
{
	int r;

	r = secret_policy_rules(text, len, ret_rules);
	if (r == 0 && m)
		r = recall(m, ret_rules, ret_mode, ret_evidence);
	if (r < 0)
		return cause_set(why, r, "its policy cannot be read");
	if (r > 0)
		return 0;
	r = secret_policy_read(text, len, ret_mode, ret_evidence, why);
	if (r == 0 && m)
		remember(m, ret_rules, ret_mode, *ret_evidence);
	return r;
}
