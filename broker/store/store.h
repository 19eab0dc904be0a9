/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_STORE_H
#define COCO_BROKER_STORE_STORE_H

#include "base/cause.h"
#include "base/macro.h"

/*
 * Where the broker keeps secrets, claims, sessions and the audit log: keys and values with
 * transactions.  There is a row for each engine; nothing else knows which one it is.  What lies
 * here is either sealed (broker/core/seal.h) or public: who holds the store can delete, but
 * neither read a secret nor swap two.
 *
 * A key is a text of 1 to STORE_KEY_MAX bytes from '!' to '~', "coco/claim/...".  A value has bytes
 * and a revision, which is different after each change of it and never 0; a key that is absent has
 * revision 0.  Revisions grow over the whole store.
 *
 * All functions may block, and may be called by several threads at once.
 */
#define STORE_KEY_MAX 512			/* bytes, without NUL */
#define STORE_VALUE_MAX (256 * 1024)		/* bytes */
#define STORE_MEMBERS_MAX 64			/* of a batch */
#define STORE_PARTS_MAX 6			/* compares, changes or reads of a member */
#define STORE_BYTES_MAX (1024 * 1024)		/* keys and data of all changes of a batch */

struct store;

struct store_value {
	uint8_t *data;		/* yours, and may be freed with free(); NULL if absent */
	size_t len;
	uint64_t revision;	/* 0 if absent */
	bool has_life;		/* it was given a ttl_sec */
};

void store_value_done(struct store_value *v);	/* wipes nothing: nothing here is plaintext */

/* The key must have this revision; 0: it must be absent. */
struct store_compare {
	const char *key;
	uint64_t revision;
};

struct store_change {
	const char *key;
	const void *data;	/* NULL deletes the key */
	size_t len;
	/*
	 * It disappears by itself, within a minute after that; 0: it stays.  In an etcd a new
	 * leader lets its life begin anew: whoever must know has the time in the value too.
	 */
	uint32_t ttl_sec;
};

/*
 * A member of a batch: if all compares hold, all its changes are made, else none.  What is read is
 * as it is after the member's changes; it is also read when they are not made.  The texts and bytes
 * are borrowed.
 */
struct store_member {
	unsigned n_compares, n_changes, n_reads;
	struct store_compare compares[STORE_PARTS_MAX];
	struct store_change changes[STORE_PARTS_MAX];
	const char *reads[STORE_PARTS_MAX];

	/* answered */
	bool done;				/* the compares held, and the changes are made */
	struct store_value read[STORE_PARTS_MAX];
};

/*
 * The fence of a writer: a key whose value is a text.  A batch is committed only if the value is
 * @expected (NULL: absent), and becomes @next with it.  So a batch that got lost on its way, and
 * that was followed by another one, can never be committed later.
 */
struct store_fence {
	const char *key;
	const char *expected, *next;
};

/*
 * Commit @n members (1 to STORE_MEMBERS_MAX) in one transaction.  A member that is not done spoils
 * no other.  A key that a member changes may be changed once only, and no other member may name it,
 * not even in a compare or a read: so the order of the members does not matter.  The fence's key
 * may not be in any member.  @fence may be NULL.
 *
 * Returns 0, with each member answered; -ESTALE when the fence does not hold, and then nothing is
 * changed; -EAGAIN when the store cannot be asked now or did not answer in time: whether it is
 * committed is unknown, ask for what the fence became; -ENOSPC when it is full; -EINVAL for a batch
 * of another form (a key twice, a cap exceeded); -EACCES when it refuses us; -ENOMEM; -EIO.
 * On an error @why has the cause, no member has values, and none is done.  Unless it is -EAGAIN,
 * nothing is changed, and nothing will be by this call.
 */
int store_commit(struct store *s, const struct store_fence *fence, struct store_member *members,
		 unsigned n, struct cause *why);

/* True if a transaction waits for a disk of this machine alone, and for no other machine. */
bool store_is_local(const struct store *s);

/* Check @m alone as store_commit() would.  Returns 0, -EINVAL or -ENOMEM. */
int store_member_check(const struct store_member *m, struct cause *why);

/*
 * Read @key: what was committed before is seen, whichever instance committed it.  @ret is yours
 * (store_value_done()).  Returns 0, also for an absent key; -EAGAIN, -EACCES, -ENOMEM, -EIO as
 * above.
 */
int store_get(struct store *s, const char *key, struct store_value *ret, struct cause *why);

/* The revision of @key alone, 0 if it is absent.  Errors as above, and @ret is not written then. */
int store_revision(struct store *s, const char *key, uint64_t *ret, struct cause *why);

/*
 * Marks are keys that say what state the whole store is in.  Set or remove @key; @ret_was, which
 * may be NULL, says if it was there.  Errors of store_get() and store_commit().
 */
int store_mark(struct store *s, const char *key, bool there, bool *ret_was, struct cause *why);

