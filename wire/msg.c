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

static const char *const result_names[_ATTEST_RESULT_MAX] = {
	[ATTEST_NONE] = "none",
	[ATTEST_ACCEPTED] = "accepted",
	[ATTEST_UNDECIDED] = "undecided",
	[ATTEST_NOT_AUTHENTIC] = "not-authentic",
	[ATTEST_MALFORMED] = "malformed",
	[ATTEST_REFUSED] = "refused",
};

static const char *const place_names[_PLACE_KIND_MAX] = {
	[PLACE_KEYRING] = "keyring",
	[PLACE_FILE] = "file",
};

/* A bit each, from the lowest. */
static const char *const differs_names[] = { "Require", "BindPolicy", "attest.conf",
					     "attest.trust" };

const char *msg_differs_name(unsigned bit)
{
	return bit < sizeof(differs_names) / sizeof(differs_names[0]) ? differs_names[bit] : NULL;
}

const char *attest_result_name(unsigned result)
{
	return result_names[result < _ATTEST_RESULT_MAX ? result : ATTEST_NONE];
}

const char *secret_state_name(unsigned state)
{
	return state < _SECRET_STATE_MAX ? state_names[state] : "unknown";
}

const char *place_kind_name(unsigned kind)
{
	return kind < _PLACE_KIND_MAX ? place_names[kind] : "unknown";
}

const char *secret_wipe_name(unsigned wipe)
{
	return wipe < _SECRET_WIPE_MAX ? wipe_names[wipe] : "unknown";
}

const char *stamp_name(unsigned what)
{
	static const char *const names[_STAMP_MAX] = {
		[STAMP_ASKED] = "asked",	 [STAMP_EVIDENCE] = "evidence",
		[STAMP_VERDICT] = "verdict",	 [STAMP_READ] = "read",
		[STAMP_DELIVERED] = "delivered", [STAMP_CONFIRMED] = "confirmed",
		[STAMP_WIPED] = "wiped",
	};

	return what < _STAMP_MAX ? names[what] : NULL;
}
