/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cococtl attest fetch: get the collateral that evidence needs, and keep it in the cache. */
#include <stdio.h>
#include <time.h>

#include "attest/bundle-evidence.h"
#include "attest/fetch/fetch-need.h"
#include "attest/gather/provider.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/attest-cache.h"
#include "cli/attest.h"

struct fetcher {
	const struct args_attest *o;
	struct fetch fetch;
	struct needs needs;
	struct newest newest;		/* what the cache remembers */
	struct cache_file files[NEEDS_MAX];	/* later ones may be verified by it */
	struct json_object *json;	/* NULL: print lines for people */
	int json_error;			/* one of its elements could not be added */
	unsigned n_missing;
	int64_t until;			/* when the first of the files expires */
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
	f->json_error |= json_add_text(o, "what", what);
	f->json_error |= json_add_text(o, "state", state);
	f->json_error |= json_add_text(o,
				       streq(state, "missing") ? "reason" :
				       streq(state, "until")   ? "time" :
								 "where",
				       text);
	f->json_error |= json_append(f->json, o);
}

static void say_missing(struct fetcher *f, const char *what, const char *text)
{
	say(f, "missing", what, text);
	f->n_missing++;
}

/* Evidence cannot be judged with a list that has expired. */
static void say_until(struct fetcher *f)
{
	char text[TIME_TEXT_MAX];

	if (f->until < INT64_MAX)
		say(f, "until", "all of it",
		    format_time((uint64_t)f->until * 1000000, text));
}

/* ---- one file ---- */

/* Say what Intel's answer means if we asked for a tcbEvaluationDataNumber. */
static void explain(const struct fetcher *f, const struct need *need,
		    char why[static CACHE_WHY_LEN])
{
	size_t len = strlen(why);

	if (!f->o->tcb_evaluation.given || !need_is_evaluated(need))
		return;
	if (f->fetch.http.status == 410)
		(void) snprintf(why + len, CACHE_WHY_LEN - len,
			       "; Intel answers so for a number that is retired: name a later one");
	else if (f->fetch.http.status == 404)
		(void) snprintf(why + len, CACHE_WHY_LEN - len,
			       "; Intel answers so for a number that it does not have");
}

