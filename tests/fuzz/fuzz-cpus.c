/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any text as numbers of CPUs, as a signature and as a model's name.  A set has the numbers that
 * it says it has, and no two sets of parts give the same signature.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/launch/vmsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_counts(const char *text)
{
	struct vcpu_counts c;
	size_t n = 0;

	if (vcpu_counts_parse(text, &c) < 0)
		return;
	for (size_t i = 0; i <= VCPUS_MAX; i++) {
		if (!vcpu_counts_has(&c, i))
			continue;
		assert(i >= c.least && i <= c.most);
		n++;
	}
	assert(n > 0 && n == c.n && c.least > 0);
	assert(vcpu_counts_has(&c, c.least) && vcpu_counts_has(&c, c.most));
}

static void check_signature(const char *text)
{
	uint32_t signature, again, family, model;
	char parts[64];

	if (cpu_signature_parse(text, &signature) < 0 || !strchr(text, '/'))
		return;
	family = (signature >> 8 & 15) + (signature >> 20 & 255);
	model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
	snprintf(parts, sizeof(parts), "%u/%u/%u", family, model, signature & 15);
	assert(cpu_signature_parse(parts, &again) == 0 && again == signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	uint32_t signature;

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	check_counts(text);
	check_signature(text);
	(void) cpu_type_signature(text, &signature);
	free(text);
	return 0;
}
