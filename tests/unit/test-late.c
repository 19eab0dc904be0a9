/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key that comes after systemd-cryptsetup has asked for a passphrase.  The broker, the questions
 * and the volumes are the test's; the peer is a child of it, and the answer goes to a real socket.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/late.h"
#include "agent/status.h"
#include "base/clock.h"
#include "base/io.h"

#include <cmocka.h>

#define VOLUME "data"

static char dir[64], journal[80], sock[100];
static struct secret_policy policies[1];
static struct keeper k;
static struct delivery *d;
static pid_t peer;
static int answers = -EBADF, other_end = -EBADF;	/* of the connection */

/* ---- what stands in the place of the rest ---- */

static const char *key;			/* what the broker releases; NULL: it refuses */
static size_t key_len;
static unsigned refusal, n_fetches, n_refusals, n_confirmed, n_missed;
static bool asks, opens;

struct fetch *__wrap_fetch_free(struct fetch *f);
int __wrap_fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret);
void __wrap_fetch_confirm(struct fetch *f);
int __wrap_volume_asks_at(const char *folder, pid_t pid, char ret[static ASK_SOCKET_LEN]);
bool __wrap_volume_asks_passphrase(const char *folder, pid_t pid);
int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name);

/* A fetch is only counted: there must be one at most, and none in the end. */
static uint8_t token;
static unsigned n_held;

struct fetch *__wrap_fetch_free(struct fetch *f)
{
	n_held -= f != NULL;
	return NULL;
}

void __wrap_fetch_confirm(struct fetch *f)
{
	n_confirmed++;
	n_held -= f != NULL;
}

int __wrap_fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret)
{
	struct fetch_failure why = { .error = refusal, .text = "the broker refuses" };
	struct secret *s = NULL;

	assert_string_equal(q->path, "default/luks/data");
	n_fetches++;
	assert_int_equal(n_held, 0);
	n_held++;
	*ret = (struct fetch *)&token;
	if (!key || n_refusals > 0) {
		if (n_refusals > 0)
			n_refusals--;
		q->done(q->userdata, NULL, &why);
		return 0;
	}
	assert_int_equal(secret_new(key_len, &s), 0);
	memcpy(secret_bytes(s), key, key_len);
	q->done(q->userdata, s, NULL);
	return 0;
}

int __wrap_volume_asks_at(const char *folder, pid_t pid, char ret[static ASK_SOCKET_LEN])
{
	if (!asks || pid != peer)
		return 0;
	if (n_missed > 0) {
		n_missed--;
		return 0;
	}
	strcpy(ret, sock);
	return 1;
}

bool __wrap_volume_asks_passphrase(const char *folder, pid_t pid)
{
	return asks && pid == peer;
}

int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name)
{
	return opens;
}

/* ---- a delivery that was declined ---- */

/* What was written to cocod-key's connection, and how often. */
static char given[100];
static unsigned n_given;

static void give(struct delivery *it, struct secret *s)
{
	assert_ptr_equal(it, d);
	assert_int_equal(secret_len(s), key_len);
	memcpy(given, secret_data(s), secret_len(s));
	secret_free(s);
	n_given++;
	delivery_free(it);
}

static void start_peer(void)
{
	int closed[2];
	char none;

	assert_int_equal(pipe(closed), 0);
	peer = fork();
	assert_true(peer >= 0);
	if (peer == 0) {
		/* It has nothing of ours, like a peer that somebody else started. */
		(void) close_range(3, ~0u, 0);
		pause();
		_exit(0);
	}
	close(closed[1]);
	assert_int_equal(read(closed[0], &none, 1), 0);
	close(closed[0]);
}

static void end_peer(void)
{
	(void) kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
}

