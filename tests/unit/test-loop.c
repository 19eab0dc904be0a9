/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop, with real descriptors, clocks, signals, children and folders. */
#include "agent/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"

#include <cmocka.h>

#define MSEC 1000ULL

static struct {
	struct loop *loop;
	int pair[2];
	unsigned n_calls;
	char order[64];		/* a letter for each call */
	struct watch *watch[4];
} t;

static int set_up(void **state)
{
	memset(&t, 0, sizeof(t));
	return loop_new(&t.loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, t.pair) < 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(t.watch); i++)
		t.watch[i] = watch_free(t.watch[i]);
	(void) close(t.pair[0]);
	(void) close(t.pair[1]);
	assert_null(loop_free(t.loop));
	return 0;
}

static void note(char letter)
{
	t.n_calls++;
	t.order[strlen(t.order)] = letter;
}

/* Run the loop until it waits. */
static void run_all(void)
{
	int r;

	while ((r = loop_turn(t.loop, 0)) > 0)
		;
	assert_int_equal(r, 0);
}

static void wait_for_calls(unsigned n)
{
	uint64_t start = now_usec();

	while (t.n_calls < n && now_usec() - start < 10000 * MSEC)
		assert_true(loop_turn(t.loop, 1000 * MSEC) >= 0);
	assert_int_equal(t.n_calls, n);
}

/* ---- descriptors ---- */

static int on_readable(void *userdata)
{
	char c;

	note('i');
	assert_int_equal(read(t.pair[0], &c, 1), 1);
	return userdata ? *(int *)userdata : 0;
}

static int on_writable(void *userdata)
{
	note('o');
	return -EIO;
}

static void test_fd(void **state)
{
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]), 0);
	assert_int_equal(loop_turn(t.loop, 0), 0);
	assert_int_equal(write(t.pair[1], "abc", 3), 3);
	run_all();
	assert_int_equal(t.n_calls, 3);
	/* Off and on again; what came meanwhile is there. */
	assert_int_equal(watch_enable(t.watch[0], false), 0);
	assert_int_equal(write(t.pair[1], "d", 1), 1);
	run_all();
	assert_int_equal(t.n_calls, 3);
	assert_int_equal(watch_enable(t.watch[0], true), 0);
	assert_int_equal(watch_enable(t.watch[0], true), 0);
	run_all();
	assert_int_equal(t.n_calls, 4);
	/* Without a watch nobody is called. */
	t.watch[0] = watch_free(t.watch[0]);
	assert_int_equal(write(t.pair[1], "e", 1), 1);
	run_all();
	assert_int_equal(t.n_calls, 4);
}

/* Two watches of one descriptor; one that goes leaves the other one watching. */
static void test_fd_twice(void **state)
{
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]), 0);
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLOUT, on_writable, NULL, &t.watch[1]), 0);
	run_all();
	assert_string_equal(t.order, "o");
	t.watch[1] = watch_free(t.watch[1]);
	assert_int_equal(write(t.pair[1], "a", 1), 1);
	run_all();
	assert_string_equal(t.order, "oi");
}

static void test_fd_refused(void **state)
{
	char path[] = "/tmp/test-loop.XXXXXX";
	int file = mkstemp(path);

	assert_true(file >= 0);
	assert_int_equal(watch_fd(t.loop, 1000, POLLIN, on_readable, NULL, &t.watch[0]), -EBADF);
	assert_int_equal(watch_fd(t.loop, 1000, 0, on_readable, NULL, &t.watch[0]), -EBADF);
	assert_int_equal(watch_fd(t.loop, file, POLLIN, on_readable, NULL, &t.watch[0]), -EPERM);
	assert_null(t.watch[0]);
	(void) close(file);
	(void) unlink(path);
	/* The loop goes on. */
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]), 0);
	assert_int_equal(write(t.pair[1], "a", 1), 1);
	run_all();
	assert_string_equal(t.order, "i");
}

/* A function that fails is not called again. */
static void test_fd_fails(void **state)
{
	int error = -EIO;

	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, &error, &t.watch[0]), 0);
	assert_int_equal(write(t.pair[1], "abc", 3), 3);
	run_all();
	assert_int_equal(t.n_calls, 1);
	assert_int_equal(watch_enable(t.watch[0], true), 0);
	run_all();
	assert_int_equal(t.n_calls, 2);
}

