/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/chain.h"

#include <openssl/evp.h>

#include "base/base64.h"
#include "inject/sev/sev-key.h"

/* Of a file with all certificates, binary. */
#define MAX_LEN (4 * SEV_CERT_LEN + 2 * AMD_CERT_MAX_LEN)
#define BIT(cert) (1u << CHAIN_##cert)

const char *const chain_names[_CHAIN_MAX] = {
	[CHAIN_ARK] = "ark", [CHAIN_ASK] = "ask", [CHAIN_CEK] = "cek",
	[CHAIN_OCA] = "oca", [CHAIN_PEK] = "pek", [CHAIN_PDH] = "pdh",
};

static const uint32_t usages[_CHAIN_MAX] = {
	[CHAIN_ARK] = SEV_USAGE_ARK, [CHAIN_ASK] = SEV_USAGE_ASK, [CHAIN_CEK] = SEV_USAGE_CEK,
	[CHAIN_OCA] = SEV_USAGE_OCA, [CHAIN_PEK] = SEV_USAGE_PEK, [CHAIN_PDH] = SEV_USAGE_PDH,
};

/*
 * AMD's root keys.  The pin is the SHA-256 over exponent and modulus as they stand in the ARK
 * of AMD's ask_ark_NAME.cert, that is what
 *
 *	tail -c +65 ark.cert | head -c 1024 | sha256sum
 *
 * prints (512 for Naples, whose numbers are half as long).  The id of a key is no pin: anybody
 * can write it into a certificate of their own.
 */
static const struct root {
	const char *product;
	uint8_t key_sha256[32];
} roots[] = {
	{ "Naples",
	  { 0xfb, 0x61, 0xbb, 0x1b, 0xf3, 0xb3, 0x99, 0xdf,
	    0xb7, 0xc8, 0x11, 0x39, 0x0c, 0x25, 0x84, 0x5d,
	    0x74, 0x36, 0x9a, 0xae, 0x5f, 0x2a, 0x77, 0xe2,
	    0x57, 0x10, 0xc8, 0x6c, 0xc2, 0xec, 0xb1, 0x58 } },
	{ "Rome",
	  { 0x22, 0x7c, 0xc9, 0x76, 0x40, 0x36, 0x34, 0x24,
	    0x69, 0x6c, 0x3e, 0x80, 0xd4, 0xd1, 0x79, 0x02,
	    0xa5, 0xe1, 0x78, 0x4c, 0xc5, 0x80, 0x5a, 0x9e,
	    0xb5, 0xac, 0xc0, 0x06, 0x20, 0x66, 0x1a, 0x71 } },
	{ "Milan",
	  { 0x52, 0x01, 0x49, 0x6b, 0x22, 0x32, 0xd8, 0x1c,
	    0xf2, 0xae, 0x75, 0xb8, 0x67, 0xe7, 0xb8, 0x51,
	    0x6f, 0x81, 0xa3, 0xd4, 0xd0, 0xdc, 0x87, 0x61,
	    0x38, 0x05, 0x19, 0x27, 0xa5, 0xa2, 0x0b, 0xab } },
	{ "Genoa",
	  { 0x6b, 0xe9, 0xaa, 0x11, 0xd1, 0xb8, 0xc2, 0x46,
	    0xba, 0x0e, 0x67, 0xc8, 0xcb, 0x85, 0x0f, 0x24,
	    0x9e, 0x8f, 0xa0, 0x69, 0x0a, 0xdc, 0xba, 0x97,
	    0x18, 0x9f, 0x22, 0x38, 0x85, 0xe6, 0xa9, 0x1b } },
	{ "Turin",
	  { 0x1d, 0x12, 0x45, 0xf7, 0x74, 0xfd, 0x71, 0x90,
	    0xe5, 0x38, 0x07, 0x51, 0xa9, 0x33, 0x8c, 0x3d,
	    0xc6, 0x3c, 0x89, 0xd7, 0x5c, 0x44, 0xc1, 0xfa,
	    0xa3, 0x17, 0xbf, 0xff, 0xe4, 0xbd, 0x00, 0xc7 } },
};