static int set_up(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	other_end = pair[1];
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	strcpy(dir, "/tmp/test-late.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(journal, sizeof(journal), "%s/journal", dir);
	snprintf(sock, sizeof(sock), "%s/sck", dir);
	strcpy(sa.sun_path, sock);
	answers = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(answers, (struct sockaddr *)&sa, sizeof(sa)), 0);
	policies[0] = (struct secret_policy){ .name = "data", .no_launch = true,
					      .wipe = WIPE_CONFIRMED };
	assert_int_equal(secret_policy_set_uri(&policies[0], "kbs:///default/luks/data"), 0);
	policies[0].guid.b[0] = 1;
	assert_int_equal(secret_policy_set_consumers(&policies[0], "cryptsetup:data"), 0);
	k = (struct keeper){ .late_usec = 2000 };
	assert_int_equal(loop_new(&k.loop), 0);
	assert_int_equal(store_new(policies, 1, NULL, journal, &k.store), 0);
	start_peer();
	assert_int_equal(delivery_new(&k, &consumer_cryptsetup, pair[0], &d), 0);
	strcpy(d->volume, VOLUME);
	strcpy(d->consumer, "cryptsetup:" VOLUME);
	d->pid = peer;
	d->pidfd = (int)syscall(SYS_pidfd_open, peer, 0);
	delivery_take_entry(d, store_find(k.store, "data"));
	key = "correct horse";
	key_len = strlen(key);
	refusal = NET_POLICY;
	n_fetches = n_refusals = n_confirmed = n_missed = n_held = n_given = 0;
	memset(given, 0, sizeof(given));
	asks = true;
	opens = false;
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	while (k.deliveries)
		delivery_free(k.deliveries);
	assert_int_equal(n_held, 0);
	end_peer();
	close(answers);
	close(other_end);
	store_free(k.store);
	watch_free(k.retry);
	loop_free(k.loop);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void run_usec(uint64_t usec)
{
	uint64_t begin = now_usec();

	while (now_usec() - begin < usec)
		assert_true(loop_turn(k.loop, 1000) >= 0);
}

/* The answer that the peer has got, or "" for none. */
static const char *answer(size_t *ret_len)
{
	static char text[4096];
	ssize_t n = recv(answers, text, sizeof(text) - 1, 0);

	*ret_len = n < 0 ? 0 : (size_t)n;
	text[*ret_len] = '\0';
	return text;
}

static enum delivery_outcome outcome(void)
{
	const struct store_delivery *was =
		store_delivery_find(store_find(k.store, "data"), "cryptsetup:" VOLUME);

	return was ? was->outcome : DELIVERY_NONE;
}

static void test_given_late(void **state)
{
	/* As a child has it that was forked just now, for something else. */
	int copy = fcntl(d->pidfd, F_DUPFD_CLOEXEC, 0);
	uint8_t bytes[100];
	size_t len;

	assert_true(copy >= 0);
	n_refusals = 2;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	/* It goes on without a key, and without an empty one. */
	assert_true(recv(other_end, bytes, sizeof(bytes), MSG_WAITALL) >= 32);
	run_usec(100000);
	assert_int_equal(n_fetches, 3);
	assert_string_equal(answer(&len), "+correct horse");
	assert_int_equal(len, 1 + key_len + 1);
	assert_int_equal(outcome(), DELIVERY_READ);
	/* It is not given twice. */
	run_usec(50000);
	assert_int_equal(n_fetches, 3);
	opens = true;
	end_peer();
	start_peer();	/* for tear_down() */
	run_usec(50000);
	assert_null(k.deliveries);
	/* A person may have been faster. */
	assert_int_equal(outcome(), DELIVERY_UNDECIDED);
	assert_int_equal(n_confirmed, 0);
	close(copy);
}

/* A wrong passphrase is typed while the broker is asked; then the question comes again. */
static void test_asked_again(void **state)
{
	size_t len;

	n_missed = 2;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	run_usec(100000);
	assert_int_equal(n_fetches, 3);
	assert_string_equal(answer(&len), "+correct horse");
	assert_int_equal(outcome(), DELIVERY_READ);
}

/* While nothing is asked, the broker is left alone, and after the peer's end too. */
static void test_nothing_asked(void **state)
{
	size_t len;

	asks = false;
	late_begin(d, NET_UNREACHABLE, "nobody answers", give);
	run_usec(50000);
	assert_int_equal(n_fetches, 0);
	assert_string_equal(answer(&len), "");
	end_peer();
	start_peer();
	run_usec(50000);
	assert_null(k.deliveries);
	assert_int_equal(n_fetches, 0);
	assert_int_equal(outcome(), DELIVERY_NONE);
}

static void test_opened_meanwhile(void **state)
{
	opens = true;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	run_usec(50000);
	assert_null(k.deliveries);
	assert_int_equal(n_fetches, 0);
}

static void test_wiped_meanwhile(void **state)
{
	size_t len;

	n_refusals = 1000;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	run_usec(20000);
	assert_true(n_fetches > 0);
	n_refusals = 0;
	assert_int_equal(store_wipe(k.store, store_find(k.store, "data")), 0);
	run_usec(50000);
	assert_string_equal(answer(&len), "");
	assert_null(k.deliveries);
}

/* What cannot be typed is not sent in part. */
static void test_binary(void **state)
{
	static const char binary[] = "a\0b";
	size_t len;

	key = binary;
	key_len = 3;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	run_usec(50000);
	assert_string_equal(answer(&len), "");
	assert_null(k.deliveries);
	assert_int_equal(outcome(), DELIVERY_NONE);
}

static void test_gone_socket(void **state)
{
	(void) unlink(sock);
	late_begin(d, NET_POLICY, "the broker refuses", give);
	run_usec(50000);
	assert_null(k.deliveries);
	/* It was offered, and nobody took it. */
	assert_int_equal(outcome(), DELIVERY_NONE);
}

/*
 * In an initramfs the peer, which is cocod-key, hears that it is late, and gets the key over its
 * connection.
 */
static void test_initramfs_gone(void **state)
{
	int status, pair[2];
	size_t len;

	k.initramfs = true;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	close(d->fd);
	d->fd = pair[0];
	asks = false;		/* of systemd's questions there are none */
	n_refusals = 2;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	/* It did not block the signal, and is no more. */
	assert_int_equal(waitpid(peer, &status, 0), peer);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == LATE_SIGNAL);
	start_peer();
	run_usec(50000);
	/* Without the peer there is nobody to give it to. */
	assert_int_equal(n_given, 0);
	assert_null(k.deliveries);
	close(pair[1]);
	assert_string_equal(answer(&len), "");
}

