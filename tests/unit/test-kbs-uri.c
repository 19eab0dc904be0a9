/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"
#include "wire/kbs-uri.h"

static const struct {
	const char *uri;
	int r;
	const char *path, *host, *request;
} cases[] = {
	{ "kbs:///default/luks/root", 0, "default/luks/root", "", "resource/default/luks/root" },
	{ "kbs+resource:///a/b/c", 0, "a/b/c", "", "resource/a/b/c" },
	{ "kbs://example.org:8080/a/b/c.1", 0, "a/b/c.1", "example.org:8080", "resource/a/b/c.1" },
	{ "kbs:///a/b/c?x=1&y=2", 0, "a/b/c?x=1&y=2", "", "resource/a/b/c?x=1&y=2" },
	{ "kbs+provisioner:///default/6f1/root", 0, "+provisioner/default/6f1/root", "",
	  "provisioner/default/6f1/root" },
	{ "kbs+p:///a", 0, "+p/a", "", "p/a" },
	{ "kbs:///a/b", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c/d", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c/", -EINVAL, NULL, NULL, NULL },
	{ "kbs:////a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a//c", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/../c", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/.b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c%2f", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c?", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c?a b", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c?a#b", -EINVAL, NULL, NULL, NULL },
	{ "kbs:///a/b/c#d", -EINVAL, NULL, NULL, NULL },
	{ "kbs://user@host/a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs://host?/a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs://host", -EINVAL, NULL, NULL, NULL },
	{ "kbs:/a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs+:///a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs+a/b:///a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "kbs2:///a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "http:///a/b/c", -EINVAL, NULL, NULL, NULL },
	{ "", -EINVAL, NULL, NULL, NULL },
};

static void test_cases(void **state)
{
	struct kbs_uri u;
	char text[BROKER_URL_LEN + 8];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&u, 'x', sizeof(u));
		assert_int_equal(kbs_uri_parse(cases[i].uri, &u), cases[i].r);
		if (cases[i].r < 0) {
			assert_int_equal(u.path[0], 'x');
			continue;
		}
		assert_string_equal(u.path, cases[i].path);
		assert_string_equal(u.host, cases[i].host);
		assert_true(kbs_path_is_valid(u.path));
		kbs_path_request(u.path, text, sizeof(text));
		assert_string_equal(text, cases[i].request);
		kbs_path_format(u.path, text, sizeof(text));
		assert_int_equal(kbs_uri_parse(text, &u), 0);
		assert_string_equal(u.path, cases[i].path);
	}
}

static void test_lengths(void **state)
{
	char text[2 * BROKER_URL_LEN] = "kbs:///a/b/";
	struct kbs_uri u;

	memset(text + strlen(text), 'c', BROKER_PATH_LEN - 1 - strlen("a/b/"));
	assert_int_equal(kbs_uri_parse(text, &u), 0);
	assert_int_equal(strlen(u.path), BROKER_PATH_LEN - 1);
	strcat(text, "c");
	assert_int_equal(kbs_uri_parse(text, &u), -EMSGSIZE);
	memcpy(text, "kbs://", 7);
	memset(text + 6, 'h', BROKER_NAME_LEN);
	strcpy(text + 6 + BROKER_NAME_LEN, "/a/b/c");
	assert_int_equal(kbs_uri_parse(text, &u), -EMSGSIZE);
}

static void test_paths(void **state)
{
	assert_false(kbs_path_is_valid("+resource/a/b/c"));
	assert_false(kbs_path_is_valid("+/a"));
	assert_false(kbs_path_is_valid("+p"));
	assert_false(kbs_path_is_valid("+p/"));
	assert_false(kbs_path_is_valid("/a/b/c"));
	assert_false(kbs_path_is_valid(""));
	assert_true(kbs_path_is_below("default/vm7/root", "default/vm7/"));
	assert_true(kbs_path_is_below("default/vm7/root", "default/"));
	assert_true(kbs_path_is_below("default/vm7/root", "default/vm7/root"));
	assert_false(kbs_path_is_below("default/vm70/root", "default/vm7"));
	assert_false(kbs_path_is_below("default/vm70/root", "default/vm7/"));
	assert_false(kbs_path_is_below("default/vm7/root", ""));
}

#define VECTORS "coco/uri/cases.json"

static void test_vectors(void **state)
{
	char file[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(file, VECTORS)), *list;
	struct kbs_uri u;

	assert_non_null(all);
	assert_true(json_object_object_get_ex(all, "uris", &list));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct json_object *uri, *expect = NULL, *http;
		char text[BROKER_URL_LEN + 8] = "/kbs/v0/";
		bool valid;

		assert_true(json_object_object_get_ex(o, "uri", &uri) &&
			    json_object_object_get_ex(o, "expect", &expect));
		valid = strcmp(json_object_get_string(expect), "valid") == 0;
		assert_int_equal(kbs_uri_parse(json_object_get_string(uri), &u) == 0, valid);
		if (!valid)
			continue;
		assert_true(json_object_object_get_ex(o, "http_path", &http));
		kbs_path_request(u.path, text + strlen(text), sizeof(text) - strlen(text));
		assert_string_equal(text, json_object_get_string(http));
	}
	assert_true(json_object_object_get_ex(all, "server_paths", &list));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *path, *expect = NULL;

		assert_true(json_object_object_get_ex(o, "path", &path) &&
			    json_object_object_get_ex(o, "expect", &expect));
		assert_int_equal(kbs_path_is_valid(json_object_get_string(path)),
				 strcmp(json_object_get_string(expect), "valid") == 0);
	}
	json_object_put(all);
}

/* Each way to end has its own words. */
static void test_words(void **state)
{
	for (unsigned i = 0; i < _NET_ERROR_MAX; i++)
		for (unsigned k = 0; k < i; k++) {
			assert_string_not_equal(net_error_name(i), net_error_name(k));
			assert_string_not_equal(net_error_text(i), net_error_text(k));
		}
	assert_string_equal(net_error_name(_NET_ERROR_MAX), "unknown");
	assert_true(net_error_is_passing(NET_BUSY));
	assert_false(net_error_is_passing(NET_POLICY));
	assert_false(net_error_is_passing(_NET_ERROR_MAX));
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_words),
	};

	vectors_or_skip(&tests[3], VECTORS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
