/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/measure.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "crypto/openssl-late.h"
#include "wire/bytes.h"

#define GUEST "/sys/devices/virtual/misc/tdx_guest"
#define RTMR3 GUEST "/measurements/rtmr3:sha384"
#define REGISTER_LEN 48

#define INDEX_RTMR3 4		/* one more than the register's number */
#define EV_EVENT_TAG 6
#define ALG_SHA384 0x000c
#define TAG 0x4141454cu		/* "LEAA" */
#define ENTRY_LEN 74		/* without the text */
#define DATA_AT 66
#define TEXT_MAX 512

#define DOMAIN "coco-agent "
#define LAUNCH DOMAIN "launch "
#define RELEASED DOMAIN "released "

struct log {
	char path[PATH_MAX], next[PATH_MAX];
	uint8_t *data;			/* MEASURE_LOG_MAX bytes */
	size_t len;
	unsigned n;			/* entries */
	uint8_t leads_to[REGISTER_LEN];	/* from zeros */
};

static void log_done(struct log *l)
{
	free(l->data);
}

/* ---- the register ---- */

static int read_register(const char *root, uint8_t ret[static REGISTER_LEN], struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	(void) snprintf(path, sizeof(path), "%s" RTMR3, root);
	r = read_file_at(AT_FDCWD, path, REGISTER_LEN, &data, &len);
	if (r == -ENOENT)
		return cause_set(why, -EOPNOTSUPP,
				 "there is no " RTMR3 ": that needs Linux 6.16");
	if (r == 0 && len != REGISTER_LEN)
		r = -EBADMSG;
	if (r < 0)
		return cause_set(why, r, RTMR3 " cannot be read: %s", strerror(-r));
	memcpy(ret, data, REGISTER_LEN);
	return 0;
}

/* One write is one extension. */
static int extend_register(const char *root, const uint8_t digest[static REGISTER_LEN],
			   struct cause *why)
{
	_cleanup_(closep) int fd = -EBADF;
	char path[PATH_MAX];
	ssize_t n;

	(void) snprintf(path, sizeof(path), "%s" RTMR3, root);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : write(fd, digest, REGISTER_LEN);
	if (n == REGISTER_LEN)
		return 0;
	n = n < 0 ? -errno : -EIO;
	return cause_set(why, (int)n, RTMR3 " cannot be extended: %s", strerror((int)-n));
}

static int fold(uint8_t value[static REGISTER_LEN], const uint8_t digest[static REGISTER_LEN])
{
	uint8_t both[2 * REGISTER_LEN];

	memcpy(both, value, REGISTER_LEN);
	memcpy(both + REGISTER_LEN, digest, REGISTER_LEN);
	return EVP_Digest(both, sizeof(both), value, NULL, EVP_sha384(), NULL) == 1 ? 0 : -ENOMEM;
}

/* ---- the log ---- */

/* Take one entry off @b and return its digest, or NULL unless it is of our form. */
static const uint8_t *take_entry(struct bytes *b)
{
	uint8_t digest[REGISTER_LEN];
	struct bytes head, text;
	size_t len;

	if (bytes_take(b, ENTRY_LEN, &head) < 0)
		return NULL;
	len = get_u32le(head.p + 70);
	if (get_u32le(head.p) != INDEX_RTMR3 || get_u32le(head.p + 4) != EV_EVENT_TAG ||
	    get_u32le(head.p + 8) != 1 || get_u16le(head.p + 12) != ALG_SHA384 ||
	    get_u32le(head.p + DATA_AT) != TAG || len > TEXT_MAX ||
	    get_u32le(head.p + 62) != len + 8 || bytes_take(b, len, &text) < 0)
		return NULL;
	/* The text lies behind the head. */
	if (EVP_Digest(head.p + DATA_AT, len + 8, digest, NULL, EVP_sha384(), NULL) != 1 ||
	    memcmp(digest, head.p + 14, sizeof(digest)) != 0)
		return NULL;
	return head.p + 14;
}

static int replay(struct log *l, struct cause *why)
{
	struct bytes b = { l->data, l->len };

	l->n = 0;
	memset(l->leads_to, 0, sizeof(l->leads_to));
	while (b.len > 0) {
		const uint8_t *digest = take_entry(&b);

		if (!digest)
			return cause_set(why, -EUCLEAN, "the log %s is damaged", l->path);
		if (fold(l->leads_to, digest) < 0)
			return cause_set_oom(why);
		l->n++;
	}
	return 0;
}

/* Read and replay the file @path.  Returns 1; 0 when it does not exist, and then @l is empty. */
static int load(struct log *l, const char *path, struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	int r;

	l->len = 0;
	r = read_file_at(AT_FDCWD, path, MEASURE_LOG_MAX, &data, &l->len);
	if (r < 0 && r != -ENOENT)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	if (r == 0)
		memcpy(l->data, data, l->len);
	else
		l->len = 0;
	r = replay(l, why);
	return r < 0 ? r : data != NULL;
}

