/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "wire/svkl.h"

#define N_KEYS_OFFSET 36
#define TYPE_MAIN_STORAGE 0
#define FORMAT_RAW 0

int svkl_open(const uint8_t *table, size_t len, struct svkl *ret)
{
	uint32_t n;

	if (len < 4 || table[0] != 'S' || table[1] != 'V' || table[2] != 'K' || table[3] != 'L')
		return -ENOENT;
	if (len < SVKL_HEADER_LEN)
		return -EBADMSG;
	n = get_u32le(table + N_KEYS_OFFSET);
	if (n > SVKL_KEYS_MAX)
		return -EMSGSIZE;
	if (n > (len - SVKL_HEADER_LEN) / SVKL_ENTRY_LEN)
		return -EBADMSG;
	ret->entries = table + SVKL_HEADER_LEN;
	ret->n_keys = n;
	return 0;
}

/* Read the key @i by itself, whatever the others are. */
static int read_key(const struct svkl *t, unsigned i, struct svkl_key *ret)
{
	const uint8_t *p = t->entries + i * SVKL_ENTRY_LEN;
	struct svkl_key key = { .len = get_u32le(p + 4), .address = get_u64le(p + 8) };

	if (get_u16le(p) != TYPE_MAIN_STORAGE || get_u16le(p + 2) != FORMAT_RAW)
		return -EOPNOTSUPP;
	if (key.len == 0 || key.len > SVKL_KEY_LEN_MAX)
		return -EMSGSIZE;
	if (key.address == 0 || key.len - 1 > ~key.address)
		return -EBADMSG;
	*ret = key;
	return 0;
}

/* Compare the last bytes: the byte behind them may be past the end of all addresses. */
static bool overlap(const struct svkl_key *a, const struct svkl_key *b)
{
	return a->address <= b->address + (b->len - 1) && b->address <= a->address + (a->len - 1);
}

int svkl_key(const struct svkl *t, unsigned i, struct svkl_key *ret)
{
	struct svkl_key key, other;
	int r;

	r = read_key(t, i, &key);
	if (r < 0)
		return r;
	for (unsigned k = 0; k < t->n_keys; k++)
		if (k != i && read_key(t, k, &other) == 0 && overlap(&key, &other))
			return -ENOTUNIQ;
	*ret = key;
	return 0;
}
