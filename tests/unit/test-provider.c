/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A provider on a record: what is there, what is refused, what is nonsense, and what it records. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "doctor/provider.h"

#include <cmocka.h>

struct fixture {
	char path[64], copy[96];
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", f->path, name);
	*strrchr(path, '/') = '\0';
	assert_int_equal(make_folders(path, 0700), 0);
	snprintf(path, sizeof(path), "%s%s", f->path, name);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600, false), 0);
}

static const char cpuid[] =
	"   0x00000000 0x00: eax=0x1 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65\n"
	"   0x00000001 0x00: eax=0xa00f11 ebx=0x0 ecx=0x80000000 edx=0x0\n"
	"   0x00000007 0x00: eax=0xffff ebx=0x0 ecx=0x0 edx=0x0\n"
	"   0x40000000 0x00: eax=0x40000001 ebx=0x4b4d564b ecx=0x564b4d56 edx=0x4d\n";

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/test-provider.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(f->copy, sizeof(f->copy), "%s/copy", f->path);
	put(f, "/sys/yes", "  Y \n");
	put(f, "/sys/number", "0x10\nmore\n");
	put(f, "/sys/word", "word\n");
	put(f, "/sys/closed", "secret\n");
	put(f, "/proc/cmdline", "quiet efi=noruntime efi=runtime password=geheim\n");
	put(f, "/proc/sys/kernel/osrelease", "6.1.0\n");
	put(f, "/boot/config-6.1.0", "# CONFIG_EFI_SECRET is not set\nCONFIG_EFI=y\n");
	put(f, "/.probe/cpuid", cpuid);
	put(f, "/.probe/msr", "0 0xc0010131 0x1\n0 0x8b EACCES\n0 0x10 EIO\n");
	put(f, "/.probe/kvm", "probe open=ok\nprobe hlt=ok\n235 1 5\n");
	put(f, "/.probe/kmsg", "[ 0.0] one x 1b4e28ba-2fa1-11d2-883f-0016d3cca427\n[ 0.1] y\n"
			       "[ 0.2] two x\n");
	put(f, "/.probe/rights", "/sys/word 100644 0 5\n/sys/gone 140600 0 0\n"
				 "/sys/closed 100600 0 0\n");
	put(f, "/.probe/time", "1796000000\n");
	put(f, "/.probe/files", "/sys/closed EACCES\n/sys/broken EIO\n");
	*state = f;
	return 0;
}

