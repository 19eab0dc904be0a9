/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The providers, over a test double of configfs-tsm and of the two devices.  The double stands
 * behind mkdirat(), close(), unlinkat() and ioctl().  It does what the kernel does there, also
 * when something is wrong.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/gather/provider.h"
#include "base/io.h"

#define REPORTS "/sys/kernel/config/tsm/report"

static char root[64];

static struct {
	/* configfs-tsm */
	const char *provider;
	size_t outblob, auxblob;	/* lengths that a good request gives */
	bool no_auxblob;
	int mkdir_error;
	unsigned meddle;		/* this many requests have somebody else's write in them */
	unsigned meddle_late;		/* ... after the report was read */
	unsigned n_requests;
	char request[PATH_MAX];
	unsigned generation;
	uint8_t inblob[65];
	bool empty_on_close;
	char last_level[8];
	/* the devices */
	int ioctl_error;
	unsigned n_busy, n_ioctls;
	uint32_t vmm_error, want_certs, certs_len, status, size;
} tsm;

/* ---- the double ---- */

int __real_mkdirat(int dirfd, const char *name, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *name, mode_t mode);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags);
int __wrap_ioctl(int fd, unsigned long request, ...);

static void put(const char *dir, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put_text(const char *dir, const char *name, const char *text)
{
	put(dir, name, text, strlen(text));
}

static void put_generation(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", tsm.generation);
	put_text(tsm.request, "generation", text);
}

static void put_blob(const char *name, size_t len, uint8_t seed)
{
	uint8_t *blob = malloc(len + 1);

	assert_non_null(blob);
	for (size_t i = 0; i < len; i++)
		blob[i] = (uint8_t)(i + seed);
	put(tsm.request, name, blob, len);
	free(blob);
}

int __wrap_mkdirat(int dirfd, const char *name, mode_t mode)
{
	char link[64];
	ssize_t n;

	if (tsm.mkdir_error) {
		errno = tsm.mkdir_error;
		return -1;
	}
	assert_int_equal(__real_mkdirat(dirfd, name, mode), 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = readlink(link, tsm.request, sizeof(tsm.request) - 100);
	assert_true(n > 0);
	snprintf(tsm.request + n, sizeof(tsm.request) - (size_t)n, "/%s", name);
	tsm.n_requests++;
	tsm.generation = 0;
	put_generation();
	put_text(tsm.request, "provider", tsm.provider);
	put_text(tsm.request, "inblob", "");
	put_text(tsm.request, "privlevel", "");
	put_text(tsm.request, "service_provider", "");
	put_text(tsm.request, "service_guid", "");
	put_text(tsm.request, "manifestblob", "manifest");
	return 0;
}

/* Written data takes effect at close. */
static int commit(const char *name)
{
	_cleanup_(freep) char *data = NULL;
	char path[PATH_MAX + 16];
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", tsm.request, name);
	assert_int_equal(read_file_at(AT_FDCWD, path, 100, &data, &len), 0);
	tsm.generation++;
	if (streq(name, "privlevel"))
		snprintf(tsm.last_level, sizeof(tsm.last_level), "%s", data);
	if (streq(name, "inblob")) {
		if (tsm.empty_on_close) {
			errno = EFBIG;
			return -1;
		}
		assert_int_equal(len, REPORT_DATA_LEN);
		memcpy(tsm.inblob, data, len);
		put_blob("outblob", tsm.outblob, 1);
		if (!tsm.no_auxblob)
			put_blob("auxblob", tsm.auxblob, 2);
		if (tsm.meddle) {
			tsm.meddle--;
			tsm.generation++;
		}
	}
	put_generation();
	return 0;
}

int __wrap_close(int fd)
{
	char link[64], path[PATH_MAX + 64];
	int flags = fcntl(fd, F_GETFL);
	size_t dir = strlen(tsm.request);
	ssize_t n;
	int r = 0, e = 0;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	__real_close(fd);
	if (dir && strncmp(path, tsm.request, dir) == 0 && path[dir] == '/') {
		if ((flags & O_ACCMODE) == O_WRONLY) {
			r = commit(path + dir + 1);
			e = errno;
		} else if (streq(path + dir + 1, "outblob") && tsm.meddle_late) {
			tsm.meddle_late--;
			tsm.generation++;
			put_generation();
		}
	}
	errno = e;
	return r;
}

/* Removing the folder removes its files, as in configfs. */
int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
	static const char *const files[] = { "generation", "provider",	       "inblob",
					     "outblob",	   "auxblob",	       "manifestblob",
					     "privlevel",  "service_provider", "service_guid" };
	char path[PATH_MAX + 32];

	assert_int_equal(flags, AT_REMOVEDIR);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", tsm.request, files[i]);
		(void) unlink(path);
	}
	tsm.request[0] = '\0';
	return __real_unlinkat(dirfd, name, flags);
}

