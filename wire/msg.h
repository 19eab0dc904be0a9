/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_MSG_H
#define COCO_WIRE_MSG_H

#include <stdint.h>

#include "wire/guid.h"

/*
 * What cocod, cococtl and cocod-worker say to each other: one packet of a SOCK_SEQPACKET socket
 * is one frame.
 *
 *	0  4  magic "coco"		 8  4  length of the body in bytes
 *	4  2  version, 1		12  4  0, or a negative errno in a reply
 *	6  2  type			16  x  body
 *
 * All of one machine, so native byte order.  A request has exactly the body that its type has
 * (below); a reply has the request's type and the reply's body, or an error and no body.  Text
 * is NUL-terminated within its array.
 */
#define MSG_MAGIC 0x6f636f63u
#define MSG_VERSION 1
#define MSG_BODY_MAX 16384

struct msg_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t len;
	int32_t error;
};

enum msg_type {
	MSG_STATUS = 1,		/* - -> struct msg_status */
	MSG_SECRET_INFO,	/* struct msg_index -> struct msg_secret; -ENOENT after the last */
	MSG_SECRET_FIND,	/* struct msg_name -> struct msg_secret */
	MSG_SECRET_READ,	/* struct msg_read -> the bytes from there, at most MSG_BODY_MAX */
	MSG_SECRET_DELIVERED,	/* struct msg_name -> -: the caller has all of it, and it was used */
	MSG_SECRET_WIPE,	/* struct msg_wipe -> - */
	MSG_BOOT_COMPLETE,	/* - -> - */
	MSG_SOURCE_INFO,	/* struct msg_index -> struct msg_source; -ENOENT after the last */
	MSG_LUKS_CHECK,		/* struct luks_question and the device's descriptor -> struct luks_verdict; to cocod-worker */
	MSG_ATTEST_TPM,		/* - and a TPM's descriptor -> -; to cocod-worker: the TPM for the next MSG_ATTEST_VERIFY of this connection */
	MSG_ATTEST_VERIFY,	/* struct attest_question and a sealed memfd with a pack (wire/bundle.h) -> struct attest_verdict; to cocod-worker */
	MSG_ATTEST_IMDS,	/* struct attest_imds, and the connection when there is one -> -; to cocod-worker: for the next MSG_ATTEST_VERIFY, too */
	MSG_WARNING,		/* struct msg_index -> struct msg_warning; -ENOENT after the last */
	_MSG_MAX,
};

#define MSG_NAME_LEN 64		/* of a secret's name, without NUL */
#define MSG_CONSUMERS_LEN 512
#define MSG_DELIVERIES_LEN 2048
#define MSG_WARNING_LEN 512

enum secret_state {
	SECRET_PRESENT,		/* in the kernel's area, given to nobody */
	SECRET_DELIVERED,	/* a consumer has read all of it */
	SECRET_CONFIRMED,	/* a consumer provably used it */
	SECRET_WIPED,		/* gone: the kernel's area is zero */
	_SECRET_STATE_MAX,
};

enum secret_wipe {
	WIPE_CONFIRMED,
	WIPE_DELIVERED,
	WIPE_BOOT_COMPLETE,
	WIPE_MANUAL,
	_SECRET_WIPE_MAX,
};

/*
 * As people and JSON read them: "present", "boot-complete", ...; "unknown" for a number that is
 * none.
 */
const char *secret_state_name(unsigned state);
const char *secret_wipe_name(unsigned wipe);

struct msg_index {
	uint32_t index;
};

struct msg_name {
	char name[MSG_NAME_LEN + 1];	/* or the GUID's text */
};

struct msg_read {
	char name[MSG_NAME_LEN + 1];
	uint8_t reserved[3];
	uint32_t offset;		/* in bytes */
};

struct msg_wipe {
	char name[MSG_NAME_LEN + 1];
	uint8_t force;			/* even while a consumer is using it */
};

struct msg_secret {
	char guid[GUID_TEXT_LEN + 1];
	char name[MSG_NAME_LEN + 1];
	char source[16];
	uint8_t state;			/* enum secret_state */
	uint8_t wipe;			/* enum secret_wipe */
	uint64_t size;			/* in bytes */
	uint64_t since_usec[_SECRET_STATE_MAX];	/* CLOCK_REALTIME at which each state was reached, 0: not */
	char consumers[MSG_CONSUMERS_LEN];	/* who may have it, as configured */
	char delivered_to[128];		/* who had it last */
	char deliveries[MSG_DELIVERIES_LEN];	/* what came of it, "CONSUMER=OUTCOME" with a blank between; "..." at the end when there are more */
	char warning[MSG_WARNING_LEN];	/* what a person should know and do about it; "" */
};

/* What a person should know and do, beside the gate's reason. */
struct msg_warning {
	char text[MSG_WARNING_LEN];
};

