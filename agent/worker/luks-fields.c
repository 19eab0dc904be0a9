/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/luks-fields.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/parse.h"
#include "base/text.h"

/* ---- saying what is wrong ---- */

static void say(struct luks_judge *j, const char *format, va_list ap)
{
	int n;

	n = snprintf(j->reason, j->reason_len, "%s%s", j->path, j->path[0] ? " " : "");
	n = MIN(MAX(n, 0), (int)j->reason_len - 1);
	(void) vsnprintf(j->reason + n, j->reason_len - (size_t)n, format, ap);
}

int luks_malformed(struct luks_judge *j, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(j, format, ap);
	va_end(ap);
	return -EBADMSG;
}

int luks_refused(struct luks_judge *j, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(j, format, ap);
	va_end(ap);
	return -EKEYREJECTED;
}

int luks_number_too_large(struct luks_judge *j)
{
	return luks_malformed(j, "is a number that is too large");
}

_printf_(2, 3) static void append(struct luks_judge *j, const char *format, ...)
{
	size_t n = strlen(j->reason);
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(j->reason + n, j->reason_len - n, format, ap);
	va_end(ap);
}

void luks_add_remedy(struct luks_judge *j, const char *remedy)
{
	append(j, "; ");
	while (*remedy) {
		size_t plain = strcspn(remedy, "%D");

		if (startswith(remedy, "%u")) {
			append(j, "%u", j->id);
			remedy += strlen("%u");
		} else if (startswith(remedy, "DEVICE")) {
			append(j, "%s", j->is_apart ? "--header HEADER DEVICE" : "DEVICE");
			remedy += strlen("DEVICE");
		} else {
			plain += plain == 0;
			append(j, "%.*s", (int)plain, remedy);
			remedy += plain;
		}
	}
}

/* Go down to the member @name.  Pass the result to path_up() to come back. */
static size_t path_down(struct luks_judge *j, const char *name, size_t len)
{
	size_t n = strlen(j->path);

	(void) snprintf(j->path + n, sizeof(j->path) - n, "%s%.*s", n ? "." : "", (int)len, name);
	return n;
}

static void path_up(struct luks_judge *j, size_t n)
{
	j->path[n] = '\0';
}

/* ---- one value ---- */

const char *luks_word(struct bytes v, char ret[static LUKS_WORD_LEN])
{
	struct bytes text = { NULL, 0 };

	if (jspan_text(v, &text) < 0)
		text.len = 0;
	(void) snprintf(ret, LUKS_WORD_LEN, "%.*s", (int)MIN(text.len, LUKS_WORD_LEN - 1),
			text.len ? (const char *)text.p : "");
	return ret;
}

static bool is_listed(struct bytes v, const char *const *list)
{
	for (; *list; list++)
		if (jspan_text_is(v, *list))
			return true;
	return false;
}

int luks_check_word(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	char list[200] = "", word[LUKS_WORD_LEN];

	if (is_listed(v, f->words))
		return 0;
	for (const char *const *w = f->words; *w; w++)
		list_add_word(list, sizeof(list), *w);
	(void) luks_refused(j, "is '%.32s', may only be: %s", luks_word(v, word), list);
	if (f->remedy)
		luks_add_remedy(j, f->remedy);
	return -EKEYREJECTED;
}

/* A whole number in @f's range. */
int luks_check_int(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint64_t n;
	int r;

	r = jspan_uint(v, UINT64_MAX, &n);
	if (r == -ERANGE)
		return luks_number_too_large(j);
	if (r < 0 && v.len > 0 && v.p[0] == '-')
		return luks_malformed(j, "is %.*s, out of range", (int)MIN(v.len, 24u),
				      (const char *)v.p);
	if (r < 0)
		return luks_malformed(j, "is not a whole number");
	if (n >= f->min && n <= f->max)
		return 0;
	(void) luks_malformed(j, "is %llu, out of range", (unsigned long long)n);
	if (f->remedy && n > f->max)
		luks_add_remedy(j, f->remedy);
	return -EBADMSG;
}

