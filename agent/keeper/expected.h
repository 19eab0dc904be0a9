/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_EXPECTED_H
#define COCO_AGENT_KEEPER_EXPECTED_H

#include "agent/keeper/keeper.h"

/*
 * Have judges of headers started before they are asked (spare.h), for volumes whose headers are to
 * be judged and that may get a key.  At the start, those are the closed volumes with a socket of
 * their own among the @n descriptors from @first on, but none whose secret is wiped.  Later they
 * are the closed volumes of secrets that can still be had; where all are open, one judge stands by
 * for the one that is closed and opened again.
 *
 * Returns 0; -ENOMEM; an errno of agent/loop.h.
 */
int expected_open(struct keeper *k, const char *path, int first, unsigned n);

#endif
