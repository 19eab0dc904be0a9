/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_EVIDENCE_CHILD_H
#define COCO_AGENT_KEEPER_EVIDENCE_CHILD_H

#include "agent/loop.h"
#include "attest/gather/provider.h"

/*
 * Asks the TEE for evidence over given report data.  The kernel may take its time, so a child of
 * the keeper asks; the child copies what it gets into a memfd, and looks at nothing.
 */
struct evidence_child;

struct evidence_child_setup {
	struct loop *loop;		/* borrowed */
	const char *root;		/* of the kernel's files; "" */
	uint64_t timeout_usec;		/* 0: the default */

	/* In the child: attest_gather() over the kernel's providers, or a test's. */
	int (*gather)(const struct attest_request *q, struct bundle *ret, struct cause *why);

	/*
	 * In the child, after gather(), whose result is @gathered: 0, or -ENODEV when this machine
	 * has no provider.  Adds to @b what else is wanted.  Returns 0, or a negative errno with
	 * the cause in @why; after -ENODEV the result is left alone.  NULL: nothing is added.
	 */
	int (*add)(void *userdata, int gathered, struct bundle *b, struct cause *why);

	/*
	 * Called once for each evidence_child_ask() that returned 0.  @error 0: there is a pack
	 * (wire/bundle.h), and @type is its BUNDLE_TYPE.  -ENODEV: no provider of the kernel's;
	 * the pack has what add() added, and @why says what is missing.  Another errno: no pack,
	 * and @why says why.  evidence_child_take_pack() takes the pack, the next ask drops it.
	 */
	void (*done)(void *userdata, int error, const char *type, const char *why);
	void *userdata;
};

/* @s is copied; what it points to is borrowed.  @ret is yours.  Returns 0 or -ENOMEM. */
int evidence_child_new(const struct evidence_child_setup *s, struct evidence_child **ret);

/* A child that still works is killed; done() is not called any more. */
struct evidence_child *evidence_child_free(struct evidence_child *c);

/*
 * Ask for evidence over the @len bytes of @report_data, at most REPORT_DATA_LEN.
 *
 * Returns 0; -EBUSY while a child works, or while one that was given up cannot be killed: it is
 * stuck in the kernel, waiting for a TEE, and another would get stuck too; an errno of
 * memfd_create(2), fork(2), pidfd_open(2) or agent/loop.h.
 */
int evidence_child_ask(struct evidence_child *c, const uint8_t *report_data, size_t len);

/* True if evidence_child_ask() would return -EBUSY. */
bool evidence_child_is_busy(const struct evidence_child *c);

/* The memfd of the last pack, which is yours; -EBADF without one. */
int evidence_child_take_pack(struct evidence_child *c);

#endif
