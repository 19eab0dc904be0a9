/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#include <openssl/rand.h>
#include <openssl/sha.h>

/* More entries than there are connections: to fill a set takes luck, since nobody knows the key. */
#define SETS 8192
#define WAYS 8
#define RELAYS_MAX 64
#define KEY_LEN 32
#define NSEC_PER_SEC UINT64_C(1000000000)

/*
 * A token bucket as one number: the time at which it is full again.  A request moves that on by
 * the time between two requests; it may not lie further ahead than the burst.
 */
struct bucket {
	uint64_t full_nsec;
	uint32_t n_connections;
};

struct pace {
	uint64_t each_nsec, burst_nsec;
};

struct net {
	uint8_t bytes[9];		/* family; 4 or 8 bytes of the address, then zeros */
};

struct entry {
	struct net net;
	struct bucket bucket;
};

struct limits {
	pthread_mutex_t lock;
	struct pace one, all;
	unsigned connections;
	uint8_t key[KEY_LEN];
	unsigned n_relays;
	struct in6_addr relays[RELAYS_MAX];
	struct bucket total;		/* from here on under the lock */
	struct bucket shared[SETS];
	struct entry entries[SETS * WAYS];
};

/* ---- addresses ---- */

static struct in6_addr mapped(const struct in_addr *v4)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&a.s6_addr[12], v4, sizeof(*v4));
	return a;
}

static bool address_of(const struct sockaddr *sa, struct in6_addr *ret)
{
	if (sa->sa_family == AF_INET)
		*ret = mapped(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		*ret = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	else
		return false;
	return true;
}

static struct net net_of(const struct in6_addr *a)
{
	struct net n = { .bytes = { 6 } };

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		n.bytes[0] = 4;
		memcpy(&n.bytes[1], &a->s6_addr[12], 4);
	} else {
		memcpy(&n.bytes[1], a->s6_addr, 8);
	}
	return n;
}

static bool is_relay(const struct limits *l, const struct in6_addr *a)
{
	for (unsigned i = 0; i < l->n_relays; i++)
		if (IN6_ARE_ADDR_EQUAL(&l->relays[i], a))
			return true;
	return false;
}

/* ---- buckets ---- */

static struct pace pace_of(unsigned rate, unsigned burst)
{
	uint64_t each = NSEC_PER_SEC / rate;

	return (struct pace){ .each_nsec = each, .burst_nsec = each * burst };
}

/* How long until @b has room for one more; 0: now. */
static uint64_t wait_for(const struct bucket *b, const struct pace *p, uint64_t now)
{
	uint64_t full = MAX(b->full_nsec, now) + p->each_nsec;

	return full - now > p->burst_nsec ? full - now - p->burst_nsec : 0;
}

static void take_one(struct bucket *b, const struct pace *p, uint64_t now)
{
	b->full_nsec = MAX(b->full_nsec, now) + p->each_nsec;
}

static uint32_t set_of(const struct limits *l, const struct net *n)
{
	uint8_t text[KEY_LEN + sizeof(n->bytes)], hash[SHA256_DIGEST_LENGTH];
	uint32_t set;

	memcpy(text, l->key, KEY_LEN);
	memcpy(text + KEY_LEN, n->bytes, sizeof(n->bytes));
	SHA256(text, sizeof(text), hash);
	memcpy(&set, hash, sizeof(set));
	return set % SETS;
}

/* To forget it makes no difference. */
static bool is_spare(const struct entry *e, uint64_t now)
{
	return e->bucket.n_connections == 0 && e->bucket.full_nsec <= now;
}

/* The entry of @n, if need be a new one; NULL when all of its set are needed. */
static struct entry *find_entry(struct limits *l, uint32_t set, const struct net *n, uint64_t now)
{
	struct entry *spare = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &l->entries[set * WAYS + i];

		if (memcmp(&e->net, n, sizeof(*n)) == 0)
			return e;
		if (!spare && is_spare(e, now))
			spare = e;
	}
	if (spare)
		*spare = (struct entry){ .net = *n };
	return spare;
}

