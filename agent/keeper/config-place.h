/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_PLACE_H
#define COCO_AGENT_KEEPER_CONFIG_PLACE_H

#include "agent/keeper/config-options.h"
#include "secrets/policy.h"

/*
 * The options Keyring...= and File...= of a file in secrets.d; secrets/place-rules.h has their
 * values.  The target of each is a struct secret_policy.
 */
int config_take_keyring_type(struct config_value *v);
int config_take_keyring_description(struct config_value *v);
int config_take_keyring_owner(struct config_value *v);
int config_take_keyring_permissions(struct config_value *v);
int config_take_keyring_expiry(struct config_value *v);
int config_take_file_owner(struct config_value *v);
int config_take_file_group(struct config_value *v);
int config_take_file_mode(struct config_value *v);

/*
 * Complete the rules of @p, whose file is @v->file, and check that they and Consumers= belong
 * together.  @keyring_given and @file_given: the file has one of those options.  Errors are logged
 * and counted.
 */
void config_check_places(const struct config_value *v, struct secret_policy *p, bool keyring_given,
			 bool file_given);

#endif
