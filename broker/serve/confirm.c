/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/record-mac.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/record-io.h"
#include "broker/serve/service.h"

#define TRIES_MAX 8

/* Which claim it is, by the secret's policy.  Returns 1; 0 when the secret has no claims. */
static int find_key(struct service *s, const struct session_record *session, const char *path,
		    char ret[static RECORD_KEY_LEN], struct cause *why)
{
	_cleanup_(secret_record_done) struct secret_record record = { .version = 0 };
	_cleanup_(freep) char *evidence = NULL;
	struct secret_mode mode;
	uint64_t revision;
	int r;

	r = secret_get(s, path, &record, &revision, why);
	if (r < 0)
		return r;
	if (revision == 0)
		return cause_set(why, -ENOENT, "there is no such secret");
	r = secret_policy_read(record.policy, record.policy_len, &mode, &evidence, why);
	if (r < 0)
		return cause_set(why, -EBADMSG, "the record of '%s' in the store is damaged", path);
	if (mode.release == RELEASE_ALWAYS)
		return 0;
	r = key_claim(path, secret_mode_per(&mode), session->launch.id, ret);
	return r < 0 ? cause_set_oom(why) : 1;
}

/*
 * The session that got it, or a later one of the same launch, for cocod may have begun anew in
 * between.  It only ever closes something.
 */
static bool is_ours(const struct claim *c, const struct session_record *session)
{
	if (memcmp(c->rd, session->rd, sizeof(c->rd)) == 0)
		return true;
	return c->has_launch && session->launch.known &&
	       memcmp(c->launch, session->launch.id, 32) == 0;
}

static int write_confirmed(struct service *s, const struct claim *c, const char *path,
			   const char *key, uint64_t revision, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *line = line_new("confirm", path, NULL);
	_cleanup_(freep) char *text = NULL, *whole = NULL;
	struct store_member m = { .n_compares = 1, .n_changes = 1 };
	int r;

	if (claim_format(c, &text) < 0 || record_sign(s->keys, key, text, &whole) < 0 ||
	    line_text(line, "release", c->release) < 0)
		return cause_set_oom(why);
	m.compares[0] = (struct store_compare){ key, revision };
	m.changes[0] = (struct store_change){ key, whole, strlen(whole), 0 };
	r = writer_commit(s->writer, &m, line, WRITE_USEC, why);
	return r < 0 ? r : m.done ? 0 : -ESTALE;
}

static int try_confirm(struct service *s, const struct session_record *session, const char *path,
		       struct cause *why)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	char key[RECORD_KEY_LEN];
	struct claim c;
	int r;

	r = find_key(s, session, path, key, why);
	if (r <= 0)
		return r;
	r = record_get(s, key, &v, why);
	if (r < 0)
		return r;
	if (v.revision > 0 && claim_parse(v.data, v.len, &c) < 0)
		return cause_set(why, -EBADMSG, "'%s' in the store is damaged", key);
	if (v.revision == 0 || !is_ours(&c, session))
		return cause_set(why, -ENOENT, "it was not released to this guest");
	if (c.confirmed)
		return 0;
	c.confirmed = true;
	return write_confirmed(s, &c, path, key, v.revision, why);
}

int service_confirm(struct service *s, const struct session_record *session, const char *path,
		    struct cause *why)
{
	int r = -ESTALE;

	for (unsigned i = 0; i < TRIES_MAX && r == -ESTALE; i++)
		r = try_confirm(s, session, path, why);
	if (r == -ESTALE)
		return cause_set(why, -EAGAIN, "the claim changes all the time");
	if (r == 0)
		metrics_count(s->metrics, METRIC_CONFIRMED);
	return r;
}