struct guest_request {
	uint8_t version;
	uint64_t req, resp;
	uint32_t fw_error, vmm_error;
};

static int sev_ioctl(struct guest_request *g)
{
	uint8_t *req = (uint8_t *)(uintptr_t)g->req, *resp = (uint8_t *)(uintptr_t)g->resp;
	uint64_t certs;
	uint32_t len;

	assert_int_equal(g->version, 1);
	memcpy(&certs, req + 96, sizeof(certs));
	memcpy(&len, req + 104, sizeof(len));
	assert_int_equal(len % 4096, 0);
	if (tsm.want_certs > len) {
		memcpy(req + 104, &tsm.want_certs, sizeof(len));
		g->vmm_error = 1;
		errno = EIO;
		return -1;
	}
	memcpy(tsm.inblob, req, 64);
	memcpy(resp, &tsm.status, 4);
	memcpy(resp + 4, &tsm.size, 4);
	memset(resp + 32, 0xab, 1184);
	memset((uint8_t *)(uintptr_t)certs, 0xcd, tsm.certs_len);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	tsm.n_ioctls++;
	if (tsm.n_busy) {
		tsm.n_busy--;
		errno = EBUSY;
		return -1;
	}
	if (tsm.ioctl_error) {
		if (request == 0xc0205302)
			((struct guest_request *)arg)->vmm_error = tsm.vmm_error;
		errno = tsm.ioctl_error;
		return -1;
	}
	if (request == 0xc0205302)
		return sev_ioctl(arg);
	assert_int_equal(request, 0xc4405401);
	memcpy(tsm.inblob, arg, 64);
	memset((uint8_t *)arg + 64, (int)tsm.status, 1024);
	return 0;
}

/* ---- the tests ---- */

static void make_dir(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "mkdir -p %s%s", root, path);
	assert_int_equal(system(full), 0);
}

static int setup(void **state)
{
	memset(&tsm, 0, sizeof(tsm));
	tsm.provider = "sev_guest\n";
	tsm.outblob = 1184;
	tsm.auxblob = 500;
	tsm.size = 1184;
	strcpy(root, "/tmp/test-gather.XXXXXX");
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
	struct attest_request q = {
		.root = root, .nonce_len = 64, .privlevel = -1, .retry_usec = 1
	};

	for (int i = 0; i < 64; i++)
		q.nonce[i] = (uint8_t)(0x40 + i);
	return q;
}

static int gather(const struct attest_request *q, struct bundle *b, struct cause *why)
{
	int r;

	memset(b, 0, sizeof(*b));
	r = attest_gather(attest_kernel_providers, q, b, why);
	/* Nothing stays behind. */
	assert_string_equal(tsm.request, "");
	return r;
}

static void assert_fails(int error, const char *words)
{
	struct attest_request q = request();
	struct bundle b;
	struct cause why;

	assert_int_equal(gather(&q, &b, &why), error);
	if (!strstr(why.text, words))
		fail_msg("'%s' is not in '%s'", words, why.text);
	bundle_done(&b);
}

static bool noted(const struct bundle *b, const char *words)
{
	const struct bundle_item *i;

	for (size_t n = 0; (i = bundle_find(b, BUNDLE_NOTE, n)); n++)
		if (strstr((const char *)i->data, words))
			return true;
	return false;
}

static void test_nothing(void **state)
{
	assert_fails(-ENODEV, "sev-guest: there is no /dev/sev-guest");
	make_dir(REPORTS);
	tsm.mkdir_error = ENXIO;
	assert_fails(-ENODEV, "no module that provides reports is loaded");
	tsm.mkdir_error = EACCES;
	assert_fails(-EACCES, "configfs-tsm: no folder can be made");
}