static struct bucket *bucket_of(struct limits *l, const struct limits_place *p)
{
	return p->shared ? &l->shared[p->index] : &l->entries[p->index].bucket;
}

static bool enter(struct limits *l, uint32_t set, const struct net *n, uint64_t now,
		  struct limits_place *ret)
{
	struct entry *e = find_entry(l, set, n, now);
	struct bucket *b;

	*ret = (struct limits_place){
		.shared = !e,
		.index = e ? (uint32_t)(e - l->entries) : set,
	};
	b = bucket_of(l, ret);
	if (b->n_connections >= l->connections)
		return false;
	b->n_connections++;
	return true;
}

/* While it is connected, an entry stays where it is. */
bool limits_enter(struct limits *l, const struct sockaddr *sa, uint64_t now_usec,
		  struct limits_place *ret)
{
	struct in6_addr a;
	struct net n;
	uint32_t set;
	bool may;

	if (!address_of(sa, &a) || is_relay(l, &a)) {
		*ret = limits_free_place();
		return true;
	}
	n = net_of(&a);
	set = set_of(l, &n);
	(void) pthread_mutex_lock(&l->lock);
	may = enter(l, set, &n, now_usec * 1000, ret);
	(void) pthread_mutex_unlock(&l->lock);
	return may;
}

void limits_leave(struct limits *l, const struct limits_place *p)
{
	if (p->free)
		return;
	(void) pthread_mutex_lock(&l->lock);
	assert(bucket_of(l, p)->n_connections > 0);
	bucket_of(l, p)->n_connections--;
	(void) pthread_mutex_unlock(&l->lock);
}

enum limits_answer limits_take(struct limits *l, const struct limits_place *p, uint64_t now_usec,
			       uint32_t *ret_retry_sec)
{
	uint64_t now = now_usec * 1000, own = 0, total;

	(void) pthread_mutex_lock(&l->lock);
	total = wait_for(&l->total, &l->all, now);
	if (!p->free)
		own = wait_for(bucket_of(l, p), &l->one, now);
	if (own == 0 && total == 0) {
		take_one(&l->total, &l->all, now);
		if (!p->free)
			take_one(bucket_of(l, p), &l->one, now);
	}
	(void) pthread_mutex_unlock(&l->lock);
	if (own == 0 && total == 0)
		return LIMITS_GOOD;
	*ret_retry_sec = (uint32_t)(MAX(own, total) / NSEC_PER_SEC + 1);
	return own ? LIMITS_ADDRESS : LIMITS_ALL;
}

/* ---- begin and end ---- */

static int add_relay(struct limits *l, const char *text, struct cause *why)
{
	struct in_addr v4;

	if (l->n_relays == RELAYS_MAX)
		return cause_set(why, -EINVAL, "There are more than %d relays", RELAYS_MAX);
	if (inet_pton(AF_INET, text, &v4) == 1)
		l->relays[l->n_relays++] = mapped(&v4);
	else if (inet_pton(AF_INET6, text, &l->relays[l->n_relays]) == 1)
		l->n_relays++;
	else
		return cause_set(why, -EINVAL, "The relay '%.100s' is not an address", text);
	return 0;
}

struct limits *limits_free(struct limits *l)
{
	if (!l)
		return NULL;
	(void) pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}

int limits_new(const struct limits_setup *s, struct limits **ret, struct cause *why)
{
	_cleanup_(limits_freep) struct limits *l = calloc(1, sizeof(*l));

	if (!l)
		return cause_set_oom(why);
	(void) pthread_mutex_init(&l->lock, NULL);
	l->one = pace_of(s->rate ?: LIMITS_RATE, s->burst ?: LIMITS_BURST);
	l->all = pace_of(s->rate_all ?: LIMITS_RATE_ALL, s->burst_all ?: LIMITS_BURST_ALL);
	l->connections = s->connections;
	if (RAND_bytes(l->key, sizeof(l->key)) != 1)
		return cause_set_oom(why);
	for (const char *const *relay = s->relays; relay && *relay; relay++) {
		int r = add_relay(l, *relay, why);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(l);
	return 0;
}
