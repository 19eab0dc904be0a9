/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much a broker fetches, for whom, and what it says of what is in use; with services that have
 * nothing.  What is fetched, kept and refused: tests/run/coco-broker-collateral.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/needs.h"
#include "base/clock.h"
#include "base/io.h"
#include "broker/serve/refresh.h"
#include "net/http.h"
#include "tests/unit/platform.h"

#define LONG_USEC UINT64_C(60000000)
#define BURST 8
#define MACHINES 128

static char folder[] = "/tmp/test-refresh-XXXXXX", cache[] = "/tmp/test-refresh-XXXXXX";
static struct judge *judge;
static struct metrics *metrics;
static struct refresher *refresher;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_asked, n_devices;
static char last[1024];

int __wrap_http_get(struct http *h, const struct http_request *q, struct http_answer *ret);

int __wrap_http_get(struct http *h, const struct http_request *q, struct http_answer *ret)
{
	(void) pthread_mutex_lock(&lock);
	n_asked++;
	n_devices += strstr(q->url, "blSPL=") != NULL;
	(void) snprintf(last, sizeof(last), "%s", q->url);
	(void) pthread_mutex_unlock(&lock);
	(void) snprintf(h->error, sizeof(h->error), "%.500s is not there", q->url);
	h->status = 404;
	return -ENOENT;
}

static void (*heard)(void *userdata, enum judge_news news, const struct needs *n);
static void *listener;

void __wrap_judge_listen(struct judge *j,
			 void (*fn)(void *userdata, enum judge_news news, const struct needs *n),
			 void *userdata);

void __wrap_judge_listen(struct judge *j,
			 void (*fn)(void *userdata, enum judge_news news, const struct needs *n),
			 void *userdata)
{
	heard = fn;
	listener = userdata;
}

static unsigned asked(const unsigned *n)
{
	unsigned ret;

	(void) pthread_mutex_lock(&lock);
	ret = *n;
	(void) pthread_mutex_unlock(&lock);
	return ret;
}

static void pause_a_little(void)
{
	(void) usleep(10000);
}

static void start(uint64_t period_usec)
{
	struct refresh_setup setup = {
		.judge = judge,
		.metrics = metrics,
		.from = {
			.folder = folder,
			.cache = period_usec ? cache : NULL,
			.kds = "https://kds.example.org",
			.pcs = "https://pcs.example.org",
		},
		.period_usec = period_usec,
	};
	struct cause why;

	n_asked = n_devices = 0;
	assert_int_equal(refresher_new(&setup, &refresher, &why), 0);
	assert_non_null(heard);
}

static void stop(void)
{
	refresher = refresher_free(refresher);
	assert_null(heard);
}

static int begin(void **state)
{
	struct cause why;

	if (!mkdtemp(folder) || !mkdtemp(cache) || metrics_new(&metrics) < 0)
		return -1;
	return judge_new(NULL, (const char *const[]){ folder, cache }, 1, &judge, &why);
}

static int end(void **state)
{
	char path[512];

	judge = judge_free(judge);
	metrics = metrics_free(metrics);
	(void) snprintf(path, sizeof(path), "%s/machines", cache);
	(void) unlink(path);
	return rmdir(folder) < 0 || rmdir(cache) < 0 ? -1 : 0;
}

static int count(void *userdata, const struct refresh_state *s)
{
	(*(unsigned *)userdata)++;
	return 0;
}

static unsigned machines(void)
{
	unsigned n = 0;

	assert_int_equal(refresher_walk(refresher, count, &n), 0);
	return n;
}

static int take(void *userdata, const struct refresh_state *s)
{
	struct refresh_state *ret = userdata;

	if (!streq(s->machine, ret->machine))
		return 0;
	*ret = *s;
	return 1;
}

static bool find(const char *machine, struct refresh_state *ret)
{
	*ret = (struct refresh_state){ .used = 0 };
	(void) snprintf(ret->machine, sizeof(ret->machine), "%s", machine);
	return refresher_walk(refresher, take, ret) == 1;
}

/* A chip of its own for each @i. */
static void needs_of_chip(struct needs *ret, unsigned i)
{
	char problem[NEEDS_PROBLEM_LEN];
	struct evidence e;

	platform_load("snp", "ok-milan-vcek", &e, NULL);
	memcpy((uint8_t *)e.piece[EVIDENCE_REPORT].p + 0x1a0, &i, sizeof(i));
	for (unsigned k = 0; k < e.n_certs; k++)
		free((void *)e.cert[k].p);
	e.n_certs = 0;
	assert_int_equal(needs_find(&e, NULL, ret, problem), 0);
	platform_unload(&e);
}

/* ---- the tests ---- */

/* Nothing is fetched for a machine that was not asked for, and without a cache not even then. */
static void test_off(void **state)
{
	struct needs n;

	start(0);
	needs_of_chip(&n, 1);
	heard(listener, JUDGE_LACKS_KEY, &n);
	heard(listener, JUDGE_LACKS, &n);
	assert_int_equal(refresher_warm(refresher, &n), -EOPNOTSUPP);
	assert_int_equal(refresher_warm(NULL, &n), -EOPNOTSUPP);
	assert_true(refresher_is_good(refresher, PLATFORM_NOW));
	assert_true(refresher_is_good(NULL, PLATFORM_NOW));
	stop();
	assert_int_equal(asked(&n_asked), 0);
}

