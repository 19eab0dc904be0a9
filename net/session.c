/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/session.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "base/library.h"
#include "base/text.h"
#include "net/answer.h"
#include "net/tunnel.h"
#include "wire/broker-url.h"

#if HAVE_LIBCURL
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#endif

#define URL_MAX 1024
#define TOO_LARGE 100	/* CURLE_TOO_LARGE, since 8.6 */
/*
 * When an address does not answer, libcurl 7.88 asks for no wake-up to try the next one of the
 * same family, but tries it when it is called.
 */
#define POLL_MSEC 100

void http_exchange_done(struct http_exchange *x)
{
	free(x->answer);
	free(x->set_cookie);
	free(x->release);
	x->answer = x->set_cookie = x->release = NULL;
	x->answer_len = 0;
}

#if HAVE_LIBCURL

/* ---- the libraries ---- */

#define CURL_FUNCTIONS(X)                                                                          \
	X(curl_version_info)                                                                       \
	X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_setopt)              \
		X(curl_easy_getinfo) X(curl_easy_strerror) X(curl_slist_append)                    \
			X(curl_slist_free_all) X(curl_multi_init) X(curl_multi_cleanup)            \
				X(curl_multi_add_handle) X(curl_multi_remove_handle)               \
					X(curl_multi_perform) X(curl_multi_poll)                   \
						X(curl_multi_info_read)
#define TLS_FUNCTIONS(X)                                                                           \
	X(SSL_CTX_get0_param)                                                                      \
	X(SSL_CTX_get_cert_store)                                                                  \
	X(SSL_CTX_set_cert_verify_callback) X(X509_VERIFY_PARAM_set_flags)                         \
		X(X509_STORE_set_check_issued) X(X509_check_issued) X(X509_get0_pubkey)            \
			X(X509_verify)                                                             \
		X(X509_verify_cert) X(X509_verify_cert_error_string) X(X509_STORE_CTX_get_error)   \
			X(X509_STORE_CTX_set_error)

LIBRARY_NOTE("libcurl.so.4", "broker", "recommended", "Secrets from a broker over HTTPS or vsock");
LIBRARY_NOTE("libssl.so.3", "broker", "recommended", "Secrets from a broker: its TLS");

static struct {
	CURL_FUNCTIONS(LIBRARY_MEMBER)
} lib;

/* Of the library that libcurl itself uses, whose objects it hands to us. */
static struct {
	TLS_FUNCTIONS(LIBRARY_MEMBER)
} tls;

static int load_tls(struct cause *why)
{
	static const struct library_function functions[] = { TLS_FUNCTIONS(LIBRARY_ROW){ NULL } };
	const char *version = lib.curl_version_info_(CURLVERSION_NOW)->ssl_version;
	const char *number = version ? startswith(version, "OpenSSL/") : NULL;
	char soname[] = "libssl.so.N", error[512];

	if (!number || *number < '3' || *number > '9')
		return cause_set(why, -EOPNOTSUPP, "libcurl uses '%s' and not OpenSSL 3",
				 version ?: "no TLS");
	soname[sizeof(soname) - 2] = *number;
	return tls.X509_STORE_CTX_set_error_ ||
			       library_load(soname, &tls, functions, error, sizeof(error)) == 0 ?
		       0 :
		       cause_set(why, -EOPNOTSUPP, "%s", error);
}

/* Returns 0; -EOPNOTSUPP when a library does not exist or is another, with the reason in @why. */
static int load(struct cause *why)
{
	static const struct library_function functions[] = { CURL_FUNCTIONS(LIBRARY_ROW){ NULL } };
	char error[512];

	if (lib.curl_multi_info_read_)
		return load_tls(why);
	/* Each step touches pages of its own: the peak of memory is in the largest step alone. */
	library_trim();
	/* Others of libcurl's libraries bring GnuTLS, which nothing here uses. */
	(void) setenv("GNUTLS_NO_IMPLICIT_INIT", "1", 1);
	if (library_load("libcurl.so.4", &lib, functions, error, sizeof(error)) < 0)
		return cause_set(why, -EOPNOTSUPP, "%s", error);
	library_trim();
	return load_tls(why);
}

