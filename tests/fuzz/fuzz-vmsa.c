/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VMSA pages of any bytes; the first byte says how many CPUs there are.  Measuring with the given
 * pages, the last of which is for all further CPUs, is the same as measuring with a page for each
 * CPU.  No byte past a page is read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "inject/launch/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MAX_VCPUS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t firmware[4096];
	uint8_t short_digest[LAUNCH_DIGEST_MAX], long_digest[LAUNCH_DIGEST_MAX], *given, *all;
	struct launch l = { .tech = TECH_SEV_ES, .firmware = { firmware, sizeof(firmware) } };
	size_t n_pages = len / VMSA_LEN + 1, n_vcpus;

	if (len == 0 || n_pages > MAX_VCPUS)
		return 0;
	n_vcpus = n_pages + data[0] % MAX_VCPUS;
	given = calloc(n_pages, VMSA_LEN);
	all = calloc(n_vcpus, VMSA_LEN);
	assert(given && all);
	memcpy(given, data, len);
	for (size_t i = 0; i < n_vcpus; i++)
		memcpy(all + i * VMSA_LEN, given + (i < n_pages ? i : n_pages - 1) * VMSA_LEN,
		       VMSA_LEN);

	l.n_vcpus = n_vcpus;
	l.pages = given;
	l.n_pages = n_pages;
	assert(launch_digest(&l, short_digest) == 0);
	l.pages = all;
	l.n_pages = n_vcpus;
	assert(launch_digest(&l, long_digest) == 0);
	assert(memcmp(short_digest, long_digest, launch_digest_len(&l)) == 0);
	free(given);
	free(all);
	return 0;
}
