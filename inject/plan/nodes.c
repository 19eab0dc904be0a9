/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/nodes.h"

#define EXHAUSTIVE_MAX 16	/* 65,536 sets */
#define STARTS_MAX 64

static unsigned distance(const struct host *h, size_t a, size_t b)
{
	return h->distance ? h->distance[a * h->n_nodes + b] : 0;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_node(const struct host *h, size_t i, struct node_choice *c)
{
	for (size_t k = 0; k < h->n_nodes; k++)
		if (c->member[k])
			c->span += distance(h, i, k) + distance(h, k, i);
	c->member[i] = true;
	c->n++;
	c->free = add_capped(c->free, h->nodes[i].memory.free);
}

/* What struct node_choice has no sum of: the CPUs, and the huge pages. */
static size_t count_cpus(const struct host *h, const struct node_choice *c)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_nodes; i++)
		if (c->member[i])
			n += h->nodes[i].cpus.n;
	return n;
}

static uint64_t count_pages(const struct host *h, const struct node_choice *c, enum host_page page)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->n_nodes; i++)
		if (c->member[i])
			n = add_capped(n, h->nodes[i].free_pages[page]);
	return n;
}

bool nodes_suffice(const struct host *h, const struct node_choice *choice,
		   const struct node_need *need, const char **ret_what)
{
	*ret_what = NULL;
	if (need->pages > 0 && count_pages(h, choice, need->page) < need->pages)
		*ret_what = "free huge pages";
	else if (choice->free < need->free)
		*ret_what = "free memory";
	else if (count_cpus(h, choice) < need->cpus)
		*ret_what = "CPUs";
	return !*ret_what;
}

static bool is_better(const struct node_choice *a, const struct node_choice *b)
{
	if (b->n == 0 || a->n != b->n)
		return b->n == 0 || a->n < b->n;
	if (a->span != b->span)
		return a->span < b->span;
	return a->free < b->free;
}

static void keep_better(const struct host *h, const struct node_need *need,
			const struct node_choice *c, struct node_choice *best)
{
	const char *what;

	if (c->n > 0 && nodes_suffice(h, c, need, &what) && is_better(c, best))
		*best = *c;
}

static void try_all_sets(const struct host *h, const struct node_need *need,
			 struct node_choice *best)
{
	for (uint32_t set = 1; set < UINT32_C(1) << h->n_nodes; set++) {
		struct node_choice c = { .n = 0 };

		/* Most sets are larger than the best, and need not be summed. */
		if (best->n > 0 && (size_t)__builtin_popcount(set) > best->n)
			continue;
		for (size_t i = 0; i < h->n_nodes; i++)
			if (set >> i & 1)
				add_node(h, i, &c);
		keep_better(h, need, &c, best);
	}
}

/* The node nearest to @from that is not in @c; n_nodes when all are. */
static size_t nearest(const struct host *h, size_t from, const struct node_choice *c)
{
	size_t found = h->n_nodes;

	for (size_t i = 0; i < h->n_nodes; i++)
		if (!c->member[i] &&
		    (found == h->n_nodes || distance(h, from, i) < distance(h, from, found)))
			found = i;
	return found;
}

static void grow_from_each(const struct host *h, const struct node_need *need,
			   struct node_choice *best)
{
	for (size_t from = 0; from < MIN(h->n_nodes, (size_t)STARTS_MAX); from++) {
		struct node_choice c = { .n = 0 };
		const char *what;

		add_node(h, from, &c);
		while (!nodes_suffice(h, &c, need, &what) && (best->n == 0 || c.n < best->n)) {
			size_t next = nearest(h, from, &c);

			if (next == h->n_nodes)
				return;		/* all of them are too few */
			add_node(h, next, &c);
		}
		keep_better(h, need, &c, best);
	}
}

static void collect_cpus(const struct host *h, struct node_choice *c)
{
	for (size_t i = 0; i < h->n_nodes; i++)
		if (c->member[i])
			/* host_read() saw that no CPU is in two nodes. */
			(void) cpu_set_add(&c->cpus, &h->nodes[i].cpus);
}

void nodes_all(const struct host *h, struct node_choice *ret)
{
	*ret = (struct node_choice){ .n = 0 };
	for (size_t i = 0; i < h->n_nodes; i++) {
		ret->member[i] = true;
		ret->n++;
		ret->free = add_capped(ret->free, h->nodes[i].memory.free);
	}
	collect_cpus(h, ret);
}

int nodes_choose(const struct host *h, const struct node_need *need, struct node_choice *ret)
{
	struct node_choice best = { .n = 0 };

	if (h->n_nodes <= EXHAUSTIVE_MAX)
		try_all_sets(h, need, &best);
	else
		grow_from_each(h, need, &best);
	if (best.n == 0)
		return -ENOSPC;
	collect_cpus(h, &best);
	*ret = best;
	return 0;
}
