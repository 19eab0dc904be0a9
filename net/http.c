/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/blank.h"
#include "base/library.h"
#include "base/log.h"
#include "base/text.h"
#include "net/answer.h"

#if HAVE_LIBCURL
#include <curl/curl.h>
#endif

#define TRIES 4
#define WAIT_MAX_SEC 60
#define WORDS_MAX 160
#define CONNECT_MSEC 3000L	/* for the caller's connection, whose other end is near */

void http_answer_done(struct http_answer *a)
{
	free(a->data);
	free(a->header);
	*a = (struct http_answer){ NULL };
}

#if HAVE_LIBCURL

#define LIBRARY "libcurl.so.4"
#define FUNCTIONS(X)                                                                               \
	X(curl_easy_init)                                                                          \
	X(curl_easy_cleanup) X(curl_easy_setopt) X(curl_easy_perform) X(curl_easy_getinfo)         \
		X(curl_easy_strerror) X(curl_free) X(curl_slist_append) X(curl_slist_free_all)     \
			X(curl_url) X(curl_url_cleanup) X(curl_url_get) X(curl_url_set)

LIBRARY_NOTE(LIBRARY, "http", "recommended", "Collateral from AMD, Intel and Azure");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

/* Returns 0; -EOPNOTSUPP when the library does not exist, with the reason in @error. */
static int load(char *error, size_t size)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };

	return lib.curl_url_set_ || library_load(LIBRARY, &lib, functions, error, size) == 0 ?
		       0 :
		       -EOPNOTSUPP;
}

static void curl_freep(CURL **c)
{
	if (*c)
		lib.curl_easy_cleanup_(*c);
}

static void curlu_freep(CURLU **u)
{
	if (*u)
		lib.curl_url_cleanup_(*u);
}

static void curl_textp(char **s)
{
	if (*s)
		lib.curl_free_(*s);
}

static void slist_freep(struct curl_slist **l)
{
	if (*l)
		lib.curl_slist_free_all_(*l);
}

/* ---- the answer ---- */

struct transfer {
	const struct http *http;
	const struct http_request *q;
	CURL *curl;
	struct pieces body;
	char *header;
	const char *problem;	/* why we ended the transfer; constant */
	char words[WORDS_MAX + 1];	/* the server's text beside an error, for people */
	size_t words_len;
	bool no_memory;
};

static bool is_wanted(const struct transfer *t)
{
	long http = 0;

	return lib.curl_easy_getinfo_(t->curl, CURLINFO_RESPONSE_CODE, &http) == CURLE_OK &&
	       http == 200;
}

/*
 * A caching service adds a line of text to an error, which says what is missing better than the
 * status does.  A page is for browsers.
 */
static void hear(struct transfer *t, const char *data, size_t len)
{
	size_t n = MIN(len, WORDS_MAX - t->words_len);

	memcpy(t->words + t->words_len, data, n);
	t->words_len += n;
	t->words[t->words_len] = '\0';
}

/* The first line of the server's text; "" when it is a page.  Nothing after that line is shown. */
static const char *words_of(struct transfer *t)
{
	char *p = t->words;

	while (is_space(*p))
		p++;
	p[strcspn(p, "\r\n")] = '\0';
	return *p == '<' ? "" : p;
}

/* An answer that is too long ends the transfer. */
static size_t receive(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t len = size * n;
	int r;

	if (!is_wanted(t)) {
		hear(t, data, len);
		return len;
	}
	r = pieces_add(&t->body, data, len, t->q->max);
	t->no_memory = r == -ENOMEM;
	if (r == -EMSGSIZE)
		t->problem = "too long";
	return r < 0 ? 0 : len;
}

static size_t receive_header(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t len = size * n, value_len;
	const char *value = header_value(data, len, t->q->header, &value_len);
	int r;

	/* After a redirect the next answer has its own header. */
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		free(t->header);
		t->header = NULL;
	}
	if (!value)
		return len;
	r = header_keep(value, value_len, HTTP_HEADER_MAX, &t->header);
	t->no_memory = r == -ENOMEM;
	if (r < 0 && !t->no_memory)
		t->problem = "malformed";
	return r < 0 ? 0 : len;
}

/* ---- the address ---- */

