/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/store.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/journal.h"

#define MAX_SOURCES 4

struct store {
	const struct secret_policy *policies;
	size_t n_policies;
	const struct secret_source *directory;
	int journal_fd;
	/* Pointers, so that an entry stays where it is while others come. */
	struct store_entry **entries;
	size_t n_entries;
	int scan_result[MAX_SOURCES];
};

static uint64_t now_realtime(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

const struct secret_source *store_source(struct store *s, unsigned i, int *ret_result)
{
	const struct secret_source *src = s->directory ? (i == 0 ? s->directory : NULL) : source_get(i);

	if (src && ret_result)
		*ret_result = s->scan_result[i];
	return src;
}

static struct store_entry *find_guid(struct store *s, const struct guid *guid)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (guid_equal(&s->entries[i]->policy.guid, guid))
			return s->entries[i];
	return NULL;
}

/*
 * The configured policy, or the default; a default name that the configuration gives to another
 * secret yields to the GUID.
 */
static void find_policy(const struct store *s, const struct guid *guid, struct secret_policy *ret)
{
	for (size_t i = 0; i < s->n_policies; i++)
		if (guid_equal(&s->policies[i].guid, guid)) {
			*ret = s->policies[i];
			return;
		}
	policy_default(guid, ret);
	for (size_t i = 0; i < s->n_policies; i++)
		if (streq(s->policies[i].name, ret->name))
			guid_format(guid, ret->name);
}

static int add_entry(struct store *s, const struct guid *guid, struct store_entry **ret)
{
	struct store_entry **more, *e;

	more = reallocarray(s->entries, s->n_entries + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->entries = more;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	find_policy(s, guid, &e->policy);
	s->entries[s->n_entries++] = e;
	*ret = e;
	return 0;
}

static int write_journal(struct store *s, const struct store_entry *e)
{
	struct journal_record r = {
		.magic = JOURNAL_MAGIC,
		.state = (uint8_t)e->state,
		.rejected = e->rejected,
		.guid = e->policy.guid,
		.size = e->size,
	};

	if (e->source)
		snprintf(r.source, sizeof(r.source), "%s", e->source->name);
	memcpy(r.since_usec, e->since_usec, sizeof(r.since_usec));
	memcpy(r.delivered_to, e->delivered_to, sizeof(r.delivered_to));
	return journal_append(s->journal_fd, &r);
}

static int load_record(struct store *s, const struct journal_record *r)
{
	const struct secret_source *src;
	struct store_entry *e;
	int err = add_entry(s, &r->guid, &e);

	if (err < 0)
		return err;
	for (unsigned i = 0; (src = store_source(s, i, NULL)); i++)
		if (streq(src->name, r->source))
			e->source = src;
	e->size = (size_t)r->size;
	e->state = r->state;
	e->rejected = r->rejected;
	memcpy(e->since_usec, r->since_usec, sizeof(e->since_usec));
	memcpy(e->delivered_to, r->delivered_to, sizeof(e->delivered_to));
	return 0;
}

int store_new(const struct secret_policy *policies, size_t n_policies,
	      const struct secret_source *directory, const char *journal_path, struct store **ret)
{
	_cleanup_(freep) struct journal_record *records = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	size_t n = 0;
	int r, damaged;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->policies = policies;
	s->n_policies = n_policies;
	s->directory = directory;
	s->journal_fd = -EBADF;
	for (size_t i = 0; i < MAX_SOURCES; i++)
		s->scan_result[i] = -ENOENT;

	damaged = journal_open(journal_path, &s->journal_fd, &records, &n);
	if (damaged < 0)
		return damaged;
	for (size_t i = 0; i < n; i++) {
		r = load_record(s, &records[i]);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(s);
	return damaged;
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_entries; i++)
		free(s->entries[i]);
	free(s->entries);
	(void) close_fd(s->journal_fd);
	free(s);
	return NULL;
}

/* One entry of a source's list.  Returns 1 when it is new. */
static int take_listed(struct store *s, const struct secret_source *src,
		       const struct source_entry *listed)
{
	struct store_entry *e = find_guid(s, &listed->guid);
	int r;

	if (e && e->state != SECRET_WIPED) {
		e->source = src;
		e->size = listed->size;
		return 0;
	}
	if (!e) {
		r = add_entry(s, &listed->guid, &e);
		if (r < 0)
			return r;
	}
	/*
	 * One that was wiped and is there again is another secret: the driver was loaded over a
	 * new table.
	 */
	e->source = src;
	e->size = listed->size;
	e->state = SECRET_PRESENT;
	e->rejected = false;
	memset(e->since_usec, 0, sizeof(e->since_usec));
	memset(e->delivered_to, 0, sizeof(e->delivered_to));
	e->since_usec[SECRET_PRESENT] = now_realtime();
	r = write_journal(s, e);
	return r < 0 ? r : 1;
}

static bool listed(const struct guid *guid, const struct source_entry *list, int n)
{
	for (int i = 0; i < n; i++)
		if (guid_equal(&list[i].guid, guid))
			return true;
	return false;
}

static int scan_source(struct store *s, const struct secret_source *src, int *ret_new)
{
	_cleanup_(freep) struct source_entry *list = NULL;
	int n, r;

	n = source_list(src, &list);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		r = take_listed(s, src, &list[i]);
		if (r < 0)
			return r;
		*ret_new += r;
	}
	for (size_t i = 0; i < s->n_entries; i++) {
		struct store_entry *e = s->entries[i];

		if (e->source == src && e->state != SECRET_WIPED &&
		    !listed(&e->policy.guid, list, n)) {
			r = store_advance(s, e, SECRET_WIPED, NULL);
			if (r < 0)
				return r;
		}
	}
	return n;
}

