/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/etcd-lease.h"

#include <pthread.h>

#include "broker/store/etcd-request.h"

#define ANSWER_MAX 65536
#define SEC UINT64_C(1000000)

struct lease {
	uint64_t id;		/* 0: none */
	uint64_t end_usec;	/* it lasts at least until then */
};

struct etcd_leases {
	pthread_mutex_t lock;
	unsigned next;		/* the place of the next one */
	struct lease list[ETCD_LEASES_MAX];
};

int etcd_leases_new(struct etcd_leases **ret)
{
	struct etcd_leases *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	(void) pthread_mutex_init(&l->lock, NULL);
	*ret = l;
	return 0;
}

struct etcd_leases *etcd_leases_free(struct etcd_leases *l)
{
	if (!l)
		return NULL;
	(void) pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}

static uint64_t share_of(uint32_t ttl_sec)
{
	return MIN(MAX(ttl_sec / 4, UINT32_C(1)), (uint32_t)ETCD_LEASE_SHARE_SEC);
}

static uint64_t find(const struct etcd_leases *l, uint32_t ttl_sec, uint64_t now_usec)
{
	uint64_t end_usec = now_usec + ttl_sec * SEC;

	for (unsigned i = 0; i < ETCD_LEASES_MAX; i++)
		if (l->list[i].id && l->list[i].end_usec >= end_usec &&
		    l->list[i].end_usec - end_usec <= share_of(ttl_sec) * SEC)
			return l->list[i].id;
	return 0;
}

static int grant(struct etcd_client *c, uint64_t ttl_sec, uint64_t *ret, struct cause *why)
{
	struct etcd_question q = { .path = "/v3/lease/grant", .max = ANSWER_MAX };
	struct etcd_lease_answer lease;
	struct pieces body = { NULL };
	int r;

	r = etcd_request_lease(ttl_sec, &body);
	q.body = &body;
	/* A lease that nobody uses ends by itself: it may be asked for again. */
	r = r < 0 ? cause_set_oom(why) : etcd_client_ask(c, &q, why);
	if (r == 0 && (etcd_lease_read(q.answer, &lease) < 0 || lease.ttl_sec < ttl_sec))
		r = cause_set(why, -EBADMSG, "etcd: the answer to a lease is malformed");
	if (r == 0)
		*ret = lease.id;
	etcd_question_done(&q);
	pieces_done(&body);
	return r == -EREMOTEIO || r == -EMSGSIZE ? -EBADMSG : r;
}

int etcd_lease_get(struct etcd_leases *l, struct etcd_client *c, uint32_t ttl_sec,
		   uint64_t now_usec, uint64_t *ret, struct cause *why)
{
	uint64_t ttl = ttl_sec + share_of(ttl_sec), id;
	int r = 0;

	(void) pthread_mutex_lock(&l->lock);
	id = find(l, ttl_sec, now_usec);
	if (!id) {
		r = grant(c, ttl, &id, why);
		if (r == 0) {
			l->list[l->next] = (struct lease){ id, now_usec + ttl * SEC };
			l->next = (l->next + 1) % ETCD_LEASES_MAX;
		}
	}
	(void) pthread_mutex_unlock(&l->lock);
	if (r == 0)
		*ret = id;
	return r;
}

void etcd_leases_forget(struct etcd_leases *l)
{
	(void) pthread_mutex_lock(&l->lock);
	memset(l->list, 0, sizeof(l->list));
	(void) pthread_mutex_unlock(&l->lock);
}