int luks_check_sector_size(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint64_t n;

	if (jspan_uint(v, UINT64_MAX, &n) == -ERANGE)
		return luks_number_too_large(j);
	if (jspan_uint(v, UINT32_MAX, &n) < 0 || (n != 512 && n != 1024 && n != 2048 && n != 4096))
		return luks_malformed(j, "is not a sector size");
	return 0;
}

/* 64-bit numbers are strings in this format, because JSON has no such numbers. */
static int decimal_parse(struct bytes v, uint64_t *ret)
{
	char text[24];
	struct bytes t;

	if (jspan_text(v, &t) < 0 || t.len >= sizeof(text))
		return -EINVAL;
	(void) snprintf(text, sizeof(text), "%.*s", (int)t.len, (const char *)t.p);
	return startswith(text, "0x") ? -EINVAL : parse_u64(text, ret);
}

uint64_t luks_decimal_of(struct bytes o, const char *name)
{
	struct bytes v;
	uint64_t n = 0;

	if (jspan_member(o, name, &v) == 0)
		(void) decimal_parse(v, &n);
	return n;
}

uint64_t luks_int_of(struct bytes o, const char *name)
{
	struct bytes v;
	uint64_t n = 0;

	if (jspan_member(o, name, &v) == 0)
		(void) jspan_uint(v, UINT64_MAX, &n);
	return n;
}

int luks_check_decimal(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	char word[LUKS_WORD_LEN];
	uint64_t n;
	int r;

	r = decimal_parse(v, &n);
	if (r == -ERANGE)
		return luks_number_too_large(j);
	if (r < 0)
		return luks_malformed(j, "is '%.32s', which is not a number", luks_word(v, word));
	if (n < f->min || n > f->max)
		return luks_malformed(j, "is %llu, out of range", (unsigned long long)n);
	return 0;
}

int luks_check_size_or_dynamic(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	return jspan_text_is(v, "dynamic") ? 0 : luks_check_decimal(j, f, v);
}

/* Returns how many bytes; -EBADMSG; -EMSGSIZE for more than there is room for. */
static ssize_t decode(struct bytes v, uint8_t ret[static LUKS_DIGEST_MAX])
{
	char text[2 * LUKS_DIGEST_MAX];
	struct bytes t;

	if (jspan_text(v, &t) < 0)
		return -EBADMSG;
	if (t.len >= sizeof(text))
		return -EMSGSIZE;
	(void) snprintf(text, sizeof(text), "%.*s", (int)t.len, (const char *)t.p);
	return base64_decode(text, ret, LUKS_DIGEST_MAX);
}

size_t luks_base64_of(struct bytes o, const char *name, uint8_t ret[static LUKS_DIGEST_MAX])
{
	struct bytes v;
	ssize_t n = jspan_member(o, name, &v) < 0 ? 0 : decode(v, ret);

	return n < 0 ? 0 : (size_t)n;
}

/* The lengths of salts and digests matter: a digest without bytes would fit every key. */
int luks_check_base64(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	uint8_t bytes[LUKS_DIGEST_MAX];
	ssize_t n = decode(v, bytes);

	if (n < 0 && n != -EMSGSIZE)
		return luks_malformed(j, "is not base64");
	if (n < 0 || (uint64_t)n < f->min || (uint64_t)n > f->max)
		return luks_malformed(j, "does not have the right number of bytes");
	return 0;
}

int luks_check_texts(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	struct bytes e;

	while (jspan_next_element(&v, &e) > 0)
		if (jspan_type(e) != JSPAN_STRING)
			return luks_malformed(j, "has an element that is not a text");
	return 0;
}

/* ---- objects ---- */

static const struct luks_field *field_find(const struct luks_field *fields, struct bytes name)
{
	for (; fields->name; fields++)
		if (name.len == strlen(fields->name) && memcmp(fields->name, name.p, name.len) == 0)
			return fields;
	return NULL;
}

