/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secrets/store.h"

#include <search.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/io.h"

#define MAX_SOURCES 4

/* What the last scan of a source has seen; without a listing the next one takes all of it anew. */
struct scan {
	struct source_listing listing;
	int result;		/* a count, or a negative errno */
};

struct store {
	const struct secret_policy *policies;
	size_t n_policies;
	const struct secret_source *directory;
	char *journal_path;
	bool dirty;		/* the journal does not have all changes yet */
	bool lossy;
	uint64_t lossy_usec;	/* CLOCK_REALTIME when the loss was first seen */
	unsigned believed;	/* one bit for each source */
	/* Pointers, so that entries do not move when others are added. */
	struct store_entry **entries;
	size_t n_entries, room;
	/* Trees of tsearch(3): of entries and of policies, each by its GUID and its name. */
	void *by_guid, *by_name, *policies_by_guid, *policies_by_name;
	struct scan scans[MAX_SOURCES];
	uint64_t mark;		/* of the entries in the listing that was taken last */
	unsigned n_held;	/* store_hold() without its store_let_go() */
	int written;		/* what the last attempt to write the journal returned */
};

static const struct secret_source *source_at(const struct store *s, unsigned i)
{
	if (!s->directory)
		return source_get(i);
	return i == 0 ? s->directory : i == 1 ? source_broker() : NULL;
}

const struct secret_source *store_source(struct store *s, unsigned i, int *ret_result)
{
	const struct secret_source *src = source_at(s, i);

	if (src && ret_result)
		*ret_result = s->scans[i].result;
	return src;
}

/* The position of @src in the list of sources; 0 when it is not in the list. */
static unsigned source_rank(const struct store *s, const struct secret_source *src)
{
	for (unsigned i = 0; source_at(s, i); i++)
		if (source_at(s, i) == src)
			return i;
	return 0;
}

void store_believe(struct store *s, const struct secret_source *src, bool believed)
{
	unsigned bit = 1u << source_rank(s, src);

	s->believed = believed ? s->believed | bit : s->believed & ~bit;
}

bool store_believes(const struct store *s, const struct secret_source *src)
{
	return !src || (s->believed & 1u << source_rank(s, src));
}

/*
 * The trees.  A node is a pointer to the GUID or to the name within a policy.  Who puts names into
 * a table of secrets cannot make a tree slow.
 */
static int compare_guids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct guid));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static const struct secret_policy *find_by_guid(void *const *tree, const struct guid *guid)
{
	const void *const *node = tfind(guid, tree, compare_guids);

	return node ? (const void *)((const char *)*node - offsetof(struct secret_policy, guid)) :
		      NULL;
}

static const struct secret_policy *find_by_name(void *const *tree, const char *name)
{
	const void *const *node = tfind(name, tree, compare_names);

	return node ? (const void *)((const char *)*node - offsetof(struct secret_policy, name)) :
		      NULL;
}

/* Of two with the same GUID or name the first one counts. */
static int add_to_trees(const struct secret_policy *p, void **by_guid, void **by_name)
{
	if (!tsearch(&p->guid, by_guid, compare_guids))
		return -ENOMEM;
	if (tsearch(p->name, by_name, compare_names))
		return 0;
	(void) tdelete(&p->guid, by_guid, compare_guids);
	return -ENOMEM;
}

static int add_policies(struct store *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_policies && r >= 0; i++)
		r = add_to_trees(&s->policies[i], &s->policies_by_guid, &s->policies_by_name);
	return r;
}

static void keep_node(void *p)
{
}

static struct store_entry *entry_of(const struct secret_policy *p)
{
	return p ? (struct store_entry *)((const char *)p - offsetof(struct store_entry, policy)) :
		   NULL;
}

static struct store_entry *find_guid(struct store *s, const struct guid *guid)
{
	return entry_of(find_by_guid(&s->by_guid, guid));
}

/*
 * Find the configured policy, or the default.  Returns whether it is configured.  If the
 * configuration gives the default's name to another secret, the GUID is the name.
 */
