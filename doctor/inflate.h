/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_INFLATE_H
#define COCO_DOCTOR_INFLATE_H

#include "base/macro.h"

/*
 * Unpack @len bytes of gzip as a C string of at most @max bytes, which is yours; NUL bytes in it
 * end it early.  Returns 0; -EBADMSG for what is no gzip or ends early; -EFBIG past @max; -ENOMEM.
 */
int inflate_text(const void *data, size_t len, size_t max, char **ret);

#endif
