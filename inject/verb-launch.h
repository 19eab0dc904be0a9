/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_VERB_LAUNCH_H
#define COCO_INJECT_VERB_LAUNCH_H

#include "inject/launch/launch.h"

/*
 * launch_check_measurement() for verbs: it logs if the measurement is the expected one, and if not,
 * which launch would have had it.
 */
enum status verb_check_launch(const struct launch_input *in, const struct secret *tik,
			      const struct measured *what,
			      const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN]);

#endif
