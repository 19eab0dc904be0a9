/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks-enrolment.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cococtl.h"
#include "cli/luks-header.h"
#include "cli/luks-recovery.h"
#include "cli/secret-read.h"
#include "secrets/policy.h"
#include "wire/luks.h"

#define RANDOM_MIN 16	/* bytes; 128 bits, if each is random */
/* More than the library writes for one of them. */
#define KEYSLOT_JSON 640
#define TOKEN_JSON 256

void enrolment_done(struct enrolment *e)
{
	luks_volume_done(&e->volume);
	luks_plan_done(&e->plan);
	e->secret = secret_free(e->secret);
	e->passphrase = secret_free(e->passphrase);
	e->cocod = close_fd(e->cocod);
	e->fd = close_fd(e->fd);
	e->tty = close_fd(e->tty);
}

int enrolment_refused(const struct enrolment *e, const struct cause *c)
{
	if (e->formatted)
		log_error("The volume on '%s' was formatted, but is not ready: %s; this can be run "
			  "again",
			  e->device, c->text);
	else
		log_error("Nothing was changed on '%s': %s", e->device, c->text);
	return STATUS_FAILED;
}

/* ---- look ---- */

static int look_at_header(struct enrolment *e)
{
	struct luks_verdict v;

	/* At the beginning of a word. */
	if (startswith(e->m.volume_pins, "header:") || strstr(e->m.volume_pins, " header:")) {
		log_error("Nothing was changed on '%s': VolumePin=header: of secret '%s' names the "
			  "header as it is, and a keyslot or a token would change it; remove that "
			  "word, and pin the new header afterwards ('cococtl luks check')",
			  e->device, e->m.name);
		return STATUS_FAILED;
	}
	if (!e->m.verify_header) {
		log_warning("Nobody looks at the header: VerifyVolumeHeader=no for secret '%s'",
			    e->m.name);
		return 0;
	}
	if (luks_header_judge(e->fd, e->m.allow_tokens, e->m.volume_pins, &v) < 0)
		return STATUS_FAILED;
	if (v.error == 0)
		return 0;
	if (v.error != -EBADMSG) {
		log_error("Nothing was changed on '%s': cocod gives it no key: %s", e->device,
			  v.reason);
		return STATUS_FAILED;
	}
	/* Another one of us may have been killed while it wrote the first of the two headers. */
	log_warning("The header of '%s' is damaged, trying cryptsetup's repair: %s", e->device,
		    v.reason);
	return -EAGAIN;
}

/* Open the volume, after which a damaged header is repaired or is not of a volume. */
int enrolment_open_volume(struct enrolment *e)
{
	int damaged = look_at_header(e), r;
	struct luks_verdict v;
	struct cause c;

	if (damaged > 0)
		return damaged;
	r = luks_volume_open(e->device, &e->volume, &c);
	if (r < 0)
		return enrolment_refused(e, &c);
	if (!damaged)
		return 0;
	if (luks_header_judge(e->fd, e->m.allow_tokens, e->m.volume_pins, &v) < 0)
		return STATUS_FAILED;
	if (v.error) {
		log_error("Nothing was changed on '%s': cocod gives it no key: %s", e->device,
			  v.reason);
		return STATUS_FAILED;
	}
	return 0;
}

/* Would cocod give the volume this secret, and not another one? */
static int check_consumer(struct enrolment *e)
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };
	char consumer[sizeof(CONSUMER_CRYPTSETUP) + 1 + MSG_NAME_LEN];
	struct secret_policy p = { 0 };
	int ours, r;

	snprintf(consumer, sizeof(consumer), CONSUMER_CRYPTSETUP ":%s", e->plan.volume);
	memcpy(p.consumers, e->m.consumers, sizeof(p.consumers));
	ours = secret_policy_allows(&p, consumer);
	if (ours == 0) {
		log_error("Nothing was changed on '%s': Consumers= of secret '%s' does not have "
			  "'%s'; choose another --name, or change secrets.d",
			  e->device, e->m.name, consumer);
		return STATUS_FAILED;
	}
	r = secret_list_ask(e->cocod, &l);
	if (r < 0)
		return cli_failed(r, NULL);
	for (unsigned i = 0; i < l.n; i++) {
		memcpy(p.consumers, l.secrets[i].consumers, sizeof(p.consumers));
		if (streq(l.secrets[i].guid, e->m.guid) ||
		    secret_policy_allows(&p, consumer) <= ours)
			continue;
		log_error("Nothing was changed on '%s': cocod gives volume '%s' the secret '%s', "
			  "whose Consumers= names it",
			  e->device, e->plan.volume, l.secrets[i].name);
		return STATUS_FAILED;
	}
	return 0;
}

