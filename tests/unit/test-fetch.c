/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetching a secret, with a test double of the TEE and one of cocod-net that answers by a script.
 * Behind the double there is no broker: what a broker encrypts and signs is test-release.c's, and
 * the whole way is tests/run/broker's.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/boot.h"
#include "agent/keeper/fetch.h"
#include "agent/keeper/net-talk.h"
#include "base/io.h"
#include "ipc/frame.h"

#define PATH "default/luks/root"
#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char root[64], sock[100];

/* ---- the double of cocod-net ---- */

/* What one conversation does, request by request; the last step is repeated. */
struct step {
	uint16_t type;			/* of the request that is expected; 0: close at once */
	uint32_t error;			/* of the answer */
	const char *text, *id;
	uint32_t retry_sec;
	enum { PLAIN, SHORT, OTHER_TYPE, UNTERMINATED, HUGE_ERROR, NO_FD, FRAME_ERROR, SILENT,
	       BAD_NONCE, CLOSE, SHORT_FILE } how;
};

static const struct step *script;
static unsigned n_steps;
static int counted;		/* a pipe: one byte for each conversation, then one per request */

static size_t reply_len(uint16_t type)
{
	switch (type) {
	case MSG_NET_INIT_DATA:
		return sizeof(struct net_init_data);
	case MSG_NET_AUTH:
		return sizeof(struct net_challenge);
	case MSG_NET_GET:
		return sizeof(struct net_jwe);
	default:
		return sizeof(struct net_result);
	}
}

static void answer(int fd, const struct step *s, uint16_t type)
{
	static union {
		struct net_result result;
		struct net_init_data init;
		struct net_challenge challenge;
		struct net_jwe jwe;
	} a;
	size_t len = reply_len(type);
	int file = -EBADF;

	memset(&a, 0, sizeof(a));
	a.result.error = s->how == HUGE_ERROR ? NET_FORGED : s->error;
	a.result.retry_sec = s->retry_sec;
	if (s->text)
		strcpy(a.result.text, s->text);
	if (s->id)
		strcpy(a.result.id, s->id);
	if (s->how == UNTERMINATED)
		memset(a.result.text, 'x', sizeof(a.result.text));
	if (type == MSG_NET_AUTH)
		strcpy(a.challenge.nonce, s->how == BAD_NONCE ? "\"},{" : NONCE);
	if (type == MSG_NET_INIT_DATA)
		strcpy(a.init.uri, s->id ? s->id : "kbs:///default/vm7/root");
	if (type == MSG_NET_INIT_DATA)
		a.result.id[0] = '\0';
	if (type == MSG_NET_GET && s->how != NO_FD) {
		file = memfd_create("ciphertext", MFD_CLOEXEC);
		a.jwe.ciphertext_len = s->how == SHORT_FILE ? 100 : 3;
		a.jwe.protected_len = 4;
		(void)!write(file, "abc", 3);
	}
	if (s->how == SHORT)
		len--;
	(void) frame_send(fd, s->how == OTHER_TYPE ? MSG_STATUS : type,
			  s->how == FRAME_ERROR ? -EPROTO : 0,
			  s->how == FRAME_ERROR ? NULL : &a, s->how == FRAME_ERROR ? 0 : len, file);
	(void) close_fd(file);
}

static void converse(int fd, unsigned *at)
{
	static uint8_t body[MSG_BODY_MAX];

	(void)!write(counted, "c", 1);
	for (;;) {
		const struct step *s = &script[*at];
		struct msg_header h;
		int passed = -EBADF;

		if (s->type == 0)
			return;
		if (frame_recv(fd, &h, body, sizeof(body), &passed) <= 0)
			return;
		if (*at + 1 < n_steps)
			(*at)++;
		(void) close_fd(passed);
		if (h.type != s->type) {
			(void)!write(counted, "!", 1);
			return;
		}
		(void)!write(counted, "r", 1);
		if (s->how == CLOSE)
			return;
		if (s->how == SILENT)
			pause();
		answer(fd, s, h.type);
	}
}

