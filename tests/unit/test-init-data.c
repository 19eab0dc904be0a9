/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <zlib.h>

#include "agent/net/init-data.h"
#include "base/base64.h"
#include "base/io.h"
#include "base/toml.h"
#include "tests/unit/vectors.h"
#include "wire/bytes.h"

#define HEAD "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n"
#define URL "\"trustee.kbs.url\" = \"https://kbs.example:8080\"\n"
#define RESOURCE "\"trustee.kbs.resource\" = "
#define OTHERS HEAD "'trustee.kbs.url-not' = ''\n[more]\n'trustee.kbs.resource' = '%'"
#define GOOD HEAD URL RESOURCE "\"kbs:///default/luks/root\"\n"

/* A file with these bytes, which the caller closes. */
static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("init-data", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int read_bytes(const void *data, size_t len, char **ret_text, size_t *ret_len,
		      struct init_data *ret, struct cause *why)
{
	int fd = file_of(data, len), r;

	r = init_data_read(fd, ret_text, ret_len, ret, why);
	close_fd(fd);
	return r;
}

/* @data is the document @text, or carries it. */
static void assert_reads(const void *data, size_t len, const char *text)
{
	struct init_data d = { "x" };
	struct cause why = { "" };
	char *is = NULL;
	size_t is_len;

	if (read_bytes(data, len, &is, &is_len, &d, &why) != 0)
		fail_msg("%s: %s", text, why.text);
	assert_int_equal(is_len, strlen(text));
	assert_string_equal(is, text);
	free(is);
}

static void assert_refused(const void *data, size_t len, int error, const char *reason)
{
	struct init_data d = { "untouched" };
	struct cause why = { "" };
	char *text = NULL;
	size_t text_len = 77;

	assert_int_equal(read_bytes(data, len, &text, &text_len, &d, &why), error);
	if (!strstr(why.text, reason) || !startswith(why.text, "the init data: "))
		fail_msg("%s: %s", reason, why.text);
	assert_null(text);
	assert_int_equal(text_len, 77);
	assert_string_equal(d.algorithm, "untouched");
}

/* ---- the document ---- */

static void assert_uri(const char *resource, const char *uri)
{
	char document[1024], *text = NULL;
	struct init_data d = { "" };
	struct cause why = { "" };
	size_t len;

	(void) snprintf(document, sizeof(document), HEAD RESOURCE "'%s'\n", resource);
	if (read_bytes(document, strlen(document), &text, &len, &d, &why) != 0)
		fail_msg("%s: %s", resource, why.text);
	assert_string_equal(d.uri, uri);
	assert_string_equal(d.url, "");
	free(text);
}

static void test_document(void **state)
{
	struct init_data d = { "" };
	struct cause why = { "" };
	char *text = NULL;
	size_t len;

	assert_int_equal(read_bytes(GOOD, strlen(GOOD), &text, &len, &d, &why), 0);
	assert_string_equal(d.algorithm, "sha384");
	assert_string_equal(d.url, "https://kbs.example:8080");
	assert_string_equal(d.uri, "kbs:///default/luks/root");
	free(text);
	assert_int_equal(read_bytes(HEAD, strlen(HEAD), &text, &len, &d, &why), 0);
	assert_string_equal(d.url, "");
	assert_string_equal(d.uri, "");
	free(text);
	assert_reads(OTHERS, strlen(OTHERS), OTHERS);
}

static void test_uri(void **state)
{
	assert_uri("kbs:///a/b/c", "kbs:///a/b/c");
	assert_uri("kbs://kbs.example:8080/a/b/c", "kbs://kbs.example:8080/a/b/c");
	assert_uri("kbs+provisioner:///default/1234/root", "kbs+provisioner:///default/1234/root");
	assert_uri("default/my-vm/root", "kbs:///default/my-vm/root");
}

static void test_document_bad(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *reason;
	} bad[] = {
		{ "", -EBADMSG, "it has no version" },
		{ "algorithm = 'sha256'\n[data]\n", -EBADMSG, "it has no version" },
		{ "algorithm = 'sha256'\n[data]\nversion='0.1.0'", -EBADMSG, "it has no version" },
		{ "version = '0.1.0'\n[data]\n", -EBADMSG, "it has no algorithm" },
		{ "version = '0.1.0'\nalgorithm = 'sha256'\n", -EBADMSG, "it has no table [data]" },
		{ "version = '0.1.1'\nalgorithm = 'sha256'\n[data]", -EOPNOTSUPP,
		  "its version is '0.1.1'" },
		{ "version = '0.1.0'\nalgorithm = 'SHA256'\n[data]", -EOPNOTSUPP,
		  "its algorithm is 'SHA256'" },
		{ "version = '0.1.0'\nalgorithm = 'sha1'\n[data]", -EOPNOTSUPP,
		  "its algorithm is 'sha1'" },
		{ HEAD "'trustee.kbs.url' = ''\n" RESOURCE "5", -EBADMSG,
		  "line 5: a value that is not a string" },
		{ HEAD URL URL, -EBADMSG, "line 5: this key is there already, in line 4" },
		{ HEAD "'trustee.kbs.url' = 'https://a b'", -EBADMSG, "url is no address" },
		{ HEAD "'trustee.kbs.url' = \"https://a\\n\"", -EBADMSG, "url is no address" },
		{ HEAD "'trustee.kbs.url' = 'https://\xc3\xa9'", -EBADMSG, "url is no address" },
		{ HEAD RESOURCE "''", -EBADMSG, "resource is not of the form" },
		{ HEAD RESOURCE "'/a/b/c'", -EBADMSG, "resource is not of the form" },
		{ HEAD RESOURCE "'a/b'", -EBADMSG, "resource is not of the form" },
		{ HEAD RESOURCE "'+p/a/b'", -EBADMSG, "resource is not of the form" },
		{ HEAD RESOURCE "'kbs:///../b/c'", -EBADMSG, "resource is not of the form" },
		{ HEAD RESOURCE "'https://a/b/c'", -EBADMSG, "resource is not of the form" },
		{ "initdata", -EBADMSG, "line 1: a key without '='" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(bad[i].text, strlen(bad[i].text), bad[i].error, bad[i].reason);
}

static void test_too_long(void **state)
{
	static char text[TOML_MAX + 1];
	char document[1024], word[300];

	memset(text, '\n', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	assert_refused(text, sizeof(text), -EMSGSIZE, "more than 65536 bytes");
	text[TOML_MAX] = '\0';
	assert_reads(text, TOML_MAX, text);

	memset(word, 'a', sizeof(word));
	(void) snprintf(document, sizeof(document), HEAD "'trustee.kbs.url' = '%.255s'", word);
	assert_reads(document, strlen(document), document);
	(void) snprintf(document, sizeof(document), HEAD "'trustee.kbs.url' = '%.256s'", word);
	assert_refused(document, strlen(document), -EMSGSIZE, "url is too long");
	(void) snprintf(document, sizeof(document), HEAD RESOURCE "'kbs:///a/b/%.244s'", word);
	assert_reads(document, strlen(document), document);
	(void) snprintf(document, sizeof(document), HEAD RESOURCE "'kbs:///a/b/%.245s'", word);
	assert_refused(document, strlen(document), -EMSGSIZE, "resource is too long");
	/* The URI of a path that fits may not. */
	(void) snprintf(document, sizeof(document), HEAD RESOURCE "'a/b/%.244s'", word);
	assert_reads(document, strlen(document), document);
	(void) snprintf(document, sizeof(document), HEAD RESOURCE "'a/b/%.245s'", word);
	assert_refused(document, strlen(document), -EMSGSIZE, "resource is too long");
}

static void test_read_fails(void **state)
{
	struct init_data d = { "" };
	struct cause why = { "" };
	char *text = NULL;
	size_t len;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_int_equal(init_data_read(fd, &text, &len, &d, &why), -EIO);
	assert_non_null(strstr(why.text, "cannot read it"));
	close_fd(fd);
}

/* ---- SMBIOS ---- */

/* An entry of type 11 with @strings, which ends with NULL.  Returns its length. */
static size_t make_entry(const char *const *strings, uint8_t *ret, size_t size)
{
	size_t len = 5;

	memset(ret, 0, size);
	memcpy(ret, "\x0b\x05\x00\x0e", 4);
	for (; *strings; strings++) {
		assert_true(len + strlen(*strings) + 2 < size);
		memcpy(ret + len, *strings, strlen(*strings));
		len += strlen(*strings) + 1;
		ret[4]++;
	}
	return len + (ret[4] > 0 ? 1 : 2);
}

static char *base64_of(const char *text)
{
	char *ret;

	assert_int_equal(base64_encode((const uint8_t *)text, strlen(text), &ret), 0);
	return ret;
}

static void test_smbios(void **state)
{
	char *good = base64_of(GOOD), *bad = base64_of("algorithm = 5"), *other = base64_of(HEAD);
	const char *const first[] = { good, NULL };
	const char *const among[] = { "io.systemd.credential:a=b", "AAAA", "==", good, "x", NULL };
	const char *const none[] = { "io.systemd.credential:a=b", "AAAA", NULL };
	const char *const empty[] = { NULL };
	const char *const two[] = { good, "x", other, NULL };
	const char *const broken[] = { bad, NULL };
	static uint8_t entry[4096];
	size_t len;

	len = make_entry(first, entry, sizeof(entry));
	assert_reads(entry, len, GOOD);
	/* Without the NUL that ends the list, or the one that ends the string. */
	assert_reads(entry, len - 1, GOOD);
	assert_reads(entry, len - 2, GOOD);
	len = make_entry(among, entry, sizeof(entry));
	assert_reads(entry, len, GOOD);
	len = make_entry(none, entry, sizeof(entry));
	assert_refused(entry, len, -EBADMSG, "no string of the SMBIOS entry");
	len = make_entry(empty, entry, sizeof(entry));
	assert_refused(entry, len, -EBADMSG, "no string of the SMBIOS entry");
	len = make_entry(two, entry, sizeof(entry));
	assert_refused(entry, len, -EBADMSG, "two strings of the SMBIOS entry");
	len = make_entry(broken, entry, sizeof(entry));
	assert_refused(entry, len, -EBADMSG, "line 1: a value that is not a string");
	/* Behind the end of the list there is nothing. */
	len = make_entry(none, entry, sizeof(entry));
	memcpy(entry + len, good, strlen(good));
	assert_refused(entry, len + strlen(good), -EBADMSG, "no string of the SMBIOS entry");
	/* A longer header. */
	len = make_entry(first, entry, sizeof(entry));
	memmove(entry + 7, entry + 5, len);
	entry[1] = 7;
	assert_reads(entry, len + 2, GOOD);
	free(good);
	free(bad);
	free(other);
}

static void test_smbios_bad(void **state)
{
	static uint8_t entry[65536] = { 11, 5 };

	assert_refused("\x0b", 1, -EBADMSG, "the SMBIOS entry is malformed");
	assert_refused("\x0b\x04\x00\x00\x00", 5, -EBADMSG, "the SMBIOS entry is malformed");
	assert_refused("\x0b\x06\x00\x00\x00", 5, -EBADMSG, "the SMBIOS entry is malformed");
	assert_refused("\x0b\xff\x00\x00\x00", 5, -EBADMSG, "the SMBIOS entry is malformed");
	assert_refused("\x0b\x05\x00\x00\x00", 5, -EBADMSG, "no string of the SMBIOS entry");
	assert_refused("\x0c\x05\x00\x00\x00", 5, -EBADMSG, "line 1: a control character");
	memset(entry + 5, 'A', sizeof(entry) - 5);
	assert_refused(entry, sizeof(entry), -EMSGSIZE, "more than 65535 bytes");
	assert_refused(entry, sizeof(entry) - 1, -EBADMSG, "no string of the SMBIOS entry");
}

/* ---- Kata's device ---- */

static size_t compress_to(const char *text, size_t len, int bits, uint8_t *ret, size_t size)
{
	z_stream z = { .next_in = (Bytef *)text, .avail_in = (uInt)len };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = ret;
	z.avail_out = (uInt)size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size -= z.avail_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
	return size;
}

static uint8_t device[128 * 1024];

/* Make the device of @text.  Returns how many bytes of it are not padding. */
static size_t make_device(const char *text, size_t len)
{
	size_t n;

	memset(device, 0, sizeof(device));
	n = compress_to(text, len, 16 + MAX_WBITS, device + 16, sizeof(device) - 16);
	memcpy(device, "initdata", 8);
	put_u32le(device + 8, (uint32_t)n);
	return 16 + n;
}

static void test_kata(void **state)
{
	size_t n = make_device(GOOD, strlen(GOOD));

	assert_reads(device, n, GOOD);
	assert_reads(device, 1024, GOOD);
	assert_reads(device, sizeof(device), GOOD);
	memset(device + n, 0xa5, sizeof(device) - n);
	assert_reads(device, sizeof(device), GOOD);

	assert_refused(device, n - 1, -EBADMSG, "it is cut off");
	assert_refused(device, 16, -EBADMSG, "it is cut off");
	put_u32le(device + 8, (uint32_t)n - 16 - 1);
	assert_refused(device, n, -EBADMSG, "not compressed by gzip, or damaged");
	put_u32le(device + 8, 0);
	assert_refused(device, n, -EBADMSG, "not compressed by gzip, or damaged");
	put_u32le(device + 8, (uint32_t)n - 16 + 1);
	assert_refused(device, n + 1, -EBADMSG, "something follows");
	put_u32le(device + 8, INIT_DATA_GZIP_MAX + 1);
	assert_refused(device, sizeof(device), -EMSGSIZE, "it has 73729 bytes, and may have 73728");
	put_u32le(device + 8, (uint32_t)n - 16);
	device[15] = 1;
	assert_refused(device, n, -EMSGSIZE, "and may have 73728");
	device[15] = 0;
	/* The checksum, and a document that is not good. */
	device[n - 5] ^= 1;
	assert_refused(device, n, -EBADMSG, "not compressed by gzip, or damaged");
	n = make_device("a = 5", 5);
	assert_refused(device, n, -EBADMSG, "line 1: a value that is not a string");
}

static void test_kata_formats(void **state)
{
	size_t n;

	/* zlib's own format, and no format. */
	memset(device, 0, sizeof(device));
	memcpy(device, "initdata", 8);
	n = compress_to(GOOD, strlen(GOOD), MAX_WBITS, device + 16, sizeof(device) - 16);
	put_u32le(device + 8, (uint32_t)n);
	assert_refused(device, 16 + n, -EBADMSG, "not compressed by gzip");
	n = compress_to(GOOD, strlen(GOOD), -MAX_WBITS, device + 16, sizeof(device) - 16);
	put_u32le(device + 8, (uint32_t)n);
	assert_refused(device, 16 + n, -EBADMSG, "not compressed by gzip");
	/* A second part of the same format. */
	n = make_device(GOOD, strlen(GOOD));
	memcpy(device + n, device + 16, n - 16);
	put_u32le(device + 8, 2 * ((uint32_t)n - 16));
	assert_refused(device, sizeof(device), -EBADMSG, "something follows");
}

static void test_kata_bomb(void **state)
{
	static char text[16 * 1024 * 1024];

	memset(text, '\n', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	assert_refused(device, make_device(text, sizeof(text)), -EMSGSIZE, "more than 65536 bytes");
	assert_refused(device, make_device(text, TOML_MAX + 1), -EMSGSIZE, "more than 65536 bytes");
	make_device(text, TOML_MAX);
	text[TOML_MAX] = '\0';
	assert_reads(device, sizeof(device), text);
	/* One that does not compress. */
	text[strlen(GOOD)] = '#';
	for (size_t i = strlen(GOOD) + 1; i < TOML_MAX; i++)
		text[i] = (char)('!' + random() % 90);
	assert_reads(device, make_device(text, TOML_MAX), text);
}

/* ---- other projects' ---- */

static const char *member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(o, name, &value);
	return value ? json_object_get_string(value) : "";
}

static void check_claims(struct json_object *of, const char *text)
{
	struct json_object *claims = NULL;
	struct toml t = { .n_items = 0 };
	struct cause why;

	assert_true(json_object_object_get_ex(of, "claims", &claims));
	assert_int_equal(toml_read(text, strlen(text), &t, &why), 0);
	json_object_object_foreach(claims, key, value) {
		const char *is = toml_find(&t, "data", key);

		assert_non_null(is);
		if (json_object_is_type(value, json_type_string))
			assert_string_equal(is, json_object_get_string(value));
	}
	toml_done(&t);
}

static void test_vectors(void **state)
{
	struct json_object *cases;
	char path[PATH_MAX];
	size_t n_valid = 0, n_bad = 0;

	cases = json_object_from_file(vectors_path(path, "coco/initdata/cases.json"));
	assert_non_null(cases);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i);
		const char *body = member(c, "body");
		struct init_data d = { "" };
		struct cause why = { "" };
		char *text = NULL;
		size_t len;
		int r;

		r = read_bytes(body, strlen(body), &text, &len, &d, &why);
		if ((r == 0) != streq(member(c, "expect"), "valid"))
			fail_msg("%s: %d, %s", member(c, "name"), r, why.text);
		if (r < 0) {
			n_bad++;
			continue;
		}
		n_valid++;
		assert_string_equal(text, body);
		assert_string_equal(d.algorithm, member(c, "algorithm"));
		check_claims(c, text);
		assert_string_equal(d.url, streq(member(c, "name"), "provisioner") ?
						   "https://kbs.example:8080" :
						   "");
		free(text);
	}
	assert_int_equal(n_valid, 5);
	assert_int_equal(n_bad, 3);
	json_object_put(cases);
}

static void test_policy_vector(void **state)
{
	char path[PATH_MAX], *text;
	size_t len;

	vectors_path(path, "coco/initdata/init-data-with-policy.toml");
	assert_int_equal(read_file_at(AT_FDCWD, path, TOML_MAX, &text, &len), 0);
	assert_reads(text, len, text);
	assert_reads(device, make_device(text, len), text);
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_document_bad),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test(test_smbios),
		cmocka_unit_test(test_smbios_bad),
		cmocka_unit_test(test_kata),
		cmocka_unit_test(test_kata_formats),
		cmocka_unit_test(test_kata_bomb),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_policy_vector),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 2], "coco/initdata/cases.json");
	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "coco/initdata/init-data-with-policy.toml");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
