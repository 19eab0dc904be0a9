/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/launch/snp-pages.h"

#include <cmocka.h>

#include "tests/unit/machines.h"

#define PAGE 4096
#define IMAGE_MAX (9 * SNP_STRETCH_LEN + 3 * PAGE)

/* ---- the file ---- */

static int read_error;		/* of all but the first byte's piece */
static size_t read_most;	/* bytes at once; 0: as many as are asked for */
static int n_interrupts;

ssize_t __real_pread(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at)
{
	if (read_error && at > 0) {
		errno = read_error;
		return -1;
	}
	if (n_interrupts > 0) {
		n_interrupts--;
		errno = EINTR;
		return -1;
	}
	return __real_pread(fd, buf, read_most ? MIN(len, read_most) : len, at);
}

static uint8_t data[IMAGE_MAX];
static struct sha sha;

static int file_of(size_t len)
{
	int fd = memfd_create("firmware", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, len), 0);
	return fd;
}

static int set_up(void **state)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / PAGE * 31 + i % 251);
	return sha_init(&sha, "SHA384");
}

static int tear_down(void **state)
{
	sha_done(&sha);
	return 0;
}

/* By OpenSSL alone, one page after the other. */
static void chain(size_t n, uint8_t ld[static SHA384_LEN])
{
	uint8_t info[0x70];

	memset(ld, 0, SHA384_LEN);
	for (size_t i = 0; i < n; i++) {
		uint64_t gpa = (UINT64_C(1) << 32) - (n - i) * PAGE;

		memset(info, 0, sizeof(info));
		memcpy(info, ld, SHA384_LEN);
		assert_int_equal(EVP_Digest(data + i * PAGE, PAGE, info + 48, NULL, EVP_sha384(),
					    NULL),
				 1);
		info[0x60] = sizeof(info);
		info[0x62] = 1;
		memcpy(info + 0x68, &gpa, sizeof(gpa));
		assert_int_equal(EVP_Digest(info, sizeof(info), ld, NULL, EVP_sha384(), NULL), 1);
	}
}

static int hash_of(const struct snp_image *image, uint8_t ret[static SHA384_LEN])
{
	_cleanup_(snp_firmware_freep) struct snp_firmware *f = NULL;
	_cleanup_(pool_done) struct pool pool;

	pool_init(&pool);
	assert_int_equal(snp_firmware_begin(image, &sha, &pool, &f), 0);
	return snp_firmware_end(f, ret);
}

/* The first @len bytes of the data, of which @before are in the file alone. */
static struct snp_image image_of(size_t len, size_t before, int fd)
{
	return (struct snp_image){ { data + before, len - before }, before, fd };
}

/* ---- tests ---- */

/* However many threads there are, and wherever the bytes are. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 128, 200, IMAGE_MAX / PAGE };
	int fd = file_of(sizeof(data));

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const size_t len = sizes[i] * PAGE;
		uint8_t want[SHA384_LEN], got[SHA384_LEN];

		chain(sizes[i], want);
		for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
			machine = &machines[m];
			for (size_t before = 0; before <= len; before += SNP_STRETCH_LEN) {
				struct snp_image image = image_of(len, before, fd);

				assert_int_equal(hash_of(&image, got), 0);
				assert_memory_equal(got, want, SHA384_LEN);
			}
		}
	}
	assert_int_equal(lseek(fd, 0, SEEK_CUR), sizeof(data));
	(void) close(fd);
}

static void test_short_reads(void **state)
{
	struct snp_image image = image_of(IMAGE_MAX, SNP_STRETCH_LEN, file_of(sizeof(data)));
	uint8_t want[SHA384_LEN], got[SHA384_LEN];

	machine = &machines[0];
	chain(IMAGE_MAX / PAGE, want);
	read_most = 1001;
	n_interrupts = 3;
	assert_int_equal(hash_of(&image, got), 0);
	assert_memory_equal(got, want, SHA384_LEN);
	assert_int_equal(n_interrupts, 0);
	read_most = 0;
	(void) close(image.fd);
}

/* What is cut off or replaced has no digest, and neither has what cannot be read. */
static void test_changes(void **state)
{
	const size_t before = 8 * SNP_STRETCH_LEN;
	const size_t cuts[] = { before - 1, before - SNP_STRETCH_LEN, 5000, 0 };
	uint8_t got[SHA384_LEN] = { 7 };

	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct snp_image image = image_of(IMAGE_MAX, before, file_of(sizeof(data)));

		machine = &machines[m];
		read_error = EIO;
		assert_int_equal(hash_of(&image, got), -EIO);
		read_error = 0;
		for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
			assert_int_equal(ftruncate(image.fd, (off_t)cuts[i]), 0);
			assert_int_equal(hash_of(&image, got), -ESTALE);
		}
		(void) close(image.fd);
		image.fd = file_of(sizeof(data));
		assert_int_equal(pwrite(image.fd, "IGVM", 4, 0), 4);
		assert_int_equal(hash_of(&image, got), -ESTALE);
		assert_int_equal(got[0], 7);
		(void) close(image.fd);
	}
}

/* Nobody waits for it. */
static void test_given_up(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct snp_image image = image_of(IMAGE_MAX, SNP_STRETCH_LEN, file_of(IMAGE_MAX));
		_cleanup_(snp_firmware_freep) struct snp_firmware *f = NULL;
		struct pool pool;

		machine = &machines[m];
		pool_init(&pool);
		assert_int_equal(snp_firmware_begin(&image, &sha, &pool, &f), 0);
		pool_done(&pool);
		(void) close(image.fd);
	}
	assert_null(snp_firmware_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_short_reads),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
