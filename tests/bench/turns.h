/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_BENCH_TURNS_H
#define COCO_TESTS_BENCH_TURNS_H

#include <openssl/x509.h>

#include "wire/bytes.h"

/*
 * Two ways to do something, measured beside each other.  They take turns within each round, so
 * that the rest of the machine disturbs both alike, and processor time is measured.
 */
struct turn_row {
	const char *name;
	void (*floor)(void *input);	/* the part that cannot be left out */
	void (*ours)(void *input);
	const char *goal;		/* of the ratio, for people */
};

/* Print the medians of @rounds rounds of each row, and their ratio.  The last row has no name. */
void take_turns(const struct turn_row *rows, void *input, unsigned rounds);

/* Print what failed and exit, unless @good: a measurement of a failure means nothing. */
void must(int good, const char *what);

/*
 * Read the command line of the program @name: --rounds=N, and @n files, which messages call
 * @files.  Returns the files, which are never freed.  Exits after an error, which is logged.
 */
const char **turns_options(int argc, char **argv, const char *name, const char *files, size_t n,
			   unsigned *ret_rounds);

/* Read a file; the bytes are never freed. */
struct bytes read_input(const char *path);

X509 *parse_der(struct bytes der);

#endif