struct luks_key enrolment_key(const struct enrolment *e)
{
	const struct secret_policy p = { .trailing_nul = e->m.trailing_nul };

	return (struct luks_key){ e->secret, secret_policy_passphrase_len(&p, e->secret) };
}

int enrolment_check_secret(struct enrolment *e)
{
	struct luks_key key = enrolment_key(e);

	if (key.len == 0) {
		log_error("Nothing was changed on '%s': secret '%s' is empty", e->device,
			  e->m.name);
		return STATUS_FAILED;
	}
	if (e->args->luks.random_secret && key.len < RANDOM_MIN) {
		log_error("Nothing was changed on '%s': secret '%s' has less than %d bytes, which "
			  "is too short for --random-secret",
			  e->device, e->m.name, RANDOM_MIN);
		return STATUS_FAILED;
	}
	if (secret_data(e->secret)[key.len - 1] == '\n')
		log_warning("Secret '%s' ends with a newline, which is part of the passphrase: "
			    "nobody who types it can open the volume",
			    e->m.name);
	return 0;
}

/* Our token for this secret: of several the one whose keyslot the secret opens.  -1 for none. */
static const struct luks_token *find_token(const struct enrolment *e)
{
	const struct luks_token *found = NULL;

	for (unsigned i = 0; i < e->volume.n_tokens; i++) {
		const struct luks_token *t = &e->volume.tokens[i];

		if (!streq(t->secret, e->m.name))
			continue;
		if (e->keyslot >= 0 && t->keyslots == UINT32_C(1) << e->keyslot)
			return t;
		found = found ?: t;
	}
	return found;
}

static int check_room(struct enrolment *e, struct cause *c)
{
	unsigned keyslots = (e->keyslot < 0) + (unsigned)e->args->luks.recovery;
	unsigned tokens = (find_token(e) == NULL) + (unsigned)e->args->luks.recovery;

	if (keyslots > e->volume.room_keyslots)
		return cause_set(c, -ENOSPC,
				 "it has room for %u more keyslots, and %u are needed; 'cryptsetup "
				 "luksKillSlot' removes one",
				 e->volume.room_keyslots, keyslots);
	if (tokens > (unsigned)__builtin_popcount(e->volume.free_tokens))
		return cause_set(c, -ENOSPC, "all its tokens are in use; 'cryptsetup token remove' "
					     "removes one");
	if (keyslots * KEYSLOT_JSON + tokens * TOKEN_JSON > e->volume.room_json)
		return cause_set(c, -ENOSPC, "its header has no room for more metadata");
	return 0;
}

/* A recovery passphrase is shown at a terminal and nowhere else. */
static int check_terminal(struct enrolment *e, struct cause *c)
{
	if (!e->args->luks.recovery || e->tty >= 0)
		return 0;
	e->tty = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return e->tty < 0 ? cause_set(c, -ENXIO, "there is no terminal that could show a recovery "
						 "passphrase") :
			    0;
}

/* The secret is for whoever opens a volume by its token, and for no line of crypttab. */
static bool is_for_tokens_alone(const struct enrolment *e)
{
	struct secret_policy p = { 0 };
	char volume[MSG_CONSUMERS_LEN];

	memcpy(p.consumers, e->m.consumers, sizeof(p.consumers));
	return secret_policy_allows(&p, CONSUMER_TOKEN) > 0 &&
	       !secret_policy_allows(&p, CONSUMER_CRYPTSETUP) &&
	       !secret_policy_consumer(&p, CONSUMER_CRYPTSETUP, 0, volume);
}

int enrolment_plan(struct enrolment *e)
{
	const struct args_luks *a = &e->args->luks;
	struct cause c;
	int r;

	e->by_token = is_for_tokens_alone(e);
	if (e->by_token && (a->name || e->write)) {
		log_error("Nothing was changed on '%s': Consumers= of secret '%s' has 'token' and "
			  "no 'cryptsetup', so that a line of crypttab would ask in vain; leave "
			  "out --name and --write, or change secrets.d",
			  e->device, e->m.name);
		return STATUS_FAILED;
	}
	if (e->by_token)
		return 0;
	e->plan.root = e->args->luks.root ?: "";
	e->plan.uuid = e->volume.uuid;
	e->plan.fits_copy = e->volume.header_len <= LUKS_COPY_LEN;
	r = luks_plan_make(&e->plan, e->args->luks.name, &c);
	return r < 0 ? enrolment_refused(e, &c) : check_consumer(e);
}

