/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/launch-packet.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/parse.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/record-io.h"
#include "sev/policy-words.h"
#include "wire/kbs-uri.h"
#include "wire/secret-table.h"

/* ---- the keys ---- */

struct keys_of_launch {
	struct secret *tek, *tik;
};

static void keys_done(struct keys_of_launch *k)
{
	secret_freep(&k->tek);
	secret_freep(&k->tik);
}

static int take_keys(const struct secret *both, struct keys_of_launch *ret, struct cause *why)
{
	if (!both || secret_len(both) != (size_t)2 * SEV_KEY_LEN)
		return cause_set(why, -EBADMSG, "the TEK and the TIK have %d bytes together",
				 2 * SEV_KEY_LEN);
	if (secret_new(SEV_KEY_LEN, &ret->tek) < 0 || secret_new(SEV_KEY_LEN, &ret->tik) < 0)
		return cause_set_oom(why);
	memcpy(secret_bytes(ret->tek), secret_data(both), SEV_KEY_LEN);
	memcpy(secret_bytes(ret->tik), secret_data(both) + SEV_KEY_LEN, SEV_KEY_LEN);
	if (secret_equal(ret->tek, ret->tik))
		return cause_set(why, -EBADMSG, "TEK and TIK are the same key");
	return 0;
}

/* ---- the launch ---- */

/*
 * Who asks again for the same launch, as after a lost answer, is the same one: what tells two
 * handshakes apart is a launch's here.
 */
static int make_session(const struct launch *launch, struct session_record *ret)
{
	static const char label[] = "coco sev handshake 1";
	uint8_t text[sizeof(label) + sizeof(launch->id)];

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), launch->id, sizeof(launch->id));
	*ret = (struct session_record){ .tee = BROKER_TEE_NONE, .launch = *launch };
	return EVP_Digest(text, sizeof(text), ret->rd, NULL, EVP_sha384(), NULL) == 1 ? 0 : -ENOMEM;
}

static int check_launch(const struct launch_ask *q, const struct secret *tik,
			struct session_record *ret, struct cause *why)
{
	struct judged judged;
	int r;

	r = sev_launch_judge(&q->launch, tik, /* rules= */ NULL, q->now, &judged);
	if (r == 0 && judged.result != JUDGED_GOOD)
		return cause_set(why, -EACCES, "%s", judged.reason);
	if (r == 0)
		r = make_session(&judged.launch, ret);
	return r < 0 ? cause_set(why, r, "the measurement cannot be computed") : 0;
}

static int check_items(const struct launch_ask *q, struct cause *why)
{
	if (q->n == 0)
		return cause_set(why, -EBADMSG, "no secret is named");
	for (unsigned i = 0; i < q->n; i++) {
		char text[GUID_TEXT_LEN + 1];

		guid_format(&q->items[i].guid, text);
		if (guid_is_zero(&q->items[i].guid))
			return cause_set(why, -EBADMSG,
					 "the zero GUID means a wiped secret; choose another");
		for (unsigned k = 0; k < i; k++)
			if (guid_equal(&q->items[i].guid, &q->items[k].guid))
				return cause_set(why, -EBADMSG, "the GUID %s is given twice", text);
		if (!kbs_path_is_valid(q->items[i].path))
			return cause_set(why, -EBADMSG, "'%.*s' is not the name of a secret",
					 BROKER_PATH_LEN, q->items[i].path);
	}
	return 0;
}

/* ---- the secrets ---- */

static int errno_of(enum release_result result)
{
	switch (result) {
	case RELEASE_GOOD:
		return 0;
	case RELEASE_ABSENT:
		return -ENOENT;
	case RELEASE_LATER:
		return -EAGAIN;
	default:
		return -EACCES;
	}
}

static const char *advice_of(enum release_result result)
{
	switch (result) {
	case RELEASE_NEEDS_APPROVAL:
	case RELEASE_DONE:
	case RELEASE_REBOOTED:
		return "coco-broker approve ";
	default:
		return "coco-broker why ";
	}
}