static int on_hangup(void *userdata)
{
	note('h');
	/* Itself, while it is called. */
	t.watch[0] = watch_free(t.watch[0]);
	return -EIO;
}

static void test_hangup(void **state)
{
	assert_int_equal(watch_fd(t.loop, t.pair[0], 0, on_hangup, NULL, &t.watch[0]), 0);
	assert_int_equal(write(t.pair[1], "a", 1), 1);
	run_all();
	/* A peer that will write no more may still read. */
	assert_int_equal(shutdown(t.pair[1], SHUT_WR), 0);
	run_all();
	assert_int_equal(t.n_calls, 0);
	assert_int_equal(watch_enable(t.watch[0], false), 0);
	assert_int_equal(shutdown(t.pair[1], SHUT_RDWR), 0);
	run_all();
	assert_int_equal(t.n_calls, 0);
	assert_int_equal(watch_enable(t.watch[0], true), 0);
	run_all();
	assert_int_equal(t.n_calls, 1);
}

static int on_hangup_fails(void *userdata)
{
	note(*(const char *)userdata);
	return -EIO;
}

/* Two hang up: each is called, and no more since both fail. */
static void test_hangups(void **state)
{
	assert_int_equal(watch_fd(t.loop, t.pair[0], 0, on_hangup_fails, (void *)"a",
				  &t.watch[0]), 0);
	assert_int_equal(watch_fd(t.loop, t.pair[1], 0, on_hangup_fails, (void *)"b",
				  &t.watch[1]), 0);
	assert_int_equal(shutdown(t.pair[1], SHUT_RDWR), 0);
	run_all();
	assert_int_equal(t.n_calls, 2);
	assert_true(strchr(t.order, 'a') && strchr(t.order, 'b'));
}

static int on_free_other(void *userdata)
{
	note('f');
	t.watch[0] = watch_free(t.watch[0]);
	t.watch[1] = watch_free(t.watch[1]);
	return 0;
}

/* Two are ready, and whichever is called first frees both. */
static void test_free_other(void **state)
{
	for (short events = POLLIN;; events = 0) {
		assert_int_equal(watch_fd(t.loop, t.pair[0], events, on_free_other, NULL,
					  &t.watch[0]), 0);
		assert_int_equal(watch_fd(t.loop, t.pair[1], events, on_free_other, NULL,
					  &t.watch[1]), 0);
		assert_int_equal(write(t.pair[0], "a", 1), 1);
		assert_int_equal(write(t.pair[1], "a", 1), 1);
		if (events == 0)
			assert_int_equal(shutdown(t.pair[1], SHUT_RDWR), 0);
		run_all();
		assert_string_equal(t.order, events ? "f" : "ff");
		if (events == 0)
			return;
	}
}

/* ---- times ---- */

static int on_time(void *userdata)
{
	note(*(const char *)userdata);
	return 0;
}

static void test_times(void **state)
{
	uint64_t start = now_usec();
	struct timespec boot;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
	assert_int_equal(watch_at(t.loop, CLOCK_MONOTONIC, start + 9 * MSEC, on_time, (void *)"c",
				  &t.watch[0]), 0);
	assert_int_equal(watch_after(t.loop, 3 * MSEC, on_time, (void *)"a", &t.watch[1]), 0);
	assert_int_equal(watch_at(t.loop, CLOCK_BOOTTIME,
				  (uint64_t)boot.tv_sec * 1000 * MSEC +
					  (uint64_t)boot.tv_nsec / 1000 + 6 * MSEC,
				  on_time, (void *)"b", &t.watch[2]), 0);
	assert_int_equal(watch_time(t.watch[0]), start + 9 * MSEC);
	wait_for_calls(3);
	/* On a slow machine all are due at once. */
	assert_true(strchr(t.order, 'a') && strchr(t.order, 'b') && strchr(t.order, 'c'));
	assert_true(now_usec() - start >= 9 * MSEC);
	for (int i = 0; i < 3; i++)
		assert_int_equal(watch_time(t.watch[i]), UINT64_MAX);
	assert_int_equal(watch_time(NULL), UINT64_MAX);
	run_all();
	assert_int_equal(t.n_calls, 3);

	/* Again: one of the past is due at once, by either clock. */
	assert_int_equal(watch_again_at(t.watch[0], 0), 0);
	wait_for_calls(4);
	assert_int_equal(watch_again_at(t.watch[2], 0), 0);
	wait_for_calls(5);
	assert_string_equal(t.order + 3, "cb");
	/* Never, and then not never. */
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(watch_again_at(t.watch[i], UINT64_MAX), 0);
		assert_int_equal(watch_time(t.watch[i]), UINT64_MAX);
	}
	assert_int_equal(watch_again_after(t.watch[0], UINT64_MAX), 0);
	assert_int_equal(loop_turn(t.loop, 5 * MSEC), 0);
	assert_int_equal(watch_again_after(t.watch[0], 0), 0);
	wait_for_calls(6);
}

