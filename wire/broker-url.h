/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_BROKER_URL_H
#define COCO_WIRE_BROKER_URL_H

#include <stdint.h>

#include "wire/broker.h"

/*
 * The address of a broker, and that of a proxy on the way to it:
 *
 *	https://HOST[:PORT]
 *	vsock://CID:PORT
 *	http://HOST:PORT, https://HOST:PORT	a proxy only
 *
 * An address has no user, path, query or fragment.
 */

enum broker_scheme {
	BROKER_HTTPS,
	BROKER_VSOCK,
	BROKER_HTTP,			/* of a proxy only */
	_BROKER_SCHEME_MAX,
};

struct broker_url {
	enum broker_scheme scheme;
	/*
	 * The canonical spelling: two addresses are the same exactly if these are.  A host is in
	 * lower case, the port 443 of a broker is left out.
	 */
	char text[BROKER_URL_LEN];
	char host[BROKER_NAME_LEN];	/* without the brackets of an IPv6 address; "" for vsock */
	uint32_t cid;			/* for vsock; otherwise 0 */
	uint32_t port;
};

/*
 * Read the address @text of a broker.  The scheme is in lower case, and numbers are decimal,
 * without leading zeros.  A CID is at least 1, which is this machine itself.
 *
 * Returns 0; -EPROTONOSUPPORT for http://, which is never spoken to a broker; -EINVAL for another
 * scheme, or when a part has another form; -EMSGSIZE when it is too long.
 */
int broker_url_parse(const char *text, struct broker_url *ret);

/*
 * Read the address @text of a proxy.  Its port must be given, as the programs that read such
 * addresses have different defaults.  Returns 0, -EINVAL or -EMSGSIZE.
 */
int broker_proxy_parse(const char *text, struct broker_url *ret);

/*
 * Read a name of DNS, or an IPv4 or IPv6 address without brackets, and write its canonical
 * spelling.  Numbers that some programs read as an IPv4 address are refused unless they are four
 * decimal numbers.  Returns 0, -EINVAL or -EMSGSIZE.
 */
int broker_host_parse(const char *text, char ret[static BROKER_NAME_LEN]);

#endif
