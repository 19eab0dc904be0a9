/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journal gets.  Its socket is where only systemd's can be, so sendmsg() is the test's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "agent/keeper/event-journal.h"

#include <cmocka.h>

static char got[4096];
static int error;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	const struct sockaddr_un *sa = m->msg_name;
	size_t len = 0;
	int type;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) }),
			 0);
	assert_int_equal(type, SOCK_DGRAM);
	assert_true(flags & MSG_NOSIGNAL);
	assert_string_equal(sa->sun_path, "/run/systemd/journal/socket");
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		assert_true(len + m->msg_iov[i].iov_len < sizeof(got));
		memcpy(got + len, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		len += m->msg_iov[i].iov_len;
	}
	got[len] = '\0';
	errno = error;
	return error ? -1 : (ssize_t)len;
}

static struct iovec field(const char *text)
{
	return (struct iovec){ (void *)text, strlen(text) };
}

static void test_fields(void **state)
{
	const struct iovec fields[] = { field("MESSAGE=a secret = delivered"), field("PRIORITY=5"),
					field("EMPTY=") };

	assert_int_equal(event_journal_send(fields, 3), 0);
	assert_string_equal(got, "MESSAGE=a secret = delivered\nPRIORITY=5\nEMPTY=\n");
	error = ENOENT;
	assert_int_equal(event_journal_send(fields, 3), -ENOENT);
	error = EMSGSIZE;
	assert_int_equal(event_journal_send(fields, 3), -EMSGSIZE);
	error = 0;
}

/* Nothing that would be read as other fields than it is. */
static void test_wrong(void **state)
{
	static const char *const wrong[] = { "MESSAGE=a\nPRIORITY=0", "MESSAGE", "=x", "", "=" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct iovec fields[] = { field("MESSAGE=good"), field(wrong[i]) };

		got[0] = '\0';
		assert_int_equal(event_journal_send(fields, 2), -EINVAL);
		assert_string_equal(got, "");
	}
	assert_int_equal(event_journal_send(NULL, 0), -EINVAL);
	assert_int_equal(event_journal_send(NULL, 1000), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
