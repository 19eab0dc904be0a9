/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_FETCH_STEP_H
#define COCO_AGENT_KEEPER_FETCH_STEP_H

#include <time.h>

#include "agent/keeper/evidence-child.h"
#include "agent/keeper/fetch.h"
#include "agent/keeper/net-talk.h"
#include "agent/keeper/release.h"
#include "agent/keeper/worker-call.h"

/*
 * What the files of a fetch share.  fetch-turn.c has its beginning, turns and ends;
 * fetch-setup.c what is asked, of whom; fetch-handshake.c the challenge and the secret;
 * fetch-evidence.c the TEE's part.  A step either asks the next question or ends the attempt, and
 * after that the fetch may be gone.
 */

#define USEC_PER_SEC UINT64_C(1000000)
#define FETCH_LOCAL_USEC (10 * USEC_PER_SEC)	/* for what does not reach the network */
#define FETCH_ROUND_USEC (25 * USEC_PER_SEC)	/* one request, with all addresses */

struct broker {
	struct broker_setup setup;
	struct broker_identity identity;	/* n is 0 for tls-only */
	struct evidence_child *child;
	char tee[16];				/* "" until it is known */
	struct fetch *fetches;
	struct fetch *active;			/* whose handshake is under way */
	struct watch *turn;
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
	struct fetch_failure last;	/* of the attempt before this one */
	struct net_talk *talk;
	struct worker_call *call;
	struct net_setup net;		/* the addresses of this attempt, in order */
	struct net_auth asked;
	struct handshake *handshake;
	struct net_attest attest;
	bool gathering;			/* the child's answer is for this fetch */
	bool learning;			/* the evidence is asked for its kind only */
	int pack;			/* memfd for the worker's evidence */
	struct watch *session;	/* ends it when the session is over */
};

/* CLOCK_MONOTONIC of the current turn of the loop, in microseconds. */
uint64_t fetch_now(const struct broker *b);

/* The keys that may sign a release, or NULL when only TLS speaks for the broker. */
const struct broker_identity *fetch_identity(const struct broker *b);

/* The @i-th address of this attempt, for people; "" past the last. */
const char *fetch_address(const struct fetch *f, unsigned i);

/* True if @text ends within its @size bytes. */
bool fetch_text_ends(const char *text, size_t size);

/*
 * The attempt failed with @error (enum net_error).  It is tried again where that may help, or the
 * fetch ends with the sentence.  @stale: the nonce was another one than expected, which a lost
 * answer may explain once.  @retry_sec: the time that the broker named, or 0.  @id: the broker's
 * handle, or "".
 */
void fetch_fail_as(struct fetch *f, unsigned error, bool stale, uint32_t retry_sec, const char *id,
		   const char *format, ...) _printf_(6, 7);

/* The same for what failed on this machine. */
void fetch_fail(struct fetch *f, unsigned error, const char *format, ...) _printf_(3, 4);

/*
 * True when the result is good.  Otherwise the attempt has failed.  @result NULL: there was no
 * answer, for the reason @why.
 */
bool fetch_succeeded(struct fetch *f, const struct net_result *result, const char *why);

/* Ask cocod-net; @q.userdata is set to @f. */
void fetch_ask(struct fetch *f, struct net_talk_question q);

/* The steps, in their order. */
void fetch_start(struct fetch *f);
void fetch_ask_challenge(struct fetch *f);
void fetch_ask_evidence(struct fetch *f, const uint8_t report_data[static REPORT_DATA_LEN],
			bool learning);
void fetch_show(struct fetch *f, int pack);
void fetch_opened(struct fetch *f, struct secret *s);

/* evidence_child_setup.done, with the broker as its userdata. */
void fetch_on_evidence(void *userdata, int error, const char *type, const char *why);

#endif
