/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "wire/secret-table.h"

#define TABLE_LEN_OFFSET GUID_LEN
#define TABLE_MAX_LEN 0x7ffffff0u	/* lengths are returned as int */

const struct guid secret_table_guid =
	GUID_INIT_TEXT(0x1e74f542, 0x71dd, 0x4d66, 0x96, 0x3e, 0xef, 0x42, 0x87, 0xff, 0x17, 0x3b);

const struct guid secret_luks_guid =
	GUID_INIT_TEXT(0x736869e5, 0x84f0, 0x4973, 0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3, 0xda, 0x0b);

static void put_bytes(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i];
}

int secret_table_open(const uint8_t *area, size_t area_len, struct secret_table *ret)
{
	struct guid guid;
	uint32_t len;

	if (area_len < GUID_LEN)
		return -ENOENT;
	guid = guid_at(area);
	if (!guid_equal(&guid, &secret_table_guid))
		return -ENOENT;
	if (area_len < SECRET_TABLE_HEADER_LEN)
		return -EBADMSG;
	len = get_u32le(area + TABLE_LEN_OFFSET);
	if (len < SECRET_TABLE_HEADER_LEN || len > area_len)
		return -EBADMSG;

	ret->area = area;
	ret->rest.p = area + SECRET_TABLE_HEADER_LEN;
	ret->rest.len = len - SECRET_TABLE_HEADER_LEN;
	return 0;
}

int secret_table_next(struct secret_table *t, struct secret_entry *ret)
{
	struct bytes entry = t->rest;
	uint32_t len;

	/* Padding is too short for an entry, or is an entry's header of zeros. */
	if (entry.len < SECRET_ENTRY_HEADER_LEN)
		return bytes_all_zero(&entry) ? 0 : -EBADMSG;
	ret->guid = guid_at(entry.p);
	len = get_u32le(entry.p + GUID_LEN);
	if (len == 0 && guid_is_zero(&ret->guid))
		return bytes_all_zero(&entry) ? 0 : -EBADMSG;
	if (len < SECRET_ENTRY_HEADER_LEN || len > entry.len)
		return -EBADMSG;

	ret->data.p = entry.p + SECRET_ENTRY_HEADER_LEN;
	ret->data.len = len - SECRET_ENTRY_HEADER_LEN;
	ret->offset = (size_t)(ret->data.p - t->area);
	(void) bytes_skip(&t->rest, len);
	return 1;
}

int secret_table_begin(uint8_t *buf, size_t size)
{
	if (size < SECRET_TABLE_HEADER_LEN)
		return -EMSGSIZE;
	put_bytes(buf, secret_table_guid.b, GUID_LEN);
	put_u32le(buf + TABLE_LEN_OFFSET, SECRET_TABLE_HEADER_LEN);
	return SECRET_TABLE_HEADER_LEN;
}

int secret_table_add(uint8_t *buf, size_t size, const struct guid *guid, const uint8_t *data,
		     size_t len)
{
	uint32_t table_len = get_u32le(buf + TABLE_LEN_OFFSET);
	struct secret_entry entry;
	struct secret_table t;
	uint8_t *p = buf + table_len;
	int r;

	if (guid_is_zero(guid))
		return -EINVAL;
	r = secret_table_open(buf, table_len, &t);
	if (r < 0)
		return r;
	while ((r = secret_table_next(&t, &entry)) > 0)
		if (guid_equal(&entry.guid, guid))
			return -EEXIST;
	if (r < 0)
		return r;
	if (size > TABLE_MAX_LEN)
		size = TABLE_MAX_LEN;
	if (table_len > size || len > size || size - table_len < SECRET_ENTRY_HEADER_LEN ||
	    size - table_len - SECRET_ENTRY_HEADER_LEN < len)
		return -EMSGSIZE;

	put_bytes(p, guid->b, GUID_LEN);
	put_u32le(p + GUID_LEN, (uint32_t)(SECRET_ENTRY_HEADER_LEN + len));
	put_bytes(p + SECRET_ENTRY_HEADER_LEN, data, len);
	table_len += (uint32_t)(SECRET_ENTRY_HEADER_LEN + len);
	put_u32le(buf + TABLE_LEN_OFFSET, table_len);
	return (int)table_len;
}

int secret_table_finish(uint8_t *buf, size_t size)
{
	uint32_t table_len = get_u32le(buf + TABLE_LEN_OFFSET);
	uint32_t padded = (table_len + 15) & ~15u;

	if (padded > size)
		return -EMSGSIZE;
	for (uint32_t i = table_len; i < padded; i++)
		buf[i] = 0;
	return (int)padded;
}
