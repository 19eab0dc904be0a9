/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_ADMIN_FIXTURE_H
#define COCO_TESTS_UNIT_ADMIN_FIXTURE_H

#include "base/io.h"
#include "broker/serve/admin.h"
#include "broker/serve/denials.h"
/* Not all of it is used here. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "tests/unit/kbs-fixture.h"

/* The admin's requests over a real store, without a socket. */

static struct secret *make_secret(const void *data, size_t len)
{
	struct secret *s = NULL;

	assert_int_equal(secret_new(len, &s), 0);
	memcpy(secret_bytes(s), data, len);
	return s;
}

/* Ask as @uid, and check that the answer has @wanted in it.  The text is yours. */
static char *ask_admin(const char *request, const struct secret *secret, uint32_t uid,
		       const char *wanted, int *ret_fd)
{
	char *text = NULL;

	*ret_fd = -EBADF;
	assert_int_equal(admin_answer(&service, (struct bytes){ (const uint8_t *)request,
								strlen(request) },
				      secret, -EBADF, uid, &text, ret_fd), 0);
	if (!strstr(text, wanted))
		fail_msg("%s: %s", request, text);
	/* The value is nowhere. */
	assert_null(strstr(text, "opensesame"));
	return text;
}

static int open_admin(void **state)
{
	struct cause why;

	return open_service(state) < 0 || denials_new(&service.denials) < 0 ||
			       judge_new(NULL, (const char *const[]){ NULL, NULL }, 1,
					 &service.judge, &why) < 0 ?
		       -1 :
		       0;
}

static int close_admin(void **state)
{
	service.denials = denials_free(service.denials);
	service.judge = judge_free(service.judge);
	return close_service(state);
}

#endif
