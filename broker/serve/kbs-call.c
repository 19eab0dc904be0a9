/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/kbs-call.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/core/record-mac.h"
#include "broker/serve/record-io.h"
#include "wire/kbs-uri.h"

#define COOKIE_NAME "kbs-session-id"
#define EXPIRES "%a, %d %b %Y %H:%M:%S GMT"

/* ---- answers ---- */

void kbs_answer(struct kbs_call *c, char *body)
{
	if (!body) {
		kbs_later(c, -ENOMEM, NULL);
		return;
	}
	c->ret->status = 200;
	c->ret->body = body;
}

void kbs_refuse(struct kbs_call *c, int status, const char *name, const char *detail,
		const char *id)
{
	c->ret->status = status;
	/* Without memory for the text the status says enough. */
	if (message_build_error(name, detail, id, &c->ret->body) < 0)
		c->ret->body = NULL;
}

void kbs_later(struct kbs_call *c, int error, const struct cause *why)
{
	if (error < 0)
		(void) log_warning_errno(error, "Request %llu of '%s' is put off: %s",
					 (unsigned long long)c->q->number, c->q->peer,
					 why && why->text[0] ? why->text : strerror(-error));
	c->ret->retry_sec = KBS_RETRY_SEC;
	kbs_refuse(c, 503, "Busy", "This cannot be answered now, ask again", NULL);
}

void kbs_no_session(struct kbs_call *c)
{
	metrics_count(c->service->metrics, METRIC_DENIED_SESSION);
	kbs_refuse(c, 401, "TokenNotFound", "Attestation Token not found", NULL);
}

/* ---- refusals ---- */

void kbs_note(struct kbs_call *c, struct denial *d)
{
	d->at = c->now;
	(void) snprintf(d->peer, sizeof(d->peer), "%s", c->q->peer);
	/* It may quote what was sent. */
	make_printable(d->reason);
	denials_note(c->service->denials, d, d->id);
	log_debug("Request %llu of '%s' is refused as %s: %s: %s",
		  (unsigned long long)c->q->number, d->peer, d->id, d->code, d->reason);
	denial_tell(c->service, d);
}

void kbs_deny(struct kbs_call *c, const char *name, const char *detail, struct denial *d)
{
	kbs_note(c, d);
	kbs_refuse(c, 401, name, detail, d->id);
}

/* ---- sessions ---- */

void kbs_set_cookie(struct kbs_call *c, const struct cookie *cookie)
{
	char text[COOKIE_TEXT_LEN], date[40];
	time_t expiry = (time_t)cookie->expiry;
	struct tm tm;

	cookie_format(cookie, text);
	if (!gmtime_r(&expiry, &tm) || strftime(date, sizeof(date), EXPIRES, &tm) == 0)
		return;
	/* A guest's clock is its host's: by Max-Age it keeps the cookie whatever the year is. */
	(void) snprintf(c->ret->set_cookie, sizeof(c->ret->set_cookie),
			COOKIE_NAME "=%s; Expires=%s; Max-Age=%d", text, date, COOKIE_LIFE_SEC);
}

/* The value of the cookie at @p, up to the next one, when it is ours: returns 1, or 0. */
static int take_cookie(const char *p, size_t len, char ret[static COOKIE_TEXT_LEN])
{
	const char *value = startswith(p, COOKIE_NAME "=");
	size_t n;

	if (!value || (size_t)(value - p) > len)
		return 0;
	n = len - (size_t)(value - p);
	while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	(void) snprintf(ret, COOKIE_TEXT_LEN, "%.*s", (int)MIN(n, COOKIE_TEXT_LEN), value);
	if (n >= COOKIE_TEXT_LEN)
		ret[0] = '\0';
	return 1;
}

int kbs_read_cookie(const char *header, struct cookie *ret)
{
	char text[COOKIE_TEXT_LEN], again[COOKIE_TEXT_LEN];
	const char *p = header ?: "";
	bool found = false;

	while (*p) {
		size_t len;

		p += strspn(p, " \t;");
		len = strcspn(p, ";");
		if (take_cookie(p, len, found ? again : text)) {
			if (found)
				return -EBADMSG;
			found = true;
		}
		p += len;
	}
	return found ? cookie_parse(text, ret) : -ENOENT;
}

int kbs_parse_session(struct kbs_call *c, const char *key, const struct store_value *v,
		      struct session_record *ret)
{
	size_t len;
	int r;

	r = record_verify(c->service->keys, key, v->data, v->len, &len);
	if (r >= 0)
		r = session_record_parse(v->data, len, ret);
	return r == -EKEYREJECTED ? -EBADMSG : r;
}

int kbs_get_session(struct kbs_call *c, const struct cookie *cookie, struct session_record *ret,
		    struct cause *why)
{
	struct session_record s = { 0 };
	struct store_value v = { 0 };
	char key[RECORD_KEY_LEN];
	int r;

	if (cookie_check(cookie, c->now) < 0)
		return -ENOENT;
	key_session(cookie, key);
	r = store_get(c->service->store, key, &v, why);
	if (r < 0)
		return r;
	r = v.revision ? kbs_parse_session(c, key, &v, &s) : -ENOENT;
	store_value_done(&v);
	if (r == -EBADMSG)
		return cause_set(why, -EIO, "the session in the store is damaged");
	if (r < 0)
		return r;
	/* One session's record in the place of another's is none. */
	if (s.expiry != cookie->expiry) {
		session_record_done(&s);
		return cause_set(why, -EIO, "the session in the store is another one");
	}
	*ret = s;
	return 0;
}

/* ---- paths ---- */

int kbs_read_path(const struct http_request *q, const char *prefix,
		  char ret[static BROKER_PATH_LEN])
{
	const char *path = startswith(q->path, prefix);
	int n;

	/* "+plugin/..." is how a plugin's secret is named, never how it is asked for. */
	if (!path || path[0] == '+')
		return -EINVAL;
	n = snprintf(ret, BROKER_PATH_LEN, "%s%s%s", path, q->query ? "?" : "", q->query ?: "");
	if (n < 0 || n >= BROKER_PATH_LEN)
		return -EINVAL;
	return kbs_path_is_valid(ret) ? 0 : -EINVAL;
}
