/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/luks-metadata.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/parse.h"
#include "wire/luks.h"

/*
 * One table of fields for each kind of object, and one function that holds an object against
 * its table.  A member that is in no table is refused: it may change what the others mean.
 */

#define DEPTH_MAX 8			/* the format needs 5; tokens of others may nest a little */
#define TEXT_MAX (256 * 1024)		/* of JSON; 32 keyslots are 16 KiB.  json-c takes up to 100 times as much memory */
#define N_IDS 32			/* keyslots, segments, digests, tokens are numbered from 0 to 31 */
#define KEYSLOTS_SIZE_MAX (128 * 1024 * 1024)
#define ARGON2_KIB_MAX (4 * 1024 * 1024)
#define STRIPES 4000

struct judge {
	char *reason;
	size_t reason_len;
	char path[80];			/* of what is looked at, "keyslots.0.area"; our own names and checked ids only */
	size_t area_len;
	uint64_t keyslots_end;		/* in bytes from the start of the volume */
	uint32_t keyslots;		/* which ids there are, one bit each */
	uint32_t segments;
	uint32_t digest_keyslots;	/* which the digest names */
	uint32_t digest_segments;
};

struct field {
	const char *name;
	enum json_type type;
	int (*check)(struct judge *j, const struct field *f, struct json_object *v);
	bool optional;
	const char *const *words;	/* check_word: what it may be, NULL at the end */
	const struct field *fields;	/* check_object: its members, a row without a name at the end */
	int64_t min, max;		/* check_int, check_decimal; check_base64: bytes */
};

const char *const luks_ciphers[] = { "aes-xts-plain64", NULL };
/*
 * sha1 only stretches and spreads here, where collisions do not matter; volumes that began as
 * LUKS1 still have it.
 */
const char *const luks_hashes[] = { "sha256", "sha512", "sha384", "sha1", NULL };

static const char *const keyslot_types[] = { "luks2", NULL };
static const char *const area_types[] = { "raw", NULL };
static const char *const af_types[] = { "luks1", NULL };
static const char *const segment_types[] = { "crypt", NULL };
static const char *const digest_types[] = { "pbkdf2", NULL };
static const char *const pbkdf2_types[] = { "pbkdf2", NULL };
static const char *const argon2_types[] = { "argon2i", "argon2id", NULL };
/*
 * Those by which the host cannot open a volume of its own making: ours, the guest's keyring,
 * and a mere mark.
 */
static const char *const token_types[] = { "coco", "luks2-keyring", "systemd-recovery", NULL };

/* ---- saying what is wrong ---- */

_printf_(3, 4) static int fail(struct judge *j, int error, const char *format, ...)
{
	va_list ap;
	int n;

	n = snprintf(j->reason, j->reason_len, "%s%s", j->path, j->path[0] ? " " : "");
	n = MIN(MAX(n, 0), (int)j->reason_len - 1);
	va_start(ap, format);
	(void) vsnprintf(j->reason + n, j->reason_len - (size_t)n, format, ap);
	va_end(ap);
	return error;
}

#define malformed(j, ...) fail(j, -EBADMSG, __VA_ARGS__)
#define refused(j, ...) fail(j, -EKEYREJECTED, __VA_ARGS__)

/* Go down to the member @name; path_up() with what it returns comes back. */
static size_t path_down(struct judge *j, const char *name)
{
	size_t n = strlen(j->path);

	(void) snprintf(j->path + n, sizeof(j->path) - n, "%s%s", n ? "." : "", name);
	return n;
}

static void path_up(struct judge *j, size_t n)
{
	j->path[n] = '\0';
}

/* ---- one value ---- */

bool luks_name_is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (streq(name, *list))
			return true;
	return false;
}

bool luks_key_len_is_good(int64_t len)
{
	return len == 32 || len == 64;
}

/*
 * Strings are C strings for cryptsetup; one with a NUL inside would be two things to two
 * readers.
 */
static bool is_text(struct json_object *v)
{
	return json_object_is_type(v, json_type_string) &&
	       strlen(json_object_get_string(v)) == (size_t)json_object_get_string_len(v);
}

