/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/outcome.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/keeper/event.h"
#include "base/io.h"
#include "base/log.h"

#define POLL_OUTCOME_USEC (200 * USEC_PER_MSEC)

void outcome_note(struct delivery *d, enum delivery_outcome outcome)
{
	keeper_noted(d->keeper, store_deliver(d->keeper->store, d->entry, d->consumer, outcome));
}

/* The peer is gone.  Whether its secret stays is settled by delivery_free(). */
static int on_rejected_exit(void *userdata)
{
	delivery_free(userdata);
	return 0;
}

/*
 * The secret is no longer in use.  The peer may still be there and ask a person.  When the peer
 * is gone, look whether that person opened the volume, to say so.
 */
static void watch_rejected(struct delivery *d)
{
	d->timer = watch_free(d->timer);
	d->questions = watch_free(d->questions);
	d->exit = watch_free(d->exit);
	if (d->pidfd < 0 || watch_fd(d->keeper->loop, d->pidfd, POLLIN, on_rejected_exit, d,
				     &d->exit) < 0) {
		delivery_free(d);
		return;
	}
	d->pending = false;
	d->entry->n_pending--;
	keeper_settle(d->keeper, d->entry);
}

static void end_rejected(struct delivery *d, const char *how)
{
	event_log(&(struct event){ .kind = EVENT_REJECTED,
				   .priority = LOG_WARNING,
				   .secret = d->entry->policy.name,
				   .consumer = d->consumer,
				   .state = secret_state_name(d->entry->state),
				   .reason = how },
		  "Volume '%s' did not open with secret '%s' (%s): the secret is kept; compare "
		  "it with the volume's passphrase",
		  d->volume, d->entry->policy.name, how);
	outcome_note(d, DELIVERY_REJECTED);
	watch_rejected(d);
}

void outcome_suspect(struct delivery *d, const char *why)
{
	if (!d->unseen)
		snprintf(d->why_not, sizeof(d->why_not), "%s", why);
	d->unseen = true;
}

/* The peer is gone, so the volume is open or stays closed.  delivery_free() settles the secret. */
static void end_outcome(struct delivery *d)
{
	/* Without a watch on the questions only the mark of their directory can tell. */
	if (!d->questions && !volume_asked_nothing_since(ASK_PASSWORD_DIR, &d->asked))
		outcome_suspect(d, "somebody was asked for a passphrase meanwhile");
	/*
	 * First the watch, then its descriptor: a child that was just forked may have a copy of
	 * it, and with that the loop would go on to watch what nobody handles any more.
	 */
	d->exit = watch_free(d->exit);
	d->pidfd = close_fd(d->pidfd);
	if (keeper_volume_is_open(d->keeper, d->volume) <= 0 && d->peer.pid != 0) {
		end_rejected(d, d->keeper->initramfs ? "cryptsetup ended without it" :
						       "systemd-cryptsetup ended without it");
		return;
	}
	if (d->unseen) {
		log_warning("Whether secret '%s' opened volume '%s' or something "
			    "else did cannot be said: %s",
			    d->entry->policy.name, d->volume, d->why_not);
		outcome_note(d, DELIVERY_UNDECIDED);
	} else {
		if (!d->again || !repeat_is_quiet(&d->keeper->repeats))
			log_notice("Volume '%s' is open with secret '%s'", d->volume,
				   d->entry->policy.name);
		outcome_note(d, DELIVERY_OPENED);
		if (d->fetch)
			fetch_confirm(TAKE_PTR(d->fetch));
	}
	delivery_free(d);
}

static int on_peer_exit(void *userdata)
{
	end_outcome(userdata);
	return 0;
}

/* A passphrase that is typed now may open the volume, and would prove nothing about the secret. */
static void end_asks(struct delivery *d)
{
	end_rejected(d, "systemd-cryptsetup asks for a passphrase instead");
}

/*
 * Each delivery hears of each question, one after the other.  Its file is never written again, so
 * that it is read once for all of them.
 */
static pid_t asked_by(struct keeper *k, const char *name)
{
	if (streq(k->question, name))
		return k->asked_by;
	k->asked_by = volume_asked_by(ASK_PASSWORD_DIR, name);
	/* A name that does not fit is not remembered. */
	if (snprintf(k->question, sizeof(k->question), "%s", name) >= (int)sizeof(k->question))
		k->question[0] = '\0';
	return k->asked_by;
}

/*
 * A question was put into the directory.  If it is answered before we can read whose question it
 * was, it may have been our peer's.
 */
static int on_question(const struct inotify_event *event, void *userdata)
{
	struct delivery *d = userdata;
	pid_t pid;

	if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) {
		outcome_suspect(d, "the questions for passphrases could not be watched");
		return 0;
	}
	if (event->len == 0 || !startswith(event->name, "ask."))
		return 0;
	pid = asked_by(d->keeper, event->name);
	if (pid < 0)
		outcome_suspect(d,
				"a question for a passphrase was answered before it could be read");
	else if (pid == d->pid)
		end_asks(d);
	return 0;
}

static int on_poll_outcome(void *userdata)
{
	struct delivery *d = userdata;
	bool same = volume_asked_nothing_since(ASK_PASSWORD_DIR, &d->looked);

	volume_asked_mark(ASK_PASSWORD_DIR, &d->looked);
	if (!same && volume_asks_passphrase(ASK_PASSWORD_DIR, d->pid))
		end_asks(d);
	else
		(void) delivery_poll_again(d, POLL_OUTCOME_USEC);
	return 0;
}

