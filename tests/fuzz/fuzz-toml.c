/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a text is: its items lie within the store, in the order of their lines, each once. */
#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct toml t = { .n_items = 0 };
	struct cause why = { "" };
	size_t sum = 0;
	int r;

	r = toml_read((const char *)data, len, &t, &why);
	if (r < 0) {
		assert(r == -EBADMSG || r == -EMSGSIZE);
		assert(why.text[0]);
		return 0;
	}
	assert(t.n_items <= TOML_ITEMS_MAX);
	for (size_t i = 0; i < t.n_items; i++) {
		const struct toml_item *item = &t.items[i];

		assert(item->line >= (i ? t.items[i - 1].line : 1));
		if (!item->key) {
			assert(item->table[0] && toml_has_table(&t, item->table));
			sum += strlen(item->table) + 1;
			continue;
		}
		assert(toml_find(&t, item->table, item->key) == item->value);
		sum += strlen(item->key) + strlen(item->value) + 2;
	}
	assert(sum <= len + 1);
	toml_done(&t);
	return 0;
}
