/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot-log.h"

#include <cmocka.h>

static struct boot_log l;

static void parse(const char *text)
{
	boot_log_parse(text, strlen(text), &l);
}

static void test_device(void **state)
{
	parse("<6>[    2.000001] hv_pci 0000-a: PCI VMBus probing: Using version 0x10004\n"
	      "[    2.000010] hv_pci 0000-b: PCI VMBus probing: Using version 0x10004\n"
	      "[    2.500000] hv_pci 0000-a: PCI host bridge to bus 0001:00\n"
	      "[   16.900000] pci 0001:00:02.0: BAR 0: assigned [mem 0xfe0000000-0xfe0ffffff]\n"
	      "6,339,17000001,-;mlx5_core 0001:00:02.0: enabling device (0000 -> 0002)\n"
	      " SUBSYSTEM=pci\n"
	      "[   18.000000] pci 0002:00:02.0: BAR 0: not of a device of ours\n"
	      "[   19.000000] hv_pci 0000: BAR 0 of a name that is the beginning of another\n");
	assert_int_equal(l.n_lines, 7);
	assert_int_equal(l.n_bad, 0);
	assert_int_equal(l.n_devices, 2);
	assert_string_equal(l.devices[0].name, "0000-a");
	assert_string_equal(l.devices[0].domain, "0001:00");
	assert_int_equal(l.devices[0].start_usec, 2000001);
	assert_int_equal(l.devices[0].end_usec, 17000001);
	assert_int_equal(l.devices[1].end_usec, l.devices[1].start_usec);
}

static void test_facts(void **state)
{
	parse("[    0.000000] efi: ACPI=0x7f Unaccepted=0x7e5d0018\n"
	      "[    0.000000] tsc: Detected 2199.998 MHz processor\n"
	      "[    0.100000] Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP\n"
	      "[    1.000000] rtc_cmos 00:03: setting system clock to 2026-11-29T15:00:00 UTC "
	      "(1795964400)\n"
	      "[    1.500000] Run /init as init process\n");
	assert_true(l.lazy && l.confidential);
	assert_int_equal(l.tsc_khz, 2199998);
	assert_int_equal(l.rtc_usec, 1000000);
	assert_int_equal(l.rtc_epoch_usec, 1795964400000000);
	assert_int_equal(l.init_usec, 1500000);
	parse("[    0.100000] Memory Encryption Features active: AMD SEV\n");
	assert_false(l.confidential);
}

/* Each is counted, and none is believed. */
static void test_bad_stamps(void **state)
{
	static const char *const lines[] = {
		"[   -1.000000] hv_pci a: PCI VMBus probing: Using version 1",
		"[99999999999999999999.000000] hv_pci a: PCI VMBus probing: Using version 1",
		"[1000000000.000000] hv_pci a: PCI VMBus probing: Using version 1",
		"[    1.5] hv_pci a: PCI VMBus probing: Using version 1",
		"[    1.0000000] hv_pci a: PCI VMBus probing: Using version 1",
		"[    1.000000 hv_pci a: PCI VMBus probing: Using version 1",
		"6,1,99999999999999999999,-;hv_pci a: PCI VMBus probing: Using version 1",
		"6,1,-5,-;hv_pci a: PCI VMBus probing: Using version 1",
		"<6 [    1.000000] x",
		"hv_pci a: PCI VMBus probing: Using version 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		parse(lines[i]);
		assert_int_equal(l.n_bad, 1);
		assert_int_equal(l.n_devices, 0);
	}
	parse("[    5.000000] a\n[    4.000000] b\n");
	assert_int_equal(l.n_backwards, 1);
	parse("[    0.0] x\n[    1.000000] tsc: Detected 99999999.998 MHz processor\n"
	      "[    1.000000] x setting system clock to y (18446744073709551617)\n");
	assert_int_equal(l.tsc_khz, 0);
	assert_int_equal(l.rtc_usec, 0);
}

static void test_hostile_text(void **state)
{
	static const char nul[] = "[    1.000000] hv_pci a\0b\x1b[31m: PCI VMBus probing: x\n";
	char *text = malloc(200000), *p = text;

	assert_non_null(text);
	boot_log_parse(nul, sizeof(nul) - 1, &l);
	assert_int_equal(l.n_devices, 1);
	assert_string_equal(l.devices[0].name, "a?b?[31m");
	for (unsigned i = 0; i < 1000; i++)
		p += sprintf(p, "[    1.000000] hv_pci d%u: PCI VMBus probing: x\n", i);
	parse(text);
	assert_int_equal(l.n_devices, BOOT_DEVICES_MAX);
	assert_int_equal(l.n_dropped, 1000 - BOOT_DEVICES_MAX);
	memset(text, 'x', 199999);
	text[199999] = '\0';
	parse(text);
	assert_int_equal(l.n_lines, 1);
	assert_int_equal(l.n_bad, 1);
	memcpy(text, "[    1.000000] hv_pci ", 22);
	memcpy(text + 200, ": PCI VMBus probing: x", 22);
	parse(text);
	assert_int_equal(l.n_devices, 1);
	assert_int_equal(strlen(l.devices[0].name), sizeof(l.devices[0].name) - 1);
	free(text);
}

static void test_value(void **state)
{
	uint64_t n = 7;

	assert_int_equal(boot_value("AB=1\nB=22\n", "B", &n), 0);
	assert_int_equal(n, 22);
	assert_int_equal(boot_value("AB=1\n", "B", &n), -ENOENT);
	assert_int_equal(boot_value("", "B", &n), -ENOENT);
	assert_int_equal(boot_value(NULL, "B", &n), -ENOENT);
	assert_int_equal(boot_value("B=-1\n", "B", &n), -EBADMSG);
	assert_int_equal(boot_value("B=\n", "B", &n), -EBADMSG);
	assert_int_equal(boot_value("B=1x\n", "B", &n), -EBADMSG);
	assert_int_equal(boot_value("B=99999999999999999999\n", "B", &n), -EBADMSG);
	assert_int_equal(n, 22);
}

static void test_unaccepted(void **state)
{
	uint64_t n = 7;

	assert_int_equal(boot_unaccepted("MemTotal: 9 kB\nUnaccepted:     64 kB\n", &n), 0);
	assert_int_equal(n, 64);
	assert_int_equal(boot_unaccepted("MemTotal: 9 kB\n", &n), -ENOENT);
	assert_int_equal(boot_unaccepted("\nUnaccepted: -1 kB\n", &n), -EBADMSG);
	assert_int_equal(boot_unaccepted("\nUnaccepted: 5\n", &n), -EBADMSG);
	assert_int_equal(boot_unaccepted("\nUnaccepted: 99999999999999999999 kB", &n), -EBADMSG);
	assert_int_equal(n, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),	   cmocka_unit_test(test_facts),
		cmocka_unit_test(test_bad_stamps), cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_value),	   cmocka_unit_test(test_unaccepted),
	};

	return cmocka_run_group_tests_name("boot-log", tests, NULL, NULL);
}
