/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "broker/core/evidence-read.h"
#include "broker/core/init-digest.h"
#include "broker/core/record-mac.h"
#include "broker/core/token.h"
#include "broker/serve/kbs-call.h"

/*
 * POST /attest.  Evidence is accepted when it is authentic and over this handshake; whether it is
 * good enough is asked for each secret.  The first that is accepted owns the session: the same
 * again gets the same token, for a reply may get lost, and any other is refused.
 */

#define FAILED "Attestation error: RCAR handshake Attest failed"
#define STATUS "none"		/* nothing was appraised by a policy yet */

struct attempt {
	struct cookie cookie;
	struct attestation a;
	enum broker_tee tee;
	struct bundle bundle;
	struct judged judged;
};

static void attempt_done(struct attempt *t)
{
	attestation_done(&t->a);
	bundle_done(&t->bundle);
}

static struct denial denial_of(const struct attempt *t, const char *code, const char *reason)
{
	struct denial d = { .step = "attest" };

	(void) snprintf(d.code, sizeof(d.code), "%s", code);
	(void) snprintf(d.reason, sizeof(d.reason), "%.500s", reason);
	(void) snprintf(d.tee, sizeof(d.tee), "%s", broker_tee_name(t->tee) ?: "");
	(void) snprintf(d.chip, sizeof(d.chip), "%s", t->judged.chip);
	(void) snprintf(d.measurement, sizeof(d.measurement), "%s", t->judged.measurement);
	return d;
}

static void refuse(struct kbs_call *c, const struct attempt *t, const char *code,
		   const char *reason)
{
	struct denial d = denial_of(t, code, reason);

	metrics_count(c->service->metrics, METRIC_EVIDENCE_REFUSED);
	kbs_deny(c, "AttestationError", FAILED, &d);
}

/* ---- the evidence ---- */

/* The guest comes again, and again for the same reason unless the owner gets to know it. */
static int put_off(struct kbs_call *c, const struct attempt *t, int error, struct cause *why)
{
	struct denial d = denial_of(t, t->judged.code, t->judged.reason);

	metrics_count(c->service->metrics, METRIC_EVIDENCE_UNDECIDED);
	kbs_note(c, &d);
	return cause_set(why, error, "%s: %s", t->judged.code, t->judged.reason);
}

/* Returns 1 when it is accepted; 0 when this is answered; a negative errno. */
static int judge(struct kbs_call *c, struct attempt *t, struct cause *why)
{
	uint64_t begun = now_usec();
	int r;

	r = evidence_read(t->a.evidence, t->tee, &t->bundle, why);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		refuse(c, t, "EVIDENCE_FORMAT", why->text);
		return 0;
	}
	r = judge_evidence(c->service->judge, t->tee, &t->bundle, t->a.rd, /* policy= */ NULL,
			   c->now, &t->judged, /* ret_verdict= */ NULL);
	metrics_time(c->service->metrics, TIME_ATTEST, now_usec() - begun);
	if (r < 0 || t->judged.result == JUDGED_LATER)
		return put_off(c, t, r < 0 ? r : -EAGAIN, why);
	if (t->judged.result != JUDGED_GOOD) {
		refuse(c, t, t->judged.code, t->judged.reason);
		return 0;
	}
	if (!t->a.init_data)
		return 1;
	r = init_data_check(t->a.init_data, t->a.init_data_len, t->tee, &t->judged.launch,
			    &t->bundle, why);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		refuse(c, t, "INIT_DATA", why->text);
		return 0;
	}
	return 1;
}

/* ---- the session ---- */

/* The evidence as a pack, which @ret owns. */
static int pack(const struct bundle *b, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = memfd_create("evidence", MFD_CLOEXEC);
	char *text;
	int r;

	if (fd < 0)
		return -errno;
	r = bundle_write_pack(b, fd);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) != 0)
		r = -errno;
	if (r >= 0)
		r = read_file_fd(fd, BUNDLE_PACK_MAX, &text, ret_len);
	if (r < 0)
		return r;
	*ret = (uint8_t *)text;
	return 0;
}

static int format_session(const struct attempt *t, char **ret)
{
	_cleanup_(session_record_done) struct session_record s = {
		.expiry = t->cookie.expiry,
		.tee = t->tee,
		.key = t->a.key,
		.coco = t->a.coco,
		.launch = t->judged.launch,
	};
	int r;

	memcpy(s.rd, t->a.rd, sizeof(s.rd));
	(void) snprintf(s.coco.tee, sizeof(s.coco.tee), "%s", broker_tee_name(t->tee));
	r = pack(&t->bundle, &s.evidence, &s.evidence_len);
	return r < 0 ? r : session_record_format(&s, ret);
}