static int release_one(struct service *s, const struct launch_ask *q,
		       const struct session_record *session, const struct secret *tik,
		       const struct launch_item *item, struct secret **ret, struct cause *why)
{
	const struct release_request asked = { .session = session, .sev = &q->launch, .tik = tik,
					       .path = item->path, .peer = q->who, .now = q->now };
	struct release_answer answer;
	int r;

	r = service_release(s, &asked, &answer);
	if (r < 0)
		return cause_set_oom(why);
	if (answer.result == RELEASE_GOOD) {
		*ret = answer.plain;
		return 0;
	}
	return cause_set(why, errno_of(answer.result), "'%s' is not released: %s (%s%s)",
			 item->path, answer.why, advice_of(answer.result), answer.id);
}

/* What release_one() asks of the policy, and no more. */
static int check_one(struct service *s, const struct launch_ask *q, const struct secret *tik,
		     const struct launch_item *item, struct cause *why)
{
	_cleanup_(secret_record_done) struct secret_record record = { .version = 0 };
	_cleanup_(freep) char *evidence = NULL;
	struct secret_mode mode = { 0 };
	struct judged judged;
	uint64_t revision = 0;
	int r;

	r = secret_get(s, item->path, &record, &revision, why);
	if (r == 0 && revision == 0)
		r = cause_set(why, -ENOENT, "there is no secret '%s'", item->path);
	if (r == 0)
		r = secret_policy_read(record.policy, record.policy_len, &mode, &evidence, why);
	if (r < 0)
		return r;
	r = sev_launch_judge(&q->launch, tik, &mode.sev, q->now, &judged);
	if (r < 0)
		return cause_set_oom(why);
	return judged.result == JUDGED_GOOD ? 0 :
					      cause_set(why, -EACCES,
							"'%s' would not be released: %s",
							item->path, judged.reason);
}

