/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/respond.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "crypto/bind.h"
#include "crypto/ecdsa.h"
#include "crypto/jwe-seal.h"

#define RELEASE_FORM 1

static void split(const char *jwe, struct bytes ret[static JWE_PARTS])
{
	for (size_t i = 0; i < JWE_PARTS; i++) {
		size_t len = strcspn(jwe, ".");

		ret[i] = (struct bytes){ (const uint8_t *)jwe, len };
		jwe += len + (jwe[len] == '.');
	}
}

/* Base64url needs no escape in JSON. */
static int format_body(const struct bytes part[static JWE_PARTS], char **ret)
{
	static const char *const names[JWE_PARTS] = { "protected", "encrypted_key", "iv",
						      "ciphertext", "tag" };
	size_t size = 2, n = 0;
	char *text;

	for (size_t i = 0; i < JWE_PARTS; i++)
		size += strlen(names[i]) + part[i].len + strlen("{\"\":\"\"");
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < JWE_PARTS; i++)
		n += (size_t)snprintf(text + n, size - n, "%c\"%s\":\"%.*s\"", i ? ',' : '{',
				      names[i], (int)part[i].len, (const char *)part[i].p);
	(void) snprintf(text + n, size - n, "}");
	*ret = text;
	return 0;
}

static int sign(const struct keys *k, const struct bytes part[static JWE_PARTS],
		const uint8_t rd[static BIND_RD_LEN], const char *path, uint64_t version,
		char **ret)
{
	_cleanup_(freep) char *signature64 = NULL;
	uint8_t hash[BIND_SHA256_LEN], text[BIND_RELEASE_LEN], signature[RELEASE_SIGNATURE_LEN];
	char *header;
	int r;

	r = bind_jwe(part, hash);
	if (r >= 0)
		r = bind_release(rd, path, version, hash, text);
	if (r >= 0)
		r = ecdsa_sign(keys_identity(k), EVP_sha256(),
			       (struct bytes){ text, sizeof(text) }, signature, sizeof(signature));
	if (r >= 0)
		r = base64url_encode(signature, sizeof(signature), &signature64);
	if (r < 0 ||
	    asprintf(&header, "%d.%" PRIu64 ".%s", RELEASE_FORM, version, signature64) < 0)
		return -ENOMEM;
	*ret = header;
	return 0;
}

int respond_release(const struct keys *k, const struct tee_key *to, const uint8_t rd[static 48],
		    const char *path, uint64_t version, const struct secret *plain,
		    char **ret_body, char **ret_release)
{
	_cleanup_(freep) char *jwe = NULL, *release = NULL;
	struct bytes part[JWE_PARTS];
	int r;

	r = jwe_seal(to, plain, &jwe);
	if (r < 0)
		return r;
	split(jwe, part);
	r = sign(k, part, rd, path, version, &release);
	if (r >= 0)
		r = format_body(part, ret_body);
	if (r >= 0)
		*ret_release = TAKE_PTR(release);
	return r;
}