static bool find_policy(const struct store *s, const struct guid *guid, struct secret_policy *ret)
{
	const struct secret_policy *p = find_by_guid(&s->policies_by_guid, guid);

	if (p) {
		*ret = *p;
		return true;
	}
	secret_policy_default(guid, ret);
	if (find_by_name(&s->policies_by_name, ret->name))
		guid_format(guid, ret->name);
	return false;
}

static int add_entry(struct store *s, const struct guid *guid, struct store_entry **ret)
{
	struct store_entry **more, *e;

	if (s->n_entries == s->room) {
		size_t room = s->room ? 2 * s->room : 16;

		more = reallocarray(s->entries, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->entries = more;
		s->room = room;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->configured = find_policy(s, guid, &e->policy);
	if (add_to_trees(&e->policy, &s->by_guid, &s->by_name) < 0) {
		free(e);
		return -ENOMEM;
	}
	s->entries[s->n_entries++] = e;
	*ret = e;
	return 0;
}

/* ---- the journal ---- */

static void entry_to_record(const struct store_entry *e, struct journal_record *ret)
{
	*ret = (struct journal_record){
		.kind = JOURNAL_SECRET,
		.state = (uint8_t)e->state,
		.flags = e->wipe_due ? JOURNAL_WIPE_DUE : 0,
		.guid = e->policy.guid,
		.size = e->size,
	};
	if (e->source)
		snprintf(ret->source, sizeof(ret->source), "%s", e->source->name);
	memcpy(ret->since_usec, e->since_usec, sizeof(ret->since_usec));
	memcpy(ret->consumer, e->delivered_to, sizeof(ret->consumer));
}

static void delivery_to_record(const struct store_entry *e, const struct store_delivery *d,
			       struct journal_record *ret)
{
	*ret = (struct journal_record){
		.kind = JOURNAL_DELIVERY,
		.state = (uint8_t)d->outcome,
		.before = (uint8_t)d->before,
		.flags = d->peer.other_means ? JOURNAL_OTHER_MEANS : 0,
		.guid = e->policy.guid,
		.outcome_usec = d->outcome_usec,
		.peer_pid = d->peer.pid,
		.peer_start = d->peer.start,
		.asked_inode = d->peer.asked_inode,
		.asked_nsec = d->peer.asked_nsec,
		.placed = d->peer.placed,
	};
	memcpy(ret->consumer, d->consumer, sizeof(ret->consumer));
}

int store_sync(struct store *s)
{
	_cleanup_(freep) struct journal_record *list = NULL;
	size_t n = 1, i = 0;
	int r;

	if (!s->dirty)
		return 0;
	if (s->n_held > 0)
		return s->written;
	for (size_t k = 0; k < s->n_entries; k++)
		n += 1 + s->entries[k]->n_deliveries;
	list = calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (s->lossy) {
		list[i].kind = JOURNAL_GAP;
		list[i++].since_usec[0] = s->lossy_usec;
	}
	for (size_t k = 0; k < s->n_entries; k++) {
		const struct store_entry *e = s->entries[k];

		entry_to_record(e, &list[i++]);
		for (size_t d = 0; d < e->n_deliveries; d++)
			delivery_to_record(e, &e->deliveries[d], &list[i++]);
	}
	r = s->written = journal_write(s->journal_path, list, i);
	s->dirty = r < 0;
	return r;
}

void store_hold(struct store *s)
{
	s->n_held++;
}

int store_let_go(struct store *s)
{
	assert(s->n_held > 0);
	s->n_held--;
	return store_sync(s);
}

bool store_is_held(const struct store *s)
{
	return s->n_held > 0;
}

static int changed(struct store *s)
{
	s->dirty = true;
	return store_sync(s);
}

static struct store_delivery *delivery_of(struct store_entry *e, const char *consumer)
{
	for (size_t i = 0; i < e->n_deliveries; i++)
		if (streq(e->deliveries[i].consumer, consumer))
			return &e->deliveries[i];
	return NULL;
}

/* The delivery to @consumer, made if it does not exist.  NULL: out of memory. */
static struct store_delivery *delivery_add(struct store_entry *e, const char *consumer)
{
	struct store_delivery *d = delivery_of(e, consumer), *more;

	if (d)
		return d;
	more = reallocarray(e->deliveries, e->n_deliveries + 1, sizeof(*more));
	if (!more)
		return NULL;
	e->deliveries = more;
	d = &more[e->n_deliveries++];
	*d = (struct store_delivery){ .outcome = DELIVERY_NONE };
	snprintf(d->consumer, sizeof(d->consumer), "%s", consumer);
	return d;
}

/* What was never fetched and is not configured any more leaves nothing to remember. */
static bool is_forgotten(const struct store *s, const struct journal_record *r)
{
	struct secret_policy p;

	return r->state == SECRET_PRESENT && streq(r->source, source_broker()->name) &&
	       (!find_policy(s, &r->guid, &p) || !p.path[0]);
}

static int load_secret(struct store *s, const struct journal_record *r)
{
	const struct secret_source *src;
	struct store_entry *e;
	int err;

	if (is_forgotten(s, r))
		return 0;
	err = add_entry(s, &r->guid, &e);
	if (err < 0)
		return err;
	for (unsigned i = 0; (src = store_source(s, i, NULL)); i++)
		if (streq(src->name, r->source))
			e->source = src;
	e->size = (size_t)r->size;
	e->state = r->state;
	e->wipe_due = r->flags & JOURNAL_WIPE_DUE;
	memcpy(e->since_usec, r->since_usec, sizeof(e->since_usec));
	memcpy(e->delivered_to, r->consumer, sizeof(e->delivered_to));
	return 0;
}

static int load_delivery(struct store *s, const struct journal_record *r)
{
	struct store_entry *e = find_guid(s, &r->guid);
	struct store_delivery *d;

	if (!e)
		return 0;
	d = delivery_add(e, r->consumer);
	if (!d)
		return -ENOMEM;
	d->outcome = r->state;
	d->before = r->before;
	d->outcome_usec = r->outcome_usec;
	d->peer = (struct delivery_peer){
		.pid = r->peer_pid,
		.start = r->peer_start,
		.asked_inode = r->asked_inode,
		.asked_nsec = r->asked_nsec,
		.other_means = r->flags & JOURNAL_OTHER_MEANS,
		.placed = r->placed,
	};
	return 0;
}

static int load_journal(struct store *s, const struct journal *j)
{
	int r = 0;

	for (size_t i = 0; i < j->n && r >= 0; i++)
		if (j->records[i].kind == JOURNAL_SECRET)
			r = load_secret(s, &j->records[i]);
	for (size_t i = 0; i < j->n && r >= 0; i++)
		if (j->records[i].kind == JOURNAL_DELIVERY)
			r = load_delivery(s, &j->records[i]);
	s->lossy = j->lossy;
	for (size_t i = 0; i < j->n && r >= 0; i++)
		if (j->records[i].kind == JOURNAL_GAP) {
			s->lossy = true;
			s->lossy_usec = j->records[i].since_usec[0];
		}
	if (s->lossy && !s->lossy_usec)
		s->lossy_usec = clock_usec(CLOCK_REALTIME);
	return r;
}

/* The broker's secrets need not be looked for.  What the journal knows of them counts. */
static int add_remote(struct store *s)
{
	for (size_t i = 0; i < s->n_policies; i++) {
		struct store_entry *e = find_guid(s, &s->policies[i].guid);
		int r;

		if (!s->policies[i].path[0])
			continue;
		if (!e) {
			r = add_entry(s, &s->policies[i].guid, &e);
			if (r < 0)
				return r;
			e->since_usec[SECRET_PRESENT] = clock_usec(CLOCK_REALTIME);
		}
		if (!e->source)
			e->source = source_broker();
	}
	return 0;
}

bool store_is_lossy(const struct store *s)
{
	return s->lossy;
}

int store_new(const struct secret_policy *policies, size_t n_policies,
	      const struct secret_source *directory, const char *journal_path, struct store **ret)
{
	_cleanup_(journal_done) struct journal j = { 0 };
	_cleanup_(store_freep) struct store *s = NULL;
	const struct secret_source *src;
	int r, read;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->policies = policies;
	s->n_policies = n_policies;
	s->directory = directory;
	s->journal_path = strdup(journal_path);
	if (!s->journal_path)
		return -ENOMEM;
	for (unsigned i = 0; (src = store_source(s, i, NULL)); i++) {
		s->scans[i].result = -ENOENT;
		store_believe(s, src, !src->host_table);
	}
	r = add_policies(s);
	if (r < 0)
		return r;
	read = journal_read(journal_path, &j);
	if (read == -ENOMEM)
		return read;
	r = load_journal(s, &j);
	if (r >= 0)
		r = add_remote(s);
	if (r < 0)
		return r;
	/* A journal in which nothing would be is as good as none. */
	s->dirty = s->n_entries > 0 || s->lossy || j.n > 0;
	(void) store_sync(s);
	*ret = TAKE_PTR(s);
	return read;
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_entries; i++) {
		free(s->entries[i]->deliveries);
		free(s->entries[i]);
	}
	free(s->entries);
	for (size_t i = 0; i < MAX_SOURCES; i++)
		source_listing_done(&s->scans[i].listing);
	tdestroy(s->by_guid, keep_node);
	tdestroy(s->by_name, keep_node);
	tdestroy(s->policies_by_guid, keep_node);
	tdestroy(s->policies_by_name, keep_node);
	free(s->journal_path);
	free(s);
	return NULL;
}

/* ---- the sources ---- */

/*
 * The size of a listed secret.  Its file is looked at when it is new or another than before.  If
 * it does not say, the secret is read to find out: when the entry is new or now comes from another
 * source.
 */
static int size_of(const struct secret_source *src, const struct source_entry *listed,
		   const struct store_entry *e, size_t *ret)
{
	bool known = e && e->source == src;
	int r = 0;

	*ret = known ? e->size : 0;
	if (known && listed->sure && e->inode == listed->inode)
		return 0;
	r = source_stat(src, &listed->guid, ret);
	if (r < 0 || *ret > 0)
		return r;
	if (!known)
		return source_size(src, &listed->guid, ret);
	*ret = e->size;
	return 0;
}

/* A new entry, or NULL: out of memory. */
static struct store_entry *entry_new(struct store *s, const struct guid *guid)
{
	struct store_entry *e;

	if (add_entry(s, guid, &e) < 0)
		return NULL;
	e->since_usec[SECRET_PRESENT] = clock_usec(CLOCK_REALTIME);
	s->dirty = true;
	return e;
}

/*
 * Take one entry of a source's list.  Returns 1 when it is new, 0 when it is known or has the GUID
 * of a secret that only the broker has; -ENOKEY when it is gone by now; -EINVAL when it is no file.
 */
static int take_listed(struct store *s, const struct secret_source *src,
		       const struct source_entry *listed)
{
	struct store_entry *e = find_guid(s, &listed->guid);
	size_t size;
	bool is_new = !e || (store_is_remote(e) && e->state == SECRET_PRESENT);
	int r;

	if (e && e->policy.no_launch)
		return 0;
	r = size_of(src, listed, e, &size);
	if (r < 0)
		return r;
	e = e ?: entry_new(s, &listed->guid);
	if (!e)
		return -ENOMEM;
	if (e->source != src || e->size != size)
		s->dirty = true;
	e->source = src;
	e->size = size;
	e->inode = listed->inode;
	e->returned = e->state == SECRET_WIPED;
	return is_new;
}

static void set_state(struct store *s, struct store_entry *e, enum secret_state state)
{
	if (state <= e->state)
		return;
	e->state = state;
	e->since_usec[state] = clock_usec(CLOCK_REALTIME);
	s->dirty = true;
}

static void forget_listing(struct scan *scan)
{
	source_listing_done(&scan->listing);
}

/*
 * Take all of a listing.  Returns how many secrets it has; *@ret_whole is cleared when one of them
 * could not be looked at, as it had gone.
 */
static int take_listing(struct store *s, const struct secret_source *src,
			const struct source_listing *l, int *ret_new, bool *ret_whole)
{
	struct source_entry listed;
	size_t pos = 0;
	int n = 0, r;

	s->mark++;
	*ret_whole = true;
	while (source_listing_next(src, l, &pos, &listed)) {
		struct store_entry *e;

		r = take_listed(s, src, &listed);
		if (r == -ENOKEY || r == -EINVAL)
			*ret_whole = false;
		else if (r < 0)
			return r;
		if (r == -EINVAL)
			continue;
		e = find_guid(s, &listed.guid);
		if (e)
			e->mark = s->mark;
		*ret_new += MAX(r, 0);
		n++;
	}
	return n;
}

/* What is not in the listing that was taken last has been unlinked. */
static void note_gone(struct store *s, const struct secret_source *src)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		struct store_entry *e = s->entries[i];

		if (e->source != src || e->mark == s->mark)
			continue;
		e->returned = false;
		set_state(s, e, SECRET_WIPED);
	}
}

