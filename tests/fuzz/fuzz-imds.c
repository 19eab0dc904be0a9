/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a metadata service answers: the result is texts of a limited length, a quote of
 * limited length, or nothing.
 */
#include <assert.h>

#include "attest/gather/imds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char vcek[IMDS_PEM_MAX], chain[IMDS_PEM_MAX];
	static uint8_t quote[IMDS_QUOTE_MAX];
	struct bytes json = { data, len };
	size_t n = IMDS_QUOTE_MAX + 1;

	if (imds_read_certification(json, vcek, chain) == 0)
		assert(memchr(vcek, 0, sizeof(vcek)) && memchr(chain, 0, sizeof(chain)) &&
		       strlen(vcek) < len && strlen(chain) < len);
	if (imds_read_quote(json, quote, &n) == 0)
		assert(n <= sizeof(quote));
	else
		assert(n == IMDS_QUOTE_MAX + 1);
	return 0;
}