static void test_tsm(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;
	char dir[100];

	make_dir(REPORTS);
	make_dir("/sys/devices/system/cpu/sev");
	snprintf(dir, sizeof(dir), "%s/sys/devices/system/cpu/sev", root);
	put_text(dir, "vmpl", "2\n");
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "snp");
	assert_string_equal(bundle_text(&b, BUNDLE_PROVIDER), "configfs-tsm:sev_guest");
	assert_string_equal(bundle_text(&b, BUNDLE_VMPL), "2");
	assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->len, 1184);
	assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->data[5], 6);
	assert_int_equal(bundle_find(&b, BUNDLE_CERT_TABLE, 0)->len, 500);
	assert_memory_equal(bundle_find(&b, BUNDLE_NONCE, 0)->data, q.nonce, 64);
	assert_memory_equal(tsm.inblob, q.nonce, 64);
	assert_string_equal(tsm.last_level, "");
	bundle_done(&b);

	q.privlevel = 3;
	q.service = "svsm";
	q.service_guid = "11111111-2222-3333-4444-555555555555";
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_string_equal(tsm.last_level, "3");
	assert_int_equal(bundle_find(&b, BUNDLE_SERVICE_MANIFEST, 0)->len, 8);
}

static void test_tsm_absent(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;

	make_dir(REPORTS);
	tsm.auxblob = 0;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_null(bundle_find(&b, BUNDLE_CERT_TABLE, 0));
	assert_true(noted(&b, "cert-table: absent, the provider's 'auxblob' is empty"));
	assert_true(noted(&b, "vmpl: absent"));
	bundle_done(&b);
	tsm.no_auxblob = true;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_true(noted(&b, "cert-table: absent, the kernel has no 'auxblob'"));
}

/*
 * Folders left behind by a killed process are removed; a folder that another process waits for
 * stays.
 */