static int scan_source(struct store *s, const struct secret_source *src, struct scan *scan,
		       int *ret_new)
{
	_cleanup_(source_listing_done) struct source_listing l = { NULL };
	bool whole;
	int n, r;

	r = source_list(src, scan->listing.len, &l);
	if (r < 0)
		return r;
	if (source_listing_equal(&l, &scan->listing))
		return scan->result;
	forget_listing(scan);
	n = take_listing(s, src, &l, ret_new, &whole);
	if (n < 0)
		return n;
	note_gone(s, src);
	if (whole) {
		scan->listing = l;
		l = (struct source_listing){ NULL };
	}
	return n;
}

/* Returns how many secrets the broker has, or -ENOENT when there is none. */
static int count_remote(const struct store *s)
{
	int n = 0;

	for (size_t i = 0; i < s->n_entries; i++)
		n += s->entries[i]->policy.path[0] != '\0';
	return n > 0 ? n : -ENOENT;
}

int store_scan(struct store *s)
{
	const struct secret_source *src;
	int n_new = 0, error = 0, r = -ENOENT;
	bool any = false;

	for (unsigned i = 0; (src = store_source(s, i, NULL)); i++) {
		struct scan *scan = &s->scans[i];

		if (src->remote) {
			scan->result = count_remote(s);
			continue;
		}
		if (!store_believes(s, src))
			r = -ENOENT;
		else
			r = src->same && r >= 0 ? -ENOENT : scan_source(s, src, scan, &n_new);
		scan->result = r;
		any = any || r >= 0;
		if (r < 0)
			forget_listing(scan);
		if (r < 0 && r != -ENOENT && !error)
			error = r;
	}
	(void) store_sync(s);
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
	struct store_entry *e;
	struct guid guid;

	if (guid_parse(name_or_guid, strlen(name_or_guid), &guid) == 0) {
		e = find_guid(s, &guid);
		if (e)
			return e;
	}
	return entry_of(find_by_name(&s->by_name, name_or_guid));
}

