/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: broker-seed CONF PATH [POLICY VALUE]
 *
 * Puts a secret into the store of a broker that does not run, or removes it, for tests of what
 * comes later.
 */
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/key-files.h"
#include "broker/serve/service.h"
#include "broker/serve/settings.h"

#define WHO "uid 0"

static int put(struct service *s, const char *path, const char *policy, const char *value,
	       struct cause *why)
{
	_cleanup_(secret_freep) struct secret *secret = NULL;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int fd = open(value, O_RDONLY | O_CLOEXEC);
	struct secret_change c = { .path = path, .create = true, .replace = true, .who = WHO };
	uint64_t version;
	int r;

	r = read_file_at(AT_FDCWD, policy, SECRET_POLICY_MAX, &text, &c.policy_len);
	if (r >= 0)
		r = secret_read(fd, JWE_CIPHERTEXT_MAX, &secret);
	if (r < 0)
		return cause_set(why, r, "%s or %s cannot be read", policy, value);
	c.policy = text;
	c.value = secret;
	return service_secret_set(s, &c, &version, why);
}

int main(int argc, char **argv)
{
	struct broker_settings settings = { .instance = NULL };
	struct service s = { .instance = "seed" };
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_(keys_freep) struct keys *keys = NULL;
	_cleanup_(freep) char *pem = NULL;
	struct cause why = { "" };
	int r;

	if (argc != 3 && argc != 5)
		return 64;
	r = broker_settings_read(argv[1], &settings, &why);
	if (r >= 0)
		r = key_files_read(&settings, &keys, &pem, &why);
	if (r >= 0)
		r = broker_settings_store(&settings, &store, &why);
	if (r >= 0)
		r = writer_new(store, s.instance, &s.writer, &why);
	s.keys = keys;
	s.store = store;
	if (r >= 0)
		r = argc == 5 ? put(&s, argv[2], argv[3], argv[4], &why) :
				service_secret_remove(&s, argv[2], WHO, &why);
	if (r < 0 && !(argc == 3 && r == -ENOENT)) {
		(void) fprintf(stderr, "broker-seed: %s\n", why.text);
		return 1;
	}
	s.writer = writer_free(s.writer);
	broker_settings_done(&settings);
	return 0;
}
