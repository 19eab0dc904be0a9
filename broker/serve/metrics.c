/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#define PREFIX "coco_broker_"

/*
 * Upper ends of the buckets of a histogram: a release takes a millisecond, a retry of etcd two
 * seconds.
 */
static const struct {
	uint64_t usec;
	const char *text;
} buckets[] = {
	{ 1000, "0.001" },    { 2500, "0.0025" },  { 5000, "0.005" },  { 10000, "0.01" },
	{ 25000, "0.025" },   { 50000, "0.05" },   { 100000, "0.1" },  { 250000, "0.25" },
	{ 500000, "0.5" },    { 1000000, "1.0" },  { 2500000, "2.5" }, { 5000000, "5.0" },
	{ 10000000, "10.0" },
};
#define N_BUCKETS (ARRAY_SIZE(buckets) + 1)	/* the last one has no end */

struct histogram {
	_Atomic uint64_t n[N_BUCKETS];
	_Atomic uint64_t sum_usec;
};

struct metrics {
	_Atomic uint64_t counters[_METRIC_MAX];
	_Atomic int64_t gauges[_GAUGE_MAX];
	struct histogram times[_TIME_MAX];
};

/* Rows of one family stand together: a family is announced before its first sample. */
struct row {
	const char *family;	/* without prefix and suffix */
	const char *help;
	const char *label;	/* "reason=\"policy\"", or NULL */
};

#define REQUESTS "requests", "Whole requests, by what they ask for."
#define EVIDENCE "evidence", "Verified evidence, by its verdict."
#define DENIED "denied", "Refused requests of guests, by reason."
#define LIMITED "limited", "Requests and connections over a limit, by the limit."

static const struct row counters[_METRIC_MAX] = {
	[METRIC_REQUESTS_AUTH] = { REQUESTS, "endpoint=\"auth\"" },
	[METRIC_REQUESTS_ATTEST] = { REQUESTS, "endpoint=\"attest\"" },
	[METRIC_REQUESTS_RESOURCE] = { REQUESTS, "endpoint=\"resource\"" },
	[METRIC_REQUESTS_CONFIRM] = { REQUESTS, "endpoint=\"confirm\"" },
	[METRIC_REQUESTS_ADMIN] = { REQUESTS, "endpoint=\"admin\"" },
	[METRIC_REQUESTS_OTHER] = { REQUESTS, "endpoint=\"other\"" },
	[METRIC_EVIDENCE_ACCEPTED] = { EVIDENCE, "verdict=\"accepted\"" },
	[METRIC_EVIDENCE_REFUSED] = { EVIDENCE, "verdict=\"refused\"" },
	[METRIC_EVIDENCE_UNDECIDED] = { EVIDENCE, "verdict=\"undecided\"" },
	[METRIC_RELEASED] = { "released", "Secrets released to a guest for the first time.", NULL },
	[METRIC_RELEASED_AGAIN] = { "released_again", "Secrets given again to the same launch.",
				    NULL },
	[METRIC_CONFIRMED] = { "confirmed", "Confirmations of guests that opened a volume.", NULL },
	[METRIC_DENIED_POLICY] = { DENIED, "reason=\"policy\"" },
	[METRIC_DENIED_ONCE] = { DENIED, "reason=\"once\"" },
	[METRIC_DENIED_APPROVAL] = { DENIED, "reason=\"approval\"" },
	[METRIC_DENIED_ABSENT] = { DENIED, "reason=\"absent\"" },
	[METRIC_DENIED_SESSION] = { DENIED, "reason=\"session\"" },
	[METRIC_LIMITED_ADDRESS] = { LIMITED, "limit=\"address\"" },
	[METRIC_LIMITED_ALL] = { LIMITED, "limit=\"all\"" },
	[METRIC_LIMITED_QUEUE] = { LIMITED, "limit=\"queue\"" },
	[METRIC_LIMITED_CONNECTIONS] = { LIMITED, "limit=\"connections\"" },
	[METRIC_STORE_ERRORS] = { "store_errors", "Operations of the store that failed.", NULL },
	[METRIC_TLS_ERRORS] = { "tls_errors", "Connections that broke TLS.", NULL },
	[METRIC_HTTP_MALFORMED] = { "http_malformed", "Requests that are not HTTP as it is spoken "
				    "here.", NULL },
};

static const struct row gauges[_GAUGE_MAX] = {
	[GAUGE_CONNECTIONS] = { "connections", "Open connections.", NULL },
	[GAUGE_QUEUE] = { "queue_requests", "Requests that wait for a thread.", NULL },
	[GAUGE_BODY_BYTES] = { "body_bytes", "Bodies of requests in memory.", NULL },
	[GAUGE_STORE_BYTES] = { "store_bytes", "Size of the store.", NULL },
	[GAUGE_STORE_MAX_BYTES] = { "store_max_bytes", "What the store may have at most.", NULL },
	[GAUGE_STORE_READY] = { "store_ready", "1 when the store can release secrets.", NULL },
	[GAUGE_CLAIMS] = { "claims", "Claims in the store; counted every ten minutes.", NULL },
	[GAUGE_AUDIT_BATCH] = { "audit_batch", "Number of the audit log's batch to come.", NULL },
	[GAUGE_COLLATERAL_EXPIRES] = { "collateral_expires_timestamp_seconds",
				       "When the first collateral in use expires; 0: none.",
				       NULL },
	[GAUGE_CERTIFICATE_EXPIRES] = { "certificate_expires_timestamp_seconds",
					"When the certificate for TLS expires; 0: unknown.", NULL },
};

