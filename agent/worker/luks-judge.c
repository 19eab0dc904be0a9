/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/luks-judge.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/worker/luks-metadata.h"
#include "agent/worker/luks-pins.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "wire/luks.h"

#define SHA256_LEN 32
#define REPAIR "if there is another that is good, 'cryptsetup repair DEVICE' restores this one"

_printf_(3, 4) static int verdict_set(struct luks_verdict *v, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(v->reason, sizeof(v->reason), format, ap);
	va_end(ap);
	v->error = error;
	return error;
}

/*
 * Returns the number of bytes read, or a negative errno.  It is less than @len only at the end of
 * the device.
 */
static ssize_t pread_full(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Only advice depends on it: what has no length has all. */
static uint64_t device_len(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);

	return len < 0 ? UINT64_MAX : (uint64_t)len;
}

static int read_failed(struct luks_verdict *v, ssize_t n)
{
	errno = -(int)n;
	return verdict_set(v, (int)n, "cannot read the device: %m");
}

static int checksum_verify(uint8_t *header, const struct luks2_header *h)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned sum_len;

	memset(header + LUKS2_CHECKSUM_OFFSET, 0, LUKS2_CHECKSUM_LEN);
	if (!EVP_Digest(header, h->hdr_size, sum, &sum_len, EVP_sha256(), NULL))
		return -ENOMEM;
	return sum_len == SHA256_LEN && memcmp(sum, h->checksum, SHA256_LEN) == 0 ? 0 : -EBADMSG;
}

/*
 * Read the header and its JSON area in one go: the bytes that are parsed are the bytes that were
 * summed, whatever the host does meanwhile.
 */
static int luks2_read(int fd, uint64_t offset, uint32_t hdr_size, struct luks2_header *ret_header,
		      uint8_t **ret, struct luks_verdict *v)
{
	_cleanup_(freep) uint8_t *p = malloc(hdr_size);
	struct luks2_header h;
	const char *which = offset == 0 ? "first" : "second";
	ssize_t n;
	int r;

	if (!p)
		return verdict_set(v, -ENOMEM, "out of memory");
	n = pread_full(fd, p, hdr_size, offset);
	if (n < 0)
		return read_failed(v, n);
	if ((size_t)n < hdr_size)
		return verdict_set(v, -EBADMSG, "the device ends within the %s LUKS2 header",
				   which);
	r = luks2_header_parse(p, hdr_size, offset, &h);
	if (r < 0 || h.hdr_size != hdr_size)
		return verdict_set(v, -EBADMSG,
				   "the %s LUKS2 header is malformed; " REPAIR,
				   which);
	if (!streq(h.checksum_name, "sha256"))
		return verdict_set(v, -EKEYREJECTED,
				   "the checksum of the %s LUKS2 header is "
				   "'%s', may only be: sha256",
				   which, h.checksum_name);
	r = checksum_verify(p, &h);
	if (r == -EBADMSG)
		return verdict_set(v, r,
				   "the %s LUKS2 header does not match its checksum; " REPAIR,
				   which);
	if (r < 0)
		return verdict_set(v, r, "cannot compute a checksum");

	*ret_header = h;
	*ret = TAKE_PTR(p);
	return 0;
}

static int luks2_judge_at(int fd, uint64_t offset, uint32_t hdr_size, const struct luks_question *q,
			  struct luks2_header *ret, struct luks_found *found,
			  struct luks_verdict *v)
{
	_cleanup_(freep) uint8_t *p = NULL;
	char reason[sizeof(v->reason) - sizeof("second LUKS2 header: ")];
	int r;

	r = luks2_read(fd, offset, hdr_size, ret, &p, v);
	if (r < 0)
		return r;
	if (offset == 0)
		memcpy(v->uuid, ret->uuid, sizeof(v->uuid));
	r = luks_metadata_judge((const char *)p + LUKS2_BINARY_LEN, hdr_size - LUKS2_BINARY_LEN,
				device_len(fd), q->any_token ? NULL : q->allow_tokens, found,
				reason, sizeof(reason));
	if (r < 0)
		return verdict_set(v, r, "%s LUKS2 header: %s", offset == 0 ? "first" : "second",
				   reason);
	return 0;
}

/* Say what was found, and compare it with what is pinned. */
static int check_pins(const struct luks_question *q, const struct luks_found *f,
		      struct luks_verdict *v)
{
	char reason[sizeof(v->reason)];
	int r;