/*
 * Call @each for the keys that begin with @prefix and follow @after (NULL: from the first one), in
 * the order of their bytes, at most @max of them.  With 0 these are all, as they are at one moment;
 * pages may be of different moments.  It ends when @each returns anything but 0.  @each may call
 * the functions that read.  @prefix may be "".
 * Returns what @each returned last, or 0; an error of store_get().
 */
typedef int (*store_each_t)(void *userdata, const char *key, const struct store_value *v);
int store_walk(struct store *s, const char *prefix, const char *after, unsigned max,
	       store_each_t each, void *userdata, struct cause *why);

/*
 * How many keys begin with @prefix.  No value is handed over, but it takes the longer the more of
 * them there are.  Returns 0 or an error of store_get(), and @ret is not written then.
 */
int store_count(struct store *s, const char *prefix, uint64_t *ret, struct cause *why);

#define STORE_ID_LEN 16

struct store_state {
	/* of this store: another one has another id, a copy the same */
	uint8_t id[STORE_ID_LEN];
	uint64_t revision;		/* the highest so far */
	uint64_t bytes, max_bytes;	/* how large it is and may be; 0 if unknown */
};

/* Ask how the store is.  Returns 0 or an error of store_get(). */
int store_look(struct store *s, struct store_state *ret, struct cause *why);

/*
 * Write a copy of the whole store, as it is at one moment, to @fd: the text lines that store_load()
 * reads, which are the same for each engine.  Values that have a life, such as sessions, are left
 * out.  Returns 0; -EIO when @fd cannot be written; an error of store_get().
 */
int store_dump(struct store *s, int fd, struct cause *why);

/* The same, to @sink, which returns 0, or a negative errno that ends it, with @why set. */
typedef int (*store_sink_t)(void *userdata, const void *data, size_t len);
int store_dump_to(struct store *s, store_sink_t sink, void *userdata, struct cause *why);

/*
 * Fill an empty store from such lines.  The store keeps its own id.  Until all is there it has the
 * key STORE_LOADING, and nobody may work with it (writer_new()); loading again begins anew.
 * Returns 0; -EEXIST when the store is not empty; -EBADMSG with the line in @why, also when the end
 * is missing; other errors as above.  On an error the store is empty again, or @why says that it is
 * not.
 */
#define STORE_LOADING "coco/loading"
int store_load(struct store *s, int fd, struct cause *why);

/*
 * The same from a backup: what was released since is not in it.  From the moment on when the store
 * can be used it has the key STORE_RESTORED, until a person accepts that (broker/store/anchor.h).
 */
#define STORE_RESTORED "coco/restored"
int store_restore(struct store *s, int fd, struct cause *why);

/*
 * What is in it went to another store: nobody may work with it (writer_new()), or what is released
 * once would go out from both.  It can still be copied, and the copy does not have this key.
 */
#define STORE_MOVED "coco/moved"

/*
 * The master key is being replaced: some of what is in it is of the old key, some of the new one.
 * Nobody may work with it (writer_new()), or copy it, before that is done.
 */
#define STORE_REKEYING "coco/rekeying"

/*
 * Open a store by its address: "sqlite:/var/lib/coco-broker/store.sqlite", which is created if it
 * is not there, or "etcd:https://HOST:PORT,https://HOST:PORT".  @options may be NULL.
 * Returns 0 with @ret, which is yours; -EINVAL for an address of another form; -EBUSY when another
 * process has this file open; -EPERM for a file system that has no locks one can rely on, or a file
 * that others can write; -EBADMSG for a file that is damaged or not a store; -EOPNOTSUPP for a
 * store of a newer version; other errors as above.
 */
struct store_options {
	/* etcd */
	const char *authority, *certificate, *key;	/* PEM files; NULL for the system's, none */
	const char *user;				/* NULL: no authentication */
	const char *password_file;
	const char *prefix;				/* before each key; NULL: none */
	uint64_t timeout_usec;				/* of a request; 0: 2 s */
};

int store_open(const char *address, const struct store_options *options, struct store **ret,
	       struct cause *why);
struct store *store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)

/*
 * For the engines.  An engine allocates a struct that begins with a struct store.  Its functions
 * are called with arguments that store.c has checked.
 */
struct store_engine {
	const char *name;	/* of the address: "sqlite" */
	bool local;		/* store_is_local() */
	int (*open)(const char *rest, const struct store_options *options, struct store **ret,
		    struct cause *why);
	void (*close)(struct store *s);
	int (*commit)(struct store *s, const struct store_fence *fence,
		      struct store_member *members, unsigned n, struct cause *why);
	int (*get)(struct store *s, const char *key, struct store_value *ret, struct cause *why);
	int (*walk)(struct store *s, const char *prefix, const char *after, unsigned max,
		    store_each_t each, void *userdata, struct cause *why);
	int (*count)(struct store *s, const char *prefix, uint64_t *ret, struct cause *why);
	int (*look)(struct store *s, struct store_state *ret, struct cause *why);
};

struct store {
	const struct store_engine *engine;
};

extern const struct store_engine store_sqlite, store_etcd;

#endif