/* ---- what opens it ---- */

int enrolment_try(struct enrolment *e)
{
	struct cause c;
	int r;

	e->keyslot = luks_volume_try(&e->volume, -1, enrolment_key(e), &c);
	r = e->keyslot == -EPERM ? 0 : e->keyslot;
	e->keyslot = MAX(e->keyslot, -1);
	return r < 0 ? enrolment_refused(e, &c) : 0;
}

int enrolment_check_terminal(struct enrolment *e)
{
	struct cause c;

	return check_terminal(e, &c) < 0 ? enrolment_refused(e, &c) : 0;
}

int enrolment_check(struct enrolment *e)
{
	struct cause c;
	int r;

	r = check_room(e, &c);
	if (r >= 0)
		r = check_terminal(e, &c);
	if (r >= 0 && e->plan.there.number)
		r = crypttab_judge(&e->plan.there, e->keyslot, enrolment_key(e).len, &c);
	return r < 0 ? enrolment_refused(e, &c) : 0;
}

/* ---- write ---- */

static int write_keyslot(struct enrolment *e, struct cause *c)
{
	struct luks_keyslot keyslot = {
		.number = -1,
		.iterations = e->args->luks.random_secret ? LUKS_ITERATIONS_RANDOM : 0,
	};

	if (e->keyslot >= 0) {
		log_info("Keyslot %d opens with secret '%s' already", e->keyslot, e->m.name);
		return 0;
	}
	e->keyslot = luks_volume_add_key(&e->volume, luks_key_whole(e->passphrase),
					 enrolment_key(e), keyslot, c);
	return e->keyslot;
}

static int write_token(struct enrolment *e, struct cause *c)
{
	const struct luks_token *t = find_token(e);
	uint32_t slot = UINT32_C(1) << e->keyslot;

	if (t && t->keyslots == slot) {
		e->token = t->id;
		return 0;
	}
	if (t && (t->keyslots & ~slot & e->volume.keyslots))
		log_warning("Token %d named another keyslot for secret '%s', which is still there: "
			    "if an older secret opens it, 'cryptsetup luksKillSlot' removes it",
			    t->id, e->m.name);
	e->token = luks_volume_put_token(&e->volume, t ? t->id : -1, LUKS_TOKEN_OURS, e->keyslot,
					 e->m.name, c);
	return e->token;
}

/* Would it work now?  Everything is read anew. */
static int verify(struct enrolment *e, struct cause *c)
{
	struct luks_verdict v = { 0 };
	const struct luks_token *t;
	int r;

	luks_volume_done(&e->volume);
	r = luks_volume_open(e->device, &e->volume, c);
	if (r >= 0)
		r = luks_volume_try(&e->volume, e->keyslot, enrolment_key(e), c);
	if (r == -EPERM)
		return cause_set(c, -EIO, "keyslot %d does not open with secret '%s'", e->keyslot,
				 e->m.name);
	if (r < 0)
		return r;
	t = find_token(e);
	if (!t || t->id != e->token || t->keyslots != UINT32_C(1) << e->keyslot)
		return cause_set(c, -EIO, "token %d is not there", e->token);
	if (e->m.verify_header &&
	    luks_header_judge(e->fd, e->m.allow_tokens, e->m.volume_pins, &v) < 0)
		return cause_set(c, -EIO, "its header could not be judged");
	return v.error ? cause_set(c, -EIO, "cocod gives it no key: %s", v.reason) : 0;
}

static int write_recovery(struct enrolment *e, struct cause *c)
{
	if (e->args->luks.recovery) {
		e->recovery = luks_recovery_make(&e->volume, enrolment_key(e), e->tty, c);
		if (e->recovery < 0)
			return e->recovery;
	}
	return luks_recovery_mend(&e->volume, e->device, e->args->luks.recovery, c);
}

int enrolment_write(struct enrolment *e)
{
	int (*const steps[])(struct enrolment *, struct cause *) = {
		write_keyslot, write_token, verify, write_recovery,
	};
	struct cause c;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0; i++)
		r = steps[i](e, &c);
	if (r >= 0 && e->before_crypttab)
		r = e->before_crypttab(e, &c);
	if (r >= 0 && e->write)
		r = luks_plan_write(&e->plan, &c);
	if (r < 0) {
		log_error("The volume on '%s' is not ready: %s; %sthis can be run again",
			  e->device, c.text,
			  e->formatted ? "" : "what opened it before still does, and ");
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}
