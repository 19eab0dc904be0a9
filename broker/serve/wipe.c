/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/wipe.h"

#include <malloc.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "base/macro.h"

static void wipe_free(void *p)
{
	if (!p)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc(3) would leave the old bytes behind when it moves them, so it is not used. */
static void *wipe_realloc(void *old, size_t size)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *p;

	if (old && size == 0) {
		wipe_free(old);
		return NULL;
	}
	if (size <= had && size > had / 2) {
		explicit_bzero((uint8_t *)old + size, had - size);
		return old;
	}
	p = malloc(size);
	if (!p)
		return NULL;
	if (old)
		memcpy(p, old, MIN(had, size));
	wipe_free(old);
	return p;
}

/* ---- OpenSSL also says where it calls from ---- */

static void *crypto_malloc(size_t size, const char *file, int line)
{
	return malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
	return wipe_realloc(old, size);
}

static void crypto_free(void *p, const char *file, int line)
{
	wipe_free(p);
}

int wipe_install(void)
{
	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return -EBUSY;
	event_set_mem_functions(malloc, wipe_realloc, wipe_free);
	return 0;
}
