/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/backup.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "broker/core/keys.h"
#include "broker/core/recovery.h"
#include "broker/serve/key-files.h"
#include "broker/store/lines.h"
#include "crypto/cleanup.h"
#include "crypto/gcm.h"
#include "wire/jspan.h"

#define BACKUP_VERSION 1
#define MAC_LEN 32
#define MAC_BEGIN "{\"mac\":\""
#define TEXT_MAX 65536			/* bytes of the certificate and of the settings */
#define LINE_MAX_LEN (1024 * 1024)	/* more than all texts, or a line of a store */
#define IDENTITY_OVERHEAD (GCM_IV_LEN + GCM_TAG_LEN)

static const struct bytes aad = { (const uint8_t *)"coco backup 1", sizeof("coco backup 1") };

void backup_done(struct backup *b)
{
	b->master = secret_free(b->master);
	b->identity = secret_free(b->identity);
	free(b->recovery);
	free(b->certificate);
	free(b->settings);
	*b = (struct backup){ NULL };
}

static EVP_MAC_CTX *mac_new(const struct secret *master)
{
	_cleanup_(mac_freep) EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	_cleanup_(key_wipe) uint8_t key[32];

	if (c && secret_derive(master, "coco backup", key) == 0 &&
	    EVP_MAC_init(c, key, sizeof(key), params) == 1)
		return c;
	EVP_MAC_CTX_free(c);
	return NULL;
}

/* ---- writing ---- */

struct writing {
	int fd;
	EVP_MAC_CTX *mac;
	struct cause *why;
};

static int write_part(void *userdata, const void *data, size_t len)
{
	struct writing *w = userdata;
	int r = write_full(w->fd, data, len);

	if (r < 0)
		return cause_set_io(w->why, r, "The backup cannot be written: %s", strerror(-r));
	return EVP_MAC_update(w->mac, data, len) == 1 ? 0 : cause_set_oom(w->why);
}

static int seal_identity(const struct backup *b, char **ret)
{
	_cleanup_(key_wipe) uint8_t key[GCM_KEY_LEN];
	_cleanup_(freep) uint8_t *sealed = NULL;
	size_t n = secret_len(b->identity);

	sealed = malloc(n + IDENTITY_OVERHEAD);
	if (!sealed || RAND_bytes(sealed, GCM_IV_LEN) != 1 ||
	    secret_derive(b->master, "coco backup identity", key) < 0 ||
	    gcm_seal(key, sealed, aad, b->identity, sealed + GCM_IV_LEN,
		     sealed + GCM_IV_LEN + n) < 0)
		return -ENOMEM;
	return base64_encode(sealed, n + IDENTITY_OVERHEAD, ret);
}

static int write_header(struct writing *w, const struct backup *b)
{
	_cleanup_(freep) char *identity = NULL, *certificate = NULL, *settings = NULL;
	_cleanup_(freep) char *line = NULL;
	int n;

	if (seal_identity(b, &identity) < 0 ||
	    base64_encode((const uint8_t *)b->certificate, strlen(b->certificate),
			  &certificate) < 0 ||
	    base64_encode((const uint8_t *)b->settings, strlen(b->settings), &settings) < 0)
		return cause_set_oom(w->why);
	n = asprintf(&line,
		     "{\"coco-broker-backup\":%d,\"recovery\":\"%.*s\",\"identity\":\"%s\","
		     "\"certificate\":\"%s\",\"settings\":\"%s\"}\n",
		     BACKUP_VERSION, (int)strcspn(b->recovery, "\n"), b->recovery, identity,
		     certificate, settings);
	if (n < 0)
		return cause_set_oom(w->why);
	return write_part(w, line, (size_t)n);
}

static int write_mac(struct writing *w)
{
	char hex[2 * MAC_LEN + 1], line[sizeof(MAC_BEGIN) + sizeof(hex) + 4];
	uint8_t mac[MAC_LEN];
	size_t len;
	int r;

	if (EVP_MAC_final(w->mac, mac, &len, sizeof(mac)) != 1)
		return cause_set_oom(w->why);
	format_hex(mac, sizeof(mac), hex);
	(void) stpcpy(stpcpy(stpcpy(line, MAC_BEGIN), hex), "\"}\n");
	r = write_full(w->fd, line, strlen(line));
	return r < 0 ? cause_set_io(w->why, r, "The backup cannot be written: %s", strerror(-r)) :
		       0;
}

