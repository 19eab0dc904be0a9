/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_HOST_H
#define COCO_INJECT_PLAN_HOST_H

#include "base/cause.h"
#include "inject/plan/parse-tree.h"

/*
 * What a launch is planned for: the host's nodes, and what its processor and KVM can do.  What
 * could not be read is unknown, and not "no".
 */

#define HOST_NODES_MAX 1024	/* the most that Linux has */

enum answer {
	ANSWER_UNKNOWN,
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_ABSENT,	/* the module is not loaded, or has no such parameter */
};

enum host_page {
	HOST_PAGE_2M,
	HOST_PAGE_1G,
	_HOST_PAGE_MAX,
};

struct host_node {
	unsigned id;
	struct node_memory memory;
	uint64_t free_pages[_HOST_PAGE_MAX];
	struct cpu_set cpus;
};

/* ASIDs or KeyIDs. */
struct host_supply {
	bool known, used_known;
	uint64_t capacity, used;
};

struct host {
	struct host_node *nodes;	/* in the order of their ids; none: unknown */
	size_t n_nodes;
	uint8_t *distance;		/* n_nodes * n_nodes; NULL: unknown */
	size_t n_present_cpus;		/* 0: unknown */

	enum answer dev_kvm, dev_sev;
	enum answer sev, sev_es, sev_snp, tdx;	/* parameters of kvm_amd and kvm_intel */
	struct host_supply sev_asids, sev_es_asids, tdx_keys;

	/* KVM's answers; 0 is "unknown", but for the bits, which kvm_known is for. */
	bool kvm_known;
	uint64_t max_vcpus, max_vcpu_id, vm_types;
	uint64_t machine_vcpus;		/* cpu-max of QEMU's q35; 0: unknown */

	bool cpuid_known, is_amd, is_intel;
	uint32_t signature;		/* CPUID leaf 1, eax */
	unsigned cbit;			/* 0: the processor has none */
};

/*
 * Read the host below @root.  Below "/" the processor and KVM are asked themselves; below any
 * other folder the answers are files in .probe, and nothing outside of @root is read, wherever
 * its symbolic links lead.  @ret is yours for host_done(), also after an error.
 *
 * Returns 0; -ENOENT when there is no such folder; -EBADMSG for a file that the kernel would not
 * write; -EMSGSIZE for one that is too large, or too many nodes; -ENOMEM; -EIO.  Then @why has
 * the cause.
 */
int host_read(const char *root, struct host *ret, struct cause *why);
void host_done(struct host *h);

#endif
