/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is asked of a broker with each allocation failing, one at a time: all of it, or nothing.
 * "approve" without its "no" would release what somebody refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/admin-call.h"
#include "tests/oom/failing.h"

static void putp(struct json_object **o)
{
	(void) json_object_put(*o);
}

enum { WHOLE, NOTHING, PARTLY };

static int make(void)
{
	_cleanup_(putp) struct json_object *o = admin_request("approve", "default/luks/root");

	admin_add_text(&o, "id", "0123456789abcdef");
	admin_add_flag(&o, "no", true);
	if (!o)
		return NOTHING;
	return streq(admin_text(o, "do"), "approve") &&
			       streq(admin_text(o, "path"), "default/luks/root") &&
			       streq(admin_text(o, "id"), "0123456789abcdef") &&
			       json_object_object_length(o) == 5 ?
		       WHOLE :
		       PARTLY;
}

/* json-c crashes at times without memory; nothing is asked then either. */
static int apart(unsigned long n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka's would go on with the tests here. */
		(void) signal(SIGSEGV, SIG_DFL);
		failing_at(n);
		_exit(make());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		return NOTHING;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_request(void **state)
{
	unsigned long total, refused = 0;

	(void) state;
	failing_at(0);
	assert_int_equal(make(), WHOLE);
	total = failing_count();
	for (unsigned long n = 1; n <= total; n++) {
		int r = apart(n);

		assert_int_not_equal(r, PARTLY);
		refused += r == NOTHING;
	}
	/* There is an object at least for each of "v", "do", "path", "id" and "no". */
	assert_in_range(refused, 5, total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
