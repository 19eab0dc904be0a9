/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/systemd.h"
#include "broker/coco-broker.h"
#include "broker/core/policy-memo.h"
#include "broker/serve/admin.h"
#include "broker/serve/asked.h"
#include "broker/serve/key-files.h"
#include "broker/serve/refresh.h"
#include "broker/serve/service.h"
#include "broker/serve/sockets.h"
#include "broker/serve/watch.h"
#include "broker/store/anchor.h"
#include "broker/store/checkpoint.h"
#include "crypto/locked-heap.h"

/*
 * All of the broker in one process.  What a thread of the server may use is made before the server
 * and freed after it.
 */

#define KEY_HEAP (2 * 1024 * 1024)	/* bytes; a connection has a key of 32 for its TLS */
#define DRAIN_USEC 20000000
#define VERIFIERS_MAX 64
#define STATE_FOLDER "/var/lib/coco-broker"
#define TICK_SEC 1		/* how old the anchor may become */

static const struct option_row options[] = {
	{ "check", NULL, "read settings and keys, say what is wrong with them, and exit",
	  OPTION_FLAG(serve.check) },
	{ "debug", NULL, "log more", OPTION_FLAG(serve.debug) },
	{ NULL },
};

/* What there is beside the service itself. */
struct running {
	struct broker_settings settings;
	struct keys *keys;
	char *identity_pem;
	struct store *store;
	struct service service;
	struct sockets sockets;
	struct http_server *http;
	struct admin_server *admin;
	char anchor_path[PATH_MAX];
	uint64_t anchored;		/* the batch to come that the anchor has; 0: none yet */
	bool anchor_fails;
	uint64_t noted_usec;		/* when the head was last written to the log; 0: never */
};

/* ---- the anchor ---- */

/*
 * Note how far the store is.  Not while it is known to have gone back: then the next start must
 * find that too.  A file system that is full must not end a broker; whoever reads the log knows.
 */
static void keep_anchor(struct running *b)
{
	struct cause why = { "" };
	int r;

	if (atomic_load(&b->service.restored))
		return;
	r = anchor_keep(b->anchor_path, b->store, b->service.instance, b->service.writer,
			&b->anchored, &why);
	if (r < 0 && !b->anchor_fails)
		log_warning("What the store had last is not noted, going on: %s", why.text);
	b->anchor_fails = r < 0;
}

/*
 * Write the head of the chain into the log, signed, where whoever holds the store may not reach it.
 * This thread answers nobody, so no request waits for a log that is slow.
 */
static void log_checkpoint(struct running *b)
{
	struct checkpoint c = { .note = true };
	_cleanup_(freep) char *text = NULL;
	struct writer_state state;
	struct timespec now;
	int r;

	b->noted_usec = now_usec();
	writer_look(b->service.writer, &state);
	/* What it wrote last is not known then; why is in the log. */
	if (state.broken < 0)
		return;
	(void) clock_gettime(CLOCK_REALTIME, &now);
	c.at = (uint64_t)now.tv_sec * 1000;
	c.batch = state.batch;
	memcpy(c.head, state.head, sizeof(c.head));
	(void) snprintf(c.instance, sizeof(c.instance), "%s", b->service.instance);
	r = checkpoint_sign(&c, keys_identity(b->keys), &text);
	if (r < 0)
		log_warning_errno(r, "The head of the audit log cannot be signed, going on: %m");
	else
		log_notice("Audit checkpoint: %s", text);
}

/* The path of the file @name of this instance in the state folder. */
static int state_path(const struct running *b, const char *name, char ret[static PATH_MAX],
		      struct cause *why)
{
	const char *folder = getenv("STATE_DIRECTORY") ?: STATE_FOLDER;

	if (snprintf(ret, PATH_MAX, "%s/%s-%s", folder, name, b->settings.instance) >= PATH_MAX)
		return cause_set(why, -ENAMETOOLONG, "the path of the state folder is too long");
	return 0;
}

/* Before this instance writes to the store: whether it is where it was. */
static int check_anchor(struct running *b, struct cause *why)
{
	struct cause what = { "" };
	enum anchor_state state;
	int r;

	r = state_path(b, "anchor", b->anchor_path, why);
	if (r < 0)
		return r;
	r = anchor_check(b->anchor_path, b->store, b->settings.instance, &state, &what, why);
	if (r < 0)
		return r;
	if (state != ANCHOR_GOOD && state != ANCHOR_NEW) {
		atomic_store(&b->service.restored, true);
		log_warning("The store may have gone back: %s.  What is released once for each VM "
			    "needs an approval until 'coco-broker accept-restore'",
			    what.text);
	}
	return 0;
}