/* Returns 0, or why the secret @ret_i would not be released. */
static int check_all(struct service *s, const struct launch_ask *q, const struct secret *tik,
		     unsigned *ret_i, struct cause *why)
{
	int r = 0;

	for (*ret_i = 0; *ret_i < q->n; (*ret_i)++) {
		r = check_one(s, q, tik, &q->items[*ret_i], why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_secret(struct secret *table, const struct launch_item *item,
		      const struct secret *plain, struct cause *why)
{
	int r = secret_table_add(secret_bytes(table), secret_len(table), &item->guid,
				 secret_data(plain), secret_len(plain));

	return r < 0 ? cause_set(why, -ENOSPC,
				 "the secrets are too long together: '%s' does not fit into the "
				 "guest's area of %zu bytes any more", item->path,
				 secret_len(table)) :
		       0;
}

/*
 * What a policy refuses is asked for first, so that its refusal is noted, and nothing of the others
 * is released for a packet that will not be.
 */
static int fill_table(struct service *s, const struct launch_ask *q,
		      const struct session_record *session, const struct secret *tik,
		      struct secret *table, struct cause *why)
{
	struct cause unused;
	unsigned first;
	int r;

	if (check_all(s, q, tik, &first, &unused) == 0)
		first = 0;
	r = secret_table_begin(secret_bytes(table), secret_len(table));
	for (unsigned i = 0; r >= 0 && i < q->n; i++) {
		const struct launch_item *item = &q->items[(first + i) % q->n];
		_cleanup_(secret_freep) struct secret *plain = NULL;

		r = release_one(s, q, session, tik, item, &plain, why);
		if (r == 0)
			r = add_secret(table, item, plain, why);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = secret_table_finish(secret_bytes(table), secret_len(table));
	if (r < 0)
		return cause_set(why, -ENOSPC, "the guest's area of %zu bytes is too small",
				 secret_len(table));
	secret_truncate(table, (size_t)r);
	return 0;
}

int launch_packet(struct service *s, const struct launch_ask *q, struct packet *ret,
		  struct cause *why)
{
	_cleanup_(keys_done) struct keys_of_launch keys = { NULL };
	_cleanup_(secret_freep) struct secret *table = NULL;
	struct session_record session;
	uint8_t iv[PACKET_IV_LEN];
	unsigned i;
	int r;

	r = take_keys(q->keys, &keys, why);
	if (r == 0)
		r = check_items(q, why);
	if (r == 0)
		r = check_launch(q, keys.tik, &session, why);
	if (r < 0)
		return r;
	if (q->check)
		return check_all(s, q, keys.tik, &i, why);
	if (secret_new(MIN(q->max, (size_t)PACKET_MAX_LEN), &table) < 0)
		return cause_set_oom(why);
	r = fill_table(s, q, &session, keys.tik, table, why);
	if (r < 0)
		return r;
	r = packet_random_iv(iv);
	if (r == 0)
		r = packet_build(&(struct packet_keys){ keys.tek, keys.tik }, q->launch.measure, iv,
				 table, ret);
	return r < 0 ? cause_set_io(why, r, "the packet cannot be made: %m") : 0;
}

/* ---- a request ---- */

static int wrong(struct cause *why, const char *name)
{
	return cause_set(why, -EBADMSG, "'%s' is missing, or not what it must be", name);
}

static bool number_of(struct json_object *o, const char *name, uint64_t max, uint64_t *ret)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v) || !json_object_is_type(v, json_type_int) ||
	    json_object_get_int64(v) < 0)
		return false;
	*ret = json_object_get_uint64(v);
	return *ret <= max;
}

static bool hex_of(struct json_object *o, const char *name, uint8_t *ret, size_t len)
{
	const char *text = json_text(o, name);

	return text && strlen(text) == 2 * len && parse_hex(text, ret, len) == 0;
}

static int read_launch(struct json_object *o, struct sev_launch *ret, struct cause *why)
{
	uint8_t blob[SEV_MEASURE_LEN + SEV_NONCE_LEN];
	struct measured *m = &ret->measured;
	const char *api = json_text(o, "api");
	uint64_t build, policy;

	if (!api || sev_api_parse(api, &m->api_major, &m->api_minor) < 0)
		return wrong(why, "api");
	if (!number_of(o, "build", UINT8_MAX, &build))
		return wrong(why, "build");
	if (!number_of(o, "policy", UINT32_MAX, &policy))
		return wrong(why, "policy");
	if (!hex_of(o, "digest", ret->digest, sizeof(ret->digest)))
		return wrong(why, "digest");
	if (!hex_of(o, "measurement", blob, sizeof(blob)))
		return wrong(why, "measurement");
	m->build = (uint8_t)build;
	m->policy = (uint32_t)policy;
	memcpy(ret->measure, blob, SEV_MEASURE_LEN);
	memcpy(ret->nonce, blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	return 0;
}

static int read_items(struct json_object *o, struct launch_ask *ret, struct cause *why)
{
	struct json_object *list;

	if (!json_object_object_get_ex(o, "secrets", &list) ||
	    !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > LAUNCH_ITEMS_MAX)
		return wrong(why, "secrets");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		struct launch_item *item = &ret->items[ret->n];
		const char *guid = json_text(one, "guid");

		item->path = json_text(one, "path");
		if (!guid || !item->path || guid_parse(guid, strlen(guid), &item->guid) < 0)
			return wrong(why, "secrets");
		ret->n++;
	}
	return 0;
}

static int write_packet(const struct packet *p, struct json_object *answer)
{
	_cleanup_(freep) char *header = NULL, *payload = NULL;

	if (base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0 ||
	    line_text(answer, "header", header) < 0 || line_text(answer, "payload", payload) < 0)
		return -ENOMEM;
	return 0;
}

int launch_packet_answer(struct service *s, struct json_object *request, const struct secret *keys,
			 bool check, const char *who, struct json_object *answer,
			 struct cause *why)
{
	struct launch_ask q = { .keys = keys, .check = check, .who = who,
				.now = (int64_t)time(NULL) };
	_cleanup_(packet_done) struct packet p = { .payload = NULL };
	uint64_t max = 0;
	int r;

	r = read_launch(request, &q.launch, why);
	if (r == 0)
		r = read_items(request, &q, why);
	if (r == 0 && (!number_of(request, "max", PACKET_MAX_LEN, &max) || max == 0))
		r = wrong(why, "max");
	q.max = (size_t)max;
	if (r == 0)
		r = launch_packet(s, &q, &p, why);
	return r < 0 || check ? r : write_packet(&p, answer);
}
