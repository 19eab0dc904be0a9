/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_INITRAMFS_STARTER_H
#define COCO_AGENT_INITRAMFS_STARTER_H

#include "base/macro.h"

/*
 * What systemd does for cocod by its units, for an initramfs without systemd: the sockets, cocod
 * itself, and one process of cocod-worker or cocod-net for each connection that cocod makes.
 */
struct starter_setup {
	const char *sbin, *libexec;	/* where the programs are */
	const char *config_root;	/* for cocod; NULL: the default */
	bool debug;
};

/* The sockets, made and listened on, until starter_run() or starter_close(). */
struct starter;

/*
 * Make all sockets in /run/cocod, which is made if it does not exist.  @ret is yours.  Returns 0;
 * -EADDRINUSE when one of them exists, so that cocod runs already; -ENOMEM; an errno of mkdir(2),
 * socket(2), bind(2) or listen(2), with everything removed again.  Logs its errors.
 */
int starter_new(const struct starter_setup *s, struct starter **ret);

/*
 * Start cocod, serve its connections, and start it again when it ends, until SIGTERM.  Then cocod
 * is ended and waited for.  Returns 0 after SIGTERM; an error when cocod ends again and again:
 * better a person is asked for passphrases than that all wait.  Logs.
 */
int starter_run(struct starter *s);

/* From now on starter_free() leaves the sockets where they are: another process has them. */
void starter_leave(struct starter *s);

/* Remove the sockets and free all. */
struct starter *starter_free(struct starter *s);
DEFINE_CLEANUP(struct starter *, starter_free)

#endif
