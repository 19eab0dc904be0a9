/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_TLS_H
#define COCO_BROKER_SERVE_TLS_H

#include <openssl/ssl.h>

#include "base/cause.h"
#include "broker/serve/metrics.h"

/*
 * TLS 1.2 and 1.3 for the server, with a certificate that the identity issues and that is renewed
 * without a break: connections that are open keep the old one.
 *
 * Sessions are not resumed.  A guest that boots has none, and all that is saved is one signature of
 * P-256, while the key of the tickets would open every connection that was made under it.
 */
struct tls;

#define TLS_RENEW_DAYS 10	/* before the end */

struct tls_setup {
	EVP_PKEY *identity;		/* P-256; borrowed until tls_free() */
	const char *identity_pem;	/* its certificate, which is sent along */
	const char *name;		/* DNS name or address; likewise */
	const char *const *more_names;	/* ends with NULL; may be NULL; likewise */
	struct metrics *metrics;	/* GAUGE_CERTIFICATE_EXPIRES; borrowed; may be NULL */
};

/* The time for both functions below: by the clock, but never before the date of this source. */
int64_t tls_now(void);

/*
 * @now is the time, in seconds since 1970.  Returns 0; -EINVAL for a name that is none, or a
 * certificate that is not the identity's; -ENOMEM.
 */
int tls_new(const struct tls_setup *s, int64_t now, struct tls **ret, struct cause *why);
struct tls *tls_free(struct tls *t);
DEFINE_CLEANUP(struct tls *, tls_free)

/* For a connection that was accepted, from any thread; yours.  NULL: out of memory. */
SSL *tls_accept(struct tls *t);

/*
 * Renew the certificate if it ends in 10 days, or if the clock says that it is not yet good; from
 * any thread.  Returns 1 if it was renewed, 0 if that was not needed, or -ENOMEM, and then the old
 * one stays.
 */
int tls_renew(struct tls *t, int64_t now, struct cause *why);

#endif
