/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_RECOVERY_H
#define COCO_BROKER_CORE_RECOVERY_H

#include "base/cause.h"
#include "base/secret.h"

/*
 * The recovery key opens a backup when nothing else is left: 32 random bytes that a person keeps on
 * paper.  Beside the master key lies a copy of it that only the recovery key opens, and that goes
 * into each backup; so a backup can be made without the recovery key.
 *
 * For people, the key is 13 groups of five characters with '-' between.  Four of a group are 20
 * bits, of the letters and digits without I, L, O and U; the fifth is their check.
 */
#define RECOVERY_KEY_LEN 32

/*
 * Make a new key.  @ret is yours.  Returns 0; -EIO without random bytes; an error of secret_new().
 */
int recovery_key_new(struct secret **ret);

/* The text of a key, with a newline.  @ret is yours.  Returns 0, or an error of secret_new(). */
int recovery_key_format(const struct secret *key, struct secret **ret);

/*
 * Read what a person typed: of either case, I and L as 1, O as 0, with '-', blanks and newlines
 * anywhere.  @ret is yours.  Returns 0; -EBADMSG, and @why says which group is wrong, but not what
 * is in it; an error of secret_new().
 */
int recovery_key_parse(const struct secret *text, struct secret **ret, struct cause *why);

/*
 * The copy of @master for @key, one line of text:
 *
 *	"coco-recovery 1 " | BASE64 of iv[12] | ciphertext[32] | tag[16] | code[32]
 *
 * AES-256-GCM under HKDF(key, "coco recovery"), and HMAC-SHA256 of what is before, under
 * HKDF(master, "coco recovery code"), which shows whose copy it is.
 *
 * recovery_wrap(): @ret is yours.  Returns 0; -EIO; -ENOMEM.
 * recovery_check(): Returns 0; -EBADMSG for another text; -EKEYREJECTED for another master key's.
 * recovery_unwrap(): @ret is yours.  Returns 0; -EBADMSG for another text; -EKEYREJECTED when @key
 * does not open it; an error of secret_new().
 */
#define RECOVERY_COPY_MAX 256
int recovery_wrap(const struct secret *key, const struct secret *master, char **ret);
int recovery_check(const struct secret *master, const char *text);
int recovery_unwrap(const struct secret *key, const char *text, struct secret **ret);

#endif