bool store_is_remote(const struct store_entry *e)
{
	return e->source && e->source->remote && e->policy.path[0];
}

int store_origin(const struct store *s, const struct store_entry *e, unsigned n,
		 enum secret_origin *ret)
{
	bool here = e->source && !e->source->remote && store_believes(s, e->source);
	enum secret_origin o;

	for (unsigned i = 0; e->state != SECRET_WIPED && secret_policy_origin(&e->policy, i, &o);
	     i++) {
		if (o == ORIGIN_LAUNCH && !here)
			continue;
		if (n-- > 0)
			continue;
		*ret = o;
		return 1;
	}
	return 0;
}

/* Which secrets may go to a consumer. */
struct wanted {
	const char *consumer;
	int level;		/* what secret_policy_allows() must return */
	bool any_source;	/* a secret may take the place of a wiped one of another source */
	/* not NULL: only secrets with the origins of this policy */
	const struct secret_policy *like;
	bool configured;	/* no launch secret that nobody configured */
};

static bool is_wanted(const struct store *s, const struct store_entry *e, const struct wanted *w)
{
	enum secret_origin o;

	if (secret_policy_allows(&e->policy, w->consumer) != w->level ||
	    (w->like && !secret_policy_same_origins(&e->policy, w->like)) ||
	    (w->configured && !e->configured))
		return false;
	/* A wiped secret counts, whichever sources are believed now. */
	return e->state == SECRET_WIPED || !e->source || store_origin(s, e, 0, &o);
}

