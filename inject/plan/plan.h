/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_PLAN_H
#define COCO_INJECT_PLAN_PLAN_H

#include <stdio.h>

#include "inject/launch/digest.h"
#include "inject/plan/nodes.h"
#include "inject/plan/notes.h"

/*
 * A guest's launch, planned without I/O: what it is to have and what the host has go in; numbers,
 * warnings and refusals come out.  A format then writes it down (inject/plan/flags.h).
 */

#define PLAN_TECH_NONE _TECH_MAX	/* a Xen guest, which nothing protects */

enum plan_format {
	PLAN_QEMU,
	PLAN_LIBVIRT,
	PLAN_XL,
};

/* What is asked for.  All is borrowed; texts may be anything. */
struct plan_want {
	enum tech tech;
	enum plan_format format;
	const char *name;		/* name_is_valid() */
	uint64_t memory;		/* bytes */
	uint64_t vcpus, sockets;	/* 1 or more */
	uint64_t page_size;		/* bytes; 0: no huge pages */
	bool unpinned;
	bool only_utf8;			/* the texts are for JSON */
	const char *firmware;		/* NULL but for xl: never */
	const char *kernel, *initrd, *cmdline;	/* or NULL */
	uint64_t policy;		/* of the guest; not TDX */
	bool allow_debug;
	const char *cpu;		/* QEMU's model; NULL: by the host's processor */
	unsigned cbit;			/* 0: by the host's processor */
	const char *dh_cert, *session;	/* base64, for libvirt */
};

/* What the number of vCPUs is limited by. */
enum plan_limit {
	PLAN_LIMIT_KVM,			/* KVM_CAP_MAX_VCPUS */
	PLAN_LIMIT_KVM_ID,		/* KVM_CAP_MAX_VCPU_ID */
	PLAN_LIMIT_MACHINE,		/* cpu-max of the machine type */
	PLAN_LIMIT_TDX,			/* the host's CPUs */
	PLAN_LIMIT_MEASURED,		/* what coco-inject measures */
	_PLAN_LIMIT_MAX,
};

/* How it is called in JSON, and for people. */
const char *plan_limit_name(enum plan_limit limit);
const char *plan_limit_text(enum plan_limit limit);

/* The longest list of nodes or CPUs: every second one of all. */
#define PLAN_LIST_LEN (5 * TREE_CPUS_MAX / 2)

struct plan {
	const struct plan_want *want;
	struct plan_notes refusals, warnings;

	uint64_t vcpus;			/* at most those asked for; a multiple of the sockets */
	uint64_t limits[_PLAN_LIMIT_MAX];	/* 0: unknown, or none */
	enum plan_limit binding;	/* which of them made it less; _PLAN_LIMIT_MAX: none */
	bool wide_ids;			/* APIC IDs over 254 */

	const char *cpu;		/* the model, or "host" */
	bool cpu_known;			/* and its CPUID signature */
	uint32_t signature;
	unsigned cbit;

	bool pinned;
	struct node_choice nodes;	/* if it is pinned */
	char node_list[PLAN_LIST_LEN], cpu_list[PLAN_LIST_LEN];
};

/*
 * Plan @want for @h.  With a refusal the plan must not be used; @ret has as much of it as there is.
 * @want and @h are borrowed by @ret.
 */
void plan_make(const struct plan_want *want, const struct host *h, struct plan *ret);

static inline bool plan_is_amd(const struct plan *p)
{
	return p->want->tech <= TECH_SNP;
}

/* True for a guest that can be given secrets before it runs. */
static inline bool plan_takes_secrets(const struct plan *p)
{
	return p->want->tech == TECH_SEV || p->want->tech == TECH_SEV_ES;
}

/*
 * True when the guest's private pages are guest_memfd's, and what a memory backend has is the
 * shared half of each.
 */
static inline bool plan_has_private_memory(const struct plan *p)
{
	return p->want->tech == TECH_SNP || p->want->tech == TECH_TDX;
}

#endif
