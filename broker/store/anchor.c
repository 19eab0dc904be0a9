/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/anchor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "wire/jspan.h"

#define MACHINE_ID "/etc/machine-id"
#define MACHINE_ID_MAX 64

/* ---- text ---- */

size_t anchor_format(const struct anchor *a, char ret[static ANCHOR_TEXT_MAX])
{
	char store[2 * STORE_ID_LEN + 1], head[2 * AUDIT_HEAD_LEN + 1],
		machine[2 * ANCHOR_MACHINE_LEN + 1];
	int n;

	format_hex(a->store, sizeof(a->store), store);
	format_hex(a->head, sizeof(a->head), head);
	format_hex(a->machine, sizeof(a->machine), machine);
	n = snprintf(ret, ANCHOR_TEXT_MAX,
		     "{\"anchor\":1,\"instance\":\"%s\",\"store\":\"%s\",\"revision\":%" PRIu64
		     ",\"batch\":%" PRIu64 ",\"head\":\"%s\",\"machine\":\"%s\"}\n",
		     a->instance, store, a->revision, a->batch, head, machine);
	return (size_t)n;
}

struct texts {
	struct bytes version, instance, store, revision, batch, head, machine;
};

static const struct jspan_field fields[] = {
	{ "anchor", jspan_read_value, offsetof(struct texts, version) },
	{ "instance", jspan_read_text, offsetof(struct texts, instance) },
	{ "store", jspan_read_value, offsetof(struct texts, store) },
	{ "revision", jspan_read_value, offsetof(struct texts, revision) },
	{ "batch", jspan_read_value, offsetof(struct texts, batch) },
	{ "head", jspan_read_value, offsetof(struct texts, head) },
	{ "machine", jspan_read_value, offsetof(struct texts, machine) },
	{ NULL },
};

int anchor_parse(const void *text, size_t len, struct anchor *ret)
{
	struct bytes object, whole = { text, len };
	struct texts t = { 0 };
	struct anchor a = { 0 };
	uint64_t version;

	if (len > ANCHOR_TEXT_MAX || jspan_check(whole, &object) < 0 ||
	    jspan_object_read(object, fields, /* closed= */ true, &t, NULL) < 0 ||
	    jspan_uint(t.version, 1, &version) < 0 || version != 1 ||
	    t.instance.len > AUDIT_INSTANCE_MAX ||
	    jspan_hex(t.store, a.store, sizeof(a.store)) < 0 ||
	    jspan_uint(t.revision, INT64_MAX, &a.revision) < 0 ||
	    jspan_uint(t.batch, INT64_MAX, &a.batch) < 0 || a.batch == 0 ||
	    jspan_hex(t.head, a.head, sizeof(a.head)) < 0 ||
	    jspan_hex(t.machine, a.machine, sizeof(a.machine)) < 0)
		return -EBADMSG;
	memcpy(a.instance, t.instance.p, t.instance.len);
	if (!audit_instance_is_valid(a.instance))
		return -EBADMSG;
	*ret = a;
	return 0;
}

/* ---- now ---- */

/* The id itself is nobody's business, says machine-id(5).  A container may have none. */
static int read_machine(uint8_t ret[static ANCHOR_MACHINE_LEN], struct cause *why)
{
	static const char label[] = "coco anchor 1";
	char text[sizeof(label) + MACHINE_ID_MAX];
	_cleanup_(freep) char *id = NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len;
	int r;

	memset(ret, 0, ANCHOR_MACHINE_LEN);
	r = read_file_at(AT_FDCWD, MACHINE_ID, MACHINE_ID_MAX, &id, &len);
	if (r == -ENOENT || (r == 0 && len == 0))
		return 0;
	if (r < 0)
		return cause_set_io(why, r, "Cannot read " MACHINE_ID ": %m");
	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), id, len);
	if (EVP_Digest(text, sizeof(label) + len, digest, NULL, EVP_sha256(), NULL) != 1)
		return cause_set_oom(why);
	memcpy(ret, digest, ANCHOR_MACHINE_LEN);
	return 0;
}

int anchor_describe(struct store *s, const char *instance, uint64_t number,
		    const uint8_t head[static AUDIT_HEAD_LEN], struct anchor *ret,
		    struct cause *why)
{
	struct anchor a = { .batch = number };
	struct store_state state;
	int r;

	r = read_machine(a.machine, why);
	if (r == 0)
		r = store_look(s, &state, why);
	if (r < 0)
		return r;
	(void) snprintf(a.instance, sizeof(a.instance), "%s", instance);
	memcpy(a.store, state.id, sizeof(a.store));
	memcpy(a.head, head, sizeof(a.head));
	a.revision = state.revision;
	*ret = a;
	return 0;
}

