/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/reload.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/keeper/client.h"
#include "agent/keeper/delivery.h"
#include "agent/keeper/placing.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/systemd.h"

#define POLL_USEC (50 * USEC_PER_MSEC)

/*
 * Whoever waits for a secret or is reading it would lose it.  A user other than root, who could
 * wait for ever, has to ask again.
 */
static bool is_serving(const struct reload *r)
{
	const struct keeper *k = r->keeper;

	for (const struct delivery *d = k->deliveries; d; d = d->next)
		if (d->fd >= 0)
			return true;
	for (const struct client *c = k->clients; c; c = c->next)
		if (c->kind == CLIENT_ROOT && (client_is_waiting(c) || c->fetched))
			return true;
	if (placing_is_busy(k, NULL))
		return true;
	return k->n_clients > 0 && now_usec() - r->since_usec < RELOAD_PATIENCE_USEC;
}

static void say(struct keeper *k, const char *text)
{
	snprintf(k->reload_error, sizeof(k->reload_error), "%s", text);
	if (text[0])
		log_error("%s", text);
	(void) systemd_notify("READY=1");
	keeper_notify_status(k);
}

static int on_poll(void *userdata)
{
	struct reload *r = userdata;
	char text[sizeof(r->keeper->reload_error)];
	int err;

	if (is_serving(r))
		return watch_again_after(r->timer, POLL_USEC);
	/* What is known only here would be forgotten. */
	err = store_sync(r->keeper->store);
	keeper_noted(r->keeper, err);
	if (err < 0) {
		snprintf(text, sizeof(text),
			 "The configuration is not read again, for the journal of states cannot be "
			 "written (%s): make room in /run",
			 strerror(-err));
		r->since_usec = 0;
		say(r->keeper, text);
		return 0;
	}
	log_notice("The configuration is read again: cocod begins anew with it");
	loop_exit(r->keeper->loop, RELOAD_CODE);
	return 0;
}

/* Returns 0 with the first error in @ret, "" if there is none. */
static int try_config(const struct reload *r, char ret[static MSG_WARNING_LEN])
{
	_cleanup_(config_freep) struct config *c = NULL;
	int err = config_load(r->config_root, &c);

	ret[0] = '\0';
	if (err >= 0 && c->errors.n > 0)
		snprintf(ret, MSG_WARNING_LEN,
			 "The configuration was read again and has %u error%s, so that the one "
			 "from before still holds: %s",
			 c->errors.n, c->errors.n == 1 ? "" : "s", c->errors.first);
	return err;
}

static int on_hup(void *userdata)
{
	struct reload *r = userdata;
	char text[MSG_WARNING_LEN];
	int err;

	(void) systemd_notify_reloading();
	err = try_config(r, text);
	if (err < 0)
		snprintf(text, sizeof(text), "The configuration cannot be read again, the one from "
			 "before holds: %s", strerror(-err));
	if (text[0]) {
		/* One that was good a moment ago is not waited for any more. */
		r->timer = watch_free(r->timer);
		r->since_usec = 0;
		say(r->keeper, text);
		return 0;
	}
	if (r->since_usec > 0)
		return 0;
	r->timer = watch_free(r->timer);
	r->since_usec = now_usec();
	err = watch_after(r->keeper->loop, 0, on_poll, r, &r->timer);
	if (err < 0) {
		r->since_usec = 0;
		say(r->keeper, "The configuration cannot be read again: out of memory");
	}
	return 0;
}

int reload_init(struct reload *r, struct keeper *k, const char *config_root)
{
	sigset_t hup;

	*r = (struct reload){ .keeper = k, .config_root = config_root };
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	(void) sigprocmask(SIG_BLOCK, &hup, NULL);
	return watch_signal(k->loop, SIGHUP, on_hup, r, &r->hup);
}

void reload_done(struct reload *r)
{
	r->hup = watch_free(r->hup);
	r->timer = watch_free(r->timer);
}

int reload_execute(char **argv, int n_fds)
{
	for (int i = 0; i < n_fds; i++)
		if (fcntl(SYSTEMD_FDS_START + i, F_SETFD, 0) < 0)
			return -errno;
	/* This very program, even if another one has its name by now. */
	(void) execv("/proc/self/exe", argv);
	return -errno;
}