static void slist_freep(struct curl_slist **l)
{
	if (*l)
		lib.curl_slist_free_all_(*l);
}

/* ---- a session ---- */

struct http_session {
	enum http_trust trust;
	bool check_name;
	char *pem;
	size_t pem_len;
	char public_key[BROKER_PIN_LEN];
	char proxy[BROKER_URL_LEN];
	uint64_t connect_usec, request_usec;
	char agent[64];

	char shown[BROKER_URL_LEN];	/* the address, for people */
	/* "https://NAME:PORT", with the name that is in the certificate */
	char base[BROKER_NAME_LEN + 32];
	char connect_to[2 * BROKER_NAME_LEN + 32];	/* "NAME:PORT:HOST:PORT", or "" */
	struct tunnel *tunnel;				/* to a vsock, or NULL */
	CURLM *multi;
	CURL *easy;
	bool has_shaken_hands;	/* in this exchange */
	/* why the server's certificate was not accepted, in this exchange; constant, or NULL */
	const char *untrusted;
};

struct http_session *http_session_free(struct http_session *s)
{
	if (!s)
		return NULL;
	if (s->easy)
		lib.curl_easy_cleanup_(s->easy);
	if (s->multi)
		(void) lib.curl_multi_cleanup_(s->multi);
	tunnel_free(s->tunnel);
	free(s->pem);
	free(s);
	return NULL;
}

static bool is_given(const char *text)
{
	return text && *text;
}

/* libcurl takes a hash in another form for a list of hashes, or for the name of a file. */
static bool is_pin(const char *text)
{
	const char *digits = is_given(text) ? startswith(text, "sha256//") : NULL;

	return digits && strlen(digits) == BROKER_NONCE_TEXT_LEN && !strchr(digits, ';');
}

static int take_trust(struct http_session *s, const struct http_session_setup *setup,
		      struct cause *why)
{
	s->trust = setup->trust;
	switch (setup->trust) {
	case HTTP_TRUST_PUBLIC_KEY:
		if (setup->pem || !is_pin(setup->public_key))
			return cause_set(why, -EINVAL, "the hash of the server's key is malformed");
		(void) snprintf(s->public_key, sizeof(s->public_key), "%s", setup->public_key);
		return 0;
	case HTTP_TRUST_IDENTITY:
	case HTTP_TRUST_AUTHORITY:
		if (is_given(setup->public_key) || !setup->pem || !setup->pem_len)
			return cause_set(why, -EINVAL, "there is no certificate to trust");
		s->pem = malloc(setup->pem_len);
		if (!s->pem)
			return cause_set_oom(why);
		memcpy(s->pem, setup->pem, setup->pem_len);
		s->pem_len = setup->pem_len;
		return 0;
	default:
		return cause_set(why, -EINVAL, "a server that nobody authenticates is refused");
	}
}

/* An IPv6 address stands in brackets in front of a port. */
static void format_host(const char *host, uint32_t port, char *ret, size_t size)
{
	const char *form = strchr(host, ':') ? "[%s]:%u" : "%s:%u";

	(void) snprintf(ret, size, form, host, port);
}

static int take_vsock(struct http_session *s, const struct broker_url *u, const char *name,
		      struct cause *why)
{
	if (!*name && s->trust == HTTP_TRUST_AUTHORITY)
		return cause_set(why, -EINVAL,
				 "%s: the name in the server's certificate is not known", u->text);
	s->check_name = *name && s->trust != HTTP_TRUST_PUBLIC_KEY;
	(void) snprintf(s->base, sizeof(s->base), "https://");
	format_host(*name ? name : "broker", 443, s->base + strlen("https://"),
		    sizeof(s->base) - strlen("https://"));
	return tunnel_new(u->cid, u->port, &s->tunnel, why);
}

