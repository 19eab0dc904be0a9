/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of a kernel that is to be launched. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "doctor/host.h"
#include "wire/pe.h"

/* Kernels and images have their headers in the first page or two. */
#define HEAD_MAX (64 << 10)

/* Returns the number of bytes that were read, or a negative errno. */
static ssize_t read_head(const char *path, uint8_t *ret, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return read_full(fd, ret, size);
}

static void judge(const char *path, const struct pe *pe, struct result *r)
{
	result_saw(r, path, "subsystem %u, DllCharacteristics 0x%x", pe->subsystem,
		   pe->characteristics);
	if (pe->subsystem != PE_SUBSYSTEM_EFI_APPLICATION) {
		result_set(r, OUTCOME_FAIL, "This is a program, but none that EFI starts");
		result_fix(r, FIX_LAUNCH_ARG, "Name the kernel, or a unified kernel image");
	} else if (pe->characteristics & PE_NX_COMPAT) {
		result_set(r, OUTCOME_PASS, "The kernel file is NX_COMPAT");
	} else {
		result_set(r, OUTCOME_WARN,
			   "The kernel file is not NX_COMPAT: strict firmware refuses it, or maps "
			   "it writable and executable at once");
		result_fix(r, FIX_KERNEL_CONFIG,
			   "Build the image anew with a newer kernel or EFI stub; it is a bit of "
			   "the file's header, and what the file does must fit");
	}
}

void host_kernel_file(struct exam *x, struct result *r)
{
	_cleanup_(freep) uint8_t *head = NULL;
	struct pe pe;
	ssize_t n;

	if (!x->kernel) {
		result_set(r, OUTCOME_NA, "No file was named; --kernel FILE looks at one");
		return;
	}
	head = malloc(HEAD_MAX);
	n = head ? read_head(x->kernel, head, HEAD_MAX) : -ENOMEM;
	if (n < 0) {
		result_saw(r, x->kernel, "%s", n == -EINVAL ? "not a file" : strerror((int)-n));
		result_set(r, OUTCOME_FAIL, "The kernel file cannot be read");
		return;
	}
	if (pe_read(head, (size_t)n, &pe) == 0) {
		judge(x->kernel, &pe, r);
		return;
	}
	result_saw(r, x->kernel, "no headers of an EFI program in its first %zd bytes", n);
	result_set(r, OUTCOME_FAIL, "The kernel file is no program that EFI starts");
	result_fix(r, FIX_LAUNCH_ARG,
		   "Name the kernel itself (bzImage), unpacked, or a unified kernel image");
}
