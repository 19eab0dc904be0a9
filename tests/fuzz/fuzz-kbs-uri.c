/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input: a URI.  What is accepted is a safe path, and has one spelling. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/kbs-uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[1024], again[BROKER_URL_LEN + 8], request[BROKER_URL_LEN + 8];
	struct kbs_uri u, other;
	size_t words;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	(void) kbs_path_is_valid(text);
	if (kbs_uri_parse(text, &u) < 0)
		return 0;
	assert(kbs_path_is_valid(u.path));
	/* A query may have any of it. */
	words = strcspn(u.path, "?");
	assert(!memmem(u.path, words, "/.", 2) && !memmem(u.path, words, "//", 2));
	kbs_path_format(u.path, again, sizeof(again));
	assert(kbs_uri_parse(again, &other) == 0 && strcmp(u.path, other.path) == 0);
	kbs_path_request(u.path, request, sizeof(request));
	for (const char *p = request; *p; p++)
		assert(*p > ' ' && *p <= '~');
	return 0;
}
