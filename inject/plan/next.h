/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_NEXT_H
#define COCO_INJECT_PLAN_NEXT_H

#include "inject/plan/plan.h"

/*
 * The commands of coco-inject that go with a launch, for a shell: what its owner runs before the
 * guest is started, and when it waits.  What only the owner knows, the platform's certificate and
 * the secret, has a name to be replaced.
 *
 * @ret_before and @ret_after are yours; NULL where there is nothing to do.  Returns 0, or -ENOMEM.
 */
int plan_next(const struct plan *p, char **ret_before, char **ret_after);

#endif