/* One that is moved away after it was due, but before it was called, is not called. */
static int on_move_other(void *userdata)
{
	struct watch **other = userdata;

	note('m');
	assert_int_equal(watch_again_after(*other, 3600000 * MSEC), 0);
	return 0;
}

static void test_move(void **state)
{
	uint64_t now = now_usec();

	for (int i = 0; i < 2; i++)
		assert_int_equal(watch_at(t.loop, CLOCK_MONOTONIC, now, on_move_other,
					  &t.watch[1 - i], &t.watch[i]), 0);
	run_all();
	assert_string_equal(t.order, "m");
}

/* Many, moved to and fro: each is called once, in the order of their times. */
static void test_many_times(void **state)
{
	enum { N = 200 };
	struct watch *many[N];
	uint64_t now = now_usec(), last = 0;
	unsigned seed = 7;

	for (unsigned i = 0; i < N; i++)
		assert_int_equal(watch_at(t.loop, CLOCK_MONOTONIC, now + 3600000 * MSEC, on_time,
					  (void *)"x", &many[i]), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(watch_again_at(many[i],
						now + (unsigned)rand_r(&seed) % 30 * MSEC), 0);
	for (unsigned i = 0; i < N; i += 3)
		assert_int_equal(watch_again_at(many[i], UINT64_MAX), 0);
	while (now_usec() - now < 30 * MSEC)
		(void) usleep(1000);
	for (unsigned left = N - (N + 2) / 3; left > 0; left--) {
		uint64_t first = UINT64_MAX;

		memset(t.order, 0, sizeof(t.order));
		for (unsigned i = 0; i < N; i++)
			first = MIN(first, watch_time(many[i]));
		assert_true(loop_turn(t.loop, 1000 * MSEC) > 0);
		assert_string_equal(t.order, "x");
		assert_true(first >= last);
		last = first;
		for (unsigned i = 0; i < N; i++)
			assert_true(watch_time(many[i]) >= first);
	}
	assert_int_equal(loop_turn(t.loop, 0), 0);
	for (unsigned i = 0; i < N; i++)
		watch_free(many[i]);
}

static int on_time_again(void *userdata)
{
	note('t');
	return watch_again_at(t.watch[0], 1);
}

/* A time that is always due keeps nobody from being called, nor does a descriptor. */
static void test_fair(void **state)
{
	char text[20] = "";

	assert_int_equal(watch_at(t.loop, CLOCK_MONOTONIC, 1, on_time_again, NULL, &t.watch[0]),
			 0);
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[1]), 0);
	assert_int_equal(write(t.pair[1], text, sizeof(text)), sizeof(text));
	for (unsigned i = 0; i < 20; i++)
		assert_true(loop_turn(t.loop, 0) > 0);
	assert_true(strchr(t.order, 'i') && strchr(t.order, 't'));
}

static void test_now(void **state)
{
	uint64_t before = now_usec(), now = loop_now(t.loop), turns;

	assert_in_range(now, before, now_usec());
	turns = loop_n_turns(t.loop);
	assert_int_equal(loop_turn(t.loop, 0), 0);
	assert_int_equal(loop_n_turns(t.loop), turns + 1);
	/* From then on it is when the loop woke up. */
	now = loop_now(t.loop);
	(void) usleep(2000);
	assert_int_equal(loop_now(t.loop), now);
	assert_int_equal(loop_turn(t.loop, 0), 0);
	assert_true(loop_now(t.loop) > now);
}

/* ---- signals, and the end ---- */

static int on_signal(void *userdata)
{
	note(*(const char *)userdata);
	return 0;
}

static int on_exit_signal(void *userdata)
{
	loop_exit(t.loop, 7);
	return 0;
}

