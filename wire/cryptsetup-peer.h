/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CRYPTSETUP_PEER_H
#define COCO_WIRE_CRYPTSETUP_PEER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The longest name of a volume for which its socket's name has room: 107 bytes less NUL, 1 digit,
 * "/cryptsetup/".
 */
#define VOLUME_NAME_MAX 93

/* With 16 digits, which systemd may choose: such a name always has room. */
#define VOLUME_NAME_SURE (VOLUME_NAME_MAX - 15)

/*
 * Find the volume in the name to which systemd-cryptsetup binds its socket before it connects
 * (crypttab(5), "AF_UNIX key files"): NUL, 1 to 16 hexadecimal digits, "/cryptsetup/", the
 * volume.  @name is sun_path of @len bytes, as getpeername(2) gave it; it is not NUL-terminated.
 * Names with -tpm2, -fido2 and -pkcs11 ask for something other than a passphrase and are refused.
 *
 * Returns 0; -EINVAL when the name has another form, or when the volume has a slash, or a byte
 * that is not printable ASCII.
 */
int cryptsetup_peer_parse(const char *name, size_t len,
			  char ret_volume[static VOLUME_NAME_MAX + 1]);

/*
 * True if @unit is "systemd-cryptsetup@INSTANCE.service" and INSTANCE, unescaped as systemd does,
 * is @volume.
 */
bool cryptsetup_unit_is_for(const char *unit, const char *volume);

#endif
