/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_AZURE_AZURE_RUNTIME_H
#define COCO_ATTEST_AZURE_AZURE_RUNTIME_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * The JSON that Azure's paravisor binds into the hardware report: the public keys of the vTPM,
 * and how the VM was configured.
 *
 *	{"keys": [{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":BASE64URL, ...}, ...],
 *	 "vm-configuration": {...}, "user-data": "128 hexadecimal digits"}
 *
 * Paravisors differ in the members that they write.  "key_ops" of the attestation key is ignored:
 * some paravisor wrote it wrong.
 */
#define AZURE_MODULUS_MAX 512
#define AZURE_USER_DATA_LEN 64

struct azure_runtime {
	uint8_t ak_n[AZURE_MODULUS_MAX];	/* the modulus of HCLAkPub; its exponent is 65537 */
	size_t ak_n_len;
	bool has_user_data;
	uint8_t user_data[AZURE_USER_DATA_LEN];
	struct bytes configuration;		/* the object; length 0 if there is none */
};

/*
 * Read runtime data; @ret borrows from @json.  On failure, @ret_problem is a literal that says
 * what is wrong.
 *
 * Returns 0; -EBADMSG or -EMSGSIZE if @json is malformed, or has a member twice; -ENOKEY if there
 * is not exactly one HCLAkPub, or it is not an RSA key with exponent 65537.
 */
int azure_runtime_read(struct bytes json, struct azure_runtime *ret, const char **ret_problem);

/*
 * The member @name of the configuration, which must be true or false.
 * Returns 1 or 0; -ENOENT if there is no such member; -EBADMSG if it is something else.
 */
int azure_runtime_flag(const struct azure_runtime *rt, const char *name);

#endif
