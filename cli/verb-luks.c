/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The other luks verbs: what is there, does it work, and away with it. */
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cococtl.h"
#include "doctor/crypttab-line.h"
#include "cli/luks-header.h"
#include "cli/luks-recovery.h"
#include "cli/luks.h"
#include "cli/secret-read.h"
#include "secrets/policy.h"

#define ETC_CRYPTTAB "/etc/crypttab"

static int failed_on(const char *device, const struct cause *c)
{
	log_error("'%s': %s", device, c->text);
	return STATUS_FAILED;
}

/* ---- check ---- */

/* The AllowTokens= of the secret, or those of the command line, or none; and its VolumePin=. */
static int ask_allowed(const struct args *args, char ret[static LUKS_TOKENS_LEN],
		       char ret_pins[static LUKS_PINS_LEN])
{
	_cleanup_(closep) int fd = -EBADF;
	struct msg_secret m;
	int r;

	ret[0] = ret_pins[0] = '\0';
	if (args->luks.allow_tokens &&
	    snprintf(ret, LUKS_TOKENS_LEN, "%s", args->luks.allow_tokens) >= LUKS_TOKENS_LEN) {
		log_error("--allow-tokens is too long");
		return STATUS_USAGE;
	}
	if (!args->luks.secret)
		return 0;
	r = cli_connect(args, &fd);
	if (r == 0)
		r = secret_find(fd, args->luks.secret, &m);
	if (r == 0) {
		memcpy(ret, m.allow_tokens, LUKS_TOKENS_LEN);
		memcpy(ret_pins, m.volume_pins, LUKS_PINS_LEN);
	}
	return r;
}

static void print_verdict(const char *device, const struct luks_verdict *v)
{
	static const char *const words[] = { "good", "REFUSED", "MALFORMED", "NO LUKS", "UNREAD" };
	const char *name = luks_verdict_name(v);
	static const char *const names[] = { "good", "refused", "malformed", "no-luks" };
	size_t i = 0;

	while (i < ARRAY_SIZE(names) && !streq(name, names[i]))
		i++;
	print("%s: ", device);
	print_coloured(v->error ? TEXT_RED : TEXT_GREEN, words[i]);
	print("\n  %s\n", v->reason);
	if (v->version)
		print("  LUKS%u%s%s\n", v->version, v->uuid[0] ? ", UUID " : "", v->uuid);
	for (const char *word = v->pins; *word; word += strspn(word, " ")) {
		int len = (int)strcspn(word, " ");

		print("%s%.*s\n", word == v->pins ? "  VolumePin= takes one or more of\n    " :
						   "    ", len, word);
		word += len;
	}
	if (v->error)
		print("  cocod gives such a volume no key.\n");
}

static struct json_object *pins_to_json(const char *pins)
{
	struct json_object *array = json_object_new_array();
	int r = 0;

	for (const char *word = pins; *word; word += strspn(word, " ")) {
		int len = (int)strcspn(word, " ");

		r |= json_append(array, json_object_new_string_len(word, len));
		word += len;
	}
	return json_whole(array, r);
}

/* Add what the judge says to @o, which is taken.  Returns it, or NULL without memory. */
static struct json_object *verdict_to_json(const struct luks_verdict *v, struct json_object *o)
{
	int r = 0;

	r |= json_add_text(o, "result", luks_verdict_name(v));
	r |= json_add_number_if(o, "luks_version", v->version, v->version);
	r |= json_add_text_or_null(o, "uuid", v->uuid);
	r |= json_add_text(o, "reason", v->reason);
	r |= json_add(o, "pins", pins_to_json(v->pins));
	return json_whole(o, r);
}

static int print_check_json(const char *device, const struct luks_verdict *v)
{
	struct json_object *o = json_document("luks-check");

	return print_json(verdict_to_json(v, json_whole(o, json_add_text(o, "device", device))));
}

static int run_check(struct args *args)
{
	const char *device = args->words.items[0];
	_cleanup_(closep) int fd = -EBADF;
	char allowed[LUKS_TOKENS_LEN], pins[LUKS_PINS_LEN];
	struct luks_verdict v;
	struct stat st;
	int r;

	r = ask_allowed(args, allowed, pins);
	if (r != 0)
		return r;
	if (luks_device_open(device, /* write= */ false, &fd, &st) < 0 ||
	    luks_header_judge(fd, allowed, pins, &v) < 0)
		return STATUS_FAILED;
	if (args->json)
		r = print_check_json(device, &v);
	else
		print_verdict(device, &v);
	return v.error ? STATUS_FAILED : r;
}

/* ---- open what was judged ---- */

