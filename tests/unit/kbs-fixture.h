/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_KBS_FIXTURE_H
#define COCO_TESTS_UNIT_KBS_FIXTURE_H

/* For test-kbs*.c: a service with real keys and a real store, and one request after the other. */
#include <openssl/ec.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "broker/serve/kbs-call.h"
#include "broker/serve/watch.h"

#include <cmocka.h>

#define ERRORS "https://github.com/confidential-containers/kbs/errors/"

static struct service service;
static struct store *store;
static struct keys *keys;
static char store_folder[] = "/tmp/test-kbs-XXXXXX";
static struct http_reply reply;

static int open_service(void **state)
{
	struct secret *master = NULL;
	struct cause why = { "" };
	char address[128];

	if (secret_new(MASTER_KEY_LEN, &master) < 0 || !mkdtemp(store_folder))
		return -1;
	memset(secret_bytes(master), 7, MASTER_KEY_LEN);
	(void) snprintf(address, sizeof(address), "sqlite:%s/store.sqlite", store_folder);
	if (keys_new(master, EVP_EC_gen("P-256"), &keys) < 0 ||
	    store_open(address, NULL, &store, &why) < 0 ||
	    writer_new(store, "test", &service.writer, &why) < 0 ||
	    metrics_new(&service.metrics) < 0) {
		print_error("%s\n", why.text);
		return -1;
	}
	service.keys = keys;
	service.store = store;
	service.instance = "test";
	return 0;
}

static void reply_done(void)
{
	free(reply.body);
	free(reply.release);
	reply = (struct http_reply){ .status = 500 };
}

static int close_service(void **state)
{
	char command[160];

	reply_done();
	service.writer = writer_free(service.writer);
	service.metrics = metrics_free(service.metrics);
	store = store_close(store);
	keys = keys_free(keys);
	(void) snprintf(command, sizeof(command), "rm -r %s", store_folder);
	return system(command);
}

static void ask_with(const struct http_request *q)
{
	reply_done();
	service_handle(&service, q, &reply);
}

static void ask(const char *method, const char *path, const char *body, const char *cookie,
		const char *authorization)
{
	const struct http_request q = {
		.method = method,
		.path = path,
		.body = { (const uint8_t *)body, body ? strlen(body) : 0 },
		.cookie = cookie,
		.authorization = authorization,
		.peer = "192.0.2.1",
	};

	ask_with(&q);
}

static void answer_is(int status, const char *name)
{
	char type[128];

	if (reply.status != status || !reply.body)
		fail_msg("%d, not %d: %s", reply.status, status, reply.body ?: "-");
	(void) snprintf(type, sizeof(type), "{\"type\":\"" ERRORS "%s\",", name ?: "");
	if (name && strncmp(reply.body, type, strlen(type)) != 0)
		fail_msg("not %s: %s", name, reply.body);
	if ((status == 503) != (reply.retry_sec > 0))
		fail_msg("Retry-After: %u", reply.retry_sec);
	if (status != 200)
		assert_null(reply.release);
}

static void answer_says(const char *text)
{
	if (!reply.body || !strstr(reply.body, text))
		fail_msg("'%s' does not say '%s'", reply.body ?: "-", text);
}

#endif
