/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/refresh-work.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/fetch/fetch-need.h"
#include "base/io.h"
#include "base/text.h"

#define DEVICES_MAX 4096	/* certificates of devices in the cache */

void refresh_work_fail(struct refresh_work *w, int error, const char *what, const char *why)
{
	if (w->result == 0) {
		w->result = error;
		(void) snprintf(w->trouble, sizeof(w->trouble), "%s: %.400s", what, why);
		make_printable(w->trouble);
	}
}

/* What hangs on the quote's certificates is verified by those that come with the CA's list. */
static int add_ca(struct fetch *f, struct refresh_work *w, char **ret_pem, struct evidence *ret)
{
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	char url[FETCH_URL_LEN];
	struct http_request q = { .url = url, .what = "PCK revocation list" };
	const struct need *need = needs_ca(&w->needs, &q.header);
	int e;

	if (!need)
		return 0;
	q.max = need_max(need);
	e = fetch_url(f, need, url);
	if (e == 0)
		e = http_get(&f->http, &q, &a);
	f->busy[need_server(need)] = e == -EAGAIN;
	w->busy = w->busy || e == -EAGAIN;
	if (e < 0) {
		refresh_work_fail(w, e, need_what(need), f->http.error);
		return e;
	}
	*ret_pem = a.header ? malloc(strlen(a.header) + 1) : NULL;
	if (!*ret_pem || need_decode_chain(a.header, *ret_pem) < 0) {
		refresh_work_fail(w, -EBADMSG, need_what(need),
				  "the answer has no chain of its CA in a header");
		return -EBADMSG;
	}
	return evidence_add_cert(ret, (struct bytes){ (uint8_t *)*ret_pem, strlen(*ret_pem) },
				 /* sent= */ true);
}

static void merge(struct newest *n, const struct newest *seen)
{
	for (unsigned i = 0; i < seen->n; i++)
		(void) newest_note(n, &seen->list[i]);
}

/* The memories of both folders. */
static int read_newest(const struct refresh_source *from, struct newest *ret,
		       struct refresh_work *w)
{
	_cleanup_(freep) struct newest *other = malloc(sizeof(*other));
	char why[CACHE_WHY_LEN] = "out of memory";
	int e = other ? cache_newest(from->cache, ret, why) : -ENOMEM;

	if (e == 0 && from->folder) {
		e = cache_newest(from->folder, other, why);
		if (e == 0)
			merge(ret, other);
	}
	if (e < 0)
		refresh_work_fail(w, e, "memory", why);
	return e;
}

/* What there is: nothing older is to replace it, even if the memory of it was lost. */
static void look_at_all(struct fetch *f, const struct needs *n, bool good[static NEEDS_MAX],
			struct newest *newest)
{
	struct cache_file files[NEEDS_MAX] = { { NULL } };
	struct need_result found;
	char why[CACHE_WHY_LEN];

	for (unsigned i = 0; i < n->n; i++)
		good[i] = fetch_look(f, &n->list[i], &files[i], &found, why) == 0;
	merge(newest, &f->seen);
	f->verifier = need_verifier_free(f->verifier);
	for (unsigned i = 0; i < n->n; i++)
		cache_file_done(&files[i]);
}

static bool is_same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return !a == !b && a_len == b_len && (!a || memcmp(a, b, a_len) == 0);
}

static bool is_same(const struct cache_file *a, const struct cache_file *b)
{
	return is_same_text(a->data, a->len, b->data, b->len) &&
	       is_same_text(a->chain, a->chain_len, b->chain, b->chain_len);
}

static void get_one(struct fetch *f, struct refresh_work *w, const struct need *need, bool good,
		    struct cache_file *file)
{
	_cleanup_(cache_file_done) struct cache_file old = { NULL };
	struct need_result found;
	char why[CACHE_WHY_LEN] = "";
	int e = -EAGAIN;

	if (good && (!w->all || need_is_device(need))) {
		(void) fetch_look(f, need, file, &found, why);
		return;
	}
	(void) cache_read(f->dir, need, &old, why);
	if (!atomic_load(f->http.stop))
		e = fetch_get(f, need, file, &found, why);
	w->busy = w->busy || e == -EAGAIN;
	if (e == 0) {
		w->changed = w->changed || !is_same(&old, file);
		return;
	}
	refresh_work_fail(w, e, need_what(need), why);
	/* The old file stays, so the other files are verified with it. */
	if (!file->data)
		(void) fetch_look(f, need, file, &found, why);
}

static void get_all(struct fetch *f, struct refresh_work *w, const bool good[static NEEDS_MAX])
{
	struct cache_file files[NEEDS_MAX] = { { NULL } };
	char why[CACHE_WHY_LEN];
	int e;

	for (unsigned i = 0; i < w->needs.n; i++)
		get_one(f, w, &w->needs.list[i], good[i], &files[i]);
	f->verifier = need_verifier_free(f->verifier);
	for (unsigned i = 0; i < w->needs.n; i++)
		cache_file_done(&files[i]);
	e = f->seen.n > 0 ? cache_remember(f->dir, &f->seen, /* forget= */ false, why) : 0;
	if (e < 0)
		refresh_work_fail(w, e, "memory", why);
}

/* The certificates of devices are the only files that guests can make many of. */
static void make_room(const char *cache)
{
	_cleanup_(closedirp) DIR *d = opendir(cache);
	char oldest[NAME_MAX + 1] = "";
	const struct dirent *de;
	time_t age = 0;
	unsigned n = 0;
	struct stat st;

	while (d && (de = readdir(d))) {
		if (!need_is_device_name(de->d_name) ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n++;
		if (!oldest[0] || st.st_mtime < age) {
			(void) snprintf(oldest, sizeof(oldest), "%s", de->d_name);
			age = st.st_mtime;
		}
	}
	if (n >= DEVICES_MAX)
		(void) unlinkat(dirfd(d), oldest, 0);
}

/* All that one work needs. */
struct attempt {
	struct evidence evidence;	/* the CA alone, if it is needed */
	struct newest newest;
	struct fetch fetch;
};

static int new_verifier(struct attempt *t, const struct needs *n, const struct trust *trust)
{
	return need_verifier_new(&t->evidence, n, trust, &t->newest, (int64_t)time(NULL),
				 &t->fetch.verifier);
}

void refresh_work(const struct refresh_source *from, const struct trust *trust,
		  const atomic_bool *stop, struct refresh_work *w)
{
	_cleanup_(freep) struct attempt *t = calloc(1, sizeof(*t));
	_cleanup_(freep) char *pem = NULL;
	bool good[NEEDS_MAX] = { false };
	int r;

	if (!t) {
		refresh_work_fail(w, -ENOMEM, "memory", "out of memory");
		return;
	}
	t->fetch = (struct fetch){
		.dir = from->cache,
		.kds = from->kds,
		.pcs = from->pcs,
		.http = { .agent = "coco-broker", .ca = from->authority,
			  .timeout_usec = from->timeout_usec, .impatient = true, .stop = stop },
	};
	r = read_newest(from, &t->newest, w);
	if (r == 0)
		r = add_ca(&t->fetch, w, &pem, &t->evidence);
	if (r == 0)
		r = new_verifier(t, &w->needs, trust);
	if (r == 0) {
		look_at_all(&t->fetch, &w->needs, good, &t->newest);
		t->fetch.seen.n = 0;
		r = new_verifier(t, &w->needs, trust);
	}
	if (r < 0) {
		refresh_work_fail(w, r, "memory", strerror(-r));
		return;
	}
	if (w->is_device)
		make_room(from->cache);
	get_all(&t->fetch, w, good);
}
