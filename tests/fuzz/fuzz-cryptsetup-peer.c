/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: a socket's name, then after a newline a unit's name.  An accepted name is a safe name of
 * a volume, and is found in the unit that systemd would make of it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/cryptsetup-peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Escape a name for a unit's instance, as systemd does. */
static void escape(const char *name, char *to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    ":_.";

	for (const char *p = name; *p; p++)
		to += sprintf(to, strchr(plain, *p) && !(p == name && *p == '.') ? "%c" : "\\x%02x",
			      (unsigned char)*p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char volume[VOLUME_NAME_MAX + 1], unit[512] = "systemd-cryptsetup@", other[512];
	const uint8_t *nl = len ? memchr(data, '\n', len) : NULL;
	size_t n = nl ? (size_t)(nl - data) : len;

	if (cryptsetup_peer_parse((const char *)data, n, volume) < 0)
		strcpy(volume, "data");
	assert(strlen(volume) > 0 && !strchr(volume, '/'));
	escape(volume, unit + strlen(unit));
	strcat(unit, ".service");
	assert(cryptsetup_unit_is_for(unit, volume));

	if (nl && len - n - 1 < sizeof(other)) {
		memcpy(other, nl + 1, len - n - 1);
		other[len - n - 1] = '\0';
		/* Two names for the same volume differ in their escapes, never in the volume. */
		if (cryptsetup_unit_is_for(other, volume))
			assert(!cryptsetup_unit_is_for(other, "another"));
	}
	return 0;
}
