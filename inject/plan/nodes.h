/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_NODES_H
#define COCO_INJECT_PLAN_NODES_H

#include "inject/plan/host.h"

/* What a guest needs of the nodes that it is pinned to. */
struct node_need {
	uint64_t free;			/* bytes of ordinary memory */
	enum host_page page;
	uint64_t pages;			/* huge pages of that size; 0: none */
	size_t cpus;
};

struct node_choice {
	bool member[HOST_NODES_MAX];	/* by the index in struct host */
	size_t n;
	unsigned span;			/* the sum of the distances between them, or 0 */
	uint64_t free;			/* bytes */
	struct cpu_set cpus;
};

/*
 * The smallest set of @h's nodes with all that @need says; of several, the one whose nodes are the
 * nearest to each other, and then the one with the least memory free.  Up to 16 nodes all sets
 * are tried.  With more, sets grow from each of the first 64 nodes to its nearest ones, and the
 * smallest of those counts.
 *
 * Returns 0, or -ENOSPC when all nodes together have too little.
 */
int nodes_choose(const struct host *h, const struct node_need *need, struct node_choice *ret);

/* All nodes of @h together. */
void nodes_all(const struct host *h, struct node_choice *ret);

/* Whether @choice has what @need says.  If not, @ret_what says of what it has too little. */
bool nodes_suffice(const struct host *h, const struct node_choice *choice,
		   const struct node_need *need, const char **ret_what);

#endif
