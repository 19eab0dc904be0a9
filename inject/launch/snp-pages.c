/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/snp-pages.h"

#include "base/io.h"
#include "wire/igvm.h"
#include "wire/ovmf-metadata.h"

#define PAGE_INFO_LEN 0x70
#define STRETCH_PAGES (SNP_STRETCH_LEN / OVMF_PAGE_LEN)

/* Fits into a processor's first cache. */
#define PIECE_PAGES 8

/*
 * LD = SHA-384(LD || contents || u16 length || u8 type || u8 IMI || u8 VMPL3, 2, 1 permissions
 * || u8 || u64 gpa).
 */
int snp_page_add(struct sha *sha, uint8_t ld[static SHA384_LEN], enum snp_page_type type,
		 uint64_t gpa, const uint8_t contents[static SHA384_LEN])
{
	uint8_t info[PAGE_INFO_LEN] = { 0 };

	memcpy(info, ld, SHA384_LEN);
	memcpy(info + SHA384_LEN, contents, SHA384_LEN);
	put_u16le(info + 0x60, PAGE_INFO_LEN);
	info[0x62] = (uint8_t)type;
	put_u32le(info + 0x68, (uint32_t)gpa);
	put_u32le(info + 0x6c, (uint32_t)(gpa >> 32));
	return sha_of(sha, info, sizeof(info), ld);
}

/*
 * The hash of a page's contents needs nothing of the pages before, so that several stretches are
 * hashed at once, each of which takes longer than to hand it out.
 */
struct stretch {
	struct pool_job job;
	struct snp_firmware *of;
	size_t at, n;		/* bytes in front of it, its pages */
	bool hashed;		/* of->lock */
	uint8_t contents[STRETCH_PAGES][SHA384_LEN];
};

struct snp_firmware {
	struct snp_image image;
	struct pool *pool;
	uint64_t gpa;
	struct sha begun;	/* nobody goes on with it, for many copy it at once */

	/*
	 * Whoever has hashed the stretch that is next takes the chain on, so that it is not left
	 * for the end, when all processors but one would wait for it.
	 */
	pthread_mutex_t lock;
	bool busy;		/* somebody is at it, and what follows is only his */
	size_t next;
	struct sha sha;
	uint8_t ld[SHA384_LEN];

	size_t n;
	struct stretch stretches[];
};

static int add_stretch(struct snp_firmware *f, const struct stretch *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = snp_page_add(&f->sha, f->ld, SNP_PAGE_NORMAL,
				 f->gpa + s->at + i * OVMF_PAGE_LEN, s->contents[i]);
	return r;
}

/* @s is hashed.  After an error the chain stays where it is. */
static int go_on(struct snp_firmware *f, struct stretch *s)
{
	int r = 0;

	(void) pthread_mutex_lock(&f->lock);
	s->hashed = true;
	while (r == 0 && !f->busy && f->next < f->n && f->stretches[f->next].hashed) {
		f->busy = true;
		(void) pthread_mutex_unlock(&f->lock);
		r = add_stretch(f, &f->stretches[f->next]);
		(void) pthread_mutex_lock(&f->lock);
		f->busy = r < 0;
		f->next++;
	}
	(void) pthread_mutex_unlock(&f->lock);
	return r;
}

/* A file that others cut off or replace meanwhile is an error, and not the digest of a part. */
static int read_piece(const struct snp_image *image, size_t at, uint8_t *ret, size_t len)
{
	ssize_t n = pread_full(image->fd, ret, len, (off_t)at);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len || (at == 0 && igvm_is(ret, len)))
		return -ESTALE;
	return 0;
}

static int hash_pages(struct sha *sha, const uint8_t *pages, size_t n, uint8_t (*ret)[SHA384_LEN])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sha_of(sha, pages + i * OVMF_PAGE_LEN, OVMF_PAGE_LEN, ret[i]);
	return r;
}

static int hash_from_file(struct sha *sha, struct stretch *s)
{
	_cleanup_(freep) uint8_t *piece = malloc(PIECE_PAGES * OVMF_PAGE_LEN);
	size_t n;
	int r = 0;

	if (!piece)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < s->n; i += n) {
		n = MIN(s->n - i, (size_t)PIECE_PAGES);
		r = read_piece(&s->of->image, s->at + i * OVMF_PAGE_LEN, piece, n * OVMF_PAGE_LEN);
		if (r == 0)
			r = hash_pages(sha, piece, n, s->contents + i);
	}
	return r;
}

static int hash_stretch(void *data)
{
	struct stretch *s = data;
	const struct snp_image *image = &s->of->image;
	_cleanup_(sha_done) struct sha sha = { NULL };
	int r;

	r = sha_copy(&s->of->begun, &sha);
	if (r < 0)
		return r;
	r = s->at < image->before ? hash_from_file(&sha, s) :
				    hash_pages(&sha, image->end.p + (s->at - image->before), s->n,
					       s->contents);
	return r < 0 ? r : go_on(s->of, s);
}

static void add_jobs(struct snp_firmware *f, size_t len)
{
	for (size_t i = 0; i < f->n; i++) {
		struct stretch *s = &f->stretches[i];

		s->job = (struct pool_job){ .run = hash_stretch, .data = s };
		s->of = f;
		s->at = i * SNP_STRETCH_LEN;
		s->n = MIN(len - s->at, (size_t)SNP_STRETCH_LEN) / OVMF_PAGE_LEN;
		pool_add(f->pool, &s->job);
	}
}

int snp_firmware_begin(const struct snp_image *image, const struct sha *sha, struct pool *pool,
		       struct snp_firmware **ret)
{
	const size_t len = image->before + image->end.len;
	const size_t n = (len + SNP_STRETCH_LEN - 1) / SNP_STRETCH_LEN;
	_cleanup_(snp_firmware_freep) struct snp_firmware *f = NULL;
	int r;

	assert(image->before % SNP_STRETCH_LEN == 0);
	assert(len > 0 && len % OVMF_PAGE_LEN == 0 && len <= UINT32_MAX);
	f = calloc(1, sizeof(*f) + n * sizeof(f->stretches[0]));
	if (!f)
		return -ENOMEM;
	f->image = *image;
	f->pool = pool;
	f->gpa = (UINT64_C(1) << 32) - len;
	f->n = n;
	(void) pthread_mutex_init(&f->lock, NULL);
	r = sha_copy(sha, &f->begun);
	if (r == 0)
		r = sha_copy(sha, &f->sha);
	if (r < 0)
		return r;
	add_jobs(f, len);
	*ret = TAKE_PTR(f);
	return 0;
}

int snp_firmware_end(struct snp_firmware *f, uint8_t ret[static SHA384_LEN])
{
	int r = 0;

	/* All of them, even after an error: they are on the pool. */
	for (size_t i = 0; i < f->n; i++) {
		int hashed = pool_wait(f->pool, &f->stretches[i].job);

		if (r == 0)
			r = hashed;
	}
	if (r == 0)
		memcpy(ret, f->ld, SHA384_LEN);
	return r;
}

struct snp_firmware *snp_firmware_free(struct snp_firmware *f)
{
	if (!f)
		return NULL;
	(void) pthread_mutex_destroy(&f->lock);
	sha_done(&f->sha);
	sha_done(&f->begun);
	free(f);
	return NULL;
}
