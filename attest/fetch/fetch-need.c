/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/fetch/fetch-need.h"

#include <stdio.h>

#define PCS_URL "https://api.trustedservices.intel.com"
#define PCS_ROOT_URL "https://certificates.trustedservices.intel.com"
#define KDS_URL "https://kdsintf.amd.com"
#define PCCS_ROOT_CRL "/sgx/certification/v4/rootcacrl"	/* where Intel's caching service has it */

int fetch_url(const struct fetch *f, const struct need *need, char ret[static FETCH_URL_LEN])
{
	const char *base = f->kds ? f->kds : KDS_URL, *path = need->path;
	size_t len;
	int n;

	if (need_server(need) == NEED_PCS)
		base = f->pcs ? f->pcs : PCS_URL;
	else if (need_server(need) == NEED_PCS_ROOT) {
		base = f->pcs ? f->pcs : PCS_ROOT_URL;
		path = f->pcs ? PCCS_ROOT_CRL : path;
	}
	len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	n = snprintf(ret, FETCH_URL_LEN, "%.*s%s", (int)len, base, path);
	return n < 0 || n >= FETCH_URL_LEN ? -ENAMETOOLONG : 0;
}

/* ---- is it right? ---- */

static struct bytes bytes_of(const char *data, size_t len)
{
	return (struct bytes){ (const uint8_t *)data, len };
}

/* Returns 0 with the date until which it is good in @found, or an error with @why. */
static int check(struct fetch *f, const struct need *need, const struct cache_file *file,
		 struct need_result *found, char why[static CACHE_WHY_LEN])
{
	int r;

	r = need_verify(f->verifier, need, bytes_of(file->data, file->len),
			bytes_of(file->chain, file->chain_len), &f->seen, found);
	if (r == -EMSGSIZE)
		(void) snprintf(why, CACHE_WHY_LEN, "there is no room to remember it");
	else if (r < 0 && r != -ENOMEM)
		(void) snprintf(why, CACHE_WHY_LEN, "%s%s", found->problem,
				found->older && f->older_hint ? f->older_hint : "");
	return r;
}

static int take_chain(const struct need *need, const struct http_answer *a, struct cache_file *ret,
		      char why[static CACHE_WHY_LEN])
{
	if (!need->chain[0])
		return 0;
	(void) snprintf(why, CACHE_WHY_LEN, "the answer has no header %s", need_header(need));
	if (!a->header)
		return -EBADMSG;
	ret->chain = malloc(strlen(a->header) + 1);
	if (!ret->chain)
		return -ENOMEM;
	(void) snprintf(why, CACHE_WHY_LEN, "the header %s is not URL-encoded PEM",
			need_header(need));
	if (need_decode_chain(a->header, ret->chain) < 0)
		return -EBADMSG;
	ret->chain_len = strlen(ret->chain);
	return 0;
}

/*
 * Take what the server sent.  It replaces the file in the cache only if it is what we asked for and
 * has the right signature.
 */
static int check_and_keep(struct fetch *f, const struct need *need, struct http_answer *a,
			  struct cache_file *ret, struct need_result *found,
			  char why[static CACHE_WHY_LEN])
{
	_cleanup_(cache_file_done) struct cache_file file = { NULL };
	char problem[CACHE_WHY_LEN];
	int r;

	need_unhex(a->data, &a->len);
	file.data = malloc(a->len + 1);
	if (!file.data)
		return -ENOMEM;
	memcpy(file.data, a->data, a->len);
	file.len = a->len;
	r = take_chain(need, a, &file, why);
	if (r < 0)
		return r;
	r = check(f, need, &file, found, problem);
	if (r < 0) {
		(void) snprintf(why, CACHE_WHY_LEN, "what the server has is not it: %.400s",
				problem);
		return r;
	}
	/* We can use it, even if it cannot be written to the cache. */
	*ret = file;
	file = (struct cache_file){ NULL };
	return cache_keep(f->dir, need, ret, why);
}

int fetch_get(struct fetch *f, const struct need *need, struct cache_file *ret,
	      struct need_result *found, char why[static CACHE_WHY_LEN])
{
	char url[FETCH_URL_LEN];
	const struct http_request q = { .url = url,
					.max = need_max(need),
					.what = need_what(need),
					.header = need_header(need) };
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	int r;

	(void) snprintf(why, CACHE_WHY_LEN, "the address gets too long");
	r = fetch_url(f, need, url);
	if (r < 0)
		return r;
	(void) snprintf(why, CACHE_WHY_LEN, "the server wants to be left alone; try again later");
	f->http.status = 0;
	if (f->busy[need_server(need)])
		return -EAGAIN;
	r = http_get(&f->http, &q, &a);
	f->busy[need_server(need)] = r == -EAGAIN;
	(void) snprintf(why, CACHE_WHY_LEN, "%.500s", f->http.error);
	return r < 0 ? r : check_and_keep(f, need, &a, ret, found, why);
}

int fetch_look(struct fetch *f, const struct need *need, struct cache_file *ret,
	       struct need_result *found, char why[static CACHE_WHY_LEN])
{
	_cleanup_(cache_file_done) struct cache_file file = { NULL };
	char problem[CACHE_WHY_LEN];
	int r;

	r = cache_read(f->dir, need, &file, why);
	if (r < 0)
		return r;
	r = check(f, need, &file, found, problem);
	if (r < 0) {
		(void) snprintf(why, CACHE_WHY_LEN, "%.200s/%.100s: %.200s", f->dir, need->name,
				problem);
		return r;
	}
	*ret = file;
	file = (struct cache_file){ NULL };
	return 0;
}
