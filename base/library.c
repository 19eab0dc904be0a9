/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* Relocations in code are not in the file. */
static bool is_as_in_file(const struct dl_phdr_info *info, const ElfW(Phdr) *headers)
{
	const ElfW(Dyn) *d = NULL;

	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (headers[i].p_type == PT_DYNAMIC)
			d = (const void *)(info->dlpi_addr + headers[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
			return false;
	return true;
}

static int trim(struct dl_phdr_info *info, size_t size, void *userdata)
{
	uintptr_t page = *(const uintptr_t *)userdata;

	if (!is_as_in_file(info, info->dlpi_phdr))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t end = info->dlpi_addr + h->p_vaddr + h->p_filesz;

		/* The loader has one mapping for each of these, and writes to no other one. */
		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W) && h->p_filesz == h->p_memsz)
			(void) madvise((void *)start, end - start, MADV_DONTNEED);
	}
	return 0;
}

void library_trim(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void) dl_iterate_phdr(trim, &page);
}
