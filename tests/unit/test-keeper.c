/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether secrets are released, when each is wiped, and what is logged and shown, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper/keeper.h"
#include "agent/keeper/outlook.h"
#include "base/io.h"
#include "base/log.h"

#include <cmocka.h>

#define LUKS "736869e5-84f0-4973-92ec-06879ce3da0b"
#define HOME "11111111-2222-3333-4444-555555555555"

static char dir[64], journal[80];
static struct secret_policy policies[1];
static struct keeper k;

/* What stands in the place of the attestation, of /sys, and of standard error. */
static int request_answer;
static unsigned n_requests, n_logged;
static const char *open_volume;
static char last_line[1024];

int __wrap_attestation_request(struct attestation *a);
int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name);
int __wrap_log_full(int level, int error, const char *format, ...) _printf_(3, 4);

int __wrap_attestation_request(struct attestation *a)
{
	n_requests++;
	return request_answer;
}

int __wrap_open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn,
			    const char *name)
{
	assert_ptr_equal(v, &k.volumes);
	assert_string_equal(sys, "/sys");
	return open_volume && streq(open_volume, name);
}

int __wrap_log_full(int level, int error, const char *format, ...)
{
	va_list ap;

	if (level <= LOG_INFO) {
		n_logged++;
		errno = abs(error);
		va_start(ap, format);
		(void) vsnprintf(last_line, sizeof(last_line), format, ap);
		va_end(ap);
	}
	return -abs(error);
}

static void put(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(write_file_atomic(path, "secret", 6, 0600, false), 0);
}

