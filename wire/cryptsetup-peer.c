/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/cryptsetup-peer.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "wire/peer-name.h"

/* systemd writes lower case. */
static bool is_hex(char c)
{
	return hex_value(c) >= 0 && !(c >= 'A' && c <= 'F');
}

int cryptsetup_peer_parse(const char *name, size_t len, char ret_volume[static VOLUME_NAME_MAX + 1])
{
	const char *volume = peer_name_rest(name, len, "/cryptsetup/", &len);

	if (!volume || len > VOLUME_NAME_MAX || memchr(volume, '/', len))
		return -EINVAL;
	memcpy(ret_volume, volume, len);
	ret_volume[len] = '\0';
	return 0;
}

bool cryptsetup_unit_is_for(const char *unit, const char *volume)
{
	static const char prefix[] = "systemd-cryptsetup@", suffix[] = ".service";
	const char *p = unit, *end;

	if (strncmp(p, prefix, sizeof(prefix) - 1) != 0)
		return false;
	p += sizeof(prefix) - 1;
	if (strlen(p) < sizeof(suffix) - 1)
		return false;
	end = p + strlen(p) - (sizeof(suffix) - 1);
	if (strcmp(end, suffix) != 0)
		return false;

	/*
	 * systemd.unit(5), "String Escaping for Inclusion in Unit Names": '/' is '-', what is
	 * not plain is \xNN.
	 */
	for (; p < end; volume++) {
		char c = *p;

		if (c == '-') {
			c = '/';
			p++;
		} else if (c == '\\') {
			if (end - p < 4 || p[1] != 'x' || !is_hex(p[2]) || !is_hex(p[3]))
				return false;
			c = (char)(hex_value(p[2]) << 4 | hex_value(p[3]));
			p += 4;
		} else {
			p++;
		}
		if (c == '\0' || c != *volume)
			return false;
	}
	return *volume == '\0';
}
