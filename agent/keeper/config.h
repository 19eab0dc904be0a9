/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_H
#define COCO_AGENT_KEEPER_CONFIG_H

#include "agent/config-file.h"
#include "base/macro.h"
#include "secrets/policy.h"

/*
 * cocod.conf with its drop-ins, and secrets.d/NAME.conf, see cocod.conf(5); agent/config-file.h
 * says which of them count.  Each is checked by base/ini.h before libeconf reads it.
 */
enum require {
	REQUIRE_ATTESTED,	/* SEV or SEV-ES that the owner attested before injecting; else evidence */
	REQUIRE_EVIDENCE,	/* signed evidence that attest.conf accepts, whatever the TEE */
	REQUIRE_NONE,		/* anything goes, and every status says so */
	_REQUIRE_MAX,
};

struct config {
	enum require require;
	bool require_given;		/* said by Require=; else by whether there is an attest.conf */
	bool bind_policy;		/* the evidence has to name the policy, in HOST_DATA or MRCONFIGID */
	bool verify_header;		/* have a volume's LUKS header judged before its key is given */
	uint64_t wait_usec;		/* for a source of secrets to appear */
	uint64_t read_usec;		/* for a consumer to read its key */
	char secret_directory[256];	/* for tests: instead of the machine's sources */
	struct secret_policy *policies;
	size_t n_policies;
	unsigned n_errors;
	char first_error[256];		/* for status; "" when there is none */
};

/*
 * Without a Require= it is evidence where there is an attest.conf, attested where there is none.
 *
 * Read all of it below @root ("" is the machine's).  Each error is logged with its file and
 * line, and counted; reading goes on, so that all are shown.  A file or folder that may be there
 * and cannot be read is an error.  With errors the settings are not to be used: the caller stays
 * closed.
 *
 * @ret is yours.  Returns 0, errors of the files included; -ENOMEM.
 */
int config_load(const char *root, struct config **ret);
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

const char *require_name(enum require r);

#endif