static void take_host(struct http_session *s, const struct broker_url *u, const char *name)
{
	char host[BROKER_NAME_LEN + 16], named[BROKER_NAME_LEN + 16];

	s->check_name = s->trust != HTTP_TRUST_PUBLIC_KEY;
	format_host(u->host, u->port, host, sizeof(host));
	format_host(*name ? name : u->host, u->port, named, sizeof(named));
	(void) snprintf(s->base, sizeof(s->base), "https://%s", named);
	if (!streq(named, host))
		(void) snprintf(s->connect_to, sizeof(s->connect_to), "%s:%s", named, host);
}

static int take_address(struct http_session *s, const struct http_session_setup *setup,
			struct cause *why)
{
	char name[BROKER_NAME_LEN] = "";
	struct broker_url u, proxy = { .text = "" };

	if (!setup->url || broker_url_parse(setup->url, &u) < 0)
		return cause_set(why, -EINVAL, "'%.200s' is not an address of a broker",
				 setup->url ?: "");
	if (is_given(setup->server_name) && broker_host_parse(setup->server_name, name) < 0)
		return cause_set(why, -EINVAL, "'%.200s' is not the name of a server",
				 setup->server_name);
	if (is_given(setup->proxy) && broker_proxy_parse(setup->proxy, &proxy) < 0)
		return cause_set(why, -EINVAL, "'%.200s' is not the address of a proxy",
				 setup->proxy);
	(void) snprintf(s->shown, sizeof(s->shown), "%s", u.text);
	if (u.scheme == BROKER_VSOCK)
		return take_vsock(s, &u, name, why);
	(void) snprintf(s->proxy, sizeof(s->proxy), "%s", proxy.text);
	take_host(s, &u, name);
	return 0;
}

int http_session_new(const struct http_session_setup *setup, struct http_session **ret,
		     struct cause *why)
{
	_cleanup_(http_session_freep) struct http_session *s = NULL;
	int r = load(why);

	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return cause_set_oom(why);
	s->connect_usec = setup->connect_usec;
	s->request_usec = setup->request_usec;
	(void) snprintf(s->agent, sizeof(s->agent), "%.40s/" PACKAGE_VERSION, setup->agent);
	r = take_trust(s, setup, why);
	if (r >= 0)
		r = take_address(s, setup, why);
	if (r < 0)
		return r;
	s->multi = lib.curl_multi_init_();
	s->easy = lib.curl_easy_init_();
	library_trim();
	if (!s->multi || !s->easy)
		return cause_set_oom(why);
	/* OpenSSL writes to sockets by write(2). */
	(void) signal(SIGPIPE, SIG_IGN);
	*ret = TAKE_PTR(s);
	return 0;
}

/* ---- whom to trust ---- */

/*
 * Without certificates of ours there is nothing to verify: libcurl compares the hash of the key,
 * and that the server has the key, TLS itself shows.  Otherwise do as OpenSSL does by itself, but
 * keep the reason: libcurl reports only the first error, which may be one of arithmetic.
 */
static int verify_certificate(X509_STORE_CTX *c, void *userdata)
{
	struct http_session *s = userdata;

	s->has_shaken_hands = true;
	if (s->trust == HTTP_TRUST_PUBLIC_KEY) {
		tls.X509_STORE_CTX_set_error_(c, X509_V_OK);
		return 1;
	}
	if (tls.X509_verify_cert_(c) > 0)
		return 1;
	s->untrusted = tls.X509_verify_cert_error_string_(tls.X509_STORE_CTX_get_error_(c));
	return 0;
}

/*
 * Certificates of several keys of one broker have one name, and need not have a key identifier.
 * OpenSSL takes the first one that may be the issuer by its own words; so ask for the signature.
 */
