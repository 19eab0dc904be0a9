/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/serve/asked.h"

static char folder[] = "/tmp/test-asked-XXXXXX", path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	(void) snprintf(path, sizeof(path), "%s/asked-test", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[80];

	(void) snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct asked_log *open_log(void)
{
	struct asked_log *l = NULL;
	struct cause why = { "" };

	if (asked_log_new(path, &l, &why) < 0)
		fail_msg("%s", why.text);
	return l;
}

/* The launch @n asks for @secret; its evidence is @len bytes. */
static void note(struct asked_log *l, unsigned n, const char *secret, bool released, size_t len)
{
	uint8_t *evidence = calloc(1, len);
	struct asked a = { .tee = BROKER_TEE_SNP, .released = released, .has_launch = true,
			   .code = "OK", .evidence = evidence, .evidence_len = len };

	assert_non_null(evidence);
	memcpy(a.launch, &n, sizeof(n));
	(void) snprintf(a.path, sizeof(a.path), "%s", secret);
	asked_log_note(l, &a);
	free(evidence);
}

struct found {
	unsigned n, last;
	size_t bytes;
};

static int count(void *userdata, const struct asked *a)
{
	struct found *f = userdata;

	f->n++;
	f->bytes += a->evidence_len;
	memcpy(&f->last, a->launch, sizeof(f->last));
	return 0;
}

static struct found find(struct asked_log *l, bool released, const char *secret, int64_t since)
{
	struct found f = { 0 };
	struct cause why = { "" };

	assert_int_equal(asked_log_walk(l, released, secret, since, count, &f, &why), 0);
	return f;
}

static void test_kept(void **state)
{
	int64_t begun = time(NULL), since;
	struct asked_log *l = open_log();

	since = asked_log_since(l, true);
	assert_true(since >= begun && since <= time(NULL));
	for (unsigned i = 0; i < 100; i++)
		note(l, i, i % 2 ? "a/b/c" : "a/b/d", true, 1000);
	note(l, 7, "a/b/c", false, 1000);
	assert_int_equal(find(l, true, "a/b/c", 0).n, 50);
	assert_int_equal(find(l, true, "a/b/c", time(NULL) + 10).n, 0);
	assert_int_equal(find(l, true, "a/b", 0).n, 0);
	assert_int_equal(find(l, false, "a/b/c", 0).n, 1);
	assert_int_equal(find(l, false, "a/b/d", 0).n, 0);
	/* A launch is there once, as it asked last; who got it in the end is not a refused one. */
	for (unsigned i = 0; i < 40; i++)
		note(l, 7, "a/b/c", true, 500);
	assert_int_equal(find(l, true, "a/b/c", 0).n, 50);
	assert_int_equal(find(l, true, "a/b/c", 0).last, 7);
	assert_int_equal(find(l, true, "a/b/c", 0).bytes, 49 * 1000 + 500);
	assert_int_equal(find(l, false, "a/b/c", 0).n, 0);
	/* Another run has all of it. */
	l = asked_log_free(l);
	l = open_log();
	assert_int_equal(asked_log_since(l, true), since);
	assert_int_equal(find(l, true, "a/b/c", 0).n, 50);
	note(l, 7, "a/b/c", true, 600);
	assert_int_equal(find(l, true, "a/b/c", 0).n, 50);
	(void) asked_log_free(l);
	asked_log_note(NULL, &(struct asked){ 0 });
}

/* What is refused pushes out older refusals, is said to be missing, and touches no release. */
static void test_bounded(void **state)
{
	struct asked_log *l = open_log();
	int64_t since = asked_log_since(l, true), refused = asked_log_since(l, false);
	struct found f;

	for (unsigned i = 0; i < 200; i++) {
		note(l, 1000 + i, "s/t/u", false, 128 * 1024);
		f = find(l, false, "s/t/u", 0);
		assert_true(f.bytes <= ASKED_REFUSED_BYTES);
		assert_int_equal(f.last, 1000 + i);
	}
	assert_true(f.n > 100 && f.n < 200);
	assert_true(asked_log_since(l, false) > refused);
	assert_int_equal(asked_log_since(l, true), since);
	assert_int_equal(find(l, true, "a/b/c", 0).n, 50);
	refused = asked_log_since(l, false);
	l = asked_log_free(l);
	l = open_log();
	assert_int_equal(asked_log_since(l, false), refused);
	/* One that is too large is not there, and that is said too. */
	note(l, 1, "a/b/c", true, 300 * 1024);
	assert_true(asked_log_since(l, true) > since);
	(void) asked_log_free(l);
}

/* A record that is damaged is no reason not to serve, nor one to believe it. */
static void test_damaged(void **state)
{
	int64_t begun = time(NULL);
	struct asked_log *l;
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "nonsense, which is no database", 30), 30);
	(void) close(fd);
	l = open_log();
	assert_int_equal(find(l, true, "a/b/c", 0).n, 0);
	assert_true(asked_log_since(l, true) >= begun);
	(void) asked_log_free(l);
}

static void test_text(void **state)
{
	struct asked a = { .at = 1700000000, .tee = BROKER_TEE_TDX, .released = true, .code = "OK",
			   .path = "a/b/c", .evidence = (const uint8_t *)"xyz",
			   .evidence_len = 3 }, b;
	uint8_t *text;
	size_t len;

	assert_int_equal(asked_format(&a, &text, &len), 0);
	assert_int_equal(asked_parse(text, len, &b), 0);
	assert_true(b.at == a.at && b.tee == a.tee && b.released && !b.has_launch);
	assert_string_equal(b.code, "OK");
	assert_string_equal(b.path, "a/b/c");
	assert_int_equal(b.evidence_len, 3);
	for (size_t n = 0; n < len - 3; n++)
		assert_int_equal(asked_parse(text, n, &b), -EBADMSG);
	for (unsigned i = 0; i < 4; i++) {
		text[i] ^= 0x80;
		assert_int_equal(asked_parse(text, len, &b), -EBADMSG);
		text[i] ^= 0x80;
	}
	text[4] = 0x80;		/* a time before 1970 */
	assert_int_equal(asked_parse(text, len, &b), -EBADMSG);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