	luks_pins_format(f, v->pins, sizeof(v->pins));
	r = luks_pins_check(q->pins, f, reason, sizeof(reason));
	return r < 0 ? verdict_set(v, r, "%s", reason) : 0;
}

static int luks2_find_header(const struct luks2_header *first, const struct luks2_header *second,
			     struct luks_found *ret)
{
	uint8_t sums[2 * SHA256_LEN];

	memcpy(sums, first->checksum, SHA256_LEN);
	memcpy(sums + SHA256_LEN, second->checksum, SHA256_LEN);
	ret->has_header = EVP_Digest(sums, sizeof(sums), ret->header, NULL, EVP_sha256(), NULL);
	return ret->has_header ? 0 : -ENOMEM;
}

/* cryptsetup takes the newer one of the two, so that both have to be as it is pinned. */
static int luks2_check_pins(const struct luks_question *q, const struct luks2_header *first,
			    const struct luks2_header *second, struct luks_found *f,
			    const struct luks_found *f_second, struct luks_verdict *v)
{
	int r;

	memcpy(f->uuid, first->uuid, sizeof(f->uuid));
	if (luks2_find_header(first, second, f) < 0)
		return verdict_set(v, -ENOMEM, "cannot compute a checksum");
	r = check_pins(q, f, v);
	if (r < 0 || (f->digest_len == f_second->digest_len &&
		      memcmp(f->digest, f_second->digest, f->digest_len) == 0))
		return r;
	memcpy(f->digest, f_second->digest, sizeof(f->digest));
	f->digest_len = f_second->digest_len;
	return check_pins(q, f, v);
}

static int luks2_judge(int fd, const uint8_t *start, size_t len, const struct luks_question *q,
		       struct luks_verdict *v)
{
	struct luks2_header h, second;
	struct luks_found f = { "" }, f_second = { "" };
	int r;

	/* The first header says how long it is; luks2_read() checks it again. */
	r = luks2_header_parse(start, len, 0, &h);
	if (r < 0)
		return verdict_set(v, -EBADMSG,
				   "the first LUKS2 header is malformed or cut off; " REPAIR);
	r = luks2_judge_at(fd, 0, h.hdr_size, q, &h, &f, v);
	if (r < 0)
		return r;
	r = luks2_judge_at(fd, h.hdr_size, h.hdr_size, q, &second, &f_second, v);
	if (r < 0)
		return r;
	if (!streq(h.uuid, second.uuid))
		return verdict_set(v, -EBADMSG, "the two LUKS2 headers are of different volumes");
	r = luks2_check_pins(q, &h, &second, &f, &f_second, v);
	if (r < 0)
		return r;
	return verdict_set(v, 0, "LUKS2 with %s", luks_ciphers[0]);
}

/* cryptsetup gives all keyslots this number of stripes, in use or not, and opens no others. */
#define LUKS1_STRIPES 4000

/* Refuse numbers that cryptsetup refuses: another reader might use them. */
static int luks1_judge_numbers(const struct luks1_header *h, struct luks_verdict *v)
{
	if (h->digest_iterations == 0)
		return verdict_set(v, -EBADMSG, "LUKS1 with a digest of 0 iterations");
	for (unsigned i = 0; i < LUKS1_KEYSLOTS; i++) {
		if (h->keyslots[i].stripes != LUKS1_STRIPES)
			return verdict_set(v, -EBADMSG,
					   "LUKS1 whose keyslot %u has %u stripes, not %d", i,
					   h->keyslots[i].stripes, LUKS1_STRIPES);
		if (h->keyslots[i].active && h->keyslots[i].iterations == 0)
			return verdict_set(v, -EBADMSG, "LUKS1 whose keyslot %u has 0 iterations",
					   i);
	}
	return 0;
}

/* A refusal, and the command that changes what is refused. */
_printf_(4, 5) static int luks1_refuse(const struct luks1_header *h, struct luks_verdict *v,
				       const char *options, const char *format, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, format);
	(void) vsnprintf(v->reason, sizeof(v->reason), format, ap);
	va_end(ap);
	n = strlen(v->reason);
	(void) snprintf(v->reason + n, sizeof(v->reason) - n,
			"; 'cryptsetup reencrypt %s %sDEVICE' changes it", options,
			h->payload_offset == 0 ? "--header HEADER " : "");
	v->error = -EKEYREJECTED;
	return v->error;
}

