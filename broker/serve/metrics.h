/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_METRICS_H
#define COCO_BROKER_SERVE_METRICS_H

#include "base/macro.h"

/*
 * What is counted, and shown at /metrics as OpenMetrics text.  Counting is atomic and never fails.
 * There is no path, no address and no id of a guest in a label: the number of series is fixed.
 */
struct metrics;

enum metric {
	METRIC_REQUESTS_AUTH, METRIC_REQUESTS_ATTEST, METRIC_REQUESTS_RESOURCE,
	METRIC_REQUESTS_CONFIRM, METRIC_REQUESTS_ADMIN, METRIC_REQUESTS_OTHER,
	METRIC_EVIDENCE_ACCEPTED, METRIC_EVIDENCE_REFUSED, METRIC_EVIDENCE_UNDECIDED,
	METRIC_RELEASED, METRIC_RELEASED_AGAIN, METRIC_CONFIRMED,
	METRIC_DENIED_POLICY, METRIC_DENIED_ONCE, METRIC_DENIED_APPROVAL, METRIC_DENIED_ABSENT,
	METRIC_DENIED_SESSION,
	METRIC_LIMITED_ADDRESS, METRIC_LIMITED_ALL, METRIC_LIMITED_QUEUE,
	METRIC_LIMITED_CONNECTIONS,
	METRIC_STORE_ERRORS, METRIC_TLS_ERRORS, METRIC_HTTP_MALFORMED,
	_METRIC_MAX,
};

enum metric_gauge {
	GAUGE_CONNECTIONS, GAUGE_QUEUE, GAUGE_BODY_BYTES, GAUGE_STORE_BYTES, GAUGE_STORE_MAX_BYTES,
	GAUGE_STORE_READY, GAUGE_CLAIMS, GAUGE_AUDIT_BATCH, GAUGE_COLLATERAL_EXPIRES,
	GAUGE_CERTIFICATE_EXPIRES,
	_GAUGE_MAX,
};

enum metric_time { TIME_ATTEST, TIME_RELEASE, TIME_STORE, TIME_REQUEST, _TIME_MAX };

int metrics_new(struct metrics **ret);
struct metrics *metrics_free(struct metrics *m);
DEFINE_CLEANUP(struct metrics *, metrics_free)

/* @m may be NULL in all of these. */
void metrics_count(struct metrics *m, enum metric what);
void metrics_add(struct metrics *m, enum metric_gauge what, int64_t change);
void metrics_set(struct metrics *m, enum metric_gauge what, int64_t value);
void metrics_time(struct metrics *m, enum metric_time what, uint64_t usec);	/* a histogram */

/* The text of /metrics, ended by "# EOF".  @ret is yours.  Returns 0 or -ENOMEM. */
#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
int metrics_format(const struct metrics *m, char **ret);

#endif
