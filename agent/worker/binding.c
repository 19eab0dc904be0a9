/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/binding.h"

#include <stdio.h>

#include "base/parse.h"

/* Hexadecimal text, as sha256sum(1) prints it. */
static int hex_digest(const struct bytes *b, const EVP_MD *md,
		      char ret[static 2 * EVP_MAX_MD_SIZE + 1])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(b->p, b->len, digest, NULL, md, NULL) != 1)
		return -ENOMEM;
	format_hex(digest, (size_t)EVP_MD_get_size(md), ret);
	return 0;
}

int binding_digest(const struct bytes *policy, const struct bytes *trust, const EVP_MD *md,
		   uint8_t ret[static EVP_MAX_MD_SIZE])
{
	char first[2 * EVP_MAX_MD_SIZE + 1], second[sizeof(first)],
		text[sizeof(first) + sizeof(second) + 64];
	int n;

	if (!trust)
		return EVP_Digest(policy->p, policy->len, ret, NULL, md, NULL) == 1 ? 0 : -ENOMEM;
	if (hex_digest(policy, md, first) < 0 || hex_digest(trust, md, second) < 0)
		return -ENOMEM;
	n = snprintf(text, sizeof(text), "%s  attest.conf\n%s  attest.trust\n", first, second);
	return EVP_Digest(text, (size_t)n, ret, NULL, md, NULL) == 1 ? 0 : -ENOMEM;
}
