/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "broker/coco-broker.h"
#include "broker/offline.h"
#include "crypto/cleanup.h"

/*
 * From one store to another one, while no broker writes to either.  A copy of a store is the same
 * text for each engine, in the order of the keys: so what arrived is compared with what was read,
 * and what was read with what is there at the end.
 */
#define DIGEST_LEN 32

static const struct option_row options[] = {
	{ "to", "ADDRESS", "an empty store: sqlite:FILE or etcd:https://HOST:PORT,...",
	  OPTION_STRING(keep.to), .required = true },
	{ "authority", "FILE", "of an etcd, as in [Store]", OPTION_PATH(keep.authority),
	  .also = "cacert ca" },
	{ "certificate", "FILE", "of an etcd, as in [Store]", OPTION_PATH(keep.certificate),
	  .needs = "key" },
	{ "key", "FILE", "of an etcd, as in [Store]", OPTION_PATH(keep.key),
	  .needs = "certificate" },
	{ "user", "NAME", "of an etcd, as in [Store]", OPTION_STRING(keep.user),
	  .needs = "password-file" },
	{ "password-file", "FILE", "of an etcd, as in [Store]", OPTION_PATH(keep.password_file),
	  .needs = "user" },
	{ "prefix", "TEXT", "of an etcd, as in [Store]", OPTION_STRING(keep.prefix) },
	{ NULL },
};

struct sink {
	int fd;			/* -EBADF: only the digest */
	EVP_MD_CTX *digest;
	struct cause *why;
};

static int take(void *userdata, const void *data, size_t len)
{
	struct sink *s = userdata;
	int r = s->fd >= 0 ? write_full(s->fd, data, len) : 0;

	if (r < 0)
		return cause_set_io(s->why, r, "There is no room for a copy of the store: %s",
				    strerror(-r));
	return EVP_DigestUpdate(s->digest, data, len) == 1 ? 0 : cause_set_oom(s->why);
}

/* The digest of all that @store has but what ends by itself. */
static int digest_store(struct store *store, int fd, uint8_t ret[static DIGEST_LEN],
			struct cause *why)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	struct sink s = { fd, digest, why };
	int r;

	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		return cause_set_oom(why);
	r = store_dump_to(store, take, &s, why);
	if (r == 0 && EVP_DigestFinal_ex(digest, ret, NULL) != 1)
		return cause_set_oom(why);
	return r;
}

/*
 * The old store is closed before the new one can be used, so that there is no moment at which both
 * can, whenever this is killed; it is for running it again then.  It is opened again only when the
 * new one is known to be unusable.
 */
static int load_moved(struct store *from, struct store *to, int fd, struct cause *why)
{
	struct cause ignored;
	bool was;
	int r = store_mark(from, STORE_MOVED, true, &was, why);

	if (r < 0)
		return r;
	r = store_load(to, fd, why);
	if (r < 0 && r != -EAGAIN && !was)
		(void) store_mark(from, STORE_MOVED, false, NULL, &ignored);
	return r;
}

static int copy_store(struct store *from, struct store *to, struct cause *why)
{
	uint8_t before[DIGEST_LEN], arrived[DIGEST_LEN], after[DIGEST_LEN];
	_cleanup_(closep) int fd = -EBADF;
	int r = offline_scratch(&fd, why);

	if (r == 0)
		r = digest_store(from, fd, before, why);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = cause_set(why, -errno, "The copy cannot be read: %s", strerror(errno));
	if (r == 0)
		r = load_moved(from, to, fd, why);
	if (r == 0)
		r = digest_store(to, -EBADF, arrived, why);
	if (r == 0)
		r = digest_store(from, -EBADF, after, why);
	if (r < 0)
		return r;
	if (memcmp(before, arrived, DIGEST_LEN) != 0)
		return cause_set(why, -EBADMSG, "The new store does not have what the old one has: "
						"empty it, and do not use it");
	if (memcmp(before, after, DIGEST_LEN) != 0)
		return cause_set(why, -EBUSY, "Somebody wrote to the old store meanwhile: stop all "
					      "brokers, empty the new store, and begin again");
	return 0;
}

static int migrate(const struct args *args, struct cause *why)
{
	const struct store_options how = {
		.authority = args->keep.authority,
		.certificate = args->keep.certificate,
		.key = args->keep.key,
		.user = args->keep.user,
		.password_file = args->keep.password_file,
		.prefix = args->keep.prefix,
	};
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(store_closep) struct store *to = NULL;
	int r;

	r = offline_read(args, &o, why);
	if (r == 0)
		r = offline_store(&o, why);
	if (r == 0)
		r = store_open(args->keep.to, &how, &to, why);
	return r == 0 ? copy_store(o.store, to, why) : r;
}

static int run(struct args *args)
{
	struct cause why = { "" };

	if (migrate(args, &why) < 0) {
		log_error("%s", why.text);
		return STATUS_FAILED;
	}
	print("All is in %s.  Name it in [Store] of the settings, start the broker, and say "
	      "'coco-broker accept-restore'.\nThe old store is closed: nothing is released "
	      "from it again.\n",
	      args->keep.to);
	return STATUS_GOOD;
}

const struct verb verb_migrate = {
	.name = "migrate",
	.help = "Copy the store to another one, while no broker runs",
	.example = "--to=sqlite:/srv/coco-broker/store.db",
	.options = options,
	.run = run,
};
