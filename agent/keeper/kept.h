/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_KEPT_H
#define COCO_AGENT_KEEPER_KEPT_H

#include "agent/keeper/config.h"
#include "attest/gather/provider.h"
#include "wire/msg.h"

/*
 * What a keeper in an initrd judged evidence by, kept for the keeper in the system after it.  The
 * initrd may have been measured; the root file system was not.
 *
 *	  0    8  magic "cocogat1"; the digit is the version
 *	  8    1  Require=: 1 none, 2 attested, 3 evidence
 *	  9    1  flags: 1 BindPolicy=, 2 attest.conf exists, 4 attest.trust exists
 *	 10    2  zero
 *	 12    4  length of attest.conf in bytes, at most ATTEST_POLICY_MAX; 0 without one
 *	 16    4  length of attest.trust, at most ATTEST_TRUST_MAX; 0 without one
 *	 20    4  the last verdict's result, enum attest_result; 0 before the first
 *	 24    8  CLOCK_REALTIME at which it came, in microseconds
 *	 32   32  SHA-256 of attest.conf, zeros without one
 *	 64   32  SHA-256 of attest.trust, zeros without one: the built-in roots
 *	 96  160  the configuration's first error, printable, then zeros; zeros without one
 *	256    x  the text of attest.conf, then that of attest.trust, without NUL; nothing after it
 *
 * Little-endian.  A later version of cocod must read this version too: an update restarts cocod.
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
	/* NULL without a file; followed by a NUL that is not counted */
	char *policy, *trust;
	size_t policy_len, trust_len;
	uint8_t policy_sha256[32], trust_sha256[32];	/* zeros without the file */
	char error[KEPT_ERROR_LEN];	/* "" without an error */
};

struct kept *kept_free(struct kept *k);
DEFINE_CLEANUP(struct kept *, kept_free)

/*
 * Parse the @len bytes at @data, a whole file.  @ret is yours.
 *
 * Returns 0; -EBADMSG for anything that kept_build() does not make; -ELIBACC when there is a
 * policy or a trust file, and OpenSSL cannot be loaded to check it; -ENOMEM.
 */
int kept_parse(const uint8_t *data, size_t len, struct kept **ret);

/* Build the bytes of the file, *@ret_len of them; @ret is yours.  Returns 0 or -ENOMEM. */
int kept_build(const struct kept *k, uint8_t **ret, size_t *ret_len);

/*
 * Take what must be kept from the configuration below @root.  @ret is yours; it has no verdict.
 *
 * Returns 0; the error of reading attest.conf or attest.trust, or -EBADMSG when one of them
 * contains a NUL; -ELIBACC without OpenSSL; -ENOMEM; with the cause in @why.
 */
int kept_of_config(const struct config *config, const char *root, struct kept **ret,
		   struct cause *why);

/*
 * Read the file @path.  It must be a regular file of mode 0600, owned by the user of this
 * process, which is root.
 *
 * @ret is yours.  Returns 1; 0 when the file does not exist; -EPERM for a wrong type, mode or
 * owner; -EMSGSIZE, -EBADMSG, -ELIBACC, -ENOMEM, or an errno of open(2) or read(2), with the
 * cause in @why.
 */
int kept_load(const char *path, struct kept **ret, struct cause *why);

/*
 * Write the file @path in one step.  With @first it must not exist yet.
 *
 * Returns 0; -EEXIST with @first; -ENOMEM; an errno of write_file_atomic().
 */
int kept_save(const struct kept *k, const char *path, bool first);

/* How two configurations differ: bits of MSG_DIFFERS_*. */
unsigned kept_differences(const struct kept *a, const struct kept *b);

/* What a keeper got from an initrd, or leaves for the system after the initrd. */
struct carried {
	struct kept *kept;	/* NULL when no initrd left anything */
	bool own;		/* this initrd wrote the file, and notes its verdicts there */
	unsigned differs;	/* MSG_DIFFERS_* bits: how this system's configuration differs */
	char error[512];	/* why nothing may be released; "" when no error forbids it */
	char path[256];
};

/*
 * Read what an initrd has kept in the folder @runtime.  In an initrd, write it there if it does
 * not exist yet.  The configuration is read below @config_root.  It is an initrd with @initramfs,
 * or with /etc/initrd-release there.  Errors go to @ret->error.
 */
void carried_init(const struct config *config, const char *config_root, const char *runtime,
		  bool initramfs, struct carried *ret);
void carried_done(struct carried *c);

/*
 * Note this verdict for the system after the initrd.  Returns 0, also when there is nothing to
 * note, or an error of kept_save().
 */
int carried_note(struct carried *c, const struct attest_verdict *v, uint64_t usec);

/* The names of the MSG_DIFFERS_* bits, with ", " between them, into @ret. */
void carried_differences(unsigned differs, char *ret, size_t size);

#endif
