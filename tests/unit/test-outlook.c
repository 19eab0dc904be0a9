/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/keeper/outlook.h"

#include <cmocka.h>

#define NOW (1000 * 1000000ULL)

static const char *open_volumes;

static int is_open(void *userdata, const char *volume)
{
	const char *at = strstr(open_volumes, volume);

	return at != NULL;
}

/*
 * Who the secret is for; the outcomes: "VOLUME+" opened, "-" rejected just now, "~" rejected long
 * ago, "?" undecided, "." under way; which volumes are open; and the result.
 */
static const struct {
	const char *consumers, *deliveries, *open;
	bool confirmed, used_up, waits;
	const char *warning;	/* a part of it; NULL: none */
} cases[] = {
	/* any volume */
	{ "cryptsetup get", "", "data", false, false, false, NULL },
	{ "cryptsetup get", "data+", "data", true, true, false, NULL },
	{ "cryptsetup get", "data+", "", true, true, false, NULL },
	{ "cryptsetup get", "data.", "data", false, false, false, NULL },
	{ "cryptsetup get", "data-", "", false, false, false, NULL },
	/* ... a person typed another one */
	{ "cryptsetup get", "data-", "data", false, false, false, "did not open volume 'data'" },
	{ "cryptsetup get", "data~", "data", false, false, false, "cococtl secrets wipe disk" },
	{ "cryptsetup get", "data?", "data", false, false, false, "while nobody watched" },
	{ "cryptsetup get", "data?", "", false, false, false, NULL },
	/* ... a volume that fails does not keep the key of another, whichever came first */
	{ "cryptsetup get", "data+ home-", "data", true, true, false, NULL },
	{ "cryptsetup get", "home- data+", "data home", true, true, false, NULL },
	{ "cryptsetup get", "home. data+", "data", false, false, false, NULL },
	/* one volume by name */
	{ "cryptsetup:data", "", "", false, false, false, NULL },
	{ "cryptsetup:data", "", "data", false, false, false, "is open, but not with it" },
	{ "cryptsetup:data", "other+", "data other", false, false, false,
	  "is open, but not with it" },
	{ "cryptsetup:data", "data+", "data", true, true, false, NULL },
	{ "cryptsetup:data", "data-", "data", false, false, false, "is open with another key" },
	{ "cryptsetup:data", "data?", "data", false, false, false, "while nobody watched" },
	{ "cryptsetup:data", "data~", "", false, false, false, NULL },
	/* several by name: each must be opened by a delivery of ours */
	{ "cryptsetup:data cryptsetup:home", "data+ home+", "data home", true, true, false, NULL },
	{ "cryptsetup:data cryptsetup:home", "data+", "data", false, false, false,
	  "but 'home' is not open" },
	{ "cryptsetup:data cryptsetup:home", "data+ home.", "data", false, false, false, NULL },
	{ "cryptsetup:data cryptsetup:home", "data+ home.", "data home", false, false, false,
	  NULL },
	/* ... a volume that failed may be tried again for a while */
	{ "cryptsetup:data cryptsetup:home", "data+ home-", "data", false, false, true,
	  "but 'home' is not open" },
	{ "cryptsetup:data cryptsetup:home", "data+ home~", "data", false, true, false, NULL },
	/* ... or is open by other means, and does not want the secret any more */
	{ "cryptsetup:data cryptsetup:home", "data+ home-", "data home", false, true, false, NULL },
	{ "cryptsetup:data cryptsetup:home", "data+ home?", "data home", false, true, false, NULL },
	{ "cryptsetup:data cryptsetup:home", "data+", "data home", false, true, false, NULL },
	/* ... but a secret that opened no volume is kept, with a warning */
	{ "cryptsetup:data cryptsetup:home", "data- home-", "data home", false, false, false,
	  "did not open volume 'data'" },
	{ "cryptsetup:data cryptsetup:home", "data~ home~", "", false, false, false, NULL },
	{ "cryptsetup:data cryptsetup:home", "data? home-", "data home", false, false, false,
	  "while nobody watched" },
	{ "cryptsetup:data cryptsetup:home", "", "data home", false, false, false,
	  "is open, but not with it" },
	{ "cryptsetup:data cryptsetup:home cryptsetup:tape", "data+ home~", "data", false, false,
	  false, "but 'home' is not open" },
};

static void set_deliveries(struct store_entry *e, const char *text)
{
	char words[256], *save = NULL;

	snprintf(words, sizeof(words), "%s", text);
	e->deliveries = calloc(8, sizeof(*e->deliveries));
	assert_non_null(e->deliveries);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct store_delivery *d = &e->deliveries[e->n_deliveries++];
		char *how = w + strlen(w) - 1;

		d->outcome_usec = *how == '~' ? NOW - OUTLOOK_RETRY_USEC : NOW - 1000000;
		d->outcome = *how == '+' ? DELIVERY_OPENED : *how == '?' ? DELIVERY_UNDECIDED :
			     *how == '.' ? DELIVERY_READ : DELIVERY_REJECTED;
		*how = '\0';
		snprintf(d->consumer, sizeof(d->consumer), "cryptsetup:%s", w);
	}
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_entry e = { .state = SECRET_DELIVERED };
		struct outlook o;

		strcpy(e.policy.name, "disk");
		assert_int_equal(secret_policy_set_consumers(&e.policy, cases[i].consumers), 0);
		e.policy.wipe = WIPE_CONFIRMED;
		set_deliveries(&e, cases[i].deliveries);
		open_volumes = cases[i].open;
		print_message("# %zu: %s; %s; %s\n", i, cases[i].consumers, cases[i].deliveries,
			      cases[i].open);
		outlook_judge(&e, is_open, NULL, NOW, &o);
		assert_int_equal(o.confirmed, cases[i].confirmed);
		assert_int_equal(o.used_up, cases[i].used_up);
		assert_int_equal(o.wait_usec > 0 && o.wait_usec <= OUTLOOK_RETRY_USEC,
				 cases[i].waits);
		assert_int_equal(o.warning[0] != '\0', cases[i].warning != NULL);
		if (cases[i].warning)
			assert_non_null(strstr(o.warning, cases[i].warning));
		/* There is no warning about a secret that is wiped, or that the owner wipes. */
		e.policy.wipe = WIPE_MANUAL;
		outlook_judge(&e, is_open, NULL, NOW, &o);
		assert_string_equal(o.warning, "");
		e.policy.wipe = WIPE_CONFIRMED;
		e.state = SECRET_WIPED;
		outlook_judge(&e, is_open, NULL, NOW, &o);
		assert_string_equal(o.warning, "");
		free(e.deliveries);
	}
}

/* After the wait the secret is used up. */
static void test_wait(void **state)
{
	struct store_entry e = { .state = SECRET_DELIVERED };
	struct outlook o;

	assert_int_equal(secret_policy_set_consumers(&e.policy, "cryptsetup:data cryptsetup:home"),
			 0);
	set_deliveries(&e, "data+ home-");
	open_volumes = "data";
	outlook_judge(&e, is_open, NULL, NOW, &o);
	assert_false(o.used_up);
	outlook_judge(&e, is_open, NULL, NOW + o.wait_usec - 1, &o);
	assert_false(o.used_up);
	assert_int_equal(o.wait_usec, 1);
	outlook_judge(&e, is_open, NULL, NOW + OUTLOOK_RETRY_USEC - 1000000, &o);
	assert_true(o.used_up);
	assert_false(o.confirmed);
	free(e.deliveries);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