static pid_t net;
static int counting = -EBADF;

static void start_net(const struct step *steps, unsigned n)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	unsigned at = 0;
	int pipes[2], fd;

	script = steps;
	n_steps = n;
	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	strcpy(sa.sun_path, sock);
	(void) unlink(sock);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 16), 0);
	counting = pipes[0];
	counted = pipes[1];
	net = fork();
	assert_true(net >= 0);
	if (net == 0) {
		for (;;) {
			int conn = accept(fd, NULL, NULL);

			converse(conn, &at);
			close(conn);
		}
	}
	close(fd);
	close(pipes[1]);
}

static void stop_net(char ret[static 256])
{
	ssize_t n;

	kill(net, SIGKILL);
	waitpid(net, NULL, 0);
	n = read(counting, ret, 255);
	ret[MAX(n, 0)] = '\0';
	close(counting);
}

/* ---- the double of the TEE ---- */

static const char *tee_type = "snp";

static int gather(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	if (!tee_type)
		return cause_set(why, -ENODEV, "configfs-tsm: not there");
	if (streq(tee_type, "broken"))
		return cause_set(why, -EIO, "the firmware is busy");
	assert(q->nonce_len == 64);
	(void) bundle_add_text(ret, BUNDLE_TYPE, "%s", tee_type);
	return bundle_add(ret, BUNDLE_REPORT, q->nonce, q->nonce_len);
}

/* ---- a fetch ---- */

struct result {
	bool done, secret;
	struct fetch_failure why;
	struct loop *loop;
	struct fetch *f;
	unsigned noted[_NET_ERROR_MAX];
};

static void note(void *userdata, unsigned error, const char *text, const char *id)
{
	struct result *r = userdata;

	assert(error < _NET_ERROR_MAX);
	r->noted[error]++;
}

static void done(void *userdata, struct secret *s, const struct fetch_failure *why)
{
	struct result *r = userdata;

	assert(!r->done);
	r->done = true;
	r->secret = s != NULL;
	secret_free(s);
	if (why)
		r->why = *why;
	(void) loop_exit(r->loop, 0);
}

static struct broker_settings settings;

static void reset(void)
{
	settings = (struct broker_settings){
		.present = true,
		.trust = BROKER_TRUST_PUBLIC_KEY,
		.n_urls = 1,
		.urls = { "https://kbs.example.org" },
		.public_key = "sha256//AAAA",
		.timeout_usec = 700 * 1000,
	};
	tee_type = "snp";
}

static void fetch(const struct step *steps, unsigned n, const char *path, const char *url,
		  struct result *ret, char ret_counts[static 256])
{
	struct broker *b = NULL;
	struct cause why = { "" };
	struct broker_setup s = {
		.settings = &settings,
		.root = root,
		.folder = root,
		.net = sock,
		.worker = "/nowhere",
		.gather = gather,
		.note = note,
		.userdata = ret,
	};
	struct fetch_question q = { .path = path, .url = url, .done = done, .userdata = ret };

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(loop_new(&ret->loop), 0);
	s.loop = ret->loop;
	start_net(steps, n);
	assert_int_equal(broker_new(&s, &b, &why), 0);
	assert_int_equal(fetch_new(b, &q, &ret->f), 0);
	assert_int_equal(loop_run(ret->loop), 0);
	fetch_free(ret->f);
	broker_free(b);
	loop_free(ret->loop);
	stop_net(ret_counts);
}

#define N(steps) steps, ARRAY_SIZE(steps)
#define SETUP { .type = MSG_NET_SETUP }
#define AUTH { .type = MSG_NET_AUTH }
#define ATTEST { .type = MSG_NET_ATTEST }

static void refused(const struct result *r, unsigned error, const char *words)
{
	assert_true(r->done);
	assert_false(r->secret);
	if (r->why.error != error || !strstr(r->why.text, words))
		fail_msg("%s: '%s' is not %s: '%s'", net_error_name(r->why.error), r->why.text,
			 net_error_name(error), words);
	assert_true(r->noted[error] > 0);
}

