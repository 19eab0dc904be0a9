/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as the name of a sort of machine, as an administrator says it to the broker. */
#include <assert.h>
#include <stdlib.h>

#include "attest/needs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char name[NEEDS_MACHINE_LEN], *text = strndup((const char *)data, len);
	struct needs n = { .n = 0 };

	if (!text)
		return 0;
	if (needs_of_machine(text, &n) == 0) {
		needs_machine(&n, name);
		assert(streq(name, text));
		assert(n.n > 0 && n.n <= NEEDS_MAX && n.vendor);
		for (unsigned i = 0; i < n.n; i++)
			assert(need_is_name(n.list[i].name) && n.list[i].path[0] == '/');
	} else
		assert(n.n == 0);
	free(text);
	return 0;
}
