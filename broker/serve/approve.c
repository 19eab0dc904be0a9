/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "broker/core/record-mac.h"
#include "broker/serve/claim-plan.h"
#include "broker/serve/record-io.h"
#include "broker/serve/service.h"

static bool is_id(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len < DENIAL_ID_LEN && strspn(id, "0123456789abcdef-") == len;
}

static int write_answer(struct service *s, const struct approval *a, const char *key,
			uint64_t revision, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *line =
		line_new(a->approved ? "approve" : "refuse", a->path, NULL);
	_cleanup_(freep) char *text = NULL, *whole = NULL;
	struct store_member m = { .n_compares = 1, .n_changes = 1 };
	int r;

	if (approval_format(a, &text) < 0 || record_sign(s->keys, key, text, &whole) < 0 ||
	    line_text(line, "id", a->id) < 0 || line_number(line, "uid", a->by) < 0 ||
	    line_hex(line, "launch", a->launch, 32) < 0)
		return cause_set_oom(why);
	m.compares[0] = (struct store_compare){ key, revision };
	m.changes[0] = (struct store_change){ key, whole, strlen(whole), APPROVAL_LIFE_SEC };
	r = writer_commit(s->writer, &m, line, WRITE_USEC, why);
	if (r == 0 && !m.done)
		r = cause_set(why, -EAGAIN, "'%s' changed meanwhile: look again", a->id);
	return r;
}

int service_approve(struct service *s, const char *id, bool approve, uint32_t uid,
		    struct cause *why)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	char key[RECORD_KEY_LEN];
	struct approval a;
	int r;

	if (!is_id(id))
		return cause_set(why, -ENOENT, "'%s' is not the id of something to approve", id);
	key_approval(id, key);
	r = record_get(s, key, &v, why);
	if (r < 0)
		return r;
	if (v.revision == 0)
		return cause_set(why, -ENOENT,
				 "nothing waits for an approval as '%s': a request is kept for %d "
				 "hours, and an approval is used up by a release", id,
				 APPROVAL_LIFE_SEC / 3600);
	if (approval_parse(v.data, v.len, &a) < 0 || strcmp(a.id, id) != 0)
		return cause_set(why, -EBADMSG, "'%s' in the store is damaged", key);
	a.answered = (int64_t)time(NULL);
	a.approved = approve;
	a.by = uid;
	return write_answer(s, &a, key, v.revision, why);
}
