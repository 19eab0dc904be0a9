/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/late-library.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

/* Whole pages belong to what is read-only: the linker makes it so for RELRO. */
static int protect_slots(const struct late_library *l, int protection)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)l->slots;
	uintptr_t end = start + l->n * sizeof(*l->slots);

	start &= ~(page - 1);
	end = (end + page - 1) & ~(page - 1);
	return mprotect((void *)start, end - start, protection) < 0 ? -errno : 0;
}

int late_load(struct late_library *l, struct cause *why)
{
	void *found[LATE_FUNCTIONS_MAX];
	char error[256];
	int r;

	assert(l->n <= ARRAY_SIZE(found));
	if (l->is_loaded)
		return 0;
	if (library_load(l->soname, found, l->functions, error, sizeof(error)) < 0)
		return cause_set(why, -ELIBACC, "%s cannot be loaded: %s", l->name, error);
	r = protect_slots(l, PROT_READ | PROT_WRITE);
	if (r >= 0) {
		memcpy(l->slots, found, l->n * sizeof(*l->slots));
		r = protect_slots(l, PROT_READ);
	}
	if (r < 0)
		return cause_set(why, -ELIBACC, "%s cannot be used: %s", l->name, strerror(-r));
	l->is_loaded = true;
	return 0;
}

void late_need(struct late_library *l)
{
	struct cause why;

	if (late_load(l, &why) == 0)
		return;
	log_error("%s", why.text);
	_exit(EXIT_FAILURE);
}