static int get(struct fetcher *f, const struct need *need, struct cache_file *file)
{
	char url[FETCH_URL_LEN], old[CACHE_WHY_LEN] = "", why[CACHE_WHY_LEN] = "",
			text[2 * CACHE_WHY_LEN + 8];
	struct need_result found;
	struct progress p;
	int r = -ENOENT;
	bool wrong;

	/* A file in the cache does not say if it was from an early or a standard update. */
	if (!f->o->refresh && !(f->o->tcb_update.given && need_is_evaluated(need)))
		r = fetch_look(&f->fetch, need, file, &found, old);
	if (r == 0) {
		f->until = MIN(f->until, found.until);
		(void) snprintf(text, sizeof(text), "%.400s/%s", f->fetch.dir, need->name);
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
	progress_begin(&p, need_what(need));
	r = fetch_get(&f->fetch, need, file, &found, why);
	progress_end(&p);
	if (r < 0)
		explain(f, need, why);
	if (r == 0) {
		f->until = MIN(f->until, found.until);
		(void) fetch_url(&f->fetch, need, url);
		say(f, "fetched", need_what(need), url);
	}
	if (r == 0 || r == -ENOMEM)
		return r;
	/* Mention the old file only if there was one and it was wrong. */
	(void) snprintf(text, sizeof(text), "%s%s%s", why, wrong ? "; " : "", wrong ? old : "");
	say_missing(f, need_what(need), text);
	/* The old file stays, so the other files are verified with it. */
	if (f->o->refresh && !file->data)
		(void) fetch_look(&f->fetch, need, file, &found, old);
	return 0;
}

static int get_all(struct fetcher *f)
{
	int r = 0;

	if (f->needs.none.is_there)
		say(f, "had", f->needs.none.what, f->needs.none.why);
	else if (f->needs.none.what)
		say_missing(f, f->needs.none.what, f->needs.none.why);
	for (unsigned i = 0; r == 0 && i < f->needs.n; i++)
		r = get(f, &f->needs.list[i], &f->files[i]);
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

/* Ask this guest for its own evidence. */
static int gather(struct attest_args *a)
{
	struct attest_request q = {
		.root = a->o->root ? a->o->root : "",
		.privlevel = -1,
		.nonce_len = 32,
		.tpm = a->o->tpm,
	};
	const struct attest_verifier *type;
	struct cause why = { "" };
	int r;

	/* Azure has the VCEK too, but the cache needs it for times without a network. */
	r = attest_gather_own(&q, a->o->imds, IMDS_QUOTE, &a->bundle, &why);
	if (r < 0) {
		(void) attest_gather_failed(r, &why);
		return STATUS_UNDECIDED;
	}
	for (size_t i = 0; bundle_find(&a->bundle, BUNDLE_NOTE, i); i++)
		log_info("%s", (const char *)bundle_find(&a->bundle, BUNDLE_NOTE, i)->data);
	type = attest_verifier_find(bundle_text(&a->bundle, BUNDLE_TYPE));
	if (!type) {
		log_error("Evidence of type '%s' needs nothing, for nobody else can judge it",
			  bundle_text(&a->bundle, BUNDLE_TYPE));
		return STATUS_UNDECIDED;
	}
	return bundle_evidence(&a->bundle, type, &a->evidence) < 0 ? STATUS_UNDECIDED : 0;
}

static int parse_url(const char *text, void *ret)
{
	int r = http_check_base(text);

	if (r < 0)
		return r;
	*(const char **)ret = text;
	return 0;
}

static const char *const updates[] = { "early", "standard", NULL };

static int find_needs(struct fetcher *f, const struct attest_args *a)
{
	char problem[NEEDS_PROBLEM_LEN];
	int r;

	r = needs_find(&a->evidence, a->o->product, &f->needs, problem);
	if (r == 0 && (f->o->tcb_update.given || f->o->tcb_evaluation.given))
		needs_ask_evaluation(&f->needs,
				     f->o->tcb_update.given ? updates[f->o->tcb_update.index] :
							      NULL,
				     (uint32_t)f->o->tcb_evaluation.value);
	if (r == 0)
		return 0;
	log_error("What is needed cannot be told: %s", problem);
	return r == -EBADMSG ? STATUS_MALFORMED : r == -EINVAL ? STATUS_USAGE : STATUS_UNDECIDED;
}

static void fetcher_done(struct fetcher *f)
{
	(void) need_verifier_free(f->fetch.verifier);
	for (unsigned i = 0; i < NEEDS_MAX; i++)
		cache_file_done(&f->files[i]);
}

static int begin(struct fetcher *f, const struct attest_args *a)
{
	int r;

	r = find_needs(f, a);
	if (r != 0)
		return r;
	if (!f->o->forget_newest && attest_cache_newest(f->fetch.dir, &f->newest) < 0)
		return STATUS_UNDECIDED;
	if (need_verifier_new(&a->evidence, &f->needs, &a->trust, &f->newest, (int64_t)time(NULL),
			      &f->fetch.verifier) == 0)
		return 0;
	(void) log_oom();
	return STATUS_UNDECIDED;
}

static int remember(const struct fetcher *f)
{
	char why[CACHE_WHY_LEN];
	int r = cache_remember(f->fetch.dir, &f->fetch.seen, f->o->forget_newest, why);

	if (r < 0)
		log_error("What was verified cannot be remembered: %s%s", why,
			  r == -EMSGSIZE || r == -EBADMSG ? "; --forget-newest begins anew" : "");
	return r;
}

static int end(struct fetcher *f)
{
	/* If nothing was verified there is nothing to remember, and no folder is created. */
	if ((f->fetch.seen.n > 0 || f->o->forget_newest) && remember(f) < 0)
		return STATUS_UNDECIDED;
	/* cocod uses every file in its cache, so files for another machine must not stay. */
	if (f->n_missing == 0 && (f->o->prune || streq(f->fetch.dir, ATTEST_CACHE)))
		cache_prune(f->fetch.dir, &f->needs);
	return f->n_missing > 0 ? STATUS_UNDECIDED : STATUS_GOOD;
}

/* Print what say() was told. */
static int print_files_json(struct fetcher *f)
{
	struct json_object *o = json_document("attest-fetch");

	f->json_error |= json_add(o, "files", TAKE_PTR(f->json));
	return print_json(json_whole(o, f->json_error));
}

static int fetch_all(const struct args *args, struct attest_args *a)
{
	_cleanup_(fetcher_done) struct fetcher f = {
		.o = a->o,
		.until = INT64_MAX,
		.fetch = {
			.dir = a->o->cache ? a->o->cache : ATTEST_CACHE,
			.kds = a->o->kds,
			.pcs = a->o->pcs,
			.older_hint = "; if its maker went back, --forget-newest forgets that",
			.http = {
				.agent = "cococtl",
				.ca = a->o->ca,
				.timeout_usec = a->o->timeout_usec,
			},
		},
	};
	int r;

	r = begin(&f, a);
	if (r != 0)
		return r;
	if (args->json)
		f.json = json_object_new_array();
	r = args->json && !f.json ? -ENOMEM : get_all(&f);
	if (r == 0)
		say_until(&f);
	if (r < 0)
		(void) log_oom();
	if (f.json && print_files_json(&f) != STATUS_GOOD)
		r = -ENOMEM;
	return r < 0 ? STATUS_UNDECIDED : end(&f);
}

static int run(struct args *args)
{
	_cleanup_(attest_args_done) struct attest_args a = { 0 };
	int r;

	r = attest_args_read(args, ATTEST_MODE_FETCH, &a);
	if (r == 0 && !has_evidence(&a))
		r = gather(&a);
	return r == 0 ? fetch_all(args, &a) : r;
}

#define URL_WRONG "is not https://HOST[:PORT][/PATH] (http:// is for 127.0.0.1 only)"

static const struct option_row options[] = {
	ROWS_EVIDENCE,
	{ "cache", "DIR", "where files are kept and looked for, instead of " ATTEST_CACHE,
	  OPTION_PATH(attest.cache) },
	{ "offline", NULL, "open no connection: say only what is there",
	  OPTION_FLAG(attest.offline), .excludes = "tcb-update",
	  .because = "what is early today only Intel can say" },
	{ "refresh", NULL, "get all of it, whatever is there", OPTION_FLAG(attest.refresh),
	  .excludes = "offline" },
	{ "prune", NULL, "remove what was fetched for other evidence", OPTION_FLAG(attest.prune) },
	{ "forget-newest", NULL, "forget what was verified in this cache before",
	  OPTION_FLAG(attest.forget_newest) },
	{ "trust", "FILE", "root keys instead of cocod's", OPTION_PATH(attest.trust) },
	{ "kds", "URL", "a mirror of AMD's service",
	  OPTION_PARSED(attest.kds, parse_url, URL_WRONG) },
	{ "pcs", "URL", "a mirror of Intel's service",
	  OPTION_PARSED(attest.pcs, parse_url, URL_WRONG) },
	{ "ca", "FILE", "who may vouch for these servers, instead of the system's",
	  OPTION_PATH(attest.ca), .also = "kds-ca" },
	{ "product", "NAME", "Milan, Genoa or Turin: which processor a report of version 2 is of",
	  OPTION_STRING(attest.product),
	  .words = (const char *const[]){ "Milan", "Genoa", "Turin", NULL } },
	{ "tcb-update", "NAME", "early or standard: which update of Intel's to ask for",
	  OPTION_CHOICE(attest.tcb_update, updates) },
	{ "tcb-evaluation", "N", "the tcbEvaluationDataNumber to ask for",
	  OPTION_NUMBER(attest.tcb_evaluation, 1, UINT32_MAX), .excludes = "tcb-update" },
	{ "timeout", "TIME", "how long each request may take; 30s if not given",
	  OPTION_PARSED(attest.timeout_usec, option_parse_usec,
			"is not a time such as 30s or 500ms") },
	ROW_JSON,
	{ "root", "DIR", "as of 'report'", OPTION_PATH(attest.root), .empty = true,
	  .hidden = true },
	{ "tpm", "PATH", "as of 'report'", OPTION_PATH(attest.tpm), .hidden = true },
	{ "imds", "ADDRESS", "as of 'report'", OPTION_STRING(attest.imds), .hidden = true },
	{ NULL },
};

const struct verb verb_attest_fetch = {
	.name = "attest fetch",
	.help = "Get the certificates and collateral that evidence is judged by",
	.example = "--bundle=vm1.bundle --cache=collateral",
	.options = options,
	.words = { .help = "evidence is named by --report and the like" },
	.print_more = attest_print_types,
	.run = run,
};