static int write_lines(struct writing *w, int lines)
{
	char buffer[65536];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read_full(lines, buffer, sizeof(buffer))) != 0)
		r = n < 0 ? cause_set_io(w->why, (int)n, "The copy of the store cannot be read: %s",
					 strerror((int)-n)) :
			    write_part(w, buffer, (size_t)n);
	return r;
}

/* @store NULL: its lines are in @lines. */
static int write_all(const struct backup *b, struct store *store, int lines, int fd,
		     struct cause *why)
{
	_cleanup_(mac_ctx_freep) EVP_MAC_CTX *mac = mac_new(b->master);
	struct writing w = { fd, mac, why };
	int r;

	if (!mac)
		return cause_set_oom(why);
	r = recovery_check(b->master, b->recovery);
	if (r < 0)
		return cause_set(why, r == -ENOMEM ? r : -EKEYREJECTED,
				 "The recovery key is of another master key, or its copy is "
				 "damaged: nothing would open the backup");
	r = write_header(&w, b);
	if (r == 0)
		r = store ? store_dump_to(store, write_part, &w, why) : write_lines(&w, lines);
	return r == 0 ? write_mac(&w) : r;
}

int backup_write(const struct backup *b, struct store *store, int fd, struct cause *why)
{
	return write_all(b, store, -EBADF, fd, why);
}

int backup_write_lines(const struct backup *b, int lines, int fd, struct cause *why)
{
	return write_all(b, NULL, lines, fd, why);
}

/* ---- reading ---- */

struct reading {
	const struct secret *recovery;
	EVP_MAC_CTX *mac;
	int copy_fd;
	bool began, ended;
	struct backup *backup;
	struct cause *why;
};

struct header {
	struct bytes version, recovery, identity, certificate, settings;
};

static const struct jspan_field header_fields[] = {
	{ "coco-broker-backup", jspan_read_value, offsetof(struct header, version), false },
	{ "recovery", jspan_read_text, offsetof(struct header, recovery), false },
	{ "identity", jspan_read_text, offsetof(struct header, identity), false },
	{ "certificate", jspan_read_text, offsetof(struct header, certificate), false },
	{ "settings", jspan_read_text, offsetof(struct header, settings), false },
	{ NULL },
};

static char *text_of(struct bytes b)
{
	return strndup((const char *)b.p, b.len);
}

/* @ret has a NUL behind its @ret_len bytes. */
static int decode(struct bytes base64, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) char *text = text_of(base64);
	_cleanup_(freep) uint8_t *data = malloc(max + 1);
	ssize_t n;

	if (!text || !data)
		return -ENOMEM;
	n = base64_decode(text, data, max);
	if (n < 0)
		return -EBADMSG;
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = (size_t)n;
	return 0;
}

static int decode_text(struct bytes base64, char **ret)
{
	uint8_t *data;
	size_t len;
	int r = decode(base64, TEXT_MAX, &data, &len);

	if (r < 0)
		return r;
	*ret = (char *)data;
	return strlen(*ret) == len ? 0 : -EBADMSG;
}

static int open_identity(const struct secret *master, struct bytes base64, struct secret **ret)
{
	_cleanup_(key_wipe) uint8_t key[GCM_KEY_LEN];
	_cleanup_(freep) uint8_t *sealed = NULL;
	struct bytes ciphertext;
	size_t len;
	int r;

	r = decode(base64, KEY_FILE_MAX + IDENTITY_OVERHEAD, &sealed, &len);
	if (r < 0 || len < IDENTITY_OVERHEAD)
		return r < 0 ? r : -EBADMSG;
	if (secret_derive(master, "coco backup identity", key) < 0)
		return -ENOMEM;
	ciphertext = (struct bytes){ sealed + GCM_IV_LEN, len - IDENTITY_OVERHEAD };
	return gcm_open(key, sealed, aad, ciphertext, sealed + len - GCM_TAG_LEN, ret);
}

