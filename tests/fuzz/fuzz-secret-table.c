/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the area holds: the walk ends and stays inside, and its results can be built again. */
#include <assert.h>
#include <stdlib.h>

#include "wire/secret-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct secret_table t, again;
	struct secret_entry e, copy;
	uint8_t *rebuilt;
	size_t sum = SECRET_TABLE_HEADER_LEN;
	int r;

	if (len > 65536 || secret_table_open(data, len, &t) < 0)
		return 0;
	rebuilt = malloc(len + 16);
	assert(rebuilt);
	r = secret_table_begin(rebuilt, len + 16);
	assert(r == SECRET_TABLE_HEADER_LEN);

	while ((r = secret_table_next(&t, &e)) > 0) {
		assert(e.data.p == data + e.offset && e.offset <= len &&
		       e.data.len <= len - e.offset);
		sum += SECRET_ENTRY_HEADER_LEN + e.data.len;
		r = secret_table_add(rebuilt, len + 16, &e.guid, e.data.p, e.data.len);
		assert(r > 0 || (r == -EINVAL && guid_is_zero(&e.guid)) || r == -EEXIST);
	}
	assert(sum <= len);
	r = secret_table_finish(rebuilt, len + 16);
	assert(r > 0 && r % 16 == 0);

	/* Read the rebuilt table: the walk is the same, without wiped and repeated entries. */
	assert(secret_table_open(rebuilt, (size_t)r, &again) == 0);
	while ((r = secret_table_next(&again, &copy)) > 0)
		assert(!guid_is_zero(&copy.guid));
	assert(r == 0);
	free(rebuilt);
	return 0;
}
