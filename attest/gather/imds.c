/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/imds.h"

#include <stdio.h>

#include "attest/snp/amd-vek.h"
#include "attest/bundle-evidence.h"
#include "attest/needs.h"
#include "attest/x509/x509.h"
#include "base/base64.h"
#include "net/http.h"
#include "wire/hcl.h"
#include "wire/jspan.h"
#include "wire/tdx-quote.h"

#define URL "http://169.254.169.254"
#define TIMEOUT_USEC (10 * 1000000ULL)
#define ANSWER_MAX (128 * 1024)

/* ---- the answers ---- */

/*
 * Read a string into a C string.  Only the escapes that PEM in JSON has are understood.  @ret has
 * room for @size bytes.
 */
static int read_text(struct bytes value, char *ret, size_t size)
{
	static const char escapes[][2] = {
		{ 'n', '\n' }, { 'r', '\r' },   { 't', '\t' },
		{ '/', '/' },  { '\\', '\\' }, { '"', '"' },
	};
	size_t len = 0;

	if (jspan_type(value) != JSPAN_STRING)
		return -EBADMSG;
	/* jspan_check() has made sure of the quotes, and that no string ends inside an escape. */
	for (size_t i = 1; i + 1 < value.len; i++) {
		char c = (char)value.p[i];

		if (c == '\\') {
			size_t n = 0;

			i++;
			while (n < ARRAY_SIZE(escapes) && escapes[n][0] != (char)value.p[i])
				n++;
			if (n == ARRAY_SIZE(escapes))
				return -EBADMSG;
			c = escapes[n][1];
		}
		if (len + 1 >= size)
			return -EMSGSIZE;
		ret[len++] = c;
	}
	ret[len] = '\0';
	return 0;
}

int imds_read_certification(struct bytes json, char *ret_vcek, char *ret_chain)
{
	struct bytes object, value;
	int r;

	r = jspan_check(json, &object);
	if (r == 0)
		r = jspan_member(object, "vcekCert", &value);
	if (r == 0)
		r = read_text(value, ret_vcek, IMDS_PEM_MAX);
	if (r < 0)
		return r == -EMSGSIZE ? r : -EBADMSG;
	ret_chain[0] = '\0';
	if (jspan_member(object, "certificateChain", &value) < 0)
		return 0;
	return read_text(value, ret_chain, IMDS_PEM_MAX);
}

int imds_read_quote(struct bytes json, uint8_t ret[static IMDS_QUOTE_MAX], size_t *ret_len)
{
	struct bytes object, value, text;
	ssize_t n;
	int r;

	r = jspan_check(json, &object);
	if (r == 0)
		r = jspan_member(object, "quote", &value);
	if (r == 0)
		r = jspan_text(value, &text);
	if (r < 0)
		return r == -EMSGSIZE ? r : -EBADMSG;
	/* The service is known to send no padding.  Padding has no meaning, and is ignored. */
	while (text.len > 0 && text.p[text.len - 1] == '=')
		text.len--;
	n = base64url_decode((const char *)text.p, text.len, ret, IMDS_QUOTE_MAX);
	if (n < 0)
		return (int)n;
	*ret_len = (size_t)n;
	return 0;
}

/* ---- asking ---- */

static int ask(int fd, const char *path, const char *post, struct http_answer *ret,
	       struct cause *why)
{
	struct http h = {
		.agent = "coco-agent",
		.timeout_usec = TIMEOUT_USEC,
		.impatient = true,
		.use_fd = true,
		.fd = fd,
	};
	char url[128];
	int r;

	if (fd < 0)
		return cause_set(why, fd == -EBADF ? -EHOSTUNREACH : fd,
				 "there is no connection to Azure's metadata service: %s",
				 fd == -EBADF  ? "none was made" :
				 fd == -ENODEV ? "the chassis asset tag is not Azure's" :
						 strerror(-fd));
	(void) snprintf(url, sizeof(url), URL "%s", path);
	r = http_get(&h,
		     &(const struct http_request){
			     .url = url,
			     .max = ANSWER_MAX,
			     .what = "answer",
			     .send_header = "Metadata: true",
			     .post = post,
		     },
		     ret);
	if (r < 0 && r != -ENOMEM)
		(void) cause_set(why, r, "Azure's metadata service: %.200s",
				 startswith(h.error, URL) ? h.error + strlen(URL) : h.error);
	return r;
}

/* After a firmware update, the service may still have the certificate of the old firmware. */
static int check_vcek(struct bytes pem, const struct snp_report *report, struct cause *why)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };
	struct amd_vek vek;
	struct snp_tcb tcb;
	char has[SNP_TCB_TEXT_LEN], wants[SNP_TCB_TEXT_LEN];
	const char *what;
	int r;

	r = x509_parse(pem, &l);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || l.n != 1 || amd_vek_read(l.cert[0], &vek, &what) < 0 || !vek.has_hwid)
		return cause_set(why, -EBADMSG,
				 "Azure's metadata service did not give a VCEK");
	if (memcmp(vek.hwid, report->chip_id, sizeof(vek.hwid)) != 0)
		return cause_set(why, -EKEYREJECTED,
				 "Azure's metadata service gave the VCEK of another chip");
	if (amd_vek_is_of(&vek, report))
		return 0;
	tcb = snp_tcb_decode(vek.product, report->reported_tcb);
	snp_tcb_format(vek.product, &vek.tcb, has);
	snp_tcb_format(vek.product, &tcb, wants);
	return cause_set(why, -ESTALE,
			 "Azure's metadata service gave the VCEK of TCB %s, the report is of TCB "
			 "%s: 'cococtl attest fetch' gets the right VCEK from AMD",
			 has, wants);
}

