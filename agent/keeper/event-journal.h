/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_EVENT_JOURNAL_H
#define COCO_AGENT_KEEPER_EVENT_JOURNAL_H

#include <sys/uio.h>

/*
 * Send one message of @n @fields, "NAME=text" each without a new line, to systemd's journal, by its
 * documented "Native Journal Protocol".
 *
 * Returns 0; -EINVAL for a field that is none or would be read as two, or for more than
 * EVENT_JOURNAL_MAX; an errno of socket(2) or sendmsg(2): nobody listens, or it is too long.
 */
#define EVENT_JOURNAL_MAX 24
int event_journal_send(const struct iovec *fields, int n);

#endif