static int check_word(struct judge *j, const struct field *f, struct json_object *v)
{
	const char *s = json_object_get_string(v);
	char list[80] = "";
	size_t n = 0;

	if (luks_name_is_listed(s, f->words))
		return 0;
	for (const char *const *w = f->words; *w && n < sizeof(list); w++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", *w);
	return refused(j, "is '%.32s', may only be: %s", s, list);
}

/* json-c saturates what does not fit, which is over every @max here. */
static int check_int(struct judge *j, const struct field *f, struct json_object *v)
{
	int64_t n = json_object_get_int64(v);

	if (n < f->min || n > f->max)
		return malformed(j, "is %lld, out of range", (long long)n);
	return 0;
}

static int check_key_size(struct judge *j, const struct field *f, struct json_object *v)
{
	int64_t n = json_object_get_int64(v);

	/* A key of a byte or two fits its digest by mere chance, whatever the passphrase is. */
	if (!luks_key_len_is_good(n))
		return refused(j, "is %lld, may only be 64 or 32 bytes", (long long)n);
	return 0;
}

static int check_sector_size(struct judge *j, const struct field *f, struct json_object *v)
{
	int64_t n = json_object_get_int64(v);

	if (n != 512 && n != 1024 && n != 2048 && n != 4096)
		return malformed(j, "is %lld, no sector size", (long long)n);
	return 0;
}

/* 64-bit numbers are strings in this format, because JSON has no such numbers. */
static int decimal_parse(const char *s, uint64_t *ret)
{
	return startswith(s, "0x") ? -EINVAL : parse_u64(s, ret);
}

/* Of a member that check_decimal() has passed. */
static uint64_t decimal_of(struct json_object *o, const char *name)
{
	uint64_t n = 0;

	(void) decimal_parse(json_object_get_string(json_object_object_get(o, name)), &n);
	return n;
}

static int check_decimal(struct judge *j, const struct field *f, struct json_object *v)
{
	const char *s = json_object_get_string(v);
	uint64_t n;

	if (decimal_parse(s, &n) < 0)
		return malformed(j, "is '%.32s', no number", s);
	if (n < (uint64_t)f->min || n > (uint64_t)f->max)
		return malformed(j, "is %llu, out of range", (unsigned long long)n);
	return 0;
}

static int check_size_or_dynamic(struct judge *j, const struct field *f, struct json_object *v)
{
	return streq(json_object_get_string(v), "dynamic") ? 0 : check_decimal(j, f, v);
}

/* Salts and digests have lengths that matter: a digest of no bytes would fit every key. */
static int check_base64(struct judge *j, const struct field *f, struct json_object *v)
{
	uint8_t bytes[64];
	ssize_t n;

	n = base64_decode(json_object_get_string(v), bytes, sizeof(bytes));
	if (n < 0 && n != -EMSGSIZE)
		return malformed(j, "is no base64");
	if (n < f->min || n > f->max)
		return malformed(j, "has not the number of bytes that it must have");
	return 0;
}

static int check_texts(struct judge *j, const struct field *f, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!is_text(json_object_array_get_idx(v, i)))
			return malformed(j, "has an element that is no text");
	return 0;
}

/*
 * What is mandatory to know is "online-reencrypt" and its like: none of that is a volume at
 * rest.
 */
static int check_requirements(struct judge *j, const struct field *f, struct json_object *v)
{
	int r;

	r = check_texts(j, f, v);
	if (r < 0)
		return r;
	if (json_object_array_length(v) > 0)
		return refused(j, "has '%.32s', may only be empty; finish a reencryption with "
				  "'cryptsetup reencrypt --resume-only'",
			       json_object_get_string(json_object_array_get_idx(v, 0)));
	return 0;
}

/* ---- objects ---- */

static const struct field *field_find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (streq(fields->name, name))
			return fields;
	return NULL;
}

static int check_member(struct judge *j, const struct field *f, struct json_object *o)
{
	struct json_object *v;
	size_t up;
	int r = 0;

	if (!json_object_object_get_ex(o, f->name, &v)) {
		if (f->optional)
			return 0;
		return malformed(j, "lacks '%s'", f->name);
	}
	up = path_down(j, f->name);
	if (!json_object_is_type(v, f->type))
		r = malformed(j, "is no %s", json_type_to_name(f->type));
	else if (f->type == json_type_string && !is_text(v))
		r = malformed(j, "has a NUL inside");
	else
		r = f->check(j, f, v);
	if (r < 0)
		return r;
	path_up(j, up);
	return 0;
}

