/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_CHECK_HOST_H
#define COCO_INJECT_PLAN_CHECK_HOST_H

#include "inject/launch/digest.h"
#include "inject/plan/host.h"
#include "inject/plan/notes.h"

/*
 * Refuse guests of @tech where @h's processor, modules, devices, ASIDs or KeyIDs do not allow them,
 * and warn where that is not known.  Returns false for a processor of the other vendor, of which
 * there is nothing more to say.
 */
bool check_host(const struct host *h, enum tech tech, struct plan_notes *refusals,
		struct plan_notes *warnings);

#endif
