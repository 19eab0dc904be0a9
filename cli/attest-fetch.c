/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cococtl attest fetch: what evidence is judged by, from the cache, or from AMD and Intel into
 * it.
 */
#include <stdio.h>
#include <time.h>

#include "attest/bundle-evidence.h"
#include "attest/provider.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/attest-cache.h"
#include "cli/attest.h"
#include "net/http.h"

#define STATUS_MALFORMED 2
#define STATUS_MISSING 3

#define PCS_URL "https://api.trustedservices.intel.com"
#define PCS_ROOT_URL "https://certificates.trustedservices.intel.com"
#define KDS_URL "https://kdsintf.amd.com"
#define PCCS_ROOT_CRL "/sgx/certification/v4/rootcacrl"	/* where Intel's caching service has it */

struct fetcher {
	const struct attest_fetch *o;
	const char *dir;
	struct needs needs;
	int64_t now;
	struct http http;
	bool busy[_NEED_SERVER_MAX];	/* wants to be left alone */
	struct json_object *json;	/* NULL: lines for people */
	unsigned n_missing;
	int64_t until;			/* the first of them expires then */
};

/* ---- what is said ---- */

static void say(struct fetcher *f, const char *state, const char *what, const char *text)
{
	struct json_object *o;

	if (!f->json) {
		print("%-8s %s: %s\n", state, what, text);
		return;
	}
	o = json_object_new_object();
	json_add(o, "what", what);
	json_add(o, "state", state);
	json_add(o, streq(state, "missing") ? "reason" : streq(state, "until") ? "time" : "where", text);
	json_object_array_add(f->json, o);
}

static void say_missing(struct fetcher *f, const char *what, const char *text)
{
	say(f, "missing", what, text);
	f->n_missing++;
}

/* A list that has expired is worse than none: evidence cannot be judged with it. */
static void say_until(struct fetcher *f)
{
	char text[TIME_LEN];

	if (f->until < INT64_MAX)
		say(f, "until", "all of it",
		    format_time((uint64_t)f->until * 1000000, text, sizeof(text)));
}

/* ---- a server ---- */