/* Somebody has this session already: returns 1 when it was the same request, else 0. */
static int is_same(struct kbs_call *c, const struct attempt *t, const char *key,
		   const struct store_value *there)
{
	_cleanup_(session_record_done) struct session_record s = { 0 };
	int r;

	if (!there->revision)
		return 0;
	r = kbs_parse_session(c, key, there, &s);
	if (r < 0)
		return r;
	return s.tee == t->tee && CRYPTO_memcmp(s.rd, t->a.rd, sizeof(s.rd)) == 0;
}

/*
 * Put the session unless it is there.  Returns 1 when it is ours now or was before; 0 when it is
 * another's; -EMSGSIZE when the evidence is too long to be kept; another errno of the store.
 */
static int put_session(struct kbs_call *c, const struct attempt *t, struct cause *why)
{
	_cleanup_(freep) char *text = NULL, *whole = NULL;
	char key[RECORD_KEY_LEN];
	struct store_member m = {
		.n_compares = 1, .n_changes = 1, .n_reads = 1,
		.compares = { { key, 0 } },
		.reads = { key },
	};
	int r;

	key_session(&t->cookie, key);
	r = format_session(t, &text);
	if (r >= 0)
		r = record_sign(c->service->keys, key, text, &whole);
	if (r < 0)
		return r;
	if (strlen(whole) > STORE_VALUE_MAX)
		return -EMSGSIZE;
	m.changes[0] = (struct store_change){
		.key = key,
		.data = whole,
		.len = strlen(whole),
		.ttl_sec = t->cookie.expiry > c->now ? (uint32_t)(t->cookie.expiry - c->now) : 1,
	};
	r = writer_commit(c->service->writer, &m, /* line= */ NULL, KBS_COMMIT_USEC, why);
	if (r < 0)
		return r;
	r = m.done ? 1 : is_same(c, t, key, &m.read[0]);
	store_value_done(&m.read[0]);
	return r;
}

/* ---- all ---- */

static int build_token(struct kbs_call *c, const struct attempt *t, char **ret)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *token = NULL;
	const char *text;
	int r;

	r = token_build(c->service->keys, &t->cookie, t->tee, &t->a, c->now, STATUS, &token);
	if (r < 0)
		return r;
	if (json_add_text(o, "token", token) < 0)
		return -ENOMEM;
	text = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);
	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -ENOMEM;
}

/* Returns 0 when this is answered, or a negative errno. */
static int accept_evidence(struct kbs_call *c, struct attempt *t, struct cause *why)
{
	char *body = NULL;
	int r;

	r = judge(c, t, why);
	if (r <= 0)
		return r;
	r = put_session(c, t, why);
	if (r == -EMSGSIZE)
		refuse(c, t, "EVIDENCE_SIZE", "the evidence is too long to be kept");
	if (r == 0)
		refuse(c, t, "SESSION_TAKEN",
		       "this handshake was finished before, with another key or other evidence");
	if (r == 0 || r == -EMSGSIZE)
		return 0;
	if (r > 0)
		r = build_token(c, t, &body);
	if (r < 0)
		return r;
	metrics_count(c->service->metrics, METRIC_EVIDENCE_ACCEPTED);
	kbs_set_cookie(c, &t->cookie);
	kbs_answer(c, body);
	return 0;
}

static int attest(struct kbs_call *c, struct attempt *t, struct cause *why)
{
	int r;

	r = message_read_attestation(c->q->body, &t->a, why);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		refuse(c, t, "REQUEST", why->text);
		return 0;
	}
	r = challenge_find(c->service->keys, &t->cookie, &t->a.coco, t->a.nonce, &t->tee);
	if (r == -ESTALE) {
		refuse(c, t, "NONCE", "the nonce is not the one of this cookie, boot and list");
		return 0;
	}
	return r < 0 ? r : accept_evidence(c, t, why);
}

void kbs_attest(struct kbs_call *c)
{
	_cleanup_(attempt_done) struct attempt t = { .tee = BROKER_TEE_NONE };
	struct cause why = { "" };
	int r;

	if (kbs_read_cookie(c->q->cookie, &t.cookie) < 0 || cookie_check(&t.cookie, c->now) < 0) {
		kbs_no_session(c);
		return;
	}
	r = attest(c, &t, &why);
	if (r < 0)
		kbs_later(c, r, &why);
}
