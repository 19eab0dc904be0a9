/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever is in /proc/config.gz of a record: a C string within the limit, or nothing. */
#include "doctor/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = NULL;

	if (inflate_text(data, len, 10000, &text) == 0 ? strlen(text) > 10000 : text != NULL)
		abort();
	free(text);
	return 0;
}