static void start_patient_peer(void)
{
	sigset_t late, old;

	sigemptyset(&late);
	sigaddset(&late, LATE_SIGNAL);
	end_peer();
	assert_int_equal(sigprocmask(SIG_BLOCK, &late, &old), 0);
	start_peer();
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	d->pid = peer;
	close(d->pidfd);
	d->pidfd = (int)syscall(SYS_pidfd_open, peer, 0);
}

static void begin_in_initramfs(int pair[static 2])
{
	start_patient_peer();
	k.initramfs = true;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	close(d->fd);
	d->fd = pair[0];
	asks = false;
	late_begin(d, NET_POLICY, "the broker refuses", give);
	assert_non_null(k.deliveries);
}

static void test_initramfs_given(void **state)
{
	int pair[2];
	size_t len;

	n_refusals = 2;
	begin_in_initramfs(pair);
	run_usec(100000);
	assert_int_equal(n_fetches, 3);
	assert_int_equal(n_given, 1);
	assert_string_equal(given, key);
	assert_string_equal(answer(&len), "");
	close(pair[1]);
}

/* A person has answered, and the connection is closed: the broker is left alone. */
static void test_initramfs_answered(void **state)
{
	int pair[2];

	n_refusals = 1000;
	begin_in_initramfs(pair);
	run_usec(20000);
	assert_true(n_fetches > 0);
	n_refusals = 0;
	close(pair[1]);
	run_usec(50000);
	assert_int_equal(n_given, 0);
	assert_null(k.deliveries);
}

static void test_initramfs_wiped(void **state)
{
	int pair[2];

	n_refusals = 1000;
	begin_in_initramfs(pair);
	run_usec(20000);
	n_refusals = 0;
	assert_int_equal(store_wipe(k.store, store_find(k.store, "data")), 0);
	run_usec(50000);
	assert_int_equal(n_given, 0);
	assert_null(k.deliveries);
	close(pair[1]);
}

static int on_stale(void *userdata)
{
	*(bool *)userdata = true;
	return 0;
}

/* systemd has the connection, too: when it is let go nobody watches it any more. */
static void test_let_go(void **state)
{
	int pair[2], copy, other;
	bool called = false;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	copy = dup(pair[0]);
	assert_true(copy >= 0);
	close(d->fd);
	d->fd = pair[0];
	assert_int_equal(watch_fd(k.loop, d->fd, 0, on_stale, &called, &d->hangup), 0);
	assert_int_equal(watch_fd(k.loop, d->fd, POLLOUT, on_stale, &called, &d->io), 0);
	delivery_let_go(d);
	assert_int_equal(d->fd, -EBADF);
	assert_int_equal(loop_turn(k.loop, 0), 0);
	assert_false(called);
	/* Another one with its number is watched for itself. */
	other = dup(copy);
	assert_int_equal(other, pair[0]);
	assert_int_equal(watch_fd(k.loop, other, POLLOUT, on_stale, &called, &d->io), 0);
	assert_int_equal(loop_turn(k.loop, 0), 1);
	assert_true(called);
	d->io = watch_free(d->io);
	close(other);
	close(copy);
	close(pair[1]);
}

/* Settings do not change by waiting. */
static void test_settings(void **state)
{
	late_begin(d, NET_SETTINGS, "there is no broker.conf", give);
	assert_null(k.deliveries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_given_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asked_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_opened_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wiped_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_binary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_initramfs_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_initramfs_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_initramfs_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_initramfs_wiped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_let_go, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
