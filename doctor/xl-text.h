/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_XL_TEXT_H
#define COCO_DOCTOR_XL_TEXT_H

#include "doctor/probe-text.h"

/*
 * A record's .probe/xl: for each command that was run in dom0 a line "$ COMMAND", and then what it
 * printed.  It comes from anybody: each reader takes any bytes.  If a command or a name is there
 * twice, the first counts.  PROBE_SAYS with the value in @ret, which is cut to @size;
 * PROBE_SILENT otherwise.
 */

/* The value of a line "NAME   : VALUE" of 'xl info'; "" if there is none behind the colon. */
enum probe_said xl_info(const char *text, const char *name, char *ret, size_t size);

/*
 * The value of an option of Xen's own configuration, from 'xenhypfs cat /buildinfo/config': "y" or
 * another one; "n" if the configuration is there and the option is not.
 */
enum probe_said xl_build(const char *text, const char *option, char *ret, size_t size);

#endif