struct target {
	const char *device;
	int fd;
	struct stat st;
	struct luks_verdict verdict;
	struct luks_volume volume;
};

static void target_done(struct target *t)
{
	luks_volume_done(&t->volume);
	t->fd = close_fd(t->fd);
}

/*
 * A header that is well-formed and only refused may be read: tokens that nobody allowed do not
 * hide ours.  Returns 0; -EKEYREJECTED for another one; a negative errno that is logged or in @c.
 */
static int target_open(struct target *t, const char *allowed, bool write, struct cause *c)
{
	int r;

	c->text[0] = '\0';
	r = luks_device_open(t->device, write, &t->fd, &t->st);
	if (r >= 0)
		r = luks_header_judge(t->fd, allowed, "", &t->verdict);
	if (r < 0)
		return r;
	if (t->verdict.error && t->verdict.error != -EKEYREJECTED)
		return cause_set(c, -EKEYREJECTED, "%s", t->verdict.reason);
	return luks_volume_open(t->device, &t->volume, c);
}

static int give_up(const struct target *t, const struct cause *c)
{
	return c->text[0] ? failed_on(t->device, c) : STATUS_FAILED;
}

static struct json_object *ids_to_json(uint32_t ids)
{
	struct json_object *a = json_object_new_array();
	int r = 0;

	for (int i = 0; i < LUKS_IDS; i++)
		if (ids & UINT32_C(1) << i)
			r |= json_append(a, json_object_new_int(i));
	return json_whole(a, r);
}

static const char *ids_to_text(uint32_t ids, char *buf, size_t size)
{
	buf[0] = '\0';
	for (int i = 0; i < LUKS_IDS; i++) {
		char number[4];

		snprintf(number, sizeof(number), "%d", i);
		if (ids & UINT32_C(1) << i)
			list_add_word(buf, size, number);
	}
	return buf[0] ? buf : "none";
}

/* What is said of several things: an element of @json for each, or a line for people. */
struct rows {
	bool wanted;			/* as JSON */
	struct json_object *json;	/* an array */
	int error;			/* of json_append() */
};

static void rows_begin(struct rows *rows, const struct args *args)
{
	*rows = (struct rows){ .wanted = args->json };
	if (args->json)
		rows->json = json_object_new_array();
}

/* Print the document @o with @rows as its member @name; both are taken.  As print_json(). */
static int rows_print(struct rows *rows, struct json_object *o, const char *name)
{
	int r = json_add(o, name, TAKE_PTR(rows->json));

	return print_json(json_whole(o, r | rows->error));
}

/* ---- list ---- */

static struct json_object *tokens_to_json(const struct luks_volume *v)
{
	struct json_object *tokens = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < v->n_tokens; i++) {
		const struct luks_token *token = &v->tokens[i];
		struct json_object *o = json_object_new_object();

		r |= json_add_number(o, "token", token->id);
		r |= json_add_text(o, "secret", token->secret);
		r |= json_add(o, "keyslots", ids_to_json(token->keyslots & v->keyslots));
		r |= json_append(tokens, o);
	}
	return json_whole(tokens, r);
}

static struct json_object *target_to_json(const struct target *t, const char *name, int error,
					  const struct cause *c)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= json_add_text(o, "device", t->device);
	r |= json_add_text_or_null(o, "volume", name);
	r |= json_add(o, "header", verdict_to_json(&t->verdict, json_object_new_object()));
	r |= json_add_text_or_null(o, "error", error < 0 ? c->text : NULL);
	r |= json_add(o, "secrets", tokens_to_json(&t->volume));
	return json_whole(o, r);
}

/* One device: a line for each secret, or a line that says that there is none. */
static int list_one(const char *device, const char *name, struct rows *rows)
{
	_cleanup_(target_done) struct target t = { .device = device, .fd = -EBADF };
	char ids[3 * LUKS_IDS + 8];
	struct cause c;
	int r = target_open(&t, "", /* write= */ false, &c);

	/* It is logged already, and says nothing about a header. */
	if (r < 0 && !c.text[0])
		return STATUS_FAILED;
	if (rows->wanted)
		rows->error |= json_append(rows->json, target_to_json(&t, name, r, &c));
	else if (r < 0)
		print("%s: %s\n", device, c.text);
	else if (t.volume.n_tokens == 0)
		print("%s: no secret\n", device);
	for (unsigned i = 0; i < t.volume.n_tokens && !rows->wanted; i++) {
		const struct luks_token *token = &t.volume.tokens[i];

		print("%s: secret '%s', token %d, keyslot %s%s%s\n", device, token->secret,
		      token->id,
		      ids_to_text(token->keyslots & t.volume.keyslots, ids, sizeof(ids)),
		      name ? ", volume " : "", name ?: "");
	}
	if (t.verdict.error == -EKEYREJECTED && !rows->wanted)
		print("  its header is refused: %s\n", t.verdict.reason);
	return r < 0 ? STATUS_FAILED : STATUS_GOOD;
}

