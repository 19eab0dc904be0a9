/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_STATUS_H
#define COCO_AGENT_STATUS_H

/* What cocod exits with. */
enum cocod_status {
	COCOD_GOOD = 0,
	COCOD_FAILED = 1,	/* the reason is in the log; also a wrong command line */
};

/* What cocod-worker exits with.  cocod --check-config runs it, and tells the first two apart. */
enum worker_status {
	WORKER_GOOD = 0,
	WORKER_FAILED = 1,	/* no verdict was given, or the configuration is wrong */
	WORKER_USAGE = 2,	/* a wrong command line */
};

/* cocod has no key yet for cocod-key, which is to ask a person too. */
#define LATE_SIGNAL SIGUSR1

#endif