static int check_fields(struct judge *j, const struct field *fields, struct json_object *o)
{
	int r;

	json_object_object_foreach(o, name, value) {
		(void) value;
		if (!field_find(fields, name))
			return refused(j, "has '%.32s', which is not known here", name);
	}
	for (const struct field *f = fields; f->name; f++) {
		r = check_member(j, f, o);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_object(struct judge *j, const struct field *f, struct json_object *v)
{
	return check_fields(j, f->fields, v);
}

/*
 * An id as cryptsetup writes it, "0" to "31"; "00" or "+1" would be another slot to another
 * reader.
 */
static int id_parse(const char *s, unsigned *ret)
{
	uint32_t id;

	if (s[0] == '0' && s[1] != '\0')
		return -EINVAL;
	if (parse_u32(s, &id) < 0 || id >= N_IDS)
		return -EINVAL;
	*ret = id;
	return 0;
}

/*
 * An object whose members are objects and named by ids: @check each, and collect the ids as
 * bits.
 */
static int check_each(struct judge *j, struct json_object *o,
		      int (*check)(struct judge *j, struct json_object *v), uint32_t *ret_ids)
{
	uint32_t ids = 0;
	unsigned id;
	size_t up;
	int r;

	json_object_object_foreach(o, name, value) {
		if (id_parse(name, &id) < 0)
			return malformed(j,
					 "has '%.32s' where there should be a number from 0 to %d",
					 name, N_IDS - 1);
		up = path_down(j, name);
		if (!json_object_is_type(value, json_type_object))
			return malformed(j, "is no object");
		r = check(j, value);
		if (r < 0)
			return r;
		path_up(j, up);
		ids |= 1u << id;
	}
	*ret_ids = ids;
	return 0;
}

/* An array of ids, each once. */
static int ids_parse(struct judge *j, struct json_object *v, uint32_t *ret)
{
	uint32_t ids = 0;
	unsigned id;

	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct json_object *e = json_object_array_get_idx(v, i);

		if (!is_text(e) || id_parse(json_object_get_string(e), &id) < 0)
			return malformed(j,
					 "has an element that is no number from 0 to %d in quotes",
					 N_IDS - 1);
		if (ids & 1u << id)
			return malformed(j, "has %u twice", id);
		ids |= 1u << id;
	}
	*ret = ids;
	return 0;
}

/* ---- keyslots ---- */

static const struct field pbkdf2_fields[] = {
	{ "type", json_type_string, check_word, .words = pbkdf2_types },
	{ "hash", json_type_string, check_word, .words = luks_hashes },
	{ "iterations", json_type_int, check_int, .min = 1, .max = UINT32_MAX },
	{ "salt", json_type_string, check_base64, .min = 32, .max = 32 },
	{ NULL },
};

static const struct field argon2_fields[] = {
	{ "type", json_type_string, check_word, .words = argon2_types },
	{ "time", json_type_int, check_int, .min = 1, .max = UINT32_MAX },
	{ "memory", json_type_int, check_int, .min = 1, .max = ARGON2_KIB_MAX },
	{ "cpus", json_type_int, check_int, .min = 1, .max = 4 },
	{ "salt", json_type_string, check_base64, .min = 32, .max = 32 },
	{ NULL },
};

static int check_kdf(struct judge *j, const struct field *f, struct json_object *v)
{
	struct json_object *type = json_object_object_get(v, "type");

	if (type && is_text(type) && streq(json_object_get_string(type), "pbkdf2"))
		return check_fields(j, pbkdf2_fields, v);
	return check_fields(j, argon2_fields, v);
}

static const struct field area_fields[] = {
	{ "type", json_type_string, check_word, .words = area_types },
	{ "encryption", json_type_string, check_word, .words = luks_ciphers },
	{ "key_size", json_type_int, check_key_size },
	{ "offset", json_type_string, check_decimal, .max = INT64_MAX },
	{ "size", json_type_string, check_decimal, .min = 1, .max = KEYSLOTS_SIZE_MAX },
	{ NULL },
};

static int check_area(struct judge *j, const struct field *f, struct json_object *v)
{
	uint64_t start = 2 * (LUKS2_BINARY_LEN + (uint64_t)j->area_len), offset, size;
	int r;

	r = check_fields(j, area_fields, v);
	if (r < 0)
		return r;
	offset = decimal_of(v, "offset");
	size = decimal_of(v, "size");
	if (offset < start || size > j->keyslots_end - start || offset > j->keyslots_end - size)
		return malformed(j, "lies outside the volume's keyslots area");
	return 0;
}

static const struct field af_fields[] = {
	{ "type", json_type_string, check_word, .words = af_types },
	{ "stripes", json_type_int, check_int, .min = STRIPES, .max = STRIPES },
	{ "hash", json_type_string, check_word, .words = luks_hashes },
	{ NULL },
};

static const struct field keyslot_fields[] = {
	{ "type", json_type_string, check_word, .words = keyslot_types },
	{ "key_size", json_type_int, check_key_size },
	{ "area", json_type_object, check_area },
	{ "af", json_type_object, check_object, .fields = af_fields },
	{ "kdf", json_type_object, check_kdf },
	{ "priority", json_type_int, check_int, .optional = true, .min = 0, .max = 2 },
	{ NULL },
};

static int check_keyslot(struct judge *j, struct json_object *v)
{
	return check_fields(j, keyslot_fields, v);
}

static int check_keyslots(struct judge *j, const struct field *f, struct json_object *v)
{
	if (json_object_object_length(v) == 0)
		return refused(j, "is empty: no key opens this volume");
	return check_each(j, v, check_keyslot, &j->keyslots);
}

/* ---- segments, digests, tokens, config ---- */

/* "integrity" is not here: such a volume has another kind of key, and needs rules of its own. */
static const struct field segment_fields[] = {
	{ "type", json_type_string, check_word, .words = segment_types },
	{ "encryption", json_type_string, check_word, .words = luks_ciphers },
	{ "offset", json_type_string, check_decimal, .max = INT64_MAX },
	{ "size", json_type_string, check_size_or_dynamic, .min = 512, .max = INT64_MAX },
	{ "iv_tweak", json_type_string, check_decimal, .max = INT64_MAX },
	{ "sector_size", json_type_int, check_sector_size },
	{ NULL },
};

static int check_segment(struct judge *j, struct json_object *v)
{
	return check_fields(j, segment_fields, v);
}

static int check_segments(struct judge *j, const struct field *f, struct json_object *v)
{
	if (json_object_object_length(v) != 1)
		return refused(j, "has %d members, may only have 1", json_object_object_length(v));
	return check_each(j, v, check_segment, &j->segments);
}

static int check_digest_keyslots(struct judge *j, const struct field *f, struct json_object *v)
{
	return ids_parse(j, v, &j->digest_keyslots);
}

static int check_digest_segments(struct judge *j, const struct field *f, struct json_object *v)
{
	return ids_parse(j, v, &j->digest_segments);
}

static const struct field digest_fields[] = {
	{ "type", json_type_string, check_word, .words = digest_types },
	{ "keyslots", json_type_array, check_digest_keyslots },
	{ "segments", json_type_array, check_digest_segments },
	{ "hash", json_type_string, check_word, .words = luks_hashes },
	{ "iterations", json_type_int, check_int, .min = 1, .max = UINT32_MAX },
	{ "salt", json_type_string, check_base64, .min = 32, .max = 32 },
	{ "digest", json_type_string, check_base64, .min = 20, .max = 64 },
	{ NULL },
};

static int check_digest(struct judge *j, struct json_object *v)
{
	return check_fields(j, digest_fields, v);
}

/*
 * A second digest would be a second volume key: there is one while a reencryption runs, and for
 * keyslots of no segment.
 */
static int check_digests(struct judge *j, const struct field *f, struct json_object *v)
{
	uint32_t unused;

	if (json_object_object_length(v) != 1)
		return refused(j, "has %d members, may only have 1", json_object_object_length(v));
	return check_each(j, v, check_digest, &unused);
}

/* What else a token holds is for its owner to read. */
static int check_token(struct judge *j, struct json_object *v)
{
	static const struct field common[] = {
		{ "type", json_type_string, check_word, .words = token_types },
		{ "keyslots", json_type_array, check_texts },
		{ NULL },
	};
	int r = 0;

	for (const struct field *f = common; f->name && r >= 0; f++)
		r = check_member(j, f, v);
	return r;
}

static int check_tokens(struct judge *j, const struct field *f, struct json_object *v)
{
	uint32_t unused;

	return check_each(j, v, check_token, &unused);
}

static const struct field requirements_fields[] = {
	{ "mandatory", json_type_array, check_requirements, .optional = true },
	{ NULL },
};

static const struct field config_fields[] = {
	{ "json_size", json_type_string, check_decimal, .max = LUKS2_HEADER_MAX },
	{ "keyslots_size", json_type_string, check_decimal, .max = KEYSLOTS_SIZE_MAX },
	{ "flags", json_type_array, check_texts, .optional = true },
	{ "requirements", json_type_object, check_object, .optional = true, .fields = requirements_fields },
	{ NULL },
};

static int check_config(struct judge *j, const struct field *f, struct json_object *v)
{
	int r;

	r = check_fields(j, config_fields, v);
	if (r < 0)
		return r;
	if (decimal_of(v, "json_size") != j->area_len)
		return malformed(j, "has a json_size that is not that of the header");
	j->keyslots_end = 2 * (LUKS2_BINARY_LEN + (uint64_t)j->area_len) +
			  decimal_of(v, "keyslots_size");
	return 0;
}

/* In the order in which they are looked at: keyslots lie where config says. */
static const struct field top_fields[] = {
	{ "config", json_type_object, check_config },
	{ "segments", json_type_object, check_segments },
	{ "keyslots", json_type_object, check_keyslots },
	{ "digests", json_type_object, check_digests },
	{ "tokens", json_type_object, check_tokens },
	{ NULL },
};

/* ---- the whole ---- */

/*
 * The digest tells a right key from a wrong one.  A keyslot or a segment without it would be
 * taken at its word.
 */
static int check_bindings(struct judge *j)
{
	if (j->digest_keyslots & ~j->keyslots || j->digest_segments & ~j->segments)
		return malformed(j, "the digest names a keyslot or segment that is not there");
	if (j->keyslots & ~j->digest_keyslots)
		return refused(j, "a keyslot is not bound to the digest of the segment");
	if (j->segments & ~j->digest_segments)
		return refused(j, "the segment is not bound to the digest");
	return 0;
}

static size_t n_members(struct json_object *v)
{
	size_t n = 0;

	if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, name, value) {
			(void) name;
			n += 1 + n_members(value);
		}
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			n += n_members(json_object_array_get_idx(v, i));
	}
	return n;
}

