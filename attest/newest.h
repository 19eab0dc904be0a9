/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEWEST_H
#define COCO_ATTEST_NEWEST_H

#include "base/macro.h"

struct trust;

/*
 * The memory of a cache: how new what was verified there has been, so that nobody can come with
 * something older later on, within its time as it may be.
 *
 * A text, the file NEWEST_FILE of the cache:
 *
 *	coco-newest 1
 *	tcb-info-90c06f000000 ROOT 12 1782000000
 *	pck-crl-platform ROOT 1 1782000000
 *
 * A line each: what it is; SHA-256 of the root key that it was verified under, 64 digits; the
 * highest number, hexadecimal; the latest signed date of issue, seconds since 1970.  Numbers are
 * the tcbEvaluationDataNumber of TCB info (of each FMSPC) and of the QE identity, and the CRL
 * number of revocation lists, 0 for those that have none.  Intel's lists all have the number 1:
 * of two lists with one number the later is the newer.
 */
#define NEWEST_FILE "newest"
#define NEWEST_FILE_MAX 65536
#define NEWEST_MAX 256
#define NEWEST_WHAT_LEN 32
#define NEWEST_ROOT_LEN 32
#define NEWEST_NUMBER_LEN 20	/* RFC 5280 has no longer ones */
#define NEWEST_ERROR_LEN 128

/* "crl-vcek", "crl-vlek", "root-crl", "pck-crl-platform", "pck-crl-processor", "qe-identity", "tcb-info-FMSPC" */
struct newest_entry {
	char what[NEWEST_WHAT_LEN];
	uint8_t root[NEWEST_ROOT_LEN];
	uint8_t number[NEWEST_NUMBER_LEN];	/* big-endian */
	int64_t issued;
};

struct newest {
	unsigned n;
	struct newest_entry list[NEWEST_MAX];
};

/* @number as an entry has it. */
void newest_set_number(struct newest_entry *e, uint64_t number);

/*
 * Read the text.  It is as newest_format() writes it, to the byte, or it is refused: a memory
 * that is half lost remembers nothing for sure.  @error says what is wrong, with the line.
 * Returns 0; -EBADMSG; -EMSGSIZE for more than NEWEST_MAX entries.  @ret is untouched on error.
 */
int newest_parse(const void *text, size_t len, struct newest *ret,
		 char error[static NEWEST_ERROR_LEN]);

/* The text, NUL-terminated; @ret is yours.  -ENOMEM. */
int newest_format(const struct newest *n, char **ret, size_t *ret_len);

/* What is remembered of @e's sort under its root; NULL for nothing. */
const struct newest_entry *newest_find(const struct newest *n, const struct newest_entry *e);

/* True when @e is older than @seen: of a lower number; a list also when it was issued earlier. */
bool newest_is_older(const struct newest_entry *e, const struct newest_entry *seen);

/* Remember @e too.  Returns 1 when that was news, 0 when not, -EMSGSIZE when there is no room. */
int newest_note(struct newest *n, const struct newest_entry *e);

/* The latest date of issue under a root of @trust; INT64_MIN for none. */
int64_t newest_issued(const struct newest *n, const struct trust *trust);

/* The number in hexadecimal digits, without leading zeros. */
#define NEWEST_NUMBER_TEXT_LEN (2 * NEWEST_NUMBER_LEN + 1)
void newest_number_text(const struct newest_entry *e, char ret[static NEWEST_NUMBER_TEXT_LEN]);

#endif
