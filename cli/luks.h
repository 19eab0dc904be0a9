/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_H
#define COCO_CLI_LUKS_H

#include "cli/args.h"
#include "cli/luks-volume.h"

/* What the luks verbs share. */

/* Keep secrets out of core dumps.  Returns 0 or the exit status. */
int luks_protect(void);

#define ROWS_LUKS_PASSPHRASE                                                                  \
	{ "passphrase-fd", "N", "read an existing passphrase from this descriptor, one line", \
	  OPTION_NUMBER(luks.passphrase_fd, 0, 65535), .excludes = "unlock-key-file" },       \
	{                                                                                     \
		"unlock-key-file", "FILE", "the file is an existing passphrase, whole",       \
			OPTION_PATH(luks.unlock_key_file)                                     \
	}

#define ROWS_LUKS_KEY                                                                         \
	{ "random-secret", NULL, "the secret is random: no need to derive its key for long",  \
	  OPTION_FLAG(luks.random_secret) },                                                  \
	{                                                                                     \
		"root", "DIR", "the system whose crypttab and units these are",               \
			OPTION_PATH(luks.root)                                                \
	}

/* True if the passphrase is not to be asked for at the terminal. */
bool luks_has_passphrase(const struct args_luks *a);

/*
 * Get a passphrase from where the command line says, or ask with @prompt.  @ret is yours.  Returns
 * 0, or a negative errno after it has logged it.
 */
int luks_passphrase(const struct args_luks *a, const char *prompt, struct secret **ret);

/* Log that the passphrase @s does not open @device, and why that may be. */
void luks_log_wrong(const char *device, const struct secret *s);

#endif