static int is_issued(X509_STORE_CTX *c, X509 *x, X509 *issuer)
{
	return tls.X509_check_issued_(issuer, x) == X509_V_OK &&
	       tls.X509_verify_(x, tls.X509_get0_pubkey_(issuer)) > 0;
}

static CURLcode prepare_tls(CURL *c, void *context, void *userdata)
{
	struct http_session *s = userdata;

	tls.SSL_CTX_set_cert_verify_callback_(context, verify_certificate, s);
	if (s->trust == HTTP_TRUST_IDENTITY)
		tls.X509_STORE_set_check_issued_(tls.SSL_CTX_get_cert_store_(context), is_issued);
	if (s->trust == HTTP_TRUST_IDENTITY &&
	    tls.X509_VERIFY_PARAM_set_flags_(tls.SSL_CTX_get0_param_(context),
					     X509_V_FLAG_NO_CHECK_TIME) != 1)
		return CURLE_OUT_OF_MEMORY;
	return CURLE_OK;
}

#define SET(option, value) lib.curl_easy_setopt_(c, option, value)

/*
 * With VERIFYPEER a server without a certificate is refused.  libcurl compares no hash with a key
 * that is not there.
 */
static CURLcode set_trust(const struct http_session *s, CURL *c)
{
	struct curl_blob pem = { .data = s->pem, .len = s->pem_len, .flags = CURL_BLOB_COPY };
	CURLcode e;

	if ((e = SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2)) ||
	    (e = SET(CURLOPT_CAINFO, NULL)) || (e = SET(CURLOPT_CAPATH, NULL)) ||
	    (e = SET(CURLOPT_SSL_VERIFYPEER, 1L)) ||
	    (e = SET(CURLOPT_SSL_VERIFYHOST, s->check_name ? 2L : 0L)) ||
	    (e = SET(CURLOPT_SSL_CTX_FUNCTION, prepare_tls)) ||
	    (e = SET(CURLOPT_SSL_CTX_DATA, (void *)s)))
		return e;
	return s->pem ? SET(CURLOPT_CAINFO_BLOB, &pem) :
			SET(CURLOPT_PINNEDPUBLICKEY, s->public_key);
}

/* ---- the way ---- */

/* A proxy carries our TLS and is told the server's name, so nothing depends on who it is. */
static CURLcode set_proxy(const struct http_session *s, CURL *c)
{
	CURLcode e;

	if (!s->proxy[0])
		return SET(CURLOPT_NOPROXY, "*");
	if ((e = SET(CURLOPT_PROXY, s->proxy)) || (e = SET(CURLOPT_NOPROXY, "")) ||
	    (e = SET(CURLOPT_HTTPPROXYTUNNEL, 1L)) ||
	    (e = SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L)) ||
	    (e = SET(CURLOPT_PROXY_CAINFO, NULL)) || (e = SET(CURLOPT_PROXY_CAPATH, NULL)) ||
	    (e = SET(CURLOPT_PROXY_SSL_VERIFYPEER, 0L)))
		return e;
	return SET(CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
}

static long msec_of(uint64_t usec)
{
	return (long)MIN(usec / 1000 + 1, (uint64_t)INT_MAX);
}

static CURLcode set_way(const struct http_session *s, CURL *c, struct curl_slist *connect_to)
{
	CURLcode e;

	if ((e = SET(CURLOPT_NOSIGNAL, 1L)) || (e = SET(CURLOPT_PROTOCOLS_STR, "https")) ||
	    (e = SET(CURLOPT_FOLLOWLOCATION, 0L)) ||
	    (e = SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)) ||
	    (e = SET(CURLOPT_HTTP_CONTENT_DECODING, 0L)) ||
	    (e = SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L)) ||
	    (e = SET(CURLOPT_CONNECTTIMEOUT_MS, msec_of(s->connect_usec))) ||
	    (e = SET(CURLOPT_TIMEOUT_MS, msec_of(s->request_usec))) || (e = set_proxy(s, c)))
		return e;
