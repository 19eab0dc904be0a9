/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_SAID_H
#define COCO_TESTS_UNIT_SAID_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"

/* What a test prints.  Include <cmocka.h> first. */
struct said {
	FILE *f;
	int file, saved;
	char text[200000];
};

/* From now on what goes to @f, which is stdout or stderr, is kept; until said_end(). */
static inline void said_begin(struct said *s, FILE *f)
{
	int fd = fileno(f);

	s->f = f;
	s->file = memfd_create("said", MFD_CLOEXEC);
	s->saved = dup(fd);
	assert_true(s->file >= 0 && s->saved >= 0);
	(void) fflush(f);
	assert_int_equal(dup2(s->file, fd), fd);
}

/* Returns all of it, in @s. */
static inline char *said_end(struct said *s)
{
	int fd = fileno(s->f);
	ssize_t n;

	(void) fflush(s->f);
	assert_int_equal(dup2(s->saved, fd), fd);
	assert_int_equal(lseek(s->file, 0, SEEK_SET), 0);
	n = read_full(s->file, s->text, sizeof(s->text) - 1);
	assert_true(n >= 0);
	s->text[n] = '\0';
	close_fd(s->file);
	close_fd(s->saved);
	return s->text;
}

#endif
