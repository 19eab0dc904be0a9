/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_BROKER_KEYS_H
#define COCO_TESTS_UNIT_BROKER_KEYS_H

#include <openssl/ec.h>
#include <string.h>

#include "broker/core/keys.h"

/*
 * Keys of a broker: a master key of 32 bytes @fill, and a new identity.  Include this after
 * <cmocka.h>.
 */
static inline struct keys *broker_keys(uint8_t fill)
{
	struct secret *master;
	EVP_PKEY *identity = EVP_EC_gen("P-256");
	struct keys *k;

	assert_non_null(identity);
	assert_int_equal(secret_new(MASTER_KEY_LEN, &master), 0);
	memset(secret_bytes(master), fill, MASTER_KEY_LEN);
	assert_int_equal(keys_new(master, identity, &k), 0);
	return k;
}

#endif
