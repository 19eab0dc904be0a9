/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/luks-image.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

const char luks_image_json[] =
	"{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"key_size\":64,"
	"\"af\":{\"type\":\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},"
	"\"area\":{\"type\":\"raw\",\"offset\":\"32768\",\"size\":\"258048\",\"encryption\":\"aes-"
	"xts-plain64\",\"key_size\":64},"
	"\"kdf\":{\"type\":\"argon2id\",\"time\":4,\"memory\":1048576,\"cpus\":4,"
	"\"salt\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}},"
	"\"tokens\":{},"
	"\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_"
	"tweak\":\"0\","
	"\"encryption\":\"aes-xts-plain64\",\"sector_size\":4096}},"
	"\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[\"0\"],"
	"\"hash\":\"sha256\",\"iterations\":1000,"
	"\"salt\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"digest\":\"8PHy8/T19vf4+fr7/"
	"P3+/wABAgMEBQYHCAkKCwwNDg8=\"}},"
	"\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}";

static void put_be(uint8_t *p, unsigned n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

void luks_image_sum(uint8_t *image, size_t len, size_t offset)
{
	uint8_t *h = image + offset;
	size_t hdr_size = 0;

	if (len < offset || len - offset < 512)
		return;
	for (int i = 0; i < 8; i++)
		hdr_size = hdr_size << 8 | h[8 + i];
	if (hdr_size > len - offset)
		hdr_size = len - offset;
	memset(h + 448, 0, 64);
	if (hdr_size > 0)
		SHA256(h, hdr_size, h + 448);
}

uint8_t *luks_image_new(const void *json, size_t json_len, size_t hdr_size)
{
	uint8_t *image = calloc(2, hdr_size);

	if (!image)
		exit(1);	/* the test has no memory, not what it tests */
	for (int i = 0; i < 2; i++) {
		uint8_t *h = image + (size_t)i * hdr_size;

		memcpy(h, i == 0 ? "LUKS\xba\xbe" : "SKUL\xba\xbe", 6);
		put_be(h + 6, 2, 2);
		put_be(h + 8, 8, hdr_size);
		put_be(h + 16, 8, 3);
		strcpy((char *)h + 72, "sha256");
		memset(h + 104, 0x5a + i, 64);
		strcpy((char *)h + 168, LUKS_IMAGE_UUID);
		put_be(h + 256, 8, (size_t)i * hdr_size);
		memcpy(h + 4096, json, json_len < hdr_size - 4096 ? json_len : hdr_size - 4096);
		luks_image_sum(image, 2 * hdr_size, (size_t)i * hdr_size);
	}
	return image;
}