static int away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void) nftw(f->path, away, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct provider *open_it(const char *path, struct record *record)
{
	struct provider *p = NULL;
	struct cause why;

	assert_int_equal(provider_open(path, record, &p, &why), 0);
	return p;
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	struct provider *p = open_it(f->path, NULL);
	char line[PROVIDER_LINE_MAX], longer[TREE_LINE_MAX], bytes[3];
	uint64_t value = 0;
	struct file_rights rights;
	int64_t now;
	size_t len;

	assert_int_equal(provider_line(p, "/sys/yes", line), GOT_IT);
	assert_string_equal(line, "Y");
	assert_int_equal(provider_number(p, "/sys/yes", &value), GOT_IT);
	assert_int_equal(value, 1);
	assert_int_equal(provider_number(p, "/sys/number", &value), GOT_IT);
	assert_int_equal(value, 16);
	assert_int_equal(provider_number(p, "/sys/word", &value), GOT_MALFORMED);
	assert_int_equal(provider_number(p, "/sys/nothing", &value), GOT_ABSENT);
	assert_int_equal(provider_number(p, "/sys/closed", &value), GOT_DENIED);
	assert_int_equal(provider_look(p, "/sys/closed"), GOT_DENIED);
	assert_int_equal(provider_look(p, "/sys/broken"), GOT_UNREADABLE);
	assert_int_equal(provider_look(p, "/sys/close"), GOT_ABSENT);
	assert_int_equal(provider_rights(p, "/sys/word", &rights), GOT_IT);
	assert_int_equal(rights.mode, 0100644);
	assert_int_equal(rights.gid, 5);
	assert_int_equal(provider_rights(p, "/sys/gone", &rights), GOT_IT);
	assert_int_equal(provider_rights(p, "/sys/closed", &rights), GOT_DENIED);
	assert_int_equal(provider_rights(p, "/sys/number", &rights), GOT_UNREADABLE);
	assert_int_equal(provider_rights(p, "/sys/nothing", &rights), GOT_ABSENT);
	assert_int_equal(provider_now(p, &now), GOT_IT);
	assert_int_equal(now, 1796000000);
	assert_int_equal(provider_bytes(p, "/sys/word", bytes, sizeof(bytes), &len), GOT_IT);
	assert_memory_equal(bytes, "wor", 3);
	assert_int_equal(provider_find_line(p, "/sys/number", "mo", longer), GOT_IT);
	assert_string_equal(longer, "more");
	assert_int_equal(provider_find_line(p, "/sys/number", "x", longer), GOT_IT);
	assert_string_equal(longer, "");
	provider_free(p);
}

/* What is asked for may be understood while the rest is not. */
static void test_whole(void **state)
{
	struct fixture *f = *state;
	struct provider *p = open_it(f->path, NULL);
	char *text;

	assert_int_equal(provider_check(p, "cpuid"), GOT_IT);
	assert_int_equal(provider_check(p, "kvm"), GOT_IT);
	assert_int_equal(provider_check(p, "qmp"), GOT_IT);
	put(f, "/sys/large", "");
	(void) snprintf(f->copy, sizeof(f->copy), "%s/sys/large", f->path);
	assert_int_equal(truncate(f->copy, PROVIDER_TEXT_MAX + 1), 0);
	assert_int_equal(provider_text(p, "/sys/large", &text), GOT_UNREADABLE);
	assert_int_equal(provider_error(p), -EFBIG);
	assert_int_equal(provider_text(p, "/sys/broken", &text), GOT_UNREADABLE);
	assert_int_equal(provider_error(p), -EIO);
	(void) provider_free(p);
	put(f, "/.probe/cpuid", "0x0 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\n0x1\n");
	put(f, "/.probe/kvm", "235 1 5\n66 x\n");
	snprintf(f->copy, sizeof(f->copy), "%s/.probe/qmp", f->path);
	assert_int_equal(mkdir(f->copy, 0700), 0);
	p = open_it(f->path, NULL);
	assert_int_equal(provider_check(p, "cpuid"), GOT_MALFORMED);
	assert_int_equal(provider_check(p, "kvm"), GOT_MALFORMED);
	assert_int_equal(provider_check(p, "qmp"), GOT_UNREADABLE);
	assert_int_equal(provider_error(p), -EINVAL);
	(void) provider_free(p);
}

static void test_kernel(void **state)
{
	struct fixture *f = *state;
	struct provider *p = open_it(f->path, NULL);
	char line[PROVIDER_LINE_MAX], source[PROVIDER_LINE_MAX], longer[TREE_LINE_MAX];
	size_t from = 0;

	assert_int_equal(provider_cmdline(p, "efi", line), GOT_IT);
	assert_string_equal(line, "runtime");
	assert_int_equal(provider_cmdline(p, "quiet", line), GOT_IT);
	assert_string_equal(line, "");
	assert_int_equal(provider_cmdline(p, "qui", line), GOT_ABSENT);
	assert_int_equal(provider_config(p, "CONFIG_EFI", line, source), GOT_IT);
	assert_string_equal(line, "y");
	assert_string_equal(source, "/boot/config-6.1.0");
	assert_int_equal(provider_config(p, "CONFIG_EFI_SECRET", line, NULL), GOT_IT);
	assert_string_equal(line, "n");
	assert_int_equal(provider_kmsg(p, "x", &from, longer), GOT_IT);
	assert_true(startswith(longer, "one x"));
	assert_int_equal(provider_kmsg(p, "x", &from, longer), GOT_IT);
	assert_string_equal(longer, "two x");
	assert_int_equal(provider_kmsg(p, "x", &from, longer), GOT_ABSENT);
	put(f, "/proc/sys/kernel/osrelease", "6.2\n");
	assert_int_equal(provider_config(p, "CONFIG_EFI", line, NULL), GOT_ABSENT);
	put(f, "/proc/sys/kernel/osrelease", "../../boot/config-6.1.0\n");
	assert_int_equal(provider_config(p, "CONFIG_EFI", line, NULL), GOT_MALFORMED);
	provider_free(p);
}

static void test_cpu(void **state)
{
	struct fixture *f = *state;
	struct provider *p = open_it(f->path, NULL);
	char word[PROVIDER_LINE_MAX];
	struct cpuid_regs r;
	uint64_t value = 0;
	int64_t cap = 0;

	assert_int_equal(provider_cpuid(p, 1, 0, &r), GOT_IT);
	/* There is an answer, but the CPU has no such leaf. */
	assert_int_equal(provider_cpuid(p, 7, 0, &r), GOT_ABSENT);
	assert_int_equal(provider_cpuid(p, 0x80000000, 0, &r), GOT_ABSENT);
	assert_int_equal(provider_cpuid(p, 0x8000001f, 0, &r), GOT_ABSENT);
	assert_int_equal(provider_cpuid(p, 0x40000000, 0, &r), GOT_IT);
	assert_int_equal(provider_msr(p, 0xc0010131, &value), GOT_IT);
	assert_int_equal(value, 1);
	assert_int_equal(provider_msr(p, 0x8b, &value), GOT_DENIED);
	assert_int_equal(provider_msr(p, 0x10, &value), GOT_UNREADABLE);
	assert_int_equal(provider_msr(p, 0x11, &value), GOT_ABSENT);
	assert_int_equal(provider_kvm_cap(p, 235, true, &cap), GOT_IT);
	assert_int_equal(cap, 5);
	assert_int_equal(provider_kvm_cap(p, 236, true, &cap), GOT_ABSENT);
	assert_int_equal(provider_kvm_probe(p, "hlt", word), GOT_IT);
	provider_free(p);
	put(f, "/.probe/kvm", "probe open=EACCES\nprobe hlt=ok\n235 1 5\n");
	p = open_it(f->path, NULL);
	assert_int_equal(provider_kvm_cap(p, 235, true, &cap), GOT_DENIED);
	assert_int_equal(provider_kvm_probe(p, "hlt", word), GOT_DENIED);
	provider_free(p);
}

static void expect_copy(const struct fixture *f, const char *name, const char *want)
{
	_cleanup_(freep) char *text = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s%s", f->copy, name);
	assert_int_equal(read_file_at(AT_FDCWD, path, 4096, &text, NULL), 0);
	assert_string_equal(text, want);
}

static bool ends_in_e(void *ctx, const char *line)
{
	(void) ctx;
	return line[0] && line[strlen(line) - 1] == 'e';
}

static void test_record(void **state)
{
	struct fixture *f = *state;
	struct record *record = NULL;
	char line[PROVIDER_LINE_MAX], longer[TREE_LINE_MAX];
	struct provider *p;
	struct cause why;
	struct file_rights rights;
	int64_t now;
	struct stat st;
	uint64_t value;

	assert_int_equal(record_begin(f->path, &record, &why), -EEXIST);
	assert_int_equal(record_begin(f->copy, &record, &why), 0);
	p = open_it(f->path, record);
	(void) provider_line(p, "/sys/word", line);
	(void) provider_line(p, "/sys/closed", line);
	(void) provider_rights(p, "/sys/word", &rights);
	(void) provider_now(p, &now);
	(void) provider_find(p, "/sys/number", ends_in_e, NULL, longer);
	(void) provider_line(p, "/sys/nothing", line);
	(void) provider_cmdline(p, "efi", line);
	(void) provider_kmsg(p, "one", NULL, longer);
	(void) provider_kmsg(p, "one", NULL, longer);
	(void) provider_config(p, "CONFIG_EFI_SECRET", line, NULL);
	(void) provider_msr(p, 0x8b, &value);
	provider_free(p);
	assert_int_equal(record_end(record, &why), 0);

	assert_int_equal(stat(f->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	expect_copy(f, "/sys/word", "word\n");
	expect_copy(f, "/sys/number", "more\n");
	expect_copy(f, "/.probe/rights", "/sys/word 100644 0 5\n");
	expect_copy(f, "/.probe/time", "1796000000\n");
	expect_copy(f, "/proc/cmdline", "efi=noruntime\nefi=runtime\n");
	expect_copy(f, "/.probe/kmsg", "one x 00000000-0000-0000-0000-000000000001\n");
	expect_copy(f, "/boot/config-6.1.0", "");
	expect_copy(f, "/.probe/msr", "0 0x8b EACCES\n");
	expect_copy(f, "/.probe/files", "/sys/closed EACCES\n");
	p = open_it(f->copy, NULL);
	assert_int_equal(provider_line(p, "/sys/closed", line), GOT_DENIED);
	assert_int_equal(provider_line(p, "/sys/nothing", line), GOT_ABSENT);
	assert_int_equal(provider_cmdline(p, "efi", line), GOT_IT);
	assert_string_equal(line, "runtime");
	provider_free(p);
}

/* A name that comes from the machine does not lead a record out of its folder. */
static void test_record_stays(void **state)
{
	struct fixture *f = *state;
	struct record *record = NULL;
	struct cause why;
	char path[128];

	assert_int_equal(record_begin(f->copy, &record, &why), 0);
	record_link(record, "/sys/out", "..");
	record_file(record, "/sys/out/escaped", "x", 1);
	assert_true(record_end(record, &why) < 0);
	assert_non_null(strstr(why.text, "/sys/out/escaped"));
	snprintf(path, sizeof(path), "%s/escaped", f->copy);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/copy2", f->path);
	assert_int_equal(record_begin(path, &record, &why), 0);
	record_file(record, "/sys/../../escaped", "x", 1);
	assert_true(record_end(record, &why) < 0);
	snprintf(path, sizeof(path), "%s/escaped", f->path);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_stays, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