/*
 * Members as they are written: each has one colon, outside of strings.  json-c takes 'names' in
 * single quotes as well, even when it is strict; they are no JSON, and would hide what is a
 * string from this count.
 */
static int n_members_written(const char *text, size_t len, size_t *ret)
{
	bool quoted = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '\'' && !quoted)
			return -EBADMSG;
		else if (text[i] == ':' && !quoted)
			n++;
	}
	*ret = n;
	return 0;
}

/* Of two members of one name the parser keeps the last; another reader might keep the first. */
static int check_names(struct judge *j, const char *text, size_t len, struct json_object *o)
{
	size_t n;

	if (n_members_written(text, len, &n) < 0)
		return malformed(j, "the JSON text is malformed: it has single quotes");
	if (n != n_members(o))
		return malformed(j, "the JSON text has a name twice in one object");
	return 0;
}

/*
 * The text ends with a NUL, and nothing but NULs follow: no other bytes that another reader
 * might take for the text.
 */
static int text_len(struct judge *j, const char *area, size_t len, size_t *ret)
{
	size_t n = strnlen(area, len);

	if (n == len)
		return malformed(j, "the JSON text has no end");
	if (n > TEXT_MAX)
		return malformed(j, "the JSON text has %zu bytes, over %d", n, TEXT_MAX);
	/* json-c would take blanks around it. */
	if (n == 0 || area[0] != '{' || area[n - 1] != '}')
		return malformed(j, "the JSON text is no object");
	for (size_t i = n; i < len; i++)
		if (area[i])
			return malformed(j, "there are bytes behind the JSON text");
	*ret = n;
	return 0;
}