/* The path of a line's device: "" when it is not here. */
static const char *device_path(const char *device, char *buf, size_t size)
{
	static const char *const tags[][2] = {
		{ "UUID=", "/dev/disk/by-uuid/" },
		{ "LABEL=", "/dev/disk/by-label/" },
		{ "PARTUUID=", "/dev/disk/by-partuuid/" },
		{ "PARTLABEL=", "/dev/disk/by-partlabel/" },
		{ "/", "/" },
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *rest = startswith(device, tags[i][0]);

		if (rest && snprintf(buf, size, "%s%s", tags[i][1], rest) < (int)size &&
		    stat(buf, &st) == 0)
			return buf;
	}
	return "";
}

static int list_crypttab(struct rows *rows)
{
	_cleanup_(freep) char *text = NULL;
	struct crypttab_line line = { 0 };
	char path[512], *p;
	int status = STATUS_GOOD, r;

	r = read_file_at(AT_FDCWD, ETC_CRYPTTAB, CRYPTTAB_MAX, &text, NULL);
	if (r == -ENOENT)
		return STATUS_GOOD;
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", ETC_CRYPTTAB);
		return STATUS_FAILED;
	}
	for (p = text; crypttab_next(&p, &line) > 0; ) {
		const char *device = device_path(line.device, path, sizeof(path));

		if (!device[0])
			continue;
		r = list_one(device, line.volume, rows);
		status = status == STATUS_GOOD ? r : status;
	}
	return status;
}

static int run_list(struct args *args)
{
	int status = STATUS_GOOD, r;
	struct rows rows;

	rows_begin(&rows, args);
	if (args->words.n == 0)
		status = list_crypttab(&rows);
	for (size_t i = 0; i < args->words.n; i++) {
		r = list_one(args->words.items[i], NULL, &rows);
		status = status == STATUS_GOOD ? r : status;
	}
	r = args->json ? rows_print(&rows, json_document("luks-list"), "devices") : STATUS_GOOD;
	return status == STATUS_GOOD ? r : status;
}

/* ---- test ---- */

/* What came of one secret. */
struct result {
	const char *secret;
	int token, keyslot;		/* -1 without one */
	struct cause why;		/* it does not open; "" when it does */
};

/* Get the secret as cocod would give it to a volume, and try it. */
static int try_secret(const struct args *args, struct target *t, struct result *ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	_cleanup_(closep) int fd = -EBADF;
	struct secret_policy p = { 0 };
	struct luks_verdict v;
	struct msg_secret m;
	int r;

	r = cli_connect(args, &fd);
	if (r == 0)
		r = secret_find(fd, ret->secret, &m);
	if (r != 0)
		return r;
	/* Before the bytes are there: what this secret allows may be less, or more. */
	if (m.verify_header && luks_header_judge(t->fd, m.allow_tokens, m.volume_pins, &v) < 0)
		return STATUS_FAILED;
	if (m.verify_header && v.error) {
		cause_set(&ret->why, v.error, "cocod gives it no key: %s", v.reason);
		return 0;
	}
	r = secret_fetch(fd, ret->secret, &m, &s);
	if (r != 0)
		return r;
	p.trailing_nul = m.trailing_nul;
	r = luks_volume_try(&t->volume, -1,
			    (struct luks_key){ s, secret_policy_passphrase_len(&p, s) },
			    &ret->why);
	ret->keyslot = MAX(r, -1);
	if (r == -EPERM)
		cause_set(&ret->why, r, "it opens no keyslot");
	return 0;
}

static struct json_object *result_to_json(const struct result *result)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= json_add_text(o, "secret", result->secret);
	r |= json_add_number_if(o, "token", result->token >= 0, result->token);
	r |= json_add_bool(o, "opens", result->keyslot >= 0);
	r |= json_add_number_if(o, "keyslot", result->keyslot >= 0, result->keyslot);
	r |= json_add_text_or_null(o, "reason", result->why.text);
	return json_whole(o, r);
}

static void show_result(const struct target *t, const struct result *r, struct rows *rows)
{
	if (!rows->wanted) {
		print("%s: secret '%s' ", t->device, r->secret);
		print_coloured(r->keyslot >= 0 ? TEXT_GREEN : TEXT_RED,
			       r->keyslot >= 0 ? "opens" : "does not open");
		if (r->keyslot >= 0)
			print(" keyslot %d\n", r->keyslot);
		else
			print(" it: %s\n", r->why.text);
		return;
	}
	rows->error |= json_append(rows->json, result_to_json(r));
}

