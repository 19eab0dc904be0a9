/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results of our readers, and of libraries made for the same purpose, for tests/edges/edges,
 * which generates the input and compares.
 *
 *	stdin:	one character for the kind, u32 length (little-endian), bytes; repeated
 *	stdout:	one line each: our result, a tab, the library's; "no" for a refusal, "cap" for
 *		input over one of our limits, "-" without a library
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <stdio.h>
#include <time.h>

#include "attest/snp/amd-vek.h"
#include "attest/tdx/pck.h"
#include "attest/x509/x509.h"
#include "base/parse.h"
#include "wire/guid.h"
#include "wire/jspan.h"

#define RECORD_MAX 65536

static void put_hex(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static void put_error(int error)
{
	fputs(error == -EMSGSIZE ? "cap" : "no", stdout);
}

/* ---- JSON ---- */

/*
 * Print one line of tokens: {hex of a name:value,} [value,] "hex of a text" or "?" with escapes,
 * a number or "#" for a number that we do not read, t f n.
 */
static void put_json(struct bytes value)
{
	struct bytes it = value, name, child;
	uint64_t v;

	switch (jspan_type(value)) {
	case JSPAN_OBJECT:
		putchar('{');
		while (jspan_next_member(&it, &name, &child) > 0) {
			put_hex(name.p, name.len);
			putchar(':');
			put_json(child);
			putchar(',');
		}
		putchar('}');
		return;
	case JSPAN_ARRAY:
		putchar('[');
		while (jspan_next_element(&it, &child) > 0) {
			put_json(child);
			putchar(',');
		}
		putchar(']');
		return;
	case JSPAN_STRING:
		putchar('"');
		if (jspan_text(value, &child) == 0)
			put_hex(child.p, child.len);
		else
			putchar('?');
		putchar('"');
		return;
	case JSPAN_NUMBER:
		if (jspan_uint(value, UINT64_MAX, &v) == 0)
			printf("%" PRIu64, v);
		else
			putchar('#');
		return;
	default:
		putchar((char)value.p[0]);
	}
}

static void library_json(struct bytes text)
{
	struct json_tokener *t = json_tokener_new_ex(64);
	struct json_object *o;
	size_t end;

	if (!t)
		abort();
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, (const char *)text.p, (int)text.len);
	end = json_tokener_get_parse_end(t);
	/* A bare number could continue. */
	if (json_tokener_get_error(t) == json_tokener_continue) {
		o = json_tokener_parse_ex(t, "", 1);
		end = text.len;
	}
	/* json-c stops behind the value and leaves the rest to its caller. */
	while (end < text.len && strchr(" \t\r\n", text.p[end]) && text.p[end])
		end++;
	fputs(json_tokener_get_error(t) == json_tokener_success && end == text.len ? "ok" : "no",
	      stdout);
	json_object_put(o);
	json_tokener_free(t);
}

static void do_json(struct bytes text)
{
	struct bytes value;
	int r = jspan_check(text, &value);

	if (r < 0)
		put_error(r);
	else
		put_json(value);
	putchar('\t');
	library_json(text);
}

/*
 * ---- DER: OpenSSL's readers take BER too; what they write again is DER, so that is compared
 * with what they read. ----
 */

static bool is_again(const uint8_t *der, int len, struct bytes b)
{
	return len >= 0 && (size_t)len == b.len && memcmp(der, b.p, b.len) == 0;
}

static ASN1_SEQUENCE_ANY *library_sequence(struct bytes b)
{
	const uint8_t *p = b.p;
	ASN1_SEQUENCE_ANY *s = d2i_ASN1_SEQUENCE_ANY(NULL, &p, (long)b.len);
	uint8_t *der = NULL;
	int len;

	if (!s)
		return NULL;
	len = i2d_ASN1_SEQUENCE_ANY(s, &der);
	if (p != b.p + b.len || !is_again(der, len, b)) {
		sk_ASN1_TYPE_pop_free(s, ASN1_TYPE_free);
		s = NULL;
	}
	OPENSSL_free(der);
	return s;
}

