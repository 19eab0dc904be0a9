/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "wire/ovmf-table.h"

#define RESET_VECTOR_LEN 32
#define ENTRY_TAIL_LEN (2 + GUID_LEN)

static const struct guid footer_guid =
	GUID_INIT_TEXT(0x96b582de, 0x1fb2, 0x45f7, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d);

const struct guid ovmf_secret_area_guid =
	GUID_INIT_TEXT(0x4c2eb361, 0x7d9b, 0x4cc3, 0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94);

const struct guid ovmf_hash_area_guid =
	GUID_INIT_TEXT(0x7255371f, 0x3a3b, 0x4b04, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54);

const struct guid ovmf_es_reset_guid =
	GUID_INIT_TEXT(0x00f771de, 0x1a7e, 0x4fcb, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e);

/*
 * Cut the last entry off @table.  A length of 0 would keep a careless reader in place for ever.
 * Returns 0, or -EBADMSG with nothing changed.
 */
static int take_last(struct bytes *table, struct guid *ret_guid, struct bytes *ret_data)
{
	const uint8_t *end = table->p + table->len;
	size_t entry_len;

	if (table->len < ENTRY_TAIL_LEN)
		return -EBADMSG;
	entry_len = get_u16le(end - ENTRY_TAIL_LEN);
	if (entry_len < ENTRY_TAIL_LEN || entry_len > table->len)
		return -EBADMSG;

	*ret_guid = guid_at(end - GUID_LEN);
	ret_data->p = end - entry_len;
	ret_data->len = entry_len - ENTRY_TAIL_LEN;
	table->len -= entry_len;
	return 0;
}

/*
 * Find all entries of the table, without the footer, as a cursor that is read from its end.
 * Returns 1 when there is one entry and no footer, 0 with a footer.
 */
static int find_entries(const uint8_t *tail, size_t len, struct bytes *ret)
{
	struct bytes rest = { tail, len }, entries;
	struct guid guid;
	int r;

	if (len < RESET_VECTOR_LEN + ENTRY_TAIL_LEN)
		return -ENOENT;
	rest.len -= RESET_VECTOR_LEN;

	guid = guid_at(rest.p + rest.len - GUID_LEN);
	if (guid_equal(&guid, &ovmf_es_reset_guid)) {
		*ret = rest;
		return 1;
	}
	if (!guid_equal(&guid, &footer_guid))
		return -ENOENT;

	/* The footer is an entry whose data are the other entries. */
	r = take_last(&rest, &guid, &entries);
	if (r < 0)
		return r;
	*ret = entries;
	return 0;
}

int ovmf_table_find(const uint8_t *tail, size_t len, const struct guid *guid, struct bytes *ret)
{
	struct bytes entries, data, found;
	struct guid found_guid;
	bool have = false;
	int r, single;

	single = find_entries(tail, len, &entries);
	if (single < 0)
		return single;
	/* Fewer bytes than the smallest entry are not an entry.  QEMU ignores them too. */
	while (entries.len >= ENTRY_TAIL_LEN) {
		r = take_last(&entries, &found_guid, &data);
		if (r < 0)
			return r;
		if (!have && guid_equal(&found_guid, guid)) {
			found = data;
			have = true;
		}
		if (single)
			break;
	}
	if (!have)
		return -ENOENT;
	*ret = found;
	return 0;
}

static int find_area(const uint8_t *tail, size_t len, const struct guid *guid,
		     struct ovmf_area *ret)
{
	struct ovmf_area area;
	struct bytes data;
	int r;

	r = ovmf_table_find(tail, len, guid, &data);
	if (r < 0)
		return r;
	if (data.len != 8)
		return -EBADMSG;
	area.base = get_u32le(data.p);
	area.size = get_u32le(data.p + 4);
	if (area.base == 0)
		return -ENOENT;
	if (area.size == 0 || area.size - 1 > 0xffffffffu - area.base)
		return -EBADMSG;
	*ret = area;
	return 0;
}

int ovmf_secret_area(const uint8_t *tail, size_t len, struct ovmf_area *ret)
{
	return find_area(tail, len, &ovmf_secret_area_guid, ret);
}

int ovmf_hash_area(const uint8_t *tail, size_t len, struct ovmf_area *ret)
{
	return find_area(tail, len, &ovmf_hash_area_guid, ret);
}

int ovmf_es_reset(const uint8_t *tail, size_t len, uint32_t *ret)
{
	struct bytes data;
	int r;

	r = ovmf_table_find(tail, len, &ovmf_es_reset_guid, &data);
	if (r < 0)
		return r;
	if (data.len != 4)
		return -EBADMSG;
	if (get_u32le(data.p) == 0)
		return -ENOENT;
	*ret = get_u32le(data.p);
	return 0;
}
