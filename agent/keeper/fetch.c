/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/fetch.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper/boot.h"
#include "agent/keeper/evidence-child.h"
#include "agent/keeper/measure.h"
#include "agent/keeper/net-talk.h"
#include "agent/keeper/release.h"
#include "agent/keeper/worker-call.h"
#include "attest/gather/imds.h"
#include "attest/gather/tpm.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/client.h"
#include "wire/broker-url.h"
#include "wire/kbs-uri.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define CONNECT_USEC (2 * USEC_PER_SEC)
#define REQUEST_USEC (10 * USEC_PER_SEC)
#define LOCAL_USEC (10 * USEC_PER_SEC)		/* for what does not reach the network */
#define ROUND_USEC (25 * USEC_PER_SEC)		/* one request, with all addresses */
#define WORKER_USEC (90 * USEC_PER_SEC)
#define APPROVAL_USEC (5 * USEC_PER_SEC)
#define RETRY_AFTER_MAX_SEC 3600
#define SESSIONS_MAX 3
#define NONCES_MAX 2
#define SMBIOS_INIT_DATA "/sys/firmware/dmi/entries/11-0/raw"

struct broker {
	struct broker_setup setup;
	struct broker_identity identity;	/* n is 0 for tls-only */
	struct evidence_child *child;
	char tee[16];				/* "" until it is known */
	struct fetch *fetches;
	struct fetch *active;			/* whose handshake is under way */
	sd_event_source *turn;
};

enum phase {
	PHASE_WAITING,		/* for a turn, or for the end of a pause */
	PHASE_HANDSHAKE,
	PHASE_OPENED,		/* the caller has the secret */
	PHASE_CONFIRMING,	/* the fetch is the broker's */
	PHASE_FAILED,
};

struct fetch {
	struct fetch *next, **prev;
	struct broker *broker;
	struct fetch_question q;
	char path[BROKER_PATH_LEN];	/* what was asked for */
	char url[BROKER_URL_LEN];
	enum phase phase;
	uint64_t due_usec, deadline_usec;	/* CLOCK_MONOTONIC */
	uint64_t pause_usec;
	unsigned n_sessions, n_nonces;
	struct net_talk *talk;
	struct worker_call *call;
	struct net_setup net;		/* the addresses of this attempt, in order */
	struct net_auth asked;
	struct handshake *handshake;
	struct net_attest attest;
	bool gathering;			/* the child's answer is for this fetch */
	bool learning;			/* the evidence is asked for its kind only */
	int pack;			/* memfd for the worker's evidence */
	sd_event_source *session;	/* ends it when the session is over */
};