/* Everything but the secret: nobody here can make one. */
static void test_whole_way(void **state)
{
	const struct step steps[] = { SETUP, AUTH, ATTEST, { .type = MSG_NET_GET } };
	struct result r;
	char counts[256];

	reset();
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_PROTOCOL, "cannot be opened");
	assert_string_equal(counts, "crrrr");
}

static void test_refusals_end_it(void **state)
{
	static const unsigned errors[] = { NET_CERTIFICATE, NET_VERSION, NET_EVIDENCE, NET_POLICY,
					   NET_ABSENT, NET_RELEASED, NET_REBOOTED, NET_PROTOCOL,
					   NET_REFUSED, NET_UNSUPPORTED };
	struct result r;
	char counts[256];

	reset();
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		const struct step steps[] = {
			SETUP,
			{ .type = MSG_NET_AUTH, .error = errors[i], .text = "be\x1bhold",
			  .id = "7f3a-21c0" },
		};

		fetch(N(steps), PATH, NULL, &r, counts);
		refused(&r, errors[i], net_error_text(errors[i]));
		assert_string_equal(counts, "crr");
		assert_non_null(strstr(r.why.text, "https://kbs.example.org"));
		assert_non_null(strstr(r.why.text, "coco-broker why 7f3a-21c0"));
		assert_null(strchr(r.why.text, '\x1b'));
		assert_string_equal(r.why.id, "7f3a-21c0");
	}
}

static void test_passing_errors_are_tried_again(void **state)
{
	static const unsigned errors[] = { NET_UNREACHABLE, NET_BUSY, NET_LOCAL };
	struct result r;
	char counts[256];

	reset();
	settings.timeout_usec = 1500 * 1000;
	for (size_t i = 0; i < 2; i++) {
		const struct step steps[] = {
			SETUP, { .type = MSG_NET_AUTH, .error = errors[i] },
			SETUP, { .type = MSG_NET_AUTH, .error = NET_POLICY },
		};

		fetch(N(steps), PATH, NULL, &r, counts);
		refused(&r, NET_POLICY, "policy");
		assert_string_equal(counts, "crrcrr");
		assert_int_equal(r.noted[errors[i]], 1);
	}
}

/* It gives up when the time is over, with the last reason. */
static void test_deadline(void **state)
{
	const struct step steps[] = { SETUP, { .type = MSG_NET_AUTH, .error = NET_UNREACHABLE },
				      { .type = 0 } };
	struct result r;
	char counts[256];

	reset();
	fetch(N(steps), PATH, NULL, &r, counts);
	assert_true(r.why.error == NET_UNREACHABLE || r.why.error == NET_LOCAL);
	/* A time that is longer than ours is not waited for. */
	const struct step late[] = { SETUP, { .type = MSG_NET_AUTH, .error = NET_BUSY,
					      .retry_sec = 3000 } };
	fetch(N(late), PATH, NULL, &r, counts);
	refused(&r, NET_BUSY, "busy");
	assert_string_equal(counts, "crr");
}

/* A broker that lets each round take as long as it may does not get more time than the fetch. */
static void test_silence(void **state)
{
	static const uint16_t types[] = { MSG_NET_SETUP, MSG_NET_AUTH, MSG_NET_ATTEST,
					  MSG_NET_GET };
	struct timespec before, after;
	struct result r;
	char counts[256];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct step steps[ARRAY_SIZE(types)];

		for (size_t k = 0; k <= i; k++)
			steps[k] = (struct step){ .type = types[k],
						  .how = k == i ? SILENT : PLAIN };
		reset();
		settings.timeout_usec = 1000 * 1000;
		clock_gettime(CLOCK_MONOTONIC, &before);
		fetch(steps, (unsigned)i + 1, PATH, NULL, &r, counts);
		clock_gettime(CLOCK_MONOTONIC, &after);
		refused(&r, NET_UNREACHABLE, "TimeoutSec= of broker.conf is over");
		assert_int_equal(strlen(counts), i + 2);
		assert_true(after.tv_sec - before.tv_sec < 8);
	}
}

