/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verifier.h"

#include <openssl/evp.h>

#include "attest/newest.h"
#include "attest/trust.h"

struct memo {
	uint8_t key[MEMO_KEY_LEN];
	int64_t not_before, not_after;
	void *object;
	void (*release)(void *object);
};

struct verifier {
	struct trust trust;
	const struct newest *newest;	/* may be NULL */
	int64_t saw;			/* the latest verified date of issue for this evidence */
	struct memo memos[MEMO_MAX];
	unsigned next;	/* the oldest memo, which is replaced next */
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

static void forget(struct memo *m)
{
	if (m->object)
		m->release(m->object);
	*m = (struct memo){ 0 };
}

struct verifier *verifier_free(struct verifier *ctx)
{
	if (ctx)
		for (unsigned i = 0; i < MEMO_MAX; i++)
			forget(&ctx->memos[i]);
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
	for (unsigned i = 0; i < MEMO_MAX; i++) {
		struct memo *m = &ctx->memos[i];

		if (m->object && memcmp(m->key, key, MEMO_KEY_LEN) == 0 && now >= m->not_before &&
		    now <= m->not_after)
			return m->object;
	}
	return NULL;
}

void verifier_remember(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], void *object,
		       void (*release)(void *object), int64_t not_before, int64_t not_after)
{
	struct memo *m = &ctx->memos[ctx->next];

	ctx->next = (ctx->next + 1) % MEMO_MAX;
	forget(m);
	memcpy(m->key, key, MEMO_KEY_LEN);
	m->object = object;
	m->release = release;
	m->not_before = not_before;
	m->not_after = not_after;
}
