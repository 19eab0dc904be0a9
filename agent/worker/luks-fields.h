/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_LUKS_FIELDS_H
#define COCO_AGENT_WORKER_LUKS_FIELDS_H

#include "agent/worker/luks-pins.h"
#include "base/macro.h"
#include "wire/jspan.h"

/*
 * Each kind of object in LUKS2's JSON has a table of fields, and one function checks an object
 * against its table.  A member that is not in the table is refused: it may change what the others
 * mean.
 *
 * All checks return 0; -EKEYREJECTED for what is well-formed, but not safe or not known; -EBADMSG
 * for what is malformed.  After an error the reason says where, what, and what helps.
 */
#define LUKS_IDS 32	/* keyslots, segments, digests, tokens are numbered from 0 to 31 */

struct luks_judge {
	char *reason;
	size_t reason_len;
	/* of the current value, "keyslots.0.area"; has our own names and checked ids only */
	char path[80];
	/* the number of the current keyslot, segment, digest or token */
	unsigned id;
	/* types, separated by one blank; "" for none; NULL for all */
	const char *allow_tokens;
	size_t area_len;
	uint64_t device_len;		/* in bytes */
	bool is_apart;			/* the segment is on another device than this header */
	bool has_integrity;		/* the segment has, of whatever kind */
	uint64_t keyslots_end;		/* in bytes from the start of the volume */
	uint32_t keyslots, segments;	/* the ids that exist, one bit each */
	uint32_t key_len[LUKS_IDS];	/* of each keyslot, in bytes */
	/* how many more bytes a segment with integrity needs than its cipher */
	uint32_t integrity_key_len;
	uint32_t digest_keyslots, digest_segments;	/* which ids the current digest names */
	uint32_t bound;			/* keyslots in the segment's digest */
	uint32_t unbound;		/* keyslots in another digest */
	unsigned n_volume_digests;
	uint8_t digest[LUKS_DIGEST_MAX];	/* the segment's */
	size_t digest_len;
};

struct luks_field {
	const char *name;
	enum jspan_type type;
	int (*check)(struct luks_judge *j, const struct luks_field *f, struct bytes v);
	bool optional;
	/* luks_check_word: the allowed values, NULL at the end */
	const char *const *words;
	const struct luks_field *fields;	/* luks_check_object: the table of its members */
	/* luks_check_int, luks_check_decimal; luks_check_base64: bytes */
	uint64_t min, max;
	/* luks_check_word, luks_check_int: see luks_add_remedy() */
	const char *remedy;
};

/* Set the reason: the path, then what is wrong.  Return -EBADMSG and -EKEYREJECTED. */
int luks_malformed(struct luks_judge *j, const char *format, ...) _printf_(2, 3);
int luks_refused(struct luks_judge *j, const char *format, ...) _printf_(2, 3);

/* For a number that does not fit into 64 bits: the same verdict wherever it stands. */
int luks_number_too_large(struct luks_judge *j);

/*
 * Add to the reason what a person can do about it: @remedy, with the id for "%u", and for "DEVICE"
 * both devices when the header is apart: cryptsetup would take a header that it is given alone for
 * the volume, and reencrypt that.
 */
void luks_add_remedy(struct luks_judge *j, const char *remedy);

/* For the tables. */
int luks_check_word(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_int(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_decimal(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_size_or_dynamic(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_sector_size(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_base64(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_texts(struct luks_judge *j, const struct luks_field *f, struct bytes v);
int luks_check_object(struct luks_judge *j, const struct luks_field *f, struct bytes v);

/* Check @o against the table @fields; luks_check_member() checks one member alone. */
int luks_check_fields(struct luks_judge *j, const struct luks_field *fields, struct bytes o);
int luks_check_member(struct luks_judge *j, const struct luks_field *f, struct bytes o);

/*
 * Check an object whose members are objects and are named by ids: call @check for each, and
 * collect the ids as bits.
 */
int luks_check_each(struct luks_judge *j, struct bytes o,
		    int (*check)(struct luks_judge *j, struct bytes v), uint32_t *ret_ids);

/* Parse an array of ids without duplicates into bits. */
int luks_parse_ids(struct luks_judge *j, struct bytes v, uint32_t *ret);

/*
 * The value of a member that luks_check_decimal() or luks_check_int() has passed; 0 when the
 * member is missing.
 */
uint64_t luks_decimal_of(struct bytes o, const char *name);
uint64_t luks_int_of(struct bytes o, const char *name);

/*
 * The bytes of a member that luks_check_base64() has passed, LUKS_DIGEST_MAX at most; returns how
 * many, 0 when the member is missing.
 */
size_t luks_base64_of(struct bytes o, const char *name, uint8_t ret[static LUKS_DIGEST_MAX]);

/* @v as a C string, cut when it is long, for messages and comparisons with short words. */
#define LUKS_WORD_LEN 80
const char *luks_word(struct bytes v, char ret[static LUKS_WORD_LEN]);

#endif
