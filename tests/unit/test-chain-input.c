/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict on a platform's certificates: anything but a good verdict is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "inject/chain-input.h"

#include <cmocka.h>

/* What chain_verify() returns and finds, unless it is the real one that is asked. */
static struct {
	bool faked;
	int r;
	enum chain_state verdict;
} fake;

int __real_chain_verify(const struct chain *c, struct chain_report *ret);
int __wrap_chain_verify(const struct chain *c, struct chain_report *ret);
int __wrap_chain_verify(const struct chain *c, struct chain_report *ret)
{
	if (!fake.faked)
		return __real_chain_verify(c, ret);
	if (fake.r == 0)
		*ret = (struct chain_report){ .verdict = fake.verdict };
	return fake.r;
}

static void test_explain(void **state)
{
	static const struct {
		enum chain_state state;
		int error;
		const char *word, *text;
	} cases[] = {
		{ CHAIN_GOOD, 0, "good", "" },
		{ CHAIN_FAILED, -EKEYREJECTED, "failed", "The chain is not good (" },
		{ CHAIN_MALFORMED, -EBADMSG, "malformed", "The chain is not good (" },
		{ CHAIN_UNDECIDED, -ENODATA, "undecided", "It could not be decided (" },
		/* No verdict is like this; if one were, it would not be good. */
		{ CHAIN_SKIPPED, -ENODATA, "undecided", "It could not be decided (" },
	};
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct chain_report report;
		struct cause why = { "" };
		struct chain_verdict v;

		fake.faked = true;
		fake.r = 0;
		fake.verdict = cases[i].state;
		assert_int_equal(chain_judge(c, &report, &v, &why), 0);
		assert_string_equal(why.text, "");
		assert_int_equal(chain_explain(&v, &why), cases[i].error);
		assert_memory_equal(why.text, cases[i].text, strlen(cases[i].text));
		assert_string_equal(chain_verdict_word(&v), cases[i].word);
		assert_int_equal(v.code == NULL, cases[i].error == 0);
		assert_int_equal(why.text[0] == '\0', cases[i].error == 0);
	}
}

static void test_judge_fails(void **state)
{
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	struct chain_verdict v = { .state = CHAIN_FAILED, .code = "before" };
	struct chain_report report;
	struct cause why;

	assert_non_null(c);
	fake.faked = true;
	fake.r = -EIO;
	assert_int_equal(chain_judge(c, &report, &v, &why), -EIO);
	assert_string_equal(why.text, "Failed to verify the certificates: Input/output error");
	fake.r = -ENOMEM;
	assert_int_equal(chain_judge(c, &report, &v, &why), -ENOMEM);
	/* There is no verdict, so the one before stays as it was. */
	assert_int_equal(v.state, CHAIN_FAILED);
	assert_string_equal(v.code, "before");
}

static void test_nothing(void **state)
{
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	struct chain_report report;
	struct chain_verdict v;
	struct cause why;

	assert_non_null(c);
	fake.faked = false;
	assert_int_equal(chain_judge(c, &report, &v, &why), 0);
	assert_int_equal(v.state, CHAIN_UNDECIDED);
	assert_int_equal(chain_explain(&v, &why), -ENODATA);
	assert_non_null(strstr(why.text, v.code));
	assert_non_null(strstr(why.text, v.todo));
	assert_null(chain_warning(c));
	c->anchor_len = 1;
	assert_non_null(strstr(chain_warning(c), "NOT AMD's"));
}

/* Errors of files are verdicts too, and stay errors. */
static void test_files(void **state)
{
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	_cleanup_(freep) char *large = calloc(1, CHAIN_FILE_MAX + 1);
	char dir[] = "/tmp/coco-test-chain-input.XXXXXX", path[64];
	struct chain_verdict v = { .state = CHAIN_GOOD };
	struct cause why;

	assert_non_null(c);
	assert_non_null(large);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pdh.cert", dir);

	/* A folder without one; no verdict comes of a file that is not there. */
	assert_int_equal(chain_input_path(dir, c, &v, &why), -EBADMSG);
	assert_string_equal(v.code, "format");
	v = (struct chain_verdict){ .state = CHAIN_GOOD };
	assert_int_equal(chain_input_path(path, c, &v, &why), -EIO);
	assert_non_null(strstr(why.text, "No such file"));
	assert_null(v.code);

	assert_int_equal(write_file_atomic(path, "x", 1, 0600, true), 0);
	assert_int_equal(chain_input_path(path, c, &v, &why), -EBADMSG);
	assert_int_equal(v.state, CHAIN_MALFORMED);
	assert_string_equal(v.code, "format");
	assert_int_equal(chain_explain(&v, &why), -EBADMSG);
	v = (struct chain_verdict){ .state = CHAIN_GOOD };
	assert_int_equal(chain_input_path(dir, c, &v, &why), -EBADMSG);
	assert_int_equal(v.state, CHAIN_MALFORMED);

	/* More than any chain has. */
	assert_int_equal(write_file_atomic(path, large, CHAIN_FILE_MAX + 1, 0600, false), 0);
	v = (struct chain_verdict){ .state = CHAIN_GOOD };
	assert_int_equal(chain_input_path(path, c, &v, &why), -EBADMSG);
	assert_string_equal(v.code, "format");

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_judge_fails),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
