/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /metrics shows. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/serve/metrics.h"

#include <cmocka.h>

static char *format(const struct metrics *m)
{
	char *text = NULL;

	assert_int_equal(metrics_format(m, &text), 0);
	return text;
}

static void expect(const struct metrics *m, const char *line)
{
	_cleanup_(freep) char *text = format(m);
	char wanted[200];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text, wanted))
		fail_msg("there is no line '%s' in:\n%s", line, text);
}

static void test_counters(void **state)
{
	struct metrics *m;

	assert_int_equal(metrics_new(&m), 0);
	expect(m, "coco_broker_requests_total{endpoint=\"auth\"} 0");
	metrics_count(m, METRIC_REQUESTS_AUTH);
	metrics_count(m, METRIC_REQUESTS_AUTH);
	metrics_count(m, METRIC_HTTP_MALFORMED);
	expect(m, "coco_broker_requests_total{endpoint=\"auth\"} 2");
	expect(m, "coco_broker_requests_total{endpoint=\"attest\"} 0");
	expect(m, "coco_broker_http_malformed_total 1");
	metrics_free(m);
}

static void test_gauges(void **state)
{
	struct metrics *m;

	assert_int_equal(metrics_new(&m), 0);
	metrics_add(m, GAUGE_CONNECTIONS, 3);
	metrics_add(m, GAUGE_CONNECTIONS, -4);
	metrics_set(m, GAUGE_CERTIFICATE_EXPIRES, INT64_C(1793491200));
	expect(m, "coco_broker_connections -1");
	expect(m, "coco_broker_certificate_expires_timestamp_seconds 1793491200");
	metrics_free(m);
}

/* The buckets contain those below them, and their ends. */
static void test_times(void **state)
{
	struct metrics *m;

	assert_int_equal(metrics_new(&m), 0);
	metrics_time(m, TIME_STORE, 0);
	metrics_time(m, TIME_STORE, 1000);
	metrics_time(m, TIME_STORE, 1001);
	metrics_time(m, TIME_STORE, 60000000);
	expect(m, "coco_broker_store_seconds_bucket{le=\"0.001\"} 2");
	expect(m, "coco_broker_store_seconds_bucket{le=\"0.0025\"} 3");
	expect(m, "coco_broker_store_seconds_bucket{le=\"10.0\"} 3");
	expect(m, "coco_broker_store_seconds_bucket{le=\"+Inf\"} 4");
	expect(m, "coco_broker_store_seconds_sum 60.002001");
	expect(m, "coco_broker_store_seconds_count 4");
	expect(m, "coco_broker_attest_seconds_count 0");
	metrics_free(m);
}

/* Each family is announced once, and each line is of the family that was announced last. */
static void test_form(void **state)
{
	_cleanup_(freep) char *text = NULL;
	char family[100] = "", *line, *rest;
	struct metrics *m;
	unsigned n = 0;

	assert_int_equal(metrics_new(&m), 0);
	text = format(m);
	assert_true(strlen(text) > 6 && streq(text + strlen(text) - 6, "# EOF\n"));
	for (line = strtok_r(text, "\n", &rest); line && !streq(line, "# EOF");
	     line = strtok_r(NULL, "\n", &rest)) {
		char other[100];

		if (sscanf(line, "# TYPE %99s", other) == 1) {
			assert_string_not_equal(other, family);
			strcpy(family, other);
			n++;
		} else if (sscanf(line, "# HELP %99s", other) == 1) {
			assert_string_equal(other, family);
			assert_int_equal(line[strlen(line) - 1], '.');
		} else {
			assert_true(startswith(line, family));
			assert_non_null(strrchr(line, ' '));
		}
	}
	assert_null(strtok_r(NULL, "\n", &rest));
	/* Families of counters, gauges, histograms. */
	assert_int_equal(n, 10 + _GAUGE_MAX + _TIME_MAX);
	metrics_free(m);
}

static void *count_often(void *userdata)
{
	for (unsigned i = 0; i < 10000; i++) {
		metrics_count(userdata, METRIC_RELEASED);
		metrics_time(userdata, TIME_RELEASE, 10);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	struct metrics *m;

	assert_int_equal(metrics_new(&m), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_often, m), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	expect(m, "coco_broker_released_total 40000");
	expect(m, "coco_broker_release_seconds_sum 0.400000");
	metrics_free(m);
}

static void test_none(void **state)
{
	_cleanup_(freep) char *text = NULL;

	metrics_count(NULL, METRIC_RELEASED);
	metrics_add(NULL, GAUGE_QUEUE, 1);
	metrics_set(NULL, GAUGE_QUEUE, 1);
	metrics_time(NULL, TIME_STORE, 1);
	text = format(NULL);
	assert_string_equal(text, "# EOF\n");
	assert_null(metrics_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters), cmocka_unit_test(test_gauges),
		cmocka_unit_test(test_times),	 cmocka_unit_test(test_form),
		cmocka_unit_test(test_threads),	 cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
