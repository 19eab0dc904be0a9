/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/trust.h"

#include <stdio.h>

#include "attest/x509/x509.h"
#include "base/blank.h"
#include "base/parse.h"

static const struct trust_pin built_in[] = {
	{ ROOT_AMD_ARK,
	  { 0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5,
	    0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b,
	    0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9 },
	  "ARK-Milan" },
	{ ROOT_AMD_ARK,
	  { 0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d,
	    0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a,
	    0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31 },
	  "ARK-Genoa" },
	{ ROOT_AMD_ARK,
	  { 0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56,
	    0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03,
	    0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08 },
	  "ARK-Turin" },
	{ ROOT_INTEL_SGX,
	  { 0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
	    0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
	    0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e },
	  "Intel SGX Root CA" },
};

void trust_init(struct trust *ret)
{
	*ret = (struct trust){ .n_pins = ARRAY_SIZE(built_in), .source = "built in" };
	memcpy(ret->pins, built_in, sizeof(built_in));
}

const struct trust_pin *trust_find(const struct trust *t, enum root_kind kind,
				   const uint8_t spki_sha256[static PIN_LEN])
{
	for (unsigned i = 0; i < t->n_pins; i++)
		if ((t->pins[i].kind == ROOT_ANY || t->pins[i].kind == kind) &&
		    memcmp(t->pins[i].spki_sha256, spki_sha256, PIN_LEN) == 0)
			return &t->pins[i];
	return NULL;
}

/* Add a key, unless it is there already. */
static int add_pin(struct trust *t, const struct trust_pin *pin)
{
	if (trust_find(t, ROOT_ANY, pin->spki_sha256))
		return 0;
	if (t->n_pins == TRUST_PINS_MAX)
		return -EMSGSIZE;
	t->pins[t->n_pins++] = *pin;
	return 0;
}

static int add_certificate(struct trust *t, struct bytes der)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	struct trust_pin pin = { 0 };
	char name[X509_CN_MAX + 1];
	int r;

	r = x509_parse_der(der, &cert);
	if (r == 0)
		r = x509_spki_sha256(cert, pin.spki_sha256);
	if (r < 0)
		return r;
	if (x509_common_name(X509_get_subject_name(cert), name) == 0)
		(void) snprintf(pin.name, sizeof(pin.name), "%.*s", PIN_NAME_LEN - 1, name);
	return add_pin(t, &pin);
}

/* Names are shown to people, so only characters that are safe for a terminal are allowed. */
static int copy_name(struct bytes text, char ret[static PIN_NAME_LEN])
{
	if (text.len >= PIN_NAME_LEN)
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return -EBADMSG;
	if (text.len > 0)
		memcpy(ret, text.p, text.len);
	ret[text.len] = '\0';
	return 0;
}

/* Blanks, and the carriage return that some editors put at the end of a line. */
static bool is_filling(uint8_t c)
{
	return is_blank(c) || c == '\r';
}

static void skip_blanks(struct bytes *b)
{
	while (b->len > 0 && is_filling(b->p[0]))
		(void) bytes_skip(b, 1);
}

static int add_line(struct trust *t, struct bytes line)
{
	struct trust_pin pin = { 0 };
	char hex[2 * PIN_LEN + 1];
	struct bytes digits;

	while (line.len > 0 && is_filling(line.p[line.len - 1]))
		line.len--;
	if (bytes_take(&line, 2 * PIN_LEN, &digits) < 0 || (line.len > 0 && !is_filling(line.p[0])))
		return -EBADMSG;
	memcpy(hex, digits.p, digits.len);
	hex[digits.len] = '\0';
	skip_blanks(&line);
	if (parse_hex(hex, pin.spki_sha256, PIN_LEN) < 0 || copy_name(line, pin.name) < 0)
		return -EBADMSG;
	return add_pin(t, &pin);
}

/* Read the PEM block at the beginning of @text, which moves past the block. */
static int add_pem(struct trust *t, struct bytes *text)
{
	static const char last[] = "-----END CERTIFICATE-----";
	const uint8_t *end = memmem(text->p, text->len, last, strlen(last));
	uint8_t der[16384];
	struct bytes block;
	ssize_t n;

	if (!end || bytes_take(text, (size_t)(end - text->p) + strlen(last), &block) < 0)
		return -EBADMSG;
	n = pem_next(&block, "CERTIFICATE", der, sizeof(der));
	if (n <= 0)
		return n < 0 ? (int)n : -EBADMSG;
	return add_certificate(t, (struct bytes){ der, (size_t)n });
}

static int parse_text(struct trust *t, struct bytes text, unsigned *ret_line)
{
	const uint8_t *counted = text.p;

	for (*ret_line = 1; text.len > 0;) {
		const uint8_t *end;
		struct bytes line;
		int r = 0;

		/* Count the lines of a certificate, too. */
		for (; counted < text.p; counted++)
			*ret_line += *counted == '\n';
		skip_blanks(&text);
		/* pem_is() also skips line ends: at each of many empty lines that takes minutes. */
		if (text.len > 0 && text.p[0] == '-' && pem_is(text)) {
			r = add_pem(t, &text);
		} else {
			end = memchr(text.p, '\n', text.len);
			(void) bytes_take(&text, end ? (size_t)(end - text.p) : text.len, &line);
			if (line.len > 0 && line.p[0] != '#')
				r = add_line(t, line);
		}
		if (r < 0)
			return r;
		/* Nothing but blanks may follow on the last line of a certificate. */
		skip_blanks(&text);
		if (text.len > 0 && text.p[0] != '\n')
			return -EBADMSG;
		(void) bytes_skip(&text, text.len > 0);
	}
	return 0;
}

int trust_parse(const void *text, size_t len, const char *source, struct trust *ret,
		unsigned *ret_line)
{
	struct trust t = { .replaced = true };
	struct bytes all = { text, len };
	unsigned line = 0;
	int r;

	if (len > TRUST_FILE_MAX)
		r = -EMSGSIZE;
	else if (len > 0 &&
		 all.p[0] == DER_SEQUENCE) /* '0'; no line goes on with a byte above 0x7f */
		r = len > 1 && all.p[1] >= 0x80 ? add_certificate(&t, all) :
						  parse_text(&t, all, &line);
	else
		r = parse_text(&t, all, &line);
	if (r == 0 && t.n_pins == 0) {
		line = 0;
		r = -ENODATA;
	}
	if (r < 0) {
		if (ret_line)
			*ret_line = line;
		return r;
	}
	(void) snprintf(t.source, sizeof(t.source), "%.*s", TRUST_SOURCE_LEN - 1, source);
	*ret = t;
	return 0;
}