static const char *type_name(enum jspan_type type)
{
	return type == JSPAN_OBJECT ? "an object" :
	       type == JSPAN_ARRAY  ? "an array" :
	       type == JSPAN_STRING ? "a string" :
				      "an int";
}

/* Strings that are compared, or read as numbers, must be plain: this format never uses escapes. */
static bool is_plain(struct bytes v)
{
	struct bytes text;

	return jspan_type(v) != JSPAN_STRING || jspan_text(v, &text) == 0;
}

int luks_check_member(struct luks_judge *j, const struct luks_field *f, struct bytes o)
{
	struct bytes v;
	size_t up;
	int r;

	if (jspan_member(o, f->name, &v) < 0)
		return f->optional ? 0 : luks_malformed(j, "lacks '%s'", f->name);
	up = path_down(j, f->name, strlen(f->name));
	if (jspan_type(v) != f->type)
		r = luks_malformed(j, "is not %s", type_name(f->type));
	else if (!is_plain(v))
		r = luks_malformed(j, "is a text with escapes, which LUKS2 writes nowhere");
	else
		r = f->check(j, f, v);
	if (r < 0)
		return r;
	path_up(j, up);
	return 0;
}

int luks_check_fields(struct luks_judge *j, const struct luks_field *fields, struct bytes o)
{
	struct bytes it = o, name, value;
	int r;

	while (jspan_next_member(&it, &name, &value) > 0)
		if (!field_find(fields, name))
			return luks_refused(j, "has '%.*s', which is not known here",
					    (int)MIN(name.len, 32u), (const char *)name.p);
	for (const struct luks_field *f = fields; f->name; f++) {
		r = luks_check_member(j, f, o);
		if (r < 0)
			return r;
	}
	return 0;
}

int luks_check_object(struct luks_judge *j, const struct luks_field *f, struct bytes v)
{
	return luks_check_fields(j, f->fields, v);
}

/*
 * An id in the form that cryptsetup writes, "0" to "31".  Another reader might take "00" or "+1"
 * for another slot.
 */
static int id_parse(struct bytes text, unsigned *ret)
{
	char s[4];
	uint32_t id;

	if (text.len == 0 || text.len >= sizeof(s) || (text.p[0] == '0' && text.len > 1))
		return -EINVAL;
	(void) snprintf(s, sizeof(s), "%.*s", (int)text.len, (const char *)text.p);
	if (parse_u32(s, &id) < 0 || id >= LUKS_IDS)
		return -EINVAL;
	*ret = id;
	return 0;
}

int luks_check_each(struct luks_judge *j, struct bytes o,
		    int (*check)(struct luks_judge *j, struct bytes v), uint32_t *ret_ids)
{
	struct bytes name, value;
	uint32_t ids = 0;
	size_t up;
	int r;

	while (jspan_next_member(&o, &name, &value) > 0) {
		if (id_parse(name, &j->id) < 0)
			return luks_malformed(j,
					      "has '%.*s' where there should "
					      "be a number from 0 to %d",
					      (int)MIN(name.len, 32u), (const char *)name.p,
					      LUKS_IDS - 1);
		up = path_down(j, (const char *)name.p, name.len);
		if (jspan_type(value) != JSPAN_OBJECT)
			return luks_malformed(j, "is not an object");
		ids |= UINT32_C(1) << j->id;
		r = check(j, value);
		if (r < 0)
			return r;
		path_up(j, up);
	}
	*ret_ids = ids;
	return 0;
}

int luks_parse_ids(struct luks_judge *j, struct bytes v, uint32_t *ret)
{
	struct bytes e, text;
	uint32_t ids = 0;
	unsigned id;

	while (jspan_next_element(&v, &e) > 0) {
		if (jspan_text(e, &text) < 0 || id_parse(text, &id) < 0)
			return luks_malformed(j,
					      "has an element that is not a "
					      "number from 0 to %d in quotes",
					      LUKS_IDS - 1);
		if (ids & UINT32_C(1) << id)
			return luks_malformed(j, "has %u twice", id);
		ids |= UINT32_C(1) << id;
	}
	*ret = ids;
	return 0;
}
