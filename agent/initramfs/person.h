/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_INITRAMFS_PERSON_H
#define COCO_AGENT_INITRAMFS_PERSON_H

#include <sys/types.h>

#include "base/secret.h"

/*
 * A person who is asked for a passphrase by another program, which prints it: askpass, whose one
 * argument is the question.  The program is a process of its own, so that a key can come meanwhile.
 */
struct person {
	pid_t pid;		/* 0: nobody is asked */
	int pidfd;
	int answer;		/* to be polled, and read by person_read() */
};

#define PERSON_NONE ((struct person){ .pidfd = -EBADF, .answer = -EBADF })

/*
 * Start @program with @question, and no signal blocked.  Descriptors that are not for it have
 * FD_CLOEXEC.  @ret is for person_dismiss().  Returns 0 or a negative errno; that the program does
 * not exist is found out by person_read().
 */
int person_ask(const char *program, const char *question, struct person *ret);

/*
 * Read the answer up to its end, which comes when the program ends.  @ret is yours.  Returns 0;
 * -ENOKEY when the program failed or printed nothing; -EMSGSIZE for more than @max bytes; an errno
 * of secret_read().
 */
int person_read(struct person *p, size_t max, struct secret **ret);

/*
 * Nobody need answer any more.  askpass restores the terminal when it has an answer, so it gets an
 * empty one through its FIFO @fifo; a program that does not end by that is killed.  Fine for
 * PERSON_NONE, and after person_read().
 */
void person_dismiss(struct person *p, const char *fifo);

#endif