/* The secret of the command line, or all that tokens name. */
static int test_all(const struct args *args, struct target *t, struct rows *rows)
{
	const char *only = args->luks.secret;
	int status = STATUS_FAILED;
	unsigned n = only ? 1 : t->volume.n_tokens;

	for (unsigned i = 0; i < n; i++) {
		const struct luks_token *token = &t->volume.tokens[i];
		struct result result = {
			.secret = only ?: token->secret,
			.token = only ? -1 : token->id,
			.keyslot = -1,
		};
		int r = 0;

		if (result.secret[0])
			r = try_secret(args, t, &result);
		else
			cause_set(&result.why, -EBADMSG, "token %d names no secret", token->id);
		if (r != 0 && (only || r == STATUS_NO_COCOD))
			return r;
		if (r != 0)
			cause_set(&result.why, -ENOKEY, "cocod does not give it");
		show_result(t, &result, rows);
		status = result.keyslot >= 0 ? STATUS_GOOD : status;
	}
	if (n == 0)
		log_error("'%s' has no token that names a secret; see 'cococtl luks enroll', or "
			  "give --secret",
			  t->device);
	return status;
}

static int run_test(struct args *args)
{
	_cleanup_(target_done) struct target t = { .device = args->words.items[0], .fd = -EBADF };
	struct json_object *o;
	struct rows rows;
	struct cause c;
	int r = luks_protect(), p;

	if (r != 0)
		return r;
	if (target_open(&t, "", /* write= */ false, &c) < 0)
		return give_up(&t, &c);
	rows_begin(&rows, args);
	r = test_all(args, &t, &rows);
	if (!args->json)
		return r;
	o = json_document("luks-test");
	rows.error |= json_add_text(o, "device", t.device);
	rows.error |= json_add_text(o, "uuid", t.volume.uuid);
	p = rows_print(&rows, o, "secrets");
	return r == STATUS_GOOD ? p : r;
}

/* ---- remove ---- */

/* The tokens that are to go and the keyslots that only they name. */
struct removal {
	uint32_t tokens, keyslots;
};

static int choose(const struct luks_volume *v, const char *secret, struct removal *ret,
		  struct cause *c)
{
	uint32_t named = 0;

	*ret = (struct removal){ 0 };
	if (!secret && v->n_tokens > 1)
		return cause_set(c, -EINVAL, "it has %u enrolments: say which by --secret",
				 v->n_tokens);
	for (unsigned i = 0; i < v->n_tokens; i++) {
		const struct luks_token *t = &v->tokens[i];

		if (secret && !streq(t->secret, secret)) {
			named |= t->keyslots;
			continue;
		}
		ret->tokens |= UINT32_C(1) << t->id;
		ret->keyslots |= t->keyslots & v->keyslots;
	}
	ret->keyslots &= ~named;
	if (!ret->tokens)
		return cause_set(c, -ENOKEY, "no token names %s%s%s", secret ? "secret '" : "one",
				 secret ?: "", secret ? "'" : "");
	return 0;
}

/* A passphrase must open a keyslot that stays: the metadata alone is the host's word. */
static int check_way_in(const struct args *args, struct target *t, const struct removal *rm,
			struct cause *c)
{
	int r = -EPERM;

	if (!rm->keyslots)
		return 0;
	if (!(t->volume.keyslots & ~rm->keyslots))
		return cause_set(c, -EBUSY, "no other keyslot would remain, and nobody could open "
					    "it");
	for (int tries = luks_has_passphrase(&args->luks) ? 1 : 3; r == -EPERM && tries > 0;
	     tries--) {
		_cleanup_(secret_freep) struct secret *s = NULL;

		if (luks_passphrase(&args->luks, "Passphrase that opens the volume afterwards: ",
				    &s) < 0) {
			c->text[0] = '\0';
			return -EIO;
		}
		r = -EPERM;
		for (int i = 0; i < LUKS_IDS && r == -EPERM; i++)
			if (t->volume.keyslots & ~rm->keyslots & UINT32_C(1) << i)
				r = luks_volume_try(&t->volume, i,
						    (struct luks_key){ s, secret_len(s) }, c);
	}
	return r == -EPERM ? cause_set(c, r, "the passphrase opens none of the keyslots that would "
					     "remain") :
			     r;
}