static const struct row times[_TIME_MAX] = {
	[TIME_ATTEST] = { "attest_seconds", "Time to verify evidence.", NULL },
	[TIME_RELEASE] = { "release_seconds", "Time to decide about a secret and release it.",
			   NULL },
	[TIME_STORE] = { "store_seconds", "Time of a transaction of the store.", NULL },
	[TIME_REQUEST] = { "request_seconds", "Time from a whole request to its answer.", NULL },
};

int metrics_new(struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*ret = m;
	return 0;
}

struct metrics *metrics_free(struct metrics *m)
{
	free(m);
	return NULL;
}

/* No other memory depends on these numbers, so relaxed order will do. */
void metrics_count(struct metrics *m, enum metric what)
{
	assert(what < _METRIC_MAX);
	if (m)
		atomic_fetch_add_explicit(&m->counters[what], 1, memory_order_relaxed);
}

void metrics_add(struct metrics *m, enum metric_gauge what, int64_t change)
{
	assert(what < _GAUGE_MAX);
	if (m)
		atomic_fetch_add_explicit(&m->gauges[what], change, memory_order_relaxed);
}

void metrics_set(struct metrics *m, enum metric_gauge what, int64_t value)
{
	assert(what < _GAUGE_MAX);
	if (m)
		atomic_store_explicit(&m->gauges[what], value, memory_order_relaxed);
}

void metrics_time(struct metrics *m, enum metric_time what, uint64_t usec)
{
	size_t i = 0;

	assert(what < _TIME_MAX);
	if (!m)
		return;
	while (i < ARRAY_SIZE(buckets) && usec > buckets[i].usec)
		i++;
	atomic_fetch_add_explicit(&m->times[what].n[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->times[what].sum_usec, usec, memory_order_relaxed);
}

static void announce(FILE *f, const struct row *r, const struct row *last, const char *type)
{
	if (last && streq(last->family, r->family))
		return;
	(void) fprintf(f, "# TYPE " PREFIX "%s %s\n", r->family, type);
	(void) fprintf(f, "# HELP " PREFIX "%s %s\n", r->family, r->help);
}

static void format_counter(FILE *f, const struct metrics *m, size_t i)
{
	const struct row *r = &counters[i];

	announce(f, r, i > 0 ? &counters[i - 1] : NULL, "counter");
	(void) fprintf(f, PREFIX "%s_total%s%s%s %" PRIu64 "\n", r->family, r->label ? "{" : "",
		       r->label ?: "", r->label ? "}" : "",
		       atomic_load_explicit(&m->counters[i], memory_order_relaxed));
}

static void format_gauge(FILE *f, const struct metrics *m, size_t i)
{
	announce(f, &gauges[i], NULL, "gauge");
	(void) fprintf(f, PREFIX "%s %" PRIi64 "\n", gauges[i].family,
		       atomic_load_explicit(&m->gauges[i], memory_order_relaxed));
}

/* The count is the sum of what is shown, or it would not fit while others count. */
static void format_time(FILE *f, const struct metrics *m, size_t i)
{
	const struct histogram *h = &m->times[i];
	uint64_t n = 0, sum = atomic_load_explicit(&h->sum_usec, memory_order_relaxed);

	announce(f, &times[i], NULL, "histogram");
	for (size_t k = 0; k < N_BUCKETS; k++) {
		n += atomic_load_explicit(&h->n[k], memory_order_relaxed);
		(void) fprintf(f, PREFIX "%s_bucket{le=\"%s\"} %" PRIu64 "\n", times[i].family,
			       k < ARRAY_SIZE(buckets) ? buckets[k].text : "+Inf", n);
	}
	(void) fprintf(f, PREFIX "%s_sum %" PRIu64 ".%06" PRIu64 "\n", times[i].family,
		       sum / 1000000, sum % 1000000);
	(void) fprintf(f, PREFIX "%s_count %" PRIu64 "\n", times[i].family, n);
}

int metrics_format(const struct metrics *m, char **ret)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	bool failed;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; m && i < _METRIC_MAX; i++)
		format_counter(f, m, i);
	for (size_t i = 0; m && i < _GAUGE_MAX; i++)
		format_gauge(f, m, i);
	for (size_t i = 0; m && i < _TIME_MAX; i++)
		format_time(f, m, i);
	(void) fputs("# EOF\n", f);
	failed = ferror(f);
	if (fclose(f) != 0 || failed || !text) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}
