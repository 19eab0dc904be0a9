/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The headers of a kernel file: NX_COMPAT is read where it stands, and nothing outside the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "wire/pe.h"

#include <cmocka.h>

#define AT 0x80

struct file {
	uint8_t bytes[AT + PE_HEADER_END];
};

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static struct file make(unsigned characteristics)
{
	struct file f = { { 'M', 'Z' } };

	f.bytes[60] = AT;
	memcpy(f.bytes + AT, "PE", 2);
	put16(f.bytes + AT + 4, 0x8664);
	put16(f.bytes + AT + 20, 0xa0);
	put16(f.bytes + AT + 24, 0x20b);
	put16(f.bytes + AT + 92, PE_SUBSYSTEM_EFI_APPLICATION);
	put16(f.bytes + AT + 94, characteristics);
	return f;
}

static int read_file(const struct file *f, struct pe *ret)
{
	return pe_read(f->bytes, sizeof(f->bytes), ret);
}

static void test_read(void **state)
{
	struct file f = make(PE_NX_COMPAT | 0x40);
	struct pe pe;

	(void) state;
	assert_int_equal(read_file(&f, &pe), 0);
	assert_int_equal(pe.machine, 0x8664);
	assert_int_equal(pe.subsystem, PE_SUBSYSTEM_EFI_APPLICATION);
	assert_int_equal(pe.characteristics, PE_NX_COMPAT | 0x40);
	put16(f.bytes + AT + 24, 0x10b);
	assert_int_equal(read_file(&f, &pe), 0);
}

static void test_other_files(void **state)
{
	struct file f = make(0);
	struct pe pe;

	(void) state;
	f.bytes[0] = 0x1f;
	assert_int_equal(read_file(&f, &pe), -ENOENT);
	f = make(0);
	f.bytes[AT + 1] = 'F';
	assert_int_equal(read_file(&f, &pe), -ENOENT);
	f = make(0);
	put16(f.bytes + AT + 24, 0x107);
	assert_int_equal(read_file(&f, &pe), -EBADMSG);
	f = make(0);
	put16(f.bytes + AT + 20, PE_HEADER_END - 25);
	assert_int_equal(read_file(&f, &pe), -EBADMSG);
}

/* Each shorter file is refused, and so is an offset that leads out of it. */
static void test_cut(void **state)
{
	struct file f = make(PE_NX_COMPAT);
	struct pe pe = { 1, 2, 3 };

	(void) state;
	for (size_t len = 0; len < sizeof(f.bytes); len++)
		assert_int_equal(pe_read(f.bytes, len, &pe), len < 64 ? -ENOENT : -EBADMSG);
	f.bytes[60] = AT + 1;
	assert_int_equal(read_file(&f, &pe), -EBADMSG);
	memset(f.bytes + 60, 0xff, 4);
	assert_int_equal(read_file(&f, &pe), -EBADMSG);
	assert_int_equal(pe.machine, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