/* The keyslot first: a token that names none is found again, a keyslot without a token is not. */
static int remove_all(struct luks_volume *v, const struct removal *rm, struct cause *c)
{
	int r = 0;

	for (int i = 0; i < LUKS_IDS && r >= 0; i++)
		if (rm->keyslots & UINT32_C(1) << i)
			r = luks_volume_remove_key(v, i, c);
	for (int i = 0; i < LUKS_IDS && r >= 0; i++)
		if (rm->tokens & UINT32_C(1) << i)
			r = luks_volume_remove_token(v, i, c);
	return r;
}

static int show_removal(const struct target *t, const struct removal *rm)
{
	char keyslots[3 * LUKS_IDS + 8], tokens[3 * LUKS_IDS + 8];

	print("%s: removed keyslot %s, token %s\n", t->device,
	      ids_to_text(rm->keyslots, keyslots, sizeof(keyslots)),
	      ids_to_text(rm->tokens, tokens, sizeof(tokens)));
	print("If the volume has a line in /etc/crypttab, it stays there.\n");
	return STATUS_GOOD;
}

static int show_removal_json(const struct target *t, const struct removal *rm)
{
	struct json_object *o = json_document("luks-remove");
	int r = 0;

	r |= json_add_text(o, "device", t->device);
	r |= json_add_text(o, "uuid", t->volume.uuid);
	r |= json_add(o, "keyslots", ids_to_json(rm->keyslots));
	r |= json_add(o, "tokens", ids_to_json(rm->tokens));
	return print_json(json_whole(o, r));
}

static int run_remove(struct args *args)
{
	_cleanup_(target_done) struct target t = { .device = args->words.items[0], .fd = -EBADF };
	struct removal rm = { 0 };
	struct cause c;
	int r = luks_protect();

	if (r != 0)
		return r;
	r = target_open(&t, "", /* write= */ true, &c);
	if (r >= 0)
		r = choose(&t.volume, args->luks.secret, &rm, &c);
	if (r >= 0)
		r = check_way_in(args, &t, &rm, &c);
	if (r >= 0)
		r = remove_all(&t.volume, &rm, &c);
	if (r >= 0)
		r = luks_recovery_mend(&t.volume, t.device, /* replaced= */ false, &c);
	if (r < 0)
		return give_up(&t, &c);
	return (args->json ? show_removal_json : show_removal)(&t, &rm);
}

/* ---- the verbs ---- */

#define ROW_SECRET(text) \
	{ "secret", "NAME|GUID", text, OPTION_STRING(luks.secret), .offer = secret_offer }
#define ONE_DEVICE { .value = "DEVICE", OPTION_LIST(words, 1), .required = true }

static const struct option_row check_options[] = {
	ROW_COLOUR,
	ROW_JSON,
	{ "secret", "NAME|GUID", "allow the tokens that this secret allows",
	  OPTION_STRING(luks.secret), .offer = secret_offer, .excludes = "allow-tokens" },
	{ "allow-tokens", "TYPES", "allow tokens of these types, with blanks between",
	  OPTION_STRING(luks.allow_tokens) },
	{ NULL },
};

static const struct option_row list_options[] = { ROW_JSON, { NULL } };

static const struct option_row test_options[] = {
	ROW_COLOUR,
	ROW_JSON,
	ROW_SECRET("try this one, instead of those that tokens name"),
	{ NULL },
};

static const struct option_row remove_options[] = {
	ROW_JSON,
	{ "secret", "NAME", "of this secret alone", OPTION_STRING(luks.secret),
	  .offer = secret_offer },
	ROWS_LUKS_PASSPHRASE,
	{ NULL },
};

const struct verb verb_luks_list = {
	.name = "luks list",
	.help = "List the secrets that open LUKS volumes",
	.example = "/dev/vdb",
	.options = list_options,
	.words = { .value = "DEVICE...", OPTION_LIST(words, 0) },
	.run = run_list,
};

const struct verb verb_luks_test = {
	.name = "luks test",
	.help = "Test whether a secret opens a volume now",
	.example = "/dev/vdb",
	.options = test_options,
	.words = ONE_DEVICE,
	.run = run_test,
};

const struct verb verb_luks_remove = {
	.name = "luks remove",
	.help = "Remove a secret's keyslot and token",
	.example = "/dev/vdb --secret=luks",
	.options = remove_options,
	.words = ONE_DEVICE,
	.run = run_remove,
};

const struct verb verb_luks_check = {
	.name = "luks check",
	.help = "Show what cocod says of a volume's header",
	.example = "/dev/vdb",
	.options = check_options,
	.words = { .value = "DEVICE|HEADER", OPTION_LIST(words, 1), .required = true },
	.run = run_check,
};
