/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_JSPAN_H
#define COCO_WIRE_JSPAN_H

#include "wire/bytes.h"

/*
 * JSON that somebody signed, read in place.  A value is the bytes of its text, so that the bytes
 * that were signed, hashed and read are the same.  (A library that builds objects cannot tell
 * from which bytes it made them, and keeps one of two members with the same name.)
 *
 * Call jspan_check() first; the other functions are for values of a text that passed it.  No
 * allocation, no I/O.  RFC 8259.
 */

#define JSPAN_DEPTH_MAX 32		/* the same as in json-c */
#define JSPAN_MEMBERS_MAX 64		/* in one object */

enum jspan_type {
	JSPAN_OBJECT,
	JSPAN_ARRAY,
	JSPAN_STRING,
	JSPAN_NUMBER,
	JSPAN_TRUE,
	JSPAN_FALSE,
	JSPAN_NULL,
};

/*
 * Check that @text is one JSON value, with nothing but blanks around it.  Beyond the grammar, no
 * object may have two members of the same name, or a name with an escape (which could be another
 * way to write the same name), and strings must be valid UTF-8.
 *
 * Returns 0 with the value without blanks in @ret; -EBADMSG for anything else; -EMSGSIZE over
 * JSPAN_DEPTH_MAX or JSPAN_MEMBERS_MAX.
 */
int jspan_check(struct bytes text, struct bytes *ret);

struct jspan_member {
	struct bytes name, value;
};

/*
 * The same, and where the members of the outermost object are, which the check comes past anyway:
 * in their order, the first @max of them in @ret, and in @ret_n how many there are.  A text that is
 * no object has none.  After an error @ret may have been written.
 */
int jspan_check_members(struct bytes text, struct jspan_member *ret, unsigned max, unsigned *ret_n);

enum jspan_type jspan_type(struct bytes value);

/*
 * Walk an object or an array.  @it begins as the value, and then is the part that has not been
 * read.  Returns 1 with a member or an element, 0 at the end, -EBADMSG when @it began as another
 * type.
 */
int jspan_next_member(struct bytes *it, struct bytes *ret_name, struct bytes *ret_value);
int jspan_next_element(struct bytes *it, struct bytes *ret_value);

/*
 * Walk an array whose elements are read where they are, with jspan_object_take() or this function,
 * so that no byte of them is looked at twice.  @b begins at the opening bracket, and behind each
 * element that was read.  Returns 1 with @b at the next element, or 0 with @b behind the array;
 * -EBADMSG when @b began as another type, or was left at another place.
 */
int jspan_at_element(struct bytes *b);

/*
 * Find the member @name of @object.  Returns 0; -ENOENT without such a member; -EBADMSG when
 * @object is not an object.
 */
int jspan_member(struct bytes object, const char *name, struct bytes *ret_value);

/* The text between the quotes of a string without escapes; -EBADMSG for any other value. */
int jspan_text(struct bytes value, struct bytes *ret);
bool jspan_text_is(struct bytes value, const char *text);

/*
 * Decode a string with its escapes: UTF-8, with a NUL at the end that is not counted.  @size must
 * be at least the length of @value less one.
 *
 * Returns 0 with @ret and @ret_len; -EBADMSG for any other value, and for "\u0000" or half a
 * surrogate pair, which no C string of UTF-8 can hold; -EMSGSIZE when @size is too small.
 */
int jspan_string(struct bytes value, char *ret, size_t size, size_t *ret_len);

/*
 * The member @name of @object, decoded so.  Returns 0; -ENOENT without such a member; -EBADMSG when
 * @object is not an object, or the member is not such a string, or may not have room.
 */
int jspan_member_string(struct bytes object, const char *name, char *ret, size_t size);

/*
 * A whole number from 0 to @max, without fraction or exponent; -EBADMSG for any other value,
 * -ERANGE for a larger one.
 */
int jspan_uint(struct bytes value, uint64_t max, uint64_t *ret);

/* A string of exactly 2 * @len hexadecimal digits, of either case; else -EBADMSG. */
int jspan_hex(struct bytes value, uint8_t *ret, size_t len);

/* A string "2026-01-31T12:00:00Z", as seconds since 1970; else -EBADMSG. */
int jspan_time(struct bytes value, int64_t *ret);

/*
 * Read an object by a table of at most 63 members, which ends with a name of NULL.  Each value is
 * read to the place @offset in @ret, by @read, or by @take if there is one: for values with values
 * within them, @b is at the value, with all that follows it, and must be moved behind the value.
 * Both return 0, or a negative errno, which ends the reading.
 * Members without a row are ignored; with @closed they are -EBADMSG.
 *
 * Returns 0; -ENOENT when a member is missing that is not optional; -EBADMSG when it is no object;
 * otherwise what @read or @take returned.  After an error @ret_field (may be NULL) is that member's
 * row, or NULL when the error is about the object.
 */
struct jspan_field {
	const char *name;
	int (*read)(struct bytes value, void *ret);
	size_t offset;
	bool optional;
	int (*take)(struct bytes *b, void *ret);
};

int jspan_object_read(struct bytes object, const struct jspan_field *fields, bool closed, void *ret,
		      const struct jspan_field **ret_field);
/* As jspan_object_read(), for the object at @b, which moves behind it. */
int jspan_object_take(struct bytes *b, const struct jspan_field *fields, bool closed, void *ret,
		      const struct jspan_field **ret_field);

/*
 * Two readers for such tables, into a struct bytes: the value as it stands in the text (always
 * 0), and the result of jspan_text().
 */
int jspan_read_value(struct bytes value, void *ret);
int jspan_read_text(struct bytes value, void *ret);

#endif