static void test_signals(void **state)
{
	sigset_t mask, old;

	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[0]),
			 -EBUSY);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &old), 0);
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[0]), 0);
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[1]),
			 -EBUSY);
	assert_int_equal(watch_signal(t.loop, SIGUSR2, on_exit_signal, NULL, &t.watch[1]), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	run_all();
	assert_string_equal(t.order, "u");
	/* What nobody watches stays. */
	t.watch[0] = watch_free(t.watch[0]);
	assert_int_equal(raise(SIGUSR1), 0);
	run_all();
	assert_string_equal(t.order, "u");
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"v", &t.watch[0]), 0);
	run_all();
	assert_string_equal(t.order, "uv");
	assert_int_equal(raise(SIGUSR2), 0);
	assert_int_equal(loop_run(t.loop), 7);
	assert_int_equal(loop_turn(t.loop, 0), -ESTALE);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static int on_exit_time(void *userdata)
{
	note('e');
	loop_exit(t.loop, 42);
	return 0;
}

/* After the function that ends it no other is called, also if it is ready. */
static void test_exit(void **state)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(watch_after(t.loop, 0, on_exit_time, NULL, &t.watch[i]), 0);
	assert_int_equal(loop_run(t.loop), 42);
	assert_string_equal(t.order, "e");
}

/* ---- children ---- */

static int on_child(const siginfo_t *si, void *userdata)
{
	siginfo_t again = { 0 };

	note(si->si_code == CLD_EXITED && si->si_status == 7	    ? 'c' :
	     si->si_code == CLD_KILLED && si->si_status == SIGKILL ? 'k' :
								      '?');
	assert_int_equal(si->si_pid, *(pid_t *)userdata);
	/* It is still there, so that nobody else can have its number. */
	assert_int_equal(waitid(P_PID, (id_t)si->si_pid, &again, WEXITED | WNOHANG | WNOWAIT), 0);
	assert_int_equal(again.si_pid, si->si_pid);
	/* The function may free its watch. */
	if (si->si_code == CLD_KILLED)
		t.watch[0] = watch_free(t.watch[0]);
	return 0;
}

static pid_t start_child(bool ends)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ends)
			_exit(7);
		for (;;)
			(void) pause();
	}
	return pid;
}

static void test_children(void **state)
{
	pid_t stays = start_child(false), ends = start_child(true), left = start_child(false);

	assert_int_equal(watch_child(t.loop, stays, on_child, &stays, &t.watch[0]), 0);
	assert_int_equal(watch_child(t.loop, ends, on_child, &ends, &t.watch[1]), 0);
	assert_int_equal(watch_child(t.loop, left, on_child, &left, &t.watch[2]), 0);
	wait_for_calls(1);
	assert_string_equal(t.order, "c");
	assert_int_equal(kill(stays, SIGKILL), 0);
	wait_for_calls(2);
	assert_string_equal(t.order, "ck");
	assert_null(t.watch[0]);
	/* Each comes once, and is waited for by the loop. */
	run_all();
	assert_int_equal(waitpid(ends, NULL, WNOHANG), -1);
	assert_int_equal(waitpid(stays, NULL, WNOHANG), -1);
	/* One whose watch is gone is somebody else's to wait for. */
	t.watch[2] = watch_free(t.watch[2]);
	assert_int_equal(kill(left, SIGKILL), 0);
	assert_int_equal(waitpid(left, NULL, 0), left);
	run_all();
	assert_int_equal(t.n_calls, 2);
	assert_int_equal(watch_child(t.loop, left, on_child, &left, &t.watch[2]), -ESRCH);
}

/* ---- folders ---- */

static int on_file(const struct inotify_event *event, void *userdata)
{
	if (event->mask & IN_IGNORED)
		return 0;
	note(*(const char *)userdata);
	assert_true(event->mask & IN_CREATE);
	assert_string_equal(event->name, "file");
	return 0;
}

static void make_file(const char *folder)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	(void) fclose(f);
	(void) unlink(path);
}

