/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_PASSPHRASE_H
#define COCO_CLI_PASSPHRASE_H

#include "base/secret.h"

/*
 * Where an existing passphrase comes from.  @ret is yours.  All return a negative errno after
 * they have logged it.
 */

/* All bytes of a file, as systemd-cryptenroll(1) reads --unlock-key-file=. */
int passphrase_of_file(const char *path, struct secret **ret);

/* The first line from @fd, without its newline. */
int passphrase_of_fd(int fd, struct secret **ret);

/*
 * Ask at the terminal, which shows @prompt and nothing of what is typed, and wait for a line.
 * -ENXIO: there is no terminal.
 */
int passphrase_ask(const char *prompt, struct secret **ret);

#endif
