/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CRYPTSETUP_PEER_H
#define COCO_WIRE_CRYPTSETUP_PEER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A volume's name is at most as long as its socket name leaves room for: 107 bytes less NUL, 1
 * digit, "/cryptsetup/".
 */
#define VOLUME_NAME_MAX 93

/*
 * The volume from the name to which systemd-cryptsetup binds its socket before it connects
 * (crypttab(5), "AF_UNIX key files"): NUL, 1 to 16 hexadecimal digits, "/cryptsetup/", the
 * volume.  @name is sun_path of @len bytes, as getpeername(2) gave it; it is not
 * NUL-terminated.  The -tpm2, -fido2 and -pkcs11 forms ask for something else than a passphrase
 * and are no such name.
 *
 * Returns 0; -EINVAL when it is no such name, or when the volume has bytes that are no
 * printable ASCII, or a slash.
 */
int cryptsetup_peer_parse(const char *name, size_t len, char ret_volume[static VOLUME_NAME_MAX + 1]);

/*
 * Whether @unit is "systemd-cryptsetup@INSTANCE.service" and INSTANCE, unescaped as systemd
 * does, is @volume.
 */
bool cryptsetup_unit_is_for(const char *unit, const char *volume);

#endif