/* Two watch the same folder; one that goes leaves the other one watching. */
static void test_folders(void **state)
{
	char folder[] = "/tmp/test-loop.XXXXXX";

	assert_non_null(mkdtemp(folder));
	assert_int_equal(watch_folder(t.loop, folder, IN_CREATE | IN_ONLYDIR, on_file, (void *)"a",
				      &t.watch[0]), 0);
	assert_int_equal(watch_folder(t.loop, folder, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR,
				      on_file, (void *)"b", &t.watch[1]), 0);
	make_file(folder);
	run_all();
	assert_int_equal(t.n_calls, 2);
	assert_true(strchr(t.order, 'a') && strchr(t.order, 'b'));
	t.watch[1] = watch_free(t.watch[1]);
	make_file(folder);
	run_all();
	assert_int_equal(t.n_calls, 3);
	t.watch[0] = watch_free(t.watch[0]);
	make_file(folder);
	run_all();
	assert_int_equal(t.n_calls, 3);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(watch_folder(t.loop, folder, IN_CREATE, on_file, (void *)"a",
				      &t.watch[0]), -ENOENT);
	assert_null(t.watch[0]);
}

static int on_gone(const struct inotify_event *event, void *userdata)
{
	if (event->mask & IN_IGNORED)
		note('g');
	return 0;
}

/* Who watches hears that there is nothing to watch any more. */
static void test_folder_gone(void **state)
{
	char folder[] = "/tmp/test-loop.XXXXXX";

	assert_non_null(mkdtemp(folder));
	assert_int_equal(watch_folder(t.loop, folder, IN_CREATE, on_gone, NULL, &t.watch[0]), 0);
	assert_int_equal(rmdir(folder), 0);
	run_all();
	assert_string_equal(t.order, "g");
}

static int on_file_free_all(const struct inotify_event *event, void *userdata)
{
	note('f');
	for (size_t i = 0; i < ARRAY_SIZE(t.watch); i++)
		t.watch[i] = watch_free(t.watch[i]);
	return -EIO;
}

static void test_folders_free(void **state)
{
	char folder[] = "/tmp/test-loop.XXXXXX";

	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(t.watch); i++)
		assert_int_equal(watch_folder(t.loop, folder, IN_CREATE, on_file_free_all, NULL,
					      &t.watch[i]), 0);
	make_file(folder);
	make_file(folder);
	run_all();
	assert_int_equal(t.n_calls, 1);
	assert_int_equal(rmdir(folder), 0);
}

/* What a folder had before is read before: with many others that are ready, in any order. */
static void test_folders_first(void **state)
{
	enum { N = 200 };
	char folder[] = "/tmp/test-loop.XXXXXX";
	struct watch *many[N];
	int pairs[N][2];

	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < N; i++) {
		if (i == N / 2)
			assert_int_equal(watch_folder(t.loop, folder, IN_CREATE, on_file,
						      (void *)"a", &t.watch[0]), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		assert_int_equal(watch_fd(t.loop, pairs[i][0], POLLIN, on_hangup_fails,
					  (void *)"i", &many[i]), 0);
	}
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < N / 2; i++)
			assert_int_equal(write(pairs[i][1], "a", 1), 1);
		make_file(folder);
		for (int i = N / 2; i < N; i++)
			assert_int_equal(write(pairs[i][1], "a", 1), 1);
		for (int i = 0; i < 3; i++)
			assert_true(loop_turn(t.loop, 0) > 0);
		assert_memory_equal(t.order, "aii", 4);
		/* Between two turns, too. */
		make_file(folder);
		assert_true(loop_turn(t.loop, 0) > 0);
		assert_memory_equal(t.order, "aiia", 5);
		memset(t.order, 0, sizeof(t.order));
		for (int i = 0; i < N; i++)
			assert_int_equal(watch_enable(many[i], true), 0);
	}
	for (int i = 0; i < N; i++) {
		watch_free(many[i]);
		(void) close(pairs[i][0]);
		(void) close(pairs[i][1]);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* ---- the life of a loop ---- */

/* Watches may outlive their loop, as long as nobody uses them. */
static void test_free_late(void **state)
{
	struct loop *loop = NULL;

	for (int first = 0; first < 2; first++) {
		assert_int_equal(loop_new(&loop), 0);
		assert_int_equal(watch_fd(loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]),
				 0);
		assert_int_equal(watch_after(loop, 0, on_time, (void *)"x", &t.watch[1]), 0);
		assert_null(loop_free(loop));
		assert_null(watch_free(t.watch[first]));
		assert_null(watch_free(t.watch[1 - first]));
	}
	t.watch[0] = t.watch[1] = NULL;
	assert_null(watch_free(NULL));
	assert_null(loop_free(NULL));
}

