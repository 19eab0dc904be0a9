/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_H
#define COCO_AGENT_KEEPER_CONFIG_H

#include "agent/keeper/broker-settings.h"
#include "agent/keeper/config-options.h"
#include "agent/keeper/config-unique.h"
#include "base/cause.h"
#include "base/macro.h"
#include "secrets/policy.h"

/*
 * cocod.conf and broker.conf with their drop-ins, and secrets.d/NAME.conf, see cocod.conf(5) and
 * broker.conf(5).  agent/config-file.h says which files count.  Each is checked by base/ini.h
 * before libeconf reads it.
 */
enum require {
	/* SEV or SEV-ES, attested by the owner before injecting; else evidence */
	REQUIRE_ATTESTED,
	REQUIRE_EVIDENCE,	/* signed evidence that attest.conf accepts, whatever the TEE */
	REQUIRE_NONE,		/* anything goes, and every status says so */
	_REQUIRE_MAX,
};

struct config {
	enum require require;
	/* set by Require=; otherwise the default depends on whether attest.conf exists */
	bool require_given;
	/* evidence must name the policy, in HOST_DATA or MRCONFIGID */
	bool bind_policy;
	bool verify_header;		/* judge a volume's LUKS header before its key is given */
	uint64_t wait_usec;		/* how long to wait for a source of secrets */
	uint64_t read_usec;		/* how long a consumer may take to read its key */
	char secret_directory[256];	/* for tests: used in place of the machine's sources */
	struct secret_policy *policies;
	size_t n_policies;
	struct config_unique unique;	/* while they are read */
	struct broker_settings broker;
	struct config_errors errors;
};

/*
 * Read the whole configuration below @root ("" is the machine's).  Without Require= the default
 * is "evidence" where attest.conf exists, and "attested" where it does not.
 *
 * Each error is logged with its file and line, and counted; reading goes on, so that all errors
 * are shown.  A file or folder that may exist but cannot be read is an error.  With errors the
 * settings must not be used: the caller keeps the gate closed.
 *
 * @ret is yours.  Returns 0, also with errors in the files; -ENOMEM.
 */
int config_load(const char *root, struct config **ret);

/*
 * The same below any root; @each, which may be NULL, gets each error in the place of the log, until
 * this returns.
 */
int config_load_from(const struct config_root *root,
		     void (*each)(void *userdata, const char *text), void *userdata,
		     struct config **ret);
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

const char *require_name(enum require r);

/*
 * The GUID of a secret that only a broker has, made from @path, its name there: 16 bytes of the
 * SHA-256 of "coco uri", a NUL and the path, with version 8 of RFC 9562.  Returns 0; -ENOMEM;
 * -ELIBACC without OpenSSL.  @why has the cause.
 */
int secret_uri_guid(const char *path, struct guid *ret, struct cause *why);

#endif
