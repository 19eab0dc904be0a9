/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/pool.h"

#include <cmocka.h>

#define WORKS_MAX 1000

/* ---- the machine ---- */

static unsigned n_processors;	/* 0: it does not tell */
static int threads_left;	/* so many can be started; -1: any number */
static unsigned n_started, n_joined;

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret)
{
	if (n_processors == 0 || size * 8 < n_processors) {
		errno = EINVAL;
		return -1;
	}
	memset(ret, 0, size);
	/* The first is another's. */
	for (unsigned i = 0; i < n_processors; i++)
		CPU_SET_S((i + 1) % (size * 8), size, ret);
	return 0;
}

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data)
{
	int r;

	if (threads_left == 0)
		return EAGAIN;
	r = __real_pthread_create(ret, attr, run, data);
	if (r == 0) {
		n_started++;
		threads_left -= threads_left > 0;
	}
	return r;
}

int __real_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret)
{
	n_joined++;
	return __real_pthread_join(thread, ret);
}

/* ---- what is done ---- */

struct work {
	struct pool_job job;
	_Atomic unsigned n_done;
	int answer;
};

static int do_work(void *data)
{
	struct work *w = data;

	w->n_done++;
	return w->answer;
}

static struct work works[WORKS_MAX];

/* Each answers something else. */
static void add_works(struct pool *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		works[i] = (struct work){ .answer = -(int)i };
		works[i].job = (struct pool_job){ do_work, &works[i] };
		pool_add(p, &works[i].job);
	}
}

static void expect_works(struct pool *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(pool_wait(p, &works[i].job), -(int)i);
		assert_int_equal(works[i].n_done, 1);
	}
}

static const struct {
	unsigned processors;
	int threads;
} machines[] = {
	{ 1, -1 }, { 2, -1 },  { 3, -1 }, { 64, -1 }, { 65, -1 }, { 5000, -1 },
	{ 0, -1 }, { 9000, -1 }, { 2, 0 },  { 3, 1 },	{ 64, 0 },  { 64, 7 },
};

static void be_machine(size_t i)
{
	n_processors = machines[i].processors;
	threads_left = machines[i].threads;
	n_started = n_joined = 0;
	print_message("# %u processors, %d threads\n", n_processors, threads_left);
}

/* ---- tests ---- */

/* As many threads as the machine has processors, or gives. */
static unsigned most_threads(size_t machine)
{
	unsigned n = machines[machine].processors;

	if (n == 0 || n > 8192)
		n = 1;
	n = MIN(n, (unsigned)POOL_THREADS_MAX) - 1;
	return machines[machine].threads < 0 ? n : MIN(n, (unsigned)machines[machine].threads);
}

static void test_all_done(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 63, 64, WORKS_MAX };

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct pool p;

			be_machine(m);
			pool_init(&p);
			add_works(&p, sizes[i]);
			expect_works(&p, sizes[i]);
			/* What is done stays so, and can be added again. */
			expect_works(&p, sizes[i]);
			add_works(&p, sizes[i]);
			expect_works(&p, sizes[i]);
			pool_done(&p);
			assert_true(n_started <= most_threads(m));
			assert_int_equal(n_joined, n_started);
		}
}

/* Whoever waits for the last one first does not wait for ever. */
static void test_last_first(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct pool p;

		be_machine(m);
		pool_init(&p);
		add_works(&p, 10);
		assert_int_equal(pool_wait(&p, &works[9].job), -9);
		expect_works(&p, 10);
		pool_done(&p);
	}
}

static int nap(void *data)
{
	usleep(1000);
	return 1;
}

static int last(void *data)
{
	while (!pool_ends(data))
		usleep(1000);
	return 2;
}

/* Whoever waits for something short does not begin what takes for ever. */
static void test_lasting(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct pool_job naps[20], lasting[2];
		struct pool p;

		be_machine(m);
		pool_init(&p);
		for (size_t i = 0; i < ARRAY_SIZE(naps); i++) {
			naps[i] = (struct pool_job){ nap, NULL };
			pool_add(&p, &naps[i]);
			if (i % 10 != 2)
				continue;
			lasting[i / 10] = (struct pool_job){ last, &p, .lasts = true };
			pool_add(&p, &lasting[i / 10]);
		}
		for (size_t i = 0; i < ARRAY_SIZE(naps); i++)
			assert_int_equal(pool_wait(&p, &naps[i]), 1);
		pool_done(&p);
		assert_int_equal(n_joined, n_started);
	}
}

/* ---- beside each other ---- */

/* Returns when so many are in here at once. */
static int meet(void *data)
{
	(void) pthread_barrier_wait(data);
	return 0;
}

