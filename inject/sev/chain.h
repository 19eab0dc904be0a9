/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_SEV_CHAIN_H
#define COCO_INJECT_SEV_CHAIN_H

#include "base/macro.h"
#include "wire/sev-cert.h"

/*
 * The chain of an SEV platform's certificates, from AMD's root key down to the key that a
 * launch's session is made for.
 *
 *	ARK	AMD's root; signs itself and		OCA	the owner; signs itself and
 *	ASK	AMD's signing key; signs			|
 *	CEK	the chip; signs				PEK	the platform; signs
 *							PDH	the key of sessions
 *
 * PEK has two signatures, of CEK and of OCA.  Source: AMD, publication 55766, chapter "Keys and
 * certificates".
 */
enum chain_cert {
	CHAIN_ARK,
	CHAIN_ASK,
	CHAIN_CEK,
	CHAIN_OCA,
	CHAIN_PEK,
	CHAIN_PDH,
	_CHAIN_MAX,
};

/* "ark", "ask", ...: names of files, and in messages. */
extern const char *const chain_names[_CHAIN_MAX];

/*
 * The certificates as they came, nothing is known of them yet but that the size is one of a
 * certificate's.
 */
struct chain {
	struct {
		uint8_t bytes[SEV_CERT_LEN];
		size_t len;	/* 0: not there */
	} certs[_CHAIN_MAX];

	/*
	 * The CEK as the platform exported it, when another one with AMD's signature stands for
	 * it above.
	 */
	uint8_t exported_cek[SEV_CERT_LEN];
	bool has_exported_cek;

	/* What the user says. */
	uint8_t anchor[AMD_CERT_MAX_LEN];	/* the root, in place of AMD's */
	size_t anchor_len;			/* 0: AMD's keys are the roots */
	bool fetch_tried;		/* AMD was asked for what is missing; people are told */
	uint8_t oca[SEV_CERT_LEN];		/* the OCA that is expected */
	bool oca_given;
};

/*
 * Add the certificates of one file: one, or several in a row, in any of the forms in which
 * tools write them:
 *
 *	one certificate; which, says @hint, or without it (_CHAIN_MAX) its own usage
 *	PEK OCA CEK			the cert-chain of QEMU, sev-tool and the kernel
 *	PDH PEK OCA CEK [ASK ARK]	sevctl's export
 *	ASK ARK				AMD's site
 *
 * or base64 of one of these.  A CEK with AMD's signature replaces one without and the other way
 * round is ignored: the platform exports it without, AMD's key server adds it.  That both are
 * the same key is checked by chain_verify().
 *
 * Returns 0; -EBADMSG for other sizes and for a single certificate without @hint whose usage is
 * none of the six; -EEXIST when a certificate is there already and is another; -ENOMEM.
 * @ret_cert (may be NULL) is which one, for -EEXIST.  On error @c may have some of it.
 */
int chain_add(struct chain *c, const uint8_t *data, size_t len, enum chain_cert hint,
	      enum chain_cert *ret_cert);

/* The longest file that chain_add() takes: the longest chain in base64, wrapped. */
#define CHAIN_FILE_MAX 24576

/*
 * Another root than AMD's, and the OCA that the platform must have.  Return 0; -EBADMSG for
 * what has no such certificate; -ENOMEM.
 */
int chain_set_anchor(struct chain *c, const uint8_t *data, size_t len);
int chain_set_oca(struct chain *c, const uint8_t *data, size_t len);

/* True when @cert is a CEK with a signature of an ASK in it, whether it is good or not. */
bool chain_cek_is_signed(const uint8_t *cert);

/* What came of a check. */
enum chain_state {
	CHAIN_GOOD,
	CHAIN_SKIPPED,		/* does not apply, or another check says what is missing */
	CHAIN_UNDECIDED,	/* something is missing */
	CHAIN_FAILED,
	CHAIN_MALFORMED,
};

/* A check, as people are told of it. */
struct chain_check {
	const char *code;	/* stable: for scripts */
	enum chain_cert cert;	/* what it is about */
	const char *expected;	/* "the ASK is signed by the ARK" */
	const char *todo;	/* what to do when it is not so */
	const char *todo_by_hand;	/* ... for who has tried --fetch; NULL: the same */
};

/* All of them, in the order in which they are made, from the root down. */
const struct chain_check *chain_check(size_t i);
#define CHAIN_N_CHECKS_MAX 64
size_t chain_n_checks(void);

struct chain_report {
	enum chain_state states[CHAIN_N_CHECKS_MAX];
	enum chain_state verdict;	/* GOOD, UNDECIDED, FAILED, MALFORMED */
	size_t first;			/* the check that made it so; meaningless when it is good */
	const char *product;		/* whose root key of AMD's it is; NULL: none */
	bool anchored;			/* the ARK is the user's anchor, not AMD's */
};

/*
 * Make all checks that can be made.
 *
 * Returns 0, whatever comes out; -ENOMEM or -EIO when OpenSSL cannot work.
 */
int chain_verify(const struct chain *c, struct chain_report *ret);

/* The state of the check @code about @cert. */
enum chain_state chain_state_of(const struct chain_report *report, const char *code,
				enum chain_cert cert);

/* The product whose root key of AMD's this is, such as "Milan"; NULL when it is none. */
const char *amd_cert_product(const struct amd_cert *ark);

/*
 * Checks that @ask_ark is the ASK and ARK of one of AMD's products (or of the anchor), in order,
 * and that the ASK signed the CEK of @c; chooses among files that were fetched.
 * Returns 0, -EBADMSG, -EKEYREJECTED, -ENOMEM or -EIO.
 */
int chain_fits(const struct chain *c, const uint8_t *ask_ark, size_t len);

/*
 * The SHA-256 over the certificate's key as it stands there: 1028 bytes of curve and numbers,
 * or AMD's exponent and modulus.
 */
#define CHAIN_FINGERPRINT_LEN 32
int chain_fingerprint(const uint8_t *cert, size_t len, uint8_t ret[static CHAIN_FINGERPRINT_LEN]);

#endif
