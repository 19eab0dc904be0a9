/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_DOCTOR_H
#define COCO_DOCTOR_DOCTOR_H

#include "doctor/args.h"
#include "doctor/check.h"

/*
 * Examine the machine and print what was found; @json is for --json.  Nothing is changed, loaded or
 * installed.  Returns the exit status, one of the DOCTOR_ values: DOCTOR_CANNOT_TELL also after an
 * error that it has logged.
 */
int doctor_run(const struct side *side, const struct args_doctor *args, bool json);

#endif
