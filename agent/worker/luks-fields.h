/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_LUKS_FIELDS_H
#define COCO_AGENT_WORKER_LUKS_FIELDS_H

#include "base/macro.h"
#include "wire/jspan.h"

/*
 * One table of fields for each kind of object in LUKS2's JSON, and one function that holds an
 * object against its table.  A member that is in no table is refused: it may change what the
 * others mean.
 *
 * All checks return 0; -EKEYREJECTED for what is well-formed, but not safe or not known;
 * -EBADMSG for what is malformed.  Then the reason says where, what, and what helps.
 */
#define LUKS_IDS 32	/* keyslots, segments, digests, tokens are numbered from 0 to 31 */

struct luks_judge {
	char *reason;
	size_t reason_len;
	char path[80];			/* of what is looked at, "keyslots.0.area"; our own names and checked ids only */
	unsigned id;			/* the number of the keyslot, segment, digest or token that is looked at */
	const char *allow_tokens;	/* types with one blank between them, "" for none */
	size_t area_len;
	uint64_t keyslots_end;		/* in bytes from the start of the volume */
	uint32_t keyslots, segments;	/* which ids there are, one bit each */
	uint32_t key_len[LUKS_IDS];	/* of each keyslot, in bytes */
	uint32_t integrity_key_len;	/* that a segment with integrity needs beside the cipher's, in bytes */
	uint32_t digest_keyslots, digest_segments;	/* which the digest names that is looked at */
	uint32_t bound;			/* keyslots that the segment's digest names */
	uint32_t unbound;		/* those that another digest names */
	unsigned n_volume_digests;
};

struct luks_field {
	const char *name;
	enum jspan_type type;
	int (*check)(struct luks_judge *j, const struct luks_field *f, struct bytes v);
	bool optional;
	const char *const *words;		/* luks_check_word: what it may be, NULL at the end */
	const struct luks_field *fields;	/* luks_check_object: its members, a row without a name at the end */
	uint64_t min, max;			/* luks_check_int, luks_check_decimal; luks_check_base64: bytes */
	const char *remedy;			/* what helps when a word or a number is refused; it may have one %u, the id */
};

/* Say what is wrong, behind the path.  Return -EBADMSG and -EKEYREJECTED. */
int luks_malformed(struct luks_judge *j, const char *format, ...) _printf_(2, 3);
int luks_refused(struct luks_judge *j, const char *format, ...) _printf_(2, 3);

/* A number that fits into no 64 bits: the same verdict wherever it stands. */
int luks_number_too_large(struct luks_judge *j);

/* Add to the reason what a person can do about it: @remedy, which has at most one %u, the id. */
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

/* Hold @o against the table @fields; luks_check_member() looks at one member alone. */
int luks_check_fields(struct luks_judge *j, const struct luks_field *fields, struct bytes o);
int luks_check_member(struct luks_judge *j, const struct luks_field *f, struct bytes o);

/*
 * An object whose members are objects and named by ids: @check each, and collect the ids as
 * bits.
 */
int luks_check_each(struct luks_judge *j, struct bytes o,
		    int (*check)(struct luks_judge *j, struct bytes v), uint32_t *ret_ids);

/* An array of ids, each once, as bits. */
int luks_parse_ids(struct luks_judge *j, struct bytes v, uint32_t *ret);

/* What luks_check_decimal() and luks_check_int() have passed; 0 when it is not there. */
uint64_t luks_decimal_of(struct bytes o, const char *name);
uint64_t luks_int_of(struct bytes o, const char *name);

/* A text as C has it, cut when it is long, for messages and comparisons with short words. */
#define LUKS_WORD_LEN 80
const char *luks_word(struct bytes v, char ret[static LUKS_WORD_LEN]);

#endif
