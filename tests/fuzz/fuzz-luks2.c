/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever the disk holds: the judge ends, says why in printable text, and never accepts a null
 * cipher.  The first byte of the input chooses.  'j': the rest is a JSON text, put into good
 * headers.  'r': the rest is the device, whose checksums are corrected so that the fuzzer gets
 * past them.  't': the rest is what libcryptsetup has made of a JSON text.  Any other byte: the
 * device as it is.
 */
#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/worker/luks-judge.h"
#include "base/io.h"
#include "base/text.h"
#include "tests/luks-image.h"
#include "wire/jspan.h"

#define HDR_SIZE 16384
#define LEN_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* No list of types allows a token by which systemd-cryptsetup itself opens a volume. */
static void check_tokens(struct json_object *list)
{
	struct json_object *v;

	json_object_object_foreach(list, id, token) {
		(void) id;
		assert(json_object_object_get_ex(token, "type", &v));
		assert(strcmp(json_object_get_string(v), "systemd-tpm2") != 0);
	}
}

/* By an independent walk: a text that passed has no cipher but this one. */
static void check_ciphers(const char *json)
{
	struct json_tokener *t = json_tokener_new_ex(JSPAN_DEPTH_MAX + 2);
	struct json_object *o, *list, *v;

	assert(t);
	o = json_tokener_parse_ex(t, json, -1);
	json_tokener_free(t);
	assert(json_object_object_get_ex(o, "keyslots", &list));
	json_object_object_foreach(list, slot, keyslot) {
		(void) slot;
		assert(json_object_object_get_ex(keyslot, "area", &v) &&
		       json_object_object_get_ex(v, "encryption", &v));
		assert(strcmp(json_object_get_string(v), "aes-xts-plain64") == 0);
	}
	assert(json_object_object_get_ex(o, "segments", &list));
	json_object_object_foreach(list, id, segment) {
		(void) id;
		assert(json_object_object_get_ex(segment, "encryption", &v));
		assert(strcmp(json_object_get_string(v), "aes-xts-plain64") == 0);
	}
	if (json_object_object_get_ex(o, "tokens", &list))
		check_tokens(list);
	json_object_put(o);
}

static void check_passed(const struct luks_verdict *v, const uint8_t *image, size_t len)
{
	size_t hdr_size;

	assert(v->version == 1 || v->version == 2);
	assert(strlen(v->uuid) == 36);
	if (v->version == 1)
		return;
	assert(len >= 2 * HDR_SIZE);
	hdr_size = (size_t)image[13] << 16 | (size_t)image[14] << 8;
	check_ciphers((const char *)image + 4096);
	check_ciphers((const char *)image + hdr_size + 4096);
}

static void judge_by(void (*judge)(int fd, const struct luks_question *q, struct luks_verdict *ret),
		     const void *data, size_t len, struct luks_verdict *ret)
{
	_cleanup_(closep) int fd = memfd_create("device", MFD_CLOEXEC);
	char reason[sizeof(ret->reason)];

	assert(fd >= 0 && write_full(fd, data, len) == 0);
	judge(fd, &(struct luks_question){ "clevis systemd-tpm2" }, ret);
	assert(ret->error <= 0);
	assert(memchr(ret->uuid, '\0', sizeof(ret->uuid)) &&
	       memchr(ret->reason, '\0', sizeof(ret->reason)) && ret->reason[0]);
	/* The reason may quote UTF-8, but nothing that a terminal would obey. */
	strcpy(reason, ret->reason);
	make_printable(reason);
	assert(streq(reason, ret->reason));
}

static void judge_image(const uint8_t *image, size_t len)
{
	struct luks_verdict v;

	judge_by(luks_judge, image, len, &v);
	if (v.error == 0)
		check_passed(&v, image, len);
}

static void judge_text(const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = strndup((const char *)data, len);
	struct luks_verdict v;

	assert(text);
	judge_by(luks_judge_text, data, len, &v);
	if (v.error == 0)
		check_ciphers(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *image;

	if (len == 0 || len > LEN_MAX)
		return 0;
	if (data[0] == 'j') {
		image = luks_image_new(data + 1, len - 1, HDR_SIZE);
		judge_image(image, 2 * HDR_SIZE);
	} else if (data[0] == 't') {
		judge_text(data + 1, len - 1);
		return 0;
	} else {
		image = malloc(len);
		assert(image);
		memcpy(image, data + 1, len - 1);
		if (data[0] == 'r') {
			luks_image_sum(image, len - 1, 0);
			luks_image_sum(image, len - 1, HDR_SIZE);
		}
		judge_image(image, len - 1);
	}
	free(image);
	return 0;
}