int store_scan(struct store *s)
{
	const struct secret_source *src;
	int n_new = 0, error = 0, r = -ENOENT;
	bool any = false;

	for (unsigned i = 0; (src = store_source(s, i, NULL)); i++) {
		r = src->same && r >= 0 ? -ENOENT : scan_source(s, src, &n_new);
		s->scan_result[i] = r;
		any = any || r >= 0;
		if (r < 0 && r != -ENOENT && !error)
			error = r;
	}
	if (error)
		return error;
	return any ? n_new : -ENOENT;
}

struct store_entry *store_get(struct store *s, size_t i)
{
	return i < s->n_entries ? s->entries[i] : NULL;
}

struct store_entry *store_find(struct store *s, const char *name_or_guid)
{
	struct guid guid;

	for (size_t i = 0; i < s->n_entries; i++)
		if (streq(s->entries[i]->policy.name, name_or_guid))
			return s->entries[i];
	if (guid_parse(name_or_guid, strlen(name_or_guid), &guid) < 0)
		return NULL;
	return find_guid(s, &guid);
}

struct store_entry *store_for_volume(struct store *s, const char *volume)
{
	char consumer[sizeof(CONSUMER_CRYPTSETUP) + 1 + MSG_NAME_LEN];
	struct store_entry *best = NULL;
	int best_score = 0;

	if (strlen(volume) > MSG_NAME_LEN)
		return NULL;
	snprintf(consumer, sizeof(consumer), CONSUMER_CRYPTSETUP ":%s", volume);
	for (size_t i = 0; i < s->n_entries; i++) {
		struct store_entry *e = s->entries[i];
		int score = policy_allows(&e->policy, consumer);

		if (score > 0)
			score += e->state != SECRET_WIPED ? 2 : 0;
		if (score > best_score) {
			best = e;
			best_score = score;
		}
	}
	return best;
}

int store_read(const struct store_entry *e, struct secret **ret)
{
	if (e->state == SECRET_WIPED || !e->source)
		return -ENOKEY;
	return source_read(e->source, &e->policy.guid, ret);
}

int store_advance(struct store *s, struct store_entry *e, enum secret_state state,
		  const char *consumer)
{
	if (consumer) {
		snprintf(e->delivered_to, sizeof(e->delivered_to), "%s", consumer);
		e->rejected = false;
	}
	if (state > e->state) {
		e->state = state;
		e->since_usec[state] = now_realtime();
	}
	return write_journal(s, e);
}

int store_reject(struct store *s, struct store_entry *e)
{
	e->rejected = true;
	return write_journal(s, e);
}

int store_wipe(struct store *s, struct store_entry *e)
{
	int r;

	if (e->state == SECRET_WIPED)
		return 0;
	if (!e->source)
		return -ENOKEY;
	r = source_unlink(e->source, &e->policy.guid);
	if (r < 0 && r != -ENOKEY)
		return r;
	return store_advance(s, e, SECRET_WIPED, NULL);
}