/*
 * Find the best wanted entry.  This is the first entry of the first source that is not wiped.  If
 * there is none, or if it may not take the place of a wiped one, it is the first entry of the
 * first source, which is wiped.
 */
static struct store_entry *best_for(struct store *s, const struct wanted *w)
{
	struct store_entry *first = NULL, *best = NULL;

	for (size_t i = 0; i < s->n_entries; i++) {
		struct store_entry *e = s->entries[i];
		unsigned rank = source_rank(s, e->source);

		if (!is_wanted(s, e, w))
			continue;
		if (!first || rank < source_rank(s, first->source))
			first = e;
		if (e->state != SECRET_WIPED &&
		    (!best || rank < source_rank(s, best->source)))
			best = e;
	}
	if (best && !w->any_source && best->source != first->source)
		return first;
	if (best && !secret_policy_same_origins(&best->policy, &first->policy))
		return first;
	return best ?: first;
}

/* The first policy that names @consumer, even if its secret was never seen. */
static const struct secret_policy *policy_for(const struct store *s, const char *consumer)
{
	for (size_t i = 0; i < s->n_policies; i++)
		if (secret_policy_allows(&s->policies[i], consumer) == 2)
			return &s->policies[i];
	return NULL;
}

/* True if the broker has a secret for any volume. */
static bool broker_has_any(const struct store *s, const char *consumer)
{
	for (size_t i = 0; i < s->n_policies; i++)
		if (s->policies[i].path[0] &&
		    secret_policy_allows(&s->policies[i], consumer) == 1)
			return true;
	return false;
}

