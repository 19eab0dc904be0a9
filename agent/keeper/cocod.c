/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/config-check.h"
#include "agent/keeper/event.h"
#include "agent/keeper/expected.h"
#include "agent/keeper/keeper.h"
#include "agent/keeper/listen.h"
#include "agent/keeper/placing.h"
#include "agent/keeper/reload.h"
#include "agent/status.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "base/systemd.h"
#include "base/text.h"
#include "ipc/client.h"

/* Our sockets, by the names that systemd gives to their descriptors. */
static const struct {
	const char *name;
	void (*accept)(void *userdata, int conn);
	bool (*make_room)(void *userdata);
	bool (*has_room)(void *userdata);
} sockets[] = {
	{ "api", on_client_connection, clients_make_room, NULL },
	{ "user", on_user_connection, NULL, NULL },
	{ "rest", on_rest_connection, NULL, NULL },
	{ "cryptsetup", on_cryptsetup_connection, NULL, cryptsetup_has_room },
	{ "credential", on_credential_connection, NULL, credentials_have_room },
};

/* A connection that the cocod before has left with systemd. */
struct stored {
	int fd;
	void (*take_back)(struct keeper *k, int conn);
};

/* What we listen on; each instance of cocod-cryptsetup@.socket is one socket. */
struct listening {
	struct listener **list;
	size_t n;
	struct stored *stored;
	size_t n_stored;
};

struct args {
	const char *config_root;
	bool check_config, debug, initramfs, list_volumes;
};

static const struct option_row options[] = {
	{ "check-config", NULL, "read the configuration, say what is wrong with it, and exit",
	  OPTION_FLAG(check_config) },
	{ "config-root", "DIR", "read the configuration below DIR", OPTION_PATH(config_root),
	  .empty = true },
	{ "debug", NULL, "log more", OPTION_FLAG(debug) },
	{ "initramfs", NULL, "serve an initramfs without systemd; cocod-start(8) gives this option",
	  OPTION_FLAG(initramfs) },
	{ "list-volumes", NULL, "print the volumes that the configuration gives secrets to",
	  OPTION_FLAG(list_volumes), .excludes = "check-config debug initramfs" },
	{ NULL },
};

static const struct program program = {
	.name = "cocod",
	.help = "Hands the launch secrets of a confidential VM to their consumers and wipes them.",
	.example = "--check-config",
	.manual = "cocod(8)",
	.options = options,
};

static const char *runtime_directory(void)
{
	return getenv("RUNTIME_DIRECTORY") ?: "/run/cocod";
}

static int keeper_open_store(struct keeper *k)
{
	char journal[PATH_MAX];
	int r;

	snprintf(journal, sizeof(journal), "%s/journal", runtime_directory());
	if (k->config->secret_directory[0])
		k->directory = (struct secret_source){ "directory", k->config->secret_directory };
	r = store_new(k->config->policies, k->config->n_policies,
		      k->config->secret_directory[0] ? &k->directory : NULL, journal, &k->store);
	if (r == -ENOMEM)
		return log_oom();
	if (r < 0)
		log_warning_errno(r,
				  "The journal '%s' cannot be read (%m) and is set aside as "
				  "'%s.bad'; what became of the secrets before is not known",
				  journal, journal);
	else if (r > 0)
		log_warning("The journal '%s' was damaged; all records that are whole are kept",
			    journal);
	return 0;
}

static void keeper_log_broker(const struct keeper *k)
{
	const struct broker_gate *g = &k->broker_gate;

	if (streq(g->state, "tls-only"))
		log_warning("Secrets of the broker may be fetched (tls-only): %s", g->reason);
	else if (g->open)
		log_notice("Secrets of the broker may be fetched: %s", g->reason);
}