/* Chips that nobody vouches for: few are asked for, and a person's goes before them. */
static void test_devices(void **state)
{
	uint64_t begun = now_usec(), most;
	struct refresh_state s;
	struct needs n;

	start(LONG_USEC * 60);
	for (unsigned i = 0; i < 200; i++) {
		needs_of_chip(&n, i);
		heard(listener, JUDGE_LACKS_KEY, &n);
	}
	while (asked(&n_devices) < BURST && now_usec() - begun < LONG_USEC)
		pause_a_little();
	needs_of_chip(&n, 1000);
	assert_int_equal(refresher_warm(refresher, &n), 0);
	while ((!find("snp-vcek-Milan", &s) || s.pending) && now_usec() - begun < LONG_USEC)
		pause_a_little();
	assert_false(s.pending);
	assert_non_null(strstr(s.trouble, "is not there"));
	most = BURST + 1 + (now_usec() - begun) / 10000000 + 1;
	assert_in_range(asked(&n_devices), BURST, most);
	assert_int_equal(machines(), 1);
	stop();
}

/* A device that is not there is not asked for again at once. */
static void test_absent(void **state)
{
	uint64_t begun = now_usec();
	struct needs n;

	start(LONG_USEC * 60);
	needs_of_chip(&n, 1);
	heard(listener, JUDGE_LACKS_KEY, &n);
	while (asked(&n_devices) == 0 && now_usec() - begun < LONG_USEC)
		pause_a_little();
	for (unsigned i = 0; i < 50; i++) {
		heard(listener, JUDGE_LACKS_KEY, &n);
		pause_a_little();
	}
	assert_int_equal(asked(&n_devices), 1);
	stop();
}

/* Sorts of machines have a bound, and those that are in use stay. */
static void test_machines(void **state)
{
	char name[NEEDS_MACHINE_LEN];
	struct refresh_state s;
	struct needs n;

	start(LONG_USEC * 60);
	assert_int_equal(needs_of_machine("tdx-platform-90c06f000000", &n), 0);
	heard(listener, JUDGE_USED, &n);
	for (unsigned i = 0; i < 3 * MACHINES; i++) {
		(void) snprintf(name, sizeof(name), "tdx-processor-%012x", i);
		assert_int_equal(needs_of_machine(name, &n), 0);
		heard(listener, JUDGE_LACKS, &n);
	}
	assert_in_range(machines(), 2, MACHINES);
	assert_true(find("tdx-platform-90c06f000000", &s));
	assert_true(s.used > 0);
	stop();
	/* In use it is after a start anew. */
	start(LONG_USEC * 60);
	assert_true(find("tdx-platform-90c06f000000", &s));
	assert_true(s.used > 0);
	stop();
}

/* What the file says is not believed if nobody can have written it. */
static void test_file(void **state)
{
	static const char text[] = "tdx-platform-90c06f000000 99999999999999 99999999999999\n"
				   "tdx-platform-90C06F000000 1 1\nhello\n\n"
				   "snp-vcek-Milan x y\nsnp-vcek-Turin 1 1\nsnp-vcek-Genoa -1 -1\n"
				   "../../x 1 1\nsnp-vlek-Milan 18446744073709551616 0";
	struct refresh_state s;
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/machines", cache);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600, false), 0);
	start(LONG_USEC * 60);
	assert_true(find("tdx-platform-90c06f000000", &s));
	assert_true(s.used <= (int64_t)time(NULL) && s.asked <= (int64_t)time(NULL));
	assert_false(find("tdx-platform-90C06F000000", &s));
	assert_false(find("snp-vcek-Milan", &s));
	assert_false(find("../../x", &s));
	stop();
}

/* Collateral of a person's folder, which has expired: it is missed if it is in use. */
static void test_expired(void **state)
{
	uint64_t begun = now_usec();
	struct refresh_state s;
	struct evidence e;
	struct needs n;
	struct cause why;
	char path[512];

	platform_load("tdx", "ok-many-levels", &e, NULL);
	(void) snprintf(path, sizeof(path), "%s/tcb-info.json", folder);
	assert_int_equal(write_file_atomic(path, e.piece[EVIDENCE_TCB_INFO].p,
					   e.piece[EVIDENCE_TCB_INFO].len, 0600, false), 0);
	assert_int_equal(judge_reload(judge, &why), 0);
	start(0);
	assert_int_equal(needs_of_machine("tdx-platform-90c06f000000", &n), 0);
	heard(listener, JUDGE_LACKS, &n);
	while ((!find("tdx-platform-90c06f000000", &s) || s.until == 0) &&
	       now_usec() - begun < LONG_USEC)
		pause_a_little();
	assert_int_equal(s.until, PLATFORM_NEXT);
	assert_true(refresher_is_good(refresher, PLATFORM_NEXT + 1));
	heard(listener, JUDGE_USED, &n);
	assert_true(refresher_is_good(refresher, PLATFORM_NEXT - 1));
	assert_false(refresher_is_good(refresher, PLATFORM_NEXT));
	assert_false(refresher_is_good(refresher, PLATFORM_NEXT + 86400));
	/* Nobody has had a secret on such a machine for a week. */
	assert_true(refresher_is_good(refresher, (int64_t)time(NULL) + 8 * 86400));
	stop();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(judge_reload(judge, &why), 0);
	platform_unload(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),	 cmocka_unit_test(test_devices),
		cmocka_unit_test(test_absent),	 cmocka_unit_test(test_machines),
		cmocka_unit_test(test_file),	 cmocka_unit_test(test_expired),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
