/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks-volume.h"

#include <stdio.h>

#if HAVE_LIBCRYPTSETUP

#include <libcryptsetup.h>

#include "base/json.h"
#include "base/library.h"
#include "base/parse.h"
#include "base/progress.h"

#define LIBRARY "libcryptsetup.so.12"
#define FUNCTIONS(X)                                                                    \
	X(crypt_init) X(crypt_free) X(crypt_load) X(crypt_get_uuid)                     \
	X(crypt_get_subsystem) X(crypt_get_data_offset)                                 \
	X(crypt_get_volume_key_size) X(crypt_get_metadata_size)                         \
	X(crypt_dump_json) X(crypt_set_log_callback) X(crypt_set_pbkdf_type)            \
	X(crypt_activate_by_passphrase) X(crypt_keyslot_add_by_passphrase)              \
	X(crypt_keyslot_add_by_volume_key) X(crypt_keyslot_destroy)                     \
	X(crypt_token_json_set) X(crypt_format) X(crypt_set_label)

LIBRARY_NOTE(LIBRARY, "luks", "recommended", "cococtl luks enroll, list, test and remove");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

/* What the library said last; it is single-threaded here. */
static char said[256];

static void on_log(int level, const char *text, void *usrptr)
{
	if (level != CRYPT_LOG_ERROR)
		return;
	snprintf(said, sizeof(said), "%s", text);
	said[strcspn(said, "\n")] = '\0';
}

static int failed(struct cause *c, int error, const char *what)
{
	return cause_set(c, -EIO, "%s: %s", what, said[0] ? said : strerror(-error));
}

/* The subsystem that a header names until it has its first keyslot. */
#define UNFINISHED_FORMAT "coco-format"

static int load_library(struct cause *c)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	char error[256];

	if (!lib.crypt_token_json_set_ &&
	    library_load(LIBRARY, &lib, functions, error, sizeof(error)) < 0)
		return cause_set(c, -EOPNOTSUPP, "libcryptsetup is needed: %s", error);
	lib.crypt_set_log_callback_(NULL, on_log, NULL);
	said[0] = '\0';
	return 0;
}

/* ---- what the metadata says ---- */

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	(void) json_object_object_get_ex(o, name, &v);
	return v;
}

static uint32_t id_bit(const char *text)
{
	uint32_t id;

	return text && parse_u32(text, &id) >= 0 && id < LUKS_IDS ? UINT32_C(1) << id : 0;
}

