/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tests/run/plan has the decisions; here is what a program cannot be asked for. */
#include <setjmp.h>
#include <stdarg.h>

#include "inject/plan/flags.h"

#include <cmocka.h>

#define GIB (UINT64_C(1) << 30)

static struct host_node node;

static struct host ready(void)
{
	node = (struct host_node){ .memory = { 64 * GIB, 64 * GIB } };
	assert_int_equal(tree_parse_cpulist("0-15", &node.cpus), 0);
	return (struct host){
		.nodes = &node,
		.n_nodes = 1,
		.n_present_cpus = 16,
		.dev_kvm = ANSWER_YES,
		.dev_sev = ANSWER_YES,
		.sev = ANSWER_YES,
		.sev_es = ANSWER_YES,
		.sev_snp = ANSWER_YES,
		.tdx = ANSWER_YES,
		.sev_asids = { true, true, 10, 0 },
		.sev_es_asids = { true, true, 10, 0 },
		.tdx_keys = { true, true, 10, 0 },
		.kvm_known = true,
		.max_vcpus = 4096,
		.max_vcpu_id = 4096,
		.vm_types = 0x3d,
		.machine_vcpus = 4096,
		.cpuid_known = true,
		.is_amd = true,
		.signature = 0xa00f11,
		.cbit = 51,
	};
}

static struct plan_want small(enum tech tech)
{
	return (struct plan_want){
		.tech = tech,
		.name = "vm",
		.memory = GIB,
		.vcpus = 2,
		.sockets = 1,
		.firmware = "fw",
		.policy = tech == TECH_SNP ? 0x30000 : tech == TECH_SEV_ES ? 0xf : 0xb,
	};
}

/* A host that is ready has nothing to warn of; and each fact alone, unknown or no, is noticed. */
static void test_each_fact(void **state)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct plan_want want = small(TECH_SNP);
	struct host h = ready();

	(void) state;
	assert_non_null(p);
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 0);
	assert_int_equal(p->warnings.n, 0);
	assert_true(p->pinned);
	for (size_t i = 0; i < 3; i++)
		for (enum answer a = ANSWER_UNKNOWN; a <= ANSWER_ABSENT; a++) {
			h = ready();
			*(enum answer *[]){ &h.sev, &h.sev_es, &h.sev_snp }[i] = a;
			plan_make(&want, &h, p);
			assert_int_equal(p->refusals.n, a == ANSWER_NO || a == ANSWER_ABSENT);
			assert_int_equal(p->warnings.n, a == ANSWER_UNKNOWN);
		}
	h = (struct host){ .n_nodes = 0 };
	want.cbit = 51;
	plan_make(&want, &h, p);
	/* Nothing is known: nothing is refused for it, and all of it is said. */
	assert_int_equal(p->refusals.n, 0);
	assert_true(p->warnings.n >= 6);
	free(p);
}

static void test_asids(void **state)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct plan_want want = small(TECH_SEV);
	struct host h = ready();

	(void) state;
	assert_non_null(p);
	h.sev_asids.used = 9;
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 0);
	h.sev_asids.used = 10;
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 1);
	/* A host that says nonsense has none left. */
	h.sev_asids.used = UINT64_MAX;
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 1);
	free(p);
}

/* The most that can be asked for is planned without an overflow. */
static void test_extremes(void **state)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct plan_want want = small(TECH_SNP);
	struct host h = ready();

	(void) state;
	assert_non_null(p);
	want.memory = UINT64_MAX & ~((UINT64_C(1) << 20) - 1);
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 1);
	node.memory.total = node.memory.free = UINT64_MAX;
	plan_make(&want, &h, p);
	/* What QEMU needs besides does not wrap around to nothing. */
	assert_true(p->refusals.n == 0 && p->pinned);
	node.memory.free = want.memory;
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 1);

	want = small(TECH_SEV);
	want.vcpus = 65536;
	want.sockets = 64;
	h = ready();
	h.max_vcpus = h.max_vcpu_id = h.machine_vcpus = UINT64_MAX;
	plan_make(&want, &h, p);
	assert_int_equal(p->refusals.n, 0);
	assert_int_equal(p->vcpus, 65536);
	h.max_vcpu_id = 1;
	plan_make(&want, &h, p);
	assert_int_equal(p->vcpus, 0);
	assert_int_equal(p->refusals.n, 1);
	free(p);
}

static void test_notes(void **state)
{
	struct plan_notes *notes = calloc(1, sizeof(*notes));

	(void) state;
	assert_non_null(notes);
	for (size_t i = 0; i < PLAN_NOTES_MAX + 3; i++)
		plan_note(notes, "%zu %0600d", i, 0);
	assert_int_equal(notes->n, PLAN_NOTES_MAX);
	assert_int_equal(strlen(notes->text[PLAN_NOTES_MAX - 1]), PLAN_NOTE_LEN - 1);
	assert_memory_equal(notes->text[0], "0 ", 2);
	free(notes);
}

/* Each format writes each technology that it may, and every flag has a reason without "--". */
static void test_formats(void **state)
{
	struct plan *p = calloc(1, sizeof(*p));

	(void) state;
	assert_non_null(p);
	for (enum tech tech = TECH_SEV; tech <= PLAN_TECH_NONE; tech++)
		for (enum plan_format format = PLAN_QEMU; format <= PLAN_XL; format++) {
			struct plan_want want = small(tech);
			struct host h = ready();
			struct plan_flags flags;
			char *text = NULL;

			want.format = format;
			want.kernel = "k";
			want.initrd = "i";
			want.cmdline = "c";
			want.dh_cert = want.session = "QQ==";
			want.page_size = tech == PLAN_TECH_NONE ? 0 : UINT64_C(1) << 21;
			want.vcpus = 300;
			if (tech == PLAN_TECH_NONE)
				want.firmware = NULL;
			if (tech == TECH_TDX) {
				h.is_amd = false;
				h.is_intel = true;
				h.n_present_cpus = 4096;
			}
			node.free_pages[HOST_PAGE_2M] = 512;
			plan_make(&want, &h, p);
			/* Xen's guests are planned for xl, and nothing else is. */
			if ((format == PLAN_XL) != (tech == PLAN_TECH_NONE)) {
				assert_int_equal(p->refusals.n, 1);
				continue;
			}
			assert_int_equal(p->refusals.n, 0);
			assert_int_equal(plan_flags_make(p, &flags), 0);
			for (size_t i = 0; i < flags.n; i++) {
				assert_true(strlen(flags.items[i].why) > 3);
				assert_null(strstr(flags.items[i].why, "--"));
			}
			assert_int_equal(plan_flags_print(p, &flags, true, &text), 0);
			assert_non_null(strstr(text, format == PLAN_QEMU ? "qemu-system-x86_64" :
						     format == PLAN_XL	 ? "pvh" :
									   "</domain>"));
			free(text);
			plan_flags_done(&flags);
		}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fact), cmocka_unit_test(test_asids),
		cmocka_unit_test(test_extremes),  cmocka_unit_test(test_notes),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
