/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_TLS_LEAF_H
#define COCO_BROKER_SERVE_TLS_LEAF_H

#include <openssl/x509.h>

#include "base/cause.h"

/*
 * The server's certificate for TLS: a new P-256 key, certified by the broker's identity.  A guest
 * with Identity= accepts whatever the identity has issued for the name, on any date; others see
 * the dates.
 */
#define TLS_LEAF_DAYS 30
/* It is good from a day ago: the clocks of others are late. */
#define TLS_LEAF_EARLY_DAYS 1

struct tls_leaf_setup {
	EVP_PKEY *identity;
	X509 *issuer;			/* the identity's certificate */
	const char *name;		/* DNS name or address */
	const char *const *more_names;	/* ends with NULL; may be NULL */
	int64_t now;			/* seconds since 1970 */
};

struct tls_leaf {
	EVP_PKEY *key;
	X509 *certificate;
	int64_t from, until;		/* seconds since 1970 */
};

/*
 * Make a key and its certificate.  Returns 0 with @ret, for tls_leaf_done(); -EINVAL for a name
 * that is neither a DNS name nor an address; -ENOMEM.
 */
int tls_leaf_issue(const struct tls_leaf_setup *s, struct tls_leaf *ret, struct cause *why);
void tls_leaf_done(struct tls_leaf *l);

#endif