void outcome_watch_questions(struct delivery *d)
{
	/* Questions from before the peer's end are read before that end is handled. */
	if (watch_folder(d->keeper->loop, ASK_PASSWORD_DIR, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR,
			 on_question, d, &d->questions) < 0)
		d->questions = NULL;
}

/*
 * From here on the secret may open the volume, whatever happens to cocod.  A step that cannot be
 * written to the journal holds in memory: a key that had to wait for room in /run would keep the
 * machine from booting.
 */
int outcome_offer(struct delivery *d)
{
	struct volume_request req = { .other_means = true };
	int r;

	(void) delivery_request(d, &req);
	outcome_watch_questions(d);
	volume_asked_mark(ASK_PASSWORD_DIR, &d->asked);
	d->peer = (struct delivery_peer){
		.pid = (uint32_t)d->pid,
		.asked_inode = d->asked.inode,
		.asked_nsec = d->asked.nsec,
		.other_means = req.other_means,
	};
	if (volume_peer_start(d->pid, &d->peer.start) < 0) {
		d->peer.pid = 0;
		outcome_suspect(d, "its systemd-cryptsetup ended before it could be looked at");
	}
	if (req.other_means)
		outcome_suspect(d, "its options have other ways to open it");
	r = store_offer(d->keeper->store, d->entry, d->consumer, &d->peer);
	if (r == -ENOMEM)
		return r;
	d->offered = true;
	keeper_noted(d->keeper, r);
	return 0;
}

void outcome_await(struct delivery *d)
{
	int r;

	if (d->pid == 0 || d->pidfd < 0) {
		end_outcome(d);		/* the peer was gone before we could get a pidfd for it */
		return;
	}
	r = delivery_start_polling(d, 0, on_poll_outcome);
	if (r >= 0)
		r = watch_fd(d->keeper->loop, d->pidfd, POLLIN, on_peer_exit, d, &d->exit);
	if (r < 0) {
		log_warning_errno(r,
				  "Failed to watch for volume '%s', its secret stays until it is "
				  "wiped by hand: %m",
				  d->volume);
		outcome_note(d, DELIVERY_UNDECIDED);
		delivery_free(d);
	}
}

void outcome_await_exit(struct delivery *d)
{
	d->timer = watch_free(d->timer);
	d->exit = watch_free(d->exit);
	if (watch_fd(d->keeper->loop, d->pidfd, POLLIN, on_peer_exit, d, &d->exit) >= 0)
		return;
	outcome_note(d, DELIVERY_UNDECIDED);
	delivery_free(d);
}

/* ---- after a restart ---- */

/*
 * Find the peer of a delivery that was under way when the keeper died.  A process with the same
 * pid and start time is the peer; otherwise the peer has ended.
 */
static void find_peer(struct delivery *d, const struct store_delivery *was)
{
	uint64_t start;

	d->peer = was->peer;
	d->asked = (struct volume_asked){ was->peer.asked_inode, was->peer.asked_nsec };
	if (was->peer.pid == 0) {
		outcome_suspect(d, "cocod was restarted, and its "
				   "systemd-cryptsetup is not known any more");
		return;
	}
	d->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)was->peer.pid, 0);
	if (d->pidfd < 0)
		return;
	if (volume_peer_start((pid_t)was->peer.pid, &start) < 0 || start != was->peer.start)
		d->pidfd = close_fd(d->pidfd);
	else
		d->pid = (pid_t)was->peer.pid;
}

static int resume_one(struct keeper *k, struct store_entry *e, const struct store_delivery *was)
{
	const char *volume = startswith(was->consumer, CONSUMER_CRYPTSETUP ":");
	struct delivery *d;
	int r;

	if (!volume || strlen(volume) > VOLUME_NAME_MAX)
		return 0;
	r = delivery_new(k, &consumer_cryptsetup, -EBADF, &d);
	if (r < 0)
		return r;
	strcpy(d->volume, volume);
	snprintf(d->consumer, sizeof(d->consumer), CONSUMER_CRYPTSETUP ":%s", d->volume);
	delivery_take_entry(d, e);
	find_peer(d, was);
	if (was->outcome == DELIVERY_REJECTED) {
		watch_rejected(d);
		return 0;
	}
	outcome_watch_questions(d);
	if (!volume_asked_nothing_since(ASK_PASSWORD_DIR, &d->asked))
		outcome_suspect(d, "cocod was restarted meanwhile, and somebody may have "
				   "been asked for a passphrase");
	if (d->peer.other_means)
		outcome_suspect(d, "its options have other ways to open it");
	outcome_await(d);
	return 0;
}

void cryptsetup_resume(struct keeper *k)
{
	struct store_entry *e;

	for (size_t i = 0; (e = store_get(k->store, i)); i++)
		for (size_t n = 0; e->state != SECRET_WIPED && n < e->n_deliveries; n++) {
			const struct store_delivery was = e->deliveries[n];

			if (startswith(was.consumer, CONSUMER_CREDENTIAL ":")) {
				if (was.outcome != DELIVERY_OFFERED)
					continue;
				credential_resume(k, e, was.consumer);
				/* The last one may be in its place now. */
				if (was.before == DELIVERY_NONE)
					n--;
				continue;
			}
			if (was.outcome != DELIVERY_OFFERED && was.outcome != DELIVERY_READ &&
			    was.outcome != DELIVERY_REJECTED)
				continue;
			if (resume_one(k, e, &was) < 0)
				log_warning("Out of memory: secret '%s' stays "
					    "until it is wiped by hand",
					    e->policy.name);
		}
}
