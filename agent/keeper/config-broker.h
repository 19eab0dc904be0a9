/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_BROKER_H
#define COCO_AGENT_KEEPER_CONFIG_BROKER_H

#include "agent/keeper/broker-settings.h"
#include "agent/keeper/config-options.h"

/*
 * Read broker.conf with its drop-ins, and the file that Identity= or Authority= names, below
 * @root.  Without broker.conf and drop-ins there is no broker, and @ret is all zero.  Errors are
 * logged and counted in @errors.  Pass @ret to broker_settings_done().
 */
void broker_settings_read(const struct config_root *root, struct config_errors *errors,
			  struct broker_settings *ret);
void broker_settings_done(struct broker_settings *b);

#endif
