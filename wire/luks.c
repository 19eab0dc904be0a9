/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/luks.h"

#include <string.h>

#include "base/parse.h"
#include "wire/guid.h"

static const uint8_t magic_first[LUKS_MAGIC_LEN] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
static const uint8_t magic_second[LUKS_MAGIC_LEN] = { 'S', 'K', 'U', 'L', 0xba, 0xbe };

/*
 * A text field: printable ASCII up to a NUL, which must exist.  Bytes after the NUL mean nothing.
 */
static int text_parse(const uint8_t *p, size_t size, char *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (p[i] == '\0') {
			memset(ret, 0, size);
			memcpy(ret, p, i);
			return 0;
		}
		if (p[i] < 0x20 || p[i] > 0x7e)
			return -EBADMSG;
	}
	return -EBADMSG;
}

static int uuid_parse(const uint8_t *p, char ret[static LUKS_UUID_LEN])
{
	struct guid unused;
	int r;

	r = text_parse(p, LUKS_UUID_LEN, ret);
	if (r < 0)
		return r;
	return guid_parse(ret, strlen(ret), &unused) < 0 ? -EBADMSG : 0;
}

bool luks_token_opens(const char *type)
{
	static const char *const types[] = { "systemd-tpm2", "systemd-fido2", "systemd-pkcs11",
					     NULL };

	return name_is_listed(type, types);
}

int luks_version(const uint8_t *p, size_t len)
{
	if (len < LUKS_MAGIC_LEN + 2 || memcmp(p, magic_first, LUKS_MAGIC_LEN) != 0)
		return -EOPNOTSUPP;
	return get_u16be(p + LUKS_MAGIC_LEN);
}

#define KEYSLOT_ACTIVE 0x00ac71f3
#define KEYSLOT_INACTIVE 0x0000dead

static int keyslot_parse(const uint8_t *p, struct luks1_keyslot *ret)
{
	uint32_t state = get_u32be(p);

	if (state != KEYSLOT_ACTIVE && state != KEYSLOT_INACTIVE)
		return -EBADMSG;
	*ret = (struct luks1_keyslot){ state == KEYSLOT_ACTIVE, get_u32be(p + 4),
				       get_u32be(p + 44) };
	return 0;
}

int luks1_header_parse(const uint8_t *p, size_t len, struct luks1_header *ret)
{
	struct luks1_header h;

	if (luks_version(p, len) != 1)
		return -EOPNOTSUPP;
	if (len < LUKS1_HEADER_LEN)
		return -EBADMSG;
	h.key_len = get_u32be(p + 108);
	h.payload_offset = get_u32be(p + 104);
	memcpy(h.digest, p + 112, LUKS1_DIGEST_LEN);
	h.digest_iterations = get_u32be(p + 164);
	for (unsigned i = 0; i < LUKS1_KEYSLOTS; i++)
		if (keyslot_parse(p + 208 + 48 * i, &h.keyslots[i]) < 0)
			return -EBADMSG;
	if (text_parse(p + 8, LUKS_NAME_LEN, h.cipher) < 0 ||
	    text_parse(p + 40, LUKS_NAME_LEN, h.mode) < 0 ||
	    text_parse(p + 72, LUKS_NAME_LEN, h.hash) < 0 || uuid_parse(p + 168, h.uuid) < 0)
		return -EBADMSG;
	*ret = h;
	return 0;
}

/* A power of two from 16 KiB to 4 MiB. */
bool luks2_hdr_size_is_legal(uint64_t size)
{
	return size >= 16384 && size <= LUKS2_HEADER_MAX && (size & (size - 1)) == 0;
}

int luks2_header_parse(const uint8_t *p, size_t len, uint64_t offset, struct luks2_header *ret)
{
	const uint8_t *magic = offset == 0 ? magic_first : magic_second;
	struct luks2_header h;
	uint64_t hdr_size;

	if (len < LUKS_MAGIC_LEN + 2 || memcmp(p, magic, LUKS_MAGIC_LEN) != 0 ||
	    get_u16be(p + LUKS_MAGIC_LEN) != 2)
		return -EOPNOTSUPP;
	if (len < LUKS2_BINARY_LEN)
		return -EBADMSG;
	hdr_size = get_u64be(p + 8);
	if (!luks2_hdr_size_is_legal(hdr_size) || get_u64be(p + 256) != offset)
		return -EBADMSG;
	h.hdr_size = (uint32_t)hdr_size;
	h.seqid = get_u64be(p + 16);
	if (text_parse(p + 72, LUKS_NAME_LEN, h.checksum_name) < 0 ||
	    uuid_parse(p + 168, h.uuid) < 0)
		return -EBADMSG;
	memcpy(h.checksum, p + LUKS2_CHECKSUM_OFFSET, LUKS2_CHECKSUM_LEN);
	*ret = h;
	return 0;
}
