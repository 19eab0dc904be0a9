/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recovery passphrase is shown when it opens the volume, and not before.  Up to then, whoever
 * finds its keyslot must know it for one that nobody may have the passphrase of.  No write adds a
 * keyslot and a token, so the token comes first and announces the keyslot:
 *
 *   token, "unfinished" | keyslot | the passphrase is shown | token that names the keyslot
 *
 * The keyslot that was announced has a number of iterations that is random.
 */
#include "cli/luks-recovery.h"

#include <sys/random.h>

#include "base/io.h"
#include "base/log.h"
#include "cli/recovery-key.h"

static int choose_keyslot(const struct luks_volume *v, struct luks_keyslot *ret, struct cause *c)
{
	uint16_t random;
	int number = 0;

	while (number < LUKS_IDS && v->keyslots & UINT32_C(1) << number)
		number++;
	if (number == LUKS_IDS)
		return cause_set(c, -ENOSPC, "all its keyslots are in use");
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return cause_set(c, -EIO, "there are no random numbers: %s", strerror(errno));
	/* More than those of all keyslots whose keys are random. */
	*ret = (struct luks_keyslot){ number, LUKS_ITERATIONS_RANDOM + 1 + random };
	return 0;
}

static int show(int tty, const struct secret *s, struct cause *c)
{
	static const char title[] = "Recovery passphrase, shown only now; write it down:\n\n    ";
	int r;

	r = write_full(tty, title, sizeof(title) - 1);
	if (r >= 0)
		r = write_full(tty, secret_data(s), secret_len(s));
	if (r >= 0)
		r = write_full(tty, "\n\n", 2);
	return r < 0 ? cause_set(c, -EIO, "the recovery passphrase cannot be shown: %s",
				 strerror(-r)) :
		       0;
}

static int add_and_show(struct luks_volume *v, struct luks_key unlock, struct luks_keyslot keyslot,
			const struct secret *s, int tty, struct cause *c)
{
	struct luks_key key = { s, secret_len(s) };
	int r;

	r = luks_volume_add_key(v, unlock, key, keyslot, c);
	if (r >= 0)
		r = luks_volume_try(v, keyslot.number, key, c);
	if (r == -EPERM)
		return cause_set(c, -EIO, "the recovery passphrase does not open it");
	return r < 0 ? r : show(tty, s, c);
}

/* Nobody has read all of it, or it does not open the volume.  @c keeps the cause. */
static void undo(struct luks_volume *v, int keyslot, int token)
{
	struct cause unused;

	if (v->keyslots & UINT32_C(1) << keyslot &&
	    luks_volume_remove_key(v, keyslot, &unused) < 0)
		return;
	(void) luks_volume_remove_token(v, token, &unused);
}

int luks_recovery_make(struct luks_volume *v, struct luks_key unlock, int tty, struct cause *c)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct luks_keyslot keyslot;
	int r, token;

	r = recovery_key_new(&s);
	if (r < 0)
		return cause_set(c, -EIO, "a recovery passphrase cannot be made: %s",
				 strerror(-r));
	r = choose_keyslot(v, &keyslot, c);
	if (r < 0)
		return r;
	token = luks_volume_put_unfinished(v, keyslot, c);
	if (token < 0)
		return token;
	r = add_and_show(v, unlock, keyslot, s, tty, c);
	if (r < 0) {
		undo(v, keyslot.number, token);
		return r;
	}
	r = luks_volume_put_token(v, token, LUKS_TOKEN_RECOVERY, keyslot.number, NULL, c);
	return r < 0 ? r : keyslot.number;
}

/* ---- mend ---- */

static int mend_one(struct luks_volume *v, const struct luks_unfinished *u, const char *device,
		    bool replaced, struct cause *c)
{
	int r = 0;

	if (u->keyslot >= 0 && !replaced) {
		log_warning("Keyslot %d of '%s' is for a recovery passphrase whose enrolment was "
			    "cut short.  If it was shown, it opens the volume; if not, nobody has "
			    "it: 'cococtl luks enroll --recovery' replaces it",
			    u->keyslot, device);
		return 0;
	}
	if (u->keyslot >= 0) {
		r = luks_volume_remove_key(v, u->keyslot, c);
		if (r < 0)
			return r;
		log_warning("Keyslot %d of '%s' was removed: the recovery passphrase of an "
			    "enrolment that was cut short no longer opens it",
			    u->keyslot, device);
	}
	return luks_volume_remove_token(v, u->token, c);
}

int luks_recovery_mend(struct luks_volume *v, const char *device, bool replaced, struct cause *c)
{
	int r = 0;

	for (unsigned i = 0; i < v->n_unfinished && r >= 0; i++)
		r = mend_one(v, &v->unfinished[i], device, replaced, c);
	return r;
}
