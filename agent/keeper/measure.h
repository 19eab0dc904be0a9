/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_MEASURE_H
#define COCO_AGENT_KEEPER_MEASURE_H

#include "base/cause.h"

/*
 * What cocod measures into RTMR3 of a TD, so that evidence shows it ever after: one event for the
 * launch, with a random number that makes it another launch than any other, and one event for
 * each secret that a broker gave.
 *
 *	coco-agent launch <64 hex digits>
 *	coco-agent released <path of the secret>
 *
 * The log is /run/cocod/aael.  It goes along with evidence, and a broker replays it.  Each of its
 * entries, little-endian:
 *
 *	 0  4  4: RTMR3		62  4  length of the data
 *	 4  4  6: EV_EVENT_TAG		66  4  "LEAA"
 *	 8  4  1: one digest		70  4  length of the text
 *	12  2  0x000c: SHA-384		74  x  the text, of printable ASCII
 *	14 48  SHA-384 of the data
 *
 * The register cannot be set back.  So the log with the next entry is written beside the log
 * before the register is extended, and takes its place afterwards.  After a crash the register
 * says whether the next entry counts.  Anything else that extends RTMR3, such as an earlier
 * kernel of the same launch (kexec), makes the log useless: nothing more is measured then.
 *
 * Format: TCG PC Client Platform Firmware Profile, TCG_PCR_EVENT2.  Register: the kernel's
 * Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest, since 6.16.
 */
#define MEASURE_LOG "aael"		/* in cocod's runtime directory */
#define MEASURE_LOG_MAX (256 * 1024)	/* bytes */

/*
 * Measure the launch, unless this boot's log has it.  @root goes before the paths of sysfs;
 * @runtime is the folder of the log.
 *
 * Returns 1 if the launch is in the log; 0 if the machine is no TD; -EOPNOTSUPP if its kernel
 * cannot extend RTMR3; -EUCLEAN if something else has extended it, or the log is damaged;
 * -EMSGSIZE if the log is full; -ENOMEM; an errno of reading or writing.  @why has the cause.
 */
int measure_launch(const char *root, const char *runtime, struct cause *why);

/*
 * Measure that the secret with the name @path has been released to this TD, and the launch first,
 * if the log lacks it.
 *
 * Returns as measure_launch(), and 1 if the event is in the log; -EINVAL if @path is not printable
 * ASCII.
 */
int measure_released(const char *root, const char *runtime, const char *path, struct cause *why);

#endif
