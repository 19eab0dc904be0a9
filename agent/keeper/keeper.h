/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_KEEPER_H
#define COCO_AGENT_KEEPER_KEEPER_H

#include "agent/keeper/attestation.h"
#include "agent/keeper/config.h"
#include "agent/keeper/denied.h"
#include "agent/keeper/fetch.h"
#include "agent/keeper/gate.h"
#include "agent/keeper/open-volumes.h"
#include "agent/keeper/repeat.h"
#include "agent/keeper/room.h"
#include "agent/keeper/spare.h"
#include "agent/keeper/stamps.h"
#include "agent/loop.h"
#include "secrets/store.h"

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL

#define KEEPER_MAX_SOURCES 4

/*
 * The keeper: one process, one loop.  It joins what the folders below offer.  Input from outside
 * arrives as fixed-size frames (requests.c) or as a connection on a consumer's socket
 * (consumer-cryptsetup.c, consumer-credential.c).
 */
struct keeper {
	struct loop *loop;
	struct config *config;
	struct secret_source directory;	/* SecretDirectory=, for tests */
	struct store *store;
	/* from the initrd to this system, or from this initrd to the next system */
	struct carried carried;
	struct gate gate;
	struct broker_gate broker_gate;
	/* of the last attempt to fetch a secret: result, text, id and time */
	struct msg_broker broker_last;
	struct attestation *attestation;	/* NULL when the gate does not want evidence */
	struct broker *broker;		/* NULL while broker_gate is closed */
	/* why the last attempt gave no verdict; "" when it gave one */
	char no_verdict_why[512];
	uint64_t since_usec;		/* CLOCK_REALTIME of the start */
	struct client *clients;		/* of requests.c; the latest to ask comes first */
	unsigned n_clients;
	uint64_t idle_usec;		/* how long a client may ask nothing; 0: the default */
	uint64_t late_usec;		/* the pause of late.c; 0: the default */
	bool initramfs;			/* there is no systemd, and cocod-key asks for keys */
	struct delivery *deliveries;	/* of delivery.h */
	struct room room;		/* how many peers may be served */
	bool said_full;			/* it was logged that deliveries wait in their sockets */
	/* the question for a passphrase that was read last, and whose it is; of outcome.c */
	char question[64];
	pid_t asked_by;
	uint64_t polled_usec;		/* CLOCK_MONOTONIC of the last scan of keeper_poll() */
	int polled;			/* what it returned */
	struct placing *placings;	/* of placing.h */
	struct open_volumes volumes;
	struct spare *spare;		/* judges of headers that nobody has asked yet */
	int first_passed;		/* the first of n_passed descriptors from systemd */
	unsigned n_passed;
	struct watch *retry;		/* looks again at secrets that time alone may use up */
	/* why the last SIGHUP did not give a new configuration; "" when it did */
	char reload_error[MSG_WARNING_LEN];
	/* the secret from which on keeper_warning() looks for that warning; 0: the first */
	unsigned next_warning;
	size_t next_warned;
	struct stamps *stamps;		/* when the steps were; NULL: not noted */
	struct denied denied;		/* who was refused a secret */
	struct repeats repeats;		/* deliveries to whom had the secret before */
	bool journal_failed;		/* the last write to the journal failed */
	char status[1024];		/* the line that systemd was told last */
	const char *believed_why[KEEPER_MAX_SOURCES];	/* what was last logged about each source */
};

/*
 * Each takes a connection to the socket of that name.  For listener_setup.accept, with the keeper
 * as its userdata.
 */

/* requests.c: "api" */
void on_client_connection(void *userdata, int conn);

/* requests.c: "user", for everybody */
void on_user_connection(void *userdata, int conn);

/* requests.c: "rest", for cocod-rest */
void on_rest_connection(void *userdata, int conn);

/* consumer-cryptsetup.c: "cryptsetup", and whether another connection may be accepted there */
void on_cryptsetup_connection(void *userdata, int conn);
bool cryptsetup_has_room(void *userdata);

/*
 * Disconnect the client that has asked nothing for the longest time, to make room for another.
 * Clients with a waiting request are spared.  Returns false when no client can go.
 */
bool clients_make_room(void *userdata);

/* End all clients. */
void clients_stop(struct keeper *k);

/* consumer-credential.c: "credential", and whether another connection may be accepted there */
void on_credential_connection(void *userdata, int conn);
bool credentials_have_room(void *userdata);

/* After a restart, take up the deliveries whose outcome is not known yet. */
void cryptsetup_resume(struct keeper *k);
void credential_resume(struct keeper *k, struct store_entry *e, const char *consumer);

/* The name of a connection that is left with systemd, in case that cocod dies. */
#define CRYPTSETUP_STORED "cryptsetup-peer"

/*
 * Go on with a connection that the cocod before has left with systemd; @conn is taken over.  After
 * cryptsetup_resume(): whoever may have a part of a key gets no more of it.
 */