static int text_parse(struct judge *j, const char *text, size_t len, struct json_object **ret)
{
	struct json_tokener *t;
	struct json_object *o;
	enum json_tokener_error e;
	size_t end;

	t = json_tokener_new_ex(DEPTH_MAX);
	if (!t)
		return -ENOMEM;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len);
	e = json_tokener_get_error(t);
	end = json_tokener_get_parse_end(t);
	json_tokener_free(t);

	if (!o || e != json_tokener_success || end != len ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return malformed(j, "the JSON text is malformed at byte %zu: %s", end,
				 e == json_tokener_success || e == json_tokener_continue ?
					 "it does not end there" :
					 json_tokener_error_desc(e));
	}
	*ret = o;
	return 0;
}

int luks_metadata_judge(const char *area, size_t len, char *reason, size_t reason_len)
{
	struct judge j = { .reason = reason, .reason_len = reason_len, .area_len = len };
	struct json_object *o;
	size_t n;
	int r;

	r = text_len(&j, area, len, &n);
	if (r < 0)
		return r;
	r = text_parse(&j, area, n, &o);
	if (r < 0)
		return r;

	r = check_names(&j, area, n, o);
	if (r == 0)
		r = check_fields(&j, top_fields, o);
	if (r == 0)
		r = check_bindings(&j);
	json_object_put(o);
	return r;
}