static uint64_t now(const struct broker *b)
{
	uint64_t usec = 0;

	(void) sd_event_now(b->setup.event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static uint64_t now_on(clockid_t clock)
{
	struct timespec ts;

	(void) clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t fetch_spread(uint64_t usec)
{
	uint32_t word = 0;

	/* Without random bytes all machines wait equally long, and nothing worse. */
	if (getrandom(&word, sizeof(word), GRND_NONBLOCK) != sizeof(word))
		return usec;
	return usec / 2 + (uint64_t)((double)usec * word / UINT32_MAX);
}

static const struct broker_identity *identity_of(const struct broker *b)
{
	return b->identity.n > 0 ? &b->identity : NULL;
}

/* ---- the turns ---- */

static void start(struct fetch *f);

static int on_turn(sd_event_source *s, uint64_t usec, void *userdata);

/* Start the fetch that has waited longest, or set the timer for the next one. */
static void run(struct broker *b)
{
	struct fetch *first = NULL;
	int r;

	b->turn = sd_event_source_disable_unref(b->turn);
	if (b->active)
		return;
	for (struct fetch *f = b->fetches; f; f = f->next)
		if (f->phase == PHASE_WAITING && (!first || f->due_usec < first->due_usec))
			first = f;
	if (!first)
		return;
	r = sd_event_add_time(b->setup.event, &b->turn, CLOCK_MONOTONIC, first->due_usec, 1,
			      on_turn, b);
	if (r < 0)
		log_error_errno(r, "Failed to set a timer, no broker is asked: %m");
}

static int on_turn(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct broker *b = userdata;
	struct fetch *first = NULL;

	for (struct fetch *f = b->fetches; f; f = f->next)
		if (f->phase == PHASE_WAITING && f->due_usec <= now(b) &&
		    (!first || f->due_usec < first->due_usec))
			first = f;
	if (first && !b->active)
		start(first);
	else
		run(b);
	return 0;
}

/* What a handshake held is gone, key pair first. */
static void drop_handshake(struct fetch *f)
{
	f->gathering = false;
	f->handshake = handshake_free(f->handshake);
	f->talk = net_talk_free(f->talk);
	f->call = worker_call_free(f->call);
	f->pack = close_fd(f->pack);
	f->session = sd_event_source_disable_unref(f->session);
	if (f->broker->active == f)
		f->broker->active = NULL;
}

/* ---- the end of an attempt ---- */

static const char *address(const struct fetch *f, unsigned i)
{
	return i < f->net.n_urls ? f->net.urls[i] : "";
}

static void end(struct fetch *f, const struct fetch_failure *why)
{
	struct broker *b = f->broker;

	drop_handshake(f);
	f->phase = PHASE_FAILED;
	f->q.done(f->q.userdata, NULL, why);
	run(b);
}

/* How to go on after a failure. */
enum after {
	GIVE_UP,
	PAUSE,		/* a pause that grows */
	AT_ONCE,	/* a new handshake */
	WAIT_FOR_OWNER,	/* a pause that does not */
};

static enum after after_error(struct fetch *f, unsigned error, bool stale)
{
	switch (error) {
	case NET_UNREACHABLE:
	case NET_BUSY:
	case NET_LOCAL:
		return PAUSE;
	case NET_APPROVAL:
		return WAIT_FOR_OWNER;
	case NET_SESSION:
		return ++f->n_sessions < SESSIONS_MAX ? AT_ONCE : GIVE_UP;
	case NET_FORGED:
		return stale && ++f->n_nonces < NONCES_MAX ? AT_ONCE : GIVE_UP;
	default:
		return GIVE_UP;
	}
}

static uint64_t pause_of(struct fetch *f, enum after after, uint32_t retry_sec)
{
	uint64_t usec = 0;

	if (after == WAIT_FOR_OWNER)
		usec = fetch_spread(APPROVAL_USEC);
	if (after == PAUSE) {
		usec = fetch_spread(f->pause_usec);
		f->pause_usec = MIN(2 * f->pause_usec, FETCH_BACKOFF_MAX_USEC);
	}
	/* All who are told the same time would come at the same time. */
	if (retry_sec > 0)
		usec = MAX(usec, MIN(retry_sec, (uint32_t)RETRY_AFTER_MAX_SEC) * USEC_PER_SEC +
					 fetch_spread(USEC_PER_SEC) / 2);
	return usec;
}

static void fail_as(struct fetch *f, unsigned error, bool stale, uint32_t retry_sec,
		    const char *id, const char *format, ...) _printf_(6, 7);
static void fail_as(struct fetch *f, unsigned error, bool stale, uint32_t retry_sec,
		    const char *id, const char *format, ...)
{
	struct fetch_failure why = { .error = error };
	struct broker *b = f->broker;
	enum after after = after_error(f, error, stale);
	uint64_t due = now(b) + pause_of(f, after, retry_sec);
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why.text, sizeof(why.text), format, ap);
	va_end(ap);
	make_printable(why.text);
	snprintf(why.id, sizeof(why.id), "%s", id);
	b->setup.note(b->setup.userdata, error, why.text, why.id);
	if (after == GIVE_UP || due >= f->deadline_usec) {
		end(f, &why);
		return;
	}
	log_debug("Secret '%s' is asked for again in %llu ms: %s", f->path,
		  (unsigned long long)(due - now(b)) / 1000, why.text);
	drop_handshake(f);
	f->phase = PHASE_WAITING;
	f->due_usec = due;
	run(b);
}

/* Something failed on this machine. */
static void fail_here(struct fetch *f, unsigned error, const char *format, ...) _printf_(3, 4);
static void fail_here(struct fetch *f, unsigned error, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fail_as(f, error, false, 0, "", "%s", text);
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/*
 * Returns true when the result is good.  Otherwise the attempt is over, and @f may be gone.  Only
 * the form of what cocod-net says is checked; its words are for people.
 */
static bool succeeded(struct fetch *f, const struct net_result *result, const char *why)
{
	struct net_result r;
	char text[sizeof(r.text) + 2];

	if (!result) {
		if (now(f->broker) >= f->deadline_usec)
			fail_here(f, NET_UNREACHABLE,
				  "TimeoutSec= of broker.conf is over, and the broker has not "
				  "answered");
		else
			fail_here(f, NET_LOCAL, "%s", why);
		return false;
	}
	r = *result;
	if (!ends(r.id, sizeof(r.id)) || !ends(r.text, sizeof(r.text)) ||
	    r.error >= NET_SETTINGS) {
		fail_here(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return false;
	}
	if (r.error == NET_OK)
		return true;
	make_printable(r.id);
	make_printable(r.text);
	snprintf(text, sizeof(text), "%s%s", r.text[0] ? ": " : "", r.text);
	fail_as(f, r.error, false, r.retry_sec, r.id, "%s (%s)%s%s%s",
		net_error_text(r.error), address(f, r.url)[0] ? address(f, r.url) : "no address",
		text, r.id[0] ? "; ask its owner: coco-broker why " : "", r.id);
	return false;
}

/* ---- asking cocod-net ---- */

/* A round may take its time, but all of them together no longer than the fetch. */
static void ask(struct fetch *f, struct net_talk_question q)
{
	uint64_t usec = now(f->broker);
	int r;

	q.timeout_usec = MIN(q.timeout_usec, f->deadline_usec - MIN(usec, f->deadline_usec));
	q.userdata = f;
	r = net_talk_ask(f->talk, &q);
	if (r < 0)
		fail_here(f, NET_LOCAL, "cocod-net cannot be asked: %s", strerror(-r));
}

/* ---- the secret ---- */

static int on_session_over(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct fetch *f = userdata;

	if (f->phase == PHASE_CONFIRMING)
		fetch_free(f);
	else
		drop_handshake(f);
	return 0;
}

/* From now on the session is there for a confirmation only. */
static void end_opened(struct fetch *f, struct secret *s)
{
	struct broker *b = f->broker;

	f->handshake = handshake_free(f->handshake);
	f->phase = PHASE_OPENED;
	b->active = NULL;
	b->setup.note(b->setup.userdata, NET_OK, "", "");
	if (sd_event_add_time_relative(b->setup.event, &f->session, CLOCK_MONOTONIC,
				       HANDSHAKE_USEC, 0, on_session_over, f) < 0)
		f->talk = net_talk_free(f->talk);
	f->q.done(f->q.userdata, s, NULL);
	run(b);
}

/* The bytes are copied before they are looked at: cocod-net may still write to its file. */
static int read_ciphertext(int fd, size_t len, uint8_t **ret)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct stat st;

	if (len > JWE_CIPHERTEXT_MAX)
		return -EMSGSIZE;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADMSG;
	if (len > 0 && pread(fd, bytes, len, 0) != (ssize_t)len)
		return -EBADMSG;
	*ret = TAKE_PTR(bytes);
	return 0;
}

static void on_jwe(void *userdata, const void *reply, int fd, const char *why)
{
	_cleanup_(freep) uint8_t *ciphertext = NULL;
	struct fetch *f = userdata;
	struct secret *s = NULL;
	struct net_jwe jwe;
	struct cause cause = { "" };
	uint64_t version;
	int r;

	if (!succeeded(f, reply, why))
		return;
	memcpy(&jwe, reply, sizeof(jwe));
	r = read_ciphertext(fd, jwe.ciphertext_len, &ciphertext);
	if (r < 0) {
		fail_here(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return;
	}
	r = handshake_open(f->handshake, identity_of(f->broker), f->asked.paths[0], &jwe,
			   ciphertext, now_on(CLOCK_BOOTTIME), &s, &version, &cause);
	if (r == -EKEYEXPIRED) {
		fail_as(f, NET_SESSION, false, 0, "", "%s", cause.text);
	} else if (r == -EKEYREJECTED) {
		fail_as(f, NET_FORGED, false, 0, "",
			"what came from %s is refused: %s", address(f, jwe.result.url),
			cause.text);
	} else if (r < 0) {
		fail_as(f, r == -ENOMEM ? NET_LOCAL : NET_PROTOCOL, false, 0, "",
			"what came from %s cannot be opened: %s",
			address(f, jwe.result.url), cause.text);
	} else {
		log_info("Secret '%s' is released by the broker%s, version %llu", f->path,
			 identity_of(f->broker) ? " of Identity=" : "",
			 (unsigned long long)version);
		end_opened(f, s);
	}
}

static void on_attested(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_get get = { "" };

	if (!succeeded(f, reply, why))
		return;
	strcpy(get.path, f->asked.paths[0]);
	ask(f, (struct net_talk_question){
		.type = MSG_NET_GET, .body = &get, .len = sizeof(get), .fd = -EBADF,
		.reply_len = sizeof(struct net_jwe), .timeout_usec = ROUND_USEC, .done = on_jwe });
}

/* ---- evidence ---- */

static void show(struct fetch *f, int pack)
{
	if (fcntl(pack, F_ADD_SEALS,
		  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
		fail_here(f, NET_LOCAL, "the evidence cannot be sealed: %m");
		return;
	}
	ask(f, (struct net_talk_question){
		.type = MSG_NET_ATTEST, .body = &f->attest, .len = sizeof(f->attest), .fd = pack,
		.reply_len = sizeof(struct net_result), .timeout_usec = ROUND_USEC,
		.done = on_attested });
}

static void ask_challenge(struct fetch *f);

static bool tee_is_known(const char *tee)
{
	static const char *const names[] = { "snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(tee, names[i]))
			return true;
	return false;
}

/* The evidence is there, of the kind @tee: from the child, or by the worker in f->pack. */
static void take_evidence(struct fetch *f, const char *tee, int pack)
{
	struct broker *b = f->broker;

	if (!tee_is_known(tee)) {
		fail_here(f, NET_NO_EVIDENCE,
			  "no broker can verify this machine's evidence, of kind '%.32s'", tee);
		return;
	}
	if (f->learning) {
		strcpy(b->tee, tee);
		ask_challenge(f);
		return;
	}
	if (!streq(tee, b->tee)) {
		fail_here(f, NET_NO_EVIDENCE, "the TEE was '%s', and now it is '%.16s'", b->tee,
			  tee);
		b->tee[0] = '\0';
		return;
	}
	show(f, pack);
}

static void on_gathered(void *userdata, const void *reply, const char *why)
{
	struct fetch *f = userdata;
	struct attest_gathered g;
	char text[256];

	if (!reply) {
		/* @why belongs to the call. */
		snprintf(text, sizeof(text), "%s", why);
		fail_here(f, NET_NO_EVIDENCE, "no evidence can be had: %s", text);
		return;
	}
	memcpy(&g, reply, sizeof(g));
	f->call = worker_call_free(f->call);
	if (!ends(g.tee, sizeof(g.tee)) || !ends(g.reason, sizeof(g.reason))) {
		fail_here(f, NET_NO_EVIDENCE,
			  "cocod-worker's answer does not have the form of one");
		return;
	}
	make_printable(g.reason);
	if (g.error) {
		fail_here(f, NET_NO_EVIDENCE, "no evidence can be had: %s", g.reason);
		return;
	}
	take_evidence(f, g.tee, f->pack);
}

/* An Azure VM's TPM, or no evidence at all.  See attestation.c. */
static int ask_worker(struct fetch *f, int tpm)
{
	struct broker *b = f->broker;
	_cleanup_(closep) int imds = imds_open(b->setup.root, b->setup.imds);
	const struct attest_imds m = { .error = MIN(imds, 0) };
	struct attest_gather g = { .len = f->learning ? 0 : f->attest.digest_len };
	struct worker_frame frames[] = {
		{ MSG_ATTEST_TPM, NULL, 0, tpm },
		{ MSG_ATTEST_IMDS, &m, sizeof(m), imds },
		{ MSG_ATTEST_GATHER, &g, sizeof(g), -EBADF },
	};
	const struct worker_question question = {
		.event = b->setup.event,
		.path = b->setup.worker,
		.advice = WORKER_EVIDENCE_ADVICE,
		.frames = frames,
		.n_frames = ARRAY_SIZE(frames),
		.reply_len = sizeof(struct attest_gathered),
		.timeout_usec = WORKER_USEC,
		.done = on_gathered,
		.userdata = f,
	};

	memcpy(g.report_data, f->attest.digest, g.len);
	f->pack = memfd_create("evidence", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (f->pack < 0)
		return -errno;
	frames[2].fd = f->pack;
	return worker_call_new(&question, &f->call);
}

static void on_evidence(void *userdata, int error, const char *type, const char *why)
{
	struct broker *b = userdata;
	struct fetch *f = b->active;
	_cleanup_(closep) int pack = evidence_child_take_pack(b->child);
	_cleanup_(closep) int tpm = -EBADF;
	int r;

	/* The fetch that asked is gone. */
	if (!f || !f->gathering)
		return;
	f->gathering = false;
	if (error == 0) {
		take_evidence(f, type, pack);
		return;
	}
	if (error != -ENODEV) {
		fail_here(f, NET_NO_EVIDENCE, "no evidence can be had: %s", why);
		return;
	}
	tpm = tpm_open(b->setup.root, b->setup.tpm);
	if (tpm < 0) {
		fail_here(f, NET_NO_EVIDENCE, "no evidence can be had: %s; tpm: %s", why,
			  tpm == -ENOENT ? "no TPM" : strerror(-tpm));
		return;
	}
	r = ask_worker(f, tpm);
	if (r < 0)
		fail_here(f, NET_NO_EVIDENCE, "cocod-worker cannot be asked: %s", strerror(-r));
}

static void ask_evidence(struct fetch *f, const uint8_t report_data[static REPORT_DATA_LEN],
			 bool learning)
{
	int r;

	f->learning = learning;
	r = evidence_child_ask(f->broker->child, report_data, REPORT_DATA_LEN);
	f->gathering = r >= 0;
	if (r < 0)
		fail_here(f, NET_LOCAL, "the TEE cannot be asked: %s",
			  r == -EBUSY ? "it has not answered an earlier question" : strerror(-r));
}

/* ---- the challenge ---- */

static void on_challenge(void *userdata, const void *reply, int fd, const char *why)
{
	uint8_t report_data[REPORT_DATA_LEN];
	struct fetch *f = userdata;
	struct net_challenge c;
	struct cause cause = { "" };
	int r;

	if (!succeeded(f, reply, why))
		return;
	memcpy(&c, reply, sizeof(c));
	r = handshake_bind(f->handshake, identity_of(f->broker), &f->asked, &c, &cause);
	if (r >= 0)
		r = handshake_report_data(f->handshake, report_data, &f->attest);
	if (r == -ENOMEM)
		fail_here(f, NET_LOCAL, "out of memory");
	else if (r < 0)
		fail_as(f, r == -EBADMSG ? NET_PROTOCOL : NET_FORGED, r == -ESTALE, 0, "",
			"%s is refused: %s", address(f, c.result.url),
			cause.text);
	else
		ask_evidence(f, report_data, /* learning= */ false);
}

static void ask_challenge(struct fetch *f)
{
	struct broker *b = f->broker;
	struct cause cause = { "" };
	int r;

	r = boot_read(b->setup.folder, f->asked.boot, &cause);
	if (r < 0) {
		fail_here(f, NET_LOCAL, "%s", cause.text);
		return;
	}
	r = handshake_new(b->setup.settings->curve, now_on(CLOCK_BOOTTIME), &f->handshake);
	if (r < 0) {
		fail_here(f, NET_LOCAL, "no key pair can be made: %s", strerror(-r));
		return;
	}
	memset(f->asked.tee, 0, sizeof(f->asked.tee));
	strcpy(f->asked.tee, b->tee);
	f->asked.coco = 1;
	f->asked.n_paths = 1;
	ask(f, (struct net_talk_question){
		.type = MSG_NET_AUTH, .body = &f->asked, .len = sizeof(f->asked), .fd = -EBADF,
		.reply_len = sizeof(struct net_challenge),
		.timeout_usec = f->net.n_urls * ROUND_USEC, .done = on_challenge });
}

/* ---- setting up ---- */

static void on_set_up(void *userdata, const void *reply, int fd, const char *why)
{
	static const uint8_t zeros[REPORT_DATA_LEN];
	struct fetch *f = userdata;

	if (!succeeded(f, reply, why))
		return;
	if (f->broker->tee[0])
		ask_challenge(f);
	else
		ask_evidence(f, zeros, /* learning= */ true);
}

static int pem_file(const struct broker_settings *s, int *ret)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (!s->pem)
		return 0;
	fd = memfd_create("authority", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_full(fd, s->pem, s->pem_len);
	if (r >= 0 && fcntl(fd, F_ADD_SEALS,
			    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r >= 0)
		*ret = TAKE_FD(fd);
	return r;
}

static void set_up(struct fetch *f)
{
	const struct broker_settings *s = f->broker->setup.settings;
	_cleanup_(closep) int pem = -EBADF;
	int r;

	if (f->net.n_urls == 0) {
		fail_here(f, NET_SETTINGS, "broker.conf has no Url=, and the init data names none");
		return;
	}
	f->net.trust = s->trust;
	f->net.connect_usec = CONNECT_USEC;
	f->net.request_usec = REQUEST_USEC;
	memcpy(f->net.server_name, s->server_name, sizeof(f->net.server_name));
	memcpy(f->net.public_key, s->public_key, sizeof(f->net.public_key));
	memcpy(f->net.proxy, s->proxy, sizeof(f->net.proxy));
	r = pem_file(s, &pem);
	if (r < 0) {
		fail_here(f, NET_LOCAL, "no file can be made: %s", strerror(-r));
		return;
	}
	ask(f, (struct net_talk_question){
		.type = MSG_NET_SETUP, .body = &f->net, .len = sizeof(f->net), .fd = pem,
		.reply_len = sizeof(struct net_result), .timeout_usec = LOCAL_USEC,
		.done = on_set_up });
}

/* ---- init data, which the host wrote ---- */

/*
 * The host may choose among the addresses of the owner, or be asked for one where the owner has
 * none: whoever answers there must still be the broker.
 */
static void prefer_url(struct fetch *f, const char *text)
{
	struct broker_url url;
	char other[BROKER_URL_LEN];

	if (!text[0] || f->url[0])
		return;
	if (broker_url_parse(text, &url) < 0) {
		log_warning("The init data's address of the broker is malformed, ignoring it");
		return;
	}
	for (unsigned i = 0; i < f->net.n_urls; i++) {
		if (!streq(f->net.urls[i], url.text))
			continue;
		memcpy(other, f->net.urls[0], sizeof(other));
		memcpy(f->net.urls[0], f->net.urls[i], sizeof(other));
		memcpy(f->net.urls[i], other, sizeof(other));
		return;
	}
	if (f->net.n_urls == 0) {
		strcpy(f->net.urls[0], url.text);
		f->net.n_urls = 1;
		return;
	}
	log_warning("The init data's address of the broker, '%s', is not in Url=, ignoring it",
		    url.text);
}

/* Returns 0, or -EACCES when the name is not below UriPrefix=. */
static int take_uri(struct fetch *f, const char *text)
{
	const char *prefix = f->broker->setup.settings->uri_prefix;
	struct kbs_uri uri;

	if (kbs_uri_parse(text, &uri) < 0 || !kbs_path_is_below(uri.path, prefix))
		return -EACCES;
	memset(f->asked.paths[0], 0, sizeof(f->asked.paths[0]));
	strcpy(f->asked.paths[0], uri.path);
	return 0;
}

static void on_init_data(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_init_data d;

	if (!succeeded(f, reply, why))
		return;
	memcpy(&d, reply, sizeof(d));
	if (!ends(d.url, sizeof(d.url)) || !ends(d.uri, sizeof(d.uri))) {
		fail_here(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return;
	}
	prefer_url(f, d.url);
	if (streq(f->path, SECRET_PATH_INIT_DATA) && take_uri(f, d.uri) < 0) {
		make_printable(d.uri);
		fail_here(f, NET_SETTINGS,
			  "the init data names the secret '%s', which is not below UriPrefix= of "
			  "broker.conf", d.uri);
		return;
	}
	set_up(f);
}

static int open_init_data(const struct broker *b, int *ret)
{
	const char *name = b->setup.settings->init_data;
	char path[512];
	int fd;

	(void)!snprintf(path, sizeof(path), "%s%s", b->setup.root,
			streq(name, "smbios") ? SMBIOS_INIT_DATA : name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static void ask_init_data(struct fetch *f)
{
	_cleanup_(closep) int fd = -EBADF;
	int r = open_init_data(f->broker, &fd);

	if (r < 0) {
		fail_here(f, NET_SETTINGS, "the init data ('%s') cannot be opened: %s",
			  f->broker->setup.settings->init_data, strerror(-r));
		return;
	}
	ask(f, (struct net_talk_question){
		.type = MSG_NET_INIT_DATA, .fd = fd, .reply_len = sizeof(struct net_init_data),
		.timeout_usec = LOCAL_USEC, .done = on_init_data });
}

static void start(struct fetch *f)
{
	const struct broker_settings *s = f->broker->setup.settings;
	int r;

	f->broker->active = f;
	f->phase = PHASE_HANDSHAKE;
	memset(&f->net, 0, sizeof(f->net));
	memset(&f->asked, 0, sizeof(f->asked));
	if (!streq(f->path, SECRET_PATH_INIT_DATA))
		strcpy(f->asked.paths[0], f->path);
	for (unsigned i = 0; i < s->n_urls; i++)
		if (!f->url[0] || streq(f->url, s->urls[i]))
			strcpy(f->net.urls[f->net.n_urls++], s->urls[i]);
	r = net_talk_new(f->broker->setup.event, f->broker->setup.net, &f->talk);
	if (r < 0)
		fail_here(f, NET_LOCAL, "out of memory");
	else if (f->url[0] && f->net.n_urls == 0)
		fail_here(f, NET_SETTINGS, "'%s' is not one of the addresses in broker.conf",
			  f->url);
	else if (s->init_data[0])
		ask_init_data(f);
	else if (!f->asked.paths[0][0])
		fail_here(f, NET_SETTINGS, "broker.conf has no InitData=, which would name it");
	else
		set_up(f);
}

/* ---- a fetch ---- */

int fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret)
{
	struct fetch *f = calloc(1, sizeof(*f));
	struct broker_url url;

	if (!f)
		return -ENOMEM;
	f->broker = b;
	f->q = *q;
	f->pack = -EBADF;
	snprintf(f->path, sizeof(f->path), "%s", q->path);
	if (q->url)
		snprintf(f->url, sizeof(f->url), "%s",
			 broker_url_parse(q->url, &url) == 0 ? url.text : q->url);
	f->due_usec = now(b);
	f->deadline_usec = f->due_usec + (q->timeout_usec ?: b->setup.settings->timeout_usec);
	f->pause_usec = FETCH_BACKOFF_USEC;
	f->next = b->fetches;
	f->prev = &b->fetches;
	if (f->next)
		f->next->prev = &f->next;
	b->fetches = f;
	run(b);
	*ret = f;
	return 0;
}

struct fetch *fetch_free(struct fetch *f)
{
	struct broker *b;

	if (!f)
		return NULL;
	b = f->broker;
	drop_handshake(f);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	free(f);
	run(b);
	return NULL;
}

static void on_confirmed(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_result r = { .error = NET_LOCAL };

	if (reply)
		memcpy(&r, reply, sizeof(r));
	log_debug("The broker's answer to the confirmation of secret '%s': %s", f->path,
		  net_error_name(r.error));
	fetch_free(f);
}

/* What RTMR3 lacks, the evidence lacks, and what that means is the broker's to say. */
static void measure(struct broker *b, const char *path)
{
	struct cause why = { "" };
	int r;

	if (!b->setup.settings->measure_release)
		return;
	r = path ? measure_released(b->setup.root, b->setup.folder, path, &why) :
		   measure_launch(b->setup.root, b->setup.folder, &why);
	if (r < 0)
		log_warning("MeasureRelease=yes: %s%s is not measured, going on: %s",
			    path ? "the release of " : "the launch", path ?: "", why.text);
}

void fetch_confirm(struct fetch *f)
{
	struct net_get get = { "" };
	const struct net_talk_question q = {
		.type = MSG_NET_CONFIRM, .body = &get, .len = sizeof(get), .fd = -EBADF,
		.reply_len = sizeof(struct net_result), .timeout_usec = ROUND_USEC,
		.done = on_confirmed, .userdata = f,
	};

	strcpy(get.path, f->asked.paths[0]);
	measure(f->broker, get.path);
	if (f->phase != PHASE_OPENED || !f->talk || net_talk_ask(f->talk, &q) < 0) {
		fetch_free(f);
		return;
	}
	f->phase = PHASE_CONFIRMING;
}

/* ---- the broker ---- */

int broker_new(const struct broker_setup *s, struct broker **ret, struct cause *why)
{
	const struct broker_settings *set = s->settings;
	struct broker *b;
	int r = 0;

	if (!set->present || set->trust == BROKER_TRUST_NONE || set->trust >= _BROKER_TRUST_MAX)
		return cause_set(why, -EINVAL, "broker.conf names no broker that can be trusted");
	b = calloc(1, sizeof(*b));
	if (!b)
		return cause_set_oom(why);
	b->setup = *s;
	if (set->trust == BROKER_TRUST_IDENTITY)
		r = set->pem ? broker_identity_parse(set->pem, set->pem_len, &b->identity, why) :
			       cause_set(why, -EINVAL, "Identity= has no text");
	if (r >= 0 && release_init() < 0)
		r = cause_set(why, -ENOMEM, "no memory can be locked for key pairs");
	if (r >= 0) {
		const struct evidence_child_setup child = {
			.event = s->event,
			.root = s->root,
			.gather = s->gather,
			.done = on_evidence,
			.userdata = b,
		};

		r = evidence_child_new(&child, &b->child);
		if (r < 0)
			r = cause_set_oom(why);
	}
	if (r < 0) {
		broker_identity_done(&b->identity);
		free(b);
		return r;
	}
	measure(b, /* path= */ NULL);
	*ret = b;
	return 0;
}

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;
	while (b->fetches) {
		assert(b->fetches->phase == PHASE_CONFIRMING);
		fetch_free(b->fetches);
	}
	sd_event_source_disable_unref(b->turn);
	evidence_child_free(b->child);
	broker_identity_done(&b->identity);
	free(b);
	return NULL;
}
