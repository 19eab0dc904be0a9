/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes to the journal, and what to standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "agent/keeper/event.h"
#include "base/log.h"
#include "secrets/store.h"

#include <cmocka.h>

/* What stands in the place of the journal and of standard error. */
static bool journal;
static int journal_answer;
static char sent[65536], line[4096];
static int n_sent, line_level;

bool __wrap_log_is_journal(int level);
int __wrap_event_journal_send(const struct iovec *iov, int n);
int __wrap_log_full(int level, int error, const char *format, ...) _printf_(3, 4);

bool __wrap_log_is_journal(int level)
{
	return journal && level <= LOG_INFO;
}

int __wrap_event_journal_send(const struct iovec *iov, int n)
{
	char *p = sent;

	n_sent++;
	for (int i = 0; i < n; i++) {
		/* A length that is not the text's would send what is behind it. */
		assert_int_equal(strnlen(iov[i].iov_base, iov[i].iov_len), iov[i].iov_len);
		assert_true((size_t)(sent + sizeof(sent) - p) > iov[i].iov_len + 1);
		p = mempcpy(p, iov[i].iov_base, iov[i].iov_len);
		*p++ = '\n';
	}
	*p = '\0';
	return journal_answer;
}

int __wrap_log_full(int level, int error, const char *format, ...)
{
	va_list ap;

	line_level = level;
	va_start(ap, format);
	(void) vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	return -abs(error);
}

static int setup(void **state)
{
	journal = true;
	journal_answer = n_sent = line_level = 0;
	sent[0] = line[0] = '\0';
	return 0;
}

static const struct event denial = {
	.kind = EVENT_DENIED,
	.priority = LOG_WARNING,
	.secret = "token",
	.consumer = "credential:app.service",
	.reason = "because",
	.more = (const struct event_field[]){ { "COCO_GATE", "closed" }, { "COCO_CODE", "" },
					      { NULL } },
};

static void test_fields(void **state)
{
	event_log(&denial, "%s is refused", "app");
	assert_int_equal(n_sent, 1);
	assert_string_equal(sent, "MESSAGE=app is refused\n"
				  "MESSAGE_ID=47b26f93c3f54ba2bf580f70e172f1a3\n"
				  "PRIORITY=4\n"
				  "SYSLOG_IDENTIFIER=cocod\n"
				  "COCO_EVENT=denied\n"
				  "COCO_SECRET=token\n"
				  "COCO_CONSUMER=credential:app.service\n"
				  "COCO_UNIT=app.service\n"
				  "COCO_REASON=because\n"
				  "COCO_GATE=closed\n");
	assert_string_equal(line, "");
}

/* Without a journal, or when it does not take the message, the line is what it always was. */
static void test_line(void **state)
{
	journal = false;
	event_log(&denial, "%s is refused", "app");
	assert_int_equal(n_sent, 0);
	assert_string_equal(line, "app is refused");
	assert_int_equal(line_level, LOG_WARNING);
	line[0] = '\0';
	journal = true;
	journal_answer = -ENOENT;
	event_log(&denial, "%s is refused", "app");
	assert_int_equal(n_sent, 1);
	assert_string_equal(line, "app is refused");
}

/* No name makes a field of its own, or a line on a terminal. */
static void test_printable(void **state)
{
	struct event e = { .kind = EVENT_ASKED,
			   .priority = LOG_INFO,
			   .secret = "a\nPRIORITY=0\nCOCO_STATE=wiped",
			   .consumer = "credential:b\x1b[2J\xff.service" };

	event_log(&e, "one\ntwo\x1b");
	assert_non_null(strstr(sent, "\nCOCO_SECRET=a?PRIORITY=0?COCO_STATE=wiped\n"));
	assert_non_null(strstr(sent, "\nCOCO_UNIT=b?[2J?.service\n"));
	assert_non_null(strstr(sent, "MESSAGE=one?two?\n"));
	assert_null(strstr(sent, "\nCOCO_STATE="));
}

static void test_long(void **state)
{
	static char name[100000];
	struct event e = { .kind = EVENT_FOUND, .priority = LOG_INFO, .secret = name,
			   .consumer = name, .state = name, .origin = name, .reason = name };
	struct event_field more[64] = { { NULL } };
	const char *p;

	memset(name, 'x', sizeof(name) - 1);
	for (int i = 0; i < 63; i++)
		more[i] = (struct event_field){ "COCO_GATE", "closed" };
	e.more = more;
	event_log(&e, "%s", name);
	for (const char *const *f = (const char *const[]){ "COCO_SECRET=", "COCO_CONSUMER=",
							   "COCO_STATE=", "COCO_ORIGIN=",
							   "COCO_REASON=", NULL };
	     *f; f++) {
		p = strstr(sent, *f);
		assert_non_null(p);
		assert_int_equal(strcspn(p, "\n"), strlen(*f) + EVENT_FIELD_MAX);
	}
	assert_non_null(strstr(sent, "MESSAGE_ID=1ab43ddd28294eaf875d178bc7570d2a\n"));
}

static void test_secret(void **state)
{
	const struct secret_source source = { "coco", "/sys" }, broker = { "kbs", "",
									   .remote = true };
	struct store_entry e = { .policy = { .name = "disk", .path = "a/b/c" },
				 .source = &source,
				 .state = SECRET_DELIVERED };

	event_log_secret(EVENT_DELIVERED, &e, "cryptsetup:data", "here %s", "it is");
	assert_non_null(strstr(sent, "MESSAGE=here it is\n"));
	assert_non_null(strstr(sent, "PRIORITY=5\n"));
	assert_non_null(strstr(sent, "\nCOCO_SECRET=disk\nCOCO_CONSUMER=cryptsetup:data\n"
				     "COCO_STATE=delivered\nCOCO_ORIGIN=coco\n"));
	assert_null(strstr(sent, "COCO_UNIT"));
	e.source = &broker;
	e.state = SECRET_PRESENT;
	event_log_secret(EVENT_ASKED, &e, "get", "there");
	assert_non_null(strstr(sent, "\nCOCO_STATE=remote\nCOCO_ORIGIN=kbs\n"));
	e.source = NULL;
	e.state = SECRET_WIPED;
	event_log_secret(EVENT_WIPED, &e, NULL, "gone");
	assert_non_null(strstr(sent, "\nCOCO_SECRET=disk\nCOCO_STATE=wiped\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fields, setup),
		cmocka_unit_test_setup(test_line, setup),
		cmocka_unit_test_setup(test_printable, setup),
		cmocka_unit_test_setup(test_long, setup),
		cmocka_unit_test_setup(test_secret, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