/* When the time ends in the middle of an attempt, the reason is that of the attempt before. */
static void test_silence_after_a_reason(void **state)
{
	const struct step steps[] = {
		SETUP, { .type = MSG_NET_AUTH, .error = NET_BUSY, .text = "HTTP status 503",
			 .id = "A7" },
		SETUP, { .type = MSG_NET_AUTH, .how = SILENT },
	};
	struct result r;
	char counts[256];

	reset();
	settings.timeout_usec = 3000 * 1000;
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_BUSY, "HTTP status 503");
	assert_non_null(strstr(r.why.text, "TimeoutSec="));
	assert_string_equal(r.why.id, "A7");
	assert_string_equal(counts, "crrcrr");
}

static void test_session(void **state)
{
	const struct step steps[] = {
		SETUP, AUTH, ATTEST, { .type = MSG_NET_GET, .error = NET_SESSION },
		SETUP, AUTH, { .type = MSG_NET_ATTEST, .error = NET_SESSION },
		SETUP, AUTH, ATTEST, { .type = MSG_NET_GET, .error = NET_SESSION },
	};
	struct result r;
	char counts[256];

	reset();
	settings.timeout_usec = 60 * 1000000;
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_SESSION, "session");
	assert_string_equal(counts, "crrrrcrrrcrrrr");
}

static void test_lies(void **state)
{
	static const int how[] = { SHORT, OTHER_TYPE, UNTERMINATED, HUGE_ERROR, FRAME_ERROR,
				   CLOSE };
	struct result r;
	char counts[256];

	reset();
	for (size_t i = 0; i < ARRAY_SIZE(how); i++)
		for (unsigned at = 0; at < 4; at++) {
			struct step steps[] = { SETUP, AUTH, ATTEST, { .type = MSG_NET_GET },
						{ .type = 0 } };

			steps[at].how = how[i];
			fetch(N(steps), PATH, NULL, &r, counts);
			assert_true(r.done && !r.secret);
			/* On a busy machine its time may be over first. */
			assert_true(r.why.error == NET_LOCAL || r.why.error == NET_PROTOCOL ||
				    r.why.error == NET_UNREACHABLE);
		}
	const struct step no_fd[] = { SETUP, AUTH, ATTEST, { .type = MSG_NET_GET, .how = NO_FD } };
	fetch(N(no_fd), PATH, NULL, &r, counts);
	refused(&r, NET_PROTOCOL, "form");
	const struct step cut[] = { SETUP, AUTH, ATTEST,
				    { .type = MSG_NET_GET, .how = SHORT_FILE } };
	fetch(N(cut), PATH, NULL, &r, counts);
	refused(&r, NET_PROTOCOL, "form");
	const struct step nonce[] = { SETUP, { .type = MSG_NET_AUTH, .how = BAD_NONCE } };
	fetch(N(nonce), PATH, NULL, &r, counts);
	refused(&r, NET_PROTOCOL, "nonce");
}

static void test_no_evidence(void **state)
{
	const struct step steps[] = { SETUP, AUTH };
	struct result r;
	char counts[256];

	reset();
	tee_type = NULL;
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_NO_EVIDENCE, "no TPM");
	assert_string_equal(counts, "cr");
	tee_type = "broken";
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_NO_EVIDENCE, "busy");
	/* A local report that nobody else can verify. */
	tee_type = "tdreport";
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_NO_EVIDENCE, "tdreport");
	assert_string_equal(counts, "cr");
}

static void test_no_net(void **state)
{
	struct result r;
	const struct step steps[] = { { .type = 0 } };
	char counts[256];

	reset();
	fetch(N(steps), PATH, NULL, &r, counts);
	refused(&r, NET_LOCAL, "cocod-net");
}

static void test_url(void **state)
{
	const struct step steps[] = { SETUP, { .type = MSG_NET_AUTH, .error = NET_POLICY } };
	struct result r;
	char counts[256];

	reset();
	/* A LUKS header would choose the broker. */
	fetch(N(steps), PATH, "https://evil.example.org", &r, counts);
	refused(&r, NET_SETTINGS, "not one of the addresses");
	assert_string_equal(counts, "");
	fetch(N(steps), PATH, "https://KBS.example.org:443", &r, counts);
	refused(&r, NET_POLICY, "policy");
}

