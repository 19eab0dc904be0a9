/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_VERIFY_CCEL_H
#define COCO_ATTEST_TDX_VERIFY_CCEL_H

#include "attest/verify.h"

extern const struct attest_verifier attest_verify_ccel;

#endif
