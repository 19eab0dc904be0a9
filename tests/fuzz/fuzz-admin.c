/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as a request on the admin socket: whatever it is, there is an answer, and it is JSON. */
#include <assert.h>
#include <json-c/json.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/serve/admin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[] = "/tmp/fuzz-admin-XXXXXX";

static void remove_store(void)
{
	static const char *const names[] = { "store.sqlite", "store.sqlite-wal",
					     "store.sqlite-shm", "store.sqlite.lock" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void) unlink(path);
	}
	(void) rmdir(folder);
}

static void start(struct service *s)
{
	struct secret *master = NULL;
	struct cause why = { "" };
	struct keys *keys = NULL;
	char address[128];

	assert(mkdtemp(folder) && atexit(remove_store) == 0);
	(void) snprintf(address, sizeof(address), "sqlite:%s/store.sqlite", folder);
	assert(secret_new(MASTER_KEY_LEN, &master) == 0);
	assert(keys_new(master, EVP_EC_gen("P-256"), &keys) == 0);
	assert(store_open(address, NULL, &s->store, &why) == 0);
	assert(writer_new(s->store, "fuzz", &s->writer, &why) == 0);
	assert(denials_new(&s->denials) == 0);
	assert(judge_new(NULL, (const char *const[]){ NULL, NULL }, 1, &s->judge, &why) == 0);
	s->keys = keys;
	s->instance = "fuzz";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct service s;
	struct bytes request = { data, len };
	struct json_object *o, *ok;
	char *answer = NULL;
	int fd = -EBADF;

	if (!s.store)
		start(&s);
	(void) admin_takes_secret(request);
	(void) admin_takes_file(request);
	assert(admin_answer(&s, request, NULL, -EBADF, 0, &answer, &fd) == 0);
	o = json_tokener_parse(answer);
	assert(json_object_object_get_ex(o, "ok", &ok));
	assert(fd < 0 || json_object_get_boolean(ok));
	json_object_put(o);
	free(answer);
	(void) close_fd(fd);
	return 0;
}