/*
 * The ARK of Naples is published without its signature, 576 bytes, and will stay so.  This is
 * the SHA-256 of that file: no other certificate may lack its signature.
 */
static const uint8_t unsigned_ark_sha256[32] = {
	0x8e, 0xfd, 0xdc, 0xaa, 0xf8, 0x49, 0x90, 0xcf,
	0x63, 0x54, 0xd9, 0x36, 0x37, 0xbe, 0x27, 0x02,
	0x20, 0xcf, 0x15, 0x79, 0x73, 0x32, 0xb3, 0xd9,
	0x18, 0xc3, 0xb8, 0xcc, 0x77, 0x34, 0x9f, 0x31,
};

static int sha256(const uint8_t *p, size_t len, uint8_t ret[static 32])
{
	return EVP_Digest(p, len, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

static bool sha256_is(const uint8_t *p, size_t len, const uint8_t want[static 32])
{
	uint8_t got[32];

	return sha256(p, len, got) == 0 && memcmp(got, want, sizeof(got)) == 0;
}

const char *amd_cert_product(const struct amd_cert *ark)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (sha256_is(ark->exponent, 2 * ark->n, roots[i].key_sha256))
			return roots[i].product;
	return NULL;
}

static int parse_one_amd(const uint8_t *p, size_t len, struct amd_cert *ret)
{
	struct bytes b = { p, len };
	int r = amd_cert_next(&b, ret);

	return r == 1 && b.len == 0 ? 0 : -EBADMSG;
}

int chain_fingerprint(const uint8_t *cert, size_t len, uint8_t ret[static CHAIN_FINGERPRINT_LEN])
{
	struct amd_cert amd;

	if (len == SEV_CERT_LEN)
		return sha256(cert + SEV_CERT_KEY_OFFSET, SEV_CERT_KEY_LEN, ret);
	if (parse_one_amd(cert, len, &amd) < 0)
		return -EBADMSG;
	return sha256(amd.exponent, 2 * amd.n, ret);
}

/* ---- what is in a file ---- */

bool chain_cek_is_signed(const uint8_t *cert)
{
	struct sev_cert c;

	if (sev_cert_parse(cert, SEV_CERT_LEN, &c) < 0)
		return false;
	for (size_t i = 0; i < SEV_CERT_SLOTS; i++)
		if (c.signatures[i].usage == SEV_USAGE_ASK)
			return true;
	return false;
}

static void put(struct chain *c, enum chain_cert which, const uint8_t *p, size_t len)
{
	memcpy(c->certs[which].bytes, p, len);
	c->certs[which].len = len;
}

/*
 * The platform's own CEK and AMD's signed one stand for each other; @p and what is there
 * already are not the same.
 */
static int add_other_cek(struct chain *c, const uint8_t *p)
{
	const uint8_t *there = c->certs[CHAIN_CEK].bytes;
	bool is_signed = chain_cek_is_signed(p);

	if (is_signed == chain_cek_is_signed(there))
		return -EEXIST;
	memcpy(c->exported_cek, is_signed ? there : p, SEV_CERT_LEN);
	c->has_exported_cek = true;
	if (is_signed)
		put(c, CHAIN_CEK, p, SEV_CERT_LEN);
	return 0;
}

static int add_one(struct chain *c, enum chain_cert which, const uint8_t *p, size_t len,
		   enum chain_cert *ret_cert)
{
	size_t there = c->certs[which].len;

	if (ret_cert)
		*ret_cert = which;
	if (there == 0) {
		put(c, which, p, len);
		return 0;
	}
	if (there == len && memcmp(c->certs[which].bytes, p, len) == 0)
		return 0;
	if (which == CHAIN_CEK && there == len) {
		if (c->has_exported_cek && memcmp(c->exported_cek, p, len) == 0)
			return 0;
		return add_other_cek(c, p);
	}
	/* One with its signature and one without are the same otherwise. */
	if (which == CHAIN_ARK && there != len &&
	    memcmp(c->certs[which].bytes, p, MIN(there, len)) == 0) {
		if (len > there)
			put(c, which, p, len);
		return 0;
	}
	return -EEXIST;
}

static int add_sev(struct chain *c, struct bytes *b, const enum chain_cert *which, size_t n,
		   enum chain_cert *ret_cert)
{
	for (size_t i = 0; i < n; i++) {
		struct bytes one;
		int r = bytes_take(b, SEV_CERT_LEN, &one);

		if (r == 0)
			r = add_one(c, which[i], one.p, one.len, ret_cert);
		if (r < 0)
			return r;
	}
	return 0;
}

static enum chain_cert cert_of_usage(uint32_t usage)
{
	for (size_t i = 0; i < _CHAIN_MAX; i++)
		if (usages[i] == usage)
			return (enum chain_cert)i;
	return _CHAIN_MAX;
}

/* A lone SEV certificate: it is what its file's name says, else what it says itself. */
static int add_lone_sev(struct chain *c, struct bytes *b, enum chain_cert hint,
			enum chain_cert *ret_cert)
{
	struct sev_cert cert;

	if (hint == _CHAIN_MAX && sev_cert_parse(b->p, b->len, &cert) == 0)
		hint = cert_of_usage(cert.usage);
	if (hint == _CHAIN_MAX || hint == CHAIN_ARK || hint == CHAIN_ASK)
		return -EBADMSG;
	return add_sev(c, b, &hint, 1, ret_cert);
}

static int add_amd(struct chain *c, struct bytes *b, enum chain_cert hint,
		   enum chain_cert *ret_cert)
{
	enum chain_cert which[2] = { CHAIN_ASK, CHAIN_ARK };
	struct amd_cert certs[2];
	size_t n = 0;
	int r;

	while (n < ARRAY_SIZE(certs) && (r = amd_cert_next(b, &certs[n])) != 0) {
		if (r < 0)
			return r;
		n++;
	}
	if (n == 0 || b->len > 0)
		return -EBADMSG;
	if (n == 1)
		which[0] = hint != _CHAIN_MAX ? hint : cert_of_usage(certs[0].usage);
	else if (certs[0].usage == SEV_USAGE_ARK && certs[1].usage == SEV_USAGE_ASK)
		which[0] = CHAIN_ARK, which[1] = CHAIN_ASK;
	if (which[0] != CHAIN_ARK && which[0] != CHAIN_ASK)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		r = add_one(c, which[i], certs[i].bytes, certs[i].len, ret_cert);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_binary(struct chain *c, const uint8_t *data, size_t len, enum chain_cert hint,
		      enum chain_cert *ret_cert)
{
	static const enum chain_cert exported[] = { CHAIN_PDH, CHAIN_PEK, CHAIN_OCA, CHAIN_CEK };
	struct bytes b = { data, len };
	int r;

	if (len == SEV_CERT_LEN)
		return add_lone_sev(c, &b, hint, ret_cert);
	if (len == 3 * SEV_CERT_LEN)
		return add_sev(c, &b, exported + 1, 3, ret_cert);
	if (len < 4 * SEV_CERT_LEN)
		return add_amd(c, &b, hint, ret_cert);
	r = add_sev(c, &b, exported, 4, ret_cert);
	if (r < 0 || b.len == 0)
		return r;
	return add_amd(c, &b, _CHAIN_MAX, ret_cert);
}

/* All begin with their version, 1, which no text does. */
static int to_binary(const uint8_t *data, size_t len, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *binary = malloc(MAX_LEN);
	_cleanup_(freep) char *text = NULL;
	ssize_t n;

	if (!binary)
		return -ENOMEM;
	if (len == 0)
		return -EBADMSG;
	if (data[0] == 1) {
		if (len > MAX_LEN)
			return -EBADMSG;
		memcpy(binary, data, len);
		n = (ssize_t)len;
	} else {
		if (len > CHAIN_FILE_MAX || memchr(data, '\0', len))
			return -EBADMSG;
		text = malloc(len + 1);
		if (!text)
			return -ENOMEM;
		memcpy(text, data, len);
		text[len] = '\0';
		n = base64_decode(text, binary, MAX_LEN);
		if (n <= 0)
			return -EBADMSG;
	}
	*ret = TAKE_PTR(binary);
	*ret_len = (size_t)n;
	return 0;
}

int chain_add(struct chain *c, const uint8_t *data, size_t len, enum chain_cert hint,
	      enum chain_cert *ret_cert)
{
	_cleanup_(freep) uint8_t *binary = NULL;
	size_t n;
	int r;

	r = to_binary(data, len, &binary, &n);
	return r < 0 ? r : add_binary(c, binary, n, hint, ret_cert);
}

/*
 * The bytes of a file that must have the certificate for @place, whatever else it has, as a
 * chain of their own.
 */
static int read_with(const uint8_t *data, size_t len, enum chain_cert place, struct chain **ret)
{
	_cleanup_(freep) struct chain *one = calloc(1, sizeof(*one));
	int r;

	if (!one)
		return -ENOMEM;
	r = chain_add(one, data, len, _CHAIN_MAX, NULL);
	if (r < 0)
		return r;
	if (one->certs[place].len == 0)
		return -EBADMSG;
	*ret = TAKE_PTR(one);
	return 0;
}

int chain_set_anchor(struct chain *c, const uint8_t *data, size_t len)
{
	_cleanup_(freep) struct chain *one = NULL;
	int r;

	r = read_with(data, len, CHAIN_ARK, &one);
	if (r < 0)
		return r;
	memcpy(c->anchor, one->certs[CHAIN_ARK].bytes, one->certs[CHAIN_ARK].len);
	c->anchor_len = one->certs[CHAIN_ARK].len;
	return 0;
}

int chain_set_oca(struct chain *c, const uint8_t *data, size_t len)
{
	_cleanup_(freep) struct chain *one = NULL;
	int r;

	r = read_with(data, len, CHAIN_OCA, &one);
	if (r < 0)
		return r;
	memcpy(c->oca, one->certs[CHAIN_OCA].bytes, SEV_CERT_LEN);
	c->oca_given = true;
	return 0;
}

/* ---- the checks ---- */

/* The chain, read. */
struct view {
	const struct chain *chain;
	struct amd_cert amd[CHAIN_ASK + 1];
	struct sev_cert sev[_CHAIN_MAX];
	EVP_PKEY *keys[_CHAIN_MAX];
	struct amd_cert anchor;
	bool has_anchor;
	unsigned there;			/* BIT() of each certificate that is there */
	unsigned sound;			/* and of those whose key and form are good */
};

static void view_done(struct view *v)
{
	for (size_t i = 0; i < _CHAIN_MAX; i++)
		EVP_PKEY_free(v->keys[i]);
}

static bool is_amd(enum chain_cert which)
{
	return which == CHAIN_ARK || which == CHAIN_ASK;
}

/*
 * A row of the table below.  Checks return 0; -EKEYREJECTED when it does not hold, -EBADMSG
 * when the bytes are no certificate, -ENODATA when something is missing, -ECANCELED when there
 * is nothing to check; -ENOMEM and -EIO when OpenSSL cannot work.
 */
struct row {
	struct chain_check check;
	int (*run)(const struct view *v, const struct row *row);
	unsigned needs;		/* sound certificates */
	enum chain_cert by;	/* the signer */
};

static int check_there(const struct view *v, const struct row *row)
{
	return v->there >> row->check.cert & 1 ? 0 : -ENODATA;
}

static int check_format(const struct view *v, const struct row *row)
{
	if (!(v->there >> row->check.cert & 1))
		return -ECANCELED;
	return v->sound >> row->check.cert & 1 ? 0 : -EBADMSG;
}

static int check_usage(const struct view *v, const struct row *row)
{
	enum chain_cert which = row->check.cert;
	uint32_t usage = is_amd(which) ? v->amd[which].usage : v->sev[which].usage;

	return usage == usages[which] ? 0 : -EKEYREJECTED;
}

static int check_signs(const struct view *v, const struct row *row)
{
	uint32_t algo = v->sev[row->check.cert].algo;

	return algo == SEV_ALGO_ECDSA_SHA256 || algo == SEV_ALGO_ECDSA_SHA384 ? 0 : -EKEYREJECTED;
}

static int check_agrees(const struct view *v, const struct row *row)
{
	uint32_t algo = v->sev[row->check.cert].algo;

	return algo == SEV_ALGO_ECDH_SHA256 || algo == SEV_ALGO_ECDH_SHA384 ? 0 : -EKEYREJECTED;
}

static int check_p384(const struct view *v, const struct row *row)
{
	return v->sev[row->check.cert].curve == SEV_CURVE_P384 ? 0 : -EKEYREJECTED;
}

/* -EOPNOTSUPP, of a key that does not sign in this way, is a signature that does not hold. */
static int verify(const struct view *v, enum chain_cert by, uint32_t algo, const uint8_t *data,
		  size_t len, const uint8_t *value)
{
	int r = sev_key_verify(v->keys[by], algo, data, len, value);

	return r == -EOPNOTSUPP ? -EKEYREJECTED : r;
}

/*
 * By an AMD key; the signature of @c is as long as its own numbers, which are of the signer's
 * size then.
 */
static int check_amd_signature(const struct view *v, const struct row *row)
{
	const struct amd_cert *c = &v->amd[row->check.cert], *by = &v->amd[row->by];

	if (!c->signature && row->check.cert == CHAIN_ARK &&
	    sha256_is(c->bytes, c->len, unsigned_ark_sha256))
		return 0;
	if (!c->signature)
		return -EKEYREJECTED;
	if (c->n != by->n)
		return -EKEYREJECTED;
	return verify(v, row->by, amd_key_algo(by->n), c->bytes, c->signed_len, c->signature);
}

static int check_signer_id(const struct view *v, const struct row *row)
{
	return memcmp(v->amd[row->check.cert].certifying_id, v->amd[row->by].key_id,
		      AMD_CERT_KEY_ID_LEN) == 0 ?
		       0 :
		       -EKEYREJECTED;
}

static bool is_anchor(const struct view *v)
{
	const struct amd_cert *ark = &v->amd[CHAIN_ARK], *anchor = &v->anchor;

	return v->has_anchor && ark->n == anchor->n &&
	       memcmp(ark->exponent, anchor->exponent, 2 * ark->n) == 0;
}

static int check_root(const struct view *v, const struct row *row)
{
	if (v->chain->anchor_len > 0)
		return is_anchor(v) ? 0 : -EKEYREJECTED;
	return amd_cert_product(&v->amd[CHAIN_ARK]) ? 0 : -EKEYREJECTED;
}

/* In whichever slot: signed with the signer's own algorithm, under the signer's name. */
static int check_signature(const struct view *v, const struct row *row)
{
	uint32_t algo = is_amd(row->by) ? amd_key_algo(v->amd[row->by].n) : v->sev[row->by].algo;
	const struct sev_cert *c = &v->sev[row->check.cert];

	for (size_t i = 0; i < SEV_CERT_SLOTS; i++) {
		const struct sev_signature *s = &c->signatures[i];
		int r;

		if (s->usage != usages[row->by] || s->algo != algo)
			continue;
		r = verify(v, row->by, algo, c->bytes, SEV_CERT_SIGNED_LEN, s->value);
		if (r != -EKEYREJECTED)
			return r;
	}
	return -EKEYREJECTED;
}

static int check_cek_is_signed(const struct view *v, const struct row *row)
{
	return chain_cek_is_signed(v->sev[CHAIN_CEK].bytes) ? 0 : -ENODATA;
}

static int check_cek_signature(const struct view *v, const struct row *row)
{
	return chain_cek_is_signed(v->sev[CHAIN_CEK].bytes) ? check_signature(v, row) : -ECANCELED;
}

/* What AMD signed and what the platform exported differ in their API version; the key is one. */
static int check_cek_is_exported(const struct view *v, const struct row *row)
{
	const uint8_t *signed_cek = v->sev[CHAIN_CEK].bytes;

	if (!v->chain->has_exported_cek)
		return -ECANCELED;
	return memcmp(signed_cek + SEV_CERT_KEY_OFFSET,
		      v->chain->exported_cek + SEV_CERT_KEY_OFFSET, SEV_CERT_KEY_LEN) == 0 ?
		       0 :
		       -EKEYREJECTED;
}

static int check_oca_is_expected(const struct view *v, const struct row *row)
{
	if (!v->chain->oca_given)
		return -ECANCELED;
	return memcmp(v->sev[CHAIN_OCA].bytes + SEV_CERT_KEY_OFFSET,
		      v->chain->oca + SEV_CERT_KEY_OFFSET, SEV_CERT_KEY_LEN) == 0 ?
		       0 :
		       -EKEYREJECTED;
}

#define DAMAGED "the file is damaged or forged: export or fetch it again"
#define EXPORT_AGAIN \
	"export all of the platform's certificates again, at one time and from one machine"
/* ... or by --fetch, unless it was tried already. */
#define FROM_AMD_BY_HAND \
	"take ASK and ARK of this machine's generation from AMD (ask_ark_NAME.cert)"
#define FROM_AMD FROM_AMD_BY_HAND ", or use --fetch", FROM_AMD_BY_HAND
#define CEK_BY_HAND                                                               \
	"a platform exports its CEK without it; AMD adds it: get the CEK from "   \
	"https://kdsintf.amd.com/cek/id/CHIP-ID and give it as --cek FILE"
#define MIXED "name the files after what they are, or do not mix them up"

/* From the root down.  The first that does not hold is what people are told. */
static const struct row rows[] = {
	{ { "format", CHAIN_ARK, "the ARK is a certificate with a sound key", DAMAGED },
	  check_format },
	{ { "format", CHAIN_ASK, "the ASK is a certificate with a sound key", DAMAGED },
	  check_format },
	{ { "format", CHAIN_CEK, "the CEK is a certificate with a sound key", DAMAGED },
	  check_format },
	{ { "format", CHAIN_OCA, "the OCA is a certificate with a sound key", DAMAGED },
	  check_format },
	{ { "format", CHAIN_PEK, "the PEK is a certificate with a sound key", DAMAGED },
	  check_format },
	{ { "format", CHAIN_PDH, "the PDH is a certificate with a sound key", DAMAGED },
	  check_format },

	{ { "ark-missing", CHAIN_ARK, "there is an ARK", FROM_AMD }, check_there },
	{ { "ark-usage", CHAIN_ARK, "the ARK is for the use of an ARK", MIXED },
	  check_usage, BIT(ARK) },
	{ { "ark-selfsig", CHAIN_ARK, "the ARK is signed by itself", DAMAGED },
	  check_amd_signature, BIT(ARK), CHAIN_ARK },
	{ { "ark-id", CHAIN_ARK, "the ARK names itself as its signer", DAMAGED },
	  check_signer_id, BIT(ARK), CHAIN_ARK },
	{ { "ark-unknown", CHAIN_ARK,
	    "the ARK is a root key that is trusted: one of AMD's, or the one of --anchor",
	    "do not trust this machine: what it shows has another root than AMD" },
	  check_root, BIT(ARK) },

	{ { "ask-missing", CHAIN_ASK, "there is an ASK", FROM_AMD }, check_there },
	{ { "ask-usage", CHAIN_ASK, "the ASK is for the use of an ASK", MIXED },
	  check_usage, BIT(ASK) },
	{ { "ask-id", CHAIN_ASK, "the ASK names the ARK as its signer", FROM_AMD },
	  check_signer_id, BIT(ARK) | BIT(ASK), CHAIN_ARK },
	{ { "ask-sig", CHAIN_ASK, "the ASK is signed by the ARK", FROM_AMD },
	  check_amd_signature, BIT(ARK) | BIT(ASK), CHAIN_ARK },

	{ { "cek-missing", CHAIN_CEK, "there is a CEK", EXPORT_AGAIN }, check_there },
	{ { "cek-usage", CHAIN_CEK, "the CEK is for the use of a CEK", MIXED },
	  check_usage, BIT(CEK) },
	{ { "cek-algo", CHAIN_CEK, "the CEK is a key for ECDSA", DAMAGED }, check_signs, BIT(CEK) },
	{ { "cek-mismatch", CHAIN_CEK,
	    "the CEK with AMD's signature is the one that the platform has",
	    "get the CEK for this very chip: its id is the first 64 bytes of cpu0-id" },
	  check_cek_is_exported, BIT(CEK) },
	{ { "cek-unsigned", CHAIN_CEK, "the CEK has AMD's signature",
	    CEK_BY_HAND ", or use --fetch", CEK_BY_HAND },
	  check_cek_is_signed, BIT(CEK) },
	{ { "cek-sig", CHAIN_CEK, "the CEK is signed by the ASK",
	    "do not trust this machine unless ASK and CEK are of one generation: the ASK "
	    "must be the one of this machine's" },
	  check_cek_signature, BIT(ASK) | BIT(CEK), CHAIN_ASK },

	{ { "oca-missing", CHAIN_OCA, "there is an OCA", EXPORT_AGAIN }, check_there },
	{ { "oca-usage", CHAIN_OCA, "the OCA is for the use of an OCA", MIXED },
	  check_usage, BIT(OCA) },
	{ { "oca-algo", CHAIN_OCA, "the OCA is a key for ECDSA", DAMAGED }, check_signs, BIT(OCA) },
	{ { "oca-selfsig", CHAIN_OCA, "the OCA is signed by itself", EXPORT_AGAIN },
	  check_signature, BIT(OCA), CHAIN_OCA },
	{ { "oca-other", CHAIN_OCA, "the OCA is the expected one, of --oca",
	    "the platform has another owner than you think: ask who owns it" },
	  check_oca_is_expected, BIT(OCA) },

	{ { "pek-missing", CHAIN_PEK, "there is a PEK", EXPORT_AGAIN }, check_there },
	{ { "pek-usage", CHAIN_PEK, "the PEK is for the use of a PEK", MIXED },
	  check_usage, BIT(PEK) },
	{ { "pek-algo", CHAIN_PEK, "the PEK is a key for ECDSA", DAMAGED }, check_signs, BIT(PEK) },
	{ { "pek-oca-sig", CHAIN_PEK, "the PEK is signed by the OCA", EXPORT_AGAIN },
	  check_signature, BIT(OCA) | BIT(PEK), CHAIN_OCA },
	{ { "pek-cek-sig", CHAIN_PEK, "the PEK is signed by the CEK", EXPORT_AGAIN },
	  check_signature, BIT(CEK) | BIT(PEK), CHAIN_CEK },

	{ { "pdh-missing", CHAIN_PDH, "there is a PDH", EXPORT_AGAIN }, check_there },
	{ { "pdh-usage", CHAIN_PDH, "the PDH is for the use of a PDH", MIXED },
	  check_usage, BIT(PDH) },
	{ { "pdh-algo", CHAIN_PDH, "the PDH is a key for ECDH", DAMAGED }, check_agrees, BIT(PDH) },
	{ { "pdh-curve", CHAIN_PDH, "the PDH is on P-384",
	    "the platform's firmware is not one for which a session can be made" },
	  check_p384, BIT(PDH) },
	{ { "pdh-sig", CHAIN_PDH, "the PDH is signed by the PEK", EXPORT_AGAIN },
	  check_signature, BIT(PEK) | BIT(PDH), CHAIN_PEK },
};
static_assert(ARRAY_SIZE(rows) <= CHAIN_N_CHECKS_MAX, "a report has a place for each");

const struct chain_check *chain_check(size_t i)
{
	return &rows[i].check;
}

size_t chain_n_checks(void)
{
	return ARRAY_SIZE(rows);
}

static int read_one(struct view *v, enum chain_cert which, const uint8_t *p, size_t len)
{
	int r;

	if (len == 0)
		return 0;
	v->there |= 1u << which;
	if (is_amd(which)) {
		r = parse_one_amd(p, len, &v->amd[which]);
		if (r == 0)
			r = amd_cert_key(&v->amd[which], &v->keys[which]);
	} else {
		r = sev_cert_parse(p, len, &v->sev[which]);
		if (r == 0)
			r = sev_cert_key(&v->sev[which], &v->keys[which]);
	}
	if (r == -EBADMSG)
		return 0;
	if (r == 0)
		v->sound |= 1u << which;
	return r;
}

static int read_all(struct view *v, const struct chain *c)
{
	int r = 0;

	v->chain = c;
	v->has_anchor = c->anchor_len > 0 &&
			parse_one_amd(c->anchor, c->anchor_len, &v->anchor) == 0;
	for (size_t i = 0; r == 0 && i < _CHAIN_MAX; i++) {
		/* Whoever names the root need not give it twice. */
		if (i == CHAIN_ARK && c->certs[i].len == 0)
			r = read_one(v, CHAIN_ARK, c->anchor, c->anchor_len);
		else
			r = read_one(v, (enum chain_cert)i, c->certs[i].bytes, c->certs[i].len);
	}
	return r;
}

static int state_of(int r, enum chain_state *ret)
{
	switch (r) {
	case 0:
		*ret = CHAIN_GOOD;
		return 0;
	case -ECANCELED:
		*ret = CHAIN_SKIPPED;
		return 0;
	case -ENODATA:
		*ret = CHAIN_UNDECIDED;
		return 0;
	case -EKEYREJECTED:
		*ret = CHAIN_FAILED;
		return 0;
	case -EBADMSG:
		*ret = CHAIN_MALFORMED;
		return 0;
	default:
		return r;
	}
}

/* The first that is bad; else the first that could not be looked at. */
static void conclude(struct chain_report *report)
{
	report->verdict = CHAIN_GOOD;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum chain_state s = report->states[i];

		if (s == CHAIN_FAILED || s == CHAIN_MALFORMED ||
		    (s == CHAIN_UNDECIDED && report->verdict == CHAIN_GOOD)) {
			report->verdict = s;
			report->first = i;
		}
		if (s == CHAIN_FAILED || s == CHAIN_MALFORMED)
			return;
	}
}

int chain_verify(const struct chain *c, struct chain_report *ret)
{
	_cleanup_(view_done) struct view v = { 0 };
	struct chain_report report = { .product = NULL };
	int r;

	r = read_all(&v, c);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		bool has_all = (v.sound & rows[i].needs) == rows[i].needs;

		r = state_of(has_all ? rows[i].run(&v, &rows[i]) : -ECANCELED, &report.states[i]);
	}
	if (r < 0)
		return r;
	conclude(&report);
	if (v.sound & BIT(ARK)) {
		report.product = amd_cert_product(&v.amd[CHAIN_ARK]);
		report.anchored = is_anchor(&v);
	}
	*ret = report;
	return 0;
}

