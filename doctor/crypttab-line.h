/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_CRYPTTAB_LINE_H
#define COCO_DOCTOR_CRYPTTAB_LINE_H

#include <sys/stat.h>

#include "base/cause.h"
#include "wire/crypttab.h"

/* crypttab(5), as far as a volume that gets its key from cocod is concerned. */

/*
 * Find the option @name in a line's @options.  Returns its value, which ends at the next comma or
 * NUL and has @ret_len bytes, none for an option without a value; NULL when it is not there.  The
 * last one counts, as it does for systemd.
 */
const char *crypttab_line_option(const char *options, const char *name, size_t *ret_len);

/*
 * True if the line's @device is the volume with this @uuid, or is the device or file of @st: it may
 * be UUID=, LABEL=, PARTUUID=, PARTLABEL= or a path.
 */
bool crypttab_is_device(const char *device, const char *uuid, const struct stat *st);

/*
 * Judge whether systemd-cryptsetup, by this line, gets the key of @key_len bytes from cocod and
 * opens keyslot @keyslot with it; that is -1 before it exists.
 *
 * Returns 0; -EINVAL with the reason in @c: the line's number, what does not work and why.
 */
int crypttab_judge(const struct crypttab_line *line, int keyslot, size_t key_len, struct cause *c);

/*
 * The third field of a line with which @volume reaches cocod: "none" when a socket in
 * /run/cryptsetup-keys.d can have its name, else the socket for all volumes.  @ret_unit is the
 * unit that listens there.
 */
#define CRYPTTAB_UNIT_MAX 192
const char *crypttab_key(const char *volume, char ret_unit[static CRYPTTAB_UNIT_MAX]);

/*
 * Where cocod-header(8) copies the header of @volume to, for header= in its line, and the unit that
 * does it.  Returns false when the volume's name is none that it takes.
 */
#define CRYPTTAB_HEADER_MAX 128
bool crypttab_header(const char *volume, char ret[static CRYPTTAB_HEADER_MAX],
		     char ret_unit[static CRYPTTAB_UNIT_MAX]);

/* True if the volume is opened by that copy. */
bool crypttab_has_copy(const struct crypttab_line *line);

#endif
