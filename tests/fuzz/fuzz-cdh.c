/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: the head of a request.  A target that is taken is written in one way only, and is the
 * name of one secret at a broker.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/cdh.h"
#include "wire/http-head.h"
#include "wire/kbs-uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const char *target)
{
	char path[BROKER_PATH_LEN], again[BROKER_PATH_LEN + 64];
	struct kbs_uri uri;

	if (!cdh_target_parse(target, path))
		return;
	snprintf(again, sizeof(again), "/cdh/resource/%s", path);
	assert(strcmp(again, target) == 0);
	snprintf(again, sizeof(again), "kbs:///%s", path);
	assert(kbs_uri_parse(again, &uri) == 0 && strcmp(uri.path, path) == 0 && !uri.host[0]);
	assert(!strstr(path, "..") || !strstr(path, "/.."));
	assert(!strpbrk(path, "%?#\\+ ") && !strstr(path, "//"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[HTTP_HEAD_MAX + 1];
	struct http_head h;

	if (len > HTTP_HEAD_MAX)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (strlen(text) == len)
		check(text);
	if (http_head_parse(text, len, &h) == 0)
		check(h.path);
	return 0;
}
