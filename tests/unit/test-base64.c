/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>

#include "base/base64.h"

#include <cmocka.h>

static void test_known(void **state)
{
	/* RFC 4648, section 10. */
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	uint8_t out[8];

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		_cleanup_(freep) char *text = NULL;
		size_t len = strlen(pairs[i][0]);

		assert_int_equal(base64_encode((const uint8_t *)pairs[i][0], len, &text), 0);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(base64_decode(text, out, len), len);
		assert_memory_equal(out, pairs[i][0], len);
		if (len > 0)
			assert_int_equal(base64_decode(text, out, len - 1), -EMSGSIZE);
	}
}

static void test_url(void **state)
{
	static const uint8_t in[] = { 0xfb, 0xff, 0xbf, 0xfe };
	static const char *const bad[] = { "-", "-_-_-", "+_-_", "/w", "_w==", "_ w", "_x", "_\n" };
	_cleanup_(freep) char *text = NULL;
	uint8_t out[8];

	assert_int_equal(base64url_encode(in, sizeof(in), &text), 0);
	assert_string_equal(text, "-_-__g");
	/* The bytes behind the length are not read. */
	assert_int_equal(base64url_decode("-_-__g!!", 6, out, sizeof(out)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(base64url_decode(text, 6, out, 3), -EMSGSIZE);
	assert_int_equal(base64url_decode("", 0, out, 0), 0);
	assert_int_equal(base64url_decode("AA\0A", 4, out, sizeof(out)), -EBADMSG);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64url_decode(bad[i], strlen(bad[i]), out, sizeof(out)),
				 -EBADMSG);
}

static void test_every_byte(void **state)
{
	_cleanup_(freep) char *text = NULL;
	uint8_t in[256], out[256];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(255 - i);
	assert_int_equal(base64_encode(in, sizeof(in), &text), 0);
	assert_int_equal(base64_decode(text, out, sizeof(out)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
}

static void test_blanks(void **state)
{
	uint8_t out[6];

	assert_int_equal(base64_decode(" Zm9v\r\nYm\tFy\n\n", out, sizeof(out)), 6);
	assert_memory_equal(out, "foobar", 6);
	assert_int_equal(base64_decode("Z\ng\n=\n=\n", out, sizeof(out)), 1);
	assert_int_equal(base64_decode("\n", out, sizeof(out)), 0);
}

static void test_refuses(void **state)
{
	static const char *const bad[] = {
		/* bits left over */
		"Z",
		"Zg",
		"Zg=",
		"Zm8",
		"Z===",
		"====",
		"=",
		"Zg==Zg==",
		"Zm8=Zg==",
		"Zg=A",
		"Z=g=",
		"Zg===",
		"Zh==",
		"Zm9=",
		"Zm9v!",
		"Zm9*",
		"Zm-_",
		"Zm9v\xff",
		"4l8LXeNlSPUDlXPJG5966/8%YZ",
		".",
		"Zm9v\vYmFy",
	};
	uint8_t out[64];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64_decode(bad[i], out, sizeof(out)), -EBADMSG);
}

static void test_32(void **state)
{
	static const char *const bad[] = {
		"",
		/* 31, 33 and 30 bytes */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd",
		/* 30 bytes with blanks, to 44 characters */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd    ",
		"\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n\n ",
		/* no padding, a blank behind it, bits that nobody reads, section 5's alphabet */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= ",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
		"-_ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	};
	uint8_t out[32];

	assert_true(base64_decode_32("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", out));
	for (uint8_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], i);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (base64_decode_32(bad[i], out))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