static bool exists(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* A store of a folder with two secrets: for any volume, and for the volume "home" alone. */
static int setup(void **state)
{
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	strcpy(dir, "/tmp/test-keeper.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal, sizeof(journal), "%s.journal", dir);
	k = (struct keeper){ .directory = { .name = "directory", .path = dir } };
	policies[0] = (struct secret_policy){ .name = "home" };
	if (guid_parse(HOME, 36, &policies[0].guid) < 0 ||
	    secret_policy_set_consumers(&policies[0], "cryptsetup:home") < 0)
		return -1;
	policies[0].wipe = WIPE_CONFIRMED;
	request_answer = 0;
	open_volume = NULL;
	put(LUKS);
	put(HOME);
	if (store_new(policies, 1, &k.directory, journal, &k.store) < 0 || keeper_scan(&k) != 2)
		return -1;
	n_requests = n_logged = 0;
	last_line[0] = '\0';
	return loop_new(&k.loop) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char command[200];

	k.store = store_free(k.store);
	k.retry = watch_free(k.retry);
	k.loop = loop_free(k.loop);
	snprintf(command, sizeof(command), "rm -rf %s %s*", dir, journal);
	return system(command);
}

static struct store_entry *entry(const char *name)
{
	struct store_entry *e = store_find(k.store, name);

	assert_non_null(e);
	return e;
}

static void deliver(struct store_entry *e, const char *consumer, enum delivery_outcome outcome)
{
	const struct delivery_peer peer = { .pid = 1 };

	assert_int_equal(store_offer(k.store, e, consumer, &peer), 0);
	assert_int_equal(store_deliver(k.store, e, consumer, outcome), 0);
}

/* ---- the gate ---- */

static void test_gate(void **state)
{
	/* Nothing but its address is looked at. */
	struct attestation *somebody = (struct attestation *)&k;

	/* A keeper that was told nothing is closed. */
	assert_int_equal(keeper_gate(&k), -EPERM);
	k.gate.open = true;
	assert_int_equal(keeper_gate(&k), 1);
	assert_int_equal(n_requests, 0);
	k.gate.open = false;
	k.attestation = somebody;
	request_answer = 1;
	assert_int_equal(keeper_gate(&k), 0);
	request_answer = 0;
	assert_int_equal(keeper_gate(&k), -EPERM);
	request_answer = -ENOMEM;
	assert_int_equal(keeper_gate(&k), -EPERM);
	assert_int_equal(n_requests, 3);
	/* Nobody is asked for what is known. */
	k.gate.open = true;
	assert_int_equal(keeper_gate(&k), 1);
	assert_int_equal(n_requests, 3);
}

static void test_verdicts(void **state)
{
	struct attest_verdict v = { .result = ATTEST_ACCEPTED,
				    .provider = "double",
				    .reason = "a\x1b[0m" };

	k.gate.wants_evidence = true;
	k.gate.state = "closed";
	keeper_take_verdict(&k, &v, NULL, false);
	assert_true(k.gate.open);
	assert_true(k.gate.verdict_usec > 1700000000ull * USEC_PER_SEC);
	assert_int_equal(n_logged, 1);
	assert_non_null(strstr(last_line, "The gate is open"));
	/* What others wrote goes to people as text. */
	assert_null(strchr(k.gate.reason, '\x1b'));
	for (unsigned result = ATTEST_NONE; result < _ATTEST_RESULT_MAX; result++) {
		v.result = result;
		keeper_take_verdict(&k, &v, NULL, false);
		assert_int_equal(k.gate.open, result == ATTEST_ACCEPTED);
		assert_int_equal(keeper_gate(&k), result == ATTEST_ACCEPTED ? 1 : -EPERM);
	}
	/* A gate that does not want a verdict stays as it is. */
	k.gate.wants_evidence = k.gate.open = false;
	v.result = ATTEST_ACCEPTED;
	keeper_take_verdict(&k, &v, NULL, false);
	assert_false(k.gate.open);
}

/* Every client that asks causes an attempt.  The same failure is logged once. */
static void test_said_once(void **state)
{
	struct attest_verdict v = {
		.result = ATTEST_REFUSED, .provider = "double", .code = "DEBUG", .reason = "because"
	};

	k.gate.wants_evidence = true;
	k.gate.state = "closed";
	for (int i = 0; i < 3; i++)
		keeper_take_verdict(&k, NULL, "no worker", false);
	assert_int_equal(n_logged, 1);
	assert_non_null(strstr(last_line, "closed, no secret is released"));
	keeper_take_verdict(&k, NULL, "another reason", false);
	assert_int_equal(n_logged, 2);
	keeper_take_verdict(&k, NULL, "no worker", false);
	assert_int_equal(n_logged, 3);
	/* Each verdict is. */
	for (int i = 0; i < 3; i++)
		keeper_take_verdict(&k, &v, NULL, false);
	assert_int_equal(n_logged, 6);
	keeper_take_verdict(&k, NULL, "no worker", false);
	assert_int_equal(n_logged, 7);
}

/* ---- when a secret is wiped ---- */

static void assert_settled(const char *name, enum secret_state want, bool gone)
{
	struct store_entry *e = entry(name);
	char guid[GUID_TEXT_LEN + 1];

	guid_format(&e->policy.guid, guid);
	keeper_settle(&k, e);
	assert_int_equal(e->state, want);
	assert_int_equal(exists(guid), !gone);
}

static void test_wiped_when_confirmed(void **state)
{
	struct store_entry *e = entry("luks");

	assert_settled("luks", SECRET_PRESENT, false);
	deliver(e, "cryptsetup:data", DELIVERY_READ);
	assert_settled("luks", SECRET_DELIVERED, false);
	deliver(e, "cryptsetup:data", DELIVERY_REJECTED);
	assert_settled("luks", SECRET_DELIVERED, false);
	/* Who uses it still has it. */
	e->n_pending = 1;
	deliver(e, "cryptsetup:data", DELIVERY_OPENED);
	assert_settled("luks", SECRET_CONFIRMED, false);
	e->n_pending = 0;
	assert_settled("luks", SECRET_WIPED, true);
	/* Nothing of it comes back, and the other one stays. */
	assert_settled("luks", SECRET_WIPED, true);
	assert_settled("home", SECRET_PRESENT, false);
}

/* Who else opened a volume, or which other volume was, does not confirm. */
static void test_not_confirmed(void **state)
{
	struct store_entry *e = entry("home");

	open_volume = "home";
	assert_settled("home", SECRET_PRESENT, false);
	deliver(e, "cryptsetup:home", DELIVERY_UNDECIDED);
	keeper_settle(&k, e);
	assert_int_not_equal(e->state, SECRET_CONFIRMED);
}

static void test_wipe_policies(void **state)
{
	static const struct {
		enum secret_wipe wipe;
		enum secret_state present, delivered, confirmed;
	} rows[] = {
		{ WIPE_CONFIRMED, SECRET_PRESENT, SECRET_DELIVERED, SECRET_WIPED },
		{ WIPE_DELIVERED, SECRET_PRESENT, SECRET_WIPED, SECRET_WIPED },
		{ WIPE_BOOT_COMPLETE, SECRET_PRESENT, SECRET_DELIVERED, SECRET_CONFIRMED },
		{ WIPE_MANUAL, SECRET_PRESENT, SECRET_DELIVERED, SECRET_CONFIRMED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned outcome = 0; outcome < 3; outcome++) {
			struct store_entry *e = entry("luks");

			e->policy.wipe = rows[i].wipe;
			if (outcome > 0)
				deliver(e, "cryptsetup:data",
					outcome == 1 ? DELIVERY_READ : DELIVERY_OPENED);
			keeper_settle(&k, e);
			assert_int_equal(e->state, outcome == 0 ? rows[i].present :
						   outcome == 1 ? rows[i].delivered :
								  rows[i].confirmed);
			/* Whatever the policy says, one that is due goes. */
			e->wipe_due = true;
			keeper_settle(&k, e);
			assert_int_equal(e->state, SECRET_WIPED);
			assert_false(exists(LUKS));
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
		}
}

/*
 * A key of two volumes, of which one was opened and the other not: time alone may use it up, and
 * then it is wiped without anybody's asking.
 */
static void test_used_up(void **state)
{
	struct store_entry *e = entry("home");
	uint64_t at = 0;
	struct timespec ts;

	assert_int_equal(
		secret_policy_set_consumers(&e->policy, "cryptsetup:home cryptsetup:data"), 0);
	deliver(e, "cryptsetup:home", DELIVERY_OPENED);
	deliver(e, "cryptsetup:data", DELIVERY_REJECTED);
	e->policy.wipe = WIPE_MANUAL;
	keeper_settle(&k, e);
	assert_null(k.retry);
	e->policy.wipe = WIPE_CONFIRMED;
	keeper_settle(&k, e);
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_non_null(k.retry);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	at = watch_time(k.retry);
	assert_true(at < UINT64_MAX);
	at -= (uint64_t)ts.tv_sec * USEC_PER_SEC;
	assert_true(at > OUTLOOK_RETRY_USEC - 10 * USEC_PER_SEC &&
		    at <= OUTLOOK_RETRY_USEC + USEC_PER_SEC);
	/* The time has passed. */
	for (size_t i = 0; i < e->n_deliveries; i++)
		e->deliveries[i].outcome_usec = 1;
	assert_int_equal(watch_again_at(k.retry, 0), 0);
	assert_true(loop_turn(k.loop, 0) > 0);
	assert_int_equal(e->state, SECRET_WIPED);
	assert_false(exists(HOME));
}

/* A unit that starts may take its secret again; when that is over, nobody has to ask. */
static void test_lease(void **state)
{
	struct store_entry *e = entry("home");
	uint64_t at = 0;
	struct timespec ts;

	e->policy.wipe = WIPE_DELIVERED;
	deliver(e, "credential:app.service", DELIVERY_TAKEN);
	keeper_settle(&k, e);
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_non_null(k.retry);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	at = watch_time(k.retry);
	at -= (uint64_t)ts.tv_sec * USEC_PER_SEC;
	assert_true(at > OUTLOOK_LEASE_USEC - 10 * USEC_PER_SEC &&
		    at <= OUTLOOK_LEASE_USEC + USEC_PER_SEC);
	e->deliveries[0].outcome_usec = 1;
	assert_int_equal(watch_again_at(k.retry, 0), 0);
	assert_true(loop_turn(k.loop, 0) > 0);
	assert_int_equal(e->state, SECRET_WIPED);
	assert_false(exists(HOME));

	/* Who gets it by hand is not a unit, and a unit that was only offered it has no lease. */
	e = entry("luks");
	e->policy.wipe = WIPE_DELIVERED;
	assert_int_equal(store_offer(k.store, e, "credential:app.service",
				     &(struct delivery_peer){ .pid = 1 }), 0);
	assert_settled("luks", SECRET_PRESENT, false);
	assert_int_equal(store_withdraw(k.store, e, "credential:app.service"), 0);
	deliver(e, "get", DELIVERY_TAKEN);
	assert_settled("luks", SECRET_WIPED, true);
}

static void test_wipe(void **state)
{
	struct store_entry *e = entry("luks");
	char command[300];

	assert_int_equal(keeper_wipe(&k, e), 0);
	assert_false(exists(LUKS));
	assert_non_null(strstr(last_line, "'luks' is wiped: its file is "
					  "unlinked (a directory for tests"));
	n_logged = 0;
	assert_int_equal(keeper_wipe(&k, e), 0);
	assert_int_equal(n_logged, 0);
	/* Somebody else wrote it again.  A request wipes it again. */
	put(LUKS);
	assert_int_equal(keeper_scan(&k), 0);
	assert_true(e->returned);
	assert_int_equal(e->state, SECRET_WIPED);
	assert_int_equal(keeper_wipe(&k, e), 0);
	assert_false(exists(LUKS));
	/* What cannot be unlinked is not wiped, and says so. */
	snprintf(command, sizeof(command), "rm %s/" HOME " && mkdir %s/" HOME, dir, dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(keeper_wipe(&k, entry("home")), -EISDIR);
	assert_int_equal(entry("home")->state, SECRET_PRESENT);
	assert_non_null(strstr(last_line, "Failed to wipe secret 'home', it is still in the "
					  "kernel's memory"));
}

/* ---- what a person is told ---- */

static unsigned count_warnings(const char *words)
{
	char text[MSG_WARNING_LEN];
	unsigned n = 0, found = 0;

	while (keeper_warning(&k, n, text)) {
		n++;
		found += !words || strstr(text, words);
	}
	return words ? found : n;
}

static void test_warnings(void **state)
{
	char text[MSG_WARNING_LEN];
	struct store_entry *e = entry("luks");

	/* Nothing new is nothing to log. */
	assert_int_equal(keeper_scan(&k), 0);
	assert_int_equal(n_logged, 0);
	assert_int_equal(count_warnings(NULL), 0);
	strcpy(text, "left over");
	keeper_secret_warning(&k, e, text);
	assert_string_equal(text, "");
	k.journal_failed = true;
	assert_int_equal(count_warnings(NULL), 1);
	assert_int_equal(count_warnings("The journal of states cannot be written"), 1);
	/* Due and still there. */
	e->wipe_due = true;
	assert_int_equal(count_warnings("Secret 'luks' should be wiped and could not be"), 1);
	e->n_pending = 1;
	assert_int_equal(count_warnings(NULL), 1);
	e->n_pending = 0;
	assert_int_equal(keeper_wipe(&k, e), 0);
	strcpy(text, "left over");
	keeper_secret_warning(&k, e, text);
	assert_string_equal(text, "");
	/* The journal was written just now, too. */
	assert_int_equal(count_warnings(NULL), 0);
	put(LUKS);
	assert_int_equal(keeper_scan(&k), 0);
	assert_int_equal(count_warnings("Secret 'luks' was wiped, and its source shows it again"),
			 1);
	assert_int_equal(count_warnings(NULL), 1);
}

/* That the journal cannot be written is logged when it begins and when it ends. */
static void test_noted(void **state)
{
	keeper_noted(&k, 0);
	assert_int_equal(n_logged, 0);
	keeper_noted(&k, -ENOSPC);
	keeper_noted(&k, -ENOSPC);
	assert_int_equal(n_logged, 1);
	assert_true(k.journal_failed);
	keeper_noted(&k, 0);
	keeper_noted(&k, 0);
	assert_int_equal(n_logged, 2);
	assert_false(k.journal_failed);
	assert_non_null(strstr(last_line, "written again"));
}

/* ---- whose secrets count ---- */

/* What the host wrote counts in a TD whose quote was accepted, not before, and not after. */
static void test_host_table(void **state)
{
	struct attest_verdict v = {
		.result = ATTEST_ACCEPTED, .type = "tdx", .provider = "double", .rtmr0 = true
	};
	struct secret *s = NULL;

	k.directory.host_table = true;
	k.gate = (struct gate){ .state = "closed", .tee = TEE_TDX, .wants_evidence = true };
	assert_int_equal(teardown(state), 0);
	k.retry = NULL;
	k.loop = NULL;
	strcpy(dir, "/tmp/test-keeper.XXXXXX");
	assert_non_null(mkdtemp(dir));
	put(LUKS);
	assert_int_equal(store_new(NULL, 0, &k.directory, journal, &k.store), 0);
	n_logged = 0;
	assert_int_equal(keeper_scan(&k), -ENOENT);
	assert_non_null(keeper_ignored_why(&k));
	assert_int_equal(count_warnings("no TDX quote is accepted"), 1);
	/* It is said once. */
	assert_int_equal(n_logged, 1);
	(void) keeper_scan(&k);
	assert_int_equal(n_logged, 1);
	keeper_take_verdict(&k, &v, NULL, false);
	assert_int_equal(keeper_scan(&k), 1);
	assert_null(keeper_ignored_why(&k));
	assert_int_equal(count_warnings(NULL), 0);
	assert_int_equal(store_read(k.store, entry("luks"), &s), 0);
	s = secret_free(s);
	v.result = ATTEST_REFUSED;
	keeper_take_verdict(&k, &v, NULL, false);
	(void) keeper_scan(&k);
	assert_non_null(keeper_ignored_why(&k));
	assert_int_equal(store_read(k.store, entry("luks"), &s), -EACCES);
}

/* ---- the broker ---- */

/* Each gate opens its own secrets, and nobody asks for a verdict to reach a broker. */
static void test_broker_gate(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		k.gate = (struct gate){ .open = i & 1, .reason = "the launch" };
		k.broker_gate = (struct broker_gate){ .open = i & 2, .reason = "the broker" };
		k.attestation = (struct attestation *)&k;
		request_answer = 1;
		n_requests = 0;
		assert_int_equal(keeper_gate_for(&k, ORIGIN_BROKER), i & 2 ? 1 : -EPERM);
		assert_int_equal(n_requests, 0);
		assert_int_equal(keeper_gate_for(&k, ORIGIN_LAUNCH), i & 1);
		assert_int_equal(n_requests, !(i & 1));
	}
	assert_string_equal(keeper_gate_reason(&k, ORIGIN_LAUNCH), "the launch");
	assert_string_equal(keeper_gate_reason(&k, ORIGIN_BROKER), "the broker");
	k.attestation = NULL;
}

/* A secret that the broker has is counted apart until somebody gets it, and wiped like others. */
static void test_remote(void **state)
{
	struct secret_policy p = { .name = "root", .path = "a/b/c", .no_launch = true,
				   .consumers = "cryptsetup:root", .wipe = WIPE_CONFIRMED };
	unsigned n[_SECRET_STATE_MAX], n_remote;

	assert_int_equal(guid_parse("947b7564-ba1f-83b3-9b2d-e77f5666d784", 36, &p.guid), 0);
	k.store = store_free(k.store);
	assert_int_equal(store_new(&p, 1, &k.directory, journal, &k.store), 0);
	k.gate.state = k.broker_gate.state = "closed";
	k.gate.require_reason = "";
	keeper_count(&k, n, &n_remote);
	assert_int_equal(n_remote, 1);
	assert_int_equal(n[SECRET_PRESENT], 2);
	deliver(entry("root"), "cryptsetup:root", DELIVERY_OPENED);
	keeper_count(&k, n, &n_remote);
	assert_int_equal(n_remote, 0);
	assert_int_equal(n[SECRET_DELIVERED], 1);
	open_volume = "root";
	keeper_settle(&k, entry("root"));
	assert_int_equal(entry("root")->state, SECRET_WIPED);
	assert_non_null(strstr(last_line, "the broker is not asked for it again in this boot"));
}

static void test_note_broker(void **state)
{
	k.gate.state = k.broker_gate.state = "closed";
	k.gate.require_reason = "";
	keeper_note_broker(&k, "a-word-that-is-longer-than-its-field", "a\nb", "\x1b[1m");
	assert_int_equal(strlen(k.broker_last.result), sizeof(k.broker_last.result) - 1);
	assert_null(strchr(k.broker_last.text, '\n'));
	assert_null(strchr(k.broker_last.id, '\x1b'));
	assert_true(k.broker_last.result_usec > 0);
	keeper_note_broker(&k, "ok", "", "");
	assert_string_equal(k.broker_last.result, "ok");
	assert_string_equal(k.broker_last.text, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_broker_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_note_broker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_said_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wiped_when_confirmed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_confirmed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wipe_policies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
