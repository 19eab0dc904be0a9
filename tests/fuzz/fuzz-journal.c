/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A journal of any bytes gives records that are safe to use, each GUID once. */
#include <assert.h>
#include <stdlib.h>

#include "secrets/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct journal_record *list;
	size_t n;

	if (len > 65536 || journal_parse(data, len, &list, &n) == -ENOMEM)
		return 0;
	assert(n <= len / sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		assert(list[i].state < _SECRET_STATE_MAX);
		assert(strlen(list[i].source) < sizeof(list[i].source));
		assert(strlen(list[i].delivered_to) < sizeof(list[i].delivered_to));
		for (size_t j = 0; j < i; j++)
			assert(!guid_equal(&list[i].guid, &list[j].guid));
	}
	free(list);
	return 0;
}
