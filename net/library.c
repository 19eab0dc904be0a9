/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/library.h"

#include <dlfcn.h>
#include <stdio.h>

int library_load(const char *soname, void *table, const struct library_function *functions,
		 char *error, size_t error_size)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		snprintf(error, error_size, "%s", dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; functions[i].name; i++) {
		void *f = dlsym(handle, functions[i].name);

		if (!f) {
			snprintf(error, error_size, "%s is too old: it has no %s()", soname,
				 functions[i].name);
			return -ENOSYS;
		}
		memcpy((uint8_t *)table + i * sizeof(f), &f, sizeof(f));
	}
	return 0;
}
