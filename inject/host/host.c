/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/host/host.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/text.h"

int host_decode_measurement(const char *who, const char *text,
			    uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN], struct cause *why)
{
	const size_t len = SEV_MEASURE_LEN + SEV_NONCE_LEN;
	ssize_t n;

	n = text ? base64_decode(text, ret, len) : -EBADMSG;
	if (n == -EBADMSG)
		return cause_set(why, -EBADMSG, "%s launch measurement is not base64", who);
	if (n != (ssize_t)len)
		return cause_set(why, -EBADMSG, "%s launch measurement is not %zu bytes", who, len);
	return 0;
}

/* A guest that asks for its secrets when it runs needs nothing of the host at its launch. */
#define AT_RUN_TIME \
	"give it secrets at run time, by an attestation from inside the guest to a key broker"
#define IN_IMAGE "its secrets are inside its encrypted image"

static const struct host_kind kinds[] = {
	{ "sev-snp-guest", "sev-snp", "SEV-SNP", AT_RUN_TIME },
	{ "tdx-guest", "tdx", "TDX", AT_RUN_TIME },
	{ "s390-pv-guest", "s390-pv", "IBM Secure Execution", IN_IMAGE },
	{ "pef-guest", "pef", "IBM's Protected Execution Facility", IN_IMAGE },
};

const struct host_kind *host_kind_of_object(const char *type)
{
	const char *name = startswith(type, "child<");

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++) {
		const char *end = startswith(name, kinds[i].object);

		if (end && streq(end, ">"))
			return &kinds[i];
	}
	return NULL;
}

const struct host_kind *host_kind_of_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(word, kinds[i].word))
			return &kinds[i];
	return NULL;
}

int host_refuse_kind(const struct host_kind *kind, struct cause *why)
{
	return cause_set(why, -EOPNOTSUPP,
			 "The guest is protected by %s, which takes no launch secret; %s",
			 kind->name, kind->todo);
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
		{ 11, "the packet's MAC is not of this launch: is the TIK the one of its "
		      "session?" },
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
	return strstr(desc, "no secret area") ? "QEMU's firmware has none, see --area" :
						"see QEMU's log";
}
