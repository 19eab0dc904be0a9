/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/kds.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"

#if HAVE_LIBCURL
#include <curl/curl.h>
#endif

#define CEK_URL "https://kdsintf.amd.com"
#define ASK_ARK_URL "https://download.amd.com/developer/eula/sev"
#define FILE_MAX_LEN 8192	/* a CEK has 2084 bytes, ASK and ARK 3200 */
#define TRIES 4
#define WAIT_MAX_SEC 60

/* ---- the cache ---- */

/* The path of @name in the cache, whose folder is made.  -ENOENT when there is no place for one. */
static int cache_path(const struct kds *k, const char *name, bool make, char ret[static PATH_MAX])
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char dir[PATH_MAX];
	int n;

	if (k->cache)
		n = snprintf(dir, sizeof(dir), "%s", k->cache);
	else if (xdg && xdg[0] == '/')
		n = snprintf(dir, sizeof(dir), "%s/coco-inject", xdg);
	else if (home && home[0] == '/')
		n = snprintf(dir, sizeof(dir), "%s/.cache/coco-inject", home);
	else
		return -ENOENT;
	if (n == 0)
		return -ENOENT;
	if (n < 0 || (size_t)n >= sizeof(dir))
		return -ENAMETOOLONG;
	/* The folders above it too. */
	for (char *p = dir + 1; make; p++) {
		bool end = !*p;

		if (*p != '/' && !end)
			continue;
		*p = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (end)
			break;
		*p = '/';
	}
	n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Whatever is wrong with what lies there: then it is not there. */
static int cache_get(const struct kds *k, const char *name, kds_accept accept, void *userdata)
{
	_cleanup_(freep) char *data = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	r = cache_path(k, name, /* make= */ false, path);
	if (r == 0)
		r = read_file_at(AT_FDCWD, path, FILE_MAX_LEN, &data, &len);
	if (r < 0)
		return -ENOENT;
	r = accept((const uint8_t *)data, len, userdata);
	if (r < 0 && r != -ENOMEM)
		log_debug("'%s' is not what is needed", path);
	return r;
}

static void cache_put(const struct kds *k, const char *name, const uint8_t *data, size_t len)
{
	char path[PATH_MAX];
	int r;

	r = cache_path(k, name, /* make= */ true, path);
	if (r == 0)
		r = write_file_atomic(path, data, len, 0644, /* exclusive= */ false);
	if (r < 0)
		log_warning_errno(r, "Failed to keep '%s' in the cache, ignoring: %m", name);
}

/* ---- the server ---- */

#if HAVE_LIBCURL

struct body {
	uint8_t data[FILE_MAX_LEN];
	size_t len;
};

static void curl_freep(CURL **c)
{
	curl_easy_cleanup(*c);
}

static void curlu_freep(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void curl_textp(char **s)
{
	curl_free(*s);
}

/* More than a certificate can have ends the transfer. */
static size_t receive(char *data, size_t size, size_t n, void *userdata)
{
	struct body *b = userdata;
	size_t len = size * n;

	if (len > sizeof(b->data) - b->len)
		return 0;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return len;
}

/* The only address to which one may speak in the clear: a test's, or a proxy's that runs here. */
static bool is_here(CURLU *u)
{
	_cleanup_(curl_textp) char *host = NULL;

	return curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && streq(host, "127.0.0.1");
}

static bool has_part(CURLU *u, CURLUPart part)
{
	_cleanup_(curl_textp) char *text = NULL;

	return curl_url_get(u, part, &text, 0) == CURLUE_OK;
}

static CURLU *parse_url(const char *url)
{
	_cleanup_(curlu_freep) CURLU *u = curl_url();
	_cleanup_(curl_textp) char *scheme = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return NULL;
	if (!streq(scheme, "https") && !(streq(scheme, "http") && is_here(u)))
		return NULL;
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD) || has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
		return NULL;
	return TAKE_PTR(u);
}

int kds_check_url(const char *url)
{
	_cleanup_(curlu_freep) CURLU *u = url ? parse_url(url) : NULL;

	return !url || u ? 0 : -EINVAL;
}

static int set_options(const struct kds *k, CURL *c, CURLU *u, const char *url, struct body *b, char *error)
{
	bool here = is_here(u);
	int bad = 0;

	bad |= curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, here ? "http,https" : "https") != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https") != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_MAXREDIRS, 3L) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)MIN(k->timeout_usec / 1000 + 1, (uint64_t)INT_MAX)) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "coco-inject/" PACKAGE_VERSION) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, b) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error) != CURLE_OK;
	if (here)
		bad |= curl_easy_setopt(c, CURLOPT_NOPROXY, "*") != CURLE_OK;
	if (k->ca)
		bad |= curl_easy_setopt(c, CURLOPT_CAINFO, k->ca) != CURLE_OK;
	return bad ? -ENOMEM : 0;
}

