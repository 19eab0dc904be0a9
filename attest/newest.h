/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEWEST_H
#define COCO_ATTEST_NEWEST_H

#include "base/macro.h"

struct trust;

/*
 * The memory of a cache: how new the collateral was that has been verified.  Later, nobody can
 * come with older collateral, even if it has not expired yet.
 *
 * The memory is a text, the file NEWEST_FILE of the cache:
 *
 *	coco-newest 1
 *	tcb-info-90c06f000000 ROOT 12 1782000000
 *	pck-crl-platform ROOT 1 1782000000
 *
 * Each line has the kind of document; the SHA-256 of the root key that it was verified under, in
 * 64 digits; the highest number, in hexadecimal; the latest signed date of issue, in seconds since
 * 1970.  The number is the tcbEvaluationDataNumber of a TCB info (of each FMSPC) and of the QE
 * identity, and the CRL number of a revocation list, or 0.  Intel's lists all have the number 1:
 * of two lists with the same number, the one that was issued later is newer.
 */
#define NEWEST_FILE "newest"
#define NEWEST_FILE_MAX 65536
#define NEWEST_MAX 256
#define NEWEST_WHAT_LEN 32
#define NEWEST_ROOT_LEN 32
#define NEWEST_NUMBER_LEN 20	/* RFC 5280 allows no longer ones */
#define NEWEST_ERROR_LEN 128

/*
 * @what is "crl-vcek", "crl-vlek", "root-crl", "pck-crl-platform", "pck-crl-processor",
 * "qe-identity" or "tcb-info-FMSPC".
 */
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

/* Put @number into @e. */
void newest_set_number(struct newest_entry *e, uint64_t number);

/*
 * Read the text.  Anything but the very bytes that newest_format() writes is refused: a damaged
 * memory cannot be relied on.  On failure, @error says what is wrong and in which line.
 * Returns 0 with @ret; -EBADMSG; -EMSGSIZE for more than NEWEST_MAX entries; -ENOMEM.
 */
int newest_parse(const void *text, size_t len, struct newest *ret,
		 char error[static NEWEST_ERROR_LEN]);

/* Write the text, a C string.  @ret is yours.  Returns 0 or -ENOMEM. */
int newest_format(const struct newest *n, char **ret, size_t *ret_len);

/* What is remembered of @e's kind under @e's root, or NULL. */
const struct newest_entry *newest_find(const struct newest *n, const struct newest_entry *e);

/* True if @e is older than @seen: its number is lower, or of two lists it was issued earlier. */
bool newest_is_older(const struct newest_entry *e, const struct newest_entry *seen);

/* Remember @e.  Returns 1 if that changed anything, 0 if not, -EMSGSIZE if there is no room. */
int newest_note(struct newest *n, const struct newest_entry *e);

/* The latest date of issue that is remembered under a root of @trust, or INT64_MIN. */
int64_t newest_issued(const struct newest *n, const struct trust *trust);

/* The number in hexadecimal digits, without leading zeros. */
#define NEWEST_NUMBER_TEXT_LEN (2 * NEWEST_NUMBER_LEN + 1)
void newest_number_text(const struct newest_entry *e, char ret[static NEWEST_NUMBER_TEXT_LEN]);

#endif
