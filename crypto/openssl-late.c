/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/openssl-late.h"

/* Elsewhere the program is linked with libcrypto: openssl-late.S. */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

#include <sys/mman.h>
#include <unistd.h>

#include "base/library.h"
#include "base/log.h"
#include "crypto/openssl-names.h"

#define LIBRARY "libcrypto.so.3"

LIBRARY_NOTE(LIBRARY, "crypto", "required", "Evidence, and secrets of a broker");

static const struct library_function functions[] = { OPENSSL_NAMES(LIBRARY_ROW) { NULL } };

#define N_FUNCTIONS (ARRAY_SIZE(functions) - 1)

/* In openssl-late.S, in the order of the names. */
extern void *openssl_slots[N_FUNCTIONS] __attribute__((visibility("hidden")));

/* Whole pages belong to what is read-only: the linker makes it so for RELRO. */
static int protect_slots(int protection)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)openssl_slots;
	uintptr_t end = start + sizeof(openssl_slots);

	start &= ~(page - 1);
	end = (end + page - 1) & ~(page - 1);
	return mprotect((void *)start, end - start, protection) < 0 ? -errno : 0;
}

int openssl_load(struct cause *why)
{
	static bool loaded;
	void *found[N_FUNCTIONS];
	char error[256];
	int r;

	if (loaded)
		return 0;
	if (library_load(LIBRARY, found, functions, error, sizeof(error)) < 0)
		return cause_set(why, -ELIBACC, "OpenSSL cannot be loaded: %s", error);
	r = protect_slots(PROT_READ | PROT_WRITE);
	if (r >= 0) {
		memcpy(openssl_slots, found, sizeof(found));
		r = protect_slots(PROT_READ);
	}
	if (r < 0)
		return cause_set(why, -ELIBACC, "OpenSSL cannot be used: %s", strerror(-r));
	loaded = true;
	return 0;
}

void openssl_need(void)
{
	struct cause why;

	if (openssl_load(&why) == 0)
		return;
	log_error("%s", why.text);
	_exit(EXIT_FAILURE);
}

#endif
