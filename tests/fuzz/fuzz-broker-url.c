/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input: an address.  What is accepted has one spelling, which says the same when read again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/broker-url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int (*parse)(const char *text, struct broker_url *ret), const char *text)
{
	struct broker_url u, again;

	if (parse(text, &u) < 0)
		return;
	assert(u.port > 0 && (u.scheme == BROKER_VSOCK) == (u.host[0] == '\0') &&
	       (u.scheme == BROKER_VSOCK) == (u.cid > 0));
	for (const char *p = u.text; *p; p++)
		assert(*p > ' ' && *p <= '~' && !strchr("@?#%\\\"'", *p));
	assert(!strchr(strstr(u.text, "://") + 3, '/'));
	assert(parse(u.text, &again) == 0 && memcmp(&u, &again, sizeof(u)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[512], host[BROKER_NAME_LEN], again[BROKER_NAME_LEN];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	check(broker_url_parse, text);
	check(broker_proxy_parse, text);
	if (broker_host_parse(text, host) == 0)
		assert(broker_host_parse(host, again) == 0 && strcmp(host, again) == 0);
	return 0;
}