static int luks1_check_pins(const struct luks_question *q, const struct luks1_header *h,
			    const uint8_t *start, struct luks_verdict *v)
{
	struct luks_found f = { .digest_len = LUKS1_DIGEST_LEN };

	memcpy(f.uuid, h->uuid, sizeof(f.uuid));
	memcpy(f.digest, h->digest, LUKS1_DIGEST_LEN);
	f.has_header = EVP_Digest(start, LUKS1_HEADER_LEN, f.header, NULL, EVP_sha256(), NULL);
	if (!f.has_header)
		return verdict_set(v, -ENOMEM, "cannot compute a checksum");
	return check_pins(q, &f, v);
}

static int luks1_judge(const uint8_t *start, size_t len, const struct luks_question *q,
		       struct luks_verdict *v)
{
	char cipher[2 * LUKS_NAME_LEN];
	struct luks1_header h;

	if (luks1_header_parse(start, len, &h) < 0)
		return verdict_set(v, -EBADMSG, "the LUKS1 header is malformed or cut off");
	memcpy(v->uuid, h.uuid, sizeof(v->uuid));
	(void) snprintf(cipher, sizeof(cipher), "%s-%s", h.cipher, h.mode);
	if (!name_is_listed(cipher, luks_ciphers))
		return luks1_refuse(&h, v, "--cipher aes-xts-plain64 --key-size 512",
				    "LUKS1 with the cipher '%s', may only be: %s", cipher,
				    luks_ciphers[0]);
	if (!luks_key_len_is_good(h.key_len))
		return luks1_refuse(&h, v, "--key-size 512",
				    "LUKS1 with a key of %u bytes, may only be 64 or 32",
				    h.key_len);
	if (!name_is_listed(h.hash, luks_hashes))
		return luks1_refuse(&h, v, "--hash sha256",
				    "LUKS1 with the hash '%s', which is not known here", h.hash);
	if (luks1_judge_numbers(&h, v) < 0 || luks1_check_pins(q, &h, start, v) < 0)
		return v->error;
	return verdict_set(v, 0, "LUKS1 with %s", cipher);
}

static int judge(int fd, const struct luks_question *q, struct luks_verdict *v)
{
	uint8_t start[LUKS2_BINARY_LEN];
	ssize_t n;
	int version;

	n = pread_full(fd, start, sizeof(start), 0);
	if (n < 0)
		return read_failed(v, n);
	version = luks_version(start, (size_t)n);
	if (version < 0)
		return verdict_set(v, -EOPNOTSUPP,
				   "the device holds no LUKS volume, or its first header is "
				   "destroyed; " REPAIR);
	v->version = (uint32_t)version;
	if (version == 1)
		return luks1_judge(start, (size_t)n, q, v);
	if (version == 2)
		return luks2_judge(fd, start, (size_t)n, q, v);
	return verdict_set(v, -EOPNOTSUPP, "LUKS version %d is not known here", version);
}

static int judge_text(int fd, const struct luks_question *q, struct luks_verdict *v)
{
	_cleanup_(freep) char *text = malloc(LUKS2_TEXT_MAX + 1);
	char reason[sizeof(v->reason)];
	struct luks_found f = { "" };
	ssize_t n;
	int r;

	if (!text)
		return verdict_set(v, -ENOMEM, "out of memory");
	n = pread_full(fd, text, LUKS2_TEXT_MAX + 1, 0);
	if (n < 0)
		return read_failed(v, n);
	if (n > LUKS2_TEXT_MAX)
		return verdict_set(v, -EMSGSIZE, "the header's metadata is too long");
	v->version = 2;
	r = luks_metadata_judge_text(text, (size_t)n, q->any_token ? NULL : q->allow_tokens, &f,
				     reason, sizeof(reason));
	if (r < 0)
		return verdict_set(v, r, "%s", reason);
	r = check_pins(q, &f, v);
	if (r < 0)
		return r;
	return verdict_set(v, 0, "LUKS2 with %s", luks_ciphers[0]);
}

void luks_judge(int fd, const struct luks_question *q, struct luks_verdict *ret)
{
	struct luks_verdict v = { 0 };

	(void) judge(fd, q, &v);
	/* The reason may quote the header. */
	make_printable(v.reason);
	*ret = v;
}

void luks_judge_text(int fd, const struct luks_question *q, struct luks_verdict *ret)
{
	struct luks_verdict v = { 0 };

	(void) judge_text(fd, q, &v);
	make_printable(v.reason);
	*ret = v;
}
