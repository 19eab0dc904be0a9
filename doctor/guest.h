/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_GUEST_H
#define COCO_DOCTOR_GUEST_H

#include "doctor/check.h"

/* The guest's checks, for the array in doctor/guest.c; each file has those of one subject. */

/* doctor/guest-identity.c */
void guest_identity(struct exam *x, struct result *r);

/* doctor/guest-tee.c: which technology protects this guest. */
unsigned guest_offers(struct exam *x);
void guest_tee(struct exam *x, struct result *r);

#endif
