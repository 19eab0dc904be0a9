/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_KEEPER_H
#define COCO_AGENT_KEEPER_KEEPER_H

#include <systemd/sd-event.h>

#include "agent/keeper/attestation.h"
#include "agent/keeper/config.h"
#include "agent/keeper/gate.h"
#include "secrets/store.h"

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL

#define KEEPER_MAX_SOURCES 4

/*
 * The keeper: one process, one loop.  It joins what the folders below it offer; what comes from
 * outside reaches it as fixed-size frames (requests.c) or as a connection on a consumer's
 * socket (consumer-cryptsetup.c).
 */
struct keeper {
	sd_event *event;
	struct config *config;
	struct secret_source directory;	/* SecretDirectory=, for tests */
	struct store *store;
	struct carried carried;		/* from the initrd before this system, or for the system after this initrd */
	struct gate gate;
	struct attestation *attestation;	/* NULL when the gate wants none */
	char no_verdict_why[512];	/* of the last attempt that came to none; "" after one that did */
	uint64_t since_usec;		/* CLOCK_REALTIME of the start */
	struct client *clients;		/* of requests.c, the one that asked last first */
	unsigned n_clients;
	uint64_t idle_usec;		/* of a client without a request; 0: the usual */
	struct delivery *deliveries;	/* of consumer-cryptsetup.c */
	unsigned n_deliveries;
	sd_event_source *retry;		/* when a secret may be used up with no further event */
	bool journal_failed;		/* the last write did */
	const char *believed_why[KEEPER_MAX_SOURCES];	/* what was logged last of each source */
};

/* Takes a connection to the socket of that name; listener_setup.accept, with the keeper as its userdata. */

/* requests.c: "api" */
void on_client_connection(void *userdata, int conn);

/* consumer-cryptsetup.c: "cryptsetup" */
void on_cryptsetup_connection(void *userdata, int conn);

/*
 * Let the client go that has asked nothing for the longest time, to make room for another; one
 * whose request waits is not among them.  Returns false when there is none.
 */
bool clients_make_room(void *userdata);

/* End all clients. */
void clients_stop(struct keeper *k);

/* Take up again, after a restart, the deliveries whose outcome nobody has seen. */
void cryptsetup_resume(struct keeper *k);

/* End all deliveries, wiping what they hold. */
void cryptsetup_stop(struct keeper *k);

/*
 * Do what is due for @e now: wipe it when its policy's moment has come and nobody is using it.
 * Logs.  Call after each change.
 */
void keeper_settle(struct keeper *k, struct store_entry *e);

/* Wipe now.  Logs.  Returns 0 or an error of store_wipe(). */
int keeper_wipe(struct keeper *k, struct store_entry *e);

/*
 * After a change of the store that returned @r: logs when the journal cannot be written (the
 * states hold in memory), and when it can again.
 */
void keeper_noted(struct keeper *k, int r);

/*
 * The @i-th thing that a person should know and do, into @ret.  Returns 1, or 0 when there are
 * no more.
 */
int keeper_warning(struct keeper *k, unsigned i, char ret[static MSG_WARNING_LEN]);

/* Why the secrets of a source that is there do not count; NULL when those of all do. */
const char *keeper_ignored_why(const struct keeper *k);

/* What is the matter with one secret; "" when nothing is. */
void keeper_secret_warning(const struct store_entry *e, char ret[static MSG_WARNING_LEN]);

/* Look for new secrets; logs what is found and what cannot be read.  Returns as store_scan(). */
int keeper_scan(struct keeper *k);

/*
 * Whether secrets may be had now.  Returns 1; 0 when evidence is being verified and the caller
 * may wait; -EPERM when not.  A closed gate that evidence could open is tried again, at a pace.
 */
int keeper_gate(struct keeper *k);

/* attestation_setup.done, with the keeper as its userdata. */
void keeper_take_verdict(void *userdata, const struct attest_verdict *v, const char *why,
			 bool nobody);

/* Say what an initrd has kept, and in what this system's configuration is another: that is an error. */
void keeper_log_carried(const struct keeper *k);

/* One line for `systemctl status`. */
void keeper_notify_status(struct keeper *k);

#endif
