/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_VERB_LAUNCH_H
#define COCO_INJECT_VERB_LAUNCH_H

#include "inject/launch/launch.h"

/*
 * For the verbs that check a launch: as launch_check_measurement(), and says whether the
 * measurement is the expected one, or what it would be the measurement of.
 */
enum status verb_check_launch(const struct launch_input *in, const struct secret *tik,
			      const struct measured *what,
			      const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN]);

#endif