static void test_init_data(void **state)
{
	const struct step bad[] = { { .type = MSG_NET_INIT_DATA,
				      .id = "kbs:///default/vm8/root" } };
	const struct step good[] = { { .type = MSG_NET_INIT_DATA }, SETUP,
				     { .type = MSG_NET_AUTH, .error = NET_POLICY } };
	struct result r;
	char counts[256], path[120];
	int fd;

	reset();
	fetch(N(bad), "init-data", NULL, &r, counts);
	refused(&r, NET_SETTINGS, "InitData=");
	strcpy(settings.init_data, "/initdata");
	fetch(N(bad), "init-data", NULL, &r, counts);
	refused(&r, NET_SETTINGS, "cannot be opened");
	snprintf(path, sizeof(path), "%s/initdata", root);
	fd = creat(path, 0600);
	close(fd);
	/* Nothing is below a prefix that is not there. */
	fetch(N(good), "init-data", NULL, &r, counts);
	refused(&r, NET_SETTINGS, "not below UriPrefix=");
	strcpy(settings.uri_prefix, "default/vm7/");
	fetch(N(bad), "init-data", NULL, &r, counts);
	refused(&r, NET_SETTINGS, "not below UriPrefix=");
	fetch(N(good), "init-data", NULL, &r, counts);
	refused(&r, NET_POLICY, "policy");
	assert_string_equal(counts, "crrr");
	/* Another secret is asked for by its own name. */
	fetch(N(bad), PATH, NULL, &r, counts);
	assert_true(r.why.error != NET_SETTINGS);
	unlink(path);
}

static void test_settings(void **state)
{
	struct broker_setup s = { .settings = &settings };
	struct cause why = { "" };
	struct broker *b;

	reset();
	settings.present = false;
	assert_int_equal(broker_new(&s, &b, &why), -EINVAL);
	reset();
	settings.trust = BROKER_TRUST_NONE;
	assert_int_equal(broker_new(&s, &b, &why), -EINVAL);
	reset();
	settings.trust = BROKER_TRUST_IDENTITY;
	assert_int_equal(broker_new(&s, &b, &why), -EINVAL);
	settings.pem = (char *)"nothing";
	settings.pem_len = 7;
	assert_int_equal(broker_new(&s, &b, &why), -ENODATA);
}

static void test_boot(void **state)
{
	uint8_t a[32], b[32], zeros[32] = { 0 };
	struct cause why = { "" };
	char path[120];
	struct stat st;

	snprintf(path, sizeof(path), "%s/boot", root);
	unlink(path);
	assert_int_equal(boot_read(root, a, &why), 0);
	assert_memory_not_equal(a, zeros, 32);
	assert_int_equal(boot_read(root, b, &why), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(boot_read(root, b, &why), -EBADMSG);
	assert_int_equal(truncate(path, 33), 0);
	assert_int_equal(boot_read(root, b, &why), -EBADMSG);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(boot_read(root, b, &why) < 0);
	rmdir(path);
	assert_true(boot_read("/nowhere/at/all", b, &why) < 0);
}

static void test_spread(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t v = fetch_spread(1000000);

		least = MIN(least, v);
		most = MAX(most, v);
	}
	assert_true(least >= 500000 && least < 520000 && most <= 1500000 && most > 1480000);
}

static int set_up(void **state)
{
	strcpy(root, "/tmp/test-fetch.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(sock, sizeof(sock), "%s/net.sock", root);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int tear_down(void **state)
{
	char path[120];

	unlink(sock);
	snprintf(path, sizeof(path), "%s/boot", root);
	unlink(path);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_whole_way),
		cmocka_unit_test(test_refusals_end_it),
		cmocka_unit_test(test_passing_errors_are_tried_again),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_silence_after_a_reason),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_no_evidence),
		cmocka_unit_test(test_no_net),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_init_data),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
