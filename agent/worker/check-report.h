/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_CHECK_REPORT_H
#define COCO_AGENT_WORKER_CHECK_REPORT_H

#include "base/macro.h"

/* What attest_check() has found so far: problems, which are logged at once, and dates. */

#define CHECK_WHAT_LEN 160

/*
 * A piece of collateral with dates.  Pieces of the same key do the same job: one of them must be
 * good.
 */
struct finding {
	const char *path;	/* borrowed until check_dates() */
	char what[CHECK_WHAT_LEN], key[CHECK_WHAT_LEN];	/* no key: nothing else does its job */
	int64_t from, until;
	bool older;	/* older than what was verified before */
};

struct check_report {
	unsigned n_errors;
	bool oom;		/* memory was short: the report is not complete */
	struct finding *findings;
	size_t n_findings;
};

void check_report_done(struct check_report *r);

/* Log a problem with the file @path, and count it.  @line is 0 for the whole file. */
void check_problem(struct check_report *r, const char *path, unsigned line, const char *format, ...)
	_printf_(4, 5);

/* Returns @list with room for one more; NULL without memory, and then @list is unchanged. */
void *check_grow(struct check_report *r, void *list, size_t n, size_t size);

/* Add a piece with dates.  The result is good until the next call; NULL without memory. */
struct finding *check_add_finding(struct check_report *r, const char *path, int64_t from,
				  int64_t until, const char *key, const char *format, ...)
	_printf_(6, 7);

/* Print until when each piece is good, as of @now, or log why it is not. */
void check_dates(struct check_report *r, int64_t now);

#endif