void cryptsetup_take_back(struct keeper *k, int conn);

#define CREDENTIAL_STORED "credential-peer"

/*
 * Refuse a unit whose connection the cocod before has left with systemd; @conn is taken over.
 * Nobody knows how much of its credential it has.
 */
void credential_take_back(struct keeper *k, int conn);

/* End all deliveries and wipe the keys that they hold. */
void cryptsetup_stop(struct keeper *k);

/*
 * placing.c: remove @e from where it must not be any more: because it is wiped, because its policy
 * does not name the place any more, or because nobody knows how far the cocod before came.
 */
void placing_settle(struct keeper *k, struct store_entry *e);

/*
 * Wipe @e if its policy says that the moment has come and nobody is using it.  Logs.  Call after
 * each change.
 */
void keeper_settle(struct keeper *k, struct store_entry *e);

/*
 * Returns 1 if the volume is open, 0 if not, or a negative errno of open_volumes_has().  The
 * volumes are looked for once in a turn of the event loop, however often it is asked.
 */
int keeper_volume_is_open(struct keeper *k, const char *volume);

/* Settle all secrets. */
void keeper_settle_all(struct keeper *k);

/* Wipe now.  Logs.  Returns 0 or an error of store_wipe(). */
int keeper_wipe(struct keeper *k, struct store_entry *e);

/*
 * Call with the result @r of each change of the store.  Logs when the journal cannot be written
 * (the states still hold in memory), and when it can be written again.
 */
void keeper_noted(struct keeper *k, int r);

/*
 * Note that @consumer has all of @e, with @outcome, and log it with that text; but see repeat.h.
 * Returns true if it had that secret before.
 */
bool keeper_deliver(struct keeper *k, struct store_entry *e, const char *consumer,
		    enum delivery_outcome outcome, const char *format, ...) _printf_(5, 6);

/* True if what leads to a delivery of @e (may be NULL) to @consumer is not logged any more. */
bool keeper_is_quiet(const struct keeper *k, const struct store_entry *e, const char *consumer);

/* Log what was not said of repeated deliveries, before cocod ends. */
void keeper_log_repeats(const struct keeper *k);

/*
 * Note that @who ("credential:app.service", "" for unknown) was refused the secret called @secret,
 * and log it unless that was done lately.
 */
void keeper_note_denied(struct keeper *k, const char *who, const char *secret, const char *why);

/* Write the @i-th warning for people into @ret.  Returns 1, or 0 when there are no more. */
int keeper_warning(struct keeper *k, unsigned i, char ret[static MSG_WARNING_LEN]);

/* Why the secrets of an existing source do not count; NULL when all sources count. */
const char *keeper_ignored_why(const struct keeper *k);

/* True if a volume's header must be good before it gets this secret (NULL: one not known yet). */
bool keeper_wants_good_header(const struct keeper *k, const struct store_entry *e);

/* The warning about one secret; "" when nothing is wrong. */
void keeper_secret_warning(struct keeper *k, const struct store_entry *e,
			   char ret[static MSG_WARNING_LEN]);

/*
 * Look for new secrets.  Logs what is found and what cannot be read.  Returns what store_scan()
 * returns.
 */
int keeper_scan(struct keeper *k);

/*
 * The same for one of many who wait and ask again: at most once in @usec of CLOCK_MONOTONIC, as of
 * @now.
 */
int keeper_poll(struct keeper *k, uint64_t now, uint64_t usec);

/*
 * Whether secrets may be released now.  Returns 1; 0 when evidence is being verified and the
 * caller may wait; -EPERM when not.  If evidence could open a closed gate, another attempt is
 * made, at a limited pace.
 */
int keeper_gate(struct keeper *k);

/*
 * The same for a secret of the origin @o.  The gate for a broker's secrets never has to wait.
 */
int keeper_gate_for(struct keeper *k, enum secret_origin o);

/* Why the gate for that origin is open or closed, for people. */
const char *keeper_gate_reason(const struct keeper *k, enum secret_origin o);

/*
 * Note how an attempt to fetch a secret from the broker ended, for status: @result is a word such
 * as those of net_error_name(), @text is for people and may quote the broker, @id is the broker's
 * handle for it or "".
 */
void keeper_note_broker(struct keeper *k, const char *result, const char *text, const char *id);

/* attestation_setup.done, with the keeper as its userdata. */
void keeper_take_verdict(void *userdata, const struct attest_verdict *v, const char *why,
			 bool nobody);

/*
 * Log what the initrd has kept.  A difference to this system's configuration is logged as an
 * error.
 */
void keeper_log_carried(const struct keeper *k);

/*
 * How many secrets there are in each state.  Those that the broker has and nobody was given are
 * counted apart, and not as present.
 */
void keeper_count(const struct keeper *k, unsigned ret[static _SECRET_STATE_MAX],
		  unsigned *ret_remote);

/* One line for `systemctl status`. */
void keeper_notify_status(struct keeper *k);

#endif