static void keeper_open_gate(struct keeper *k, const char *config_root)
{
	struct tee_witnesses w;
	char reason[256];
	enum tee tee;

	tee_ask(&w);
	tee = tee_judge(&w, reason, sizeof(reason));
	carried_init(k->config, config_root, runtime_directory(), k->initramfs, &k->carried);
	gate_judge(k->config, &k->carried, tee, reason, &k->gate);
	gate_judge_broker(k->config, &k->broker_gate);
	keeper_log_carried(k);
	keeper_log_broker(k);
	if (k->gate.wants_evidence) {
		log_info("Evidence is needed to open the gate (Require=%s, %s): %s",
			 require_name(k->gate.require), k->gate.require_reason, k->gate.reason);
		return;
	}
	if (k->gate.open)
		log_notice("The gate is open (%s): %s", k->gate.state, k->gate.reason);
	else
		log_error("The gate is closed, no secret is released: %s", k->gate.reason);
}

static void on_event(void *userdata, const struct event *e)
{
	static const int steps[_EVENT_KIND_MAX] = {
		[EVENT_ASKED] = STAMP_ASKED + 1,
		[EVENT_VERDICT] = STAMP_VERDICT + 1,
		[EVENT_DELIVERED] = STAMP_DELIVERED + 1,
		[EVENT_CONFIRMED] = STAMP_CONFIRMED + 1,
		[EVENT_WIPED] = STAMP_WIPED + 1,
	};

	if (steps[e->kind])
		stamps_note(userdata, (enum stamp_what)(steps[e->kind] - 1), e->secret,
			    e->consumer);
}

/* Without stamps all goes on; only `cococtl boot-time` shows less. */
static void keeper_open_stamps(struct keeper *k)
{
	int r = stamps_new(runtime_directory(), &k->stamps);

	if (r == -ENOMEM)
		(void) log_oom();
	else if (r < 0)
		log_warning_errno(r,
				  "'%s/stamps' is damaged or cannot be read (%m); boot-time shows "
				  "only what happens from now on",
				  runtime_directory());
	event_listen(on_event, k->stamps);
}

static int gather(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	return attest_gather(attest_kernel_providers, q, ret, why);
}

/* Ask for a verdict at once, so that it is there when the first client asks. */
static int keeper_attest(struct keeper *k, const char *config_root)
{
	const struct attestation_setup setup = {
		.loop = k->loop,
		.config_root = config_root,
		.root = "",
		.worker = WORKER_EVIDENCE_SOCKET,
		.flags = k->config->bind_policy ||
					 (k->carried.kept && k->carried.kept->bind_policy) ?
				 ATTEST_BIND_POLICY :
				 0,
		.kept = k->carried.kept,
		.gather = gather,
		.done = keeper_take_verdict,
		.userdata = k,
	};
	int r;

	if (!k->gate.wants_evidence)
		return 0;
	r = attestation_new(&setup, &k->attestation);
	if (r < 0)
		return log_oom();
	k->gate.state = "verifying";
	stamps_note(k->stamps, STAMP_EVIDENCE, NULL, NULL);
	(void) attestation_request(k->attestation);
	return 0;
}

static void note_broker(void *userdata, unsigned error, const char *text, const char *id)
{
	keeper_note_broker(userdata, net_error_name(error), text, id);
}

/* A broker whose identity cannot be read is never asked. */
static int keeper_open_broker(struct keeper *k)
{
	const struct broker_setup setup = {
		.loop = k->loop,
		.settings = &k->config->broker,
		.root = "",
		.folder = runtime_directory(),
		.net = NET_SOCKET,
		.worker = WORKER_EVIDENCE_SOCKET,
		.gather = gather,
		.note = note_broker,
		.userdata = k,
	};
	struct cause why = { "" };
	int r;

	if (!k->broker_gate.open)
		return 0;
	r = broker_new(&setup, &k->broker, &why);
	if (r == -ENOMEM)
		return log_oom();
	if (r == 0)
		return 0;
	k->broker_gate.open = false;
	k->broker_gate.state = "closed";
	(void)!snprintf(k->broker_gate.reason, sizeof(k->broker_gate.reason), "broker.conf: %s",
			why.text);
	log_error("No broker is asked for secrets: %s", k->broker_gate.reason);
	return 0;
}