#if LIBCURL_VERSION_NUM >= 0x075700
	/*
	 * Do not wait for a name server that does not answer.  libcurl's thread ends by itself;
	 * an older library, which does not know the option, waits.
	 */
	(void) SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	if (connect_to)
		return SET(CURLOPT_CONNECT_TO, connect_to);
	return s->tunnel ? SET(CURLOPT_UNIX_SOCKET_PATH, tunnel_path(s->tunnel)) : CURLE_OK;
}

/* ---- an exchange ---- */

struct transfer {
	struct http_session *session;
	const struct http_exchange *asked;
	struct answer_header header;
	struct pieces body;
	long status;
	bool has_begun;		/* the answer */
	int error;		/* why we ended the transfer, with its text */
	const char *problem;
	char curl_error[CURL_ERROR_SIZE];
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
	int r = pieces_add(&t->body, data, len, t->asked->max);

	if (r < 0)
		return end_by(t, r, r == -EMSGSIZE ? "the answer is too long" : "out of memory");
	return len;
}

static size_t receive_header(char *line, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t len = size * n;
	int r = answer_header_take(&t->header, line, len);

	if (r == -EMSGSIZE)
		return end_by(t, r, "the header of the answer is too long");
	if (r == -EPROTO)
		return end_by(t, r, "a header of the answer is malformed or there twice");
	return r < 0 ? end_by(t, r, "out of memory") : len;
}

static CURLcode set_request(struct transfer *t, CURL *c, struct curl_slist *headers)
{
	const struct http_exchange *x = t->asked;
	char url[URL_MAX];
	CURLcode e;

	if ((size_t)snprintf(url, sizeof(url), "%s%s", t->session->base, x->path) >= sizeof(url))
		return CURLE_URL_MALFORMAT;
	if ((e = SET(CURLOPT_URL, url)) || (e = SET(CURLOPT_PATH_AS_IS, 1L)) ||
	    (e = SET(CURLOPT_USERAGENT, t->session->agent)) ||
	    (e = SET(CURLOPT_HTTPHEADER, headers)) ||
	    (e = SET(CURLOPT_WRITEFUNCTION, receive)) || (e = SET(CURLOPT_WRITEDATA, t)) ||
	    (e = SET(CURLOPT_HEADERFUNCTION, receive_header)) ||
	    (e = SET(CURLOPT_HEADERDATA, t)) || (e = SET(CURLOPT_ERRORBUFFER, t->curl_error)) ||
	    (e = SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->max)))
		return e;
	if (!x->body)
		return SET(CURLOPT_HTTPGET, 1L);
	if ((e = SET(CURLOPT_POST, 1L)) ||
	    (e = SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(x->body))))
		return e;
	return SET(CURLOPT_POSTFIELDS, x->body);
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = lib.curl_slist_append_(*list, line);

	if (longer)
		*list = longer;
	return longer;
}

static bool make_headers(const struct http_exchange *x, struct curl_slist **list)
{
	char cookie[512];

	if (!add_line(list, "Accept: application/json"))
		return false;
	if (x->body && (!add_line(list, "Content-Type: application/json") ||
			!add_line(list, "Expect:")))
		return false;
	if (!x->cookie)
		return true;
	(void) snprintf(cookie, sizeof(cookie), "Cookie: %s", x->cookie);
	return add_line(list, cookie);
}

