/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/host/host.h"

#include <stdio.h>

#include "base/base64.h"

enum status host_decode_measurement(const char *who, const char *text,
				    uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	const size_t len = SEV_MEASURE_LEN + SEV_NONCE_LEN;
	ssize_t n;

	n = text ? base64_decode(text, ret, len) : -EBADMSG;
	if (n == -EBADMSG)
		return give_up(STATUS_MALFORMED, "%s launch measurement is no base64", who);
	if (n != (ssize_t)len)
		return give_up(STATUS_MALFORMED, "%s launch measurement is not %zu bytes", who, len);
	return STATUS_GOOD;
}

/* What the firmware's error numbers mean here.  Source: AMD, publication 55766, "Status Codes". */
const char *host_firmware_hint(const char *desc)
{
	static const struct {
		int code;
		const char *hint;
	} hints[] = {
		{ 2, "the launch is not at the point where a secret is taken" },
		{ 4, "a length is wrong" },
		{ 9, "the address is not memory of the guest" },
		{ 11, "the packet's MAC is not of this launch: is the TIK the one of its session?" },
		{ 16, "the firmware does not know this guest any more" },
		{ 22, "a field is wrong" },
		{ 23, "the firmware has run out of a resource" },
	};
	const char *p = strstr(desc, "fw_error=");
	int code;

	if (p && sscanf(p, "fw_error=%d", &code) == 1)
		for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
			if (hints[i].code == code)
				return hints[i].hint;
	return strstr(desc, "no secret area") ? "QEMU's firmware has none, see --area" : "see QEMU's log";
}
