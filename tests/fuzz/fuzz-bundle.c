/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attest/bundle.h"
#include "base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pack that is read and written again is the same pack. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(bundle_done) struct bundle e = { 0 };
	_cleanup_(closep) int fd = -EBADF;
	_cleanup_(freep) uint8_t *back = NULL;

	if (bundle_read_pack(&e, data, size) < 0)
		return 0;
	fd = memfd_create("pack", MFD_CLOEXEC);
	back = malloc(size + 1);
	if (fd < 0 || !back || bundle_write_pack(&e, fd) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (read_full(fd, back, size + 1) != (ssize_t)size || memcmp(back, data, size) != 0)
		abort();
	return 0;
}