/* With n processors n jobs run at once; it hangs if not. */
static void test_beside(void **state)
{
	static const unsigned numbers[] = { 2, 3, 64 };
	struct pool_job jobs[64];
	struct pool p;

	threads_left = -1;
	for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
		unsigned n = n_processors = numbers[k];
		pthread_barrier_t barrier;

		pool_init(&p);
		n_started = 0;
		assert_int_equal(pthread_barrier_init(&barrier, NULL, n), 0);
		/* The second time its threads are there. */
		for (unsigned times = 0; times < 2; times++) {
			for (unsigned i = 0; i < n; i++) {
				jobs[i] = (struct pool_job){ meet, &barrier };
				pool_add(&p, &jobs[i]);
			}
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(pool_wait(&p, &jobs[i]), 0);
		}
		pool_done(&p);
		assert_int_equal(n_started, n - 1);
		assert_int_equal(pthread_barrier_destroy(&barrier), 0);
	}
}

/* The caller does not wait before it has to: a thread is at work on what was added. */
static void test_before_waiting(void **state)
{
	pthread_barrier_t barrier;
	struct pool_job job = { meet, &barrier };
	struct pool p;

	n_processors = 2;
	threads_left = -1;
	pool_init(&p);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	pool_add(&p, &job);
	(void) pthread_barrier_wait(&barrier);
	assert_int_equal(pool_wait(&p, &job), 0);
	pool_done(&p);
	assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

/* ---- the end ---- */

struct endless {
	struct pool_job job;
	struct pool *pool;
	pthread_barrier_t begun;
	_Atomic unsigned n_ended;
};

static int until_the_end(void *data)
{
	struct endless *e = data;

	(void) pthread_barrier_wait(&e->begun);
	while (!pool_ends(e->pool))
		(void) sched_yield();
	e->n_ended++;
	return 0;
}

/* What nobody waits for is told so, and what has not begun never does. */
static void test_done_early(void **state)
{
	struct pool p;
	struct endless e = { .job = { until_the_end, &e }, .pool = &p };

	n_processors = 2;
	threads_left = -1;
	n_started = n_joined = 0;
	pool_init(&p);
	assert_int_equal(pthread_barrier_init(&e.begun, NULL, 2), 0);
	pool_add(&p, &e.job);
	add_works(&p, 10);
	(void) pthread_barrier_wait(&e.begun);
	assert_false(pool_ends(&p));
	pool_done(&p);
	assert_int_equal(e.n_ended, 1);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(works[i].n_done, 0);
	assert_int_equal(n_started, 1);
	assert_int_equal(n_joined, 1);
	assert_int_equal(pthread_barrier_destroy(&e.begun), 0);
}

static void test_unused(void **state)
{
	struct pool p;

	n_processors = 64;
	n_started = 0;
	pool_init(&p);
	pool_done(&p);
	assert_int_equal(n_started, 0);
}

/* ---- signals ---- */

static pthread_t main_thread;
static _Atomic unsigned n_signals, n_elsewhere;

static void on_signal(int number)
{
	n_signals++;
	n_elsewhere += !pthread_equal(pthread_self(), main_thread);
}

static int signal_all(void *data)
{
	sigset_t now;

	if (!pthread_equal(pthread_self(), main_thread)) {
		if (pthread_sigmask(SIG_SETMASK, NULL, &now) != 0 ||
		    !sigismember(&now, SIGTERM) || !sigismember(&now, SIGUSR1))
			return -EINVAL;
	}
	return kill(getpid(), SIGUSR1) < 0 ? -errno : 0;
}

/* They are for the caller, whose own mask stays. */
static void test_signals(void **state)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;
	static struct pool_job jobs[WORKS_MAX];
	sigset_t mask, after;
	struct pool p;

	n_processors = 4;
	threads_left = -1;
	main_thread = pthread_self();
	assert_int_equal(sigaction(SIGUSR1, &act, &before), 0);
	(void) pthread_sigmask(SIG_SETMASK, NULL, &mask);
	pool_init(&p);
	for (size_t i = 0; i < WORKS_MAX; i++) {
		jobs[i].run = signal_all;
		pool_add(&p, &jobs[i]);
	}
	for (size_t i = 0; i < WORKS_MAX; i++)
		assert_int_equal(pool_wait(&p, &jobs[i]), 0);
	pool_done(&p);
	(void) pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&mask, SIGUSR1), sigismember(&after, SIGUSR1));
	assert_int_equal(sigismember(&mask, SIGTERM), sigismember(&after, SIGTERM));
	assert_true(n_signals > 0);
	assert_int_equal(n_elsewhere, 0);
	(void) sigaction(SIGUSR1, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_done),       cmocka_unit_test(test_last_first),
		cmocka_unit_test(test_lasting),
		cmocka_unit_test(test_beside),	       cmocka_unit_test(test_before_waiting),
		cmocka_unit_test(test_done_early),     cmocka_unit_test(test_unused),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