struct store_entry *store_for_volume(struct store *s, const char *volume)
{
	char consumer[sizeof(CONSUMER_CRYPTSETUP) + 1 + MSG_NAME_LEN];
	struct wanted w = { .consumer = consumer, .level = 2, .any_source = true };
	struct store_entry *e;

	if (strlen(volume) > MSG_NAME_LEN)
		return NULL;
	snprintf(consumer, sizeof(consumer), CONSUMER_CRYPTSETUP ":%s", volume);
	e = best_for(s, &w);
	if (!e) {
		w = (struct wanted){ .consumer = consumer,
				     .level = 1,
				     .like = policy_for(s, consumer),
				     .configured = broker_has_any(s, consumer) };
		e = best_for(s, &w);
	}
	/*
	 * If the journal has lost something, the owner's secret may have been wiped before.  Then
	 * a secret of the host's table takes its place only where the owner named the volume for
	 * it.
	 */
	if (e && s->lossy && e->source && e->source->host_table &&
	    secret_policy_allows(&e->policy, consumer) != 2)
		return NULL;
	return e;
}

void store_look(struct store *s, struct store_entry *e)
{
	size_t size;

	/* What the firmware's area has does not change its size. */
	if (e->state == SECRET_WIPED || !e->source || e->source->remote || e->source->zeroes ||
	    source_stat(e->source, &e->policy.guid, &size) < 0 || size == e->size)
		return;
	e->size = size;
	(void) changed(s);
}