/* Listen on one descriptor from systemd.  @name comes from its socket unit. */
static int keeper_listen(struct keeper *k, int fd, const char *name, struct listening *listening,
			 struct listener **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		if (streq(sockets[i].name, name)) {
			const struct listener_setup setup = {
				.loop = k->loop,
				.fd = fd,
				.name = sockets[i].name,
				.accept = sockets[i].accept,
				.make_room = sockets[i].make_room,
				.has_room = sockets[i].has_room,
				.userdata = k,
			};

			return listener_new(&setup, ret);
		}
	if (streq(name, CRYPTSETUP_STORED) || streq(name, CREDENTIAL_STORED)) {
		listening->stored[listening->n_stored++] = (struct stored){
			.fd = fd,
			.take_back = streq(name, CRYPTSETUP_STORED) ? cryptsetup_take_back :
								      credential_take_back,
		};
		return 0;
	}
	log_warning("cocod does not know a socket named '%s', ignoring it", name);
	return 0;
}

static void keeper_share_room(struct keeper *k, unsigned n_passed)
{
	struct rlimit limit = { 0 };

	(void) getrlimit(RLIMIT_NOFILE, &limit);
	if (!room_share(limit.rlim_cur, n_passed, &k->room))
		log_warning("LimitNOFILE=%llu is low: where many ask at once, some of them are "
			    "not served", (unsigned long long)limit.rlim_cur);
}

static int keeper_listen_all(struct keeper *k, struct listening *ret)
{
	char **names = NULL;
	int n, r = 0;

	/* The environment stays, for reload_execute(); cocod starts no other programs. */
	n = systemd_fds(&names);
	if (n < 0)
		return log_error_errno(n, "Failed to take the sockets from systemd: %m");
	keeper_share_room(k, (unsigned)n);
	ret->list = calloc((size_t)n + 1, sizeof(*ret->list));
	ret->stored = calloc((size_t)n + 1, sizeof(*ret->stored));
	if (ret->list && ret->stored)
		ret->n = (size_t)n;
	else
		r = -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = keeper_listen(k, SYSTEMD_FDS_START + i, names[i], ret,
					  &ret->list[i]);
		free(names[i]);
	}
	free(names);
	return r < 0 ? log_error_errno(r, "Failed to listen: %m") : 0;
}

static int keeper_open_spare(struct keeper *k, const struct listening *l)
{
	int r = 0;

	if (!k->initramfs)
		r = expected_open(k, WORKER_LUKS_SOCKET, SYSTEMD_FDS_START, (unsigned)l->n);
	return r < 0 ? log_error_errno(r, "Failed to set up the judges of headers: %m") : 0;
}

static void listening_done(struct listening *l)
{
	for (size_t i = 0; i < l->n; i++)
		listener_free(l->list[i]);
	free(l->list);
	free(l->stored);
}

/* Returns 0, RELOAD_CODE to begin anew, or a negative errno. */
/*
 * After a reload the descriptors from systemd are taken again, by the same numbers.  So the
 * connection gets another number, and in its place is nothing.
 */
