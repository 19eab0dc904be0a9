/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: a socket's name.  An accepted name can be made again from its unit and its credential, so
 * that it can be read in one way only, and is of a unit that its own template stands for.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/credential-peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char rest[512], pattern[CREDENTIAL_UNIT_MAX + 1];
	struct credential_peer p;
	const char *at;
	size_t n;
	bool template;

	if (credential_peer_parse((const char *)data, len, &p) < 0)
		return 0;
	n = (size_t)snprintf(rest, sizeof(rest), "/unit/%s/%s", p.unit, p.name);
	assert(len > n + 1 && len - n - 1 <= PEER_NAME_DIGITS);
	assert(memcmp(data + len - n, rest, n) == 0);
	assert(!strchr(p.unit, '/') && !strchr(p.name, '/') && p.name[0]);
	assert(unit_name_is_valid(p.unit, &template) && !template);
	assert(unit_name_is_for(p.unit, p.unit));
	at = strchr(p.unit, '@');
	if (at) {
		snprintf(pattern, sizeof(pattern), "%.*s%s", (int)(at + 1 - p.unit), p.unit,
			 strrchr(p.unit, '.'));
		assert(unit_name_is_for(p.unit, pattern));
	}
	return 0;
}
