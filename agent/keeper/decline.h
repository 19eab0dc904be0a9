/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_DECLINE_H
#define COCO_AGENT_KEEPER_DECLINE_H

#include "agent/keeper/delivery.h"

/*
 * End without a key: log why, and end as by delivery_refuse(), now or when the header of its
 * volume has been judged.
 * The caller has nothing more to do with @d.
 */
void delivery_decline(struct delivery *d, const char *format, ...) _printf_(2, 3);

#endif
