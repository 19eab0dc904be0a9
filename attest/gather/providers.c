/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/provider.h"

/*
 * In the order they are probed.  The TDX device is last: its report is good on its own machine
 * only.
 */
const struct attest_provider *const attest_kernel_providers[] = {
	&attest_configfs_tsm,
	&attest_sev_guest,
	&attest_tdx_guest,
	NULL,
};
