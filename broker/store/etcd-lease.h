/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ETCD_LEASE_H
#define COCO_BROKER_STORE_ETCD_LEASE_H

#include "broker/store/etcd-client.h"

/*
 * Leases, by which keys disappear from an etcd.  To grant one costs a round trip and an entry of
 * the log, so keys share it: a key may get a lease that ends later than it asked for, by a quarter
 * of its time, ETCD_LEASE_SHARE_SEC at most.  A new leader of etcd lets each lease begin anew, so
 * after a change of it a key may live as long again.
 */
#define ETCD_LEASE_SHARE_SEC 30
#define ETCD_LEASES_MAX 8

struct etcd_leases;

int etcd_leases_new(struct etcd_leases **ret);	/* 0 or -ENOMEM */
struct etcd_leases *etcd_leases_free(struct etcd_leases *l);
DEFINE_CLEANUP(struct etcd_leases *, etcd_leases_free)

/*
 * A lease that lasts at least @ttl_sec from now.  @now_usec is now_usec() of base/clock.h.
 * Returns 0; an error of etcd_client_ask(), without -EREMOTEIO and -EMSGSIZE.
 */
int etcd_lease_get(struct etcd_leases *l, struct etcd_client *c, uint32_t ttl_sec,
		   uint64_t now_usec, uint64_t *ret, struct cause *why);

/* They are gone, as etcd says. */
void etcd_leases_forget(struct etcd_leases *l);

#endif
