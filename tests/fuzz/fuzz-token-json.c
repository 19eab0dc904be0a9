/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a token's text is: it names nothing, or a secret by a name that is safe in a path and in
 * a log.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cryptsetup/token-json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char name[MSG_NAME_LEN + 1] = "untouched", *json = malloc(len + 1);
	int r;

	assert(json);
	memcpy(json, data, len);
	json[len] = '\0';
	r = token_json_secret(json, name);
	assert(r == 0 || r == -EINVAL || r == -EMSGSIZE || r == -ENOMEM);
	if (r == 0) {
		assert(name[0] && name[0] != '.' && name[0] != '-');
		for (const char *p = name; *p; p++)
			assert(is_safe(*p));
		assert(strlen(json) <= TOKEN_JSON_MAX && strstr(json, "\"coco-secret\""));
	} else {
		assert(strcmp(name, "untouched") == 0);
	}
	free(json);
	return 0;
}
