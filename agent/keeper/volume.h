/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_VOLUME_H
#define COCO_AGENT_KEEPER_VOLUME_H

#include <sys/types.h>

#include "base/macro.h"
#include "wire/cryptsetup-peer.h"

/* Where systemd's password agents find questions that are waiting for a person. */
#define ASK_PASSWORD_DIR "/run/systemd/ask-password"

/*
 * True if the process @pid is waiting for a passphrase that a person types: a question from it
 * lies in @dir.
 */
bool volume_asks_passphrase(const char *dir, pid_t pid);

/*
 * Returns the process whose question the file @name in @dir is; -ENOENT when the file is gone;
 * -EBADMSG when it names no process; another errno of reading it.
 */
pid_t volume_asked_by(const char *dir, const char *name);

/*
 * The socket that takes the answer to the question of @pid in @dir, the first if there are
 * several.  @ret has room for a path of AF_UNIX.  Returns 1; 0 when it asks nothing; -EBADMSG when
 * the question names no such socket.
 */
#define ASK_SOCKET_LEN 108
int volume_asks_at(const char *dir, pid_t pid, char ret[static ASK_SOCKET_LEN]);

/*
 * A mark of @dir that changes with each question that is asked or answered.  If the mark has not
 * changed, nothing was asked in between, even if nobody watched.
 */
struct volume_asked {
	uint64_t inode;		/* 0: the directory does not exist */
	/* time of modification; ~0: it changed just now, so that the mark says nothing */
	uint64_t nsec;
};

void volume_asked_mark(const char *dir, struct volume_asked *ret);

/* True if nothing was asked since @before was taken; false if that is not certain. */
bool volume_asked_nothing_since(const char *dir, const struct volume_asked *before);

/*
 * When the process @pid started, in the kernel's ticks.  A pid together with its start time names
 * one process for good.  Returns 0, or a negative errno when the process does not exist.
 */
int volume_peer_start(pid_t pid, uint64_t *ret);

/*
 * The arguments of `systemd-cryptsetup attach VOLUME DEVICE KEY-FILE OPTIONS`, which are those of
 * cocod-key too.
 */
#define VOLUME_KEY_LEN 128
struct volume_request {
	char volume[VOLUME_NAME_MAX + 1];
	/* where the LUKS header is: the device, or header= in the options */
	char device[256];
	/* the third field of crypttab(5), cut off if it is longer than any secret's name */
	char key[VOLUME_KEY_LEN];
	bool other_means;	/* its options allow other ways than a key or a question */
};

/*
 * Parse the arguments in the form of /proc/PID/cmdline: @len bytes, with a NUL after each
 * argument.  Returns 0; -EINVAL when they are not such a call, or when a path is not absolute or
 * too long.
 */
int volume_request_parse(const char *cmdline, size_t len, struct volume_request *ret);

#endif