enum chain_state chain_state_of(const struct chain_report *report, const char *code,
				enum chain_cert cert)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].check.cert == cert && streq(rows[i].check.code, code))
			return report->states[i];
	return CHAIN_SKIPPED;
}

int chain_fits(const struct chain *c, const uint8_t *ask_ark, size_t len)
{
	_cleanup_(freep) struct chain *other = malloc(sizeof(*other));
	struct chain_report report;
	int r;

	if (!other)
		return -ENOMEM;
	*other = *c;
	other->certs[CHAIN_ARK].len = other->certs[CHAIN_ASK].len = 0;
	r = chain_add(other, ask_ark, len, _CHAIN_MAX, NULL);
	if (r == 0 && (other->certs[CHAIN_ARK].len == 0 || other->certs[CHAIN_ASK].len == 0))
		r = -EBADMSG;
	if (r == 0)
		r = chain_verify(other, &report);
	if (r < 0)
		return r;
	/* Of a CEK that cannot be read nobody knows whether it fits. */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((is_amd(rows[i].check.cert) || streq(rows[i].check.code, "cek-sig")) ?
			    report.states[i] > CHAIN_SKIPPED :
			    rows[i].check.cert == CHAIN_CEK && report.states[i] == CHAIN_MALFORMED)
			return -EKEYREJECTED;
	return 0;
}
