/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_INIT_DATA_H
#define COCO_AGENT_NET_INIT_DATA_H

#include "base/cause.h"
#include "wire/broker.h"

/*
 * Init data: a TOML document that the host gives to a guest.  Its hash is in the evidence, as
 * HOST_DATA or MRCONFIGID, so brokers may rely on it.  Here it is as untrusted as all that the
 * host wrote.
 *
 *	version = "0.1.0"
 *	algorithm = "sha256"			sha384, sha512
 *	[data]
 *	"trustee.kbs.url" = "https://..."	these two are for us, if they are there
 *	"trustee.kbs.resource" = "kbs:///..."
 *
 * It comes as one of:
 *
 *  - the document itself, in a file
 *  - an entry of the SMBIOS table of type 11, as sysfs has it in dmi/entries/11-0/raw; one of its
 *    strings is the document in base64
 *  - a block device, as Kata Containers makes it: "initdata", u64 length, little-endian, and so
 *    many bytes of gzip
 */

#define INIT_DATA_GZIP_MAX (72 * 1024)	/* bytes; one that does not compress grows a little */

struct init_data {
	char algorithm[16];
	char url[BROKER_URL_LEN];	/* printable ASCII, or "" */
	char uri[BROKER_URL_LEN];	/* a URI that kbs_uri_parse() takes, or "" */
};

/*
 * Read init data from its file or device @fd, from the current position.
 *
 * @ret_text is the document as it was given, with a NUL behind its @ret_len bytes, and is yours.
 * It has no other NUL, and is UTF-8.
 *
 * Returns 0; otherwise the reason is in @why: -EBADMSG when it is malformed or has not what it
 * must have; -EOPNOTSUPP for another version or algorithm; -EMSGSIZE over TOML_MAX, the limits of
 * toml.h or those of wire/broker.h; -EIO when reading fails; -ENOMEM.
 */
int init_data_read(int fd, char **ret_text, size_t *ret_len, struct init_data *ret,
		   struct cause *why);

#endif
