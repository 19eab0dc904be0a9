/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/etcd-http.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/library.h"
#include "base/text.h"

#if HAVE_LIBCURL
#include <curl/curl.h>
#endif

#define URL_MAX 512
#define IDLE_MAX 16		/* handles that are kept */
#define HEADER_MAX 32768	/* bytes of the answer's header */

void etcd_exchange_done(struct etcd_exchange *x)
{
	pieces_done(&x->answer);
	x->status = 0;
}

#if HAVE_LIBCURL

/* ---- the library ---- */

#define FUNCTIONS(X)                                                                               \
	X(curl_easy_init)                                                                          \
	X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_setopt) X(curl_easy_perform)           \
		X(curl_easy_getinfo) X(curl_easy_strerror) X(curl_slist_append)                    \
			X(curl_slist_free_all)

LIBRARY_NOTE("libcurl.so.4", "etcd", "suggested", "Secrets kept in etcd");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

static int load(struct cause *why)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW){ NULL } };
	static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
	char error[512];
	int r = 0;

	(void) pthread_mutex_lock(&loading);
	if (!lib.curl_slist_free_all_)
		r = library_load("libcurl.so.4", &lib, functions, error, sizeof(error));
	(void) pthread_mutex_unlock(&loading);
	return r < 0 ? cause_set(why, -EOPNOTSUPP, "%s", error) : 0;
}

/* ---- handles ---- */

/*
 * A handle keeps its connections.  Those that were used last are used first, so that no more of
 * them stay alive than there are threads.
 */
struct etcd_http {
	char *authority, *certificate, *key;
	uint64_t timeout_usec;
	pthread_mutex_t lock;
	unsigned n_idle;
	CURL *idle[IDLE_MAX];
};

struct etcd_http *etcd_http_free(struct etcd_http *h)
{
	if (!h)
		return NULL;
	for (unsigned i = 0; i < h->n_idle; i++)
		lib.curl_easy_cleanup_(h->idle[i]);
	(void) pthread_mutex_destroy(&h->lock);
	free(h->authority);
	free(h->certificate);
	free(h->key);
	free(h);
	return NULL;
}

static CURL *take_handle(struct etcd_http *h)
{
	CURL *c = NULL;

	(void) pthread_mutex_lock(&h->lock);
	if (h->n_idle > 0)
		c = h->idle[--h->n_idle];
	(void) pthread_mutex_unlock(&h->lock);
	return c ? c : lib.curl_easy_init_();
}

/* What it was told to use is gone by then; nothing of it may stay. */
static void give_back(struct etcd_http *h, CURL *c)
{
	lib.curl_easy_reset_(c);
	(void) pthread_mutex_lock(&h->lock);
	if (h->n_idle < IDLE_MAX)
		h->idle[h->n_idle++] = TAKE_PTR(c);
	(void) pthread_mutex_unlock(&h->lock);
	if (c)
		lib.curl_easy_cleanup_(c);
}

static bool copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

