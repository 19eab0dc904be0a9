/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/tdx-quote.h"

#include <string.h>

#define KEY_ECDSA_P256 2
#define CERT_PCK_CHAIN 5
#define CERT_QE_REPORT 6
#define SIGNATURE_LEN 64
#define KEY_LEN 64

static const uint8_t intel_qe[16] = {
	0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
	0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
};

/* The kinds of body in version 5.  Version 4 always has BODY_TD10. */
enum { BODY_SGX = 1, BODY_TD10 = 2, BODY_TD15 = 3, BODY_TD15_MORE = 4 };

static int problem(const char **ret, int error, const char *text)
{
	*ret = text;
	return error;
}

/*
 * Take the next @n bytes, for the caller to read through a structure of bytes; NULL when there
 * are fewer.
 */
static const void *take(struct bytes *b, size_t n)
{
	struct bytes part;

	return bytes_take(b, n, &part) < 0 ? NULL : part.p;
}

static int parse_header(struct bytes *b, struct tdx_quote *q, const char **ret_problem)
{
	const struct tdx_quote_header *h = take(b, sizeof(*h));

	if (!h)
		return problem(ret_problem, -EBADMSG, "it is shorter than a quote's header");
	q->header = h;
	q->version = get_u16le(h->version);
	if (q->version == 3)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its version is 3, which only SGX enclaves "
			       "have: it is not a quote of a TD");
	if (q->version != 4 && q->version != 5)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its version is neither 4 nor 5, so it is not a quote of a TD");
	if (get_u16le(h->key_type) != KEY_ECDSA_P256)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its attestation key is not of the type ECDSA P-256");
	if (get_u32le(h->tee_type) == QUOTE_TEE_SGX)
		return problem(ret_problem, -EOPNOTSUPP,
			       "it is the quote of an SGX enclave, not of a TD");
	if (get_u32le(h->tee_type) != QUOTE_TEE_TDX)
		return problem(ret_problem, -EOPNOTSUPP, "it is the quote of another kind of TEE");
	if (memcmp(h->qe_vendor_id, intel_qe, sizeof(intel_qe)) != 0)
		return problem(ret_problem, -EOPNOTSUPP, "its quoting enclave is not Intel's");
	return 0;
}

static size_t body_len(uint16_t kind)
{
	switch (kind) {
	case BODY_TD10:
		return sizeof(struct td_body);
	case BODY_TD15:
		return sizeof(struct td_body15);
	case BODY_TD15_MORE:
		return TD_BODY15_MORE_LEN;
	default:
		return 0;
	}
}

static int parse_body(struct bytes *b, struct tdx_quote *q, const char **ret_problem)
{
	uint16_t kind = BODY_TD10;
	uint32_t len = sizeof(struct td_body);

	if (q->version == 5 && (bytes_u16le(b, &kind) < 0 || bytes_u32le(b, &len) < 0))
		return problem(ret_problem, -EBADMSG, "it ends before its body");
	if (kind == BODY_SGX)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its body is that of an SGX enclave, not of a TD");
	if (body_len(kind) == 0)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its body is neither that of TD 1.0 nor that of TD 1.5");
	if (len != body_len(kind))
		return problem(ret_problem, -EBADMSG,
			       "the length of its body is not that of its kind");
	q->body = take(b, len);
	if (!q->body)
		return problem(ret_problem, -EBADMSG, "it ends inside its body");
	if (kind != BODY_TD10)
		q->body15 = (const struct td_body15 *)q->body;
	q->has_more = kind == BODY_TD15_MORE;
	return 0;
}

/* u16 type, u32 length, then exactly the rest of @b. */
static int enter_certification(struct bytes *b, uint16_t type, const char **ret_problem)
{
	uint16_t found;
	uint32_t len;

	if (bytes_u16le(b, &found) < 0 || bytes_u32le(b, &len) < 0)
		return problem(ret_problem, -EBADMSG, "it ends before its certification data");
	if (found != type)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its certification data are not a QE report "
			       "with a PCK certificate chain");
	if (len != b->len)
		return problem(ret_problem, -EBADMSG,
			       "the length of its certification data is not what is left for them");
	return 0;
}

static int parse_auth(struct bytes *b, struct tdx_quote *q, const char **ret_problem)
{
	uint16_t n;
	int r;

	q->signature = take(b, SIGNATURE_LEN);
	q->key = take(b, KEY_LEN);
	if (!q->signature || !q->key)
		return problem(ret_problem, -EBADMSG,
			       "its authentication data end before the attestation key");
	r = enter_certification(b, CERT_QE_REPORT, ret_problem);
	if (r < 0)
		return r;
	q->qe_report = take(b, sizeof(*q->qe_report));
	q->qe_signature = take(b, SIGNATURE_LEN);
	if (!q->qe_report || !q->qe_signature)
		return problem(ret_problem, -EBADMSG,
			       "it ends inside the report of its quoting enclave");
	if (bytes_u16le(b, &n) < 0 || bytes_take(b, n, &q->qe_auth) < 0)
		return problem(ret_problem, -EBADMSG,
			       "its QE authentication data run past what they lie in");
	r = enter_certification(b, CERT_PCK_CHAIN, ret_problem);
	if (r < 0)
		return r;
	q->pck_chain = *b;
	return 0;
}

int tdx_quote_parse(const uint8_t *data, size_t len, struct tdx_quote *ret,
		    const char **ret_problem)
{
	struct bytes b = { data, len }, auth;
	struct tdx_quote q = { 0 };
	uint32_t auth_len;
	int r;

	if (len > TDX_QUOTE_MAX)
		return problem(ret_problem, -EMSGSIZE, "it is longer than 128 KiB");
	r = parse_header(&b, &q, ret_problem);
	if (r < 0)
		return r;
	r = parse_body(&b, &q, ret_problem);
	if (r < 0)
		return r;
	q.signed_part.p = data;
	q.signed_part.len = (size_t)(b.p - data);

	if (bytes_u32le(&b, &auth_len) < 0 || bytes_take(&b, auth_len, &auth) < 0)
		return problem(ret_problem, -EBADMSG, "its authentication data run past its end");
	q.n_trailing = b.len;
	r = parse_auth(&auth, &q, ret_problem);
	if (r < 0)
		return r;
	*ret = q;
	return 0;
}
