/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust files: what is read out of them, and that nothing of a wrong one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/pem.h>

#include "attest/snp/amd-ca.h"
#include "attest/trust.h"
#include "attest/x509/x509.h"

#include <cmocka.h>

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define UPPER "A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"
#define NAME_47 "01234567890123456789012345678901234567890123456"

static const uint8_t pin_0[PIN_LEN] = { 0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10,
					11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
					22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

/* A certificate of AMD's in PEM, with a NUL at the end; 0 is Milan's root. */
static char *pem_of(unsigned i)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *cert = NULL;
	char *data, *ret;
	long len;

	assert_int_equal(x509_parse_der(amd_cas[i].der, &cert), 0);
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	len = BIO_get_mem_data(bio, &data);
	ret = strndup(data, (size_t)len);
	assert_non_null(ret);
	BIO_free(bio);
	X509_free(cert);
	return ret;
}

static void assert_refused(const void *text, size_t len, int error, unsigned want_line)
{
	struct trust t, before;
	unsigned line = 999;

	memset(&t, 0x5a, sizeof(t));
	before = t;
	assert_int_equal(trust_parse(text, len, "file", &t, &line), error);
	assert_int_equal(line, want_line);
	assert_memory_equal(&t, &before, sizeof(t));
	assert_int_equal(trust_parse(text, len, "file", &t, NULL), error);
}

static struct trust parse(const char *text)
{
	unsigned line = 0;
	struct trust t;

	assert_int_equal(trust_parse(text, strlen(text), "file", &t, &line), 0);
	assert_true(t.replaced);
	assert_string_equal(t.source, "file");
	return t;
}

static void test_lines(void **state)
{
	/* A line that begins with '0' is not DER. */
	struct trust t = parse(DIGITS);

	assert_int_equal(t.n_pins, 1);
	assert_memory_equal(t.pins[0].spki_sha256, pin_0, PIN_LEN);
	assert_int_equal(t.pins[0].kind, ROOT_ANY);
	assert_string_equal(t.pins[0].name, "");
	t = parse("# mine\r\n\n  \t# and this\n \t" DIGITS " \t my own root \t\r\n" UPPER "\n");
	assert_int_equal(t.n_pins, 2);
	assert_string_equal(t.pins[0].name, "my own root");
	assert_int_equal(t.pins[1].spki_sha256[0], 0xa0);
	assert_int_equal(t.pins[1].spki_sha256[31], 0xbf);
	t = parse(DIGITS " " NAME_47);
	assert_string_equal(t.pins[0].name, NAME_47);
	/* Zeros are a key like any other, and none that is there already. */
	t = parse("0000000000000000000000000000000000000000000000000000000000000000");
	assert_int_equal(t.n_pins, 1);
	assert_true(bytes_all_zero(&(struct bytes){ t.pins[0].spki_sha256, PIN_LEN }));
	assert_null(trust_find(&t, ROOT_AMD_ARK, pin_0));
	/* A comment behind a key is its name. */
	t = parse(DIGITS " # mine");
	assert_string_equal(t.pins[0].name, "# mine");
}

static void test_lines_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
		unsigned line;
	} rows[] = {
		{ "", -ENODATA, 0 },
		{ "\n\n", -ENODATA, 0 },
		{ "# " DIGITS "\n", -ENODATA, 0 },
		{ "0", -EBADMSG, 1 },
		{ "00", -EBADMSG, 1 },
		{ DIGITS "\n" DIGITS "0\n", -EBADMSG, 2 },
		{ DIGITS "\n\n" DIGITS "00\n", -EBADMSG, 3 },
		{ "00" DIGITS, -EBADMSG, 1 },
		{ DIGITS "name", -EBADMSG, 1 },
		{ DIGITS " " NAME_47 "x", -EBADMSG, 1 },
		{ DIGITS " a\x1b[0m", -EBADMSG, 1 },
		{ DIGITS " a\x7f", -EBADMSG, 1 },
		{ DIGITS " \xc3\xa4", -EBADMSG, 1 },
		{ "0x" DIGITS, -EBADMSG, 1 },
		{ "g0"
		  "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		  -EBADMSG, 1 },
		{ "0001:02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", -EBADMSG,
		  1 },
		{ "\n\nx\n", -EBADMSG, 3 },
		{ "; no comment\n", -EBADMSG, 1 },
	};
	char digits[2 * PIN_LEN + 1] = DIGITS;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_refused(rows[i].text, strlen(rows[i].text), rows[i].error, rows[i].line);
	/* One digit less; a NUL among them; a NUL after them. */
	assert_refused(digits, sizeof(digits) - 2, -EBADMSG, 1);
	assert_refused(digits, sizeof(digits), -EBADMSG, 1);
	digits[7] = '\0';
	assert_refused(digits, sizeof(digits) - 1, -EBADMSG, 1);
}

