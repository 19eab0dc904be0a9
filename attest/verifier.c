/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verifier.h"

#include <openssl/evp.h>

#include "attest/newest.h"
#include "attest/trust.h"

struct place {
	uint8_t key[MEMO_KEY_LEN];
	struct memo memo;	/* without an object: free */
};

static const unsigned room_max[_MEMO_ROOM_MAX] = {
	[MEMO_AUTHORITIES] = MEMO_AUTHORITIES_MAX,
	[MEMO_DEVICES] = MEMO_DEVICES_MAX,
};

/*
 * Many a verifier is used once and remembers no device: that room's places come with its first.
 * Those of authorities are always there, as who has verified one goes on to use what is remembered.
 */
struct room {
	struct place *places;
	unsigned n;		/* places that have had an object: those before it */
	unsigned oldest;	/* is replaced next */
};

struct verifier {
	struct trust trust;
	const struct newest *newest;	/* may be NULL */
	int64_t saw;			/* the latest verified date of issue for this evidence */
	struct room rooms[_MEMO_ROOM_MAX];
	struct place authorities[MEMO_AUTHORITIES_MAX];
};

int verifier_new(const struct trust *trust, struct verifier **ret)
{
	struct verifier *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return -ENOMEM;
	ctx->saw = INT64_MIN;
	ctx->rooms[MEMO_AUTHORITIES].places = ctx->authorities;
	if (trust)
		ctx->trust = *trust;
	else
		trust_init(&ctx->trust);
	*ret = ctx;
	return 0;
}

static void forget(struct place *p)
{
	if (p->memo.object)
		p->memo.release(p->memo.object);
	*p = (struct place){ .memo = { .object = NULL } };
}

struct verifier *verifier_free(struct verifier *ctx)
{
	if (!ctx)
		return NULL;
	for (unsigned i = 0; i < _MEMO_ROOM_MAX; i++)
		for (unsigned j = 0; j < ctx->rooms[i].n; j++)
			forget(&ctx->rooms[i].places[j]);
	free(ctx->rooms[MEMO_DEVICES].places);
	free(ctx);
	return NULL;
}

const struct trust *verifier_trust(const struct verifier *ctx)
{
	return &ctx->trust;
}

void verifier_set_newest(struct verifier *ctx, const struct newest *n)
{
	ctx->newest = n;
}

const struct newest *verifier_newest(const struct verifier *ctx)
{
	return ctx->newest;
}

void verifier_begin(struct verifier *ctx)
{
	ctx->saw = INT64_MIN;
}

void verifier_saw(struct verifier *ctx, int64_t issued)
{
	ctx->saw = MAX(ctx->saw, issued);
}

int64_t verifier_latest(const struct verifier *ctx)
{
	return ctx->saw;
}

static const char *entry_text(const struct newest_entry *e, struct verdict *v)
{
	char number[NEWEST_NUMBER_TEXT_LEN];

	newest_number_text(e, number);
	return verdict_text(v, "number %s%s of %s", strlen(number) > 1 ? "0x" : "", number,
			    verdict_time(v, e->issued));
}

int verifier_check_newest(struct verifier *ctx, const struct newest_entry *e, const char *name,
			  struct verdict *v)
{
	const struct newest_entry *seen = ctx->newest ? newest_find(ctx->newest, e) : NULL;

	if (!seen || !newest_is_older(e, seen))
		return 0;
	return verdict_fail(v, VERDICT_UNDECIDED, "OLDER", name,
			    verdict_text(v, "not older than what was verified before, %s",
					 entry_text(seen, v)),
			    entry_text(e, v));
}

int memo_key(const char *kind, const struct bytes *pieces, size_t n,
	     uint8_t ret[static MEMO_KEY_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(md, kind, strlen(kind) + 1);

	for (size_t i = 0; good && i < n; i++) {
		uint64_t len = pieces[i].len;

		good = EVP_DigestUpdate(md, &len, sizeof(len)) &&
		       EVP_DigestUpdate(md, pieces[i].p, pieces[i].len);
	}
	good = good && EVP_DigestFinal_ex(md, ret, NULL);
	EVP_MD_CTX_free(md);
	return good ? 0 : -ENOMEM;
}

void *verifier_recall(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], int64_t now)
{
	for (unsigned i = 0; i < _MEMO_ROOM_MAX; i++)
		for (unsigned j = 0; j < ctx->rooms[i].n; j++) {
			const struct place *p = &ctx->rooms[i].places[j];

			if (memcmp(p->key, key, MEMO_KEY_LEN) == 0 && now >= p->memo.not_before &&
			    now <= p->memo.not_after)
				return p->memo.object;
		}
	return NULL;
}

void verifier_remember(struct verifier *ctx, enum memo_room room,
		       const uint8_t key[static MEMO_KEY_LEN], const struct memo *m)
{
	struct room *r = &ctx->rooms[room];
	struct place *p;

	if (!r->places)
		r->places = calloc(room_max[room], sizeof(*r->places));
	if (!r->places) {
		m->release(m->object);
		return;
	}
	p = &r->places[r->oldest];
	forget(p);
	memcpy(p->key, key, MEMO_KEY_LEN);
	p->memo = *m;
	r->n = MAX(r->n, r->oldest + 1);
	r->oldest = (r->oldest + 1) % room_max[room];
}
