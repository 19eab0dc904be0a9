/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_VOLUME_H
#define COCO_AGENT_KEEPER_VOLUME_H

#include <sys/types.h>

#include "base/macro.h"
#include "wire/cryptsetup-peer.h"

/*
 * Whether the dm-crypt device @name exists and has its table: sysfs below @sys ("/sys") shows a
 * device-mapper device of that name, of a size, with the UUID that cryptsetup gives
 * ("CRYPT-TYPE-...-NAME").  Returns 1 or 0, or a negative errno of opendir(3).
 */
int volume_is_open(const char *sys, const char *name);

/* Where systemd's password agents find the questions that wait for a person. */
#define ASK_PASSWORD_DIR "/run/systemd/ask-password"

/*
 * Whether the process @pid waits for a passphrase that a person types: a question of its own
 * lies in @dir.
 */
bool volume_asks_passphrase(const char *dir, pid_t pid);

/*
 * Whose question the file @name in @dir is: its process.  -ENOENT when it is gone; -EBADMSG
 * when it names none; another errno of reading it.
 */
pid_t volume_asked_by(const char *dir, const char *name);

/*
 * A mark of @dir that changes with each question that is asked or answered: what was not asked
 * while nobody watched leaves it as it was.
 */
struct volume_asked {
	uint64_t inode;		/* 0: the directory is not there */
	uint64_t nsec;		/* its time of modification; ~0: it changed just now, so that the mark says nothing */
};

void volume_asked_mark(const char *dir, struct volume_asked *ret);

/* Whether it is certain that nothing was asked since @before was taken. */
bool volume_asked_nothing_since(const char *dir, const struct volume_asked *before);

/*
 * When the process @pid began, in the kernel's ticks: with it a pid names one process for good.
 * Returns 0, or a negative errno when there is no such process.
 */
int volume_peer_start(pid_t pid, uint64_t *ret);

/* What `systemd-cryptsetup attach VOLUME DEVICE KEY-FILE OPTIONS` was told. */
struct volume_request {
	char volume[VOLUME_NAME_MAX + 1];
	char device[256];	/* where the LUKS header is: the device, or header= of the options */
	bool other_means;	/* its options name another way than a key or a question */
};

/*
 * Read it from the arguments as /proc/PID/cmdline has them, @len bytes with a NUL after each.
 * Returns 0; -EINVAL when they are no such call, or a path is not absolute or too long.
 */
int volume_request_parse(const char *cmdline, size_t len, struct volume_request *ret);

#endif
