/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_CONNECTION_H
#define COCO_AGENT_CONNECTION_H

/*
 * Take the one connection that systemd has accepted for this process (Accept=yes), made to block,
 * and check that root is at its other end.  @program and @socket are the names of the program and
 * of its socket unit without ".socket", for the message to a person who starts it by hand.
 *
 * @ret is a descriptor that stays open until the process ends.  Returns 0, or a negative errno
 * after an error that was logged.
 */
int connection_take(const char *program, const char *socket, int *ret);

#endif