/* True for the only address that may be reached unencrypted: a test, or a proxy on this machine. */
static bool is_here(CURLU *u)
{
	_cleanup_(curl_textp) char *host = NULL;

	return lib.curl_url_get_(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	       streq(host, "127.0.0.1");
}

static bool has_part(CURLU *u, CURLUPart part)
{
	_cleanup_(curl_textp) char *text = NULL;

	return lib.curl_url_get_(u, part, &text, 0) == CURLUE_OK;
}

/* @clear: the connection is the caller's, and may be unencrypted. */
static CURLU *parse_url(const char *url, bool clear)
{
	_cleanup_(curlu_freep) CURLU *u = lib.curl_url_();
	_cleanup_(curl_textp) char *scheme = NULL;

	if (!u || lib.curl_url_set_(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    lib.curl_url_get_(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return NULL;
	if (!streq(scheme, "https") && !(streq(scheme, "http") && (clear || is_here(u))))
		return NULL;
	return has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD) ? NULL : TAKE_PTR(u);
}

int http_check_base(const char *url)
{
	_cleanup_(curlu_freep) CURLU *u = NULL;
	char error[256];

	/* Without the library there will be no request either, and http_get() will say so. */
	if (!url || load(error, sizeof(error)) < 0)
		return 0;
	u = parse_url(url, /* clear= */ false);
	return u && !has_part(u, CURLUPART_QUERY) && !has_part(u, CURLUPART_FRAGMENT) ? 0 : -EINVAL;
}

/* ---- over the caller's connection ---- */

/*
 * The connect() of such a socket has ended, so libcurl's would fail.  No request would go out, but
 * nobody would understand why.
 */
static bool fd_blocks(int fd)
{
	int flags = fd < 0 ? O_NONBLOCK : fcntl(fd, F_GETFL);

	return flags < 0 || !(flags & O_NONBLOCK);
}

static curl_socket_t take_socket(void *userdata, curlsocktype purpose,
				 struct curl_sockaddr *address)
{
	const struct http *h = userdata;

	return h->fd < 0 ? CURL_SOCKET_BAD : h->fd;
}

static int socket_is_connected(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int leave_open(void *userdata, curl_socket_t fd)
{
	return 0;
}

static int set_way(const struct http *h, CURL *c, bool here)
{
	const char *protocols = h->use_fd ? "http" : here ? "http,https" : "https";
	int bad = 0;

	bad |= lib.curl_easy_setopt_(c, CURLOPT_PROTOCOLS_STR, protocols) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_REDIR_PROTOCOLS_STR, "https") != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_FOLLOWLOCATION, h->use_fd ? 0L : 1L) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_MAXREDIRS, 3L) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) !=
	       CURLE_OK;
	if (here || h->use_fd)
		bad |= lib.curl_easy_setopt_(c, CURLOPT_NOPROXY, "*") != CURLE_OK;
	if (h->ca)
		bad |= lib.curl_easy_setopt_(c, CURLOPT_CAINFO, h->ca) != CURLE_OK;
	if (!h->use_fd)
		return bad;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MSEC) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_OPENSOCKETFUNCTION, take_socket) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_OPENSOCKETDATA, (void *)h) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_SOCKOPTFUNCTION, socket_is_connected) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_CLOSESOCKETFUNCTION, leave_open) != CURLE_OK;
	return bad;
}

/* ---- a request ---- */

static struct curl_slist *make_headers(const struct http_request *q)
{
	_cleanup_(slist_freep) struct curl_slist *list = NULL;
	const char *const lines[] = { q->send_header,
				      q->post ? "Content-Type: application/json" : NULL,
				      q->post ? "Expect:" : NULL };
	struct curl_slist *longer;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!lines[i])
			continue;
		longer = lib.curl_slist_append_(list, lines[i]);
		if (!longer)
			return NULL;
		list = longer;
	}
	return TAKE_PTR(list);
}

static int set_request(CURL *c, const struct http_request *q, struct curl_slist *headers)
{
	int bad = 0;

	bad |= lib.curl_easy_setopt_(c, CURLOPT_URL, q->url) != CURLE_OK;
	if (headers)
		bad |= lib.curl_easy_setopt_(c, CURLOPT_HTTPHEADER, headers) != CURLE_OK;
	if (q->post)
		bad |= lib.curl_easy_setopt_(c, CURLOPT_POSTFIELDS, q->post) != CURLE_OK;
	return bad;
}

/* libcurl calls it at least once a second. */
static int progress(void *userdata, curl_off_t total, curl_off_t now, curl_off_t up_total,
		    curl_off_t up)
{
	return atomic_load((const atomic_bool *)userdata);
}

static int set_transfer(CURL *c, struct transfer *t, char *error)
{
	uint64_t timeout = t->http->timeout_usec ? t->http->timeout_usec : HTTP_TIMEOUT_USEC;
	char agent[64];
	int bad = 0;

	snprintf(agent, sizeof(agent), "%s/" PACKAGE_VERSION, t->http->agent);
	bad |= lib.curl_easy_setopt_(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_TIMEOUT_MS,
				     (long)MIN(timeout / 1000 + 1, (uint64_t)INT_MAX)) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_USERAGENT, agent) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_WRITEFUNCTION, receive) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_WRITEDATA, t) != CURLE_OK;
	if (t->q->header) {
		bad |= lib.curl_easy_setopt_(c, CURLOPT_HEADERFUNCTION, receive_header) != CURLE_OK;
		bad |= lib.curl_easy_setopt_(c, CURLOPT_HEADERDATA, t) != CURLE_OK;
	}
	bad |= lib.curl_easy_setopt_(c, CURLOPT_ERRORBUFFER, error) != CURLE_OK;
	if (!t->http->stop)
		return bad;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_XFERINFOFUNCTION, progress) != CURLE_OK;
	bad |= lib.curl_easy_setopt_(c, CURLOPT_XFERINFODATA, (void *)t->http->stop) != CURLE_OK;
	return bad;
}