static int open_header(const struct reading *b, const struct header *h)
{
	struct backup *to = b->backup;
	int r;

	to->recovery = text_of(h->recovery);
	if (!to->recovery)
		return -ENOMEM;
	r = recovery_unwrap(b->recovery, to->recovery, &to->master);
	if (r >= 0)
		r = open_identity(to->master, h->identity, &to->identity);
	if (r >= 0)
		r = decode_text(h->certificate, &to->certificate);
	return r >= 0 ? decode_text(h->settings, &to->settings) : r;
}

static int read_header(struct reading *b, struct bytes line)
{
	struct header h = { 0 };
	struct bytes object;
	uint64_t version;
	int r;

	if (jspan_check(line, &object) < 0 ||
	    jspan_member(object, "coco-broker-backup", &h.version) < 0 ||
	    jspan_uint(h.version, UINT64_MAX, &version) < 0)
		return cause_set(b->why, -EBADMSG, "It is no backup of a broker");
	if (version != BACKUP_VERSION)
		return cause_set(b->why, -EBADMSG, "The backup is of a newer version");
	if (jspan_object_read(object, header_fields, /* closed= */ true, &h, NULL) < 0)
		return cause_set(b->why, -EBADMSG, "The first line of the backup is malformed");
	r = open_header(b, &h);
	if (r == -EKEYREJECTED)
		return cause_set(b->why, r, "This recovery key does not open the backup");
	if (r < 0)
		return cause_set(b->why, r, "The first line of the backup cannot be opened: %s",
				 strerror(-r));
	b->mac = mac_new(b->backup->master);
	b->began = true;
	return b->mac && EVP_MAC_update(b->mac, line.p, line.len) == 1 ? 0 : cause_set_oom(b->why);
}

static int read_mac(struct reading *b, struct bytes line)
{
	char digits[2 * MAC_LEN + 1];
	uint8_t said[MAC_LEN], mac[MAC_LEN];
	size_t len = strlen(MAC_BEGIN);

	b->ended = true;
	if (line.len != len + 2 * MAC_LEN + 3 || memcmp(line.p + line.len - 3, "\"}\n", 3) != 0)
		return cause_set(b->why, -EBADMSG, "The last line of the backup is malformed");
	memcpy(digits, line.p + len, 2 * MAC_LEN);
	digits[2 * MAC_LEN] = '\0';
	if (parse_hex(digits, said, sizeof(said)) < 0)
		return cause_set(b->why, -EBADMSG, "The last line of the backup is malformed");
	if (EVP_MAC_final(b->mac, mac, &len, sizeof(mac)) != 1)
		return cause_set_oom(b->why);
	if (CRYPTO_memcmp(mac, said, sizeof(mac)) != 0)
		return cause_set(b->why, -EKEYREJECTED, "Somebody changed the backup, or it is "
							"damaged");
	return 0;
}

static int read_line(struct reading *b, struct bytes line)
{
	size_t len = strlen(MAC_BEGIN);
	int r;

	if (!b->began)
		return read_header(b, line);
	if (b->ended)
		return cause_set(b->why, -EBADMSG, "There is something behind the end of the "
						   "backup");
	if (line.len > len && memcmp(line.p, MAC_BEGIN, len) == 0)
		return read_mac(b, line);
	if (EVP_MAC_update(b->mac, line.p, line.len) != 1)
		return cause_set_oom(b->why);
	r = write_full(b->copy_fd, line.p, line.len);
	return r < 0 ? cause_set_io(b->why, r, "There is no room for a copy of the backup: %s",
				    strerror(-r)) :
		       0;
}

static int read_lines(struct reading *b, int fd)
{
	_cleanup_(lines_done) struct lines lines = { .fd = fd, .max = LINE_MAX_LEN };
	struct bytes line;
	int r;

	while ((r = lines_next(&lines, &line, b->why)) > 0) {
		r = read_line(b, line);
		if (r < 0)
			return r;
	}
	if (r == 0 && !b->ended)
		return cause_set(b->why, -EBADMSG, "The backup has no end: a part of it is "
						   "missing");
	return r;
}

int backup_read(int fd, const struct secret *recovery, int copy_fd, struct backup *ret,
		struct cause *why)
{
	struct backup backup = { NULL };
	struct reading b = {
		.recovery = recovery, .copy_fd = copy_fd, .backup = &backup, .why = why
	};
	int r = read_lines(&b, fd);

	EVP_MAC_CTX_free(b.mac);
	if (r < 0)
		backup_done(&backup);
	else
		*ret = backup;
	return r;
}