static struct bytes bytes_of(const ASN1_STRING *s)
{
	return (struct bytes){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

static bool library_octets(const ASN1_TYPE *t, uint8_t *ret, size_t len)
{
	if (t->type != V_ASN1_OCTET_STRING ||
	    (size_t)ASN1_STRING_length(t->value.octet_string) != len)
		return false;
	memcpy(ret, ASN1_STRING_get0_data(t->value.octet_string), len);
	return true;
}

static bool library_uint(const ASN1_TYPE *t, uint64_t max, uint64_t *ret)
{
	return t->type == V_ASN1_INTEGER && ASN1_INTEGER_get_uint64(ret, t->value.integer) == 1 &&
	       *ret <= max;
}

static bool library_parts(struct bytes b, const char *prefix,
			  bool (*read)(unsigned n, const ASN1_TYPE *t, struct pck *pck),
			  struct pck *pck, uint32_t needed);

static bool library_tcb(unsigned n, const ASN1_TYPE *t, struct pck *pck)
{
	uint64_t v;

	if (n == 18)
		return library_octets(t, pck->cpusvn, 16);
	if (n > 18)
		return true;
	if (!library_uint(t, n == 17 ? 65535 : 255, &v))
		return false;
	if (n == 17)
		pck->pcesvn = (uint16_t)v;
	else
		pck->components[n - 1] = (uint8_t)v;
	return true;
}

static bool library_part(unsigned n, const ASN1_TYPE *t, struct pck *pck)
{
	int64_t v;

	switch (n) {
	case 1:
		return library_octets(t, pck->ppid, 16);
	case 2:
		return t->type == V_ASN1_SEQUENCE &&
		       library_parts(bytes_of(t->value.sequence), PCK_EXTENSION_OID ".2.",
				     library_tcb, pck, ((1u << 18) - 1) << 1);
	case 3:
		return library_octets(t, pck->pceid, 2);
	case 4:
		return library_octets(t, pck->fmspc, 6);
	case 5:
		if (t->type != V_ASN1_ENUMERATED ||
		    ASN1_ENUMERATED_get_int64(&v, t->value.enumerated) != 1 || v < 0 || v > 127)
			return false;
		pck->sgx_type = (uint8_t)v;
		return true;
	case 6:
		pck->has_instance = true;
		return library_octets(t, pck->instance, 16);
	default:
		return true;
	}
}

static bool library_pair(struct bytes b, const char *prefix,
			 bool (*read)(unsigned n, const ASN1_TYPE *t, struct pck *pck),
			 struct pck *pck, uint32_t *seen)
{
	ASN1_SEQUENCE_ANY *pair = library_sequence(b);
	bool good = pair && sk_ASN1_TYPE_num(pair) == 2 &&
		    sk_ASN1_TYPE_value(pair, 0)->type == V_ASN1_OBJECT;
	char oid[256];

	if (good) {
		const char *digits;
		uint64_t n;

		good = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_TYPE_value(pair, 0)->value.object, 1) >
		       0;
		digits = good ? startswith(oid, prefix) : NULL;
		if (digits && parse_u64(digits, &n) == 0 && n > 0 && n < 32) {
			good = !(*seen & 1u << n) &&
			       read((unsigned)n, sk_ASN1_TYPE_value(pair, 1), pck);
			*seen |= 1u << n;
		}
	}
	sk_ASN1_TYPE_pop_free(pair, ASN1_TYPE_free);
	return good;
}

static bool library_parts(struct bytes b, const char *prefix,
			  bool (*read)(unsigned n, const ASN1_TYPE *t, struct pck *pck),
			  struct pck *pck, uint32_t needed)
{
	ASN1_SEQUENCE_ANY *list = library_sequence(b);
	bool good = list != NULL;
	uint32_t seen = 0;

	for (int i = 0; good && i < sk_ASN1_TYPE_num(list); i++) {
		const ASN1_TYPE *t = sk_ASN1_TYPE_value(list, i);

		good = t->type == V_ASN1_SEQUENCE &&
		       library_pair(bytes_of(t->value.sequence), prefix, read, pck, &seen);
	}
	sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
	return good && (seen & needed) == needed;
}

static void put_pck(const struct pck *pck)
{
	put_hex(pck->ppid, sizeof(pck->ppid));
	putchar(':');
	put_hex(pck->components, sizeof(pck->components));
	printf(":%u:", pck->pcesvn);
	put_hex(pck->cpusvn, sizeof(pck->cpusvn));
	putchar(':');
	put_hex(pck->pceid, sizeof(pck->pceid));
	putchar(':');
	put_hex(pck->fmspc, sizeof(pck->fmspc));
	printf(":%u:", pck->sgx_type);
	if (pck->has_instance)
		put_hex(pck->instance, sizeof(pck->instance));
}

static void do_pck(struct bytes b)
{
	struct pck ours = { 0 }, library = { 0 };
	int r = pck_parse(b, &ours);

	if (r < 0)
		put_error(r);
	else
		put_pck(&ours);
	putchar('\t');
	if (library_parts(b, PCK_EXTENSION_OID ".", library_part, &library, 0x3e))
		put_pck(&library);
	else
		put_error(-EBADMSG);
}

static void do_integer(struct bytes b)
{
	const uint8_t *p = b.p;
	ASN1_INTEGER *i = d2i_ASN1_INTEGER(NULL, &p, (long)b.len);
	uint8_t *der = NULL;
	uint64_t v;
	int len;

	if (der_only_uint(b, UINT64_MAX, &v) == 0)
		printf("%" PRIu64, v);
	else
		put_error(-EBADMSG);
	putchar('\t');
	len = i ? i2d_ASN1_INTEGER(i, &der) : -1;
	if (i && p == b.p + b.len && is_again(der, len, b) && ASN1_INTEGER_get_uint64(&v, i) == 1)
		printf("%" PRIu64, v);
	else
		put_error(-EBADMSG);
	OPENSSL_free(der);
	ASN1_INTEGER_free(i);
}

static void put_vek(const struct amd_vek *vek, X509 *cert)
{
	uint8_t serial[X509_SERIAL_MAX];
	int64_t from, to;
	size_t n;

	if (!x509_is_leaf(cert) || !x509_key_is(cert, X509_KEY_P384) || !x509_public_key(cert) ||
	    x509_validity(cert, &from, &to) < 0 || x509_serial(cert, serial, &n) < 0) {
		put_error(-EBADMSG);
		return;
	}
	printf("%" PRIu64 ":%s:", vek->struct_version, vek->product_name);
	for (unsigned i = 0; i < _SNP_TCB_MAX; i++)
		printf("%u.", vek->tcb.svn[i]);
	putchar(':');
	if (vek->has_hwid)
		put_hex(vek->hwid, snp_chip_id_len(vek->product));
	printf(":%s:%" PRId64 ":%" PRId64 ":", vek->has_csp_id ? vek->csp_id : "-", from, to);
	put_hex(serial, n);
}

static void do_vek(struct bytes b)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	struct amd_vek vek;
	const char *what;

