/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/macro.h"

enum { SHA256, SHA384, _DIGEST_MAX };

static const char *const names[_DIGEST_MAX] = {
	[SHA256] = "SHA256",
	[SHA384] = "SHA384",
};

static EVP_MD *fetched[_DIGEST_MAX];

static void free_fetched(void)
{
	for (unsigned i = 0; i < _DIGEST_MAX; i++) {
		EVP_MD_free(fetched[i]);
		fetched[i] = NULL;
	}
}

/* If it fails, the next call tries again. */
static const EVP_MD *get(unsigned which)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool freed_at_exit;
	const EVP_MD *found;

	(void) pthread_mutex_lock(&lock);
	if (!freed_at_exit)
		freed_at_exit = OPENSSL_atexit(free_fetched) == 1;
	if (!fetched[which])
		fetched[which] = EVP_MD_fetch(NULL, names[which], NULL);
	found = fetched[which];
	(void) pthread_mutex_unlock(&lock);
	return found;
}

const EVP_MD *digest_sha256(void)
{
	return get(SHA256);
}

const EVP_MD *digest_sha384(void)
{
	return get(SHA384);
}

int digest_sha256_of(struct bytes data, uint8_t ret[static 32])
{
	return EVP_Digest(data.p, data.len, ret, NULL, digest_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}
