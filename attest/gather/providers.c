/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/provider.h"

/*
 * In the order in which they are probed.  The TDX device comes last: only its own machine can
 * check its report.
 */
const struct attest_provider *const attest_kernel_providers[] = {
	&attest_configfs_tsm,
	&attest_sev_guest,
	&attest_tdx_guest,
	NULL,
};
