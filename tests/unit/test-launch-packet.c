/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests for packets on the admin socket, as coco-inject makes none; over a real store. */
#include "base/parse.h"
#include "broker/serve/launch-packet.h"
#include "sev/measurement.h"
#include "sev/sev-policy.h"
#include "tests/unit/admin-fixture.h"

#define HEX_16 "000102030405060708090a0b0c0d0e0f"
#define HEX_32 HEX_16 HEX_16
#define GUID "736869e5-84f0-4973-92ec-06879ce3da0b"
#define GUID2 "736869e5-84f0-4973-92ec-06879ce3da0c"
#define POLICY(lines) "[Release]\\nRelease=always\\n[sev]\\nlaunch_digest=" HEX_32          \
	"\\ncovers=kernel,initrd,cmdline\\n" lines
#define ONE "[{\"guid\":\"" GUID "\",\"path\":\"a/b/c\"}]"

static struct secret *both;
static char measurement[2 * (SEV_MEASURE_LEN + SEV_NONCE_LEN) + 1];

static void ask_for(const char *request, const struct secret *secret, const char *wanted)
{
	int fd;
	char *text = ask_admin(request, secret, 1000, wanted, &fd);

	assert_true(fd < 0);
	/* Only what is released has a packet. */
	assert_int_equal(strstr(text, "\"payload\"") != NULL,
			 strstr(text, "\"ok\":true") && !strstr(request, "\"check\":true"));
	free(text);
}

/* A line of JSON in the audit log for each release; denials have none. */
static int count(void *userdata, const char *key, const struct store_value *v)
{
	*(unsigned *)userdata += memmem(v->data, v->len, "\"what\":\"release\"", 16) != NULL;
	return 0;
}

static unsigned released(void)
{
	struct cause why;
	unsigned n = 0;

	assert_int_equal(store_walk(store, "coco/audit/", NULL, 0, count, &n, &why), 0);
	return n;
}

/* The members of a good request, each of which a case may have otherwise. */
struct ask {
	const char *api, *build, *policy, *digest, *measurement, *max, *secrets, *check;
};

static const char *or(const char *a, const char *b)
{
	return a ? a : b;
}

static void ask_packet(const struct ask *a, const struct secret *keys_given, const char *wanted)
{
	char text[10000];

	(void) snprintf(text, sizeof(text),
			"{\"v\":1,\"do\":\"launch-packet\",\"api\":%s,\"build\":%s,\"policy\":%s,"
			"\"digest\":%s,\"measurement\":\"%s\",\"max\":%s,\"secrets\":%s,"
			"\"check\":%s}",
			or(a->api, "\"1.55\""), or(a->build, "24"), or(a->policy, "3"),
			or(a->digest, "\"" HEX_32 "\""), or(a->measurement, measurement),
			or(a->max, "3072"), or(a->secrets, ONE), or(a->check, "false"));
	ask_for(text, keys_given, wanted);
}

static void test_good(void **state)
{
	unsigned before = released();

	ask_packet(&(struct ask){ NULL }, both, "\"header\":\"");
	assert_int_equal(released(), before + 1);
	ask_packet(&(struct ask){ .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/c\"},"
					     "{\"guid\":\"" GUID2 "\",\"path\":\"a/b/d\"}]" },
		   both, "\"payload\":\"");
	assert_int_equal(released(), before + 3);
}

static void test_wrong(void **state)
{
	static const struct {
		struct ask ask;
		const char *wanted;
	} cases[] = {
		{ { .api = "\"155\"" }, "'api'" },
		{ { .api = "1.55" }, "'api'" },
		{ { .api = "\"1.55\\u0000\"" }, "'api'" },
		{ { .build = "256" }, "'build'" },
		{ { .build = "-1" }, "'build'" },
		{ { .build = "\"24\"" }, "'build'" },
		{ { .build = "24.0" }, "'build'" },
		{ { .policy = "4294967296" }, "'policy'" },
		{ { .policy = "null" }, "'policy'" },
		{ { .digest = "\"" HEX_32 "00\"" }, "'digest'" },
		{ { .digest = "[]" }, "'digest'" },
		{ { .measurement = HEX_32 }, "'measurement'" },
		{ { .max = "0" }, "'max'" },
		{ { .max = "16385" }, "'max'" },
		{ { .max = "\"3072\"" }, "'max'" },
		{ { .secrets = "[]" }, "no secret is named" },
		{ { .secrets = "{}" }, "'secrets'" },
		{ { .secrets = "[null]" }, "'secrets'" },
		{ { .secrets = "[{\"guid\":\"" GUID "\"}]" }, "'secrets'" },
		{ { .secrets = "[{\"guid\":\"7368\",\"path\":\"a/b/c\"}]" }, "'secrets'" },
		{ { .secrets = "[{\"guid\":\"00000000-0000-0000-0000-000000000000\","
			       "\"path\":\"a/b/c\"}]" }, "zero GUID" },
		{ { .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/c\"},"
			       "{\"guid\":\"" GUID "\",\"path\":\"a/b/d\"}]" }, "given twice" },
		{ { .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b\"}]" }, "not the name" },
		{ { .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"../b/c\"}]" }, "not the name" },
		/* What the measurement binds. */
		{ { .api = "\"1.54\"" }, "the measurement is not of this" },
		{ { .build = "23" }, "the measurement is not of this" },
		{ { .policy = "7" }, "the measurement is not of this" },
		{ { .digest = "\"ff" HEX_16 "0102030405060708090a0b0c0d0e0f\"" },
		  "the measurement is not of this" },
		{ { .api = "\"0.16\"" }, "older than 0.17" },
		{ { .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/none\"}]" }, "ENOENT" },
		/* The first is good; what cannot be given whole is not given. */
		{ { .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/e\"}]" },
		  "lacks es" },
		{ { .max = "32" }, "ENOSPC" },
		{ { .max = "16" }, "ENOSPC" },
	};
	unsigned before = released();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ask_packet(&cases[i].ask, both, cases[i].wanted);
	/* Where it only did not fit, it was released first; the guest may ask again. */
	assert_in_range(released(), before, before + 2);
}

