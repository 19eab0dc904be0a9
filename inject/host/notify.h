/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_NOTIFY_H
#define COCO_INJECT_HOST_NOTIFY_H

/*
 * Tell systemd @state, such as "READY=1", if it started this process with Type=notify; otherwise
 * do nothing.  Returns 1 if it was told, 0 if nobody asked, or a negative errno.
 */
int notify_manager(const char *state);

#endif
