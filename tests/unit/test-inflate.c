/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gzip: what it unpacks to, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include "doctor/inflate.h"

#include <cmocka.h>

/* @format is 16 for gzip, 0 for zlib. */
static size_t pack(const void *data, size_t len, int format, uint8_t *ret, size_t size)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, format + MAX_WBITS, 8, 0), Z_OK);
	z.next_in = (void *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = ret;
	z.avail_out = (uInt)size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	(void) deflateEnd(&z);
	return size - z.avail_out;
}

static void test_good(void **state)
{
	uint8_t packed[100];
	char *text = NULL;
	size_t len = pack("CONFIG_A=y\n", 11, 16, packed, sizeof(packed));

	assert_int_equal(inflate_text(packed, len, 11, &text), 0);
	assert_string_equal(text, "CONFIG_A=y\n");
	free(text);
	len = pack("", 0, 16, packed, sizeof(packed));
	assert_int_equal(inflate_text(packed, len, 11, &text), 0);
	assert_string_equal(text, "");
	free(text);
}

static void test_refused(void **state)
{
	static char zeros[100000];
	uint8_t packed[1000];
	char *text = NULL;
	size_t len = pack("CONFIG_A=y\n", 11, 16, packed, sizeof(packed));

	assert_int_equal(inflate_text(packed, len, 10, &text), -EFBIG);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(inflate_text(packed, i, 100, &text), -EBADMSG);
	packed[len - 6] ^= 1;	/* the checksum */
	assert_int_equal(inflate_text(packed, len, 100, &text), -EBADMSG);
	assert_int_equal(inflate_text("CONFIG_A=y\n", 11, 100, &text), -EBADMSG);
	len = pack("CONFIG_A=y\n", 11, 0, packed, sizeof(packed));
	assert_int_equal(inflate_text(packed, len, 100, &text), -EBADMSG);
	len = pack(zeros, sizeof(zeros), 16, packed, sizeof(packed));
	assert_int_equal(inflate_text(packed, len, 99999, &text), -EFBIG);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
