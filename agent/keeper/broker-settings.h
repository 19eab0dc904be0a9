/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_BROKER_SETTINGS_H
#define COCO_AGENT_KEEPER_BROKER_SETTINGS_H

#include "base/macro.h"
#include "wire/broker.h"

/*
 * What broker.conf says: where the broker is, and how it is recognised.  See broker.conf(5).  All
 * text is in its canonical spelling.
 */
struct broker_settings {
	bool present;			/* broker.conf or a drop-in exists; else all is 0 */
	enum broker_trust trust;	/* not BROKER_TRUST_NONE, unless there was an error */
	unsigned n_urls;		/* in the order in which they are tried; 0: see init_data */
	char urls[BROKER_URLS_MAX][BROKER_URL_LEN];	/* no two are the same */
	char server_name[BROKER_NAME_LEN];		/* "" is the host of the address */
	char public_key[BROKER_PIN_LEN];		/* "" without PublicKey= */
	char pem_path[256];		/* of Identity= or Authority=; "" without */
	char *pem;			/* the text of that file, with a NUL after it */
	size_t pem_len;
	char proxy[BROKER_URL_LEN];	/* "" for none */
	char uri_prefix[BROKER_PATH_LEN];	/* "default/vm7/"; "" for none */
	/* "" for none, "smbios", or the absolute path of a file or device */
	char init_data[256];
	uint64_t timeout_usec;		/* of an attempt to fetch a secret */
	enum broker_curve curve;
	bool measure_release;
};

/* True if releases are not signed: whoever has the key of the TLS certificate is the broker. */
static inline bool broker_is_tls_only(const struct broker_settings *b)
{
	return b->trust == BROKER_TRUST_PUBLIC_KEY || b->trust == BROKER_TRUST_AUTHORITY;
}

#endif