/* In a child the loop does not run, and what the child frees stays the parent's. */
static void test_forked(void **state)
{
	struct watch *none = NULL;
	sigset_t mask, old;
	int status;
	pid_t pid;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &old), 0);
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]), 0);
	assert_int_equal(watch_fd(t.loop, t.pair[0], 0, on_hangup, NULL, &t.watch[1]), 0);
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[2]), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int r = loop_turn(t.loop, 0);
		int w = watch_after(t.loop, 0, on_time, (void *)"x", &none);

		for (size_t i = 0; i < ARRAY_SIZE(t.watch); i++)
			t.watch[i] = watch_free(t.watch[i]);
		t.loop = loop_free(t.loop);
		_exit(r == -ECHILD && w == -ECHILD ? 80 : 81);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 80);
	assert_int_equal(write(t.pair[1], "a", 1), 1);
	run_all();
	assert_int_equal(raise(SIGUSR1), 0);
	run_all();
	assert_int_equal(watch_enable(t.watch[0], false), 0);
	t.watch[3] = t.watch[0];
	t.watch[0] = t.watch[1];
	t.watch[1] = NULL;
	assert_int_equal(shutdown(t.pair[1], SHUT_RDWR), 0);
	run_all();
	assert_string_equal(t.order, "iuh");
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

/* Without descriptors there is an error, and nothing is left behind. */
static void test_no_descriptors(void **state)
{
	struct rlimit limit, none;
	struct loop *loop = NULL;
	int fd = dup(t.pair[0]);
	pid_t child = start_child(false);
	sigset_t mask, old;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd;
	(void) close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(loop_new(&loop) < 0);
	assert_null(loop);
	assert_int_equal(watch_fd(t.loop, t.pair[0], 0, on_hangup, NULL, &t.watch[0]), -EMFILE);
	assert_int_equal(watch_at(t.loop, CLOCK_BOOTTIME, 0, on_time, (void *)"x", &t.watch[0]),
			 -EMFILE);
	assert_int_equal(watch_child(t.loop, child, on_child, &child, &t.watch[0]), -EMFILE);
	assert_int_equal(watch_folder(t.loop, "/tmp", IN_CREATE, on_file, (void *)"a",
				      &t.watch[0]), -EMFILE);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &old), 0);
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[0]),
			 -EMFILE);
	assert_null(t.watch[0]);
	/* What needs none goes on. */
	assert_int_equal(watch_fd(t.loop, t.pair[0], POLLIN, on_readable, NULL, &t.watch[0]), 0);
	assert_int_equal(watch_after(t.loop, 0, on_time, (void *)"t", &t.watch[1]), 0);
	wait_for_calls(1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	fd = dup(t.pair[0]);
	assert_true(fd >= 0 && (rlim_t)fd == none.rlim_cur);
	(void) close(fd);
	/* And what failed for that alone does not fail any more. */
	assert_int_equal(watch_signal(t.loop, SIGUSR1, on_signal, (void *)"u", &t.watch[2]), 0);
	t.watch[2] = watch_free(t.watch[2]);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static void test_watchdog(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[] = "/tmp/test-loop.XXXXXX", text[64] = "", pid[16];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_non_null(mkdtemp(path));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(loop_tell_watchdog(t.loop), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", sa.sun_path, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "30000", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(loop_tell_watchdog(t.loop), 0);
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(loop_tell_watchdog(t.loop), 1);
	/* For as long as the loop runs. */
	for (unsigned n = 0; n < 3;) {
		assert_true(loop_turn(t.loop, 1000 * MSEC) >= 0);
		while (recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0) {
			assert_string_equal(text, "WATCHDOG=1");
			n++;
		}
	}
	assert_int_equal(unsetenv("NOTIFY_SOCKET") + unsetenv("WATCHDOG_USEC") +
				 unsetenv("WATCHDOG_PID"), 0);
	(void) unlink(sa.sun_path);
	(void) rmdir(path);
	(void) close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fd),		  TEST(test_fd_twice),	   TEST(test_fd_refused),
		TEST(test_fd_fails),	  TEST(test_hangup),	   TEST(test_hangups),
		TEST(test_free_other),	  TEST(test_times),	   TEST(test_move),
		TEST(test_many_times),	  TEST(test_fair),	   TEST(test_now),
		TEST(test_signals),	  TEST(test_exit),	   TEST(test_children),
		TEST(test_folders),	  TEST(test_folder_gone),  TEST(test_folders_free),
		TEST(test_folders_first), TEST(test_free_late),	   TEST(test_forked),
		TEST(test_no_descriptors), TEST(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