int etcd_http_new(const struct etcd_http_setup *setup, struct etcd_http **ret, struct cause *why)
{
	_cleanup_(etcd_http_freep) struct etcd_http *h = NULL;
	CURL *first;
	int r = load(why);

	if (r < 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return cause_set_oom(why);
	(void) pthread_mutex_init(&h->lock, NULL);
	h->timeout_usec = setup->timeout_usec;
	if (!copy(setup->authority, &h->authority) || !copy(setup->certificate, &h->certificate) ||
	    !copy(setup->key, &h->key))
		return cause_set_oom(why);
	/* The first one makes libcurl ready, before there are several threads. */
	first = lib.curl_easy_init_();
	if (!first)
		return cause_set_oom(why);
	give_back(h, first);
	/* OpenSSL writes to sockets by write(2). */
	(void) signal(SIGPIPE, SIG_IGN);
	*ret = TAKE_PTR(h);
	return 0;
}

/* ---- a request ---- */

struct transfer {
	struct etcd_exchange *x;
	size_t sent;			/* bytes of the secret body, with what hides it */
	size_t header_len;
	int error;			/* why we ended the transfer */
	const char *problem;
	char text[CURL_ERROR_SIZE];
};

/* Ends the transfer: libcurl takes 0 for an error. */
static size_t end_by(struct transfer *t, int error, const char *problem)
{
	t->error = error;
	t->problem = problem;
	return 0;
}

static size_t receive(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t len = size * n;
	int r = pieces_add(&t->x->answer, data, len, t->x->max);

	if (r < 0)
		return end_by(t, r, r == -EMSGSIZE ? "the answer is too long" : "out of memory");
	return len;
}

static size_t receive_header(char *line _unused_, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t len = size * n;

	if (len > HEADER_MAX - t->header_len)
		return end_by(t, -EMSGSIZE, "the header of the answer is too long");
	t->header_len += len;
	return len;
}

/*
 * The secret, and as many blanks behind it, which JSON allows.  libcurl asks twice, and puts the
 * blanks where the secret was.
 */
static size_t give_secret(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t whole = secret_len(t->x->secret_body), len;

	if (t->sent < whole) {
		len = MIN(size * n, whole - t->sent);
		memcpy(data, secret_data(t->x->secret_body) + t->sent, len);
	} else {
		len = MIN(size * n, 2 * whole - t->sent);
		memset(data, ' ', len);
	}
	t->sent += len;
	return len;
}

/* libcurl may begin anew on another connection. */
static int rewind_secret(void *userdata, curl_off_t offset, int origin)
{
	struct transfer *t = userdata;

	if (origin != SEEK_SET || offset != 0)
		return CURL_SEEKFUNC_FAIL;
	t->sent = 0;
	return CURL_SEEKFUNC_OK;
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = lib.curl_slist_append_(*list, line);

	if (longer)
		*list = longer;
	return longer;
}

static void headers_freep(struct curl_slist **list)
{
	/* One of them has the token. */
	for (struct curl_slist *l = *list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	if (*list)
		lib.curl_slist_free_all_(*list);
}

static bool add_token(struct curl_slist **list, const struct secret *token)
{
	char line[sizeof("Authorization: ") + ETCD_TOKEN_MAX];
	bool good;

	(void) snprintf(line, sizeof(line), "Authorization: %.*s", (int)secret_len(token),
			(const char *)secret_data(token));
	good = add_line(list, line);
	explicit_bzero(line, sizeof(line));
	return good;
}

static bool make_headers(const struct etcd_exchange *x, struct curl_slist **list)
{
	return add_line(list, "Content-Type: application/json") && add_line(list, "Expect:") &&
	       (!x->token || add_token(list, x->token));
}

#define SET(option, value) lib.curl_easy_setopt_(c, option, value)

static CURLcode set_trust(const struct etcd_http *h, CURL *c)
{
	CURLcode e;

	if ((e = SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2)) ||
	    (e = SET(CURLOPT_SSL_VERIFYPEER, 1L)) || (e = SET(CURLOPT_SSL_VERIFYHOST, 2L)))
		return e;
	if (h->authority &&
	    ((e = SET(CURLOPT_CAPATH, NULL)) || (e = SET(CURLOPT_CAINFO, h->authority))))
		return e;
	if (!h->certificate)
		return CURLE_OK;
	if ((e = SET(CURLOPT_SSLCERT, h->certificate)))
		return e;
	return SET(CURLOPT_SSLKEY, h->key ? h->key : h->certificate);
}

static CURLcode set_way(const struct etcd_http *h, const struct etcd_exchange *x, CURL *c)
{
	uint64_t usec = x->timeout_usec ? x->timeout_usec : h->timeout_usec;
	long msec = (long)MIN(usec / 1000 + 1, (uint64_t)INT_MAX);
	CURLcode e;

	if ((e = SET(CURLOPT_NOSIGNAL, 1L)) || (e = SET(CURLOPT_PROTOCOLS_STR, "https")) ||
	    (e = SET(CURLOPT_FOLLOWLOCATION, 0L)) || (e = SET(CURLOPT_NOPROXY, "*")) ||
	    (e = SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)) ||
	    (e = SET(CURLOPT_HTTP_CONTENT_DECODING, 0L)) ||
	    (e = SET(CURLOPT_CONNECTTIMEOUT_MS, msec)))
		return e;
	return SET(CURLOPT_TIMEOUT_MS, msec);
}

static CURLcode set_body(struct transfer *t, CURL *c)
{
	const struct etcd_exchange *x = t->x;
	CURLcode e = SET(CURLOPT_POST, 1L);

	if (e)
		return e;
	if (!x->secret_body) {
		e = SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
		return e ? e : SET(CURLOPT_POSTFIELDS, x->body.p);
	}
	if ((e = SET(CURLOPT_READFUNCTION, give_secret)) || (e = SET(CURLOPT_READDATA, t)) ||
	    (e = SET(CURLOPT_SEEKFUNCTION, rewind_secret)) || (e = SET(CURLOPT_SEEKDATA, t)))
		return e;
	return SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(2 * secret_len(x->secret_body)));
}