	if (x509_parse_der(b, &cert) < 0 || amd_vek_read(cert, &vek, &what) < 0)
		put_error(-EBADMSG);
	else
		put_vek(&vek, cert);
	fputs("\t-", stdout);
}

static int seconds(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm))
		return -EBADMSG;
	*ret = timegm(&tm);
	return 0;
}

/* Print serial numbers in their order.  A list is judged in x509.c, which needs its issuer. */
static void put_crl(X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);
	int64_t last, next;

	if (seconds(X509_CRL_get0_lastUpdate(crl), &last) < 0 ||
	    seconds(X509_CRL_get0_nextUpdate(crl), &next) < 0) {
		put_error(-EBADMSG);
		return;
	}
	printf("%" PRId64 ":%" PRId64, last, next);
	for (int i = 0; i < sk_X509_REVOKED_num(list); i++) {
		const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(
			sk_X509_REVOKED_value(list, i));

		fputs(ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? ":-" : ":", stdout);
		put_hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	}
}

static void do_crl(struct bytes b)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;

	if (x509_crl_parse(b, &crl) < 0)
		put_error(-EBADMSG);
	else
		put_crl(crl);
	fputs("\t-", stdout);
}

/* ---- text ---- */

/* As a C string, like all such text that we get; the generator makes no text with a NUL. */
static void do_hex(struct bytes b)
{
	_cleanup_(freep) char *s = strndup((const char *)b.p, b.len);
	uint8_t bytes[RECORD_MAX / 2];
	size_t len = b.len / 2;

	if (s && parse_hex(s, bytes, len) == 0)
		put_hex(bytes, len);
	else
		put_error(-EINVAL);
	fputs("\t-", stdout);
}

static void do_number(struct bytes b)
{
	_cleanup_(freep) char *s = strndup((const char *)b.p, b.len);
	uint64_t v;

	if (s && parse_u64(s, &v) == 0)
		printf("%" PRIu64, v);
	else
		put_error(-EINVAL);
	fputs("\t-", stdout);
}

static void do_guid(struct bytes b)
{
	char text[GUID_TEXT_LEN + 1];
	struct guid g;

	if (guid_parse((const char *)b.p, b.len, &g) < 0) {
		put_error(-EINVAL);
	} else {
		guid_format(&g, text);
		put_hex(g.b, sizeof(g.b));
		printf(":%s", text);
	}
	fputs("\t-", stdout);
}

/* A JSON value of an unchecked text: these functions accept anything. */
static void do_json_hex(struct bytes b)
{
	uint8_t bytes[16];

	if (jspan_hex(b, bytes, sizeof(bytes)) == 0)
		put_hex(bytes, sizeof(bytes));
	else
		put_error(-EBADMSG);
	fputs("\t-", stdout);
}

static void do_json_time(struct bytes b)
{
	int64_t t;

	if (jspan_time(b, &t) == 0)
		printf("%" PRId64, t);
	else
		put_error(-EBADMSG);
	fputs("\t-", stdout);
}

static const struct {
	char kind;
	void (*read)(struct bytes b);
} kinds[] = {
	{ 'j', do_json },     { 'p', do_pck },	     { 'i', do_integer }, { 'v', do_vek },
	{ 'c', do_crl },      { 'x', do_hex },	     { 'n', do_number },  { 'g', do_guid },
	{ 'h', do_json_hex }, { 't', do_json_time },
};

static int read_record(char kind, size_t len)
{
	/*
	 * In a block of exactly that length, so that a sanitizer sees the first byte read past
	 * its end.
	 */
	_cleanup_(freep) uint8_t *exact = malloc(len ? len : 1);

	if (!exact || fread(exact, 1, len, stdin) != len)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind) {
			kinds[i].read((struct bytes){ exact, len });
			putchar('\n');
			ERR_clear_error();
			return 0;
		}
	return -EOPNOTSUPP;
}

int main(void)
{
	uint8_t head[5];

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		size_t len = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 |
			     (size_t)head[4] << 24;

		if (len > RECORD_MAX || read_record((char)head[0], len) < 0)
			return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