static void set_error(struct http *h, const struct transfer *t, const char *why)
{
	if (t->problem && streq(t->problem, "too long"))
		snprintf(h->error, sizeof(h->error), "%.1000s: the answer is too long for a %s",
			 t->q->url, t->q->what);
	else if (t->problem)
		snprintf(h->error, sizeof(h->error), "%.1000s: the header %s of the answer is %s",
			 t->q->url, t->q->header, t->problem);
	else
		snprintf(h->error, sizeof(h->error), "%.1000s: %s", t->q->url, why);
}

/* Make one request.  Returns the HTTP status; -EHOSTUNREACH, with the reason in @h; -ENOMEM. */
static int ask(struct http *h, struct transfer *t, uint64_t *ret_retry_sec)
{
	_cleanup_(slist_freep) struct curl_slist *headers = NULL;
	_cleanup_(curlu_freep) CURLU *u = parse_url(t->q->url, h->use_fd);
	_cleanup_(curl_freep) CURL *c = lib.curl_easy_init_();
	char error[CURL_ERROR_SIZE] = "";
	curl_off_t retry = 0;
	CURLcode code;
	long http = 0;

	t->curl = c;
	t->body.len = 0;
	t->words_len = 0;
	t->words[0] = '\0';
	h->status = 0;
	if (!u) {
		set_error(h, t, "it is not an address that may be asked");
		return -EHOSTUNREACH;
	}
	if (h->use_fd && fd_blocks(h->fd)) {
		set_error(h, t, "the caller's connection is none that does not block");
		return -EINVAL;
	}
	headers = make_headers(t->q);
	if (!c || (!headers && (t->q->send_header || t->q->post)) || set_way(h, c, is_here(u)) ||
	    set_request(c, t->q, headers) || set_transfer(c, t, error))
		return -ENOMEM;
	code = lib.curl_easy_perform_(c);
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code != CURLE_OK) {
		set_error(h, t, error[0] ? error : lib.curl_easy_strerror_(code));
		return -EHOSTUNREACH;
	}
	(void) lib.curl_easy_getinfo_(c, CURLINFO_RESPONSE_CODE, &http);
	(void) lib.curl_easy_getinfo_(c, CURLINFO_RETRY_AFTER, &retry);
	*ret_retry_sec = retry > 0 ? (uint64_t)retry : 0;
	h->status = (int)http;
	return (int)http;
}

static void sleep_sec(uint64_t sec)
{
	struct timespec t = { .tv_sec = (time_t)sec };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void set_status_error(struct http *h, struct transfer *t, int status)
{
	const char *words = words_of(t);

	snprintf(h->error, sizeof(h->error), "%.1000s: HTTP status %d%s%s%s", t->q->url, status,
		 words[0] ? ", \"" : "", words, words[0] ? "\"" : "");
}

static int ask_patiently(struct http *h, struct transfer *t)
{
	for (unsigned i = 0;; i++) {
		uint64_t wait = 0;
		int r;

		r = ask(h, t, &wait);
		if (r == 200)
			return 0;
		if (r < 0)
			return r;
		set_status_error(h, t, r);
		if (r == 404)
			return -ENOENT;
		if (r != 429 && r != 503)
			return -EHOSTUNREACH;
		if (wait == 0)
			wait = UINT64_C(2) << i;	/* AMD allows one request in ten seconds */
		if (h->impatient || i + 1 == TRIES || wait > WAIT_MAX_SEC) {
			snprintf(h->error, sizeof(h->error),
				 "the server is busy, HTTP status %d; try again in %llu seconds", r,
				 (unsigned long long)wait);
			return -EAGAIN;
		}
		log_notice("The server is busy; trying again in %llu seconds",
			   (unsigned long long)wait);
		sleep_sec(wait);
	}
}

int http_get(struct http *h, const struct http_request *q, struct http_answer *ret)
{
	struct transfer t = { .http = h, .q = q };
	int r;

	h->error[0] = '\0';
	r = load(h->error, sizeof(h->error));
	if (r < 0)
		return r;
	r = ask_patiently(h, &t);
	/* An empty answer is a text too. */
	if (r == 0)
		r = pieces_add(&t.body, "", 0, q->max);
	if (r < 0) {
		/* The library's text may quote the server's. */
		make_printable(h->error);
		pieces_done(&t.body);
		free(t.header);
		return r;
	}
	*ret = (struct http_answer){ .data = (uint8_t *)t.body.data,
				     .len = t.body.len,
				     .header = t.header };
	return 0;
}

#else

int http_check_base(const char *url)
{
	return 0;
}

int http_get(struct http *h, const struct http_request *q, struct http_answer *ret)
{
	snprintf(h->error, sizeof(h->error),
		 "this %s was built without HTTPS; get %.1000s by other "
		 "means and give it as a file",
		 h->agent, q->url);
	return -EOPNOTSUPP;
}

#endif