struct msg_source {
	char name[16];
	char path[256];
	int32_t error;			/* 0, or why it cannot be read; -ENOENT: not there */
	uint32_t n_secrets;
	uint32_t ignored;		/* its secrets do not count here; a warning says why */
};

/* What came out of the verification of evidence. */
enum attest_result {
	ATTEST_NONE,		/* there was none */
	ATTEST_ACCEPTED,	/* authentic, fresh, as the policy wants it, and the policy names what runs */
	ATTEST_UNDECIDED,	/* something is missing or stale */
	ATTEST_NOT_AUTHENTIC,
	ATTEST_MALFORMED,
	ATTEST_REFUSED,		/* authentic, and not as the policy wants it */
	_ATTEST_RESULT_MAX,
};

/* "accepted", "not-authentic", ...; "none" for a number that is none. */
const char *attest_result_name(unsigned result);

#define ATTEST_NONCE_LEN 32
#define ATTEST_BIND_POLICY 1u	/* HOST_DATA or MRCONFIGID must name policy and trust set, see cocod.conf(5) */

struct attest_question {
	uint8_t nonce[ATTEST_NONCE_LEN];	/* that the evidence must be over, with zeros after it */
	uint32_t flags;				/* ATTEST_* */
};

/* A connection to Azure's metadata service, begun and maybe not yet there. */
struct attest_imds {
	int32_t error;			/* 0: it comes along; else why not, a negative errno */
};

/* cocod-worker's judgement of evidence; text is printable. */
struct attest_verdict {
	uint32_t result;		/* enum attest_result */
	uint8_t trust_replaced;		/* judged under another trust set than the built-in roots */
	uint8_t rtmr0;			/* the policy names the RTMR0 of a TD, and it is so: its ACPI tables are as the owner knows them */
	uint8_t reserved[2];
	uint8_t nonce[ATTEST_NONCE_LEN];	/* of the question */
	uint8_t policy_sha256[32];	/* of the text of the policy that refused; when all accept, the initrd's before this system's */
	uint8_t trust_sha256[32];	/* of the text of the trust file that goes with it; zeros for the built-in roots */
	char type[16];			/* "snp", ...; "" when it was not found out */
	char provider[48];
	char code[32];			/* "OK", or of the first check that failed */
	char reason[256];		/* for people: which check, what was expected and found */
};

/* In what a system's configuration is another than that of the initrd before it. */
#define MSG_DIFFERS_REQUIRE 1u
#define MSG_DIFFERS_BIND 2u
#define MSG_DIFFERS_POLICY 4u	/* attest.conf */
#define MSG_DIFFERS_TRUST 8u	/* attest.trust */

/* What the bit 1 << @bit is called, "Require", "attest.conf", ...; NULL past the last. */
const char *msg_differs_name(unsigned bit);

/* What an initrd judged by, which holds beside this system's own configuration. */
struct msg_kept {
	uint8_t present;		/* 0: nothing was kept, and the rest is zeros */
	uint8_t here;			/* this system is that initrd */
	uint8_t bind_policy;
	uint8_t has_policy, has_trust;
	uint8_t reserved[3];
	uint32_t differs;		/* MSG_DIFFERS_* */
	uint32_t result;		/* enum attest_result of its last verdict */
	uint64_t verdict_usec;		/* CLOCK_REALTIME at which that came */
	char require[16];
	uint8_t policy_sha256[32], trust_sha256[32];	/* zeros for what there was not */
};

struct msg_status {
	char version[32];
	char tee[16];			/* "none", "sev", "sev-es", "sev-snp", "tdx", "unknown" */
	char require[16];		/* what must hold: "attested", "evidence", "none" */
	char require_reason[64];	/* why it must, for people: "set in cocod.conf" */
	char gate[24];			/* "owner-attested", "attested", "not-required", "closed", "verifying" */
	char reason[512];		/* why the gate stands so, for people */
	char secret_directory[256];	/* of a test, else empty */
	uint8_t gate_open;
	uint8_t verify_header;
	uint32_t n_secrets[_SECRET_STATE_MAX];
	uint64_t since_usec;		/* CLOCK_REALTIME of cocod's start */
	struct attest_verdict verdict;	/* the last one; its result is ATTEST_NONE without one */
	uint64_t verdict_usec;		/* CLOCK_REALTIME at which it came */
	struct msg_kept kept;
};

/* What the owner allows in a volume's header beside what is always good. */
#define LUKS_TOKENS_LEN 256
struct luks_question {
	char allow_tokens[LUKS_TOKENS_LEN];	/* types, with one blank between them */
};

/* cocod-worker's judgement of a volume's header. */
struct luks_verdict {
	int32_t error;		/* 0 good; -EKEYREJECTED not safe; -EBADMSG malformed; -EOPNOTSUPP not LUKS */
	uint32_t version;	/* of LUKS, 0 when unknown */
	char uuid[40];
	char reason[464];	/* for people, printable */
};

#endif