/* As many keys as there is room for; the same again takes none. */
static void test_room(void **state)
{
	char text[(TRUST_PINS_MAX + 2) * 80] = "";
	size_t n = 0;
	struct trust t;

	for (unsigned i = 0; i < TRUST_PINS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x%s\n", i, &DIGITS[2]);
	t = parse(text);
	assert_int_equal(t.n_pins, TRUST_PINS_MAX);
	assert_int_equal(t.pins[TRUST_PINS_MAX - 1].spki_sha256[0], TRUST_PINS_MAX - 1);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x%s again\n", 3, &DIGITS[2]);
	t = parse(text);
	assert_int_equal(t.n_pins, TRUST_PINS_MAX);
	assert_string_equal(t.pins[3].name, "");
	(void) snprintf(text + n, sizeof(text) - n, "ff%s\n", &DIGITS[2]);
	assert_refused(text, strlen(text), -EMSGSIZE, TRUST_PINS_MAX + 2);
}

static void test_size(void **state)
{
	char *text = malloc(TRUST_FILE_MAX + 1), source[TRUST_SOURCE_LEN + 10];
	struct trust t;

	assert_non_null(text);
	memset(text, '\n', TRUST_FILE_MAX + 1);
	memcpy(text, DIGITS, strlen(DIGITS));
	memset(source, 's', sizeof(source));
	source[sizeof(source) - 1] = '\0';
	assert_int_equal(trust_parse(text, TRUST_FILE_MAX, source, &t, NULL), 0);
	assert_int_equal(t.n_pins, 1);
	/* A name that is longer is cut, and ends. */
	assert_int_equal(strlen(t.source), TRUST_SOURCE_LEN - 1);
	assert_refused(text, TRUST_FILE_MAX + 1, -EMSGSIZE, 0);
	free(text);
}

/* ---- certificates ---- */

static void assert_has(const struct trust *t, unsigned i, bool has)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	uint8_t spki[PIN_LEN];

	assert_int_equal(x509_parse_der(amd_cas[i].der, &cert), 0);
	assert_int_equal(x509_spki_sha256(cert, spki), 0);
	assert_int_equal(trust_find(t, ROOT_AMD_ARK, spki) != NULL, has);
}

static void test_pem(void **state)
{
	_cleanup_(freep) char *a = pem_of(0), *b = pem_of(1), *text = NULL;
	unsigned n_lines = 0;
	struct trust t;

	for (const char *p = a; *p; p++)
		n_lines += *p == '\n';
	assert_true(asprintf(&text, "# roots\n %s\n%s%s mine\n", a, b, DIGITS) > 0);
	t = parse(text);
	assert_int_equal(t.n_pins, 3);
	assert_string_equal(t.pins[0].name, amd_cas[0].common_name);
	assert_string_equal(t.pins[2].name, "mine");
	assert_has(&t, 0, true);
	assert_has(&t, 1, true);
	assert_has(&t, 2, false);
	free(text);
	/* The same certificate twice, and its key as a line. */
	assert_true(asprintf(&text, "%s%s", a, a) > 0);
	t = parse(text);
	assert_int_equal(t.n_pins, 1);
	free(text);
	/* Blanks behind a certificate on its last line. */
	assert_true(asprintf(&text, "%.*s \t\r\n%s", (int)strlen(a) - 1, a, b) > 0);
	t = parse(text);
	assert_int_equal(t.n_pins, 2);
	free(text);
	/* The lines of a certificate count. */
	assert_true(asprintf(&text, "\n%sx\n", a) > 0);
	assert_refused(text, strlen(text), -EBADMSG, n_lines + 2);
	free(text);
	/* Cut off; followed by text on its last line; another kind of block; no certificate. */
	assert_true(asprintf(&text, "\n%s", a) > 0);
	assert_refused(text, strlen(text) - 2, -EBADMSG, 2);
	text[strlen(text) - 1] = 'x';
	assert_refused(text, strlen(text), -EBADMSG, 2);
	free(text);
	text = strdup("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
	assert_refused(text, strlen(text), -EBADMSG, 1);
	free(text);
	text = strdup("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_refused(text, strlen(text), -EBADMSG, 1);
	free(text);
	text = strdup("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	assert_refused(text, strlen(text), -EBADMSG, 1);
}

static void test_der(void **state)
{
	struct bytes der = amd_cas[0].der;
	uint8_t *more = malloc(der.len + 1);
	struct trust t;

	assert_non_null(more);
	memcpy(more, der.p, der.len);
	more[der.len] = '\n';
	assert_int_equal(trust_parse(more, der.len, "file", &t, NULL), 0);
	assert_int_equal(t.n_pins, 1);
	assert_has(&t, 0, true);
	/* Nothing may follow. */
	assert_refused(more, der.len + 1, -EBADMSG, 0);
	assert_refused(more, der.len - 1, -EBADMSG, 0);
	assert_refused(more, 2, -EBADMSG, 0);
	free(more);
}

/* A built-in root is of its maker alone; one of a file is for whatever it is found to sign. */
static void test_kinds(void **state)
{
	struct trust t;

	trust_init(&t);
	assert_string_equal(t.source, "built in");
	for (unsigned i = 0; i < t.n_pins; i++) {
		bool intel = t.pins[i].kind == ROOT_INTEL_SGX;

		assert_ptr_equal(trust_find(&t, ROOT_AMD_ARK, t.pins[i].spki_sha256),
				 intel ? NULL : &t.pins[i]);
		assert_ptr_equal(trust_find(&t, ROOT_INTEL_SGX, t.pins[i].spki_sha256),
				 intel ? &t.pins[i] : NULL);
		assert_null(trust_find(&t, ROOT_ANY, t.pins[i].spki_sha256));
	}
	assert_null(trust_find(&t, ROOT_AMD_ARK, pin_0));
	t = parse(DIGITS);
	for (unsigned kind = ROOT_ANY; kind <= ROOT_INTEL_SGX; kind++)
		assert_ptr_equal(trust_find(&t, kind, pin_0), &t.pins[0]);
	t.pins[0].spki_sha256[PIN_LEN - 1] ^= 1;
	assert_null(trust_find(&t, ROOT_ANY, pin_0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_refused),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_der),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
