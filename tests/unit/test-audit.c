/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/store/writer.h"
#include "broker/store/audit.h"
#include "crypto/cleanup.h"

#include <cmocka.h>

#define FOREVER 60000000ull

static char dir[64], address[128];
static struct store *store;
static struct cause why;
static EVP_PKEY *our_key, *other_key;
static struct checkpoint_keys ours, others;

static int ok(int r)
{
	if (r < 0)
		print_error("%s (%d)\n", why.text, r);
	return r;
}

static int setup(void **state)
{
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-audit.XXXXXX" :
						    "/tmp/test-audit.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(address, sizeof(address), "sqlite:%s/store", dir);
	assert_int_equal(ok(store_open(address, NULL, &store, &why)), 0);
	our_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	ours = (struct checkpoint_keys){ 1, { our_key } };
	others = (struct checkpoint_keys){ 1, { other_key } };
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	store = store_close(store);
	EVP_PKEY_free(our_key);
	EVP_PKEY_free(other_key);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

/* ---- a log ---- */

static struct writer *new_writer(const char *instance)
{
	struct writer *w;

	assert_int_equal(ok(writer_new(store, instance, &w, &why)), 0);
	return w;
}

static void write_line(struct writer *w, unsigned n)
{
	struct json_object *line = json_object_new_object();
	struct store_member m = { .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };

	(void) json_object_object_add(line, "n", json_object_new_int((int)n));
	assert_int_equal(ok(writer_commit(w, &m, line, FOREVER, &why)), 0);
	json_object_put(line);
}

static void write_lines(const char *instance, unsigned n)
{
	struct writer *w = new_writer(instance);

	for (unsigned i = 0; i < n; i++)
		write_line(w, i);
	(void) writer_free(w);
}

/*
 * A batch with @n lines, without a writer, which puts single callers into single batches.  The
 * fence becomes the next one.
 */
static void write_batch(const char *instance, unsigned n)
{
	static char keys[8][AUDIT_KEY_LEN], texts[8][512];
	struct store_member m[8] = { 0 };
	char fence_key[AUDIT_KEY_LEN], next[AUDIT_FENCE_LEN + 1], hex[65];
	struct store_fence fence = { .key = fence_key, .next = next };
	struct audit_fence f = { 0 };
	struct audit_end end;

	assert_int_equal(ok(audit_find_end(store, instance, &end, &why)), 0);
	for (unsigned i = 0; i < AUDIT_HEAD_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", end.head[i]);
	for (unsigned i = 0; i < n; i++) {
		audit_key_line(instance, end.number, 2 * i, keys[i]);
		snprintf(texts[i], sizeof(texts[i]),
			 "{\"instance\":\"%s\",\"batch\":%u,\"index\":%u,\"at\":1,\"prev\":\"%s\"}",
			 instance, (unsigned)end.number, 2 * i, hex);
		m[i].n_changes = 1;
		m[i].changes[0] = (struct store_change){ keys[i], texts[i], strlen(texts[i]), 0 };
	}
	audit_key_fence(instance, fence_key);
	fence.expected = end.fence[0] ? end.fence : NULL;
	f.number = end.number + 1;
	memcpy(f.before, end.head, sizeof(f.before));
	audit_fence_format(&f, next);
	assert_int_equal(ok(store_commit(store, &fence, m, n, &why)), 0);
}

static void change(const char *key, const char *text)
{
	struct store_member m = { .n_changes = 1,
				  .changes = { { key, text, text ? strlen(text) : 0, 0 } } };

	assert_int_equal(ok(store_commit(store, NULL, &m, 1, &why)), 0);
}

static char *text_of(const char *key)
{
	struct store_value v;
	char *text;

	assert_int_equal(ok(store_get(store, key, &v, &why)), 0);
	assert_non_null(v.data);
	text = strndup((char *)v.data, v.len);
	store_value_done(&v);
	return text;
}

/* ---- what verifying finds ---- */

struct seen {
	unsigned problems, chains;
	uint64_t lines;
	char first[512];
};

static void see_problem(void *userdata, const char *instance, const char *text)
{
	struct seen *s = userdata;

	if (s->problems++ == 0)
		snprintf(s->first, sizeof(s->first), "%s: %s", instance, text);
}

static void see_chain(void *userdata, const struct audit_chain *c)
{
	struct seen *s = userdata;

	s->chains++;
	s->lines += c->lines;
}

static int add_record(void *userdata, struct bytes text)
{
	FILE *f = userdata;

	assert_int_equal(fwrite(text.p, 1, text.len, f), text.len);
	assert_int_equal(fputc('\n', f), '\n');
	return 0;
}

static char *exported(const char *instance, size_t *ret_len)
{
	char *text;
	FILE *f = open_memstream(&text, ret_len);

	assert_int_equal(ok(audit_export(store, instance, add_record, f, &why)), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static int verify_text(const char *text, size_t len, const struct audit_check *check)
{
	_cleanup_(closep) int fd = memfd_create("log", MFD_CLOEXEC);

	/* It begins where the file stands. */
	assert_int_equal(write_full(fd, "x\n", 2), 0);
	assert_int_equal(write_full(fd, text, len), 0);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	return audit_verify_file(fd, check, &why);
}

/* Verify the store and what it exports; both must be of one opinion. */
static struct seen verify(const char *instance, const uint8_t *expect)
{
	struct seen a = { 0 }, b = { 0 };
	struct audit_check check = {
		.instance = instance, .expect = expect, .keys = &ours,
		.problem = see_problem, .chain = see_chain, .userdata = &a,
	};
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	r = ok(audit_verify(store, &check, &why));
	assert_int_equal(r, a.problems);
	text = exported(instance, &len);
	check.userdata = &b;
	r = ok(verify_text(text, len, &check));
	assert_int_equal(r, b.problems);
	assert_memory_equal(&a, &b, sizeof(a));
	return a;
}

static void assert_good(const char *instance, const uint8_t *expect, uint64_t lines)
{
	struct seen s = verify(instance, expect);

	if (s.problems)
		fail_msg("%s", s.first);
	assert_int_equal(s.lines, lines);
}

static void assert_bad(const char *word)
{
	struct seen s = verify(NULL, NULL);

	assert_true(s.problems > 0);
	if (!strstr(s.first, word))
		fail_msg("'%s' is not in '%s'", word, s.first);
}

static void head_of(const char *instance, struct audit_end *ret)
{
	assert_int_equal(ok(audit_find_end(store, instance, ret, &why)), 0);
}

/* ---- tests ---- */

static void test_good(void **state)
{
	struct audit_end end;
	uint8_t zeros[AUDIT_HEAD_LEN] = { 0 };
	uint64_t n;

	assert_int_equal(audit_export(store, "a", add_record, NULL, &why), -ENOENT);
	assert_good(NULL, NULL, 0);
	head_of("a", &end);
	assert_int_equal(end.number, 1);
	write_lines("a", 5);
	head_of("a", &end);
	n = end.number;
	write_batch("a", 3);
	write_lines("a", 2);
	write_batch("b", 4);
	write_lines("b", 3);
	assert_good(NULL, end.head, 17);
	assert_good("a", end.head, 10);
	assert_good("b", NULL, 7);
	assert_good(NULL, zeros, 17);
	zeros[0] = 1;
	assert_int_equal(verify(NULL, zeros).problems, 1);
	assert_int_equal(verify("b", end.head).problems, 1);
	assert_int_equal(audit_passes(store, "a", &end, n, end.head, &why), 1);
	assert_int_equal(audit_passes(store, "a", &end, n, zeros, &why), 0);
	assert_int_equal(audit_passes(store, "a", &end, n - 1, end.head, &why), 0);
	assert_int_equal(audit_passes(store, "a", &end, n + 1000, end.head, &why), 0);
}

static const char *const line_keys[] = {
	"coco/audit/a/0000000000000001.0000", "coco/audit/a/0000000000000002.0000",
	"coco/audit/a/0000000000000003.0000", "coco/audit/a/0000000000000003.0002",
	"coco/audit/a/0000000000000003.0004", "coco/audit/a/0000000000000004.0000",
	"coco/audit/a/0000000000000005.0000",
};

/* Five batches of 1, 1, 3, 1, 1 lines. */
static void write_log(void)
{
	write_lines("a", 2);
	write_batch("a", 3);
	write_lines("a", 2);
	for (size_t i = 0; i < ARRAY_SIZE(line_keys); i++)
		free(text_of(line_keys[i]));
}

/* Whatever is done to any line but the last, somebody sees; the last one needs a head. */
static void test_each_line(void **state)
{
	size_t n = ARRAY_SIZE(line_keys);
	struct audit_end end;

	write_log();
	head_of("a", &end);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = text_of(line_keys[i]);
		_cleanup_(freep) char *changed = strdup(text);
		bool is_last = i == n - 1;

		change(line_keys[i], NULL);
		assert_int_equal(verify(NULL, NULL).problems > 0, !is_last);
		assert_int_not_equal(verify(NULL, end.head).problems, 0);
		/* Its own words, and a blank that JSON does not care for. */
		changed[strlen(changed) - 2]++;
		change(line_keys[i], changed);
		assert_int_not_equal(verify(NULL, end.head).problems, 0);
		strcpy(changed, text);
		changed[strlen(changed) - 1] = '\0';
		strcat(changed, "}");
		change(line_keys[i], changed);
		assert_good(NULL, end.head, n);
		changed[0] = ' ';
		change(line_keys[i], changed);
		assert_int_not_equal(verify(NULL, end.head).problems, 0);
		change(line_keys[i], text);
		assert_good(NULL, end.head, n);
	}
}

static void test_swapped(void **state)
{
	size_t n = ARRAY_SIZE(line_keys);

	write_log();
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++) {
			_cleanup_(freep) char *a = text_of(line_keys[i]);
			_cleanup_(freep) char *b = text_of(line_keys[k]);

			change(line_keys[i], b);
			change(line_keys[k], a);
			assert_int_not_equal(verify(NULL, NULL).problems, 0);
			change(line_keys[i], a);
			change(line_keys[k], b);
		}
	assert_good(NULL, NULL, n);
}

static void test_added(void **state)
{
	static const char *const places[] = {
		"coco/audit/a/0000000000000000.0000", "coco/audit/a/0000000000000001.0001",
		"coco/audit/a/0000000000000003.0001", "coco/audit/a/0000000000000005.0001",
		"coco/audit/a/0000000000000006.0000", "coco/audit/a/ffffffffffffffff.0000",
		"coco/audit/a/x",
	};
	_cleanup_(freep) char *text = NULL;
	struct audit_end end;

	write_log();
	head_of("a", &end);
	text = text_of(line_keys[2]);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		change(places[i], text);
		assert_int_not_equal(verify(NULL, end.head).problems, 0);
		change(places[i], "nonsense");
		assert_int_not_equal(verify(NULL, end.head).problems, 0);
		change(places[i], NULL);
	}
	assert_good(NULL, end.head, ARRAY_SIZE(line_keys));
}

/* Somebody cuts the end off, and writes a fence that goes with it. */
static void test_cut_end(void **state)
{
	_cleanup_(freep) char *fence = NULL;
	struct audit_end before, end;

	write_lines("a", 3);
	head_of("a", &before);
	fence = text_of("coco/instance/a");
	write_lines("a", 2);
	head_of("a", &end);
	change("coco/audit/a/0000000000000004.0000", NULL);
	change("coco/audit/a/0000000000000005.0000", NULL);
	/* With the right fence the missing end is seen, for its head is not what it says. */
	assert_bad("fence");
	change("coco/instance/a", fence);
	assert_good(NULL, NULL, 3);
	assert_good(NULL, before.head, 3);
	assert_int_equal(verify(NULL, end.head).problems, 1);
	change("coco/instance/a", "x");
	assert_bad("fence");
	change("coco/instance/a", NULL);
	assert_bad("fence");
}

/* A fence that is set back while its lines stay, and one whose batches had no lines. */
static void test_fence_back(void **state)
{
	_cleanup_(freep) char *fence = NULL;
	struct store_member m = { .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };
	struct writer *w;

	write_lines("a", 2);
	fence = text_of("coco/instance/a");
	write_lines("a", 1);
	change("coco/instance/a", fence);
	assert_bad("later than its fence");
	change("coco/audit/a/0000000000000003.0000", NULL);
	assert_good(NULL, NULL, 2);
	w = new_writer("a");
	assert_int_equal(ok(writer_commit(w, &m, NULL, FOREVER, &why)), 0);
	(void) writer_free(w);
	write_lines("b", 1);
	assert_good(NULL, NULL, 3);
	change("coco/instance/a", fence);
	assert_bad("ends before");
}

/* A line of the last batch that names another head than its neighbour. */
static void test_other_prev(void **state)
{
	const char *key = "coco/audit/a/0000000000000002.0002";
	_cleanup_(freep) char *text = NULL;
	char *p;

	write_lines("a", 1);
	write_batch("a", 2);
	assert_good(NULL, NULL, 3);
	text = text_of(key);
	p = strstr(text, "\"prev\":\"") + 8;
	*p = *p == '0' ? '1' : '0';
	change(key, text);
	assert_bad("does not belong to its batch");
}

/* An instance that wrote down the head of another one. */
static void test_heads(void **state)
{
	_cleanup_(freep) char *first = NULL;
	struct writer *b;

	write_lines("a", 2);
	first = text_of("coco/instance/a");
	write_lines("a", 3);
	b = new_writer("b");
	write_line(b, 0);
	b = writer_free(b);
	assert_good(NULL, NULL, 6);
	/* The chain of a goes back to two lines, with its fence of then. */
	change("coco/audit/a/0000000000000003.0000", NULL);
	change("coco/audit/a/0000000000000004.0000", NULL);
	change("coco/audit/a/0000000000000005.0000", NULL);
	change("coco/instance/a", first);
	assert_bad("saw");
	assert_int_equal(verify("a", NULL).problems, 0);
	/* It goes on, as if nothing had been. */
	write_lines("a", 9);
	assert_bad("saw another head before batch 5");
	/* It is gone altogether. */
	for (unsigned i = 1; i < 12; i++) {
		char key[AUDIT_KEY_LEN];

		audit_key_line("a", i, 0, key);
		change(key, NULL);
	}
	change("coco/instance/a", NULL);
	assert_bad("missing");
}

/* ---- checkpoints ---- */

static char *checkpoint_at(const char *instance, const struct audit_end *end, EVP_PKEY *key)
{
	struct checkpoint c = { .batch = end->number, .at = 1234567 };
	char *text;

	strcpy(c.instance, instance);
	memcpy(c.head, end->head, sizeof(c.head));
	assert_int_equal(checkpoint_sign(&c, key, &text), 0);
	return text;
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static void test_checkpoint(void **state)
{
	struct audit_end end = { .number = 17, .head = { 1, 2, 3 } };
	_cleanup_(freep) char *text = checkpoint_at("a-b.c", &end, our_key);
	struct checkpoint c;
	size_t len = strlen(text);

	assert_int_equal(checkpoint_read(bytes_of(text), &ours, &c), 0);
	assert_string_equal(c.instance, "a-b.c");
	assert_int_equal(c.batch, 17);
	assert_int_equal(c.at, 1234567);
	assert_memory_equal(c.head, end.head, sizeof(c.head));
	assert_int_equal(checkpoint_read(bytes_of(text), &others, &c), -EKEYREJECTED);
	for (size_t i = 0; i < len; i++) {
		int r;

		text[i] ^= 1;
		r = checkpoint_read(bytes_of(text), &ours, &c);
		/* Digits have another case: the same number. */
		assert_true(r == -EBADMSG || r == -EKEYREJECTED);
		text[i] ^= 1;
		assert_int_equal(checkpoint_read((struct bytes){ (uint8_t *)text, i }, &ours, &c),
				 -EBADMSG);
	}
	assert_int_equal(checkpoint_read(bytes_of(text), &ours, &c), 0);
}

static void test_note(void **state)
{
	struct checkpoint c = { .instance = "a", .batch = 17, .at = 5, .note = true }, again;
	const struct checkpoint_keys both = { 2, { other_key, our_key } }, none = { 0 };
	_cleanup_(freep) char *text = NULL, *other = NULL;
	char *p;

	assert_int_equal(checkpoint_sign(&c, our_key, &text), 0);
	assert_int_equal(checkpoint_read_any(bytes_of(text), &ours, &again), 0);
	assert_true(again.note);
	assert_int_equal(again.batch, 17);
	assert_int_equal(checkpoint_read_any(bytes_of(text), &others, &again), -EKEYREJECTED);
	assert_int_equal(checkpoint_read_any(bytes_of(text), &both, &again), 0);
	assert_int_equal(checkpoint_read_any(bytes_of(text), &none, &again), -EKEYREJECTED);
	/* It is no beginning of a chain, and cannot be made one. */
	assert_int_equal(checkpoint_read(bytes_of(text), &ours, &again), -EBADMSG);
	p = strstr(text, "\"noted\"");
	assert_non_null(p);
	assert_true(asprintf(&other, "%.*s\"checkpoint\"%s", (int)(p - text), text,
			     p + strlen("\"noted\"")) > 0);
	assert_int_equal(checkpoint_read(bytes_of(other), &ours, &again), -EKEYREJECTED);
	free(other);
	assert_true(asprintf(&other, "%.*s\"checkpoint\":17,%s", (int)(p - text), text, p) > 0);
	assert_int_equal(checkpoint_read_any(bytes_of(other), &ours, &again), -EBADMSG);
}

static void test_trim(void **state)
{
	_cleanup_(freep) char *second = NULL, *foreign = NULL, *late = NULL, *wrong = NULL;
	_cleanup_(freep) char *line = NULL;
	struct audit_end two, five, other;
	struct audit_check check = { .problem = see_problem };
	struct seen seen = { 0 };

	write_lines("a", 2);
	head_of("a", &two);
	write_batch("a", 3);
	write_lines("a", 2);
	head_of("a", &five);
	second = checkpoint_at("a", &two, our_key);
	foreign = checkpoint_at("a", &two, other_key);
	late = checkpoint_at("a", &five, our_key);
	other = two;
	other.head[0] ^= 1;
	wrong = checkpoint_at("a", &other, our_key);
	assert_int_equal(audit_trim(store, bytes_of("{}"), &ours, &why), -EBADMSG);
	assert_int_equal(audit_trim(store, bytes_of(foreign), &ours, &why), -EKEYREJECTED);
	assert_int_equal(audit_trim(store, bytes_of(wrong), &ours, &why), -EKEYREJECTED);
	assert_good(NULL, NULL, 7);
	/* Nothing is deleted that shows a change. */
	line = text_of(line_keys[0]);
	change(line_keys[0], NULL);
	assert_int_equal(audit_trim(store, bytes_of(second), &ours, &why), -EKEYREJECTED);
	assert_bad("batch 2 does not follow");
	change(line_keys[0], line);

	assert_int_equal(ok(audit_trim(store, bytes_of(second), &ours, &why)), 0);
	assert_good(NULL, five.head, 5);
	assert_good(NULL, two.head, 5);
	/* Half trimmed: what is left over is no problem, and goes with the next try. */
	change(line_keys[0], line);
	assert_good(NULL, five.head, 5);
	assert_int_equal(ok(audit_trim(store, bytes_of(second), &ours, &why)), 0);
	assert_good(NULL, five.head, 5);
	/* Without the checkpoint, or with one of somebody else, the beginning is missing. */
	change("coco/checkpoint/a", foreign);
	assert_bad("another key");
	change("coco/checkpoint/a", wrong);
	assert_bad("does not follow");
	change("coco/checkpoint/a", "{}");
	assert_bad("malformed");
	change("coco/checkpoint/a", NULL);
	assert_bad("does not follow");
	change("coco/checkpoint/a", second);
	/* Who has no key does not believe it. */
	check.userdata = &seen;
	assert_int_equal(ok(audit_verify(store, &check, &why)), 1);
	/* Up to the end: the last batch stays, so that the writer can go on. */
	assert_int_equal(ok(audit_trim(store, bytes_of(late), &ours, &why)), 0);
	assert_good(NULL, five.head, 0);
	assert_int_equal(audit_trim(store, bytes_of(second), &ours, &why), -EKEYREJECTED);
	write_lines("a", 2);
	assert_good(NULL, five.head, 2);
}

/* ---- files ---- */

/* Each line of an exported file removed, doubled, cut; and bytes changed. */
static void test_file(void **state)
{
	struct seen seen = { 0 };
	struct audit_check check = { .problem = see_problem, .userdata = &seen, .keys = &ours };
	_cleanup_(freep) char *text = NULL, *bad = NULL;
	struct audit_end end;
	size_t len, last, last_end;
	int pipes[2];

	write_log();
	write_lines("b", 2);
	head_of("b", &end);
	check.expect = end.head;
	text = exported(NULL, &len);
	bad = malloc(2 * len);
	assert_int_equal(ok(verify_text(text, len, &check)), 0);
	for (char *p = text, *next; *p; p = next) {
		size_t before = (size_t)(p - text), rest;

		next = strchr(p, '\n') + 1;
		rest = len - (size_t)(next - text);
		memcpy(bad, text, before);
		memcpy(bad + before, next, rest);
		/* Nobody saw the last line of the other one. */
		if (!startswith(p, "{\"instance\":\"a\",\"batch\":5,"))
			assert_true(verify_text(bad, before + rest, &check) > 0);
		memcpy(bad, text, (size_t)(next - text));
		memcpy(bad + (next - text), p, len - before);
		assert_true(verify_text(bad, (size_t)(next - text) + len - before, &check) > 0);
	}
	last = (size_t)(strstr(text, "{\"instance\":\"a\",\"batch\":5,") - text);
	last_end = last + strcspn(text + last, "\n");
	for (size_t i = 0; i < len; i += 3) {
		memcpy(bad, text, len);
		bad[i] ^= 1;
		/* The random mark of a fence is nobody's evidence. */
		if ((i < last || i > last_end) && verify_text(bad, len, &check) == 0)
			assert_non_null(memmem(text + i, MIN(len - i, (size_t)20), "\"}\n", 3));
		assert_int_not_equal(verify_text(text, i, &check), 0);
	}
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(audit_verify_file(pipes[0], &check, &why), -ESPIPE);
	close(pipes[0]);
	close(pipes[1]);
}

/* A line of a file that is longer than any of ours. */
static void test_long_file(void **state)
{
	struct seen seen = { 0 };
	struct audit_check check = { .problem = see_problem, .userdata = &seen };
	_cleanup_(freep) char *text = malloc(AUDIT_LINE_MAX + 3);

	memset(text, ' ', AUDIT_LINE_MAX + 3);
	text[AUDIT_LINE_MAX + 1] = '\n';
	assert_int_equal(verify_text(text, AUDIT_LINE_MAX + 2, &check), -EBADMSG);
	text[AUDIT_LINE_MAX] = '\n';
	assert_int_equal(verify_text(text, AUDIT_LINE_MAX + 1, &check), 1);
	assert_int_equal(verify_text("", 0, &check), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),       TEST(test_each_line), TEST(test_swapped), TEST(test_added),
		TEST(test_cut_end),    TEST(test_fence_back), TEST(test_other_prev),
		TEST(test_heads),     TEST(test_checkpoint), TEST(test_note),
		TEST(test_trim),
		TEST(test_file),       TEST(test_long_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