static uint32_t ids_of_array(struct json_object *a)
{
	uint32_t bits = 0;

	if (!json_object_is_type(a, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(a); i++)
		bits |= id_bit(json_object_get_string(json_object_array_get_idx(a, i)));
	return bits;
}

static uint32_t ids_of_object(struct json_object *o)
{
	uint32_t bits = 0;

	if (!json_object_is_type(o, json_type_object))
		return 0;
	json_object_object_foreach(o, key, value) {
		(void) value;
		bits |= id_bit(key);
	}
	return bits;
}

static struct json_object *member_of_id(struct json_object *o, int id)
{
	char name[12];

	snprintf(name, sizeof(name), "%d", id);
	return member(o, name);
}

static bool number_of(struct json_object *o, const char *name, int64_t *ret)
{
	struct json_object *v = member(o, name);

	*ret = json_object_get_int64(v);
	return json_object_is_type(v, json_type_int);
}

static void read_our_token(struct luks_volume *v, int id, struct json_object *o)
{
	struct luks_token *t = &v->tokens[v->n_tokens++];

	*t = (struct luks_token){ .id = id };
	t->keyslots = ids_of_array(member(o, "keyslots"));
	if (name_is_valid(json_text_or_empty(o, "coco-secret"), MSG_NAME_LEN))
		strcpy(t->secret, json_text_or_empty(o, "coco-secret"));
}

#define UNFINISHED "coco-unfinished"
#define KDF_HASH "sha512"

/*
 * The keyslot that the token @o announces, if it is the one that was added then: @named are those
 * that tokens name.  A person's has not the same number of iterations.
 */
static void read_unfinished(struct luks_volume *v, int id, struct json_object *o,
			    struct json_object *keyslots, uint32_t named)
{
	struct luks_unfinished *u = &v->unfinished[v->n_unfinished];
	struct json_object *announced = member(o, UNFINISHED), *kdf;
	int64_t number, iterations, found;

	if (!announced || ids_of_array(member(o, "keyslots")))
		return;
	*u = (struct luks_unfinished){ .token = id, .keyslot = -1 };
	v->n_unfinished++;
	if (!number_of(announced, "keyslot", &number) || number < 0 || number >= LUKS_IDS ||
	    !number_of(announced, "iterations", &iterations) ||
	    iterations < LUKS_ITERATIONS_RANDOM || named & UINT32_C(1) << number)
		return;
	kdf = member(member_of_id(keyslots, (int)number), "kdf");
	if (streq(json_text_or_empty(kdf, "type"), CRYPT_KDF_PBKDF2) &&
	    streq(json_text_or_empty(kdf, "hash"), KDF_HASH) &&
	    number_of(kdf, "iterations", &found) && found == iterations)
		u->keyslot = (int)number;
}

static void read_tokens(struct luks_volume *v, struct json_object *tokens,
			struct json_object *keyslots)
{
	uint32_t named = 0;

	v->n_tokens = v->n_unfinished = 0;
	v->free_tokens = ~ids_of_object(tokens);
	for (int id = 0; id < LUKS_IDS; id++)
		named |= ids_of_array(member(member_of_id(tokens, id), "keyslots"));
	for (int id = 0; id < LUKS_IDS; id++) {
		struct json_object *o = member_of_id(tokens, id);

		if (streq(json_text_or_empty(o, "type"), LUKS_TOKEN_OURS))
			read_our_token(v, id, o);
		else if (streq(json_text_or_empty(o, "type"), LUKS_TOKEN_RECOVERY))
			read_unfinished(v, id, o, keyslots, named);
	}
}

/* ---- how much room there is ---- */

#define AREA_ALIGN 4096
#define STRIPES 4000

struct area {
	uint64_t from, to;
};

static int area_compare(const void *a, const void *b)
{
	const struct area *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* The library puts a keyslot into the first gap between the others that is large enough. */
static unsigned keyslots_that_fit(struct json_object *keyslots, uint64_t from, uint64_t to,
				  uint64_t len)
{
	struct area areas[LUKS_IDS + 1];
	unsigned n = 0, fit = 0;

	json_object_object_foreach(keyslots, key, keyslot) {
		struct json_object *area = member(keyslot, "area");
		uint64_t offset, size;

		(void) key;
		if (n < LUKS_IDS && parse_u64(json_text_or_empty(area, "offset"), &offset) >= 0 &&
		    parse_u64(json_text_or_empty(area, "size"), &size) >= 0 && offset <= to &&
		    size <= to)
			areas[n++] = (struct area){ offset, offset + size };
	}
	qsort(areas, n, sizeof(areas[0]), area_compare);
	areas[n++] = (struct area){ to, to };
	for (unsigned i = 0; i < n; i++) {
		if (areas[i].from > from)
			fit += (unsigned)MIN((areas[i].from - from) / len, (uint64_t)LUKS_IDS);
		from = MAX(from, areas[i].to);
	}
	return fit;
}

static void measure_room(struct luks_volume *v, struct json_object *metadata, size_t json_len)
{
	uint64_t header, area, len;
	int key_len = lib.crypt_get_volume_key_size_(v->cd);
	unsigned n_free = LUKS_IDS - (unsigned)__builtin_popcount(v->keyslots);

	v->room_json = v->room_keyslots = 0;
	v->header_len = UINT64_MAX;
	if (lib.crypt_get_metadata_size_(v->cd, &header, &area) < 0 || header < 4096 + json_len ||
	    key_len <= 0)
		return;
	v->room_json = (size_t)header - 4096 - json_len;
	v->header_len = 2 * header + area;
	len = ((uint64_t)key_len * STRIPES + AREA_ALIGN - 1) / AREA_ALIGN * AREA_ALIGN;
	v->room_keyslots = MIN(n_free, keyslots_that_fit(member(metadata, "keyslots"), 2 * header,
							 2 * header + area, len));
}

/* ---- open ---- */

/* What a new keyslot would disturb, or what the library would not notice. */
static int check_kind(struct luks_volume *v, struct json_object *metadata, struct cause *c)
{
	struct json_object *required = member(member(metadata, "config"), "requirements"),
			   *mandatory = member(required, "mandatory"),
			   *segments = member(metadata, "segments");

	if (json_object_is_type(mandatory, json_type_array) &&
	    json_object_array_length(mandatory) > 0)
		return cause_set(c, -EOPNOTSUPP,
				 "it requires '%s': finish or undo that with cryptsetup first",
				 json_object_get_string(json_object_array_get_idx(mandatory, 0)));
	if (!json_object_is_type(segments, json_type_object) ||
	    json_object_object_length(segments) != 1)
		return cause_set(c, -EOPNOTSUPP, "it has not one segment: a reencryption is under "
						 "way, or it is of an unknown kind");
	json_object_object_foreach(segments, id, segment) {
		if (!streq(json_text_or_empty(segment, "type"), "crypt"))
			return cause_set(c, -EOPNOTSUPP, "segment %s has the unknown type '%s'",
					 id, json_text_or_empty(segment, "type"));
	}
	if (lib.crypt_get_data_offset_(v->cd) == 0)
		return cause_set(c, -EOPNOTSUPP,
				 "its header is apart from its data: by hand, with cryptsetup "
				 "luksAddKey --header");
	return 0;
}


static int look(struct luks_volume *v, struct cause *c)
{
	_cleanup_(json_putp) struct json_object *metadata = NULL;
	const char *json, *uuid = lib.crypt_get_uuid_(v->cd);
	size_t len;
	int r;

	r = lib.crypt_dump_json_(v->cd, &json, 0);
	if (r < 0)
		return failed(c, r, "its metadata cannot be read");
	metadata = json_tokener_parse(json);
	if (!metadata)
		return cause_set(c, -EIO, "its metadata is not JSON");
	r = check_kind(v, metadata, c);
	if (r < 0)
		return r;
	snprintf(v->uuid, sizeof(v->uuid), "%s", uuid ? uuid : "");
	v->keyslots = ids_of_object(member(metadata, "keyslots"));
	read_tokens(v, member(metadata, "tokens"), member(metadata, "keyslots"));
	v->unfinished_format = v->keyslots == 0 &&
			       streq(lib.crypt_get_subsystem_(v->cd) ?: "", UNFINISHED_FORMAT);
	/* As the library writes it. */
	json = json_to_text(metadata, JSON_C_TO_STRING_PLAIN, &len);
	if (!json)
		return cause_set_oom(c);
	measure_room(v, metadata, len);
	return 0;
}

/* Of what is on the device nothing is read yet. */
static int begin(struct luks_volume *v, const char *device, struct cause *c)
{
	int r = load_library(c);

	if (r < 0)
		return r;
	r = lib.crypt_init_(&v->cd, device);
	return r < 0 ? failed(c, r, "it cannot be opened") : 0;
}

int luks_volume_open(const char *device, struct luks_volume *ret, struct cause *c)
{
	_cleanup_(luks_volume_done) struct luks_volume v = { 0 };
	int r;

	r = begin(&v, device, c);
	if (r < 0)
		return r;
	r = lib.crypt_load_(v.cd, CRYPT_LUKS1, NULL);
	if (r >= 0)
		return cause_set(c, -EOPNOTSUPP,
				 "it is LUKS1, which has no room for a token: 'cryptsetup convert "
				 "--type luks2 DEVICE' makes it LUKS2");
	said[0] = '\0';
	r = lib.crypt_load_(v.cd, CRYPT_LUKS2, NULL);
	if (r < 0)
		return failed(c, r, "it cannot be read as LUKS2");
	r = look(&v, c);
	if (r < 0)
		return r;
	*ret = v;
	v.cd = NULL;
	return 0;
}

void luks_volume_done(struct luks_volume *v)
{
	if (v->cd)
		lib.crypt_free_(v->cd);
	v->cd = NULL;
}

/* ---- keys ---- */

int luks_volume_try(struct luks_volume *v, int keyslot, struct luks_key key, struct cause *c)
{
	struct progress p;
	int r;

	said[0] = '\0';
	progress_begin(&p, "a key is tried");
	r = lib.crypt_activate_by_passphrase_(v->cd, NULL, keyslot < 0 ? CRYPT_ANY_SLOT : keyslot,
					      (const char *)secret_data(key.s), key.len, 0);
	progress_end(&p);
	/* With no keyslot there is nothing to try. */
	if (r == -EPERM || r == -ENOENT)
		return -EPERM;
	return r < 0 ? failed(c, r, "a key cannot be tried") : r;
}

static int choose_pbkdf(struct luks_volume *v, uint32_t iterations, struct cause *c)
{
	const struct crypt_pbkdf_type pbkdf2 = {
		.type = CRYPT_KDF_PBKDF2,
		.hash = KDF_HASH,
		.iterations = iterations,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	int r = lib.crypt_set_pbkdf_type_(v->cd, iterations ? &pbkdf2 : NULL);

	return r < 0 ? failed(c, r, "the derivation of keys cannot be chosen") : 0;
}

int luks_volume_add_key(struct luks_volume *v, struct luks_key unlock, struct luks_key key,
			struct luks_keyslot keyslot, struct cause *c)
{
	struct progress p;
	int r;

	said[0] = '\0';
	r = choose_pbkdf(v, keyslot.iterations, c);
	if (r < 0)
		return r;
	progress_begin(&p, "a keyslot is made");
	r = lib.crypt_keyslot_add_by_passphrase_(v->cd,
						 keyslot.number < 0 ? CRYPT_ANY_SLOT :
								      keyslot.number,
						 (const char *)secret_data(unlock.s), unlock.len,
						 (const char *)secret_data(key.s), key.len);
	progress_end(&p);
	if (r < 0)
		return failed(c, r, "a keyslot cannot be added");
	v->keyslots |= UINT32_C(1) << r;
	return r;
}

/*
 * The volume key is in the library's memory alone until a keyslot has it: what is on the disk
 * before that is a header that nobody can open.
 */
int luks_volume_format(const char *device, const char *uuid, struct luks_key key,
		       struct luks_keyslot keyslot, struct cause *c)
{
	_cleanup_(luks_volume_done) struct luks_volume v = { 0 };
	struct crypt_params_luks2 params = { .subsystem = UNFINISHED_FORMAT };
	struct progress p;
	int r;

	r = begin(&v, device, c);
	if (r < 0)
		return r;
	r = choose_pbkdf(&v, keyslot.iterations, c);
	if (r < 0)
		return r;
	r = lib.crypt_format_(v.cd, CRYPT_LUKS2, "aes", "xts-plain64", uuid, NULL, 512 / 8,
			      &params);
	if (r < 0)
		return cause_set(c, r == -EBUSY ? r : -EIO, "it cannot be formatted: %s",
				 said[0] ? said : strerror(-r));
	progress_begin(&p, "its first keyslot is made");
	r = lib.crypt_keyslot_add_by_volume_key_(v.cd, 0, NULL, 0,
						 (const char *)secret_data(key.s), key.len);
	progress_end(&p);
	if (r < 0)
		return failed(c, r, "its first keyslot cannot be added");
	r = lib.crypt_set_label_(v.cd, NULL, NULL);
	return r < 0 ? failed(c, r, "its header cannot be finished") : 0;
}

int luks_volume_remove_key(struct luks_volume *v, int keyslot, struct cause *c)
{
	int r;

	said[0] = '\0';
	r = lib.crypt_keyslot_destroy_(v->cd, keyslot);
	if (r < 0)
		return failed(c, r, "a keyslot cannot be removed");
	v->keyslots &= ~(UINT32_C(1) << keyslot);
	return 0;
}

/* ---- tokens ---- */

/* {"type":"coco","keyslots":["0"],"coco-secret":"data"} */
static struct json_object *token_new(const char *type, int keyslot, const char *secret)
{
	struct json_object *o = json_object_new_object(), *keyslots = json_object_new_array();
	char text[4];
	int r = 0;

	snprintf(text, sizeof(text), "%d", keyslot);
	r |= json_append_text(keyslots, text);
	r |= json_add_text(o, "type", type);
	r |= json_add(o, "keyslots", keyslots);
	if (secret)
		r |= json_add_text(o, "coco-secret", secret);
	return json_whole(o, r);
}

static int token_set(struct luks_volume *v, int id, const char *json, const char *what,
		     struct cause *c)
{
	int r;

	said[0] = '\0';
	r = lib.crypt_token_json_set_(v->cd, id < 0 ? CRYPT_ANY_TOKEN : id, json);
	return r < 0 ? failed(c, r, what) : r;
}

int luks_volume_put_token(struct luks_volume *v, int id, const char *type, int keyslot,
			  const char *secret, struct cause *c)
{
	_cleanup_(json_putp) struct json_object *o = token_new(type, keyslot, secret);
	const char *json = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);

	if (!json)
		return cause_set_oom(c);
	return token_set(v, id, json, "a token cannot be written", c);
}

/* {"type":"systemd-recovery","keyslots":[],"coco-unfinished":{"keyslot":2,"iterations":4711}} */
static struct json_object *unfinished_new(struct luks_keyslot keyslot)
{
	struct json_object *o = json_object_new_object(), *announced = json_object_new_object();
	int r = 0;

	r |= json_add_number(announced, "keyslot", keyslot.number);
	r |= json_add_number(announced, "iterations", keyslot.iterations);
	r |= json_add_text(o, "type", LUKS_TOKEN_RECOVERY);
	r |= json_add(o, "keyslots", json_object_new_array());
	r |= json_add(o, UNFINISHED, announced);
	return json_whole(o, r);
}

int luks_volume_put_unfinished(struct luks_volume *v, struct luks_keyslot keyslot,
			       struct cause *c)
{
	_cleanup_(json_putp) struct json_object *o = unfinished_new(keyslot);
	const char *json = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);

	if (!json)
		return cause_set_oom(c);
	return token_set(v, -1, json, "a token cannot be written", c);
}

int luks_volume_remove_token(struct luks_volume *v, int id, struct cause *c)
{
	int r = token_set(v, id, NULL, "a token cannot be removed", c);

	return r < 0 ? r : 0;
}

#else

static int none(struct cause *c)
{
	return cause_set(c, -EOPNOTSUPP, "this cococtl was built without libcryptsetup");
}

int luks_volume_open(const char *device, struct luks_volume *ret, struct cause *c)
{
	return none(c);
}

void luks_volume_done(struct luks_volume *v)
{
}

int luks_volume_try(struct luks_volume *v, int keyslot, struct luks_key key, struct cause *c)
{
	return none(c);
}

int luks_volume_add_key(struct luks_volume *v, struct luks_key unlock, struct luks_key key,
			struct luks_keyslot keyslot, struct cause *c)
{
	return none(c);
}

int luks_volume_format(const char *device, const char *uuid, struct luks_key key,
		       struct luks_keyslot keyslot, struct cause *c)
{
	return none(c);
}

int luks_volume_put_unfinished(struct luks_volume *v, struct luks_keyslot keyslot,
			       struct cause *c)
{
	return none(c);
}

int luks_volume_put_token(struct luks_volume *v, int id, const char *type, int keyslot,
			  const char *secret, struct cause *c)
{
	return none(c);
}

int luks_volume_remove_key(struct luks_volume *v, int keyslot, struct cause *c)
{
	return none(c);
}

int luks_volume_remove_token(struct luks_volume *v, int id, struct cause *c)
{
	return none(c);
}

#endif
