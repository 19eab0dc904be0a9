/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_QMP_TEXT_H
#define COCO_DOCTOR_QMP_TEXT_H

#include "base/macro.h"

/* What QEMU's monitor answered (QMP), one JSON object on each line.  The text may be anybody's. */

/*
 * The most virtual CPUs of QEMU's machine q35 (query-machines, cpu-max).  Returns 0; -ENOENT when
 * no answer says; -EBADMSG for a text with a line that is no JSON object; -ENOMEM.
 */
int qmp_cpu_max(const char *text, uint64_t *ret);

#endif
