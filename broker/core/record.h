/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_RECORD_H
#define COCO_BROKER_CORE_RECORD_H

#include "attest/bundle.h"
#include "base/cause.h"
#include "broker/core/judge.h"
#include "broker/core/message.h"
#include "broker/core/once.h"

/*
 * What lies in the store, as text (JSON, one object) under these keys:
 *
 *	coco/secret/PATH			struct secret_record
 *	coco/claim/SHA256(PATH)/LAUNCH or /vm	struct claim
 *	coco/launches/SHA256(PATH)		struct launches_record, with Launches= alone
 *	coco/session/COOKIE			struct session_record, with a life
 *	coco/approval/ID			struct approval
 *	coco/vtpm/AK				the highest resetCount, decimal
 *	coco/audit/INSTANCE/BATCH.INDEX		broker/store/writer.h
 *	coco/instance/INSTANCE			the fence
 *
 * All but secrets (which are sealed), the audit log and the fence carry a code: record-mac.h.
 *
 * Who holds the store may have written any of it: what is read is checked as if it came from the
 * network.  format functions return 0 with a C string that is yours, or -ENOMEM; that of a session
 * also -EMSGSIZE.  parse functions return 0, -EBADMSG or -ENOMEM; after an error there is nothing
 * to free.
 */
#define RECORD_KEY_LEN 512
#define CLAIMS_PREFIX "coco/claim/"

struct secret_record {
	char path[BROKER_PATH_LEN];
	uint64_t version;		/* from 1; a new value or policy counts up */
	int64_t changed;		/* seconds since 1970 */
	char *policy;			/* text of SECRET_POLICY_MAX at most */
	size_t policy_len;
	uint8_t *sealed;		/* core/seal.h */
	size_t sealed_len;
};

int secret_record_format(const struct secret_record *r, char **ret);
int secret_record_parse(const void *text, size_t len, struct secret_record *ret);
void secret_record_done(struct secret_record *r);

/* The most evidence of a session, in bytes: an event log that was not cut may be too long. */
#define SESSION_EVIDENCE_MAX (128 * 1024)

struct session_record {
	uint32_t expiry;		/* the cookie's */
	enum broker_tee tee;
	uint8_t rd[48];
	struct tee_key key;
	struct net_auth coco;
	struct launch launch;
	uint8_t *evidence;		/* a pack (wire/bundle.h) */
	size_t evidence_len;
};

int session_record_format(const struct session_record *r, char **ret);
int session_record_parse(const void *text, size_t len, struct session_record *ret);
void session_record_done(struct session_record *r);

int claim_format(const struct claim *c, char **ret);
int claim_parse(const void *text, size_t len, struct claim *ret);

#define LAUNCHES_MAX 1024

/* When which launches claimed a secret, the oldest first. */
struct launches_record {
	unsigned n;
	struct {
		int64_t at;
		uint8_t launch[32];
	} list[LAUNCHES_MAX];
};

int launches_format(const struct launches_record *l, char **ret);
int launches_parse(const void *text, size_t len, struct launches_record *ret);

/* Somebody must say yes: to this secret, for this launch and this key. */
struct approval {
	char id[32];			/* "7f3a-21c0": the handle of `coco-broker why` too */
	char path[BROKER_PATH_LEN];
	uint8_t launch[32], rd[48];
	bool has_launch;
	int64_t asked, answered;	/* seconds since 1970; 0: not yet */
	bool approved;
	uint32_t by;			/* uid of who answered */
	char reason[512];		/* why it is needed, and what the evidence says */
};

int approval_format(const struct approval *a, char **ret);
int approval_parse(const void *text, size_t len, struct approval *ret);

/* The keys above.  @ret has room for RECORD_KEY_LEN bytes. */
void key_secret(const char *path, char ret[static RECORD_KEY_LEN]);
int key_claim(const char *path, enum release_per per, const uint8_t launch[static 32],
	      char ret[static RECORD_KEY_LEN]);
int key_launches(const char *path, char ret[static RECORD_KEY_LEN]);
void key_session(const struct cookie *c, char ret[static RECORD_KEY_LEN]);
void key_approval(const char *id, char ret[static RECORD_KEY_LEN]);
void key_vtpm(const uint8_t ak_sha256[static 32], char ret[static RECORD_KEY_LEN]);

#endif
