/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_FETCH_H
#define COCO_AGENT_KEEPER_FETCH_H

#include "agent/keeper/broker-settings.h"
#include "agent/loop.h"
#include "attest/gather/provider.h"
#include "base/secret.h"
#include "secrets/policy.h"

/*
 * Secrets from a broker.  A fetch makes a key pair, asks for a challenge, asks the TEE for
 * evidence over both, shows it, and opens what comes back.  cocod-net speaks to the broker
 * (wire/broker.h); what it says is believed no further than agent/keeper/release.h allows.
 *
 *	wait for a turn -> init data -> set up -> which TEE -> challenge -> evidence -> attest
 *	  -> get -> open -> the caller has it -> confirm
 *
 * One handshake is under way at a time; the others wait for their turn.
 *
 * A broker that cannot be reached, or is busy, is asked again after pauses from BACKOFF_USEC to
 * BACKOFF_MAX_USEC that are random by half, so that machines that boot together do not ask
 * together.  A time that the broker names is obeyed.  An expired session begins again, three
 * times at most.  Every other refusal ends the fetch: what to do then is the caller's to say.
 */

struct broker_setup {
	struct loop *loop;		/* borrowed, as all pointers here */
	const struct broker_settings *settings;
	const char *root;		/* of the kernel's files; "" */
	const char *folder;		/* /run/cocod: the file "boot" is there */
	const char *net;		/* cocod-net's socket */
	const char *worker;		/* cocod-worker's socket for evidence */
	const char *tpm;		/* NULL: TPM_DEVICE */
	const char *imds;		/* NULL: Azure's metadata service */

	/* attest_gather() over the kernel's providers, or a test's; in a child */
	int (*gather)(const struct attest_request *q, struct bundle *ret, struct cause *why);

	/* Told how each attempt ended, as struct fetch_failure has it; @text is "" for NET_OK. */
	void (*note)(void *userdata, unsigned error, const char *text, const char *id);
	void *userdata;
};

struct broker;

/* @ret is yours.  Returns 0; -ENOMEM; -EINVAL when the settings name no broker to trust. */
int broker_new(const struct broker_setup *s, struct broker **ret, struct cause *why);

/* All fetches must be gone, but for those that only confirm: these are ended. */
struct broker *broker_free(struct broker *b);

struct fetch_failure {
	unsigned error;			/* enum net_error */
	char id[32];			/* the broker's handle for its owner, or "" */
	/* a sentence: who says no, to what, and what to do next; printable */
	char text[512];
};

struct fetch_question {
	/* the secret's path (wire/kbs-uri.h), or SECRET_PATH_INIT_DATA */
	const char *path;
	const char *url;		/* NULL, or the only address to ask: one of broker.conf */
	uint64_t timeout_usec;		/* when to give up; 0 is TimeoutSec= */
	/*
	 * Called once, from the loop; the fetch may be freed then.  @s is the secret, which is
	 * yours, or NULL, and then @why says why.
	 */
	void (*done)(void *userdata, struct secret *s, const struct fetch_failure *why);
	void *userdata;
};

struct fetch;

/* @q's texts are copied.  @ret is yours.  Returns 0 or -ENOMEM. */
int fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret);

/* End the fetch; done() is not called any more. */
struct fetch *fetch_free(struct fetch *f);
DEFINE_CLEANUP(struct fetch *, fetch_free)

/*
 * The secret was used: tell the broker, in the session that got it.  @f is the broker's from now
 * on.  Nobody waits for the answer: a broker that knows of no confirmation refuses, and one that
 * does not hear it counts the secret as released all the same.
 */
void fetch_confirm(struct fetch *f);

#define FETCH_BACKOFF_USEC (250 * UINT64_C(1000))
#define FETCH_BACKOFF_MAX_USEC (5 * UINT64_C(1000000))

/* @usec, more or less by up to a half, at random. */
uint64_t fetch_spread(uint64_t usec);

#endif