static void take_back(struct keeper *k, const struct stored *s)
{
	_cleanup_(closep) int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int conn = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	struct stat st;

	if (conn < 0 || none < 0 || fstat(conn, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		(void) close_fd(conn);
		return;
	}
	(void) dup3(none, s->fd, O_CLOEXEC);
	s->take_back(k, conn);
}

static int on_end(void *userdata)
{
	struct keeper *k = userdata;

	loop_exit(k->loop, 0);
	return 0;
}

static int keeper_run(struct keeper *k, const char *config_root)
{
	_cleanup_(listening_done) struct listening listening = { NULL };
	_cleanup_(reload_done) struct reload reload = { NULL };
	_cleanup_(watch_freep) struct watch *term = NULL, *interrupt = NULL;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	(void) sigprocmask(SIG_BLOCK, &mask, NULL);

	r = loop_new(&k->loop);
	if (r >= 0)
		r = watch_signal(k->loop, SIGTERM, on_end, k, &term);
	if (r >= 0)
		r = watch_signal(k->loop, SIGINT, on_end, k, &interrupt);
	/* Without systemd nobody asks for it, and the sandbox there does not permit it. */
	if (r >= 0 && !k->initramfs)
		r = reload_init(&reload, k, config_root);
	if (r >= 0)
		r = loop_tell_watchdog(k->loop);
	if (r < 0)
		return log_error_errno(r, "Failed to set up the event loop: %m");
	/* Without its timer they are written at once. */
	(void) stamps_attach(k->stamps, k->loop);
	r = keeper_listen_all(k, &listening);
	if (r >= 0)
		r = keeper_attest(k, config_root);
	if (r >= 0)
		r = keeper_open_broker(k);
	if (r >= 0)
		r = keeper_open_spare(k, &listening);
	if (r < 0)
		return r;

	(void) keeper_scan(k);
	cryptsetup_resume(k);
	for (size_t i = 0; i < listening.n_stored; i++)
		take_back(k, &listening.stored[i]);
	keeper_settle_all(k);
	(void) systemd_notify("READY=1");
	keeper_notify_status(k);
	r = loop_run(k->loop);
	if (r != RELOAD_CODE)
		(void) systemd_notify("STOPPING=1");
	cryptsetup_stop(k);
	clients_stop(k);
	placings_stop(k);
	keeper_log_repeats(k);
	keeper_noted(k, store_sync(k->store));
	k->retry = watch_free(k->retry);
	k->spare = spare_free(k->spare);
	open_volumes_done(&k->volumes);
	k->attestation = attestation_free(k->attestation);
	k->broker = broker_free(k->broker);
	return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}

static int run(const struct args *args)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(stamps_freep) struct stamps *stamps = NULL;
	_cleanup_(store_freep) struct store *store = NULL;
	struct keeper k = { 0 };
	const char *config_root = args->config_root ?: "";
	int r;

	if (args->check_config)
		return config_check(config_root);
	if (args->list_volumes)
		return config_list_volumes(config_root);

	/*
	 * Without systemd nobody says as which unit a peer runs.  In an initramfs all that is root
	 * was measured together; in a system it was not.
	 */
	k.initramfs = args->initramfs;
	if (k.initramfs && systemd_runs()) {
		log_error("--initramfs is not for a system that runs systemd; start cocod through "
			  "'systemctl start cocod.socket'");
		return -EPERM;
	}
	if (systemd_fds(NULL) == 0) {
		log_error("No sockets were passed to cocod; start it through "
			  "'systemctl start cocod.socket'");
		return -ENOTCONN;
	}
	r = secret_protect_process();
	if (r < 0)
		return log_error_errno(r, "Failed to keep this process out of core dumps: %m");
	(void) umask(0077);
	/* A limit on file sizes should give an error, not end the process. */
	(void) signal(SIGXFSZ, SIG_IGN);
	k.since_usec = clock_usec(CLOCK_REALTIME);

	r = config_load(config_root, &config);
	if (r < 0)
		return log_oom();
	k.config = config;
	if (config->secret_directory[0]) {
		log_warning("SecretDirectory=%s: secrets come from a directory for "
			    "tests, not from the firmware",
			    config->secret_directory);
	} else {
		r = source_mount_securityfs();
		if (r < 0)
			log_warning_errno(r, "securityfs is not mounted on /sys/kernel/security "
					     "and cannot be (%m); going on without launch secrets");
	}
	r = keeper_open_store(&k);
	if (r < 0)
		return r;
	store = k.store;
	keeper_open_stamps(&k);
	stamps = k.stamps;
	keeper_open_gate(&k, config_root);
	r = keeper_run(&k, config_root);
	k.loop = loop_free(k.loop);
	carried_done(&k.carried);
	event_listen(NULL, NULL);
	return r;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	int r;

	log_open("cocod");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args);
	else if (r == 0)
		return COCOD_GOOD;
	if (args.debug)
		log_set_max_level(LOG_DEBUG);
	if (r == 0)
		r = run(&args);
	if (r == RELOAD_CODE) {
		r = reload_execute(argv, systemd_fds(NULL));
		log_error_errno(r, "Failed to begin anew: %m");
	}
	return r < 0 ? COCOD_FAILED : COCOD_GOOD;
}
