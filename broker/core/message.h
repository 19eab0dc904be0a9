/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_MESSAGE_H
#define COCO_BROKER_CORE_MESSAGE_H

#include <json-c/json.h>

#include "base/cause.h"
#include "broker/core/challenge.h"
#include "crypto/tee-key.h"
#include "wire/bytes.h"

/*
 * The messages of the key broker protocol, RCAR 0.4.0, as the server reads and writes them.
 * Duplicate members, what follows the JSON, numbers where texts belong, and depth beyond 32 are
 * refused.  Every text here comes from somebody who has proved nothing.
 */
#define MESSAGE_VERSION "0.4.0"
#define MESSAGE_REQUEST_MAX 8192		/* BROKER_PATHS_MAX of the longest paths fit */
#define MESSAGE_ATTESTATION_MAX (2 * 1024 * 1024)

/*
 * Read the body of POST /auth.  @ret: tee, and if "coco" was sent coco, boot, paths.
 * Returns 0; -EPROTO for another version (then @why is Trustee's sentence, "KBS Client Protocol
 * Version Mismatch: expect =0.4.0 while the request is X"); -EOPNOTSUPP for a tee that nobody here
 * verifies; -EBADMSG for anything else; -ENOMEM.
 */
int message_read_request(struct bytes body, struct net_auth *ret, struct cause *why);

/*
 * Build the challenge.  @salt NULL: "extra-params" is "", as the client did not send "coco".
 * @ret is yours, a C string.  Returns 0 or -ENOMEM.
 */
int message_build_challenge(const uint8_t nonce[static 32], const uint8_t *salt, char **ret);

struct attestation {
	char nonce[48];				/* base64 of 32 bytes, as sent */
	struct tee_key key;			/* on its curve; of RSA 2048 to 4096 bits */
	struct net_auth coco;			/* what it repeats; coco.coco if it does; no tee */
	uint8_t rd[48];				/* SHA-384 of the canonical runtime data */
	char *init_data;			/* TOML text, or NULL */
	size_t init_data_len;
	struct json_object *evidence;		/* primary_evidence, an object */
};

/*
 * Read the body of POST /attest.  "additional_evidence" must be empty: nobody here verifies
 * devices.  Whether the nonce is ours challenge_find() says.  Returns 0; -EBADMSG; -EOPNOTSUPP for
 * a key of another kind, or additional evidence; -ENOMEM.  Pass @ret to attestation_done() after
 * success.
 */
int message_read_attestation(struct bytes body, struct attestation *ret, struct cause *why);
void attestation_done(struct attestation *a);

/*
 * Read the body of POST /coco/confirm, {"uri":"kbs:///..."}.  Returns 0 with the path, or -EBADMSG.
 */
int message_read_confirm(struct bytes body, char ret_path[static BROKER_PATH_LEN]);

/*
 * Build {"type":"https://github.com/confidential-containers/kbs/errors/NAME","detail":DETAIL,
 * "id":ID}; without "id" if it is NULL.  What is not printable becomes '?'.  @ret is yours.
 * Returns 0 or -ENOMEM.
 */
int message_build_error(const char *name, const char *detail, const char *id, char **ret);

#endif
