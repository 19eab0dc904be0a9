/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/tpm-quote.h"

/* TPM_GENERATED_VALUE: a TPM signs no data from outside that begins like this. */
#define MAGIC_GENERATED 0xff544347
#define ST_ATTEST_QUOTE 0x8018
#define ALG_RSASSA 0x0014
#define N_SELECTIONS 16			/* the most banks that a TPM can have */
#define SELECT_MAX 4			/* bytes: PCR 0 to 31 */

static int problem(const char **ret, int error, const char *text)
{
	*ret = text;
	return error;
}

static int take_u16(struct bytes *b, uint16_t *ret)
{
	struct bytes part;
	int r = bytes_take(b, 2, &part);

	if (r == 0)
		*ret = get_u16be(part.p);
	return r;
}

static int take_u32(struct bytes *b, uint32_t *ret)
{
	struct bytes part;
	int r = bytes_take(b, 4, &part);

	if (r == 0)
		*ret = get_u32be(part.p);
	return r;
}

static int take_u64(struct bytes *b, uint64_t *ret)
{
	struct bytes part;
	int r = bytes_take(b, 8, &part);

	if (r == 0)
		*ret = get_u64be(part.p);
	return r;
}

/* The specification calls this a TPM2B. */
static int take_sized(struct bytes *b, struct bytes *ret)
{
	uint16_t len;

	if (take_u16(b, &len) < 0)
		return -EBADMSG;
	return bytes_take(b, len, ret);
}

static int parse_clock(struct bytes *b, struct tpm_quote *q)
{
	if (take_u64(b, &q->clock) < 0 || take_u32(b, &q->n_resets) < 0 ||
	    take_u32(b, &q->n_restarts) < 0 || b->len < 1)
		return -EBADMSG;
	q->safe = b->p[0];
	(void) bytes_skip(b, 1);
	return take_u64(b, &q->firmware);
}

/* A bank without selected PCRs does not count.  A bit for a PCR that no TPM has is a lie. */
static int parse_selection(struct bytes *b, struct tpm_quote *q)
{
	struct bytes bitmap;
	uint32_t pcrs = 0;
	uint16_t hash;
	size_t len;

	if (take_u16(b, &hash) < 0 || b->len < 1)
		return -EBADMSG;
	len = b->p[0];
	(void) bytes_skip(b, 1);
	if (len > SELECT_MAX || bytes_take(b, len, &bitmap) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		pcrs |= (uint32_t)bitmap.p[i] << 8 * i;
	if (pcrs >> TPM_PCRS)
		return -EBADMSG;
	if (pcrs) {
		q->n_banks++;
		q->hash = hash;
		q->pcrs = pcrs;
	}
	return 0;
}

static int parse_quote_info(struct bytes *b, struct tpm_quote *q, const char **ret_problem)
{
	uint32_t n;

	if (take_u32(b, &n) < 0 || n > N_SELECTIONS)
		return problem(ret_problem, -EBADMSG, "it has more banks of PCRs than a TPM");
	while (n-- > 0)
		if (parse_selection(b, q) < 0)
			return problem(ret_problem, -EBADMSG, "its selection of PCRs is malformed");
	if (take_sized(b, &q->digest) < 0)
		return problem(ret_problem, -EBADMSG, "it ends inside the digest of the PCRs");
	if (b->len > 0)
		return problem(ret_problem, -EBADMSG,
			       "there are bytes after the digest of the PCRs");
	return 0;
}

int tpm_quote_parse(const uint8_t *data, size_t len, struct tpm_quote *ret,
		    const char **ret_problem)
{
	struct bytes b = { data, len };
	struct tpm_quote q = { 0 };
	uint32_t magic;
	uint16_t type;
	int r;

	if (len > TPM_QUOTE_MAX)
		return problem(ret_problem, -EMSGSIZE, "it is longer than 1 KiB");
	if (take_u32(&b, &magic) < 0 || take_u16(&b, &type) < 0)
		return problem(ret_problem, -EBADMSG, "it is shorter than a TPM's attestation");
	if (magic != MAGIC_GENERATED)
		return problem(ret_problem, -ENOMSG,
			       "it was not made by a TPM: it does not begin with ff544347");
	if (type != ST_ATTEST_QUOTE)
		return problem(ret_problem, -ENOMSG, "it attests something else than PCRs");
	if (take_sized(&b, &q.signer) < 0 || take_sized(&b, &q.extra) < 0 ||
	    parse_clock(&b, &q) < 0)
		return problem(ret_problem, -EBADMSG, "it ends before its PCRs");
	r = parse_quote_info(&b, &q, ret_problem);
	if (r < 0)
		return r;
	*ret = q;
	return 0;
}

int tpm_signature_rsassa(const uint8_t *data, size_t len, size_t key_len, struct bytes *ret)
{
	struct bytes b = { data, len }, signature;
	uint16_t scheme, hash;

	if (len == key_len && len > 0) {
		*ret = b;
		return 0;
	}
	if (take_u16(&b, &scheme) < 0 || scheme != ALG_RSASSA ||
	    take_u16(&b, &hash) < 0 || hash != TPM_ALG_SHA256_ID ||
	    take_sized(&b, &signature) < 0 || signature.len != key_len || b.len > 0)
		return -EBADMSG;
	*ret = signature;
	return 0;
}