static int make_url(const struct fetcher *f, const struct need *need, char *ret, size_t size)
{
	const char *base = f->o->kds ? f->o->kds : KDS_URL, *path = need->path;
	size_t len;
	int n;

	if (need_server(need) == NEED_PCS)
		base = f->o->pcs ? f->o->pcs : PCS_URL;
	else if (need_server(need) == NEED_PCS_ROOT) {
		base = f->o->pcs ? f->o->pcs : PCS_ROOT_URL;
		path = f->o->pcs ? PCCS_ROOT_CRL : path;
	}
	len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	n = snprintf(ret, size, "%.*s%s", (int)len, base, path);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Into the cache, the chain last: a file without its chain is not taken from there. */
static int keep(const struct fetcher *f, const struct need *need, const struct http_answer *a,
		char why[static CACHE_WHY_LEN])
{
	_cleanup_(freep) char *chain = NULL;
	struct need_finding found;
	struct bytes pem;
	int r;

	if (!need->chain[0])
		return cache_put(f->dir, need->name, (struct bytes){ a->data, a->len }, why);
	(void) snprintf(why, CACHE_WHY_LEN, "the answer has no header %s", need_header(need));
	if (!a->header)
		return -EBADMSG;
	chain = malloc(strlen(a->header) + 1);
	if (!chain)
		return -ENOMEM;
	(void) snprintf(why, CACHE_WHY_LEN, "the header %s is no URL-encoded PEM", need_header(need));
	if (need_decode_chain(a->header, chain) < 0)
		return -EBADMSG;
	pem = (struct bytes){ (const uint8_t *)chain, strlen(chain) };
	r = need_check_chain(pem, f->now, &found);
	if (r < 0) {
		(void) snprintf(why, CACHE_WHY_LEN, "the header %s: %s", need_header(need),
				found.problem);
		return r;
	}
	r = cache_put(f->dir, need->name, (struct bytes){ a->data, a->len }, why);
	return r < 0 ? r : cache_put(f->dir, need->chain, pem, why);
}

static int check_and_keep(const struct fetcher *f, const struct need *need, struct http_answer *a,
			  char why[static CACHE_WHY_LEN])
{
	struct need_finding found;
	int r;

	need_unhex(a->data, &a->len);
	r = need_check(&f->needs, need, (struct bytes){ a->data, a->len }, f->now, &found);
	if (r == 0)
		return keep(f, need, a, why);
	(void) snprintf(why, CACHE_WHY_LEN, "what the server has is not it: %s", found.problem);
	return r;
}

static int fetch(struct fetcher *f, const struct need *need, const char *url,
		 char why[static CACHE_WHY_LEN])
{
	const struct http_request q = { .url = url, .max = need_max(need), .what = need_what(need), .header = need_header(need) };
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	int r;

	(void) snprintf(why, CACHE_WHY_LEN, "the server wants to be left alone; try again later");
	if (f->busy[need_server(need)])
		return -EAGAIN;
	r = http_get(&f->http, &q, &a);
	f->busy[need_server(need)] = r == -EAGAIN;
	(void) snprintf(why, CACHE_WHY_LEN, "%.500s", f->http.error);
	return r < 0 ? r : check_and_keep(f, need, &a, why);
}

/* ---- one file ---- */

static int get(struct fetcher *f, const struct need *need)
{
	char url[1024], old[CACHE_WHY_LEN] = "", why[CACHE_WHY_LEN] = "", text[2 * CACHE_WHY_LEN + 8];
	int64_t until = INT64_MAX;
	int r = -ENOENT;
	bool wrong;

	if (!f->o->refresh)
		r = cache_has(f->dir, &f->needs, need, f->now, &until, old);
	if (r == 0) {
		f->until = MIN(f->until, until);
		(void) snprintf(text, sizeof(text), "%.400s/%s", f->dir, need->name);
		say(f, "had", need_what(need), text);
		return 0;
	}
	if (r == -ENOMEM)
		return r;
	if (f->o->offline) {
		say_missing(f, need_what(need), old);
		return 0;
	}
	wrong = r != -ENOENT;
	if (make_url(f, need, url, sizeof(url)) < 0)
		(void) snprintf(why, sizeof(why), "the address gets too long");
	else {
		r = fetch(f, need, url, why);
		if (r == 0)
			r = cache_has(f->dir, &f->needs, need, f->now, &until, why);
		f->until = MIN(f->until, until);
		if (r == 0)
			say(f, "fetched", need_what(need), url);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	/* That there was none before is no news; that there was a wrong one is. */
	(void) snprintf(text, sizeof(text), "%s%s%s", why, wrong ? "; " : "", wrong ? old : "");
	say_missing(f, need_what(need), text);
	return 0;
}

static int get_all(struct fetcher *f)
{
	int r = 0;

	if (f->needs.vek_there)
		say(f, "had", f->needs.vlek ? "VLEK" : "VCEK", f->needs.vek);
	else if (f->needs.vek)
		say_missing(f, f->needs.vlek ? "VLEK" : "VCEK", f->needs.vek);
	for (unsigned i = 0; r == 0 && i < f->needs.n; i++)
		r = get(f, &f->needs.list[i]);
	return r;
}

/* ---- the verb ---- */

static bool has_evidence(const struct attest_args *a)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (a->evidence.piece[i].p)
			return true;
	return a->bundle.n_items > 0;
}

/* This guest's own, where none is given. */
static int gather(struct attest_args *a)
{
	struct attest_request q = { .root = a->fetch.root ? a->fetch.root : "", .privlevel = -1, .nonce_len = 32, .tpm = a->fetch.tpm };
	const struct attest_verifier *type;
	struct cause why = { "" };
	int r;

	/* The cache is to have the VCEK, for when the network is not there. */
	r = attest_gather_own(&q, a->fetch.imds, IMDS_QUOTE, &a->bundle, &why);
	if (r < 0) {
		(void) attest_gather_failed(r, &why);
		return STATUS_MISSING;
	}
	for (size_t i = 0; bundle_find(&a->bundle, BUNDLE_NOTE, i); i++)
		log_info("%s", (const char *)bundle_find(&a->bundle, BUNDLE_NOTE, i)->data);
	type = attest_verifier_find(bundle_text(&a->bundle, BUNDLE_TYPE));
	if (!type) {
		log_error("Evidence of type '%s' needs nothing, for nobody else can judge it",
			  bundle_text(&a->bundle, BUNDLE_TYPE));
		return STATUS_MISSING;
	}
	return bundle_evidence(&a->bundle, type, &a->evidence) < 0 ? STATUS_MISSING : 0;
}

static int check_url(const char *option, const char *url)
{
	if (http_check_base(url) == 0)
		return 0;
	log_error("--%s='%s' is no https://HOST[:PORT][/PATH] (http:// is for 127.0.0.1 only)",
		  option, url);
	return STATUS_USAGE;
}

static int find_needs(struct fetcher *f, const struct attest_args *a)
{
	char problem[NEEDS_PROBLEM_LEN];
	int r;

	r = needs_find(&a->evidence, a->fetch.product, &f->needs, problem);
	if (r == 0)
		return 0;
	log_error("What is needed cannot be told: %s", problem);
	return r == -EBADMSG ? STATUS_MALFORMED : r == -EINVAL ? STATUS_USAGE : STATUS_MISSING;
}

static int run(struct cli *cli, struct attest_args *a)
{
	struct fetcher f = {
		.o = &a->fetch,
		.dir = a->fetch.cache ? a->fetch.cache : ATTEST_CACHE,
		.now = (int64_t)time(NULL),
		.until = INT64_MAX,
		.http = { .agent = "cococtl", .ca = a->fetch.ca, .timeout_usec = a->fetch.timeout_usec },
	};
	int r;

	if (f.now < ATTEST_CLOCK_FLOOR) {
		log_error("This machine's clock is not set, so that nobody can say what is still good");
		return STATUS_MISSING;
	}
	r = find_needs(&f, a);
	if (r != 0)
		return r;
	f.json = cli->json ? json_object_new_array() : NULL;
	r = get_all(&f);
	if (r == 0)
		say_until(&f);
	if (f.json)
		print_json(f.json);
	if (r < 0) {
		(void) log_oom();
		return STATUS_MISSING;
	}
	/* cocod reads all that lies there, and would take another machine's for ours. */
	if (f.n_missing == 0 && (a->fetch.prune || streq(f.dir, ATTEST_CACHE)))
		cache_prune(f.dir, &f.needs);
	return f.n_missing > 0 ? STATUS_MISSING : STATUS_GOOD;
}

int attest_fetch(struct cli *cli, int argc, char **argv)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	int r;

	r = attest_args_parse(cli, &a, ATTEST_MODE_FETCH, argc, argv);
	if (r == 0)
		r = check_url("kds", a.fetch.kds);
	if (r == 0)
		r = check_url("pcs", a.fetch.pcs);
	if (r == 0 && a.fetch.offline && a.fetch.refresh) {
		log_error("--offline and --refresh exclude each other");
		r = STATUS_USAGE;
	}
	if (r == 0 && !has_evidence(&a))
		r = gather(&a);
	return r == 0 ? run(cli, &a) : r;
}