/* ---- the file ---- */

static int io_error(int error, const char *path, struct cause *why)
{
	int r = cause_set_io(why, error, "Cannot write '%s': %m", path);

	error = abs(error);
	if (error == ENOSPC || error == EDQUOT)
		return -ENOSPC;
	return error == EACCES || error == EPERM || error == EROFS ? -EACCES : r;
}

static int flush_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(closep) int fd = -EBADF;
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		     slash ? path : ".") >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return -errno;
	return 0;
}

int anchor_write(const char *path, const struct anchor *a, struct cause *why)
{
	char text[ANCHOR_TEXT_MAX];
	size_t len = anchor_format(a, text);
	int r;

	r = write_file_atomic(path, text, len, 0600, /* exclusive= */ false);
	if (r == 0)
		r = flush_folder(path);
	return r < 0 ? io_error(r, path, why) : 0;
}

int anchor_keep(const char *path, struct store *s, const char *instance, struct writer *w,
		uint64_t *io_batch, struct cause *why)
{
	struct writer_state now;
	struct anchor a;
	int r;

	writer_look(w, &now);
	if (now.batch == *io_batch)
		return 0;
	r = anchor_describe(s, instance, now.batch, now.head, &a, why);
	if (r == 0)
		r = anchor_write(path, &a, why);
	if (r == 0)
		*io_batch = now.batch;
	return r;
}

/* ---- comparing ---- */

static enum anchor_state went_back(struct cause *what, const char *text)
{
	(void) cause_set(what, 0, "%s", text);
	return ANCHOR_BACK;
}

static int compare(struct store *s, const struct anchor *then, const struct anchor *now,
		   const struct audit_end *end, enum anchor_state *ret, struct cause *what,
		   struct cause *why)
{
	int r;

	*ret = ANCHOR_GOOD;
	if (memcmp(then->machine, now->machine, sizeof(now->machine)) != 0) {
		(void) cause_set(what, 0, "this is not the machine that had the store");
		*ret = ANCHOR_MACHINE;
		return 0;
	}
	if (!streq(then->instance, now->instance))
		*ret = went_back(what, "the instance had another name");
	else if (memcmp(then->store, now->store, sizeof(now->store)) != 0)
		*ret = went_back(what, "it is another store");
	else if (now->revision < then->revision)
		*ret = went_back(what, "the store is older than it was: its revision is lower");
	if (*ret != ANCHOR_GOOD)
		return 0;
	r = audit_passes(s, now->instance, end, then->batch, then->head, why);
	if (r == 0)
		*ret = went_back(what, "the audit log is not the one that was there: its head is "
				       "missing");
	return r < 0 ? r : 0;
}

/* It says so itself: the file is of another machine, or this instance never ran. */
static int ask_restored(struct store *s, bool *ret, struct cause *why)
{
	struct store_value v = { 0 };
	int r = store_get(s, STORE_RESTORED, &v, why);

	if (r == 0)
		*ret = v.revision > 0;
	store_value_done(&v);
	return r;
}

int anchor_check(const char *path, struct store *s, const char *instance, enum anchor_state *ret,
		 struct cause *ret_what, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	struct anchor then, now;
	struct audit_end end;
	bool restored = false;
	size_t len = 0;
	int r, error;

	error = read_file_at(AT_FDCWD, path, ANCHOR_TEXT_MAX, &text, &len);
	if (error < 0 && error != -ENOENT && error != -EFBIG)
		return cause_set_io(why, error, "Cannot read '%s': %m", path);
	r = audit_find_end(s, instance, &end, why);
	if (r == 0)
		r = anchor_describe(s, instance, end.number, end.head, &now, why);
	if (r == 0)
		r = ask_restored(s, &restored, why);
	if (r < 0)
		return r;
	if (restored)
		*ret = went_back(ret_what, "it was restored from a backup");
	else if (error == -ENOENT && !end.fence[0])
		*ret = ANCHOR_NEW;
	else if (error == -ENOENT)
		*ret = went_back(ret_what, "nobody knows how far the store was: the file beside it "
					   "is missing");
	else if (error < 0 || anchor_parse(text, len, &then) < 0)
		*ret = went_back(ret_what, "nobody knows how far the store was: the file beside it "
					   "is malformed");
	else
		return compare(s, &then, &now, &end, ret, ret_what, why);
	return 0;
}
