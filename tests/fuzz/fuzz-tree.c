/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as each file of a host's tree.  A set of CPUs that is printed reads as the same one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "inject/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_cpulist(const char *text)
{
	static char printed[PLAN_LIST_LEN];
	struct cpu_set set, again;

	if (tree_parse_cpulist(text, &set) < 0)
		return;
	/* No list is too long: every second CPU is the longest. */
	assert(cpu_set_print(&set, printed, sizeof(printed)));
	assert(tree_parse_cpulist(printed, &again) == 0);
	assert(set.n == again.n && memcmp(set.bits, again.bits, sizeof(set.bits)) == 0);
	assert(set.n == 0 || !cpu_set_add(&set, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct node_memory m;
	uint8_t distance[3];
	uint64_t n;
	bool b;

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	check_cpulist(text);
	if (tree_parse_meminfo(text, &m) == 0)
		assert(m.free <= m.total);
	if (tree_parse_distance(text, 3, distance) == 0)
		assert(distance[0] && distance[1] && distance[2]);
	(void) tree_parse_number(text, &n);
	(void) tree_parse_bool(text, &b);
	(void) tree_parse_misc(text, "sev", &n);
	if (plan_parse_size(text, &n) == 0)
		assert(n > 0 && n % 1024 == 0);
	free(text);
	return 0;
}