/* Without it secrets are released as ever; only 'policy test' has nothing to say. */
static void open_asked(struct running *b)
{
	struct cause why = { "" };
	char path[PATH_MAX];

	if (state_path(b, "asked", path, &why) < 0 ||
	    asked_log_new(path, &b->service.asked, &why) < 0)
		log_warning("What is asked is not kept for 'policy test', going on: %s", why.text);
}

static void running_done(struct running *b)
{
	struct service *s = &b->service;

	b->http = http_server_stop(b->http, DRAIN_USEC);
	b->admin = admin_server_free(b->admin);
	sockets_done(&b->sockets);
	if (b->store && s->writer)
		keep_anchor(b);
	/* Nobody asks any more. */
	if (b->noted_usec > 0)
		log_checkpoint(b);
	s->writer = writer_free(s->writer);
	s->refresher = refresher_free(s->refresher);
	s->judge = judge_free(s->judge);
	s->watchers = watchers_free(s->watchers);
	s->asked = asked_log_free(s->asked);
	s->denials = denials_free(s->denials);
	s->policies = policy_memo_free(s->policies);
	s->metrics = metrics_free(s->metrics);
	EVP_PKEY_free(s->admin_key);
	b->store = store_close(b->store);
	b->keys = keys_free(b->keys);
	free(b->identity_pem);
	broker_settings_done(&b->settings);
}

/* ---- start ---- */

static int read_settings(struct running *b, const char *path, struct cause *why)
{
	int r;

	r = broker_settings_read(path, &b->settings, why);
	if (r >= 0)
		r = key_files_read(&b->settings, &b->keys, &b->identity_pem, why);
	if (r >= 0 && b->settings.token_key)
		r = token_key_read(b->settings.token_key, &b->service.admin_key, why);
	return r;
}

static int read_trust(const char *path, struct trust *ret, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	unsigned line;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, TRUST_FILE_MAX, &text, &len);
	if (r < 0)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	r = trust_parse(text, len, path, ret, &line);
	if (r < 0)
		return cause_set(why, r, "%s:%u: it has no hash and no certificate of a root key",
				 path, line);
	return 0;
}

static int make_judge(struct running *b, struct cause *why)
{
	const struct broker_settings *s = &b->settings;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	struct trust trust;
	int r;

	if (s->trust) {
		r = read_trust(s->trust, &trust, why);
		if (r < 0)
			return r;
	}
	return judge_new(s->trust ? &trust : NULL,
			 (const char *const[]){ s->collateral, s->cache },
			 n < 1 ? 1 : (unsigned)MIN(n, VERIFIERS_MAX), &b->service.judge, why);
}

static int make_refresher(struct running *b, struct cause *why)
{
	const struct broker_settings *s = &b->settings;
	const struct refresh_setup setup = {
		.judge = b->service.judge,
		.metrics = b->service.metrics,
		.from = {
			.folder = s->collateral,
			.cache = s->cache,
			.kds = s->kds,
			.pcs = s->pcs,
			.authority = s->fetch_authority,
			.timeout_usec = s->fetch_timeout_usec,
		},
		.period_usec = s->refresh_usec,
	};

	return refresher_new(&setup, &b->service.refresher, why);
}

static void count_time(void *userdata, uint64_t usec)
{
	metrics_time(userdata, TIME_STORE, usec);
}

static int make_service(struct running *b, struct cause *why)
{
	struct service *s = &b->service;
	int r;

	s->keys = b->keys;
	s->instance = b->settings.instance;
	r = broker_settings_store(&b->settings, &b->store, why);
	if (r < 0)
		return r;
	s->store = b->store;
	r = check_anchor(b, why);
	if (r >= 0)
		r = make_judge(b, why);
	if (r >= 0)
		r = writer_new(s->store, s->instance, &s->writer, why);
	if (r < 0)
		return r;
	if (metrics_new(&s->metrics) < 0 || denials_new(&s->denials) < 0 ||
	    watchers_new(&s->watchers) < 0 || policy_memo_new(&s->policies) < 0)
		return cause_set_oom(why);
	writer_listen(s->writer, count_time, s->metrics);
	open_asked(b);
	return make_refresher(b, why);
}

