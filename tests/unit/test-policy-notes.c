/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Notes on policies: what the parser takes has one, and what it does not take has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/policy-draft.h"
#include "attest/policy-explain.h"
#include "attest/policy-options.h"
#include "base/text.h"

#include <cmocka.h>

static void test_each_option_has_a_note(void **state)
{
	struct policy_option o;
	unsigned i;

	for (i = 0; policy_option_row(i, &o); i++) {
		const struct policy_note *n = policy_note(o.name, o.pcr);

		if (!n)
			print_error("no note on '%s'\n", o.name);
		assert_non_null(n);
		assert_true(n->pins[0] && n->changes[0]);
		/* What is drafted has a source, and a value of its own only with one. */
		if (n->pin != PIN_NEVER || n->pin_hcl != PIN_NEVER)
			assert_true(n->claim || n->check);
		if (n->check || n->bit > 0)
			assert_non_null(n->value);
	}
	assert_in_range(i, 40, 128);
	assert_null(policy_note("frobnicate", -1));
	assert_string_equal(policy_note("pcrN", 4)->option, "pcr4");
	assert_string_equal(policy_note("pcrN", 23)->option, "pcrN");
}

static void test_each_word_has_a_note(void **state)
{
	struct policy_option o;
	unsigned n = 0;

	for (unsigned i = 0; policy_option_row(i, &o); i++) {
		if (o.kind != KIND_WORDS)
			continue;
		for (const struct policy_word *w = o.words; w->word; w++, n++) {
			const struct policy_word_note *note = policy_word_note(o.name, w->word);

			if (!note)
				print_error("no note on '%s=%s'\n", o.name, w->word);
			assert_non_null(note);
			assert_true(note->means[0]);
			assert_int_equal(note->is_permissive, streq(o.name, "allow"));
		}
	}
	assert_in_range(n, 13, 64);
	assert_null(policy_word_note("allow", "crl"));
}

/* Values that notes have of their own are values that the parser takes. */
static void test_values_of_notes(void **state)
{
	char error[POLICY_ERROR_LEN];
	union policy_value value;
	struct policy_option o, found;

	for (unsigned i = 0; policy_option_row(i, &o); i++) {
		const struct policy_note *n = policy_note(o.name, o.pcr);

		if (n->value)
			assert_true(policy_option_read(o.name, n->value, strlen(n->value), &found,
						       &value, error) >= 0);
	}
}

static void test_pins(void **state)
{
	assert_int_equal(policy_draft_pins("identity"), 1u << PIN_IDENTITY);
	assert_int_equal(policy_draft_pins("tcb"), 1u << PIN_TCB);
	assert_int_equal(policy_draft_pins(NULL), 1u << PIN_IDENTITY | 1u << PIN_TCB);
	assert_int_equal(policy_draft_pins("all") & 1u << PIN_NEVER, 0);
	assert_int_equal(policy_draft_pins("everything"), 0);
}

static int stop(void *userdata, const struct policy_line *l)
{
	++*(unsigned *)userdata;
	return -ECANCELED;
}

static void test_explain(void **state)
{
	static const char text[] = "[snp]\nmax_vmpl=0\nmin_guest_svn=1\n", bad[] = "[snp]\nx=1\n",
			  control[] = "[snp]\n\x1b\n";
	unsigned n = 0;

	assert_int_equal(policy_explain(text, strlen(text), stop, &n), -ECANCELED);
	assert_int_equal(n, 1);
	assert_int_equal(policy_explain(bad, strlen(bad), stop, &n), -EBADMSG);
	assert_int_equal(policy_explain(control, strlen(control), stop, &n), -EBADMSG);
	assert_int_equal(policy_explain("", 0, stop, &n), 0);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_option_has_a_note),
		cmocka_unit_test(test_each_word_has_a_note),
		cmocka_unit_test(test_values_of_notes),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