static CURLcode set_request(struct transfer *t, CURL *c, struct curl_slist *headers)
{
	char url[URL_MAX];
	CURLcode e;

	if ((size_t)snprintf(url, sizeof(url), "%s%s", t->x->node, t->x->path) >= sizeof(url))
		return CURLE_URL_MALFORMAT;
	if ((e = SET(CURLOPT_URL, url)) || (e = SET(CURLOPT_HTTPHEADER, headers)) ||
	    (e = SET(CURLOPT_USERAGENT, "coco-broker/" PACKAGE_VERSION)) ||
	    (e = SET(CURLOPT_WRITEFUNCTION, receive)) || (e = SET(CURLOPT_WRITEDATA, t)) ||
	    (e = SET(CURLOPT_HEADERFUNCTION, receive_header)) ||
	    (e = SET(CURLOPT_HEADERDATA, t)) || (e = SET(CURLOPT_ERRORBUFFER, t->text)) ||
	    (e = SET(CURLOPT_FRESH_CONNECT, t->x->once ? 1L : 0L)))
		return e;
	return set_body(t, c);
}

/* ---- how it ended ---- */

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return -ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return -EACCES;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNKNOWN_OPTION:
	case CURLE_NOT_BUILT_IN:
		return -EIO;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EBADMSG;
	default:
		return -EAGAIN;
	}
}

static int set_failure(const struct transfer *t, CURLcode code, struct cause *why)
{
	const char *text = t->text[0] ? t->text : lib.curl_easy_strerror_(code);
	int r;

	if (t->problem)
		r = cause_set(why, t->error, "etcd: %s: %s", t->x->node, t->problem);
	else if (errno_of(code) == -ENOMEM)
		r = cause_set_oom(why);
	/* With TLS 1.3 a server says only after the handshake that it wants another certificate. */
	else if (strstr(text, "alert"))
		r = cause_set(why, -EACCES, "etcd: %s: %s", t->x->node, text);
	else
		r = cause_set(why, errno_of(code), "etcd: %s: %s", t->x->node, text);
	make_printable(why->text);
	return r;
}

static bool any_is_sent(CURL *c)
{
	long n = 0;

	/* If libcurl does not know, it may be. */
	return lib.curl_easy_getinfo_(c, CURLINFO_REQUEST_SIZE, &n) != CURLE_OK || n > 0;
}

/* Only then libcurl may have sent it on an old connection before. */
static bool connected_anew(CURL *c)
{
	long n = 0;

	return lib.curl_easy_getinfo_(c, CURLINFO_NUM_CONNECTS, &n) != CURLE_OK || n > 0;
}

static int ask(struct etcd_http *h, struct transfer *t, CURL *c, struct cause *why)
{
	_cleanup_(headers_freep) struct curl_slist *headers = NULL;
	struct etcd_exchange *x = t->x;
	CURLcode code;
	long status = 0;

	if (!make_headers(x, &headers))
		return cause_set_oom(why);
	if ((code = set_way(h, x, c)) || (code = set_trust(h, c)) ||
	    (code = set_request(t, c, headers)))
		return set_failure(t, code, why);
	code = lib.curl_easy_perform_(c);
	x->is_sent = any_is_sent(c);
	x->may_be_twice = connected_anew(c);
	if (code == CURLE_OK)
		code = lib.curl_easy_getinfo_(c, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return set_failure(t, code, why);
	x->status = (int)status;
	/* An empty answer is a text too. */
	return pieces_add(&x->answer, "", 0, x->max) < 0 ? cause_set_oom(why) : 0;
}

int etcd_http_ask(struct etcd_http *h, struct etcd_exchange *x, struct cause *why)
{
	struct transfer t = { .x = x };
	CURL *c = take_handle(h);
	int r;

	x->is_sent = x->may_be_twice = false;
	x->status = 0;
	x->answer = (struct pieces){ NULL };
	if (!c)
		return cause_set_oom(why);
	r = ask(h, &t, c, why);
	if (r < 0)
		etcd_exchange_done(x);
	give_back(h, c);
	return r;
}

#else

int etcd_http_new(const struct etcd_http_setup *setup, struct etcd_http **ret, struct cause *why)
{
	return cause_set(why, -EOPNOTSUPP, "This coco-broker was built without libcurl, which etcd "
					   "needs");
}

struct etcd_http *etcd_http_free(struct etcd_http *h)
{
	return NULL;
}

int etcd_http_ask(struct etcd_http *h, struct etcd_exchange *x, struct cause *why)
{
	return cause_set(why, -EOPNOTSUPP, "There is no libcurl");
}

#endif
