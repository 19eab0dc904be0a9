/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>

#include "inject/plan/nodes.h"

#include <cmocka.h>

#define NODES 24

/* @n nodes of @free bytes and one CPU each, 10 from themselves and 20 from the others. */
static void make_host(struct host *h, struct host_node *nodes, uint8_t *distance, size_t n,
		      uint64_t free)
{
	*h = (struct host){ .nodes = nodes, .n_nodes = n, .distance = distance };
	for (size_t i = 0; i < n; i++) {
		nodes[i] = (struct host_node){ .id = (unsigned)i };
		nodes[i].memory = (struct node_memory){ free, free };
		nodes[i].cpus.n = 1;
		nodes[i].cpus.bits[0] = UINT64_C(1) << i;
		for (size_t k = 0; k < n; k++)
			distance[i * n + k] = i == k ? 10 : 20;
	}
}

static void test_smallest(void **state)
{
	static struct host_node nodes[NODES];
	uint8_t distance[NODES * NODES];
	struct node_choice c;
	struct host h;

	(void) state;
	/* Both ways of choosing: all sets, and sets that grow. */
	for (size_t n = 4; n <= NODES; n += 20) {
		make_host(&h, nodes, distance, n, 100);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 100 }, &c), 0);
		assert_int_equal(c.n, 1);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 101 }, &c), 0);
		assert_int_equal(c.n, 2);
		assert_int_equal(c.cpus.n, 2);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .cpus = 3 }, &c), 0);
		assert_int_equal(c.n, 3);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 100 * n }, &c), 0);
		assert_int_equal(c.n, n);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 100 * n + 1 }, &c),
				 -ENOSPC);
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .cpus = n + 1 }, &c),
				 -ENOSPC);
	}
}

static void test_nearest(void **state)
{
	static struct host_node nodes[NODES];
	uint8_t distance[NODES * NODES];
	struct node_choice c;
	struct host h;

	(void) state;
	for (size_t n = 4; n <= NODES; n += 20) {
		make_host(&h, nodes, distance, n, 100);
		distance[1 * n + 3] = distance[3 * n + 1] = 11;
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 200 }, &c), 0);
		assert_int_equal(c.n, 2);
		assert_true(c.member[1] && c.member[3]);
		/* Without distances any two will do. */
		h.distance = NULL;
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 200 }, &c), 0);
		assert_int_equal(c.n, 2);
		/* One that is enough is better than two that are near. */
		h.distance = distance;
		nodes[2].memory.free = 200;
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 200 }, &c), 0);
		assert_int_equal(c.n, 1);
		assert_true(c.member[2]);
		/* A node that has as much as is needed is better than one that has more. */
		nodes[1].memory.free = 201;
		assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = 200 }, &c), 0);
		assert_true(c.member[2]);
	}
}

static void test_pages(void **state)
{
	static struct host_node nodes[NODES];
	uint8_t distance[NODES * NODES];
	struct node_need need = { .page = HOST_PAGE_1G, .pages = 4 };
	struct node_choice c, all;
	const char *what;
	struct host h;

	(void) state;
	make_host(&h, nodes, distance, 2, 100);
	nodes[0].free_pages[HOST_PAGE_2M] = 1000;
	nodes[1].free_pages[HOST_PAGE_1G] = 4;
	assert_int_equal(nodes_choose(&h, &need, &c), 0);
	assert_true(c.n == 1 && c.member[1]);
	need.free = 101;
	assert_int_equal(nodes_choose(&h, &need, &c), 0);
	assert_int_equal(c.n, 2);
	need.pages = 5;
	assert_int_equal(nodes_choose(&h, &need, &c), -ENOSPC);
	nodes_all(&h, &all);
	assert_false(nodes_suffice(&h, &all, &need, &what));
	assert_string_equal(what, "free huge pages");
}

static void test_overflow(void **state)
{
	static struct host_node nodes[NODES];
	uint8_t distance[NODES * NODES];
	struct node_choice c;
	struct host h;

	(void) state;
	make_host(&h, nodes, distance, 3, UINT64_MAX / 2 + 1);
	/* Two such nodes have more than 64 bits can say, and not nothing. */
	assert_int_equal(nodes_choose(&h, &(struct node_need){ .free = UINT64_MAX }, &c), 0);
	assert_int_equal(c.n, 2);
	/* The distances of as many nodes as there can be fit into the sum. */
	static_assert((uint64_t)HOST_NODES_MAX * HOST_NODES_MAX * UINT8_MAX <= UINT32_MAX,
		      "the span of all nodes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
