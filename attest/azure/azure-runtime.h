/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_AZURE_AZURE_RUNTIME_H
#define COCO_ATTEST_AZURE_AZURE_RUNTIME_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * The JSON that Azure's paravisor binds into the hardware report: the public keys of the vTPM,
 * and how the VM was configured.
 *
 *	{"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":BASE64URL, ...}, ...], "vm-configuration":{...}, "user-data":"128 hexadecimal digits"}
 *
 * Which members there are varies with the paravisor; "key_ops" of the attestation key was wrong
 * once and says nothing.
 */
#define AZURE_MODULUS_MAX 512
#define AZURE_USER_DATA_LEN 64

struct azure_runtime {
	uint8_t ak_n[AZURE_MODULUS_MAX];	/* of HCLAkPub, whose exponent is 65537 */
	size_t ak_n_len;
	bool has_user_data;
	uint8_t user_data[AZURE_USER_DATA_LEN];
	struct bytes configuration;		/* the object, of no length when there is none */
};

/*
 * Read it; @ret borrows from @json.  @ret_problem is set on failure: what is wrong, in words,
 * and constant.
 *
 * Returns 0; -EBADMSG or -EMSGSIZE when it is no such JSON, a member twice included; -ENOKEY
 * when it has not exactly one HCLAkPub that is an RSA key with exponent 65537.
 */
int azure_runtime_read(struct bytes json, struct azure_runtime *ret, const char **ret_problem);

/*
 * A member of the configuration that is true or false: 1, 0; -ENOENT when there is none,
 * -EBADMSG when it is something else.
 */
int azure_runtime_flag(const struct azure_runtime *rt, const char *name);

#endif
