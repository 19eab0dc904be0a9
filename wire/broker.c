/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/broker.h"

#include <stdbool.h>

static const struct {
	const char *name, *text;
	bool passing;
} errors[_NET_ERROR_MAX] = {
	[NET_OK] = { "ok", "the broker agrees", false },
	[NET_UNREACHABLE] = { "unreachable", "the broker cannot be reached", true },
	[NET_CERTIFICATE] = { "certificate",
			      "what answers is not the broker that broker.conf names", true },
	[NET_BUSY] = { "busy", "the broker is busy", true },
	[NET_VERSION] = { "version", "the broker speaks another version of the protocol", false },
	[NET_EVIDENCE] = { "evidence", "the broker does not accept this VM's evidence", false },
	[NET_POLICY] = { "policy", "the broker's policy does not give this VM the secret", false },
	[NET_ABSENT] = { "absent", "the broker has no such secret", false },
	[NET_SESSION] = { "session", "the broker does not know the session any more", true },
	[NET_APPROVAL] = { "approval", "the broker's owner has to approve this first", true },
	[NET_RELEASED] = { "released", "the broker has released the secret before, and does it "
				       "only once", false },
	[NET_REBOOTED] = { "rebooted", "the broker has released the secret to another kernel of "
				       "this launch", false },
	[NET_PROTOCOL] = { "protocol", "the broker's answer is not what the protocol says", false },
	[NET_REFUSED] = { "refused", "the broker refuses", false },
	[NET_UNSUPPORTED] = { "unsupported", "this cannot be asked of a broker", false },
	[NET_SETTINGS] = { "settings", "broker.conf does not allow it", false },
	[NET_NO_EVIDENCE] = { "no-evidence", "this machine has no evidence to show", false },
	[NET_FORGED] = { "forged", "what came is not from the broker of Identity=", false },
	[NET_LOCAL] = { "local", "the broker could not be asked", true },
};

const char *net_error_name(unsigned error)
{
	return error < _NET_ERROR_MAX ? errors[error].name : "unknown";
}

const char *net_error_text(unsigned error)
{
	return error < _NET_ERROR_MAX ? errors[error].text : "the broker gave an unknown answer";
}

int net_error_is_passing(unsigned error)
{
	return error < _NET_ERROR_MAX && errors[error].passing;
}
