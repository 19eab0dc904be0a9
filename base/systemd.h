/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_SYSTEMD_H
#define COCO_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a service and systemd tell each other, by the protocols that sd_notify(3) and
 * sd_listen_fds(3) document for programs that are not linked with libsystemd.  None of ours is: it
 * would bring a reader of each compression format and a second crypto library into processes that
 * have keys, and take longer to load than a key takes to be handed over.
 */

/* ---- to systemd ---- */

/*
 * Tell systemd @text, such as "READY=1", if it wants to know, as of a service of Type=notify.
 * Returns 1 if it was told; 0 if nobody asked; -EINVAL for a $NOTIFY_SOCKET that is none; an errno
 * of socket(2) or sendmsg(2).
 */
int systemd_notify(const char *text);

/*
 * The same, and leave copies of the @n descriptors @fds with it, which @text says what to do with.
 * -E2BIG for more than SYSTEMD_NOTIFY_FDS_MAX.
 */
#define SYSTEMD_NOTIFY_FDS_MAX 16
int systemd_notify_fds(const char *text, const int *fds, size_t n);

/* The configuration is being read again, until "READY=1". */
int systemd_notify_reloading(void);

/* ---- from systemd ---- */

/* True where systemd is the init system: neither in a container without it, nor in an initramfs. */
bool systemd_runs(void);

/*
 * How many descriptors systemd has passed to this process, from SYSTEMD_FDS_START on.  They are
 * closed on exec.  With @ret_names, which is yours as each name in it is, their names, in the same
 * order, and NULL; "unknown" where systemd says none.
 *
 * Returns 0 also for descriptors of another process, a parent, with @ret_names not written; -EINVAL
 * when the environment contradicts itself; -ENOMEM; -EBADF for a descriptor that is not there.
 */
#define SYSTEMD_FDS_START 3
int systemd_fds(char ***ret_names);

/* Take what systemd_fds() reads out of the environment, so that children do not see it. */
void systemd_fds_forget(void);

/* True for a unix socket of @type, such as SOCK_STREAM, that is a connection. */
bool fd_is_unix_connection(int fd, int type);

#endif
