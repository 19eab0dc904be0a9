/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_FD_TCTI_H
#define COCO_ATTEST_GATHER_FD_TCTI_H

#include <tss2/tss2_tcti.h>

/*
 * A TPM behind a file descriptor that somebody else opened: the device, or a socket that speaks
 * as the device does.  tpm2-tss talks to a TPM through a TCTI, and the TCTIs that it brings open
 * the TPM themselves.
 */
struct fd_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V1 common;
	int fd;
	int error;	/* negative errno of the last transfer that failed; 0 if none has */
};

/* @fd stays the caller's, and must stay open as long as @t is used.  Nothing is to be freed. */
void fd_tcti_init(struct fd_tcti *t, int fd);

#endif
