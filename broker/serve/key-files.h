/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_KEY_FILES_H
#define COCO_BROKER_SERVE_KEY_FILES_H

#include "broker/core/keys.h"
#include "broker/serve/settings.h"

/*
 * The broker's keys in their files: the master key is 32 bytes, the identity a private key in PEM,
 * its certificate PEM too.  A file with a key is refused when others than its owner may write it,
 * or everybody may read it.
 */
#define KEY_FILE_MAX 16384

/*
 * Read a file with a key into locked memory.  @ret is yours.  Returns 0; -ENOENT; -EPERM when
 * others may read or write it; -EMSGSIZE; an error of open(2), read(2) or secret_new().
 */
int key_file_read(const char *path, struct secret **ret, struct cause *why);

/*
 * Read the keys that the settings name.  @ret and @ret_pem, the certificate's text, are yours.
 * Returns 0; -EBADMSG when the certificate is not the identity's; an error of key_file_read(),
 * identity_key_parse() or keys_new().
 */
int key_files_read(const struct broker_settings *s, struct keys **ret, char **ret_pem,
		   struct cause *why);

/*
 * Read the public key of Admin TokenKey=, PEM.  @ret is yours.  Returns 0; -EBADMSG;
 * -EOPNOTSUPP for a kind by which no token can be signed; an error of reading.
 */
int token_key_read(const char *path, EVP_PKEY **ret, struct cause *why);

#endif
