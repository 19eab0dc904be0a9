/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_DOUBLE_TOY_TEE_H
#define COCO_TESTS_DOUBLE_TOY_TEE_H

#include "attest/gather/provider.h"
#include "attest/verify.h"

/*
 * A test double: a TEE that does not exist, with one of everything that real TEEs have.  Its
 * device is a file, ROOT/dev/toy, with the guest's measurement in it.  Its hardware's key is in
 * this program.
 */
#define TOY_DEVICE "/dev/toy"
#define TOY_MEASUREMENT_LEN 48
#define TOY_MAC_LEN 32

struct toy_report {
	uint8_t report_data[REPORT_DATA_LEN];
	uint8_t measurement[TOY_MEASUREMENT_LEN];
	uint8_t mac[TOY_MAC_LEN];
};

/* Its vendor's list begins with this; a '!' behind it is the signature. */
#define TOY_LIST "The toy list"

extern const struct attest_provider toy_provider;
extern const struct attest_verifier toy_verifier;
extern const struct need_vendor need_toy;

#endif