static void test_tsm_abandoned(void **state)
{
	static const char *const dead[] = { "cocod-4194305-00",
					    "cocod-2147483647-0123456789abcdef" };
	static const char *const others[] = { "cocod-1-00", "cocod--1",
					      "cocod-0-1",  "cocod-99999999999999-1",
					      "cocod-x-1",  "mine" };
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	char path[200];
	struct cause why;

	make_dir(REPORTS);
	for (size_t i = 0; i < ARRAY_SIZE(dead) + ARRAY_SIZE(others); i++) {
		snprintf(path, sizeof(path), REPORTS "/%s",
			 i < ARRAY_SIZE(dead) ? dead[i] : others[i - ARRAY_SIZE(dead)]);
		make_dir(path);
	}
	assert_int_equal(gather(&q, &b, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dead); i++) {
		snprintf(path, sizeof(path), "%s" REPORTS "/%s", root, dead[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(path, sizeof(path), "%s" REPORTS "/%s", root, others[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
}

static void test_tsm_wrong(void **state)
{
	make_dir(REPORTS);
	tsm.outblob = 1183;
	assert_fails(-EBADMSG, "has 1183 bytes, at least 1184");
	tsm.outblob = 0;
	assert_fails(-EBADMSG, "has 0 bytes");
	tsm.outblob = 70000;
	assert_fails(-EMSGSIZE, "more than 65536");
	tsm.outblob = 1184;
	tsm.auxblob = 200000;
	assert_fails(-EMSGSIZE, "'auxblob' has more than");
	tsm.auxblob = 0;
	tsm.provider = "arm_cca_guest\n";
	assert_fails(-EOPNOTSUPP, "'arm_cca_guest', whose reports nothing here can verify");
	tsm.provider = "sev_guest\n";
	tsm.empty_on_close = true;
	assert_fails(-EFBIG, "'inblob' does not take");
}

static void test_tsm_interference(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;

	make_dir(REPORTS);
	tsm.meddle = 2;
	assert_int_equal(gather(&q, &b, &why), 0);
	/* the probe's, and a new one for each try */
	assert_int_equal(tsm.n_requests, 1 + 3);
	bundle_done(&b);
	tsm.n_requests = 0;
	tsm.meddle_late = 1;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_int_equal(tsm.n_requests, 1 + 2);
	tsm.meddle = 1000;
	assert_fails(-EAGAIN, "another process writes to the request");
}

static void test_tdx_surroundings(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;
	char dir[128];

	make_dir(REPORTS);
	tsm.provider = "tdx_guest";
	tsm.outblob = 5000;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "tdx");
	assert_int_equal(bundle_find(&b, BUNDLE_QUOTE, 0)->len, 5000);
	assert_true(noted(&b, "event-log: absent"));
	assert_true(noted(&b, "registers: absent"));
	bundle_done(&b);

	make_dir("/sys/firmware/acpi/tables/data");
	make_dir("/sys/class/misc/tdx_guest/measurements");
	snprintf(dir, sizeof(dir), "%s/sys/class/misc/tdx_guest/measurements", root);
	put(dir, "rtmr0:sha384", "\1\2\3", 3);
	put(dir, "mrtd:sha384", "\xff", 1);
	put(dir, "power", "x", 1);
	snprintf(dir, sizeof(dir), "%s/sys/firmware/acpi/tables/data", root);
	put(dir, "CCEL", "log", 3);
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_string_equal(bundle_text(&b, BUNDLE_REGISTERS),
			    "mrtd:sha384 ff\nrtmr0:sha384 010203\n");
	assert_int_equal(bundle_find(&b, BUNDLE_EVENT_LOG, 0)->len, 3);
	assert_null(bundle_find(&b, BUNDLE_RUNTIME_LOG, 0));
	assert_false(noted(&b, "runtime-log"));
	bundle_done(&b);

	make_dir("/run/cocod");
	snprintf(dir, sizeof(dir), "%s/run/cocod", root);
	put(dir, "aael", "more", 4);
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_int_equal(bundle_find(&b, BUNDLE_RUNTIME_LOG, 0)->len, 4);
}

static void test_sev_device(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;
	char dir[100];

	make_dir("/dev");
	snprintf(dir, sizeof(dir), "%s/dev", root);
	put_text(dir, "sev-guest", "");
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_true(noted(&b, "cert-table: absent, the host gave no certificates"));
	assert_string_equal(bundle_text(&b, BUNDLE_PROVIDER), "sev-guest");
	assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->len, 1184);
	assert_int_equal(bundle_find(&b, BUNDLE_REPORT, 0)->data[0], 0xab);
	assert_memory_equal(tsm.inblob, q.nonce, 64);
	bundle_done(&b);

	tsm.want_certs = 20 * 4096;
	tsm.certs_len = 20 * 4096;
	tsm.n_busy = 3;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_int_equal(bundle_find(&b, BUNDLE_CERT_TABLE, 0)->len, 20 * 4096);
	tsm.n_busy = 1000;
	assert_fails(-EAGAIN, "busy");
	tsm.n_busy = 0;
	tsm.want_certs = 1u << 30;
	assert_fails(-EMSGSIZE, "wants 1073741824 bytes");
	tsm.want_certs = 20 * 4096 + 1;
	assert_fails(-EMSGSIZE, "wants 81921 bytes");
	tsm.want_certs = tsm.certs_len = 0;
	tsm.size = 1183;
	assert_fails(-EBADMSG, "has 1183 bytes");
	tsm.size = 0xffffffff;
	assert_fails(-EBADMSG, "bytes, 1184 are needed");
	tsm.size = 1184;
	tsm.status = 0x16;
	assert_fails(-EIO, "status 0x16");
	tsm.ioctl_error = ENOTTY;
	assert_fails(-ENOTTY, "is another device");
	tsm.ioctl_error = EIO;
	tsm.vmm_error = 7;
	assert_fails(-EIO, "host 0x7");
}

static void test_tdx_device(void **state)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct attest_request q = request();
	struct cause why;
	char dir[100];

	make_dir("/dev");
	snprintf(dir, sizeof(dir), "%s/dev", root);
	put_text(dir, "tdx_guest", "");
	assert_fails(-EBADMSG, "the TDREPORT is empty");
	tsm.status = 0x81;
	tsm.n_busy = 2;
	assert_int_equal(gather(&q, &b, &why), 0);
	assert_string_equal(bundle_text(&b, BUNDLE_TYPE), "tdreport");
	assert_string_equal(bundle_text(&b, BUNDLE_PROVIDER), "tdx-guest");
	assert_int_equal(bundle_find(&b, BUNDLE_TDREPORT, 0)->len, 1024);
	assert_true(noted(&b, "quote: absent"));
	tsm.ioctl_error = ENOTTY;
	assert_fails(-ENOTTY, "is another device");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsm_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsm_abandoned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsm_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsm_interference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tdx_surroundings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sev_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tdx_device, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
