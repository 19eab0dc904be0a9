/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_PARSE_TREE_H
#define COCO_INJECT_PLAN_PARSE_TREE_H

#include "base/macro.h"

/*
 * The texts of a host's /sys.  They may be anybody's: a tree can come with a report.  All return 0,
 * or -EBADMSG for a text that the kernel would not write; @ret is written on success only.
 */

/* Numbers of CPUs are below this, as in every kernel of a distribution. */
#define TREE_CPUS_MAX 8192

struct cpu_set {
	uint64_t bits[TREE_CPUS_MAX / 64];
	size_t n;
};

/* "0-3,8": ascending, none twice.  An empty text is the empty set. */
int tree_parse_cpulist(const char *text, struct cpu_set *ret);

/* Write @set as tree_parse_cpulist() takes it, cut to @size.  Returns false when it was cut. */
bool cpu_set_print(const struct cpu_set *set, char *ret, size_t size);

/* Add @more to @set.  Returns false if a CPU is in both; @set has those before it. */
bool cpu_set_add(struct cpu_set *set, const struct cpu_set *more);

struct node_memory {
	uint64_t total, free;	/* bytes */
};

/* MemTotal and MemFree of a node's meminfo, each of which must stand there once. */
int tree_parse_meminfo(const char *text, struct node_memory *ret);

/*
 * A node's distances to @n nodes, one number of 1 to 255 each.  @ret takes @n.
 */
int tree_parse_distance(const char *text, size_t n, uint8_t *ret);

/*
 * The value of @key in the lines "KEY VALUE" of misc.capacity or misc.current.  "max" is
 * UINT64_MAX.  Returns 0 with 0 in @ret if there is no such key: the kernel writes no zeros.
 */
int tree_parse_misc(const char *text, const char *key, uint64_t *ret);

/* A number alone on its line. */
int tree_parse_number(const char *text, uint64_t *ret);

/* A module's parameter: Y, N, 1 or 0. */
int tree_parse_bool(const char *text, bool *ret);

/*
 * "64G": a number and K, M, G or T.  A number without a unit is refused, because QEMU takes it for
 * MiB and libvirt for KiB.  Returns -ERANGE over 64 bits, and for 0.
 */
int plan_parse_size(const char *text, uint64_t *ret_bytes);

#endif
