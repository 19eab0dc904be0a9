/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/tls.h"

#include <pthread.h>
#include <time.h>

#include <openssl/pem.h>

#include "broker/serve/tls-leaf.h"
#include "crypto/cleanup.h"

#define DAY_SEC INT64_C(86400)
/* ECDHE and AEAD only; those of TLS 1.3 are all of that kind. */
#define CIPHERS_1_2                                                     \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305"
/* A client may not choose the curves that cost us most. */
#define GROUPS "X25519:P-256:P-384"

DEFINE_OPENSSL_CLEANUP(SSL_CTX, SSL_CTX_free, ssl_ctx)

struct tls {
	struct tls_setup setup;
	X509 *issuer;
	pthread_mutex_t lock;
	SSL_CTX *context;		/* under the lock, as the times */
	int64_t from, until;
};

/* Who offers protocols offers HTTP/1.1, or is not for us. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
			   const unsigned char *offered, unsigned len, void *userdata)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int new_context(const struct tls *t, const struct tls_leaf *leaf, SSL_CTX **ret)
{
	_cleanup_(ssl_ctx_freep) SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c, CIPHERS_1_2) != 1 ||
	    SSL_CTX_set1_groups_list(c, GROUPS) != 1 || SSL_CTX_set_num_tickets(c, 0) != 1 ||
	    SSL_CTX_use_certificate(c, leaf->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(c, leaf->key) != 1 ||
	    SSL_CTX_add1_chain_cert(c, t->issuer) != 1)
		return -ENOMEM;
	(void) SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				      SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void) SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* An idle connection has no buffers. */
	(void) SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	*ret = TAKE_PTR(c);
	return 0;
}

static void exchange_context(struct tls *t, SSL_CTX *context, const struct tls_leaf *leaf)
{
	SSL_CTX *old;

	(void) pthread_mutex_lock(&t->lock);
	old = t->context;
	t->context = context;
	t->from = leaf->from;
	t->until = leaf->until;
	(void) pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
	metrics_set(t->setup.metrics, GAUGE_CERTIFICATE_EXPIRES, leaf->until);
}

static int issue(struct tls *t, int64_t now, struct cause *why)
{
	const struct tls_leaf_setup s = {
		.identity = t->setup.identity,
		.issuer = t->issuer,
		.name = t->setup.name,
		.more_names = t->setup.more_names,
		.now = now,
	};
	_cleanup_(tls_leaf_done) struct tls_leaf leaf = { NULL };
	SSL_CTX *context;
	int r = tls_leaf_issue(&s, &leaf, why);

	if (r < 0)
		return r;
	if (new_context(t, &leaf, &context) < 0)
		return cause_set_oom(why);
	exchange_context(t, context, &leaf);
	return 0;
}

int64_t tls_now(void)
{
	int64_t now = time(NULL);

	return MAX(now, COCO_SOURCE_DATE);
}

int tls_renew(struct tls *t, int64_t now, struct cause *why)
{
	bool good;
	int r;

	(void) pthread_mutex_lock(&t->lock);
	good = now >= t->from && now < t->until - TLS_RENEW_DAYS * DAY_SEC;
	(void) pthread_mutex_unlock(&t->lock);
	if (good)
		return 0;
	r = issue(t, now, why);
	return r < 0 ? r : 1;
}

SSL *tls_accept(struct tls *t)
{
	SSL *ssl;

	(void) pthread_mutex_lock(&t->lock);
	ssl = SSL_new(t->context);
	(void) pthread_mutex_unlock(&t->lock);
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

static int read_issuer(const struct tls_setup *s, X509 **ret, struct cause *why)
{
	_cleanup_(bio_freep) BIO *b = BIO_new_mem_buf(s->identity_pem ?: "", -1);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	if (!b)
		return cause_set_oom(why);
	if (!x)
		return cause_set(why, -EINVAL, "The identity's certificate cannot be read");
	if (X509_check_private_key(x, s->identity) != 1) {
		X509_free(x);
		return cause_set(why, -EINVAL, "The certificate is not that of the identity");
	}
	*ret = x;
	return 0;
}

struct tls *tls_free(struct tls *t)
{
	if (!t)
		return NULL;
	SSL_CTX_free(t->context);
	X509_free(t->issuer);
	(void) pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

int tls_new(const struct tls_setup *s, int64_t now, struct tls **ret, struct cause *why)
{
	_cleanup_(tls_freep) struct tls *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return cause_set_oom(why);
	t->setup = *s;
	(void) pthread_mutex_init(&t->lock, NULL);
	if (!s->identity)
		return cause_set(why, -EINVAL, "TLS needs the broker's identity");
	r = read_issuer(s, &t->issuer, why);
	if (r >= 0)
		r = issue(t, now, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}
