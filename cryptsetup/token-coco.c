/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcryptsetup-token-coco.so: libcryptsetup loads it for LUKS2 tokens of the type "coco", and asks
 * it for the key (libcryptsetup.h, "crypt-tokens").
 *
 * The host has the disk, and may answer differently whenever the disk is read.  So nothing is read
 * here: cocod gets the metadata that libcryptsetup has in memory, has it judged by the rules for
 * every volume (agent/worker/luks-judge.h), and only then gives the key.  libcryptsetup activates
 * by that metadata; of the disk it reads no more than the keyslot.
 */
#include <libcryptsetup.h>
#include <stdarg.h>
#include <stdio.h>

#include "cryptsetup/token-ask.h"
#include "cryptsetup/token-json.h"
#include "ipc/client.h"

/* Longer than cocod waits for a broker by default. */
#define TIMEOUT_USEC (120 * UINT64_C(1000000))

/* Declared in no header: libcryptsetup looks for them by name. */
const char *cryptsetup_token_version(void);
int cryptsetup_token_open(struct crypt_device *cd, int token, char **buffer, size_t *buffer_len,
			  void *usrptr);
void cryptsetup_token_buffer_free(void *buffer, size_t buffer_len);
int cryptsetup_token_validate(struct crypt_device *cd, const char *json);
void cryptsetup_token_dump(struct crypt_device *cd, const char *json);

_printf_(3, 4) static void say(struct crypt_device *cd, int level, const char *format, ...)
{
	char text[TOKEN_WHY_LEN + 64];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	crypt_log(cd, level, text);
}

const char *cryptsetup_token_version(void)
{
	return PACKAGE_VERSION;
}

/*
 * libcryptsetup tries the next token after -ENOENT and -EAGAIN, and ends after other errors: then
 * one token of the host's would keep all others from being tried.
 */
int cryptsetup_token_open(struct crypt_device *cd, int token, char **buffer, size_t *buffer_len,
			  void *usrptr)
{
	char secret[MSG_NAME_LEN + 1], why[TOKEN_WHY_LEN];
	struct token_question q = {
		.socket = COCOD_SOCKET,
		.secret = secret,
		.timeout_usec = TIMEOUT_USEC,
	};
	struct secret *key = NULL;
	const char *json = NULL;
	int r;

	if (crypt_token_json_get(cd, token, &json) < 0 || token_json_secret(json, secret) < 0) {
		say(cd, CRYPT_LOG_ERROR, "Token %d names no secret of cocod's.\n", token);
		return -ENOENT;
	}
	if (crypt_dump_json(cd, &q.header, 0) < 0 || !q.header) {
		say(cd, CRYPT_LOG_ERROR, "Token %d: there is no LUKS2 header to judge.\n", token);
		return -ENOENT;
	}
	r = token_ask(&q, &key, why);
	if (r < 0) {
		say(cd, CRYPT_LOG_ERROR, "Token %d: %s.\n", token, why);
		return r == -EAGAIN ? -EAGAIN : -ENOENT;
	}
	*buffer = (char *)secret_bytes(key);
	*buffer_len = secret_len(key);
	return 0;
}

void cryptsetup_token_buffer_free(void *buffer, size_t buffer_len)
{
	if (buffer)
		secret_free(secret_of_bytes(buffer));
}

int cryptsetup_token_validate(struct crypt_device *cd, const char *json)
{
	char secret[MSG_NAME_LEN + 1];

	return token_json_secret(json, secret) < 0 ? -EINVAL : 0;
}

void cryptsetup_token_dump(struct crypt_device *cd, const char *json)
{
	char secret[MSG_NAME_LEN + 1];

	if (token_json_secret(json, secret) == 0)
		say(cd, CRYPT_LOG_NORMAL, "\tcoco-secret: %s\n", secret);
	else
		say(cd, CRYPT_LOG_NORMAL, "\tcoco-secret: not the name of a secret\n");
}
