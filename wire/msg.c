/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/msg.h"

#include <stddef.h>

static const char *const state_names[_SECRET_STATE_MAX] = {
	[SECRET_PRESENT] = "present",
	[SECRET_DELIVERED] = "delivered",
	[SECRET_CONFIRMED] = "confirmed",
	[SECRET_WIPED] = "wiped",
};

static const char *const wipe_names[_SECRET_WIPE_MAX] = {
	[WIPE_CONFIRMED] = "confirmed",
	[WIPE_DELIVERED] = "delivered",
	[WIPE_BOOT_COMPLETE] = "boot-complete",
	[WIPE_MANUAL] = "manual",
};

const char *secret_state_name(unsigned state)
{
	return state < _SECRET_STATE_MAX ? state_names[state] : "unknown";
}

const char *secret_wipe_name(unsigned wipe)
{
	return wipe < _SECRET_WIPE_MAX ? wipe_names[wipe] : "unknown";
}