int store_read(const struct store *s, const struct store_entry *e, struct secret **ret)
{
	if (e->state == SECRET_WIPED || !e->source)
		return -ENOKEY;
	if (!store_believes(s, e->source))
		return -EACCES;
	/* The broker is asked by whoever wants the secret, not here. */
	if (e->source->remote)
		return store_is_remote(e) ? -EREMOTE : -ENOKEY;
	return source_read(e->source, &e->policy.guid, ret);
}

/* ---- changes ---- */

const struct store_delivery *store_delivery_find(const struct store_entry *e, const char *consumer)
{
	return delivery_of((struct store_entry *)e, consumer);
}

bool store_was_delivered(const struct store_entry *e, const char *consumer)
{
	const struct store_delivery *d = store_delivery_find(e, consumer);
	enum delivery_outcome had;

	if (!d)
		return false;
	had = d->outcome == DELIVERY_OFFERED ? d->before : d->outcome;
	return had != DELIVERY_NONE && had != DELIVERY_OFFERED;
}

int store_offer(struct store *s, struct store_entry *e, const char *consumer,
		const struct delivery_peer *peer)
{
	struct store_delivery *d = delivery_add(e, consumer);

	if (!d)
		return -ENOMEM;
	if (d->outcome != DELIVERY_OFFERED)
		d->before = d->outcome;
	d->outcome = DELIVERY_OFFERED;
	d->peer = *peer;
	return changed(s);
}

int store_withdraw(struct store *s, struct store_entry *e, const char *consumer)
{
	struct store_delivery *d = delivery_of(e, consumer);

	if (!d || d->outcome != DELIVERY_OFFERED)
		return 0;
	d->outcome = d->before;
	d->before = DELIVERY_NONE;
	if (d->outcome == DELIVERY_NONE)
		*d = e->deliveries[--e->n_deliveries];
	return changed(s);
}

int store_forget(struct store *s, struct store_entry *e, const char *consumer)
{
	struct store_delivery *d = delivery_of(e, consumer);

	if (!d)
		return 0;
	*d = e->deliveries[--e->n_deliveries];
	return changed(s);
}

int store_deliver(struct store *s, struct store_entry *e, const char *consumer,
		  enum delivery_outcome outcome)
{
	struct store_delivery *d = delivery_add(e, consumer);
	bool read;

	if (!d)
		return -ENOMEM;
	/* A volume that did not open may never have read the key that was offered. */
	read = d->outcome != DELIVERY_OFFERED || outcome != DELIVERY_REJECTED;
	if (d->outcome != outcome || d->before != DELIVERY_NONE) {
		d->outcome = outcome;
		d->before = DELIVERY_NONE;
		d->outcome_usec = clock_usec(CLOCK_BOOTTIME);
		s->dirty = true;
	}
	if (!read)
		return store_sync(s);
	if (!streq(e->delivered_to, d->consumer)) {
		memcpy(e->delivered_to, d->consumer, sizeof(e->delivered_to));
		s->dirty = true;
	}
	set_state(s, e, SECRET_DELIVERED);
	return store_sync(s);
}

int store_advance(struct store *s, struct store_entry *e, enum secret_state state)
{
	set_state(s, e, state);
	return store_sync(s);
}

int store_set_wipe_due(struct store *s, struct store_entry *e)
{
	if (e->wipe_due)
		return store_sync(s);
	e->wipe_due = true;
	return changed(s);
}

int store_wipe(struct store *s, struct store_entry *e)
{
	int r;

	if (e->state == SECRET_WIPED && !e->returned)
		return 0;
	if (!e->source)
		return -ENOKEY;
	/* What is made in its place must not pass for the listing from before. */
	forget_listing(&s->scans[source_rank(s, e->source)]);
	r = e->source->remote ? 0 : source_unlink(e->source, &e->policy.guid);
	if (r < 0 && r != -ENOKEY)
		return r;
	e->returned = false;
	set_state(s, e, SECRET_WIPED);
	(void) store_sync(s);
	return 0;
}