static int serve_http(struct running *b, struct cause *why)
{
	const struct broker_settings *s = &b->settings;
	const struct http_setup setup = {
		.fds = b->sockets.fds,
		.plain = b->sockets.plain,
		.n_fds = b->sockets.n,
		.n_threads = s->threads,
		.identity = keys_identity(b->keys),
		.identity_pem = b->identity_pem,
		.name = s->names[0],
		.more_names = (const char *const *)s->names + 1,
		.rate = s->rate,
		.burst = s->burst,
		.rate_all = s->rate_all,
		.burst_all = s->burst_all,
		.relays = (const char *const *)s->relays,
		.connections_max = s->connections,
		.handler = service_handle,
		.userdata = &b->service,
		.metrics = b->service.metrics,
	};

	return http_server_new(&setup, &b->http, why);
}

static int start(struct running *b, const char *path, struct cause *why)
{
	int r;

	r = read_settings(b, path, why);
	if (r >= 0)
		r = make_service(b, why);
	if (r >= 0)
		r = sockets_take(&b->settings, &b->sockets, why);
	/* Before the first who asks. */
	if (r >= 0)
		log_checkpoint(b);
	if (r >= 0 && b->sockets.admin >= 0)
		r = admin_server_new(&b->service, b->sockets.admin, b->settings.admin_users,
				     &b->admin, why);
	return r < 0 ? r : serve_http(b, why);
}

/* ---- run ---- */

/* What is not read again here needs a start anew; a reload that fails changes nothing. */
static void reload(struct running *b)
{
	struct cause why = { "" };

	(void) systemd_notify_reloading();
	if (judge_reload(b->service.judge, &why) < 0)
		log_error("The collateral is not read again, going on with the old: %s", why.text);
	else
		log_info("The collateral was read again");
	refresher_look(b->service.refresher);
	(void) systemd_notify("READY=1");
}

static void wait_for_end(struct running *b, const sigset_t *signals)
{
	const struct timespec tick = { .tv_sec = TICK_SEC };
	int signal;

	for (;;) {
		signal = sigtimedwait(signals, NULL, &tick);
		if (signal < 0)
			signal = -errno;
		keep_anchor(b);
		if (now_usec() - b->noted_usec >= b->settings.checkpoint_usec)
			log_checkpoint(b);
		if (signal == SIGHUP)
			reload(b);
		else if (signal != -EINTR && signal != -EAGAIN)
			return;
	}
}

static int serve(const struct args *args)
{
	_cleanup_(running_done) struct running b = { .sockets.admin = -EBADF };
	struct cause why = { "" };
	sigset_t signals;

	/* Threads have the mask of the one that made them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	(void) sigprocmask(SIG_BLOCK, &signals, NULL);
	if (start(&b, args->config ?: SETTINGS_PATH, &why) < 0) {
		log_error("The broker does not start: %s", why.text);
		return STATUS_FAILED;
	}
	(void) systemd_notify("READY=1");
	log_info("Serving as instance '%s' from store '%s'", b.settings.instance,
		 b.settings.store_address);
	wait_for_end(&b, &signals);
	(void) systemd_notify("STOPPING=1");
	return STATUS_GOOD;
}

static int check(const struct args *args)
{
	_cleanup_(running_done) struct running b = { .sockets.admin = -EBADF };
	struct cause why = { "" };

	if (read_settings(&b, args->config ?: SETTINGS_PATH, &why) < 0) {
		log_error("%s", why.text);
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

static int run(struct args *args)
{
	if (args->serve.debug)
		log_set_max_level(LOG_DEBUG);
	if (secret_protect_process() < 0) {
		log_error("Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	(void) umask(0077);
	/* A limit on file sizes should give an error, not end the process. */
	(void) signal(SIGXFSZ, SIG_IGN);
	if (locked_heap_init(KEY_HEAP) < 0) {
		log_error("%d bytes of memory for keys cannot be locked: raise LimitMEMLOCK=",
			  KEY_HEAP);
		return STATUS_FAILED;
	}
	return args->serve.check ? check(args) : serve(args);
}

const struct verb verb_serve = {
	.name = "serve",
	.help = "Serve guests and administrators",
	.example = "--check",
	.options = options,
	.run = run,
};