/* Certificates that cannot be read would spoil good evidence.  AMD's own are built in anyway. */
static bool is_chain(struct bytes pem)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };

	return pem.len > 0 && x509_parse(pem, &l) == 0;
}

static int add_vcek(int fd, const struct snp_report *report, struct bundle *b, struct cause *why)
{
	_cleanup_(freep) char *vcek = malloc(IMDS_PEM_MAX), *chain = malloc(IMDS_PEM_MAX);
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	struct bytes chain_bytes;
	int r;

	if (!vcek || !chain)
		return -ENOMEM;
	r = ask(fd, "/metadata/THIM/amd/certification", NULL, &a, why);
	if (r < 0)
		return r;
	r = imds_read_certification((struct bytes){ a.data, a.len }, vcek, chain);
	if (r < 0)
		return cause_set(why, r,
				 "Azure's metadata service did not give JSON with a VCEK");
	r = check_vcek((struct bytes){ (const uint8_t *)vcek, strlen(vcek) }, report, why);
	if (r < 0)
		return r;
	chain_bytes = (struct bytes){ (const uint8_t *)chain, strlen(chain) };
	r = bundle_add(b, BUNDLE_CERT, vcek, strlen(vcek));
	if (r == 0 && is_chain(chain_bytes))
		r = bundle_add(b, BUNDLE_CERT, chain, strlen(chain));
	if (r < 0)
		return cause_set(why, r, "the VCEK of Azure's metadata service cannot be added: %s",
				 strerror(-r));
	return 1;
}

static int add_quote(int fd, struct bytes td_report, struct bundle *b, struct cause *why)
{
	_cleanup_(http_answer_done) struct http_answer a = { NULL };
	_cleanup_(freep) uint8_t *quote = malloc(IMDS_QUOTE_MAX);
	_cleanup_(freep) char *text = NULL, *post = NULL;
	const char *problem = NULL;
	struct tdx_quote q;
	size_t len;
	int r;

	if (!quote || base64url_encode(td_report.p, sizeof(struct td_report), &text) < 0 ||
	    asprintf(&post, "{\"report\":\"%s\"}", text) < 0)
		return -ENOMEM;
	r = ask(fd, "/acc/tdquote", post, &a, why);
	if (r < 0)
		return r;
	r = imds_read_quote((struct bytes){ a.data, a.len }, quote, &len);
	if (r < 0)
		return cause_set(why, r,
				 "Azure's metadata service did not give JSON with a quote");
	r = tdx_quote_parse(quote, len, &q, &problem);
	if (r < 0)
		return cause_set(why, r,
				 "Azure's metadata service did not give a quote: %s",
				 problem);
	r = bundle_add(b, BUNDLE_QUOTE, quote, len);
	if (r < 0)
		return cause_set(why, r,
				 "the quote of Azure's metadata service cannot be added: %s",
				 strerror(-r));
	return 1;
}

/* True if the evidence needs a VCEK and does not have it. */
static bool wants_vcek(const struct bundle *b, const struct snp_report *report)
{
	char problem[NEEDS_PROBLEM_LEN];
	struct evidence e = { .n_certs = 0 };
	struct needs n;
	int r;

	if (report->signing_key != SNP_KEY_VCEK)
		return false;
	/* If the bundle has too much, the verdict will say so. */
	(void) bundle_evidence(b, attest_verifier_find("azure"), &e);
	r = needs_find(&e, NULL, &n, problem);
	/* -ENOENT: a report of version 2 does not name its product; the missing VCEK would. */
	return r == -ENOENT || (r == 0 && !n.none.is_there);
}

int imds_complete(int fd, enum imds_wants wants, struct bundle *b, struct cause *why)
{
	const struct bundle_item *item = bundle_find(b, BUNDLE_HCL, 0);
	struct snp_report report;
	struct hcl_report hcl;
	const char *problem;

	if (!item || hcl_parse(item->data, item->len, &hcl, &problem) < 0)
		return 0;
	if (hcl.kind == HCL_TDX && !bundle_find(b, BUNDLE_QUOTE, 0))
		return add_quote(fd, hcl.hw_report, b, why);
	if (wants == IMDS_ALL && hcl.kind == HCL_SNP &&
	    snp_report_open(hcl.hw_report.p, hcl.hw_report.len, &report) == 0 &&
	    wants_vcek(b, &report))
		return add_vcek(fd, &report, b, why);
	return 0;
}
