/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key in the user keyring of its owner (keyctl(2), user-keyring(7)).
 *
 * It is made in this process's own keyring, with its expiry and its rights, and goes from there
 * into the user keyring in one step that replaces nothing.  Whose key it is, and which user
 * keyring is meant, follows from the process's users, so the process becomes the owner.  A process
 * of that user can then end this one, and prevent its own key; it cannot read this process's
 * memory.
 *
 * To revoke, only the user for files changes, which decides about rights to keys: nobody but root
 * can end the process that revokes.  The owner always has the right for it (place_set_rights()),
 * wherever the key has been linked to, and nobody has the right to change that.
 */
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/place/place.h"
#include "secrets/place-rules.h"

#define RIGHTS_MASK 0x3fu

#ifndef KEYCTL_MOVE_EXCL
#define KEYCTL_MOVE 30			/* Linux 5.3 */
#define KEYCTL_MOVE_EXCL 0x00000001
#endif

/* Returns what the kernel does, or a negative errno. */
static long keyctl(int op, long a, unsigned long b, unsigned long c, unsigned long d)
{
	long r = syscall(SYS_keyctl, op, a, b, c, d);

	return r < 0 ? -errno : r;
}

static const char *type_of(const struct place_order *o)
{
	return o->logon ? "logon" : "user";
}

static int check(const struct place_order *o)
{
	uint32_t owner = o->rights >> KEY_RIGHTS_OWNER & RIGHTS_MASK,
		 possessor = o->rights >> KEY_RIGHTS_POSSESSOR & RIGHTS_MASK;

	if (o->owner == UINT32_MAX || o->logon > 1 || o->old > INT32_MAX)
		return -EINVAL;
	if (o->len == 0)
		return 0;	/* to remove */
	/* It must be possible to revoke it, and nobody else may have a right. */
	if (o->rights != (owner << KEY_RIGHTS_OWNER | possessor << KEY_RIGHTS_POSSESSOR) ||
	    (owner | possessor) & KEY_RIGHT_SETATTR || !(owner & KEY_RIGHT_WRITE) ||
	    !(owner & KEY_RIGHT_LINK))
		return -EINVAL;
	return o->len <= PLACE_KEY_MAX ? 0 : -EINVAL;
}

static int fail(const struct place *p, long error, const char *what, struct cause *why)
{
	const char *hint =
		error == -EDQUOT ? "the user has no room for more keys: see /proc/key-users, and "
				   "the sysctls kernel.keys.maxkeys and kernel.keys.maxbytes" :
		error == -ENOSYS || error == -EPERM ? "the kernel does not let cocod-place use "
						      "keyrings" :
						      strerror((int)-error);

	return cause_set(why, (int)error, "The key '%s' of user %u cannot be %s: %s",
			 p->order.name, p->order.owner, what, hint);
}

/* Returns 0 also when it is revoked, expired, or gone. */
static int revoke_key(const struct place *p, struct cause *why)
{
	long r;

	if (p->order.old == 0)
		return 0;
	(void) setfsuid(p->order.owner);
	if ((uid_t)setfsuid((uid_t)-1) != p->order.owner)
		return cause_set(why, -EPERM, "cocod-place cannot act as user %u",
				 p->order.owner);
	r = keyctl(KEYCTL_REVOKE, (long)p->order.old, 0, 0, 0);
	(void) setfsuid(0);
	if (r < 0 && r != -EKEYREVOKED && r != -EKEYEXPIRED && r != -ENOKEY)
		return cause_set(why, (int)r, "The key %u of user %u cannot be revoked: %s",
				 p->order.old, p->order.owner, strerror((int)-r));
	return 0;
}

static int become_owner(const struct place *p, struct cause *why)
{
	if (p->order.owner == 0)
		return 0;
	if (setresuid(p->order.owner, p->order.owner, p->order.owner) < 0)
		return cause_set(why, -errno, "cocod-place cannot become user %u: %m",
				 p->order.owner);
	/* The kernel may have forgotten it. */
	if (secret_protect_process() < 0)
		return cause_set(why, -errno, "Failed to keep this process out of core dumps: %m");
	return 0;
}

static int prepare(struct place *p, struct cause *why)
{
	long key, r;
	int err = revoke_key(p, why);

	if (err >= 0)
		err = become_owner(p, why);
	if (err < 0)
		return err;
	key = syscall(SYS_add_key, type_of(&p->order), p->order.name, secret_data(p->bytes),
		      secret_len(p->bytes), KEY_SPEC_PROCESS_KEYRING);
	if (key < 0)
		return fail(p, -errno, "made", why);
	r = p->order.expires_sec ? keyctl(KEYCTL_SET_TIMEOUT, key, p->order.expires_sec, 0, 0) : 0;
	if (r >= 0)
		r = keyctl(KEYCTL_SETPERM, key, p->order.rights, 0, 0);
	if (r < 0)
		return fail(p, r, "made", why);
	p->id = (uint32_t)key;
	return 0;
}

/* A key that is revoked or has expired keeps its place for some minutes. */
static bool is_dead(const struct place *p)
{
	long r = keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, (unsigned long)type_of(&p->order),
			(unsigned long)p->order.name, 0);

	return r == -EKEYREVOKED || r == -EKEYEXPIRED || r == -ENOKEY;
}

static int commit(struct place *p, struct cause *why)
{
	long r = keyctl(KEYCTL_MOVE, (long)p->id, (unsigned long)KEY_SPEC_PROCESS_KEYRING,
			(unsigned long)KEY_SPEC_USER_KEYRING, KEYCTL_MOVE_EXCL);

	if (r == -EEXIST && is_dead(p))
		r = keyctl(KEYCTL_LINK, (long)p->id, (unsigned long)KEY_SPEC_USER_KEYRING, 0, 0);
	else if (r == -EEXIST)
		return cause_set(why, -EEXIST,
				 "The keyring of user %u has a key '%s' of type %s already, which "
				 "is not cocod's: remove it, or set another KeyringDescription=",
				 p->order.owner, p->order.name, type_of(&p->order));
	return r < 0 ? fail(p, r, "put into the user keyring", why) : 0;
}

/* It would go with this process, but not at once. */
static void drop(struct place *p)
{
	(void) keyctl(KEYCTL_REVOKE, (long)p->id, 0, 0, 0);
}

static int remove_key(struct place *p, struct cause *why)
{
	return revoke_key(p, why);
}

const struct place_ops place_key = {
	.name = "keyring",
	.socket = "cocod-place-keyring",
	.check = check,
	.prepare = prepare,
	.commit = commit,
	.drop = drop,
	.remove = remove_key,
};