/* Of several, one that a policy refuses keeps all others from being released. */
static void test_several(void **state)
{
	static const char first[] = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/e\"},"
				    "{\"guid\":\"" GUID2 "\",\"path\":\"a/b/d\"}]",
			  last[] = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/d\"},"
				   "{\"guid\":\"" GUID2 "\",\"path\":\"a/b/none\"}]";
	unsigned before = released();

	ask_packet(&(struct ask){ .secrets = first }, both, "'a/b/e' is not released");
	ask_packet(&(struct ask){ .secrets = last }, both, "'a/b/none' is not released");
	assert_int_equal(released(), before);
}

/* Nothing is released for a question. */
static void test_check(void **state)
{
	unsigned before = released();

	ask_packet(&(struct ask){ .check = "true" }, both, "\"ok\":true");
	ask_packet(&(struct ask){ .check = "true",
				  .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/e\"}]" },
		   both, "'a/b/e' would not be released: the guest's policy lacks es");
	ask_packet(&(struct ask){ .check = "true",
				  .secrets = "[{\"guid\":\"" GUID "\",\"path\":\"a/b/none\"}]" },
		   both, "ENOENT");
	ask_packet(&(struct ask){ .check = "true", .build = "23" }, both,
		   "the measurement is not of this");
	ask_packet(&(struct ask){ .check = "1" }, both, "'check'");
	ask_packet(&(struct ask){ .check = "\"true\"" }, both, "'check'");
	ask_packet(&(struct ask){ .check = "null" }, both, "'check'");
	assert_int_equal(released(), before);
}

static void test_keys(void **state)
{
	uint8_t bytes[33] = { 1, 2, 3 };
	struct secret *s[] = { make_secret(bytes, 31), make_secret(bytes, 33),
			       make_secret("0123456789abcdef0123456789abcdef", 32),
			       make_secret("0123456789abcdeffedcba9876543210", 32) };
	unsigned before = released();

	ask_packet(&(struct ask){ NULL }, NULL, "32 bytes together");
	ask_packet(&(struct ask){ NULL }, s[0], "32 bytes together");
	ask_packet(&(struct ask){ NULL }, s[1], "32 bytes together");
	ask_packet(&(struct ask){ NULL }, s[2], "the same key");
	ask_packet(&(struct ask){ NULL }, s[3], "the measurement is not of this");
	assert_int_equal(released(), before);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		secret_free(s[i]);
}

static void test_too_many(void **state)
{
	char secrets[8192];
	size_t len = 1;

	secrets[0] = '[';
	for (unsigned i = 0; i <= LAUNCH_ITEMS_MAX; i++)
		len += (size_t)sprintf(secrets + len,
				       "%s{\"guid\":\"%08x-84f0-4973-92ec-06879ce3da0b\","
				       "\"path\":\"a/b/c\"}", i ? "," : "", i + 1);
	(void) sprintf(secrets + len, "]");
	ask_packet(&(struct ask){ .max = "16384", .secrets = secrets }, both, "'secrets'");
}

static void add(const char *path, const char *policy)
{
	struct secret *s = make_secret("opensesame", 10);
	char request[1024];
	int fd;

	(void) snprintf(request, sizeof(request),
			"{\"v\":1,\"do\":\"secret-add\",\"path\":\"%s\",\"policy\":\"%s\"}", path,
			policy);
	free(ask_admin(request, s, 0, "\"ok\":true", &fd));
	secret_free(s);
}

static int open_all(void **state)
{
	struct measured what = { .api_major = 1, .api_minor = 55, .build = 24,
				 .policy = SEV_POLICY_NODBG | SEV_POLICY_NOKS };
	uint8_t digest[SHA256_LEN], blob[SEV_MEASURE_LEN + SEV_NONCE_LEN] = { 0 };
	struct measurer *m;
	struct secret *tik;

	if (open_admin(state) < 0)
		return -1;
	both = make_secret("tek-tek-tek-tek-tik-tik-tik-tik!", 32);
	tik = make_secret("tik-tik-tik-tik!", 16);
	memset(blob + SEV_MEASURE_LEN, 5, SEV_NONCE_LEN);
	if (parse_hex(HEX_32, digest, sizeof(digest)) < 0 || measurer_new(tik, &m) < 0 ||
	    measurer_measure(m, &what, digest, blob + SEV_MEASURE_LEN, blob) < 0)
		return -1;
	measurer_free(m);
	secret_free(tik);
	format_hex(blob, sizeof(blob), measurement);
	add("a/b/c", POLICY(""));
	add("a/b/d", POLICY("policy_require=noks\\n"));
	add("a/b/e", POLICY("policy_require=es\\n"));
	return 0;
}

static int close_all(void **state)
{
	both = secret_free(both);
	return close_admin(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
