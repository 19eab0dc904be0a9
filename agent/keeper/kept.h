/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_KEPT_H
#define COCO_AGENT_KEEPER_KEPT_H

#include "agent/keeper/config.h"
#include "attest/gather/provider.h"
#include "wire/msg.h"

/*
 * What a keeper in an initrd judged by, kept for the keeper in the system after it.  The initrd
 * may have been measured; the root file system was not.
 *
 *	  0    8  magic "cocogat1"; the digit is the version
 *	  8    1  Require=: 1 none, 2 attested, 3 evidence
 *	  9    1  flags: 1 BindPolicy=, 2 there is an attest.conf, 4 an attest.trust
 *	 10    2  zero
 *	 12    4  length of attest.conf in bytes, at most ATTEST_POLICY_MAX; 0 without one
 *	 16    4  length of attest.trust, at most ATTEST_TRUST_MAX; 0 without one
 *	 20    4  the last verdict's result, enum attest_result; 0: none has come
 *	 24    8  CLOCK_REALTIME at which it came, in microseconds
 *	 32   32  SHA-256 of attest.conf, zeros without one
 *	 64   32  SHA-256 of attest.trust, zeros without one: the built-in roots
 *	 96  160  the configuration's first error, printable, then zeros; zeros without one
 *	256    x  the text of attest.conf, then that of attest.trust, without NUL; nothing after it
 *
 * Little-endian.  A later version of cocod reads this one too, for an update restarts it.
 */
#define KEPT_MAGIC "cocogat1"
#define KEPT_MAGIC_LEN 8
#define KEPT_HEADER_LEN 256
#define KEPT_ERROR_LEN 160
#define KEPT_MAX (KEPT_HEADER_LEN + ATTEST_POLICY_MAX + ATTEST_TRUST_MAX)

struct kept {
	enum require require;
	bool bind_policy;
	uint32_t result;		/* enum attest_result of the last verdict */
	uint64_t verdict_usec;
	char *policy, *trust;		/* NULL: there was none; a NUL follows that is not counted */
	size_t policy_len, trust_len;
	uint8_t policy_sha256[32], trust_sha256[32];	/* zeros for what is not there */
	char error[KEPT_ERROR_LEN];	/* "" without one */
};

struct kept *kept_free(struct kept *k);
DEFINE_CLEANUP(struct kept *, kept_free)

/*
 * Take the file's @len bytes at @data apart.  @ret is yours.
 * Returns 0; -EBADMSG for anything that kept_build() does not make; -ENOMEM.
 */
int kept_parse(const uint8_t *data, size_t len, struct kept **ret);

/* The file's bytes, *@ret_len of them; @ret is yours.  Returns 0 or -ENOMEM. */
int kept_build(const struct kept *k, uint8_t **ret, size_t *ret_len);

/*
 * What the configuration below @root amounts to.  @ret is yours; without a verdict.
 * Returns 0; an error of reading attest.conf or attest.trust, -EBADMSG when there is a NUL in
 * one, with the cause in @why; -ENOMEM.
 */
int kept_of_config(const struct config *config, const char *root, struct kept **ret, struct cause *why);

/*
 * Read the file @path, which has to be a regular file of root's (of this process' user, that
 * is) and mode 0600.
 * @ret is yours.  Returns 1; 0 when there is none; -EPERM for a file of another form or owner,
 * -EMSGSIZE, -EBADMSG, -ENOMEM, an errno of open(2) or read(2), with the cause in @why.
 */
int kept_load(const char *path, struct kept **ret, struct cause *why);

/*
 * Write the file @path, in one step; with @first there must be none yet.
 * Returns 0; -EEXIST with @first; -ENOMEM; an errno of write_file_atomic().
 */
int kept_save(const struct kept *k, const char *path, bool first);

/* In what two configurations differ: bits of MSG_DIFFERS_*. */
unsigned kept_differences(const struct kept *a, const struct kept *b);

/* What a keeper has of an initrd's, or leaves for the system after it. */
struct carried {
	struct kept *kept;	/* NULL: no initrd has left anything */
	bool own;		/* written by this initrd: its verdicts are noted there */
	unsigned differs;	/* MSG_DIFFERS_* bits: in what this system's configuration is another */
	char error[512];	/* why nothing may be released; "" when there is no reason */
	char path[256];
};

/*
 * Find out what an initrd has kept in the folder @runtime, or keep it, when this is an initrd
 * and nothing is there yet.  @config_root: where the configuration and /etc/initrd-release are
 * looked for.  Whatever goes wrong is in @ret->error.
 */
void carried_init(const struct config *config, const char *config_root, const char *runtime, struct carried *ret);
void carried_done(struct carried *c);

/* Note this verdict for the system after the initrd.  Returns 0, also where there is nothing to be noted, or an error of kept_save(). */
int carried_note(struct carried *c, const struct attest_verdict *v, uint64_t usec);

/* The names of the MSG_DIFFERS_* bits, with ", " between them, into @ret. */
void carried_differences(unsigned differs, char *ret, size_t size);

#endif
