/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The provider, over a double of /dev/tdx_guest that stands behind ioctl() and nanosleep(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/gather/provider.h"
#include "base/io.h"

#include <cmocka.h>

#define GET_REPORT 0xc4405401

static char root[64];

static struct {
	int error;		/* the error of each failing call */
	unsigned n_errors;	/* the number of failing calls */
	unsigned n_calls, n_pauses;
	uint64_t paused_usec;
	uint8_t asked[64];
	uint8_t first, last;	/* bytes of the report; the others are zeros */
	unsigned long fail_at;	/* this allocation from now on fails, counted from 1; 0: none */
} device;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_nanosleep(const struct timespec *t, struct timespec *rest);
void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	uint8_t *x;
	va_list ap;

	va_start(ap, request);
	x = va_arg(ap, void *);
	va_end(ap);
	assert_int_equal(request, GET_REPORT);
	device.n_calls++;
	if (device.n_errors > 0) {
		device.n_errors--;
		errno = device.error;
		return -1;
	}
	memcpy(device.asked, x, sizeof(device.asked));
	memset(x + 64, 0, 1024);
	x[64] = device.first;
	x[64 + 1023] = device.last;
	return 0;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *rest)
{
	device.n_pauses++;
	device.paused_usec += (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_nsec / 1000;
	return 0;
}

void *__wrap_malloc(size_t len)
{
	return device.fail_at > 0 && --device.fail_at == 0 ? NULL : __real_malloc(len);
}

/* ---- the tests ---- */

static void put_device(void)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/dev", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/dev/tdx_guest", root);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	memset(&device, 0, sizeof(device));
	device.first = 0x81;
	strcpy(root, "/tmp/test-tdx-guest.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static struct attest_request request(void)
{
	struct attest_request q = { .root = root, .nonce_len = 64, .privlevel = -1 };

	for (int i = 0; i < 64; i++)
		q.nonce[i] = (uint8_t)(0x40 + i);
	return q;
}

static int report(const struct attest_request *q, struct bundle *b, struct cause *why)
{
	memset(b, 0, sizeof(*b));
	*why = (struct cause){ "" };
	return attest_tdx_guest.report(q, b, why);
}

static void assert_fails(const struct attest_request *q, int error, const char *words)
{
	struct bundle b;
	struct cause why;

	assert_int_equal(report(q, &b, &why), error);
	if (!strstr(why.text, words))
		fail_msg("'%s' is not in '%s'", words, why.text);
	assert_int_equal(b.n_items, 0);
}

static void test_probe(void **state)
{
	struct attest_request q = request();
	struct cause why = { "" };

	assert_string_equal(attest_tdx_guest.name, "tdx-guest");
	assert_int_equal(attest_tdx_guest.probe(&q, &why), 0);
	assert_string_equal(why.text, "there is no /dev/tdx_guest");
	assert_fails(&q, -ENOENT, "there is no /dev/tdx_guest");
	put_device();
	assert_int_equal(attest_tdx_guest.probe(&q, &why), 1);
	assert_int_equal(device.n_calls, 0);
}

static void test_report(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	const struct bundle_item *item;
	struct cause why;

	put_device();
	assert_int_equal(report(&q, &b, &why), 0);
	assert_int_equal(device.n_calls, 1);
	assert_memory_equal(device.asked, q.nonce, 64);
	assert_int_equal(b.n_items, 4);
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "tdreport");
	assert_string_equal(bundle_text(&b, BUNDLE_PROVIDER), "tdx-guest");
	item = bundle_find(&b, BUNDLE_TDREPORT, 0);
	assert_non_null(item);
	assert_int_equal(item->len, 1024);
	assert_int_equal(item->data[0], 0x81);
	assert_true(bytes_all_zero(&(struct bytes){ item->data + 1, 1023 }));
	assert_non_null(strstr(bundle_text(&b, BUNDLE_NOTE), "quote: absent"));
}

/* A report of zeros is refused; one byte that is set is enough, wherever it is. */
static void test_empty(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;

	put_device();
	device.first = 0;
	assert_fails(&q, -EBADMSG, "the TDREPORT is empty");
	device.last = 1;
	assert_int_equal(report(&q, &b, &why), 0);
	assert_int_equal(bundle_find(&b, BUNDLE_TDREPORT, 0)->data[1023], 1);
}

/*
 * Requests for what a TDX guest does not have, even the lowest level, are refused before the
 * device is asked.
 */
static void test_not_asked(void **state)
{
	struct attest_request q = request();

	put_device();
	for (q.privlevel = 0; q.privlevel < 4; q.privlevel++)
		assert_fails(&q, -EOPNOTSUPP, "neither privilege levels nor services");
	q = request();
	q.service = "svsm";
	assert_fails(&q, -EOPNOTSUPP, "neither privilege levels nor services");
	assert_int_equal(device.n_calls, 0);
}

/* A busy device is asked again: eight times in all, with pauses that double. */
static void test_busy(void **state)
{
	static const int busy[] = { EBUSY, EINTR, EAGAIN };
	struct attest_request q = request();

	put_device();
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++) {
		_cleanup_(bundle_done) struct bundle b = { 0 };
		struct cause why;

		device.error = busy[i];
		device.n_errors = PROVIDER_TRIES - 1;
		device.n_calls = device.n_pauses = 0;
		device.paused_usec = 0;
		assert_int_equal(report(&q, &b, &why), 0);
		assert_int_equal(device.n_calls, PROVIDER_TRIES);
		assert_int_equal(device.n_pauses, PROVIDER_TRIES - 1);
		assert_int_equal(device.paused_usec, PROVIDER_RETRY_USEC * 127);
		device.n_errors = PROVIDER_TRIES;
		device.n_calls = 0;
		assert_fails(&q, -busy[i], "the TDX module makes no report");
		assert_int_equal(device.n_calls, PROVIDER_TRIES);
		assert_int_equal(device.n_errors, 0);
	}
}

static void test_errors(void **state)
{
	struct attest_request q = request();

	put_device();
	device.error = ENOTTY;
	device.n_errors = 1;
	assert_fails(&q, -ENOTTY, "/dev/tdx_guest is another device");
	device.error = EIO;
	device.n_errors = 1;
	assert_fails(&q, -EIO, "the TDX module makes no report");
	assert_int_equal(device.n_calls, 2);
	assert_int_equal(device.n_pauses, 0);
}

/* Whichever allocation fails: never a report with a part of it missing. */
static void test_no_memory(void **state)
{
	struct attest_request q = request();
	struct cause why;
	struct bundle b;

	put_device();
	for (unsigned long n = 1; n <= 4; n++) {
		device.fail_at = n;
		assert_int_equal(report(&q, &b, &why), -ENOMEM);
		assert_int_equal(device.fail_at, 0);
		assert_int_equal(b.n_items, n - 1);
		bundle_done(&b);
	}
	device.fail_at = 5;
	assert_int_equal(report(&q, &b, &why), 0);
	assert_int_equal(device.fail_at, 1);
	bundle_done(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