static int accept_next(struct log *l, struct cause *why)
{
	if (rename(l->next, l->path) == 0)
		return 0;
	return cause_set(why, -errno, "%s cannot be renamed: %s", l->next, strerror(errno));
}

/*
 * Read the log.  If an earlier cocod stopped while it measured, the register decides whether its
 * last entry counts.
 */
static int open_log(const char *root, const char *runtime, struct log *l, struct cause *why)
{
	uint8_t value[REGISTER_LEN];
	int r;

	(void) snprintf(l->path, sizeof(l->path), "%s/" MEASURE_LOG, runtime);
	(void) snprintf(l->next, sizeof(l->next), "%s/" MEASURE_LOG ".next", runtime);
	l->data = malloc(MEASURE_LOG_MAX);
	if (!l->data)
		return cause_set_oom(why);
	r = openssl_load(why);
	if (r >= 0)
		r = read_register(root, value, why);
	if (r < 0)
		return r;
	r = load(l, l->next, why);
	if (r > 0 && memcmp(l->leads_to, value, sizeof(value)) == 0)
		return accept_next(l, why);
	if (r >= 0)
		r = load(l, l->path, why);
	if (r < 0)
		return r;
	if (memcmp(l->leads_to, value, sizeof(value)) != 0)
		return cause_set(why, -EUCLEAN,
				 "RTMR3 was extended by something else: another program, or an "
				 "earlier kernel of this launch");
	(void) unlink(l->next);
	return 0;
}

static int append(struct log *l, const char *text, struct cause *why)
{
	size_t len = strlen(text);
	uint8_t *p = l->data + l->len;

	if (len > TEXT_MAX || ENTRY_LEN + len > MEASURE_LOG_MAX - l->len)
		return cause_set(why, -EMSGSIZE, "the log %s is full", l->path);
	put_u32le(p, INDEX_RTMR3);
	put_u32le(p + 4, EV_EVENT_TAG);
	put_u32le(p + 8, 1);
	put_u16le(p + 12, ALG_SHA384);
	put_u32le(p + 62, (uint32_t)len + 8);
	put_u32le(p + DATA_AT, TAG);
	put_u32le(p + 70, (uint32_t)len);
	memcpy(p + ENTRY_LEN, text, len);
	if (EVP_Digest(p + DATA_AT, len + 8, p + 14, NULL, EVP_sha384(), NULL) != 1)
		return cause_set_oom(why);
	l->len += ENTRY_LEN + len;
	l->n++;
	return fold(l->leads_to, p + 14) < 0 ? cause_set_oom(why) : 0;
}

/* ---- events ---- */

static int measure(const char *root, struct log *l, const char *text, struct cause *why)
{
	size_t at = l->len;
	int r;

	r = append(l, text, why);
	if (r < 0)
		return r;
	r = write_file_atomic(l->next, l->data, l->len, 0600, /* exclusive= */ false);
	if (r < 0)
		return cause_set(why, r, "%s cannot be written: %s", l->next, strerror(-r));
	r = extend_register(root, l->data + at + 14, why);
	return r < 0 ? r : accept_next(l, why);
}

static int launch(const char *root, struct log *l, struct cause *why)
{
	uint8_t number[32];
	char text[sizeof(LAUNCH) + 2 * sizeof(number)];

	if (l->n > 0)
		return 0;
	if (getrandom(number, sizeof(number), 0) != sizeof(number))
		return cause_set(why, -EIO, "there are no random numbers");
	memcpy(text, LAUNCH, strlen(LAUNCH));
	format_hex(number, sizeof(number), text + strlen(LAUNCH));
	text[sizeof(text) - 1] = '\0';
	return measure(root, l, text, why);
}

static bool is_td(const char *root)
{
	char path[PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s" GUEST, root);
	return access(path, F_OK) == 0;
}

static bool is_plain(const char *path)
{
	for (; *path; path++)
		if (*path < ' ' || *path > '~')
			return false;
	return true;
}

int measure_launch(const char *root, const char *runtime, struct cause *why)
{
	_cleanup_(log_done) struct log l = { .len = 0 };
	int r;

	if (!is_td(root))
		return 0;
	r = open_log(root, runtime, &l, why);
	if (r >= 0)
		r = launch(root, &l, why);
	return r < 0 ? r : 1;
}

int measure_released(const char *root, const char *runtime, const char *path, struct cause *why)
{
	_cleanup_(log_done) struct log l = { .len = 0 };
	char text[TEXT_MAX + 1];
	int r;

	if (!is_td(root))
		return 0;
	if (!is_plain(path) || strlen(RELEASED) + strlen(path) > TEXT_MAX)
		return cause_set(why, -EINVAL, "the secret's name cannot be measured");
	(void) snprintf(text, sizeof(text), RELEASED "%s", path);
	r = open_log(root, runtime, &l, why);
	if (r >= 0)
		r = launch(root, &l, why);
	if (r >= 0)
		r = measure(root, &l, text, why);
	return r < 0 ? r : 1;
}