/* Wait until something happens, in the tunnel too. */
static bool wait_and_serve(struct http_session *s)
{
	struct curl_waitfd waits[TUNNEL_FDS];
	struct pollfd fds[TUNNEL_FDS];
	unsigned n = 0;

	if (s->tunnel)
		tunnel_wants(s->tunnel, fds);
	for (size_t i = 0; s->tunnel && i < TUNNEL_FDS; i++) {
		short events = 0;

		if (fds[i].fd < 0)
			continue;
		if (fds[i].events & POLLIN)
			events |= CURL_WAIT_POLLIN;
		if (fds[i].events & POLLOUT)
			events |= CURL_WAIT_POLLOUT;
		waits[n++] = (struct curl_waitfd){ .fd = fds[i].fd, .events = events };
	}
	if (lib.curl_multi_poll_(s->multi, waits, n, POLL_MSEC, NULL) != CURLM_OK)
		return false;
	if (s->tunnel)
		tunnel_serve(s->tunnel);
	return true;
}

static CURLcode perform(struct http_session *s)
{
	CURLcode code = CURLE_OUT_OF_MEMORY;
	int running = 1, left;
	CURLMsg *m;

	/* A connection that the other end has closed is not used again. */
	if (s->tunnel)
		tunnel_serve(s->tunnel);
	if (lib.curl_multi_add_handle_(s->multi, s->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (lib.curl_multi_perform_(s->multi, &running) == CURLM_OK && running)
		if (!wait_and_serve(s))
			break;
	while ((m = lib.curl_multi_info_read_(s->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	(void) lib.curl_multi_remove_handle_(s->multi, s->easy);
	if (s->has_shaken_hands)
		library_trim();
	s->has_shaken_hands = false;
	return code;
}

/*
 * What TLS says when the other side does not speak it, or refuses ours, is a reason of OpenSSL's.
 * Whoever only closes the connection may be a relay whose server is not up yet.
 */
static int errno_of_tls(const struct transfer *t)
{
	return strstr(t->curl_error, "error:") && !strstr(t->curl_error, "unexpected eof") ?
		       -EPROTO :
		       -EHOSTUNREACH;
}

static int errno_of(const struct transfer *t, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return -EMSGSIZE;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_ISSUER_ERROR:
		return -EKEYREJECTED;
	case CURLE_SSL_CONNECT_ERROR:
		return errno_of_tls(t);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		return -EPROTO;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_NOT_BUILT_IN:
	case CURLE_UNKNOWN_OPTION:
		return -EOPNOTSUPP;
	default:
		return -EHOSTUNREACH;
	}
}

/* What the server should have shown, for people. */
static void format_expected(const struct http_session *s, char *ret, size_t size)
{
	const char *name = s->base + strlen("https://");

	if (s->trust == HTTP_TRUST_PUBLIC_KEY)
		(void) snprintf(ret, size, "the key %s", s->public_key);
	else
		(void) snprintf(ret, size, "a certificate%s%s, issued by %s",
				s->check_name ? " for " : "", s->check_name ? name : "",
				s->trust == HTTP_TRUST_IDENTITY ? "the broker's identity" :
								  "the given authorities");
}

static int set_untrusted(const struct http_session *s, const char *text, struct cause *why)
{
	char expected[BROKER_NAME_LEN + 96];

	format_expected(s, expected, sizeof(expected));
	return cause_set(why, -EKEYREJECTED, "%s: the server is not trusted: %s; expected: %s",
			 s->shown, s->untrusted ? s->untrusted : text, expected);
}

/*
 * libcurl's own limit for a line of the header is 100 KiB.  Versions before 8.6 call that a lack
 * of memory.
 */
static bool is_long_line(const struct transfer *t, CURLcode code)
{
	return code == TOO_LARGE || (code == CURLE_OUT_OF_MEMORY && t->has_begun &&
				     t->header.at != ANSWER_TRAILER);
}

static int set_failure(struct transfer *t, CURLcode code, struct cause *why)
{
	const char *text = t->curl_error[0] ? t->curl_error : lib.curl_easy_strerror_(code);
	int lost = t->session->tunnel ? tunnel_take_error(t->session->tunnel) : 0;
	int r = errno_of(t, code);

	/* Newer versions count what comes, and say it in their own way. */
	if (code == CURLE_FILESIZE_EXCEEDED)
		text = "the answer is too long";
	if (r == -ETIMEDOUT && t->session->tunnel && tunnel_is_connecting(t->session->tunnel))
		text = "nobody answers";

	if (t->problem)
		r = cause_set(why, t->error, "%s: %s", t->session->shown, t->problem);
	else if (r == -EKEYREJECTED || (t->session->untrusted && code == CURLE_SSL_CONNECT_ERROR))
		r = set_untrusted(t->session, text, why);
	else if (is_long_line(t, code))
		r = cause_set(why, -EMSGSIZE, "%s: the header of the answer has a line too long%s",
			      t->session->shown,
			      code == TOO_LARGE ? "" : ", or there is no memory for it");
	else if (r == -ENOMEM)
		r = cause_set_oom(why);
	else if (lost && (r == -EHOSTUNREACH || r == -ETIMEDOUT))
		r = cause_set(why, lost == ENOMEM ? -ENOMEM : -EHOSTUNREACH, "%s: %s",
			      t->session->shown, strerror(lost));
	else
		r = cause_set(why, r, "%s: %s", t->session->shown, text);
	make_printable(why->text);
	return r;
}

static CURLcode ask(struct transfer *t)
{
	_cleanup_(slist_freep) struct curl_slist *headers = NULL, *connect_to = NULL;
	struct http_session *s = t->session;
	curl_off_t first_byte = 0;
	CURLcode e;

	if (!make_headers(t->asked, &headers) ||
	    (s->connect_to[0] && !add_line(&connect_to, s->connect_to)))
		return CURLE_OUT_OF_MEMORY;
	s->untrusted = NULL;
	lib.curl_easy_reset_(s->easy);
	if (s->tunnel)
		(void) tunnel_take_error(s->tunnel);
	if ((e = set_way(s, s->easy, connect_to)) || (e = set_trust(s, s->easy)) ||
	    (e = set_request(t, s->easy, headers)))
		return e;
	e = perform(s);
	/* For libcurl a header that is cut off is one. */
	if (e == CURLE_OK && t->header.at != ANSWER_TRAILER) {
		(void) end_by(t, -EHOSTUNREACH, "the answer ends in its header");
		e = CURLE_GOT_NOTHING;
	}
	(void) lib.curl_easy_getinfo_(s->easy, CURLINFO_RESPONSE_CODE, &t->status);
	(void) lib.curl_easy_getinfo_(s->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
	t->has_begun = first_byte > 0;
	/* What the handle points to ends here; the connection stays with the multi handle. */
	lib.curl_easy_reset_(s->easy);
	return e;
}

int http_session_ask(struct http_session *s, struct http_exchange *x, struct cause *why)
{
	struct transfer t = { .session = s, .asked = x };
	CURLcode code = ask(&t);
	int r;

	/* An empty answer is a text too. */
	if (code == CURLE_OK && pieces_add(&t.body, "", 0, x->max) < 0)
		code = CURLE_OUT_OF_MEMORY;
	if (code != CURLE_OK) {
		r = set_failure(&t, code, why);
		pieces_done(&t.body);
		answer_header_done(&t.header);
		return r;
	}
	x->status = (int)t.status;
	x->retry_sec = t.header.retry_sec;
	x->answer = t.body.data;
	x->answer_len = t.body.len;
	x->set_cookie = t.header.set_cookie;
	x->release = t.header.release;
	return 0;
}

#else

int http_session_new(const struct http_session_setup *s, struct http_session **ret,
		     struct cause *why)
{
	return cause_set(why, -EOPNOTSUPP, "this %s was built without HTTPS", s->agent);
}

struct http_session *http_session_free(struct http_session *s)
{
	return NULL;
}

int http_session_ask(struct http_session *s, struct http_exchange *x, struct cause *why)
{
	return cause_set(why, -EOPNOTSUPP, "this program was built without HTTPS");
}

#endif