/* One request.  Returns the HTTP status; -EHOSTUNREACH, and the reason is in @k; -ENOMEM. */
static int ask(struct kds *k, const char *url, struct body *b, uint64_t *ret_retry_sec)
{
	_cleanup_(curl_freep) CURL *c = curl_easy_init();
	_cleanup_(curlu_freep) CURLU *u = parse_url(url);
	char error[CURL_ERROR_SIZE] = "";
	curl_off_t retry = 0;
	CURLcode code;
	long http = 0;

	b->len = 0;
	if (!c || !u || set_options(k, c, u, url, b, error) < 0)
		return -ENOMEM;
	code = curl_easy_perform(c);
	if (code != CURLE_OK) {
		snprintf(k->error, sizeof(k->error), "%s: %s", url, code == CURLE_WRITE_ERROR ? "the answer is too long for a certificate" :
			 error[0] ? error : curl_easy_strerror(code));
		return -EHOSTUNREACH;
	}
	(void) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
	(void) curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &retry);
	*ret_retry_sec = retry > 0 ? (uint64_t)retry : 0;
	return (int)http;
}

static void sleep_sec(uint64_t sec)
{
	struct timespec t = { .tv_sec = (time_t)sec };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static int ask_patiently(struct kds *k, const char *url, struct body *b)
{
	for (unsigned i = 0;; i++) {
		uint64_t wait;
		int r;

		r = ask(k, url, b, &wait);
		if (r == 200)
			return 0;
		if (r == 404)
			return -ENOENT;
		if (r < 0)
			return r;
		snprintf(k->error, sizeof(k->error), "%s: HTTP status %d", url, r);
		if (r != 429 && r != 503)
			return -EHOSTUNREACH;
		if (wait == 0)
			wait = UINT64_C(1) << i;
		if (i + 1 == TRIES || wait > WAIT_MAX_SEC) {
			snprintf(k->error, sizeof(k->error), "the server is busy, HTTP status %d; try again in %llu seconds", r, (unsigned long long)wait);
			return -EAGAIN;
		}
		log_notice("The key server is busy; trying again in %llu seconds", (unsigned long long)wait);
		sleep_sec(wait);
	}
}

static int server_get(struct kds *k, const char *url, const char *name, kds_accept accept, void *userdata)
{
	struct body b;
	int r;

	r = ask_patiently(k, url, &b);
	if (r == 0)
		r = accept(b.data, b.len, userdata);
	if (r == 0)
		cache_put(k, name, b.data, b.len);
	return r;
}

#else

int kds_check_url(const char *url)
{
	return 0;
}

static int server_get(struct kds *k, const char *url, const char *name, kds_accept accept, void *userdata)
{
	(void) cache_put;
	snprintf(k->error, sizeof(k->error), "this coco-inject was built without HTTPS; get %s by other means and give it as a file", url);
	return -EOPNOTSUPP;
}

#endif

static int get(struct kds *k, const char *url, const char *name, kds_accept accept, void *userdata)
{
	int r;

	k->error[0] = '\0';
	r = cache_get(k, name, accept, userdata);
	if (r == 0 || r == -ENOMEM)
		return r;
	return k->fetch ? server_get(k, url, name, accept, userdata) : -ENOENT;
}

static int too_long(struct kds *k)
{
	snprintf(k->error, sizeof(k->error), "the URL gets too long");
	return -EHOSTUNREACH;
}

int kds_get_cek(struct kds *k, const char *chip_id, kds_accept accept, void *userdata)
{
	char url[1024], name[KDS_CHIP_ID_TEXT_LEN + 16];

	snprintf(name, sizeof(name), "cek-%s.cert", chip_id);
	if ((size_t)snprintf(url, sizeof(url), "%s/cek/id/%s", k->url ? k->url : CEK_URL, chip_id) >= sizeof(url))
		return too_long(k);
	return get(k, url, name, accept, userdata);
}

int kds_get_ask_ark(struct kds *k, const char *product, kds_accept accept, void *userdata)
{
	char url[1024], name[64];

	if ((size_t)snprintf(name, sizeof(name), "ask_ark_%s.cert", product) >= sizeof(name) ||
	    (size_t)snprintf(url, sizeof(url), "%s/%s", k->url ? k->url : ASK_ARK_URL, name) >= sizeof(url))
		return too_long(k);
	return get(k, url, name, accept, userdata);
}
