/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text in a record's .probe is read within bounds, and what comes back is a short C string. */
#include <assert.h>

#include "doctor/probe-text.h"
#include "doctor/qmp-text.h"
#include "doctor/xl-text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_numbers(const char *text)
{
	struct cpuid_regs regs;
	uint64_t value;
	int64_t cap = 0;
	struct file_rights rights;
	bool has;

	(void) probe_cpuid(text, 0, 0, &regs);
	(void) probe_cpuid(text, 0x8000001f, 0, &regs);
	if (probe_rights(text, "/etc/cocod", &rights) == PROBE_SAYS)
		assert(rights.mode <= 07777777);
	if (qmp_cpu_max(text, &value) == 0)
		assert(value > 0 && value <= INT64_MAX);
	(void) probe_token(text, "coco", "/run/cocod.headers/data.hdr", &has);
	(void) probe_msr(text, 0xc0010131, &value);
	for (int vm = 0; vm < 2; vm++)
		if (probe_kvm_cap(text, 235, vm, &cap) == PROBE_SAYS)
			assert(cap >= 0 && cap <= UINT32_MAX);
}

static void read_texts(const char *text, size_t len)
{
	char word[16], line[64];
	size_t from = 0, next;

	if (probe_kvm_value(text, "hlt", word, sizeof(word)) == PROBE_SAYS)
		assert(strlen(word) < sizeof(word));
	if (xl_info(text, "xen_scheduler", word, sizeof(word)) == PROBE_SAYS)
		assert(strlen(word) < sizeof(word) && !strchr(word, '\n'));
	if (xl_build(text, "CONFIG_PV", word, sizeof(word)) == PROBE_SAYS)
		assert(strlen(word) < sizeof(word) && !strchr(word, '\n'));
	while ((next = probe_kmsg(text, len, from, "SEV", line, sizeof(line))) != 0) {
		assert(next > from && next <= len + 1 && strlen(line) < sizeof(line) &&
		       strstr(line, "SEV"));
		from = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	assert(text);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	read_texts(text, len);
	read_numbers(text);
	free(text);
	return 0;
}
