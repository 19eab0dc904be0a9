/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_CONFIG_H
#define COCO_AGENT_CONFIG_H

#include "base/macro.h"
#include "secrets/policy.h"

/*
 * cocod.conf and secrets.d/NAME.conf, see cocod.conf(5).  For each there is /usr/lib/cocod,
 * /run/cocod and /etc/cocod; a file in a later one hides the one of the same name in an earlier
 * one, an empty file or a link to /dev/null hides it for good.
 */
enum require {
	REQUIRE_ATTESTED,	/* SEV or SEV-ES that the owner attested before injecting; else evidence */
	REQUIRE_EVIDENCE,	/* signed evidence that attest.conf accepts, whatever the TEE */
	REQUIRE_NONE,		/* anything goes, and every status says so */
	_REQUIRE_MAX,
};

/* The policy for this machine's own evidence, and its trust set; found as the others are. */
#define ATTEST_POLICY_FILE "attest.conf"
#define ATTEST_TRUST_FILE "attest.trust"

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
 * line, and counted; reading goes on, so that all are shown.  With errors the settings are not
 * to be used: the caller stays closed.
 *
 * @ret is yours.  Returns 0, errors of the files included; -ENOMEM.
 */
int config_load(const char *root, struct config **ret);
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

/*
 * The path of the configuration file @name that counts, below @root, into @ret of @size bytes.
 * Returns 1; 0 when there is none, or it is masked.
 */
int config_find(const char *root, const char *name, char *ret, size_t size);

const char *require_name(enum require r);

#endif
