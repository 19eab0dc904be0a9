/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/kds.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "net/http.h"

#define CEK_URL "https://kdsintf.amd.com"
#define ASK_ARK_URL "https://download.amd.com/developer/eula/sev"
#define FILE_MAX_LEN 8192	/* a CEK has 2084 bytes, ASK and ARK 3200 */

/* ---- the cache ---- */

/* The path of @name in the cache, whose folder is made.  -ENOENT when there is no place for one. */
static int cache_path(const struct kds *k, const char *name, bool make, char ret[static PATH_MAX])
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char dir[PATH_MAX];
	int n, r;

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
	r = make ? make_folders(dir, 0700) : 0;
	if (r < 0)
		return r;
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

int kds_check_url(const char *url)
{
	return http_check_base(url);
}

static int server_get(struct kds *k, const char *url, const char *name, kds_accept accept,
		      void *userdata)
{
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	struct http h = { .agent = "coco-inject", .ca = k->ca, .timeout_usec = k->timeout_usec };
	const struct http_request request = {
		.url = url,
		.max = FILE_MAX_LEN,
		.what = "certificate",
	};
	int r;

	r = http_get(&h, &request, &a);
	if (r < 0) {
		snprintf(k->error, sizeof(k->error), "%s", h.error);
		return r;
	}
	r = accept(a.data, a.len, userdata);
	if (r == 0)
		cache_put(k, name, a.data, a.len);
	return r;
}

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
	if ((size_t)snprintf(url, sizeof(url), "%s/cek/id/%s", k->url ? k->url : CEK_URL,
			     chip_id) >= sizeof(url))
		return too_long(k);
	return get(k, url, name, accept, userdata);
}

int kds_get_ask_ark(struct kds *k, const char *product, kds_accept accept, void *userdata)
{
	char url[1024], name[64];

	if ((size_t)snprintf(name, sizeof(name), "ask_ark_%s.cert", product) >= sizeof(name) ||
	    (size_t)snprintf(url, sizeof(url), "%s/%s", k->url ? k->url : ASK_ARK_URL, name) >=
		    sizeof(url))
		return too_long(k);
	return get(k, url, name, accept, userdata);
}
