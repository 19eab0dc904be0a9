/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/http.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "broker/core/message.h"
#include "broker/serve/http-loop.h"

#define THREADS 32

struct http_server {
	struct http_core core;
};

size_t http_body_max(const char *method, const char *path)
{
	static const char *const large[] = {
		"/kbs/v0/attest", "/kbs/v0/resource-policy", "/kbs/v0/attestation-policy",
		"/kbs/v0/reference-value", NULL,
	};

	if (streq(method, "POST") &&
	    (name_is_listed(path, large) || startswith(path, "/kbs/v0/resource/")))
		return MESSAGE_ATTESTATION_MAX;
	if (streq(method, "POST") && streq(path, "/kbs/v0/auth"))
		return MESSAGE_REQUEST_MAX;
	return HTTP_BODY_MAX;
}

static void run_exchange(void *userdata, struct exchange *x)
{
	struct http_core *core = userdata;

	exchange_handle(x, core->setup.handler, core->setup.userdata);
	http_loop_answer(x->loop, x);
}

static unsigned n_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > HTTP_LOOPS_MAX ? HTTP_LOOPS_MAX : (unsigned)n;
}

/* Descriptors for what is no connection: threads, loops, the store, files. */
#define OTHER_FDS 512

/*
 * Raise the limit of descriptors so far as connections need it.  If that is not possible, less
 * connections are an error for who has asked for them.
 */
static int take_descriptors(struct http_setup *own, bool asked, struct cause *why)
{
	struct rlimit now, wanted;
	rlim_t need = (rlim_t)own->connections_max + OTHER_FDS;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return cause_set_io(why, errno, "Failed to read RLIMIT_NOFILE");
	if (now.rlim_cur >= need)
		return 0;
	wanted = (struct rlimit){ .rlim_cur = need, .rlim_max = MAX(now.rlim_max, need) };
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return 0;
	wanted = (struct rlimit){ .rlim_cur = now.rlim_max, .rlim_max = now.rlim_max };
	if (asked || now.rlim_max <= OTHER_FDS || setrlimit(RLIMIT_NOFILE, &wanted) < 0)
		return cause_set(why, -EINVAL,
				 "%u connections need LimitNOFILE=%llu, but it is %llu",
				 own->connections_max, (unsigned long long)need,
				 (unsigned long long)now.rlim_max);
	own->connections_max = (unsigned)(now.rlim_max - OTHER_FDS);
	log_warning("LimitNOFILE=%llu allows %u connections only",
		    (unsigned long long)now.rlim_max, own->connections_max);
	return 0;
}

static int take_setup(struct http_server *s, const struct http_setup *setup, struct cause *why)
{
	struct http_setup *own = &s->core.setup;

	*own = *setup;
	own->n_loops = own->n_loops ?: n_processors();
	own->n_threads = own->n_threads ?: THREADS;
	own->connections_max = own->connections_max ?: HTTP_CONNECTIONS_MAX;
	if (own->n_loops > HTTP_LOOPS_MAX || own->n_fds == 0)
		return cause_set(why, -EINVAL, "There is nothing to listen at, or too many loops");
	return take_descriptors(own, setup->connections_max > 0, why);
}

static int start_tls(struct http_server *s, struct cause *why)
{
	const struct http_setup *setup = &s->core.setup;
	const struct tls_setup t = {
		.identity = setup->identity,
		.identity_pem = setup->identity_pem,
		.name = setup->name,
		.more_names = setup->more_names,
		.metrics = setup->metrics,
	};
	bool plain = true;

	for (unsigned i = 0; i < setup->n_fds; i++)
		plain = plain && setup->plain[i];
	return plain ? 0 : tls_new(&t, tls_now(), &s->core.tls, why);
}

/* One address may have a quarter of all connections: behind one address may be many guests. */
static int start_limits(struct http_server *s, struct cause *why)
{
	const struct http_setup *setup = &s->core.setup;
	const struct limits_setup l = {
		.rate = setup->rate,
		.burst = setup->burst,
		.rate_all = setup->rate_all,
		.burst_all = setup->burst_all,
		.relays = setup->relays,
		.connections = MAX(setup->connections_max / 4, 1),
	};

	return limits_new(&l, &s->core.limits, why);
}

static int start(struct http_server *s, struct cause *why)
{
	const struct workers_setup w = {
		.n_threads = s->core.setup.n_threads,
		.queue_max = HTTP_QUEUE_MAX,
		.run = run_exchange,
		.userdata = &s->core,
		.metrics = s->core.setup.metrics,
	};
	int r = workers_new(&w, &s->core.workers);

	while (r >= 0 && s->core.n_loops < s->core.setup.n_loops) {
		r = http_loop_new(&s->core, &s->core.loops[s->core.n_loops]);
		s->core.n_loops += r >= 0;
	}
	for (unsigned i = 0; r >= 0 && i < s->core.n_loops; i++)
		r = http_loop_start(s->core.loops[i]);
	return r < 0 ? cause_set_io(why, r, "Failed to start the threads of the server") : 0;
}

static void wake_all(struct http_server *s)
{
	for (unsigned i = 0; i < s->core.n_loops; i++)
		http_loop_wake(s->core.loops[i]);
}

/*
 * First the loops, while the workers answer what is still there; then the workers, who may still
 * hand over an answer to a loop that has ended.
 */
struct http_server *http_server_stop(struct http_server *s, uint64_t timeout_usec)
{
	uint64_t deadline = now_usec() + timeout_usec;

	if (!s)
		return NULL;
	atomic_store(&s->core.stopping, true);
	wake_all(s);
	for (unsigned i = 0; i < s->core.n_loops; i++)
		(void) http_loop_join(s->core.loops[i], deadline);
	atomic_store(&s->core.aborting, true);
	wake_all(s);
	for (unsigned i = 0; i < s->core.n_loops; i++)
		while (!http_loop_join(s->core.loops[i], now_usec() + 1000000))
			;
	s->core.workers = workers_free(s->core.workers);
	for (unsigned i = 0; i < s->core.n_loops; i++)
		s->core.loops[i] = http_loop_free(s->core.loops[i]);
	s->core.tls = tls_free(s->core.tls);
	s->core.limits = limits_free(s->core.limits);
	free(s);
	return NULL;
}

/* What it says of sockets is of no use to anybody but us; what goes wrong we see ourselves. */
static void on_libevent_log(int severity, const char *text)
{
	log_debug("libevent: %s", text);
}

int http_server_new(const struct http_setup *setup, struct http_server **ret, struct cause *why)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return cause_set_oom(why);
	r = take_setup(s, setup, why);
	event_set_log_callback(on_libevent_log);
	/* A client that has gone is an error of write(2), not the end of the process. */
	(void) signal(SIGPIPE, SIG_IGN);
	if (r >= 0)
		r = start_limits(s, why);
	if (r >= 0)
		r = start_tls(s, why);
	if (r >= 0)
		r = start(s, why);
	if (r < 0) {
		http_server_stop(s, 0);
		return r;
	}
	*ret = s;
	return 0;
}
