/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_BENCH_TURNS_H
#define COCO_TESTS_BENCH_TURNS_H

#include <openssl/x509.h>

#include "wire/bytes.h"

/*
 * Two ways to do something, measured beside each other: they take turns within each round, so
 * that what else runs on the machine hits both alike, and what counts is processor time.
 */
struct turn_row {
	const char *name;
	void (*floor)(void *input);	/* what cannot be left out */
	void (*ours)(void *input);
	const char *goal;		/* of the ratio, for people */
};

/* Print the medians of @rounds rounds of each row (the last has no name), and their ratio. */
void take_turns(const struct turn_row *rows, void *input, unsigned rounds);

/* Say what failed and exit unless @good: what does not work is no measurement. */
void must(int good, const char *what);

/*
 * The command line of the program @name: --rounds=N, and @n files, which are called @files in
 * messages.  Returns the files, never freed.  Exits after an error, which it has logged.
 */
const char **turns_options(int argc, char **argv, const char *name, const char *files, size_t n,
			   unsigned *ret_rounds);

/* A file, never freed. */
struct bytes read_input(const char *path);

X509 *parse_der(struct bytes der);

#endif
