/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verifier.h"

#include <openssl/evp.h>

#include "attest/newest.h"
#include "attest/trust.h"

struct place {
	uint8_t key[MEMO_KEY_LEN];
	struct memo memo;	/* without an object: free */
};

#define PLACES (MEMO_AUTHORITIES_MAX + MEMO_DEVICES_MAX)

static const struct {
	unsigned first, n;	/* of the places */
} rooms[_MEMO_ROOM_MAX] = {
	[MEMO_AUTHORITIES] = { 0, MEMO_AUTHORITIES_MAX },
	[MEMO_DEVICES] = { MEMO_AUTHORITIES_MAX, MEMO_DEVICES_MAX },
};

struct verifier {
	struct trust trust;
	const struct newest *newest;	/* may be NULL */
	int64_t saw;			/* the latest verified date of issue for this evidence */
	struct place places[PLACES];
	unsigned oldest[_MEMO_ROOM_MAX];	/* of each room, which is replaced next */
};

int verifier_new(const struct trust *trust, struct verifier **ret)
{
	struct verifier *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return -ENOMEM;
	ctx->saw = INT64_MIN;
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
	if (ctx)
		for (unsigned i = 0; i < PLACES; i++)
			forget(&ctx->places[i]);
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
	for (unsigned i = 0; i < PLACES; i++) {
		const struct memo *m = &ctx->places[i].memo;

		if (m->object && memcmp(ctx->places[i].key, key, MEMO_KEY_LEN) == 0 &&
		    now >= m->not_before && now <= m->not_after)
			return m->object;
	}
	return NULL;
}

void verifier_remember(struct verifier *ctx, enum memo_room room,
		       const uint8_t key[static MEMO_KEY_LEN], const struct memo *m)
{
	struct place *p = &ctx->places[rooms[room].first + ctx->oldest[room]];

	ctx->oldest[room] = (ctx->oldest[room] + 1) % rooms[room].n;
	forget(p);
	memcpy(p->key, key, MEMO_KEY_LEN);
	p->memo = *m;
}
