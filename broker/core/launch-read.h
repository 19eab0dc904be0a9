/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_LAUNCH_READ_H
#define COCO_BROKER_CORE_LAUNCH_READ_H

#include "attest/bundle.h"
#include "broker/core/challenge.h"
#include "broker/core/launch.h"

/*
 * Find in evidence @b of @tee which launch it is of.  The evidence was judged to be authentic; an
 * event log is replayed here, as nobody signed it.
 * Returns 0, with why_not in @ret when the launch is not known; -ENOMEM.
 */
int launch_read(enum broker_tee tee, const struct bundle *b, struct launch *ret);

#endif
